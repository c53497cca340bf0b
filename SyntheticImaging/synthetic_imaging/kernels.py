"""Compiled loops: numba is imported, and a loop compiled, only when the loop is first called.

Compiled code is kept beside the source file; where that folder cannot be written, in the user's cache folder
(numba's choice; the environment variable NUMBA_CACHE_DIR moves it); where neither can be, it lives as long as the
process. A later process then starts without compiling.

    @kernel(parallel=True)
    def add(a, b, out):
        for k in prange(a.shape[0]):
            out[k] = a[k] + b[k]
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Set
from typing import Any, overload

# In a module's globals this stands for numba's parallel range; it is exchanged when the first kernel compiles.
prange = range

# Sums may be reordered and fused; NaN and infinity keep their meaning, so a bad voxel stays visible.
REORDERED = frozenset(("contract", "reassoc", "nsz", "arcp"))

# numba's portable thread pool ends the process when two threads of it start parallel loops at once.
_ONE_PARALLEL_LOOP = threading.Lock()


def _one_word_on_threads() -> None:
    """numba does not read OMP_NUM_THREADS, and its pool changes how many threads PyTorch takes after it: then a program
    kept to one thread has two, which wait for each other busily. So the variable holds for numba too.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if "numba" not in sys.modules and wanted.isdigit() and int(wanted) > 0:
        os.environ.setdefault("NUMBA_NUM_THREADS", str(min(int(wanted), os.cpu_count() or 1)))


class Kernel:
    """A function that numba compiles at its first call. Kernels may call kernels."""

    def __init__(self, function: Callable[..., Any], parallel: bool, fastmath: Set[str], inline: bool) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._options = {
            "nogil": True,
            "parallel": parallel,
            "fastmath": set(fastmath) or False,
            "inline": "always" if inline else "never",
        }
        self._parallel = parallel
        self._compiled: Any = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the compiled loop."""
        if not self._parallel:
            return self.compiled(*arguments)
        with _ONE_PARALLEL_LOOP:
            return self.compiled(*arguments)

    @property
    def compiled(self) -> Any:
        """The numba dispatcher."""
        if self._compiled is None:
            _one_word_on_threads()
            import numba

            names = self._function.__globals__
            if names.get("prange") is range:
                names["prange"] = numba.prange
            try:
                self._compiled = numba.njit(cache=True, **self._options)(self._function)
                _forgive(self._compiled)
            except RuntimeError:  # there is no folder to cache in
                self._compiled = numba.njit(**self._options)(self._function)
        return self._compiled

    @property
    def _numba_type_(self) -> Any:
        """What numba sees when one kernel calls another."""
        import numba

        return numba.typeof(self.compiled)


def _forgive(dispatcher: Any) -> None:
    """Let a full disk or a damaged cache file cost time, not the result."""
    cache: Any = getattr(dispatcher, "_cache", None)
    if not hasattr(cache, "save_overload") or not hasattr(cache, "load_overload"):
        return
    save, load = cache.save_overload, cache.load_overload

    def save_or_not(*arguments: Any) -> None:
        with contextlib.suppress(OSError):
            save(*arguments)

    def load_or_not(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except Exception:  # whatever a damaged file makes the unpickler say: compile again, with a new cache
            with contextlib.suppress(OSError):
                cache.flush()
            return None

    cache.save_overload, cache.load_overload = save_or_not, load_or_not


@overload
def kernel(function: Callable[..., Any]) -> Kernel: ...


@overload
def kernel(
    *, parallel: bool = False, fastmath: Set[str] = frozenset(), inline: bool = False
) -> Callable[[Callable[..., Any]], Kernel]: ...


def kernel(
    function: Callable[..., Any] | None = None,
    *,
    parallel: bool = False,
    fastmath: Set[str] = frozenset(),
    inline: bool = False,
) -> Kernel | Callable[[Callable[..., Any]], Kernel]:
    """Declare a function as a compiled loop; use bare or with options.

    Args:
        function: a function within numba's no-Python subset.
        parallel: whether its ``prange`` loops (`synthetic_imaging.kernels.prange`) run on all cores.
        fastmath: LLVM flags that may be assumed; `REORDERED` is safe for voxels.
        inline: whether numba copies it into its callers.
    """

    def declare(body: Callable[..., Any]) -> Kernel:
        return Kernel(body, parallel, fastmath, inline)

    return declare if function is None else declare(function)

"""A child process whose output is read without blocking, and which can be ended with all it started."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

_LOG_BYTES = 65536
_LINE_BYTES = 1 << 20
VARIABLE = "SYNTHETIC_IMAGING_PYTHON"


def python_executable() -> str:
    """The Python to start jobs with: the variable SYNTHETIC_IMAGING_PYTHON, this Python, or 3D Slicer's PythonSlicer.

    Inside an application that embeds Python, `sys.executable` is the application or nothing at all: 3D Slicer runs its
    Python under a name that is no program. Neither may be started, nor any other "python" that lies on the path.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return chosen
    own = Path(sys.executable or "")
    if _embedded(own):
        import shutil

        # 3D Slicer puts it on the path of its own process.
        found = shutil.which("PythonSlicer")
        if found:
            return found
        for beside in (own.parent, own.parent.parent / "bin"):
            for name in ("PythonSlicer", "PythonSlicer.exe"):
                if sys.executable and (beside / name).is_file():
                    return str(beside / name)
    return str(own) if sys.executable else "python"


def job_environment() -> dict[str, str]:
    """Variables for a job: those of this process.

    3D Slicer's point to its own Python and libraries, with which another Python does not start: one that
    SYNTHETIC_IMAGING_PYTHON names gets what 3D Slicer itself was started with.
    """
    slicer = sys.modules.get("slicer")
    if os.environ.get(VARIABLE) and getattr(slicer, "app", None) is not None:
        startup = getattr(getattr(slicer, "util", None), "startupEnvironment", None)
        with contextlib.suppress(AttributeError):  # an application that imitates 3D Slicer
            return dict(startup()) if startup is not None else dict(os.environ)
    return dict(os.environ)


def _embedded(own: Path) -> bool:
    """Whether this Python runs inside an application: PythonSlicer has the module ``slicer``, but no application."""
    program = getattr(sys.modules.get("slicer"), "app", None) is not None
    name = own.name.lower()
    return program or not sys.executable or ("slicer" in name and not name.startswith("python"))


class ChildProcess:
    """A child with its own process group; lines of its output come by `lines`, the end of its log by `log`."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        # Imported here: a panel must open where psutil is still to be installed.
        import psutil

        options: dict[str, Any] = {}
        if os.name == "nt":
            options["creationflags"] = 0x08000000 | 0x00000200  # no window, own group
        else:
            options["start_new_session"] = True  # Ctrl-C reaches the parent only, which then asks politely
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **options
        )
        self.pid = self._process.pid
        self._known = psutil.Process(self.pid) if psutil.pid_exists(self.pid) else None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._log = bytearray()
        self._lock = threading.Lock()
        self._readers = [
            threading.Thread(target=self._read_lines, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_log, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def code(self) -> int | None:
        """Exit code, or None while it runs."""
        return self._process.poll()

    @property
    def drained(self) -> bool:
        """Whether all it has written was read."""
        return not any(reader.is_alive() for reader in self._readers)

    @property
    def log(self) -> str:
        """The last 64 KB of what it printed."""
        with self._lock:
            return self._log.decode("utf-8", errors="replace")

    def lines(self, wait: float = 0.0) -> list[bytes]:
        """Lines written since the last call; waits up to ``wait`` seconds for the first."""
        found: list[bytes] = []
        with contextlib.suppress(queue.Empty):
            if wait > 0:
                found.append(self._lines.get(timeout=wait))
            while True:
                found.append(self._lines.get_nowait())
        return found

    def say(self, word: str) -> None:
        """Write a line to its standard input; nothing happens when it has ended."""
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.write(f"{word}\n".encode())
            self._process.stdin.flush()

    def kill(self) -> None:
        """End it and everything it has started, at once, and wait until it is gone."""
        import psutil

        tree = []
        if self._known is not None:
            with contextlib.suppress(psutil.Error):
                tree = [*self._known.children(recursive=True), self._known]
        if os.name != "nt":
            # Also those whose parent has ended already: they are still in the group.
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        for process in tree:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self.close()

    def close(self) -> None:
        """Give the pipes back."""
        for reader in self._readers:
            reader.join(timeout=1)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError, ValueError):
                if stream is not None and (stream is self._process.stdin or self.drained):
                    stream.close()

    def _read_lines(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(_LINE_BYTES):
                self._lines.put(line)

    def _read_log(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            while piece := os.read(stream.fileno(), 65536):
                with self._lock:
                    self._log += piece
                    del self._log[:-_LOG_BYTES]

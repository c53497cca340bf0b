"""Matrix products whose last digit is the same whatever the number of threads; those of numpy's library are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.kernels import kernel, prange


def product(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(n, m) times (m, k), of the type that both have in common."""
    kind = np.result_type(first, second)
    out = np.zeros((first.shape[0], second.shape[1]), kind)
    _product(np.ascontiguousarray(first, kind), np.ascontiguousarray(second, kind), out)
    return out


@kernel(parallel=True)
def _product(first, second, out):  # type: ignore[no-untyped-def]
    # Each row is one thread's alone: how many threads there are changes no sum.
    for i in prange(first.shape[0]):
        for m in range(first.shape[1]):
            share = first[i, m]
            for k in range(second.shape[1]):
                out[i, k] += share * second[m, k]

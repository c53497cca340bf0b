"""Results of a model's grid on the grid of the image that was given: exact in place, decided voxel by voxel.

Shares of the classes are interpolated, and the largest wins at each voxel of the image: borders come out smooth however
coarse the model's grid is. Where all eight neighbours agree nothing has to be interpolated, since the class that is
largest at all of them is largest between them.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.kernels import kernel, prange
from synthetic_imaging.learning.data.gridding import Placing

_SLABS = 16


def labels_on_image(shares: npt.NDArray[np.float32], placing: Placing, run: Run) -> npt.NDArray[np.uint8]:
    """Most likely class of each voxel of the image, (K, J, I) as the image's array.

    Args:
        shares: of each class, (classes, K, J, I) on the model's grid.
        placing: where that grid lies in the image.
        run: progress and cancel.
    """
    by_voxel = np.ascontiguousarray(np.moveaxis(shares, 0, -1))
    winners = by_voxel.argmax(axis=-1).astype(np.uint8)
    shape, axes = _positions(placing)
    result = np.empty(shape, dtype=np.uint8)
    for first, last in _slabs(shape[0]):
        run.progress(first / shape[0], "carry to the image")
        _decide(by_voxel, winners, *axes, first, last, result)
    return _turned_back(result, placing)


def values_on_image(values: npt.NDArray[np.float32], placing: Placing, run: Run) -> npt.NDArray[np.float32]:
    """Linearly interpolated values on the image's grid; beyond the model's grid its edge goes on."""
    shape, axes = _positions(placing)
    source = np.ascontiguousarray(values, dtype=np.float32)
    result = np.empty(shape, dtype=np.float32)
    for first, last in _slabs(shape[0]):
        run.progress(first / shape[0], "carry to the image")
        _interpolate(source, *axes, first, last, result)
    return _turned_back(result, placing)


def _slabs(count: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, count, min(count, _SLABS) + 1).astype(int).tolist()
    return list(itertools.pairwise(edges))


def _positions(placing: Placing) -> tuple[tuple[int, int, int], list[Any]]:
    """Shape of the turned image, and for each axis the lower neighbour and the weight of the upper one."""
    k, j, i = (placing.source.shape[axis] for axis in placing.order)
    axes: list[Any] = []
    for count, start, step, most in zip((k, j, i), placing.start_kji, placing.step_kji, placing.shape_kji, strict=True):
        at = np.clip((np.arange(count) - start) / step, 0.0, most - 1.0)
        low = np.minimum(at.astype(np.int64), max(0, most - 2))
        axes += [low, (at - low).astype(np.float32)]
    return (k, j, i), axes


def _turned_back(array: npt.NDArray[Any], placing: Placing) -> npt.NDArray[Any]:
    made = np.flip(array, placing.turned) if placing.turned else array
    return np.ascontiguousarray(made.transpose(np.argsort(placing.order)))


@kernel(parallel=True)
def _decide(
    shares: Any, winners: Any, lk: Any, wk: Any, lj: Any, wj: Any, li: Any, wi: Any, first: int, last: int, out: Any
) -> None:
    classes = shares.shape[3]
    mk, mj, mi = shares.shape[0] - 1, shares.shape[1] - 1, shares.shape[2] - 1
    for k in prange(first, last):
        k0, k1, c = lk[k], min(lk[k] + 1, mk), wk[k]
        for j in range(lj.shape[0]):
            j0, j1, b = lj[j], min(lj[j] + 1, mj), wj[j]
            for i in range(li.shape[0]):
                i0, i1, a = li[i], min(li[i] + 1, mi), wi[i]
                one = winners[k0, j0, i0]
                if (
                    one == winners[k0, j0, i1] and one == winners[k0, j1, i0] and one == winners[k0, j1, i1]
                    and one == winners[k1, j0, i0] and one == winners[k1, j0, i1]
                    and one == winners[k1, j1, i0] and one == winners[k1, j1, i1]
                ):
                    out[k, j, i] = one
                    continue
                best, most = 0, np.float32(-1.0)
                for n in range(classes):
                    low = (shares[k0, j0, i0, n] * (1 - a) + shares[k0, j0, i1, n] * a) * (1 - b) + (
                        shares[k0, j1, i0, n] * (1 - a) + shares[k0, j1, i1, n] * a) * b
                    high = (shares[k1, j0, i0, n] * (1 - a) + shares[k1, j0, i1, n] * a) * (1 - b) + (
                        shares[k1, j1, i0, n] * (1 - a) + shares[k1, j1, i1, n] * a) * b
                    value = low * (1 - c) + high * c
                    if value > most:
                        best, most = n, value
                out[k, j, i] = best


@kernel(parallel=True)
def _interpolate(
    values: Any, lk: Any, wk: Any, lj: Any, wj: Any, li: Any, wi: Any, first: int, last: int, out: Any
) -> None:
    mk, mj, mi = values.shape[0] - 1, values.shape[1] - 1, values.shape[2] - 1
    for k in prange(first, last):
        k0, k1, c = lk[k], min(lk[k] + 1, mk), wk[k]
        for j in range(lj.shape[0]):
            j0, j1, b = lj[j], min(lj[j] + 1, mj), wj[j]
            for i in range(li.shape[0]):
                i0, i1, a = li[i], min(li[i] + 1, mi), wi[i]
                low = (values[k0, j0, i0] * (1 - a) + values[k0, j0, i1] * a) * (1 - b) + (
                    values[k0, j1, i0] * (1 - a) + values[k0, j1, i1] * a) * b
                high = (values[k1, j0, i0] * (1 - a) + values[k1, j0, i1] * a) * (1 - b) + (
                    values[k1, j1, i0] * (1 - a) + values[k1, j1, i1] * a) * b
                out[k, j, i] = low * (1 - c) + high * c

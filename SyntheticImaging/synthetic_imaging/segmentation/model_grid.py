"""An image on the grid of a model: all of it, at the voxel size and in the pose that the model was trained with."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.learning.data.gridding import Placing, place
from synthetic_imaging.learning.recipe import DataShape

# As `learning.data.gridding` smooths training images: a blur this many standard deviations wide.
_TRUNCATE = 3.0
_SLABS = 24

FloatArray = npt.NDArray[np.float32]


def covering(geometry: Geometry, shape: DataShape) -> Placing:
    """Where a model's grid goes so that it covers a whole image, whatever its size.

    A recipe that shrinks every image to its grid (spacing 0) gets that grid; one with a voxel size gets as many voxels
    as the image needs.
    """
    first = place(geometry, shape)
    if not all(shape.spacing_mm):
        return first
    counts = []
    for axis, spacing in zip(first.order, shape.spacing_mm, strict=True):
        extent = geometry.shape[axis] * geometry.spacing_kji_mm[axis]
        # A hair less than the next whole number is no reason for another voxel.
        counts.append(max(2, int(np.ceil(extent / spacing - 1e-6))))
    return place(geometry, replace(shape, shape_kji=(counts[0], counts[1], counts[2])))


def onto_model_grid(
    voxels: npt.NDArray[Any], placing: Placing, window: tuple[float, float], cubic: bool, run: Run
) -> FloatArray:
    """Values in 0..1 on the model's grid, (K, J, I).

    Smoothing and linear interpolation in one: along each axis every new voxel is a weighted mean of old ones, so that
    an axis is one product with a small matrix.

    Args:
        voxels: the image's array (K, J, I).
        placing: of `covering`.
        window: image values that become 0 and 1.
        cubic: whether the recipe asks for cubic splines (those that shrink an image to fit); small images only.
        run: progress and cancel.
    """
    low, high = window
    if cubic:
        run.progress(0.5, "bring to the model's grid")
        values = placing.image(voxels, cubic=True, outside=low)
    else:
        values = _resampled(voxels, placing, run)
    values = (values - np.float32(low)) / np.float32(high - low)
    run.progress(1.0, "bring to the model's grid")
    return np.clip(values, 0, 1, out=values)


def _resampled(voxels: npt.NDArray[Any], placing: Placing, run: Run) -> FloatArray:
    turned = voxels.transpose(placing.order)
    turned = np.flip(turned, placing.turned) if placing.turned else turned
    down, across, along = (
        axis_weights(n, start, step, wanted)
        for n, start, step, wanted in zip(
            turned.shape, placing.start_kji, placing.step_kji, placing.shape_kji, strict=True
        )
    )
    made = np.zeros(placing.shape_kji, dtype=np.float32)
    count = turned.shape[0]
    edges = np.linspace(0, count, min(count, _SLABS) + 1).astype(int).tolist()
    for first, last in itertools.pairwise(edges):
        run.progress(first / count, "bring to the model's grid")
        slab = np.asarray(turned[first:last], dtype=np.float32) @ along.T
        slab = np.matmul(across, slab)
        made += np.tensordot(down[:, first:last], slab, axes=1)
    return made


def axis_weights(count: int, start: float, step: float, wanted: int) -> FloatArray:
    """Weights of old voxels in each new one along one axis, (wanted, count); each row sums to 1.

    A Gaussian of (step - 1) / 2 voxels, as wide as keeps what the coarser grid cannot hold from folding back, then
    linear interpolation; beyond the ends the last voxel goes on.
    """
    at = np.clip(start + step * np.arange(wanted), 0, count - 1)
    low = np.minimum(at.astype(int), max(0, count - 2))
    share = at - low
    weights = np.zeros((wanted, count))
    sigma = max(0.0, (step - 1) / 2)
    radius = int(_TRUNCATE * sigma + 0.5) if sigma > 0.05 else 0
    offsets = np.arange(-radius, radius + 1)
    blur = np.exp(-0.5 * (offsets / sigma) ** 2) if radius else np.ones(1)
    blur /= blur.sum()
    rows = np.arange(wanted)
    for offset, weight in zip(offsets, blur, strict=True):
        # One cell of the linear interpolation, its two ends blurred alike.
        np.add.at(weights, (rows, np.clip(low + offset, 0, count - 1)), weight * (1 - share))
        np.add.at(weights, (rows, np.clip(np.minimum(low + 1, count - 1) + offset, 0, count - 1)), weight * share)
    return weights.astype(np.float32)

"""The grid on which the network works: slices as they were acquired, at the voxel size that it has seen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.learning.data.gridding import Placing, canonical_axes
from synthetic_imaging.segmentation.model_grid import onto_model_grid

IN_PLANE_MM = (0.9, 1.3)
THICK_MM = (1.0, 5.0)
# Voxels so much longer along one axis make that the axis of the slices.
_THICKER = 1.4


def slice_grid(geometry: Geometry) -> Placing:
    """Slices over a whole image: along its thick axis, or axial ones where voxels are nearly cubes.

    Voxels finer than the network has seen are put together, in-plane ones that are coarser are parted; thicker slices
    stay as they are.
    """
    order, turned_to = canonical_axes(geometry)
    away = {axis for n, axis in enumerate(order) if n in turned_to}
    spacing = geometry.spacing_kji_mm
    thickest = int(np.argmax(spacing))
    if spacing[thickest] > _THICKER * float(np.median(spacing)):
        rest = [axis for axis in order if axis != thickest]
        order = (thickest, rest[0], rest[1])
    step, shape, start = [], [], []
    for n, axis in enumerate(order):
        low, high = IN_PLANE_MM if n else (THICK_MM[0], np.inf)
        mm = float(np.clip(spacing[axis], low, high))
        count = geometry.shape[axis]
        step.append(mm / spacing[axis])
        shape.append(max(1, int(np.ceil(count / step[-1] - 1e-6))))
        start.append((count - 1) / 2 - step[-1] * (shape[-1] - 1) / 2)
    turned = tuple(n for n, axis in enumerate(order) if axis in away)
    return Placing(geometry, order, turned, (start[0], start[1], start[2]), (step[0], step[1], step[2]),
                   (shape[0], shape[1], shape[2]))


def on_slices(scaled: npt.NDArray[np.float32], placing: Placing) -> npt.NDArray[np.float32]:
    """An image in -1..1, (K, J, I), on the grid of slices; -1 beyond the image."""
    return 2 * onto_model_grid(0.5 + 0.5 * scaled, placing, (0.0, 1.0), False, Run()) - 1

"""An image onto a recipe's grid, and a result back onto the image's, with the exact place of every voxel.

The new grid's axes run along the image's own, so that oblique, left-handed and sheared images need no rotation: all is
done in voxel indices, and the 4 x 4 matrix follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Box, Geometry
from synthetic_imaging.learning.recipe import DataShape

Array = npt.NDArray[Any]
# Ultrasound has no fixed pose in the patient; for all others the axes are turned to left, posterior, superior.
_POSELESS = ("US",)


@dataclass(frozen=True, eq=False)
class Placing:
    """Where a recipe's grid lies in an image.

    Attributes:
        source: the image's grid.
        order: which axis of the image's array is each axis of the turned array.
        turned: axes of the turned array that run the other way.
        start_kji: position, in voxels of the turned array, of the first voxel of the grid.
        step_kji: voxels of the turned array between two of the grid.
        shape_kji: voxels of the grid.
    """

    source: Geometry
    order: tuple[int, int, int]
    turned: tuple[int, ...]
    start_kji: tuple[float, float, float]
    step_kji: tuple[float, float, float]
    shape_kji: tuple[int, int, int]

    @property
    def geometry(self) -> Geometry:
        """The recipe's grid in the patient: what a result made on it gets."""
        matrix = _turned_matrix(self.source, self.order, self.turned)
        inner = np.diag([*self.step_kji[::-1], 1.0])
        inner[:3, 3] = self.start_kji[::-1]
        return Geometry(matrix @ inner, self.shape_kji)

    def image(self, voxels: npt.ArrayLike, *, cubic: bool = False, outside: float = 0.0) -> Array:
        """Values on the grid, float32 (K, J, I); smoothed before they are thinned out.

        Args:
            voxels: array (K, J, I) on the image's grid.
            cubic: cubic B-splines in place of linear interpolation.
            outside: value beyond the image.
        """
        turned = np.asarray(self._turn(np.asarray(voxels)), dtype=np.float32)
        if self._whole_steps:
            return self._cut(turned, np.float32(outside))
        # As thick a blur as keeps what the coarser grid cannot hold from folding back.
        sigma = [max(0.0, (step - 1.0) / 2.0) for step in self.step_kji]
        return self._resampled(_smoothed(turned, sigma), "cubic" if cubic else "linear", outside)

    def label(self, labels: npt.ArrayLike) -> Array:
        """Labels on the grid, nearest neighbour, type kept."""
        turned = self._turn(np.asarray(labels))
        if self._whole_steps:
            return self._cut(turned, turned.dtype.type(0))
        return self._resampled(turned, "nearest", 0.0)

    def back(self, voxels: npt.ArrayLike, *, nearest: bool = False, outside: float = 0.0) -> Array:
        """Values of the grid on the image's own grid, (K, J, I); ``outside`` where the grid does not reach."""
        array = np.asarray(voxels)
        if array.shape != self.shape_kji:
            raise InputError(f"A result of {array.shape} voxels does not fit the grid of {self.shape_kji}.")
        shape = tuple(self.source.shape[axis] for axis in self.order)
        start = [-a / b for a, b in zip(self.start_kji, self.step_kji, strict=True)]
        step = [1.0 / b for b in self.step_kji]
        values = array if nearest else array.astype(np.float32)
        made = _resample(values, start, step, shape, "nearest" if nearest else "linear", outside)
        made = np.flip(made, self.turned) if self.turned else made
        return np.ascontiguousarray(made.transpose(np.argsort(self.order)))

    def outside_share(self, inside: npt.NDArray[np.bool_]) -> float:
        """Share of the true voxels of a (K, J, I) array that lie beyond the grid, 0..1."""
        turned = self._turn(inside)
        total = int(np.count_nonzero(turned))
        half = [0.5 * step for step in self.step_kji]
        low = [int(np.ceil(a - h)) for a, h in zip(self.start_kji, half, strict=True)]
        high = [int(np.floor(a + (n - 1) * s + h)) + 1
                for a, n, s, h in zip(self.start_kji, self.shape_kji, self.step_kji, half, strict=True)]
        box = Box((low[0], low[1], low[2]), (high[0], high[1], high[2])).clipped(turned.shape)
        return 1.0 - float(np.count_nonzero(turned[box.slices])) / total if total else 0.0

    @property
    def _whole_steps(self) -> bool:
        return all(s == 1.0 for s in self.step_kji) and all(float(a).is_integer() for a in self.start_kji)

    def _turn(self, array: Array) -> Array:
        turned = array.transpose(self.order)
        return np.flip(turned, self.turned) if self.turned else turned

    def _cut(self, turned: Array, outside: Any) -> Array:
        made = np.full(self.shape_kji, outside, dtype=turned.dtype)
        there, here = [], []
        for start, wanted, given in zip(self.start_kji, self.shape_kji, turned.shape, strict=True):
            first = int(start)
            there.append(slice(max(0, first), max(0, min(given, first + wanted))))
            here.append(slice(max(0, -first), max(0, -first) + there[-1].stop - there[-1].start))
        made[tuple(here)] = turned[tuple(there)]
        return made

    def _resampled(self, turned: Array, how: str, outside: float) -> Array:
        return _resample(turned, self.start_kji, self.step_kji, self.shape_kji, how, outside)


def place(geometry: Geometry, shape: DataShape, around: Box | None = None) -> Placing:
    """Where a recipe's grid goes in an image.

    A spacing of 0 on all axes keeps the whole image and shrinks it by one factor so that it fits, never enlarging it
    (DIFF-3). A spacing of 0 on some axes resizes those to the grid's number of voxels. Otherwise the grid has its
    spacing and lies about the middle of the image; where it is smaller than the image it moves to take in ``around``.
    What the image does not fill is padded on both sides alike.

    Args:
        geometry: the image's grid.
        shape: the recipe's.
        around: box, in the image's array, of what must be inside (the labels).
    """
    order, turned = canonical_axes(geometry) if shape.modality.upper() not in _POSELESS else ((0, 1, 2), ())
    counts = [geometry.shape[axis] for axis in order]
    spacing = [geometry.spacing_kji_mm[axis] for axis in order]
    if not any(shape.spacing_mm):
        factor = max(1.0, *(n / wanted for n, wanted in zip(counts, shape.shape_kji, strict=True)))
        step = [factor] * 3
    else:
        step = [wanted / mm if wanted else n / m
                for wanted, mm, n, m in zip(shape.spacing_mm, spacing, counts, shape.shape_kji, strict=True)]
    centres = _centres(around, order, turned, counts)
    start = []
    for axis in range(3):
        middle, extent = (counts[axis] - 1) / 2, step[axis] * shape.shape_kji[axis]
        spare = max(0.0, (counts[axis] - extent) / 2)
        if centres is not None:
            middle += float(np.clip(centres[axis] - middle, -spare, spare))
        start.append(_whole_padding(middle - step[axis] * (shape.shape_kji[axis] - 1) / 2, step[axis], counts[axis]))
    return Placing(geometry, order, turned, (start[0], start[1], start[2]), (step[0], step[1], step[2]),
                   shape.shape_kji)


def _whole_padding(first: float, step: float, count: int) -> float:
    """A start for which padding and cut are whole voxels where they can be: half a voxel of symmetry goes for that.

    Else an image of 15 voxels in a grid of 20 would have all its values interpolated half-way.
    """
    if abs(count / step - round(count / step)) > 1e-6:
        return first
    padding = ((step - 1) / 2 - first) / step
    return float((step - 1) / 2 - step * np.floor(padding + 1e-9))


def canonical_axes(geometry: Geometry) -> tuple[tuple[int, int, int], tuple[int, ...]]:
    """Order of the array's axes (K, J, I) that run most nearly superior, posterior, left; and those to turn round.

    So CTs lie in files, and so the phantoms are made.
    """
    along = geometry.directions_ras[:, ::-1].T  # one row for each array axis K, J, I; columns R, A, S
    order: list[int] = []
    for patient_axis in (2, 1, 0):
        left = [axis for axis in range(3) if axis not in order]
        order.append(max(left, key=lambda axis: abs(along[axis, patient_axis])))
    wanted = (1.0, -1.0, -1.0)  # superior; posterior and left are against anterior and right
    turned = tuple(n for n, axis in enumerate(order) if wanted[n] * along[axis, 2 - n] < 0)
    return (order[0], order[1], order[2]), turned


def _turned_matrix(geometry: Geometry, order: Sequence[int], turned: Sequence[int]) -> npt.NDArray[np.float64]:
    matrix = geometry.ijk_to_ras.copy()
    columns = geometry.ijk_to_ras[:3, :3][:, ::-1]  # K, J, I
    origin = geometry.ijk_to_ras[:3, 3].copy()
    for n, axis in enumerate(order):
        sign = 1.0
        if n in turned:
            origin += columns[:, axis] * (geometry.shape[axis] - 1)
            sign = -1.0
        matrix[:3, 2 - n] = sign * columns[:, axis]
    matrix[:3, 3] = origin
    return matrix


def _centres(around: Box | None, order: Sequence[int], turned: Sequence[int], counts: Sequence[int]) \
        -> list[float] | None:
    if around is None or around.empty:
        return None
    centres = []
    for n, axis in enumerate(order):
        centre = (around.start[axis] + around.stop[axis] - 1) / 2
        centres.append(counts[n] - 1 - centre if n in turned else centre)
    return centres


def _smoothed(array: Array, sigma: Sequence[float]) -> Array:
    if not any(s > 0.05 for s in sigma):
        return array
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(array, sigma, mode="nearest", truncate=3.0))


def _resample(array: Array, start: Sequence[float], step: Sequence[float], shape: Sequence[int], how: str,
              outside: float) -> Array:
    import SimpleITK

    ways = {"nearest": SimpleITK.sitkNearestNeighbor, "linear": SimpleITK.sitkLinear, "cubic": SimpleITK.sitkBSpline}
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(array))
    resampler = SimpleITK.ResampleImageFilter()
    resampler.SetSize([int(n) for n in shape[::-1]])
    resampler.SetOutputOrigin([float(x) for x in start[::-1]])
    resampler.SetOutputSpacing([float(x) for x in step[::-1]])
    resampler.SetInterpolator(ways[how])
    resampler.SetDefaultPixelValue(float(outside))
    return np.asarray(SimpleITK.GetArrayFromImage(resampler.Execute(image)))

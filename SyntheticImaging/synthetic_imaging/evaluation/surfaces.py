"""How far the surfaces of two segmentations lie apart, in millimetres.

The surface of a mask is its voxels with a face neighbour outside the mask or outside the image; distances run between
centres of such voxels, along straight lines and with the grid's spacing. Both directions count: from the segmentation's
surface to the reference's, and back. As in MONAI:

- HD is the larger of the two directions' maxima, HD95 the larger of their 95th percentiles (interpolated linearly);
- ASSD is the mean over both surfaces' voxels together; NSD the share of them within the tolerance (Nikolov et al. 2021,
  doi:10.2196/26151, with voxels counted rather than areas).

Both empty: NaN, there is nothing to compare. One empty: distances are infinite, NSD is 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.arrays import Array, BoolArray, FloatArray, finite, same_shape, times
from synthetic_imaging.evaluation.overlap import label_maps, occurring

_TREE_LEAF = 32


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances between two surfaces, from which every measure follows.

    Attributes:
        to_reference_mm: of each surface voxel of the segmentation (P,).
        from_reference_mm: of each surface voxel of the reference (R,).
    """

    to_reference_mm: FloatArray
    from_reference_mm: FloatArray

    @property
    def hausdorff_mm(self) -> float:
        """Largest distance (HD)."""
        return self.percentile_mm(100)

    @property
    def hausdorff95_mm(self) -> float:
        """95th percentile (HD95), the larger of the two directions."""
        return self.percentile_mm(95)

    @property
    def assd_mm(self) -> float:
        """Average symmetric surface distance."""
        if self._one_is_empty:
            return self._nothing
        both = self.to_reference_mm.sum() + self.from_reference_mm.sum()
        return float(both / (self.to_reference_mm.size + self.from_reference_mm.size))

    def percentile_mm(self, percentile: float) -> float:
        """Hausdorff distance at a percentile between 0 and 100."""
        if not 0 <= percentile <= 100:
            raise ParameterError(f"The percentile lies between 0 and 100, not at {percentile:g}.")
        if self._one_is_empty:
            return self._nothing
        return max(float(np.percentile(d, percentile)) for d in (self.to_reference_mm, self.from_reference_mm))

    def nsd(self, tolerance_mm: float) -> float:
        """Normalised surface Dice: share of both surfaces within a tolerance (mm, 0 or more) of the other.

        Raises:
            ParameterError: for a negative tolerance.
        """
        if not tolerance_mm >= 0:
            raise ParameterError(f"The tolerance must be 0 mm or more, not {tolerance_mm:g}.")
        if self._one_is_empty:
            return math.nan if math.isnan(self._nothing) else 0.0
        near = sum(int(np.count_nonzero(d <= tolerance_mm)) for d in (self.to_reference_mm, self.from_reference_mm))
        return near / (self.to_reference_mm.size + self.from_reference_mm.size)

    @property
    def _one_is_empty(self) -> bool:
        return self.to_reference_mm.size == 0 or self.from_reference_mm.size == 0

    @property
    def _nothing(self) -> float:
        """NaN where both are empty, infinity where one is."""
        return math.nan if self.to_reference_mm.size + self.from_reference_mm.size == 0 else math.inf


def surface_distances(
    segmentation: npt.ArrayLike, reference: npt.ArrayLike, spacing_mm: Sequence[float]
) -> SurfaceDistances:
    """Distances between the surfaces of two masks.

    Args:
        segmentation: (K, J, I) or (J, I); what is not 0 is inside.
        reference: of the same shape.
        spacing_mm: from voxel to voxel along each axis of the array, for instance K, J, I.

    Raises:
        InputError: for different shapes, another number of axes, or values that are not finite.
        ParameterError: for a spacing that is not above 0.
    """
    one, other = _masks(segmentation, reference)
    return _distances(one != 0, other != 0, _spacing(spacing_mm, one.ndim))


def surface_distances_by_label(
    segmentation: npt.ArrayLike,
    reference: npt.ArrayLike,
    spacing_mm: Sequence[float],
    labels: Sequence[int] | None = None,
) -> dict[int, SurfaceDistances]:
    """Distances of each label of two label maps, each within its own box.

    Args:
        segmentation: whole numbers, 0 for background.
        reference: of the same shape.
        spacing_mm: as in `surface_distances`.
        labels: which; None takes all above 0 that occur in either.

    Raises:
        InputError: as `surface_distances`.
        ParameterError: as `surface_distances`.
    """
    one, other = _masks(*label_maps(segmentation, reference))
    spacing = _spacing(spacing_mm, one.ndim)
    if labels is None:
        labels = [int(label) for label in occurring(one, other) if label > 0]
    return {int(label): _distances(one == label, other == label, spacing) for label in labels}


def _masks(segmentation: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[Array, Array]:
    one, other = finite(segmentation, "The segmentation"), finite(reference, "The reference")
    same_shape(one, other, "The segmentation", "the reference")
    if one.ndim not in (2, 3):
        raise InputError(f"Surfaces are those of slices (J, I) or volumes (K, J, I), not of {times(one.shape)}.")
    return one, other


def _spacing(spacing_mm: Sequence[float], axes: int) -> FloatArray:
    spacing = np.asarray(spacing_mm, dtype=np.float64)
    if spacing.shape != (axes,):
        raise ParameterError(f"{axes} spacings are needed, one for each axis of the array, not {spacing.size}.")
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        raise ParameterError(f"Spacings must be above 0 mm, not {', '.join(f'{s:g}' for s in spacing)}.")
    return spacing


def _distances(one: BoolArray, other: BoolArray, spacing: FloatArray) -> SurfaceDistances:
    first, second = (surface_voxels(mask) * spacing for mask in (one, other))
    if len(first) == 0 or len(second) == 0:
        return SurfaceDistances(np.full(len(first), np.inf), np.full(len(second), np.inf))
    return SurfaceDistances(_to_nearest(first, second), _to_nearest(second, first))


def surface_voxels(mask: BoolArray) -> npt.NDArray[np.int64]:
    """Positions (P, axes) of the voxels inside a mask that have a face neighbour outside it or outside the image."""
    corner, inside = [], mask
    for axis in range(mask.ndim):  # only the mask's own box is looked at
        along = inside.any(axis=tuple(other for other in range(mask.ndim) if other != axis))
        hit = np.flatnonzero(along)
        if hit.size == 0:
            return np.empty((0, mask.ndim), dtype=np.int64)
        corner.append(int(hit[0]))
        inside = np.moveaxis(np.moveaxis(inside, axis, 0)[hit[0] : hit[-1] + 1], 0, axis)
    within = np.ones_like(inside)
    for axis in range(mask.ndim):
        here, there = np.moveaxis(within, axis, 0), np.moveaxis(inside, axis, 0)
        here[1:] &= there[:-1]
        here[:-1] &= there[1:]
        here[0] = here[-1] = False  # the box's faces are the mask's own
    return np.asarray(np.argwhere(inside & ~within) + np.asarray(corner), dtype=np.int64)


def _to_nearest(points: FloatArray, targets: FloatArray) -> FloatArray:
    from scipy.spatial import KDTree

    tree = KDTree(targets, leafsize=_TREE_LEAF, balanced_tree=False, compact_nodes=False)
    return np.asarray(tree.query(points, workers=-1)[0])

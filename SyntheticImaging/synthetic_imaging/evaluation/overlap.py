"""How far two segmentations cover the same voxels.

Where nothing can be compared, nothing is claimed: **both empty gives NaN**, to be left out of a mean or counted as the
reader decides (`both_empty` sets another value, often 1). One empty gives 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.evaluation.arrays import Array, finite, same_shape

_COUNTED_BELOW = 1 << 16  # labels up to here are counted by index, larger ones by sorting


@dataclass(frozen=True)
class Overlap:
    """Two masks of one structure.

    Attributes:
        dice: 2 |A and B| / (|A| + |B|), between 0 and 1.
        jaccard: |A and B| / |A or B|, between 0 and 1.
        voxels: of the segmentation.
        reference_voxels: of the reference.
        common_voxels: of both.
    """

    dice: float
    jaccard: float
    voxels: int
    reference_voxels: int
    common_voxels: int


def dice(segmentation: npt.ArrayLike, reference: npt.ArrayLike, both_empty: float = float("nan")) -> float:
    """Dice coefficient of two masks.

    Args:
        segmentation: any shape; what is not 0 is inside.
        reference: of the same shape.
        both_empty: the result where neither holds a voxel.

    Raises:
        InputError: for different shapes or values that are not finite.
    """
    return overlap(segmentation, reference, both_empty).dice


def jaccard(segmentation: npt.ArrayLike, reference: npt.ArrayLike, both_empty: float = float("nan")) -> float:
    """Jaccard index (intersection over union) of two masks. Arguments and errors as `dice`."""
    return overlap(segmentation, reference, both_empty).jaccard


def overlap(segmentation: npt.ArrayLike, reference: npt.ArrayLike, both_empty: float = float("nan")) -> Overlap:
    """Dice, Jaccard and voxel counts of two masks. Arguments and errors as `dice`."""
    one, other = _pair(segmentation, reference)
    one, other = one != 0, other != 0
    size, reference_size, common = (int(np.count_nonzero(mask)) for mask in (one, other, one & other))
    return _overlap(size, reference_size, common, both_empty)


def overlap_by_label(
    segmentation: npt.ArrayLike,
    reference: npt.ArrayLike,
    labels: Sequence[int] | None = None,
    both_empty: float = float("nan"),
) -> dict[int, Overlap]:
    """Overlap of each label of two label maps, in one pass.

    Args:
        segmentation: whole numbers, 0 for background.
        reference: of the same shape.
        labels: which; None takes all above 0 that occur in either.
        both_empty: the result for a label that occurs in neither.

    Raises:
        InputError: for different shapes, or values that are not whole numbers of 0 or more.
    """
    one, other = label_maps(segmentation, reference)
    found, both = occurring(one, other), one == other
    index = {int(value): at for at, value in enumerate(found)}
    counts = np.stack([_count(values, found) for values in (one, other, one[both])], axis=1).tolist()
    chosen = [value for value in index if value > 0] if labels is None else [int(label) for label in labels]
    made = {}
    for label in chosen:
        size, reference_size, common = counts[index[label]] if label in index else (0, 0, 0)
        made[label] = _overlap(size, reference_size, common, both_empty)
    return made


def label_maps(segmentation: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[Array, Array]:
    """Two label maps of one shape, in an integer type.

    Raises:
        InputError: for different shapes, or values that are not whole numbers of 0 or more.
    """
    one, other = _pair(segmentation, reference)
    return _whole(one, "The segmentation"), _whole(other, "The reference")


def occurring(one: Array, other: Array) -> npt.NDArray[np.int64]:
    """All labels that occur in either of two label maps, ascending, background included."""
    return np.unique(np.concatenate([_values(one), _values(other)]))


def _overlap(size: int, reference_size: int, common: int, both_empty: float) -> Overlap:
    total = size + reference_size
    if total == 0:
        return Overlap(both_empty, both_empty, 0, 0, 0)
    return Overlap(2 * common / total, common / (total - common), size, reference_size, common)


def _pair(segmentation: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[Array, Array]:
    one, other = finite(segmentation, "The segmentation"), finite(reference, "The reference")
    same_shape(one, other, "The segmentation", "the reference")
    return one, other


def _whole(labels: Array, what: str) -> Array:
    if labels.dtype.kind == "f" and (labels != np.rint(labels)).any():
        raise InputError(f"{what} must hold whole numbers, one for each structure. Choose a label map, not an image.")
    if labels.dtype.kind in "if" and labels.min() < 0:
        raise InputError(f"{what} must hold labels of 0 or more, not {int(labels.min())}.")
    return labels if labels.dtype.kind in "iu" and labels.dtype.itemsize < 8 else labels.astype(np.int64)


def _values(labels: Array) -> npt.NDArray[np.int64]:
    if int(labels.max()) < _COUNTED_BELOW:
        return np.flatnonzero(np.bincount(labels.reshape(-1)))
    return np.unique(labels).astype(np.int64)


def _count(labels: Array, found: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if int(found[-1]) < _COUNTED_BELOW:
        return np.bincount(labels.reshape(-1), minlength=int(found[-1]) + 1)[found]
    values, counts = np.unique(labels, return_counts=True)
    made = np.zeros(found.size, dtype=np.int64)
    made[np.searchsorted(found, values)] = counts
    return made

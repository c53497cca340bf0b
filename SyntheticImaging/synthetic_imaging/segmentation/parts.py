"""The largest connected part of each structure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

_CORNERS = np.ones((3, 3, 3), dtype=np.bool_)


def without_small_parts(shares: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Shares of the classes where separate smaller parts of a structure have gone to what is next most likely there.

    Args:
        shares: (classes, K, J, I), background first; not written to.
    """
    result = shares.copy()
    # A voxel taken from one structure may come to lie apart in the next; it is taken from that too.
    for _ in range(shares.shape[0]):
        winners = result.argmax(axis=0)
        changed = False
        for n in range(1, shares.shape[0]):
            small = _small_parts(winners == n)
            if small is not None:
                result[n][small] = 0.0
                changed = True
        if not changed:
            break
    return result


def keep_largest_parts(labels: npt.NDArray[np.uint8], count: int) -> None:
    """Set separate smaller parts of labels 1..count to 0, in place; looks only at each label's box."""
    for label, box in enumerate(ndimage.find_objects(labels, count), start=1):
        if box is not None:
            small = _small_parts(labels[box] == label)
            if small is not None:
                labels[box][small] = 0


def _small_parts(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    parts, count = ndimage.label(inside, structure=_CORNERS)
    if count < 2:
        return None
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    keep = int(sizes.argmax())
    small: npt.NDArray[np.bool_] = (parts != 0) & (parts != keep)
    return small

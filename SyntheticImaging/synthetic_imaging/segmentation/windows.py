"""Where a network looks when an image does not fit as a whole: overlapping patches, weighted towards their middles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt


def fitting_patch(
    shape: Sequence[int], most_voxels: float, multiple: int, overlap: float
) -> tuple[int, int, int]:
    """The patch to look at an image with: the whole image where that fits, else as few patches as can be.

    Args:
        shape: of the image (K, J, I).
        most_voxels: how many voxels fit.
        multiple: patch sides are multiples of it, since the network halves them.
        overlap: least share of a patch that neighbours have in common.

    Returns:
        (K, J, I); may exceed the image by padding up to the multiple, and is never smaller than the multiple.
    """
    patch = [max(1, -(-n // multiple)) for n in shape]
    while patch[0] * patch[1] * patch[2] * multiple**3 > most_voxels and max(patch) > 1:
        # Shorten the longest side step by step: patches stay as cubic as they can be, and as large.
        patch[patch.index(max(patch))] -= 1
    sides = []
    for length, side in zip(shape, patch, strict=True):
        count = len(window_starts(length, side * multiple, overlap))
        # The same number of smaller patches does as well, and costs less.
        while side > 1 and len(window_starts(length, (side - 1) * multiple, overlap)) == count:
            side -= 1
        sides.append(side * multiple)
    k, j, i = sides
    return (k, j, i)


def window_starts(length: int, patch: int, overlap: float) -> list[int]:
    """First voxels of patches along one axis: evenly spread, the last ends at the image's end.

    Args:
        length: of the axis, at least ``patch``.
        patch: of the window.
        overlap: least share of a patch that neighbours have in common, 0 to 0.9.
    """
    if length <= patch:
        return [0]
    step = max(1, int(patch * (1 - overlap)))
    count = -(-(length - patch) // step) + 1
    return [round(n * (length - patch) / (count - 1)) for n in range(count)]


def windows(shape: Sequence[int], patch: Sequence[int], overlap: float) -> list[tuple[int, int, int]]:
    """First voxels (K, J, I) of all patches."""
    starts = [window_starts(n, p, overlap) for n, p in zip(shape, patch, strict=True)]
    return [(k, j, i) for k, j, i in product(*starts)]


def gaussian_weights(patch: Sequence[int], sigma: float = 0.125) -> npt.NDArray[np.float32]:
    """Weights of a patch's voxels, (K, J, I): a Gaussian round its middle, never quite zero.

    Args:
        patch: its shape.
        sigma: of the Gaussian, as a share of each side (0.125 as in nnU-Net, Isensee et al. 2021).
    """
    sides = [np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (sigma * n)) ** 2) for n in patch]
    weights = sides[0][:, None, None] * sides[1][:, None] * sides[2]
    result: npt.NDArray[np.float32] = np.maximum(weights / weights.max(), 1e-3).astype(np.float32)
    return result

"""How unsure a network is of each voxel: it looks at slightly changed copies of the image, and the answers differ.

Test-time augmentation (Wang et al. 2019, doi:10.1016/j.neucom.2019.01.103): brightness, grain and place change as
little as between two scans of one patient; the entropy of the mean answer is high where they decide the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.segmentation.augmentation import regrained
from synthetic_imaging.segmentation.settings import Augmentation

FloatArray = npt.NDArray[np.float32]

_LONGEST_SHIFT = 2  # voxels
# The network has seen flipped images only if it was trained with flips.
_FLIPS = (("flip_up_down", 1), ("flip_front_back", 2), ("flip_left_right", 3))


def doubt(
    image: FloatArray,
    shares: FloatArray,
    answer: Callable[[FloatArray, Run], FloatArray],
    copies: int,
    changes: Augmentation,
    run: Run,
) -> FloatArray:
    """Entropy of the mean answer to an image and its changed copies.

    Args:
        image: (C, K, J, I) in 0..1.
        shares: answer to the image itself, (classes, K, J, I).
        answer: image and run -> shares.
        copies: how many changed copies, 1 or more.
        changes: with which the network was trained; the copies change as much.
        run: draws, progress, cancel.

    Returns:
        (K, J, I), 0 (all answers are certain and the same) to 1 (all classes equally likely).
    """
    total = shares.astype(np.float32, copy=True)
    mild = replace(changes, gamma=min(changes.gamma, 0.2), noise=min(changes.noise, 0.03))
    for number in range(copies):
        part = run.part(number / copies, (number + 1) / copies)
        flips = tuple(axis for name, axis in _FLIPS if getattr(changes, name) and part.rng.random() < 0.5)
        shift = part.rng.integers(-_LONGEST_SHIFT, _LONGEST_SHIFT + 1, 3).tolist()
        changed = shifted(np.flip(regrained(image, mild, part.rng), flips), shift)
        found = answer(np.ascontiguousarray(changed), part)
        total += np.flip(shifted(found, [-s for s in shift]), flips)
    return entropy(total / np.float32(copies + 1))


def entropy(shares: FloatArray) -> FloatArray:
    """Entropy of (classes, K, J, I) shares as a part of the largest possible, 0..1."""
    logs = np.log(np.maximum(shares, np.float32(1e-8)))
    result: FloatArray = -(shares * logs).sum(axis=0) / np.float32(np.log(len(shares)))
    return np.clip(result, 0, 1)


def shifted(array: FloatArray, by_kji: list[int]) -> FloatArray:
    """(C, K, J, I) moved by whole voxels; the edge is repeated where nothing comes in."""
    for axis, by in enumerate(by_kji, start=1):
        if by:
            places = np.clip(np.arange(array.shape[axis]) - by, 0, array.shape[axis] - 1)
            array = np.take(array, places, axis=axis)
    return array

"""Variants of a case: the generator's augmentations and the zero blocks of the paired cardiac CT model.

Ikuta et al., "Synthetic Multimodal Data Generation and Training Optimization For Computed Tomography Cardiac Imaging
Applications", NeurIPS 2024: randomly placed crop in the slice plane resized back, horizontal and vertical flips (20 %),
about +50 HU (5 %); for pre-training 25 blocks set to zero with probability 0.8, 8 to 16 voxels wide in a plane of 256.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.learning.learner import Case, CaseSource

Variation = Callable[[Case, np.random.Generator], Case]
_PUBLISHED_PLANE = 256


class Varied:
    """Cases of a source, each varied anew whenever it is asked for (a `CaseSource`)."""

    def __init__(self, source: CaseSource, variations: Sequence[Variation]) -> None:
        """``variations`` are applied one after the other, with the generator that `case` is given."""
        self.source, self.variations = source, tuple(variations)

    def __len__(self) -> int:
        return len(self.source)

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """The case, varied."""
        case = self.source.case(index, rng)
        for variation in self.variations:
            case = variation(case, rng)
        return case


def cardiac_ct_variations(window: tuple[float, float] = (-1000.0, 2000.0)) -> tuple[Variation, ...]:
    """The three augmentations of the cardiac CT generator, in the publication's order."""
    return crop_in_plane(), flips(), brighter(window=window)


def crop_in_plane(smallest: float = 0.8) -> Variation:
    """A crop at a random place of each slice plane, resized back to the whole plane; the same for all slices.

    Args:
        smallest: least side of the crop as a share of the plane's (not published).
    """

    def vary(case: Case, rng: np.random.Generator) -> Case:
        image = case["image"]
        share, at_j, at_i = rng.uniform(smallest, 1.0), rng.random(), rng.random()
        rows = _places(image.shape[-2], share, at_j)
        columns = _places(image.shape[-1], share, at_i)
        made = {**case, "image": _linear(_linear(image, rows, -2), columns, -1)}
        if "label" in case:
            near_j, near_i = np.rint(rows).astype(np.intp), np.rint(columns).astype(np.intp)
            made["label"] = np.ascontiguousarray(case["label"][..., near_j[:, None], near_i[None, :]])
        return made

    return vary


def flips(probability: float = 0.2) -> Variation:
    """Left to right, and front to back, each with a probability of its own."""

    def vary(case: Case, rng: np.random.Generator) -> Case:
        chances = rng.random(2) < probability
        axes = tuple(axis for axis, flip in zip((-1, -2), chances, strict=True) if flip)
        if not axes:
            return case
        changed = {name: np.ascontiguousarray(np.flip(case[name], axes)) for name in ("image", "label") if name in case}
        return {**case, **changed}

    return vary


def brighter(
    by_hu: float = 50.0, probability: float = 0.05, window: tuple[float, float] = (-1000.0, 2000.0)
) -> Variation:
    """About 50 HU more in the whole image, seldom: contrast agent varies.

    Args:
        by_hu: mean of the boost; a fifth of it is its standard deviation ("about" in the publication).
        probability: of a boost.
        window: HU that are 0 and 1 in the image.
    """

    def vary(case: Case, rng: np.random.Generator) -> Case:
        chance, strength = rng.random(), rng.normal(by_hu, 0.2 * by_hu)
        if chance >= probability:
            return case
        image = np.clip(case["image"] + np.float32(strength / (window[1] - window[0])), 0.0, 1.0)
        return {**case, "image": image.astype(np.float32, copy=False)}

    return vary


def zero_blocks(
    image: npt.NDArray[np.float32], rng: np.random.Generator, *, blocks: int = 25, probability: float = 0.8,
    side: tuple[int, int] = (8, 16),
) -> npt.NDArray[np.float32]:
    """A copy of an image (..., K, J, I) with blocks set to zero.

    Each of ``blocks`` is set with ``probability``. Sides are drawn evenly from ``side`` in each of the three directions
    (the depth is not published), scaled from a plane of 256 voxels to the image's, at least one voxel.
    """
    made = image.copy()
    shape = image.shape[-3:]
    scale = shape[-1] / _PUBLISHED_PLANE
    low, high = (max(1, round(n * scale)) for n in side)
    for _ in range(blocks):
        # All is drawn for a block that is left out too: the places of the others do not depend on it.
        chance = rng.random()
        sides = np.minimum(rng.integers(low, high + 1, 3), shape)
        start = [int(rng.integers(0, n - s + 1)) for n, s in zip(shape, sides, strict=True)]
        if chance < probability:
            k, j, i = (slice(a, a + int(s)) for a, s in zip(start, sides, strict=True))
            made[..., k, j, i] = 0.0
    return made


def with_zero_blocks(name: str = "masked", **settings: Any) -> Variation:
    """Adds the image with zero blocks under another name; "image" stays what is to be restored."""

    def vary(case: Case, rng: np.random.Generator) -> Case:
        return {**case, name: zero_blocks(case["image"], rng, **settings)}

    return vary


def _places(count: int, share: float, at: float) -> npt.NDArray[np.float64]:
    """Positions in the source of each voxel of a crop that is resized to the whole; voxel edges meet the crop's."""
    first = at * count * (1 - share)
    return np.clip(first + (np.arange(count) + 0.5) * share - 0.5, 0, count - 1)


def _linear(array: npt.NDArray[np.float32], places: npt.NDArray[np.float64], axis: int) -> npt.NDArray[np.float32]:
    low = np.minimum(places.astype(np.intp), array.shape[axis] - 2 if array.shape[axis] > 1 else 0)
    high = np.minimum(low + 1, array.shape[axis] - 1)
    weight = (places - low).astype(np.float32)
    weight = weight[:, None] if axis == -2 else weight
    below = np.take(array, low, axis)
    made: npt.NDArray[np.float32] = below + weight * (np.take(array, high, axis) - below)
    return made

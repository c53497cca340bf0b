"""Lesions that were found beside those that are there: which are hit, which are false, how well regions agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.sequences.lesion_search import Found

Labels = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Truth:
    """The lesions of one phantom.

    Attributes:
        numbers: (K, J, I), 0 for none.
        regions: number -> region in which it was drawn.
        volumes_ml: number -> volume; only of lesions that have a voxel.
    """

    numbers: Labels
    regions: Mapping[int, str]
    volumes_ml: Mapping[int, float]


@dataclass(frozen=True)
class Matched:
    """What was found in one patient by one method.

    Attributes:
        scores: number of a lesion -> score of the surest piece that touches it, -inf if none does.
        false: scores of pieces that touch none.
        lesion_of: label of a piece -> the lesion of which it holds most, 0 for none.
    """

    scores: Mapping[int, float]
    false: Sequence[float]
    lesion_of: Mapping[int, int]

    def hit(self, threshold: float) -> set[int]:
        """Lesions that count as found at a threshold."""
        return {number for number, score in self.scores.items() if score > threshold}

    def wrong(self, threshold: float) -> int:
        """How many false findings there are at a threshold."""
        return sum(score > threshold for score in self.false)


def truth_of(numbers: Labels, regions: Mapping[int, str], voxel_mm3: float) -> Truth:
    """The truth from a phantom's map of lesions and their regions."""
    counts = np.bincount(numbers.ravel())
    present = [int(n) for n in np.flatnonzero(counts) if n]
    return Truth(numbers, {n: regions[n] for n in present}, {n: float(counts[n]) * voxel_mm3 / 1000 for n in present})


def matched(labels: Labels, found: Sequence[Found], truth: Truth) -> Matched:
    """A piece touches a lesion if they share a voxel or two of theirs are neighbours.

    Args:
        labels: of the pieces, (K, J, I).
        found: the pieces.
        truth: of the same grid.
    """
    from scipy import ndimage

    near = ndimage.maximum_filter(truth.numbers, 3)
    scores = dict.fromkeys(truth.volumes_ml, -np.inf)
    false, lesion_of = [], {}
    boxes = ndimage.find_objects(labels)
    for piece in found:
        box = boxes[piece.label - 1]
        here = labels[box] == piece.label
        held, around = truth.numbers[box][here], near[box][here]
        touched = set(np.unique(held).tolist()) | set(np.unique(around).tolist())
        touched.discard(0)
        for number in touched:
            scores[number] = max(scores[number], piece.score)
        if not touched:
            false.append(piece.score)
        among = held[held > 0] if (held > 0).any() else around[around > 0]
        lesion_of[piece.label] = int(np.bincount(among).argmax()) if among.size else 0
    return Matched(scores, false, lesion_of)


def kept_at(labels: Labels, found: Sequence[Found], threshold: float) -> Labels:
    """The label map with the pieces of a score above a threshold alone."""
    lookup = np.zeros(int(labels.max()) + 1, np.uint16)
    for piece in found:
        if piece.score > threshold:
            lookup[piece.label] = piece.label
    return np.asarray(lookup[labels])

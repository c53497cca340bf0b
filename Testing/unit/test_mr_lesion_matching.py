"""Found lesions beside true ones: what counts as found, as false, and what is kept at a threshold."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_imaging.evaluation.overlap import dice
from synthetic_imaging.sequences.evidence.lesion_matching import kept_at, matched, truth_of
from synthetic_imaging.sequences.lesion_search import Found

SHAPE = (6, 10, 30)


def drawn(*boxes: tuple[int, int]) -> np.ndarray:
    """Boxes of two slices and three rows from one column to another, numbered from 1."""
    numbers = np.zeros(SHAPE, np.uint16)
    for number, (first, last) in enumerate(boxes, 1):
        numbers[2:4, 4:7, first:last] = number
    return numbers


def test_a_lesion_is_found_by_what_touches_it_and_the_rest_is_false():
    truth = truth_of(drawn((2, 5), (7, 9), (20, 23)), {1: "subcortical", 2: "juxtacortical", 3: "periventricular"}, 10)
    pieces = drawn((3, 8), (12, 15), (23, 25))  # the first holds parts of two; the last lies beside the third
    found = [Found(1, 2.0, 30), Found(2, 1.5, 18), Found(3, 1.0, 12)]
    seen = matched(pieces, found, truth)
    assert seen.hit(0.5) == {1, 2, 3} and seen.hit(1.2) == {1, 2} and seen.hit(3.0) == set()
    assert seen.wrong(0.5) == seen.wrong(1.2) == 1 and seen.wrong(1.7) == 0
    assert seen.lesion_of == {1: 1, 2: 0, 3: 3}
    assert truth.volumes_ml == pytest.approx({1: 0.18, 2: 0.12, 3: 0.18})


def test_a_lesion_without_a_voxel_is_not_asked_for():
    truth = truth_of(drawn((2, 5)), {1: "subcortical", 2: "subcortical"}, 10)
    assert set(truth.regions) == set(truth.volumes_ml) == {1}


def test_only_pieces_above_the_threshold_are_kept():
    pieces = drawn((3, 8), (12, 15))
    kept = kept_at(pieces, [Found(1, 2.0, 30), Found(2, 1.0, 18)], 1.0)
    assert np.array_equal(kept, np.where(pieces == 1, 1, 0))
    assert dice(kept > 0, pieces == 1) == 1 and dice(kept > 0, pieces > 0) == pytest.approx(10 / 13)

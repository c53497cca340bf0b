"""What a segmenter learns from: strategies, splits, augmentation, zeroed blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.segmentation.augmentation import Augmented, augmented
from synthetic_imaging.segmentation.settings import Augmentation, Blocks, Strategy
from synthetic_imaging.segmentation.sources import Chosen, Endless, Joined, cases_for, split
from synthetic_imaging.segmentation.zero_blocks import with_zero_blocks

NO_CHANGE = Augmentation(scale_percent=0, shift_percent=0, gamma=0, brightness=0, noise=0)


class Named:
    def __init__(self, kind: str, count: int) -> None:
        self.kind, self.count = kind, count

    def __len__(self) -> int:
        return self.count

    def case(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
        del rng
        assert 0 <= index < self.count
        return {"image": self.kind, "label": index, "volume_ml": 1.0}


def kinds(source: Any) -> list[tuple[str, int]]:
    cases = [source.case(n, np.random.default_rng(n)) for n in range(len(source))]
    return [(c["image"], c["label"]) for c in cases]


def test_three_synthetic_cases_come_with_each_real_one() -> None:
    mixed = cases_for(Strategy.MIXED, Named("real", 167), Named("made", 5000))
    found = kinds(mixed)
    assert len(found) == 668 and len(set(found)) == 668
    assert sum(kind == "made" for kind, _ in found) == 501


def test_strategies_take_the_cases_they_name() -> None:
    real, made = Named("real", 4), Named("made", 6)
    assert {k for k, _ in kinds(cases_for(Strategy.REAL, real, made))} == {"real"}
    assert {k for k, _ in kinds(cases_for(Strategy.SYNTHETIC, None, made))} == {"made"}
    assert len(cases_for(Strategy.MIXED, real, made, ratio=100)) == 10
    assert len(cases_for(Strategy.MIXED, real, made, ratio=0)) == 4


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_strategy_without_its_cases_says_so(strategy: Strategy) -> None:
    with pytest.raises(ParameterError, match="cases; give some"):
        cases_for(strategy, None, None)


def test_on_the_fly_cases_are_new_each_round_and_the_same_for_the_same_numbers() -> None:
    source = cases_for(Strategy.MIXED, Named("real", 3), Named("made", 10_000), ratio=3, on_the_fly=True)
    rounds = [[source.case(n, np.random.default_rng([r, n]))["label"] for n in range(3, 12)] for r in (0, 1, 0)]
    assert len(source) == 12 and rounds[0] != rounds[1] and rounds[0] == rounds[2]
    assert max(max(r) for r in rounds) > 100


@given(count=st.integers(2, 60), share=st.floats(0.01, 0.9), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_a_split_loses_no_case_and_shares_none(count: int, share: float, seed: int) -> None:
    training, held = split(Named("real", count), share, seed)
    found = kinds(training) + kinds(held)
    assert sorted(i for _, i in found) == list(range(count)) and len(held) >= 1 <= len(training)


def test_one_case_cannot_be_split() -> None:
    with pytest.raises(ParameterError, match="at least two cases"):
        split(Named("real", 1))


def test_joined_and_chosen_cases_keep_their_order() -> None:
    joined = Joined((Named("a", 2), Chosen(Named("b", 9), (7, 1))))
    assert kinds(joined) == [("a", 0), ("a", 1), ("b", 7), ("b", 1)]
    with pytest.raises(IndexError):
        joined.case(4, np.random.default_rng(0))
    assert len(Endless(Named("c", 50), 5)) == 5


def ball(shape: tuple[int, int, int] = (20, 24, 28)) -> dict[str, Any]:
    k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    inside = (k - 8) ** 2 + (j - 14) ** 2 + (i - 11) ** 2 <= 36
    return {"image": (0.2 + 0.5 * inside)[None].astype(np.float32), "label": inside.astype(np.uint8), "age": 50.0}


def test_image_and_label_move_together() -> None:
    changes = replace(NO_CHANGE, chance=1, scale_percent=15, shift_percent=10, turn_degrees=20)
    for seed in range(6):
        case = augmented(ball(), changes, np.random.default_rng(seed))
        bright = case["image"][0] > 0.45
        overlap = 2 * np.count_nonzero(bright & (case["label"] == 1)) / (bright.sum() + case["label"].sum())
        assert overlap > 0.93 and case["age"] == 50.0
        assert case["image"].dtype == np.float32 and case["label"].dtype == np.uint8
        assert 0.5 < case["label"].sum() / ball()["label"].sum() < 1.7


def test_a_shift_moves_by_its_voxels_and_a_scale_by_its_cube() -> None:
    only = replace(NO_CHANGE, chance=1, scale_percent=10)
    sizes = [augmented(ball(), only, np.random.default_rng(n))["label"].sum() for n in range(12)]
    assert 0.9**3 * 0.9 < min(sizes) / ball()["label"].sum() < 1 < max(sizes) / ball()["label"].sum() < 1.1**3 * 1.1


def test_augmentation_follows_its_numbers_and_leaves_the_source_alone() -> None:
    source = ball()
    before = source["image"].copy()
    one, two, other = (augmented(source, Augmentation(chance=1), np.random.default_rng(n)) for n in (4, 4, 5))
    assert np.array_equal(one["image"], two["image"]) and not np.array_equal(one["image"], other["image"])
    assert np.array_equal(source["image"], before)
    assert one["image"].min() >= 0 and one["image"].max() <= 1


def test_without_changes_a_case_stays_as_it_is_and_flips_mirror() -> None:
    same = augmented(ball(), replace(NO_CHANGE, chance=1), np.random.default_rng(0))
    np.testing.assert_allclose(same["image"], ball()["image"], atol=1e-6)
    flipped = [augmented(ball(), replace(NO_CHANGE, chance=1, flip_left_right=True), np.random.default_rng(n))
               for n in range(8)]
    mirrored = [np.array_equal(case["label"], ball()["label"][:, :, ::-1]) for case in flipped]
    assert 0 < sum(mirrored) < 8
    assert len(Augmented(Named("a", 3), Augmentation())) == 3


def test_zeroed_blocks_have_the_published_number_and_size() -> None:
    import torch

    images = torch.ones(3, 1, 64, 64, 64)
    random = BatchRandom(1, 0, range(3))
    blocked = with_zero_blocks(images, Blocks(count=25, chance=0.8, smallest=8, largest=16), random)
    assert bool((images == 1).all()) and set(blocked.unique().tolist()) == {0.0, 1.0}
    single = with_zero_blocks(torch.ones(40, 1, 64, 64, 64), Blocks(1, 1.0, 8, 16), BatchRandom(2, 0, range(40)))
    sides = []
    for image in single[:, 0] == 0:
        where = image.nonzero()
        extent = (where.max(0).values - where.min(0).values + 1).tolist()
        assert int(image.sum()) == extent[0] * extent[1] * extent[2]
        sides += extent
    assert min(sides) == 8 and max(sides) == 16 and 11 < np.mean(sides) < 13
    shares = 1 - blocked.flatten(1).mean(1)
    expected = 1 - (1 - 12**3 / 64**3) ** 20
    assert abs(float(shares.mean()) - expected) < 0.05


def test_blocks_depend_on_a_sample_s_place_alone_and_fit_small_images() -> None:
    import torch

    images = torch.ones(2, 1, 6, 20, 20)
    blocks = Blocks(smallest=4, largest=9)
    both = with_zero_blocks(images, blocks, BatchRandom(3, 5, (0, 1)))
    second = with_zero_blocks(images[1:], blocks, BatchRandom(3, 5, (1,)))
    assert torch.equal(both[1:], second) and not torch.equal(both[0], both[1])
    assert bool((with_zero_blocks(images, replace(blocks, chance=0.0), BatchRandom(3, 5, (0, 1))) == 1).all())

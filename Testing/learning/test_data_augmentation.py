"""Augmentations of the cardiac CT model: how often, how much, and that image and label stay together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_imaging.learning.data import augmentation as a
from synthetic_imaging.learning.learner import Case


def case(shape: tuple[int, int, int] = (6, 32, 40)) -> dict[str, Any]:
    """A label of one block, and an image that is the label."""
    label = np.zeros(shape, np.uint8)
    label[1:5, 8:20, 5:18] = 1
    return {"image": 0.2 + 0.5 * label[None].astype(np.float32), "label": label, "age": 60.0}


class One:
    def __len__(self) -> int:
        return 1

    def case(self, index: int, rng: np.random.Generator) -> Case:
        return case()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_image_and_label_stay_together(seed: int) -> None:
    varied = a.Varied(One(), [a.crop_in_plane(0.6), a.flips(0.5)]).case(0, np.random.default_rng(seed))
    image, label = varied["image"], varied["label"]
    assert image.dtype == np.float32
    assert label.dtype == np.uint8
    assert image.shape == (1, *label.shape)
    assert set(np.unique(label)) <= {0, 1}
    # Linear and nearest differ only on the border: half the step on a side, three quarters of it at a corner.
    assert np.abs(image[0] - (0.2 + 0.5 * label)).max() <= 0.376
    assert np.abs(image[0] - (0.2 + 0.5 * label)).mean() < 0.03
    assert varied["age"] == 60.0


def test_the_same_generator_state_gives_the_same_variant_and_the_source_stays_as_it_is() -> None:
    source = One()
    varied = a.Varied(source, a.cardiac_ct_variations())
    one, two = (varied.case(0, np.random.default_rng(5))["image"] for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, varied.case(0, np.random.default_rng(6))["image"])
    original = case()
    kept = original["image"].copy()
    for variation in (*a.cardiac_ct_variations(), a.brighter(probability=1.0), a.with_zero_blocks()):
        variation(original, np.random.default_rng(0))
    assert np.array_equal(original["image"], kept)


def test_flips_come_in_a_fifth_of_the_cases_each() -> None:
    rng, vary, given_case = np.random.default_rng(0), a.flips(), case()
    count = {"across": 0, "along": 0}
    for _ in range(1500):
        label = vary(given_case, rng)["label"]
        count["across"] += int(label[2, :, :18].sum() < label[2, :, -18:].sum())
        count["along"] += int(label[2, :14].sum() < label[2, -14:].sum())
    assert count["across"] / 1500 == pytest.approx(0.2, abs=0.04)
    assert count["along"] / 1500 == pytest.approx(0.2, abs=0.04)


def test_a_boost_is_about_50_hu_in_a_twentieth_of_the_cases() -> None:
    rng, vary, given_case = np.random.default_rng(1), a.brighter(), case()
    boosts = []
    for _ in range(3000):
        change = float((vary(given_case, rng)["image"] - given_case["image"]).mean()) * 3000
        if change:
            boosts.append(change)
    assert len(boosts) / 3000 == pytest.approx(0.05, abs=0.012)
    assert np.mean(boosts) == pytest.approx(50, abs=4)
    saturated = {"image": np.ones((1, 2, 2, 2), np.float32)}
    assert a.brighter(probability=1.0)(saturated, rng)["image"].max() == 1.0


def test_a_crop_takes_in_the_whole_plane_only_enlarged() -> None:
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32), (1, 2, 32, 40)).copy()
    for seed in range(20):
        made = a.crop_in_plane(0.5)({"image": ramp}, np.random.default_rng(seed))["image"][0, 0, 0]
        assert 0 <= made.min() < made.max() <= 39
        steps = np.diff(made)[1:-1]
        assert 0.5 - 1e-4 <= steps.min() <= steps.max() <= 1.0 + 1e-4
        assert steps.std() < 1e-4
    whole = a.crop_in_plane(1.0)({"image": ramp}, np.random.default_rng(0))["image"]
    assert np.allclose(whole, ramp, atol=1e-4)


def test_zero_blocks_have_the_published_number_size_and_probability() -> None:
    image = np.ones((1, 64, 256, 256), np.float32)
    one = a.zero_blocks(image, np.random.default_rng(3), blocks=1, probability=1.0)
    sides = [np.ptp(np.flatnonzero((one[0] == 0).any(axis=axes))) + 1 for axes in ((1, 2), (0, 2), (0, 1))]
    assert all(8 <= side <= 16 for side in sides)
    rng = np.random.default_rng(0)
    covered = [np.mean(a.zero_blocks(image[:, :, :64, :64], rng, side=(8, 8)) == 0) for _ in range(40)]
    # 25 blocks of (8 / 4)^3 voxels, each with probability 0.8, in 64^3: they hardly overlap.
    assert np.mean(covered) == pytest.approx(25 * 0.8 * 2**3 / 64**3, rel=0.05)
    assert a.zero_blocks(image[:, :4, :16, :16], rng).shape == (1, 4, 16, 16)
    varied = a.with_zero_blocks("masked", blocks=3)({"image": image[:, :8]}, rng)
    assert varied["image"].min() == 1.0
    assert varied["masked"].min() == 0.0

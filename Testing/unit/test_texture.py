"""The lesion's texture: the statistics of the published giant field, without making it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from synthetic_imaging.lesions.texture import make_texture


def published_field(
    shape: tuple[int, int, int], sigma_a: float, sigma_b: float, rng: np.random.Generator
) -> np.ndarray:
    """The published recipe, restated plainly on a smaller block."""
    a0 = ndimage.gaussian_filter(rng.random(shape), sigma_a)
    a0 = (a0 - a0.min()) / (a0.max() - a0.min())
    a = rng.uniform(0.19, 0.21) * a0 + rng.uniform(0.04, 0.06)
    smooth = ndimage.gaussian_filter((a > rng.random(shape)).astype(float), sigma_b)
    return np.clip(smooth * rng.uniform(0.50, 0.55) / smooth[smooth > 0.12].mean(), 0, 1)


def statistics(sigma_a: float, sigma_b: float, seeds: range) -> tuple[float, float]:
    block = np.array([60.0, 60.0, 60.0])
    fields = [
        make_texture(np.zeros(3), block, np.random.default_rng(seed), sigma_a, sigma_b).values for seed in seeds
    ]
    return float(np.mean([f.mean() for f in fields])), float(np.sqrt(np.mean([f.var() for f in fields])))


@pytest.mark.parametrize(("sigma_a", "sigma_b"), [(3.0, 4.0), (3.0, 7.0), (9.0, 4.0), (15.0, 7.0)])
def test_mean_and_spread_are_those_measured_on_the_published_field(sigma_a: float, sigma_b: float) -> None:
    mean, _ = statistics(sigma_a, sigma_b, range(30))
    assert 0.46 < mean < 0.56  # specification: 0.48-0.54 on whole fields


def test_blotches_are_faint_at_short_and_stronger_at_long_range() -> None:
    """Specification: SD 0.02 (3, 7) to 0.08 (15, 7). Whole-field SD: within and between pieces."""

    def spread(sigma_a: float, sigma_b: float) -> float:
        values = np.concatenate(
            [
                make_texture(np.zeros(3), np.full(3, 60.0), np.random.default_rng(s), sigma_a, sigma_b).values.ravel()
                for s in range(40)
            ]
        )
        return float(values.std())

    assert 0.015 < spread(3, 7) < 0.045
    assert 0.05 < spread(15, 7) < 0.11
    assert spread(15, 7) > 1.8 * spread(3, 7)


def test_a_piece_looks_like_a_piece_of_the_published_field() -> None:
    rng = np.random.default_rng(1)
    theirs = published_field((120, 120, 120), 6.0, 4.0, rng)
    ours = np.concatenate(
        [make_texture(np.zeros(3), np.full(3, 60.0), np.random.default_rng(s), 6.0, 4.0).values.ravel()
         for s in range(20)]
    )
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.05)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.4)


def test_the_texture_covers_the_block_it_was_asked_for_and_stays_within_zero_and_one() -> None:
    low, high = np.array([-10.0, 5.0, 100.0]), np.array([21.0, 17.0, 141.0])
    texture = make_texture(low, high, np.random.default_rng(0))
    end = texture.origin_ras_mm + (np.array(texture.values.shape) - 1) * texture.spacing_mm
    assert (texture.origin_ras_mm <= low).all()
    assert (end >= high).all()
    assert texture.values.min() >= 0
    assert texture.values.max() <= 1

"""Slices, coils and noise of MR images."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.physics.mr.imaging import coil_shading, thick_slices, with_noise


def test_noise_has_rician_moments() -> None:
    rng = np.random.default_rng(3)
    none, some = np.zeros(400_000, np.float32), np.full(400_000, 3.0, np.float32)
    assert with_noise(none, 2.0, rng).mean() == pytest.approx(2.0 * np.sqrt(np.pi / 2), rel=3e-3)
    noisy = with_noise(some, 2.0, rng).astype(np.float64)
    assert (noisy**2).mean() == pytest.approx(9 + 2 * 4, rel=5e-3)
    assert noisy.min() >= 0
    assert np.array_equal(with_noise(-some, 0.0, rng), some)


def test_the_same_generator_gives_the_same_noise() -> None:
    image = np.ones((3, 4, 5), np.float32)
    one, two = (with_noise(image, 0.1, np.random.default_rng(9)) for _ in range(2))
    assert np.array_equal(one, two)


def test_shading_is_smooth_positive_and_has_mean_one() -> None:
    shading = coil_shading((20, 30, 40), np.random.default_rng(1), 0.3)
    assert shading.min() > 0 and shading.mean() == pytest.approx(1, abs=1e-5)
    assert np.log(shading.max() / shading.min()) > 0.25
    assert max(float(np.abs(np.diff(np.log(shading), axis=a)).max()) for a in range(3)) < 0.1
    assert (coil_shading((4, 5, 6), np.random.default_rng(1), 0.0) == 1).all()


def test_slices_are_means_and_gaps_are_left_out() -> None:
    thin = np.arange(11, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    assert thick_slices(thin, 3)[:, 0, 0].tolist() == [1, 4, 7]
    assert thick_slices(thin, 3, gap=1)[:, 0, 0].tolist() == [1, 5, 9]
    assert thick_slices(np.moveaxis(thin, 0, 2), 11, axis=2).shape == (2, 2, 1)
    signed = np.array([1.0, -1.0], np.float32)[:, None, None]
    assert thick_slices(signed, 2)[0, 0, 0] == 0, "a null across a border is dark"


def test_what_cannot_be_is_refused() -> None:
    image = np.ones((3, 3, 3), np.float32)
    for wrong in (lambda: thick_slices(image, 4), lambda: thick_slices(image, 0),
                  lambda: coil_shading((3, 3, 3), np.random.default_rng(0), 5.0),
                  lambda: with_noise(image, -1.0, np.random.default_rng(0))):
        with pytest.raises(ParameterError):
            wrong()
    with pytest.raises(InputError):
        with_noise(np.full((2, 2), np.nan, np.float32), 1.0, np.random.default_rng(0))

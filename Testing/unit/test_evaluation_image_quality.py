"""PSNR, NMSE, MAE and RMSE beside scikit-image, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import metrics as reference

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.image_quality import mae, nmse, psnr, rmse

ALL = (mae, rmse, nmse, psnr)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    truth = rng.random((9, 12, 10))
    return truth + 0.1 * rng.standard_normal(truth.shape), truth


def test_measures_equal_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    image, truth = pair
    decibels = reference.peak_signal_noise_ratio(truth, image, data_range=1.0)
    assert psnr(image, truth, 1.0) == pytest.approx(decibels, rel=1e-12)
    assert nmse(image, truth) == pytest.approx(reference.normalized_root_mse(truth, image) ** 2, rel=1e-12)
    assert rmse(image, truth) == pytest.approx(math.sqrt(reference.mean_squared_error(truth, image)), rel=1e-12)
    assert mae(image, truth) == pytest.approx(np.abs(image - truth).mean(), rel=1e-12)


def test_integers_do_not_wrap_round() -> None:
    dark, bright = np.zeros((4, 4), np.uint8), np.full((4, 4), 200, np.uint8)
    assert mae(dark, bright) == rmse(dark, bright) == 200
    assert psnr(dark, bright, 255) == pytest.approx(20 * math.log10(255 / 200))


def test_equal_images_have_no_error(pair: tuple[np.ndarray, np.ndarray]) -> None:
    _, truth = pair
    assert mae(truth, truth) == rmse(truth, truth) == nmse(truth, truth) == 0
    assert psnr(truth, truth, 1.0) == math.inf


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.01, 100), seed=st.integers(0, 99))
def test_errors_scale_with_the_unit_and_ratios_do_not(scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    image, truth = rng.random((2, 5, 6, 7))
    assert mae(scale * image, scale * truth) == pytest.approx(scale * mae(image, truth))
    assert rmse(scale * image, scale * truth) == pytest.approx(scale * rmse(image, truth))
    assert nmse(scale * image, scale * truth) == pytest.approx(nmse(image, truth))
    assert psnr(scale * image, scale * truth) == pytest.approx(psnr(image, truth))
    assert mae(image, truth) == mae(truth, image)
    assert mae(image, truth) <= rmse(image, truth)


@pytest.mark.parametrize("measure", ALL)
def test_only_the_region_counts(measure, pair: tuple[np.ndarray, np.ndarray]) -> None:
    image, truth = pair
    region = np.zeros(truth.shape, bool)
    region[2:5, 3:9, 1:4] = True
    spoilt = np.where(region, image, 1e6)
    assert measure(spoilt, truth, mask=region) == measure(image[region], truth[region])


@pytest.mark.parametrize("measure", ALL)
def test_bad_input_gets_a_sentence(measure, pair: tuple[np.ndarray, np.ndarray]) -> None:
    image, truth = pair
    with pytest.raises(InputError, match="9 x 12 x 9, the reference 9 x 12 x 10"):
        measure(image[..., :-1], truth)
    broken = image.copy()
    broken[0, 0, :2] = np.nan, np.inf
    with pytest.raises(InputError, match="The image has 2 values that are not numbers"):
        measure(broken, truth)
    with pytest.raises(InputError, match="is empty"):
        measure(np.empty((0, 3)), np.empty((0, 3)))
    with pytest.raises(InputError, match="real numbers"):
        measure(image.astype(complex), truth)
    with pytest.raises(InputError, match="region holds no voxel"):
        measure(image, truth, mask=np.zeros(truth.shape))


def test_constant_references_get_a_sentence() -> None:
    image = np.ones((3, 3))
    with pytest.raises(InputError, match="constant"):
        psnr(image, np.full((3, 3), 7.0))
    with pytest.raises(InputError, match="zero everywhere"):
        nmse(image, np.zeros((3, 3)))
    with pytest.raises(ParameterError, match="above 0"):
        psnr(image, image, data_range=-1.0)

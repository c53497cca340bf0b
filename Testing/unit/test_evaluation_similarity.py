"""SSIM and MS-SSIM beside scikit-image, MONAI and torchmetrics; diversity within a set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import structural_similarity

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.structural_similarity import (
    GAUSSIAN,
    SCALE_WEIGHTS,
    UNIFORM,
    Window,
    ms_ssim,
    scale_weights,
    ssim,
    ssim_map,
    within_set_ms_ssim,
)

AS_WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def noisy_pair(shape: tuple[int, ...], seed: int = 0, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = ndimage.gaussian_filter(rng.standard_normal(shape), 1.5)
    truth = (truth - truth.min()) / np.ptp(truth)
    return (truth + noise * rng.standard_normal(shape)).astype(np.float32), truth.astype(np.float32)


def by_definition(image: np.ndarray, truth: np.ndarray, offset: float = 0.0) -> tuple[float, float]:
    """SSIM and its contrast-and-structure term of image + offset, in double precision, range 1."""
    x, y = image.astype(float), truth.astype(float)
    mx, my, xx, yy, xy = (ndimage.gaussian_filter(v, 1.5, truncate=3.5) for v in (x, y, x * x, y * y, x * y))
    contrast = (2 * (xy - mx * my) + 9e-4) / (xx - mx * mx + yy - my * my + 9e-4)
    mx, my = mx + offset, my + offset
    inner = (slice(5, -5),) * x.ndim
    return (contrast * (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4))[inner].mean(), contrast[inner].mean()


def halved(image: np.ndarray) -> np.ndarray:
    k, j, i = (n // 2 for n in image.shape)
    return image[: 2 * k, : 2 * j, : 2 * i].astype(float).reshape(k, 2, j, 2, i, 2).mean(axis=(1, 3, 5))


@pytest.mark.parametrize("shape", [(24, 31, 27), (33, 40)])
@pytest.mark.parametrize(
    ("window", "options"),
    [(GAUSSIAN, AS_WANG), (UNIFORM, {}), (Window(9, None), {"win_size": 9, "use_sample_covariance": False})],
)
def test_ssim_equals_scikit_image(shape: tuple[int, ...], window: Window, options: dict) -> None:
    image, truth = noisy_pair(shape)
    expected = structural_similarity(image.astype(float), truth.astype(float), data_range=1.0, **options)
    assert ssim(image, truth, 1.0, window) == pytest.approx(expected, abs=1e-6)
    assert ssim(image.astype(float), truth.astype(float), 1.0, window) == pytest.approx(expected, abs=1e-6)


def test_ssim_of_hounsfield_units_equals_scikit_image() -> None:
    image, truth = noisy_pair((20, 24, 28))
    image, truth = (np.rint(x * 1400 - 1000).astype(np.int16) for x in (image, truth))
    expected = structural_similarity(image.astype(float), truth.astype(float), data_range=1400, **AS_WANG)
    assert ssim(image, truth, 1400) == pytest.approx(expected, abs=1e-6)


def test_values_far_from_zero_are_not_drowned_in_rounding() -> None:
    """scikit-image itself is off by 2e-5 here, for it takes variances of the large numbers."""
    image, truth = noisy_pair((16, 20, 18))
    made = ssim(image.astype(np.float64) + 1e5, truth.astype(np.float64) + 1e5, 1.0)
    assert made == pytest.approx(by_definition(image, truth, 1e5)[0], abs=1e-6)


def test_map_and_region_equal_scikit_image() -> None:
    image, truth = noisy_pair((20, 22, 24))
    _, expected = structural_similarity(image.astype(float), truth.astype(float), data_range=1.0, full=True, **AS_WANG)
    made = ssim_map(image, truth, 1.0)
    inner = (slice(5, -5),) * 3
    np.testing.assert_allclose(made[inner], expected[inner], atol=2e-5)
    assert np.isnan(made[:5]).all() and np.isfinite(made[inner]).all()
    region = np.zeros(image.shape, bool)
    region[2:12, 8:14, 6:20] = True
    assert ssim(image, truth, 1.0, mask=region) == pytest.approx(np.nanmean(made[region]), abs=1e-6)


@pytest.mark.parametrize("shape", [(192, 180), (46, 44, 50)])
def test_ms_ssim_equals_monai(shape: tuple[int, ...]) -> None:
    import torch
    from monai.metrics import MultiScaleSSIMMetric

    image, truth = noisy_pair(shape, noise=0.05)
    weights = scale_weights(shape)
    peer = MultiScaleSSIMMetric(spatial_dims=len(shape), data_range=1.0, weights=weights)
    expected = float(peer(torch.from_numpy(image)[None, None], torch.from_numpy(truth)[None, None]))
    # MONAI's single precision is off by 1e-5 (see the next test).
    assert ms_ssim(image, truth, 1.0) == pytest.approx(expected, abs=5e-5)


def test_ms_ssim_equals_its_definition() -> None:
    image, truth = noisy_pair((46, 44, 50), noise=0.05)
    weights = scale_weights(image.shape)
    assert len(weights) == 3
    smaller = [(image, truth)]
    for _ in weights[1:]:
        smaller.append((halved(smaller[-1][0]), halved(smaller[-1][1])))
    terms = [by_definition(*pair)[scale < 2] for scale, pair in enumerate(smaller)]
    assert ms_ssim(image, truth, 1.0) == pytest.approx(np.prod(np.power(terms, weights)), abs=1e-6)


def test_ms_ssim_equals_torchmetrics() -> None:
    import torch
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as peer

    image, truth = noisy_pair((176, 190), noise=0.05)
    expected = float(peer(torch.from_numpy(image)[None, None], torch.from_numpy(truth)[None, None], data_range=1.0))
    # torchmetrics reflects the image at its border for the window and then cuts it off, as here.
    assert ms_ssim(image, truth, 1.0) == pytest.approx(expected, abs=1e-4)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 1000), noise=st.floats(0.01, 1))
def test_laws_of_ssim(seed: int, scale: float, noise: float) -> None:
    image, truth = noisy_pair((12, 14, 16), seed, noise)
    value = ssim(image, truth, 1.0)
    assert -1 <= value < 1
    assert ssim(truth, image, 1.0) == pytest.approx(value, abs=1e-5)
    assert ssim(scale * image, scale * truth, scale) == pytest.approx(value, abs=1e-4)
    assert ssim(image.transpose(2, 0, 1), truth.transpose(2, 0, 1), 1.0) == pytest.approx(value, abs=1e-5)
    assert ssim(truth, truth, 1.0) == pytest.approx(1, abs=1e-6)


def test_more_noise_is_less_alike() -> None:
    values = [ms_ssim(*noisy_pair((24, 24, 24), noise=noise), data_range=1.0) for noise in (0.01, 0.05, 0.2, 0.8)]
    assert values == sorted(values, reverse=True)
    assert 0 <= values[-1] < values[0] < 1


def test_scales_follow_the_size() -> None:
    assert scale_weights((176, 200, 180)) == pytest.approx(SCALE_WEIGHTS, abs=1e-3)
    assert [len(scale_weights((side,) * 3)) for side in (175, 88, 44, 22, 21, 11)] == [4, 4, 3, 2, 1, 1]
    assert sum(scale_weights((40, 40, 32))) == pytest.approx(1)
    image, truth = noisy_pair((16, 16, 16))
    assert ms_ssim(image, truth, 1.0) == ssim(image, truth, 1.0)


def test_a_collapsed_set_is_alike_and_a_varied_one_is_not() -> None:
    varied = np.stack([noisy_pair((16, 16, 16), seed)[1] for seed in range(5)])
    collapsed = np.stack([varied[0] + 1e-3 * seed for seed in range(5)])
    rng = np.random.default_rng(0)
    every = within_set_ms_ssim(varied)
    assert every.pairs.shape == (10, 2) and every.mean == pytest.approx(every.values.mean())
    assert every.mean < 0.5 < 0.99 < within_set_ms_ssim(collapsed).mean
    some = within_set_ms_ssim(varied, rng, pairs=4)
    assert len({tuple(pair) for pair in some.pairs.tolist()}) == 4
    known = {tuple(pair): value for pair, value in zip(every.pairs.tolist(), every.values, strict=True)}
    assert [known[tuple(pair)] for pair in some.pairs.tolist()] == some.values.tolist()
    assert "4 pairs, 1 scale)" in some.text


def test_bad_input_gets_a_sentence() -> None:
    image, truth = noisy_pair((16, 16, 16))
    with pytest.raises(InputError, match="window of 11 does not fit"):
        ssim(image[:8], truth[:8], 1.0)
    with pytest.raises(InputError, match="constant"):
        ssim(image, np.full_like(truth, 0.5))
    with pytest.raises(InputError, match=r"slices \(J, I\) or volumes"):
        ssim(np.ones(30), np.ones(30), 1.0)
    with pytest.raises(InputError, match="resample"):
        ssim(image, truth[:15], 1.0)
    with pytest.raises(InputError, match="not numbers"):
        ssim(np.where(image > 0.9, np.nan, image), truth, 1.0)
    corner = np.zeros(image.shape, bool)
    corner[0, 0, 0] = True
    with pytest.raises(InputError, match="window leaves the image"):
        ssim(image, truth, 1.0, mask=corner)
    with pytest.raises(InputError, match="at least two images"):
        within_set_ms_ssim([image])
    with pytest.raises(ParameterError, match="random generator"):
        within_set_ms_ssim([image, truth, image], pairs=1)
    with pytest.raises(ParameterError, match="odd"):
        Window(8)
    with pytest.raises(ParameterError, match="above 0"):
        ssim(image, truth, -1.0)

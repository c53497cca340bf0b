"""The Haar transform: exactly back, energy kept, linear, and bands where the documentation says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.wavelets import BANDS, WDM_DIVISOR, dwt, from_pyramid, idwt, in_image_range, pyramid

HALVES = st.tuples(*[st.integers(1, 3)] * 2, *[st.integers(1, 4)] * 3)


def image(half: tuple[int, ...], seed: int, dtype: Any = np.float64) -> Any:
    batch, channels, k, j, i = half
    return np.random.default_rng(seed).normal(0, 3, (batch, channels, 2 * k, 2 * j, 2 * i)).astype(dtype)


@given(HALVES, st.integers(0, 99), st.sampled_from([1.0, WDM_DIVISOR]))
def test_round_trip_energy_and_linearity(half: tuple[int, ...], seed: int, divisor: float):
    x, y = image(half, seed), image(half, seed + 1)
    bands = dwt(x, divisor)
    batch, channels, *size = half
    assert bands.shape == (batch, 8 * channels, *size)
    np.testing.assert_allclose(idwt(bands, divisor), x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(dwt(idwt(bands, divisor), divisor), bands, rtol=0, atol=1e-12)
    np.testing.assert_allclose(dwt(2 * x - y, divisor), 2 * bands - dwt(y, divisor), rtol=0, atol=1e-11)
    assert (dwt(x) ** 2).sum() == pytest.approx((x**2).sum(), rel=1e-12)


@settings(max_examples=25)
@given(HALVES, st.integers(0, 99), st.sampled_from([1.0, WDM_DIVISOR]))
def test_torch_and_numpy_agree(half: tuple[int, ...], seed: int, divisor: float):
    torch = pytest.importorskip("torch")
    x = image(half, seed)
    tensor = torch.from_numpy(x)
    np.testing.assert_array_equal(dwt(tensor, divisor).numpy(), dwt(x, divisor))
    with_gradient = tensor.clone().requires_grad_()
    np.testing.assert_allclose(dwt(with_gradient, divisor).detach(), dwt(x, divisor), atol=1e-13)
    back = idwt(dwt(with_gradient, divisor), divisor)
    np.testing.assert_allclose(back.detach(), x, atol=1e-12)


def test_round_trip_in_single_precision():
    torch = pytest.importorskip("torch")
    x = image((2, 2, 8, 16, 12), 0, np.float32) / 9
    assert dwt(x).dtype == np.float32
    assert np.abs(idwt(dwt(x, 3.0), 3.0) - x).max() < 1e-5
    half = torch.from_numpy(x).bfloat16()
    assert dwt(half).dtype == torch.bfloat16
    assert float((idwt(dwt(half)) - half).abs().max()) < 0.05


@pytest.mark.parametrize("band", range(8))
def test_bands_lie_where_their_letters_say(band: int):
    """A checkerboard that alternates along the axes marked H is in that band alone, first voxel minus second."""
    k, j, i = np.indices((4, 4, 4))
    signs = [(-1.0) ** axis if letter == "H" else np.ones(axis.shape)
             for letter, axis in zip(BANDS[band], (k, j, i), strict=True)]  # fmt: skip
    found = dwt(np.stack([np.prod(signs, axis=0), np.zeros((4, 4, 4))])[None])
    wanted = np.zeros((1, 16, 2, 2, 2))
    wanted[:, 2 * band] = 8**0.5
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_lll_of_a_full_image_is_what_wdm_divides_by_three():
    ones = np.ones((1, 1, 2, 2, 2))
    assert dwt(ones)[0, 0] == pytest.approx(8**0.5)
    assert dwt(ones, WDM_DIVISOR)[0, 0] == pytest.approx(8**0.5 / 3)
    assert dwt(ones.astype(np.uint8)).dtype == np.float32


def test_it_is_differentiable():
    torch = pytest.importorskip("torch")
    x = torch.randn(1, 2, 2, 4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: dwt(z, 3.0) ** 2, (x,))
    bands = dwt(x).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: idwt(z, 3.0) ** 2, (bands,))


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_pyramid_goes_exactly_back_and_keeps_energy(levels: int):
    x = image((2, 2, 4, 8, 12), 1)
    parts = pyramid(x, levels)
    assert [p.shape[1] for p in parts] == [2] + [14] * levels
    assert parts[0].shape[2:] == tuple(n // 2**levels for n in x.shape[2:])
    np.testing.assert_allclose(from_pyramid(parts), x, atol=1e-12)
    assert sum((p**2).sum() for p in parts) == pytest.approx((x**2).sum(), rel=1e-12)


def test_correction_clips_the_image_and_not_its_bands():
    x = image((1, 1, 4, 4, 4), 2)
    corrected = in_image_range(-1, 1, 3.0)(dwt(x, 3.0), None)
    np.testing.assert_allclose(idwt(corrected, 3.0), x.clip(-1, 1), atol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: dwt(np.zeros((1, 1, 4, 5, 4))), InputError, "4 x 5 x 4 voxels cannot be halved"),
        (lambda: dwt(np.zeros((4, 4, 4))), InputError, "takes"),
        (lambda: dwt(np.zeros((0, 1, 4, 4, 4))), InputError, "takes"),
        (lambda: dwt(np.zeros((1, 1, 4, 4, 4), dtype=complex)), InputError, "real"),
        (lambda: dwt(np.zeros((1, 1, 4, 4, 4)), 0.0), ParameterError, "above 0"),
        (lambda: idwt(np.zeros((1, 9, 4, 4, 4))), InputError, "eights"),
        (lambda: pyramid(np.zeros((1, 1, 4, 4, 4)), 3), InputError, "1 x 1 x 1"),
        (lambda: pyramid(np.zeros((1, 1, 4, 4, 4)), 0), ParameterError, "at least 1"),
        (lambda: from_pyramid([np.zeros((1, 1, 2, 2, 2))]), InputError, "level of details"),
        (lambda: from_pyramid([np.zeros((1, 1, 2, 2, 2)), np.zeros((1, 7, 3, 2, 2))]), InputError, "do not fit"),
        (lambda: in_image_range(1, 0), ParameterError, "low end"),
    ],
)
def test_what_cannot_be_gets_a_sentence(make: Any, error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        make()

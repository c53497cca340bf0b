"""Denoisers: any size, all conditions, and the work-saving doubling."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.networks.nets import AutoencoderKL

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.networks.building import built, parameter_count
from synthetic_imaging.learning.networks.denoiser import Denoiser
from synthetic_imaging.learning.networks.diff3_unet import StandardisedConv3d
from synthetic_imaging.learning.networks.doubling import DoublingConv3d, fold_doublings
from synthetic_imaging.learning.networks.padding import to_multiple
from synthetic_imaging.learning.networks.settings import (
    CT_CARDIAC_DENOISER,
    DIFF3_DENOISER,
    WAVELET_DENOISER_128,
    DenoiserSettings,
    NumberConditioning,
    Skips,
    Trunk,
)

pytestmark = pytest.mark.usefixtures("one_torch_thread")

MONAI = DenoiserSettings(width=8, residual_blocks=1, norm_groups=4, head_channels=8, multipliers=(1, 2, 2))
DIFF3 = replace(MONAI, trunk=Trunk.DIFF3)
ADDED = replace(MONAI, skips=Skips.ADDED, attention_levels=(False, False, False))
TOKENS = replace(MONAI, numbers=2, number_conditioning=NumberConditioning.CROSS_ATTENTION)


def network(made: DenoiserSettings, seed: int = 0) -> Denoiser:
    """A network whose last layer is not zero, so that its output depends on its input."""
    with built(seed):
        denoiser = Denoiser(made)
        for parameter in denoiser.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.1)
    return denoiser


def noisy(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("made", [MONAI, DIFF3, ADDED, TOKENS], ids=["monai", "diff3", "added", "tokens"])
@pytest.mark.parametrize("shape", [(4, 5, 5), (4, 4, 4), (3, 1, 7)])
def test_predictions_have_the_shape_of_their_input_whatever_its_size(
    made: DenoiserSettings, shape: tuple[int, int, int]
) -> None:
    x = noisy(2, 4, *shape)
    with torch.no_grad():
        out = network(made)(x, torch.tensor([0.5, 999.0]))
    assert out.shape == x.shape
    assert bool(torch.isfinite(out).all())


@pytest.mark.parametrize("made", [MONAI, DIFF3, ADDED], ids=["monai", "diff3", "added"])
def test_predictions_depend_on_time_class_numbers_and_condition(made: DenoiserSettings) -> None:
    denoiser = network(replace(made, classes=3, numbers=2, condition_channels=1))
    x, t = noisy(1, 4, 4, 4, 4), torch.tensor([10])
    known = {"context": torch.tensor([[0.3, 0.7]]), "class_labels": torch.tensor([1]),
             "condition": torch.ones(1, 1, 4, 4, 4)}
    with torch.no_grad():
        base = denoiser(x, t, **known)
        assert not torch.allclose(base, denoiser(x, torch.tensor([500]), **known), atol=1e-5)
        for name, other in (("context", torch.tensor([[0.3, 0.1]])), ("class_labels", torch.tensor([2])),
                            ("condition", torch.zeros(1, 1, 4, 4, 4))):
            assert not torch.allclose(base, denoiser(x, t, **{**known, name: other}), atol=1e-6), name
            assert not torch.allclose(base, denoiser(x, t, **{**known, name: None}), atol=1e-6), name


def test_numbers_by_cross_attention_change_predictions_and_nan_is_unknown() -> None:
    denoiser = network(TOKENS)
    x, t = noisy(1, 4, 4, 4, 4), torch.tensor([10])
    with torch.no_grad():
        base = denoiser(x, t, torch.tensor([[0.1, 0.9]]))
        assert not torch.allclose(base, denoiser(x, t, torch.tensor([[0.9, 0.1]])), atol=1e-7)
        unknown = denoiser(x, t, torch.full((1, 2), torch.nan))
        assert torch.equal(unknown, denoiser(x, t))
        assert not torch.allclose(unknown, denoiser(x, t, torch.zeros(1, 2)), atol=1e-7)


def test_samples_of_a_batch_do_not_see_each_other() -> None:
    for made in (MONAI, DIFF3, ADDED):
        denoiser = network(made)
        x, t = noisy(2, 4, 4, 4, 4), torch.tensor([3, 700])
        with torch.no_grad():
            torch.testing.assert_close(denoiser(x, t)[1:], denoiser(x[1:], t[1:]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("made", [MONAI, DIFF3, ADDED, TOKENS], ids=["monai", "diff3", "added", "tokens"])
def test_every_parameter_learns_and_has_one_name(made: DenoiserSettings) -> None:
    with_all = replace(made, classes=2, numbers=2, condition_channels=1)
    denoiser = network(with_all)
    x = noisy(2, 4, 4, 4, 4)
    out = denoiser(x, torch.tensor([3, 700]), torch.tensor([[0.5, 1.0], [0.1, 0.2]]), torch.tensor([0, 1]),
                   condition=noisy(2, 1, 4, 4, 4))
    (out - x).square().mean().backward()
    assert [name for name, p in denoiser.named_parameters() if p.grad is None] == []
    places = [value.data_ptr() for value in denoiser.state_dict().values() if value.numel()]
    assert len(places) == len(set(places))


@pytest.mark.parametrize(
    ("made", "millions", "shape"),
    [
        (DIFF3_DENOISER, 34.42, (16, 20, 20)),
        (CT_CARDIAC_DENOISER, 41.65, (20, 32, 32)),
        (WAVELET_DENOISER_128, 49.49, (64, 64, 64)),
    ],
    ids=["DIFF-3", "cardiac CT", "wavelets"],
)
def test_published_denoisers_have_their_size(
    made: DenoiserSettings, millions: float, shape: tuple[int, int, int]
) -> None:
    with torch.device("meta"):  # shapes only: nothing is computed
        denoiser = Denoiser(made)
        x = torch.empty(1, made.channels, *shape)
        out = denoiser(x, torch.zeros(1))
    assert parameter_count(denoiser) / 1e6 == pytest.approx(millions, abs=0.01)
    assert out.shape == x.shape


def test_the_published_diff3_denoiser_runs_on_a_small_latent() -> None:
    with built(0):
        denoiser = Denoiser(DIFF3_DENOISER).eval()
    with torch.inference_mode():
        out = denoiser(noisy(1, 4, 4, 5, 5), torch.tensor([20.0]))
    assert out.shape == (1, 4, 4, 5, 5)
    assert 0 < float(out.std()) < 100


@pytest.mark.parametrize(
    ("made", "arguments", "message"),
    [
        (MONAI, {"context": torch.zeros(1, 2)}, "conditioning by numbers"),
        (MONAI, {"class_labels": torch.zeros(1)}, "conditioning by class"),
        (MONAI, {"condition": torch.zeros(1, 1, 4, 4, 4)}, "conditioning volume"),
        (replace(MONAI, condition_channels=2), {"condition": torch.zeros(1, 1, 4, 4, 4)}, "must be"),
        (replace(MONAI, numbers=2), {"context": torch.zeros(1, 3)}, "takes 2 numbers"),
    ],
)
def test_a_condition_that_does_not_fit_gets_a_sentence(
    made: DenoiserSettings, arguments: dict[str, torch.Tensor], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        network(made)(noisy(1, 4, 4, 4, 4), torch.tensor([1]), **arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(MONAI, attention_levels=(True,)),
        replace(MONAI, skips=Skips.ADDED),
        replace(TOKENS, trunk=Trunk.DIFF3),
        replace(MONAI, width=12, norm_groups=4, head_channels=8, multipliers=(1, 1, 1)),
        replace(MONAI, norm_groups=16),
    ],
)
def test_settings_that_contradict_each_other_get_a_sentence(wrong: DenoiserSettings) -> None:
    with pytest.raises(ParameterError):
        Denoiser(wrong)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.tuples(*[st.integers(1, 4)] * 3), st.integers(0, 1000))
def test_a_folded_doubling_is_doubling_and_convolution(
    before: int, after: int, shape: tuple[int, int, int], seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    with built(seed):
        conv = torch.nn.Conv3d(before, after, 3, padding=1).double()
    x = torch.randn((2, before, *shape), generator=generator, dtype=torch.float64)
    plain = conv(torch.nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"))
    # The kernel is summed in float32.
    torch.testing.assert_close(DoublingConv3d(conv)(x), plain, atol=1e-5, rtol=1e-5)


def test_folded_doublings_keep_names_outputs_and_gradients_of_monais_network() -> None:
    made = []
    for _ in range(2):
        with built(5):
            made.append(AutoencoderKL(3, channels=(8, 8), norm_num_groups=4, num_res_blocks=1,
                                      attention_levels=(False, False), latent_channels=2))
    plain, folded = made
    fold_doublings(folded)
    assert sum(isinstance(m, DoublingConv3d) for m in folded.modules()) == 1
    assert plain.state_dict().keys() == folded.state_dict().keys()
    z = noisy(1, 2, 4, 4, 4)
    for one in made:
        one.decode(z).square().mean().backward()
    torch.testing.assert_close(folded.decode(z), plain.decode(z), atol=1e-5, rtol=1e-4)
    for (name, a), (_, b) in zip(plain.named_parameters(), folded.named_parameters(), strict=True):
        if a.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, atol=1e-5, rtol=1e-3, msg=name)


def test_standardised_kernels_have_mean_0_and_variance_1() -> None:
    with built(0):
        conv = StandardisedConv3d(2, 3, 3, padding=1)
        torch.nn.init.normal_(conv.weight, 5, 7)
    x = noisy(1, 2, 4, 4, 4)
    shifted = StandardisedConv3d(2, 3, 3, padding=1)
    shifted.load_state_dict({"weight": conv.weight * 3 + 1, "bias": conv.bias})
    torch.testing.assert_close(conv(x), shifted(x), atol=1e-4, rtol=1e-4)


def test_sizes_are_continued_by_their_last_slice() -> None:
    x = torch.arange(5.0).view(1, 1, 5, 1, 1)
    assert to_multiple(x, 4)[0, 0, :, 0, 0].tolist() == [0, 1, 2, 3, 4, 4, 4, 4]
    assert to_multiple(x, 1) is x
    assert to_multiple(x, 2, at_least=6).shape == (1, 1, 6, 6, 6)

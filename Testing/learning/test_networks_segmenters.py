"""Segmenters: any size, and encoders that can be taken over."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, save

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.networks.building import built, parameter_count
from synthetic_imaging.learning.networks.segmenters import (
    Segmenter,
    decoder_parameters,
    encoder_parameters,
    reset_decoder,
    transfer_encoder,
)
from synthetic_imaging.learning.networks.settings import SegmenterNetwork, SegmenterSettings

pytestmark = pytest.mark.usefixtures("one_torch_thread")

UNET = SegmenterSettings(widths=(4, 4, 8, 8, 8), classes=3)
DYN = replace(UNET, network=SegmenterNetwork.DYN_UNET, widths=(4, 8, 8))
SWIN = replace(UNET, network=SegmenterNetwork.SWIN_UNETR, widths=(12,))
ALL = pytest.mark.parametrize("settings", [UNET, DYN, SWIN], ids=["U-Net", "DynUNet", "Swin UNETR"])


def network(settings: SegmenterSettings, seed: int = 0) -> Segmenter:
    with built(seed):
        return Segmenter(settings)


def image(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


@ALL
def test_any_size_is_segmented_on_its_own_grid(settings: SegmenterSettings) -> None:
    made = network(settings).eval()
    with torch.inference_mode():
        out = made(image(1, 1, 9, 33, 16))
    assert out.shape == (1, 3, 9, 33, 16)
    assert bool(torch.isfinite(out).all())


@ALL
def test_encoder_and_decoder_together_are_all_parameters(settings: SegmenterSettings) -> None:
    made = network(settings)
    encoder, decoder = encoder_parameters(made), decoder_parameters(made)
    assert encoder
    assert decoder
    assert len({id(p) for p in encoder + decoder}) == len(list(made.parameters())) == len(encoder + decoder)
    # Gradients reach the head only through the decoder: its last layer is there.
    assert any(p.shape[0] == settings.classes for p in decoder)


@ALL
def test_an_encoder_is_taken_over_by_a_network_with_other_classes(settings: SegmenterSettings) -> None:
    source, target = network(replace(settings, classes=1), 1), network(settings, 2)
    kept = [p.clone() for p in decoder_parameters(target)]
    transfer_encoder(source, target)
    assert all(torch.equal(a, b) for a, b in zip(encoder_parameters(source), encoder_parameters(target), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(kept, decoder_parameters(target), strict=True))


def test_encoders_that_differ_are_not_taken_over() -> None:
    with pytest.raises(ParameterError, match="different encoders"):
        transfer_encoder(network(UNET), network(replace(UNET, widths=(4, 4, 8, 8, 16))))


def test_a_reset_decoder_is_that_of_a_new_network_and_the_encoder_stays() -> None:
    made, fresh = network(UNET, 1), network(UNET, 5)
    encoder = [p.clone() for p in encoder_parameters(made)]
    before = torch.default_generator.get_state()
    reset_decoder(made, 5)
    assert torch.equal(before, torch.default_generator.get_state())
    assert all(torch.equal(a, b) for a, b in zip(encoder, encoder_parameters(made), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(decoder_parameters(fresh), decoder_parameters(made), strict=True))


@pytest.mark.parametrize("settings", [UNET, DYN], ids=["U-Net", "DynUNet"])
def test_weights_go_through_a_file_and_all_learn(settings: SegmenterSettings) -> None:
    made = network(settings)
    other = network(settings, 9)
    other.load_state_dict(load(save(made.state_dict())))
    x = image(1, 1, 32, 32, 32)
    made(x).square().mean().backward()
    assert [name for name, p in made.named_parameters() if p.grad is None] == []
    with torch.no_grad():
        torch.testing.assert_close(made(x), other(x))


@pytest.mark.parametrize(
    ("kind", "widths", "millions"),
    [
        (SegmenterNetwork.UNET, (32, 64, 128, 256, 320), 15.68),
        (SegmenterNetwork.DYN_UNET, (32, 64, 128, 256, 320), 16.67),
        (SegmenterNetwork.SWIN_UNETR, (24,), 15.70),
    ],
)
def test_published_segmenters_have_their_size(
    kind: SegmenterNetwork, widths: tuple[int, ...], millions: float
) -> None:
    made = network(SegmenterSettings(network=kind, widths=widths))
    assert parameter_count(made) / 1e6 == pytest.approx(millions, abs=0.01)


@pytest.mark.parametrize(
    "wrong", [replace(UNET, widths=(4, 8)), replace(DYN, widths=(4, 8)), replace(SWIN, widths=(16,))]
)
def test_widths_that_do_not_fit_get_a_sentence(wrong: SegmenterSettings) -> None:
    with pytest.raises(ParameterError):
        Segmenter(wrong)


def test_an_image_without_batch_or_channel_gets_a_sentence() -> None:
    with pytest.raises(InputError, match="segmenter takes"):
        network(UNET)(image(1, 8, 8, 8))

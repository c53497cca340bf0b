"""Layout and number format: what is chosen, and that predictions stay what they were."""

from __future__ import annotations

import pytest
import torch

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.networks import speed
from synthetic_imaging.learning.networks.autoencoder import PairedAutoencoder
from synthetic_imaging.learning.networks.building import built
from synthetic_imaging.learning.networks.denoiser import Denoiser
from synthetic_imaging.learning.networks.settings import AutoencoderSettings, DenoiserSettings, NumberConditioning
from synthetic_imaging.learning.settings import Precision

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def decibels(given: torch.Tensor, true: torch.Tensor) -> float:
    """Peak signal to noise ratio, over the range of the true values."""
    error = (given.float() - true).square().mean()
    return float(10 * torch.log10((true.max() - true.min()).square() / error))


def test_a_cpu_gets_bfloat16_where_it_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(speed, "bfloat16_in_hardware", lambda has=has: has)
        assert speed.number_format("cpu") is expected
    assert speed.number_format("cpu", Precision.BFLOAT16) is torch.bfloat16
    assert speed.number_format("mps") is torch.float32


def test_float16_on_a_cpu_is_refused() -> None:
    with pytest.raises(ParameterError, match="bfloat16"):
        speed.number_format("cpu", Precision.FLOAT16)


def test_computing_leaves_weights_and_computes_in_the_format() -> None:
    layer = torch.nn.Linear(2, 2)
    with speed.computing("cpu", Precision.BFLOAT16):
        assert layer(torch.zeros(1, 2)).dtype is torch.bfloat16
    with speed.computing("cpu", Precision.FLOAT32):
        assert layer(torch.zeros(1, 2)).dtype is torch.float32
    assert layer.weight.dtype is torch.float32


@pytest.mark.parametrize("way", list(NumberConditioning))
def test_a_fast_denoiser_predicts_the_same_within_bfloat16(way: NumberConditioning) -> None:
    settings = DenoiserSettings(width=8, norm_groups=4, head_channels=8, residual_blocks=1, numbers=1,
                                classes=2, number_conditioning=way)
    with built(0):
        network = Denoiser(settings)
        for parameter in network.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.1)
    x = torch.randn(1, 4, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    arguments = (x, torch.tensor([300.0]), torch.tensor([[0.4]]), torch.tensor([1]))
    with torch.inference_mode():
        true = network(*arguments)
        given = speed.fast(network, "cpu", Precision.BFLOAT16)(*arguments)
    assert given.dtype is torch.float32
    assert next(network.parameters()).dtype is torch.bfloat16
    assert decibels(given, true) > 35


def test_a_fast_autoencoder_decodes_the_same_within_bfloat16() -> None:
    with built(0):
        network = PairedAutoencoder(AutoencoderSettings(widths=(8, 8), norm_groups=4, residual_blocks=1))
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 1, 8, 8, 8, generator=generator)
    label = torch.randint(0, 3, (1, 8, 8, 8), generator=generator)
    with torch.inference_mode():
        mean, _ = network.encode(image, label)
        true = network.decode(mean).image
        speed.fast(network, "cpu", Precision.BFLOAT16)
        fast_mean, _ = network.encode(image, label)
        shown, _ = network.finished(network.decode(mean))
    assert decibels(fast_mean, mean) > 35
    assert decibels(shown, true.clamp(0, 1)) > 35


def test_channels_last_changes_no_value() -> None:
    with built(0):
        layer = torch.nn.Conv3d(3, 4, 3)
    x = torch.randn(1, 3, 5, 5, 5, generator=torch.Generator().manual_seed(0))
    before = layer(x)
    speed.channels_last(layer)
    assert layer.weight.is_contiguous(memory_format=torch.channels_last_3d)
    torch.testing.assert_close(layer(x), before)

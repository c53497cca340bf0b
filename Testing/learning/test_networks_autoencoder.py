"""The paired autoencoders: what goes in, what comes out, what is learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.networks.autoencoder import Decoded, PairedAutoencoder
from synthetic_imaging.learning.networks.autoencoder_losses import (
    LabelLoss,
    LossWeights,
    autoencoder_loss,
    balance,
    kl_divergence,
    soft_dice_loss,
)
from synthetic_imaging.learning.networks.building import built, parameter_count
from synthetic_imaging.learning.networks.latent_scale import LatentScale, Scaling
from synthetic_imaging.learning.networks.perceptual import FrozenFeatures, gradient_difference, of_encoder
from synthetic_imaging.learning.networks.settings import (
    CT_CARDIAC_AUTOENCODER,
    DIFF3_AUTOENCODER,
    AutoencoderSettings,
    Fusion,
    LabelCode,
)
from synthetic_imaging.learning.randomness import BatchRandom

pytestmark = pytest.mark.usefixtures("one_torch_thread")

SMALL = AutoencoderSettings(widths=(8, 8, 16), residual_blocks=1, norm_groups=4)
CT_SMALL = replace(SMALL, classes=9, fusion=Fusion.SUMMED, label_code=LabelCode.COLOURS, bottleneck_attention=False)


def network(settings: AutoencoderSettings, seed: int = 0) -> PairedAutoencoder:
    with built(seed):
        return PairedAutoencoder(settings)


def batch(classes: int, shape: tuple[int, ...] = (2, 8, 12, 8)) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(0, max(classes, 1), shape, generator=generator).to(torch.uint8)
    return torch.rand(shape[0], 1, *shape[1:], generator=generator), label


@pytest.mark.parametrize(
    ("settings", "channels"),
    [(SMALL, 3), (CT_SMALL, 3), (replace(CT_SMALL, label_code=LabelCode.ONE_HOT), 9)],
)
def test_image_and_label_come_back_on_the_same_grid(settings: AutoencoderSettings, channels: int) -> None:
    image, label = batch(settings.classes)
    made = network(settings)
    with torch.no_grad():
        decoded, mean, std = made(image, label, BatchRandom(1, 0, [0, 1]).like)
    assert decoded.image.shape == image.shape
    assert decoded.label is not None
    assert decoded.label.shape == (2, channels, 8, 12, 8)
    assert mean.shape == std.shape == (2, *settings.latent_shape((8, 12, 8)))
    assert bool((std > 0).all())
    shown, found = made.finished(decoded)
    assert found is not None
    assert found.shape == label.shape
    assert found.dtype == torch.uint8
    assert int(found.max()) < settings.classes
    assert float(shown.min()) >= 0
    assert float(shown.max()) <= 1


def test_an_image_alone_needs_no_label() -> None:
    image, _ = batch(0)
    made = network(replace(SMALL, classes=0))
    decoded, _, _ = made(image, None, None)
    assert decoded.label is None
    assert made.finished(decoded)[1] is None
    with pytest.raises(InputError, match="images alone"):
        made.labels_of(decoded)


def test_a_volume_that_cannot_be_halved_is_refused_with_the_size_that_fits() -> None:
    image, label = batch(3, (1, 9, 12, 8))
    with pytest.raises(ParameterError, match="Pad the volume to 12 x 12 x 8"):
        network(SMALL).encode(image, label)


def test_a_label_map_of_another_size_is_refused() -> None:
    image, label = batch(3)
    with pytest.raises(InputError, match="label map"):
        network(SMALL).encode(image, label[:, :4])
    with pytest.raises(InputError, match="none"):
        network(SMALL).encode(image)


def test_widths_that_groups_do_not_divide_are_refused() -> None:
    with pytest.raises(ParameterError, match="multiples of the 32 groups"):
        PairedAutoencoder(AutoencoderSettings(widths=(16, 32)))


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_state() -> None:
    before = torch.default_generator.get_state()
    first, second, third = (network(SMALL, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.default_generator.get_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], third[name]) for name in first)


def test_saving_memory_changes_no_gradient() -> None:
    image, label = batch(3, (1, 8, 8, 8))
    gradients = []
    for save in (False, True):
        made = network(replace(SMALL, save_memory=save))
        decoded, mean, std = made(image, label, None)
        autoencoder_loss(decoded, mean, std, image, label, made.settings, LossWeights())[0].backward()
        gradients.append({name: p.grad for name, p in made.named_parameters()})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], msg=name)


def test_every_parameter_learns() -> None:
    for settings in (SMALL, CT_SMALL):
        image, label = batch(settings.classes)
        made = network(settings)
        decoded, mean, std = made(image, label, BatchRandom(0, 0, [0, 1]).like)
        autoencoder_loss(decoded, mean, std, image, label, settings, LossWeights())[0].backward()
        assert [name for name, p in made.named_parameters() if p.grad is None] == []


def test_a_few_steps_make_reconstruction_better() -> None:
    settings = replace(SMALL, bottleneck_attention=False)
    grid = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, 16)] * 3, indexing="ij"))
    ball = (grid.norm(dim=0) < 0.6).to(torch.uint8)
    label = (ball + (grid.norm(dim=0) < 0.3)).to(torch.uint8)[None]
    image = 0.2 + 0.3 * label[:, None].float()
    made = network(settings)
    optimiser = torch.optim.Adam(made.parameters(), 5e-3)
    losses = []
    for step in range(40):
        decoded, mean, std = made(image, label, BatchRandom(0, step, [0]).like)
        loss, parts = autoencoder_loss(decoded, mean, std, image, label, settings, LossWeights())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(parts["reconstruction"]))
    assert losses[-1] < 0.3 * losses[0]
    made.eval()
    with torch.no_grad():
        found = made.labels_of(made(image, label, None)[0])
    assert float((found == label).float().mean()) > 0.95


@pytest.mark.parametrize(
    ("settings", "crop", "millions"),
    [(DIFF3_AUTOENCODER, (8, 16, 8), 13.36), (CT_CARDIAC_AUTOENCODER, (8, 8, 16), 9.69)],
)
def test_published_autoencoders_have_their_size_and_run(
    settings: AutoencoderSettings, crop: tuple[int, int, int], millions: float
) -> None:
    made = network(settings).eval()
    assert parameter_count(made) / 1e6 == pytest.approx(millions, abs=0.01)
    image, label = batch(settings.classes, (1, *crop))
    with torch.inference_mode():
        decoded, mean, _ = made(image, label, None)
    assert mean.shape == (1, 4, *(n // 8 for n in crop))
    assert decoded.image.shape == image.shape


@pytest.mark.parametrize(
    ("settings", "shape", "latent"),
    [(DIFF3_AUTOENCODER, (128, 160, 160), (16, 20, 20)), (CT_CARDIAC_AUTOENCODER, (160, 256, 256), (20, 32, 32))],
)
def test_published_volumes_have_the_published_latents(
    settings: AutoencoderSettings, shape: tuple[int, int, int], latent: tuple[int, int, int]
) -> None:
    assert settings.latent_shape(shape) == (4, *latent)
    with torch.device("meta"):  # shapes only: nothing is computed
        made = PairedAutoencoder(settings)
        decoded = made.decode(torch.empty(1, 4, *latent))
    assert decoded.image.shape == (1, 1, *shape)
    assert decoded.label is not None
    assert decoded.label.shape == (1, settings.label_channels_out, *shape)


def test_losses_have_their_closed_forms() -> None:
    settings = replace(SMALL, classes=3)
    label = torch.zeros(2, 2, 2, 2, dtype=torch.uint8)
    decoded = Decoded(torch.full((2, 1, 2, 2, 2), 0.5), torch.zeros(2, 3, 2, 2, 2))
    mean, std = torch.full((2, 4, 1, 1, 1), 2.0), torch.ones(2, 4, 1, 1, 1)
    image = torch.zeros(2, 1, 2, 2, 2)
    weights = LossWeights(label=2.0, kl=0.1, per_voxel=False)
    loss, parts = autoencoder_loss(decoded, mean, std, image, label, settings, weights)
    assert float(parts["image"]) == pytest.approx(8 * 0.5)
    assert float(parts["label"]) == pytest.approx(8 * np.log(3), rel=1e-6)
    assert float(parts["kl"]) == pytest.approx(4 * 0.5 * 4.0)
    assert float(loss) == pytest.approx(4 + 2 * 8 * np.log(3) + 0.1 * 8, rel=1e-6)
    small, _ = autoencoder_loss(decoded, mean, std, image, label, settings, replace(weights, per_voxel=True))
    assert float(small) == pytest.approx(float(loss) / 8, rel=1e-6)
    assert float(kl_divergence(torch.zeros(1, 3), torch.ones(1, 3))) == 0


def test_soft_dice_is_none_for_a_certain_right_answer_and_large_for_a_wrong_one() -> None:
    label = torch.zeros(1, 4, 4, 4, dtype=torch.uint8)
    label[:, :2] = 1
    right = torch.nn.functional.one_hot(label.long(), 2).movedim(-1, 1).float() * 40
    assert float(soft_dice_loss(right, label)) == pytest.approx(0, abs=1e-5)
    assert float(soft_dice_loss(right.flip(1), label)) > 0.9


def test_a_label_loss_that_does_not_fit_the_code_is_refused() -> None:
    image, label = batch(9)
    decoded, mean, std = network(CT_SMALL)(image, label, None)
    with pytest.raises(ParameterError, match="colours"):
        autoencoder_loss(decoded, mean, std, image, label, CT_SMALL, LossWeights(), label_loss=LabelLoss.CROSS_ENTROPY)


def test_perceptual_terms_see_blur_more_than_a_shift_of_grey_value() -> None:
    image, _ = batch(0, (1, 12, 12, 12))
    blurred = torch.nn.functional.avg_pool3d(image, 3, 1, 1)
    made = network(replace(SMALL, classes=0, bottleneck_attention=False))
    trained = of_encoder(made.trunk.encoder.blocks)
    for difference in (gradient_difference, FrozenFeatures.with_random_weights(), trained):
        assert float(difference(image, image)) == 0
        assert float(difference(blurred, image)) > 2 * float(difference(image + 0.05, image))
    assert all(p.requires_grad for p in made.parameters())
    weights = LossWeights(perceptual=1.0)
    decoded, mean, std = made(image, None, None)
    parts = autoencoder_loss(decoded, mean, std, image, None, made.settings, weights, perceptual=gradient_difference)[1]
    assert float(parts["perceptual"]) > 0


def posteriors() -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(3)
    centre = torch.tensor([3.0, -1.0, 0.5]).view(1, 3, 1, 1, 1)
    return [
        (centre + 2 * torch.randn(2, 3, 4, 4, 4, generator=generator), torch.full((2, 3, 4, 4, 4), 0.1))
        for _ in range(3)
    ]


@pytest.mark.parametrize("scaling", list(Scaling))
def test_latents_are_scaled_and_come_back(scaling: Scaling) -> None:
    cases = posteriors()
    scale = LatentScale(3, scaling)
    scale.measure(iter(cases))
    z = torch.cat([mean for mean, _ in cases])
    scaled = scale(z)
    torch.testing.assert_close(scale.inverse(scaled), z)
    if scaling is Scaling.RANGE:
        low = min(float((m - 3 * s).min()) for m, s in cases)
        assert float(scale(torch.full((1, 3, 1, 1, 1), low))[0, 0]) == pytest.approx(-1)
        assert float(scaled.abs().max()) < 1
        assert float(scale(z * 100).abs().max()) == 1
    elif scaling is Scaling.CHANNELS:
        torch.testing.assert_close(scaled.mean((0, 2, 3, 4)), torch.zeros(3), atol=1e-4, rtol=0)
    else:
        noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(0))
        assert float(scale(z + 0.1 * noise).std()) == pytest.approx(1, abs=0.01)


def test_a_measured_scale_is_saved_with_the_weights() -> None:
    scale = LatentScale(3, Scaling.RANGE)
    scale.measure(posteriors())
    other = LatentScale(3, Scaling.RANGE)
    other.load_state_dict(scale.state_dict())
    assert bool(other.measured)
    assert torch.equal(other.size, scale.size)


@pytest.mark.parametrize("cases", [[], [(torch.full((1, 3, 2, 2, 2), torch.nan), torch.ones(1, 3, 2, 2, 2))]])
def test_latents_without_a_scale_are_refused(cases: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    with pytest.raises(InputError):
        LatentScale(3).measure(cases)


def test_balanced_weights_have_mean_one_and_a_small_structure_outweighs_what_surrounds_it() -> None:
    label = torch.zeros(2, 8, 8, 8, dtype=torch.uint8)
    label[0, :2, :2, :2] = 3
    weights = balance(label, 9)
    assert torch.allclose(weights.flatten(1).mean(1), torch.ones(2))
    assert torch.allclose(weights[1], torch.ones(8, 8, 8))
    ratio = float(weights[0, 0, 0, 0] / weights[0, 7, 7, 7])
    assert ratio == pytest.approx((504 / 8) ** 0.5, rel=1e-4)


@pytest.mark.parametrize(("code", "balanced", "kind"), [
    (LabelCode.COLOURS, False, LabelLoss.COLOURS), (LabelCode.COLOURS, True, LabelLoss.BALANCED_COLOURS),
    (LabelCode.ONE_HOT, False, LabelLoss.CROSS_ENTROPY), (LabelCode.NUMBER, True, LabelLoss.CROSS_ENTROPY_DICE),
])
def test_the_label_loss_fits_the_code(code: LabelCode, balanced: bool, kind: LabelLoss) -> None:
    assert LabelLoss.of(code, balanced) is kind

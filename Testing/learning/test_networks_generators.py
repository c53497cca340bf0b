"""VQ-VAE, plain VAE, GANs and what judges them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.networks.building import built, parameter_count
from synthetic_imaging.learning.networks.discriminators import PatchJudge, VolumeDiscriminator
from synthetic_imaging.learning.networks.gan import Generator, TwoScaleEncoder, TwoScaleGenerator
from synthetic_imaging.learning.networks.gan_losses import (
    clip_weights,
    discriminator_loss,
    feature_matching,
    generator_loss,
    gradient_penalty,
)
from synthetic_imaging.learning.networks.settings import (
    HA_GAN_128,
    Adversarial,
    GanSettings,
    LabelCode,
    VaeSettings,
    VqSettings,
)
from synthetic_imaging.learning.networks.vae import VectorVae
from synthetic_imaging.learning.networks.vq import PairedVq
from synthetic_imaging.learning.randomness import BatchRandom

pytestmark = pytest.mark.usefixtures("one_torch_thread")

VQ = VqSettings(widths=(8, 8), residual_blocks=1, codes=16, code_channels=4)
VAE = VaeSettings(shape_kji=(8, 16, 8), widths=(8, 16), latent=6, norm_groups=4)
GAN = GanSettings(shape_kji=(16, 8, 16), width=8, levels=3, latent=12, norm_groups=4, slab_part=2)


def batch(shape: tuple[int, ...] = (2, 8, 16, 8)) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(0, 3, shape, generator=generator).to(torch.uint8)
    return torch.rand(shape[0], 1, *shape[1:], generator=generator), label


def unlearned(network: torch.nn.Module) -> list[str]:
    return [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]


def test_codes_stand_for_image_and_label_and_come_back() -> None:
    image, label = batch()
    with built(0):
        made = PairedVq(VQ)
    decoded, loss = made(image, label)
    assert decoded.image.shape == image.shape
    (decoded.image.mean() + decoded.label.mean() + loss).backward()
    assert unlearned(made) == []
    made.eval()
    with torch.no_grad():
        indices = made.indices(image, label)
        again = made.decode_indices(indices)
        straight = made(image, label)[0]
    assert indices.shape == (2, 2, 4, 2)
    assert int(indices.max()) < 16
    torch.testing.assert_close(again.image, straight.image)
    assert made.labels_of(again).shape == label.shape


def test_all_codes_are_in_reach_of_the_encoder_from_the_first_batch_on() -> None:
    image, label = batch()
    with built(0):
        made = PairedVq(VQ)
    with torch.no_grad():
        for _ in range(5):
            made(image, label)
    assert float(made.codes_in_use) > 4
    assert bool(torch.isfinite(made.trunk.quantizer.quantizer.embedding.weight).all())


def test_an_unused_code_is_moved_to_where_the_encoder_is() -> None:
    image, label = batch()
    with built(0):
        made = PairedVq(VQ)
    book = made.trunk.quantizer.quantizer
    with torch.no_grad():
        made(image, label)
        book.embedding.weight[3] = book.ema_w[3] = 1e6
        book.ema_cluster_size[3] = 0.0
        made(image, label)
    assert float(book.embedding.weight.abs().max()) < 1e3


def test_a_vector_stands_for_a_whole_volume() -> None:
    image, label = batch()
    with built(0):
        made = VectorVae(VAE)
    decoded, mean, std = made(image, label, BatchRandom(0, 0, [0, 1]).like)
    assert mean.shape == std.shape == (2, 6)
    assert decoded.image.shape == image.shape
    assert made.finished(decoded)[1].shape == label.shape
    (decoded.image.mean() + decoded.label.mean() + std.mean()).backward()
    assert unlearned(made) == []
    with pytest.raises(InputError, match="takes volumes of"):
        made.encode(image[:, :, :4], label[:, :4])


def test_generated_volumes_look_to_a_judge_as_real_ones_do() -> None:
    image, label = batch((2, 16, 8, 16))
    for code in LabelCode:
        settings = replace(GAN, label_code=code)
        with built(0):
            generator = Generator(settings)
        fake = generator(BatchRandom(0, 0, [0, 1]).normal(settings.latent))
        real = generator.as_judged(image, label)
        assert fake.shape == real.shape
        assert float(fake.detach().min()) >= 0
        assert float(fake.detach().max()) <= 1
        shown, found = generator.finished(generator.decoded(real))
        torch.testing.assert_close(shown, image)
        assert torch.equal(found, label)
        fake.square().mean().backward()
        assert unlearned(generator) == []


def test_a_slab_is_part_of_the_whole() -> None:
    image, label = batch((1, 16, 8, 16))
    with built(0):
        generator, encoder = TwoScaleGenerator(GAN), TwoScaleEncoder(GAN)
    noise = BatchRandom(0, 0, [0]).normal(GAN.latent)
    small, slab = generator(noise, 1)
    assert small.shape == (1, 4, 4, 2, 4)
    assert slab.shape == (1, 4, generator.slab_slices, 8, 16)
    assert generator(noise)[1].shape == (1, 4, 16, 8, 16)
    real = generator.as_judged(image, label)
    assert generator.small_of(real).shape == small.shape
    last = generator.starts - 1
    assert torch.equal(generator.slab_of(real, last), real[:, :, -generator.slab_slices :])
    assert encoder(real).shape == noise.shape
    (small.square().mean() + slab.square().mean() + encoder(real).mean()).backward()
    assert unlearned(generator) == []
    assert unlearned(encoder) == []


def test_the_published_two_scale_gan_has_its_size() -> None:
    with torch.device("meta"):  # shapes only: nothing is computed
        generator = TwoScaleGenerator(HA_GAN_128)
        small, slab = generator(torch.empty(1, 1024), 0)
        _, whole = generator(torch.empty(1, 1024))
    assert small.shape == (1, 1, 32, 32, 32)
    assert slab.shape == (1, 1, 16, 128, 128)
    assert whole.shape == (1, 1, 128, 128, 128)
    assert parameter_count(generator) / 1e6 == pytest.approx(38.37, abs=0.01)


def test_sizes_that_cannot_be_generated_get_a_sentence() -> None:
    with pytest.raises(ParameterError, match="multiples of 8"):
        Generator(replace(GAN, shape_kji=(12, 8, 8)))
    with pytest.raises(ParameterError, match="slabs"):
        TwoScaleGenerator(replace(GAN, shape_kji=(16, 8, 8), slab_part=8))
    with pytest.raises(ParameterError, match="This discriminator"):
        VolumeDiscriminator(1, (12, 8, 8), levels=3)


@pytest.mark.parametrize("kind", list(Adversarial))
def test_losses_prefer_right_judgements(kind: Adversarial) -> None:
    high, low = torch.full((4,), 1.0), torch.full((4,), -1.0)
    assert float(discriminator_loss(kind, high, low)) < float(discriminator_loss(kind, low, high))
    assert float(generator_loss(kind, high)) < float(generator_loss(kind, low))


def test_losses_have_their_closed_forms() -> None:
    real, fake = torch.tensor([0.3]), torch.tensor([-0.2])
    values = {kind: float(discriminator_loss(kind, real, fake)) for kind in Adversarial}
    assert values[Adversarial.NON_SATURATING] == pytest.approx(
        -float(torch.log(torch.sigmoid(real)) + torch.log(1 - torch.sigmoid(fake))), rel=1e-5
    )
    assert values[Adversarial.WGAN] == values[Adversarial.WGAN_GP] == pytest.approx(-0.5)
    assert values[Adversarial.LEAST_SQUARES] == pytest.approx(0.5 * (0.49 + 0.04))


def test_the_gradient_penalty_is_none_at_slope_1_and_known_elsewhere() -> None:
    real, fake = torch.rand(2, 1, 2, 2, 2, generator=torch.Generator().manual_seed(0)), torch.zeros(2, 1, 2, 2, 2)
    mix = torch.tensor([0.2, 0.9])
    for slope, expected in ((1.0, 0.0), (3.0, 4.0)):
        penalty = gradient_penalty(lambda v, s=slope: s * v.flatten(1).sum(1) / 8**0.5, real, fake, mix)
        assert float(penalty) == pytest.approx(expected, abs=1e-5)


def test_the_gradient_penalty_teaches_the_discriminator() -> None:
    with built(0):
        judge = VolumeDiscriminator(1, (8, 8, 8), 4, 2, spectral=False)
    real = torch.rand(2, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    gradient_penalty(judge, real, real * 0.5, torch.tensor([0.2, 0.9])).backward()
    assert float(judge.stages[0].weight.grad.abs().sum()) > 0


def test_spectral_normalisation_bounds_each_layer() -> None:
    with built(0):
        judge = VolumeDiscriminator(1, (8, 8, 8), 4, 2)
        with torch.no_grad():
            judge.last.parametrizations.weight.original.mul_(50)
    for _ in range(10):
        judge(torch.rand(1, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert float(torch.linalg.matrix_norm(judge.last.weight.detach(), 2)) == pytest.approx(1, abs=0.01)


def test_patches_are_judged_and_their_features_matched() -> None:
    with built(0):
        judge = PatchJudge(2, 4, 2)
    volume = torch.rand(2, 2, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    assert judge(volume).shape[:2] == (2, 1)
    features = judge.features(volume)
    assert float(feature_matching(features, features).detach()) == 0
    assert float(feature_matching(features, judge.features(volume * 0.5)).detach()) > 0


def test_clipped_weights_stay_within_their_limit() -> None:
    with built(0):
        judge = PatchJudge(1, 4, 2)
    clip_weights(judge, 0.01)
    assert max(float(p.detach().abs().max()) for p in judge.parameters()) <= 0.01 + 1e-8

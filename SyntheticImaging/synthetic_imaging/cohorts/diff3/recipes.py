"""The recipes of DIFF-3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthetic_imaging.cohorts.diff3 import settings as chosen
from synthetic_imaging.cohorts.diff3.settings import AutoencoderRecipe, DiffusionRecipe, Echoes, GanRecipe
from synthetic_imaging.learning.learner import Learner
from synthetic_imaging.learning.recipe import Data, DataShape, Recipe

if TYPE_CHECKING:
    import torch

    from synthetic_imaging.learning.diffusion.schedules import Schedule

# First numbers of the splits: no phantom heart is in two of them, whatever the sizes up to here.
VALIDATION_FROM, TEST_FROM = 1_000_000, 2_000_000
BLURRED = "Speckle is smoothed away: a handful of numbers stands for the image."


def phantom_cases(cases: Echoes) -> Data:
    """Phantom echocardiograms in three splits, made once and kept in memory."""
    from synthetic_imaging.learning.remembered import RememberedCases
    from synthetic_imaging.phantoms.heart.stream import HeartEchoCases

    def part(first: int, count: int) -> RememberedCases:
        return RememberedCases(HeartEchoCases(cases.seed, count, shape_kji=_shape(cases), first=first))

    return Data(part(0, cases.training), part(VALIDATION_FROM, cases.validation), part(TEST_FROM, cases.test),
                "phantom")


def _shape(cases: Echoes) -> tuple[int, int, int]:
    k, j, i = cases.shape_kji
    return k, j, i


def _data_shape(settings: Any) -> DataShape:
    return DataShape(_shape(settings.cases), (0.0, 0.0, 0.0), "US", (0.0, 255.0), chosen.STRUCTURES)


def _phantom(settings: Any) -> Data:
    return phantom_cases(settings.cases)


def _autoencoder_networks(settings: AutoencoderRecipe) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.autoencoder import PairedAutoencoder

    return torch.nn.ModuleDict({"autoencoder": PairedAutoencoder(settings.network)})


def _autoencoder_learner(
    settings: AutoencoderRecipe, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.learners.paired_autoencoder import PairedAutoencoderLearner
    from synthetic_imaging.learning.networks.autoencoder_losses import LossWeights

    del models
    return PairedAutoencoderLearner(
        networks, data, settings.training, LossWeights(kl=settings.kl),
        late=LossWeights(kl=settings.second_kl, perceptual=settings.second_perceptual),
        late_from=int(settings.second_stage * settings.training.steps),
    )


AUTOENCODER = Recipe(
    id="diff3.autoencoder",
    title="DIFF-3: autoencoder",
    sentence="Learns to compress a 3-D echocardiogram together with its left ventricular labels.",
    reference=chosen.REFERENCE,
    settings=AutoencoderRecipe,
    presets={"small": AutoencoderRecipe(), "published": chosen.PUBLISHED_AUTOENCODER},
    data_shape=_data_shape,
    phantom=_phantom,
    networks=_autoencoder_networks,
    learner=_autoencoder_learner,
    known_failures=(BLURRED,),
)


def noise_schedule(settings: DiffusionRecipe) -> Schedule:
    """Sigmoid, start -3, end 3, tau 1."""
    from synthetic_imaging.learning.diffusion.schedules import schedule

    return schedule("sigmoid", settings.noise_steps)


def _diffusion_networks(settings: DiffusionRecipe) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.denoiser import Denoiser
    from synthetic_imaging.learning.networks.latent_scale import LatentScale, Scaling

    return torch.nn.ModuleDict({
        "denoiser": Denoiser(settings.network), "scale": LatentScale(settings.network.channels, Scaling.RANGE),
    })


def _diffusion_learner(
    settings: DiffusionRecipe, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.diffusion.losses import DiffusionLoss
    from synthetic_imaging.learning.learners.latent_diffusion import LatentDiffusionLearner

    return LatentDiffusionLearner(
        networks, models["autoencoder"].networks["autoencoder"], data, settings.training,
        DiffusionLoss(noise_schedule(settings), "noise", "l1"),
    )


DIFFUSION = Recipe(
    id="diff3.diffusion",
    title="DIFF-3: latent diffusion",
    sentence="Learns to make new latents of the DIFF-3 autoencoder, each an echocardiogram with its labels.",
    reference=chosen.REFERENCE,
    settings=DiffusionRecipe,
    presets={"small": DiffusionRecipe(), "published": chosen.PUBLISHED_DIFFUSION},
    data_shape=_data_shape,
    phantom=_phantom,
    networks=_diffusion_networks,
    learner=_diffusion_learner,
    needs={"autoencoder": AUTOENCODER.id},
    known_failures=(BLURRED,),
)


def _gan_networks(settings: GanRecipe) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.discriminators import VolumeDiscriminator
    from synthetic_imaging.learning.networks.gan import TwoScaleEncoder, TwoScaleGenerator

    network = settings.network
    k, j, i = network.shape_kji

    def judge(shape: tuple[int, int, int]) -> VolumeDiscriminator:
        halvings = next(n for n in (4, 3, 2, 1) if not any(side % 2**n for side in shape))
        return VolumeDiscriminator(1, shape, network.width, halvings, spectral=network.spectral)

    return torch.nn.ModuleDict({
        "generator": TwoScaleGenerator(network),
        "judge": judge((k // network.slab_part, j, i)),
        "small judge": judge((k // 4, j // 4, i // 4)),
        "encoder": TwoScaleEncoder(network),
    })


def _gan_learner(
    settings: GanRecipe, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.learners.gan import TwoScaleGanLearner

    del models
    return TwoScaleGanLearner(networks, data, settings.training, settings.network)


GAN = Recipe(
    id="diff3.gan",
    title="DIFF-3: GAN for comparison",
    sentence="Learns to make echocardiograms without labels by a two-scale GAN, to compare DIFF-3 with.",
    reference="Sun et al. (2022). Hierarchical amortized GAN for 3D high resolution medical image synthesis. IEEE JBHI",
    settings=GanRecipe,
    presets={"small": GanRecipe(), "published": chosen.PUBLISHED_GAN},
    data_shape=_data_shape,
    phantom=_phantom,
    networks=_gan_networks,
    learner=_gan_learner,
    parts=("generator",),
)

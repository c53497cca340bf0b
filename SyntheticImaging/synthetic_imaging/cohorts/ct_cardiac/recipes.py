"""The recipes of the paired cardiac CT model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthetic_imaging.cohorts.ct_cardiac import settings as chosen
from synthetic_imaging.cohorts.ct_cardiac.settings import AutoencoderRecipe, DiffusionRecipe, Hearts
from synthetic_imaging.learning.learner import CaseSource, Learner
from synthetic_imaging.learning.recipe import Data, DataShape, Recipe

if TYPE_CHECKING:
    import torch

    from synthetic_imaging.learning.diffusion.schedules import Schedule

SMOOTH = "Grain and fine structure are smoothed away."
APPENDAGE = "The left atrial appendage comes out too large: its colour is weighted so that it is learned at all."
MIRRORED = "Some hearts are mirrored or turned: the published augmentation flips training cases."
# First numbers of the splits: no phantom heart is in two of them, whatever the sizes up to here.
VALIDATION_FROM, TEST_FROM = 1_000_000, 2_000_000


def phantom_cases(cases: Hearts) -> Data:
    """Phantom CT hearts in three splits, made once and kept in memory; the training split augmented as published."""
    from synthetic_imaging.learning.data.augmentation import Varied, cardiac_ct_variations
    from synthetic_imaging.learning.remembered import RememberedCases
    from synthetic_imaging.phantoms.heart.stream import HeartCtCases

    def part(first: int, count: int) -> RememberedCases:
        return RememberedCases(HeartCtCases(cases.seed, count, shape_kji=_shape(cases), first=first))

    training: CaseSource = part(0, cases.training)
    if cases.augment:
        training = Varied(training, cardiac_ct_variations(chosen.WINDOW_HU))
    return Data(training, part(VALIDATION_FROM, cases.validation), part(TEST_FROM, cases.test), "phantom")


def _shape(cases: Hearts) -> tuple[int, int, int]:
    k, j, i = cases.shape_kji
    return k, j, i


def _data_shape(settings: Any) -> DataShape:
    k, j, i = _shape(settings.cases)
    # The heart with its great vessels, about 170 mm in each direction.
    return DataShape((k, j, i), (168.0 / k, 168.0 / j, 168.0 / i), "CT", chosen.WINDOW_HU, chosen.STRUCTURES)


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
    weights = LossWeights(label=settings.label_weight, kl=settings.kl, perceptual=settings.perceptual,
                          balanced=settings.balanced)
    return PairedAutoencoderLearner(networks, data, settings.training, weights, betas=(0.9, 0.999))


AUTOENCODER = Recipe(
    id="ct-cardiac.autoencoder",
    title="Cardiac CT: autoencoder",
    sentence="Learns to compress a cardiac CT together with its eight labelled structures.",
    reference=chosen.REFERENCE,
    settings=AutoencoderRecipe,
    presets={"small": AutoencoderRecipe(), "published": chosen.PUBLISHED_AUTOENCODER},
    data_shape=_data_shape,
    phantom=_phantom,
    networks=_autoencoder_networks,
    learner=_autoencoder_learner,
    known_failures=(SMOOTH, APPENDAGE),
)


def noise_schedule(settings: DiffusionRecipe) -> Schedule:
    """Scaled-linear, 0.0015 to 0.0195."""
    from synthetic_imaging.learning.diffusion.schedules import schedule

    return schedule("scaled_linear", settings.noise_steps)


def _diffusion_networks(settings: DiffusionRecipe) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.denoiser import Denoiser
    from synthetic_imaging.learning.networks.latent_scale import LatentScale, Scaling

    return torch.nn.ModuleDict({
        "denoiser": Denoiser(settings.network),
        "scale": LatentScale(settings.network.channels,
                             Scaling.CHANNELS if settings.channel_wise else Scaling.UNIT_VARIANCE),
    })


def _diffusion_learner(
    settings: DiffusionRecipe, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.diffusion.losses import DiffusionLoss
    from synthetic_imaging.learning.learners.latent_diffusion import LatentDiffusionLearner

    return LatentDiffusionLearner(
        networks, models["autoencoder"].networks["autoencoder"], data, settings.training,
        DiffusionLoss(noise_schedule(settings), settings.target.value, "l2"), copies=settings.copies,
        betas=(0.9, 0.999), weight_decay=0.01,
    )


DIFFUSION = Recipe(
    id="ct-cardiac.diffusion",
    title="Cardiac CT: latent diffusion",
    sentence="Learns to make new latents of the cardiac CT autoencoder, each a CT with eight labelled structures.",
    reference=chosen.REFERENCE,
    settings=DiffusionRecipe,
    presets={"small": DiffusionRecipe(), "published": chosen.PUBLISHED_DIFFUSION},
    data_shape=_data_shape,
    phantom=_phantom,
    networks=_diffusion_networks,
    learner=_diffusion_learner,
    known_failures=(SMOOTH, APPENDAGE, MIRRORED),
    needs={"autoencoder": AUTOENCODER.id},
)

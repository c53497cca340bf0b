"""The recipes of the families; those of GAN and VQ-GAN keep their judges out of the model's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from synthetic_imaging.cohorts.families import settings as chosen
from synthetic_imaging.learning.learner import Learner
from synthetic_imaging.learning.recipe import Data, DataShape, Recipe

if TYPE_CHECKING:
    import torch

    from synthetic_imaging.learning.diffusion.losses import DiffusionLoss
    from synthetic_imaging.learning.diffusion.schedules import Schedule

# First numbers of the splits: no phantom heart is in two of them, whatever the sizes up to here.
VALIDATION_FROM, TEST_FROM, OTHERS_FROM = 1_000_000, 2_000_000, 3_000_000


def hearts(cases: chosen.Hearts, first: int, count: int) -> Any:
    """Phantom CT hearts from a number on, made once and kept in memory, as a `CaseSource`."""
    from synthetic_imaging.learning.remembered import RememberedCases
    from synthetic_imaging.phantoms.heart.stream import HeartCtCases

    k, j, i = cases.shape_kji
    source = HeartCtCases(cases.seed, count, (k, j, i), chosen.FIELD_MM / max(k, j, i), first)
    return RememberedCases(source)


def phantom_cases(cases: chosen.Hearts) -> Data:
    """Phantom CT hearts in three splits."""
    return Data(hearts(cases, 0, cases.training), hearts(cases, VALIDATION_FROM, cases.validation),
                hearts(cases, TEST_FROM, cases.test), "phantom")


def noise_schedule(noising: chosen.Noising) -> Schedule:
    """The noise schedule of a recipe's settings."""
    from synthetic_imaging.learning.diffusion.schedules import schedule

    if noising.beta_end:
        return schedule(noising.schedule, noising.steps, beta_end=noising.beta_end)
    return schedule(noising.schedule, noising.steps)


def _loss(noising: chosen.Noising) -> DiffusionLoss:
    from synthetic_imaging.learning.diffusion.losses import DiffusionLoss

    return DiffusionLoss(noise_schedule(noising), noising.target, noising.distance)


def _data_shape(settings: Any) -> DataShape:
    k, j, i = settings.cases.shape_kji
    voxel = chosen.FIELD_MM / max(k, j, i)
    return DataShape((k, j, i), (voxel, voxel, voxel), "CT", chosen.WINDOW_HU, chosen.STRUCTURES)


def _phantom(settings: Any) -> Data:
    return phantom_cases(settings.cases)


def _vae_networks(settings: chosen.VaeRecipe) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.vae import VectorVae

    return torch.nn.ModuleDict({"autoencoder": VectorVae(settings.network)})


def _vae_learner(
    settings: chosen.VaeRecipe, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.learners.vae import VaeLearner

    del models
    return VaeLearner(networks, data, settings.training, kl=settings.kl)


def _gan_networks(settings: chosen.GanRecipe) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.discriminators import VolumeDiscriminator
    from synthetic_imaging.learning.networks.gan import Generator, TwoScaleEncoder, TwoScaleGenerator

    network = settings.network
    k, j, i = network.shape_kji
    channels = network.image_channels + network.label_channels_out

    def judge(shape: tuple[int, int, int], levels: int) -> torch.nn.Module:
        return VolumeDiscriminator(channels, shape, network.width, levels, spectral=network.spectral)

    if not settings.two_scales:
        return torch.nn.ModuleDict({"generator": Generator(network), "judge": judge((k, j, i), network.levels)})
    return torch.nn.ModuleDict({
        "generator": TwoScaleGenerator(network),
        "judge": judge((k // network.slab_part, j, i), min(3, network.levels)),
        "small judge": judge((k // 4, j // 4, i // 4), max(1, network.levels - 2)),
        "encoder": TwoScaleEncoder(network),
    })


def _gan_learner(
    settings: chosen.GanRecipe, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.learners.gan import GanLearner, TwoScaleGanLearner

    del models
    kind = TwoScaleGanLearner if settings.two_scales else GanLearner
    return kind(networks, data, settings.training, settings.network)


def _vq_networks(settings: chosen.VqRecipe) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.discriminators import PatchJudge
    from synthetic_imaging.learning.networks.slice_judge import SliceJudge
    from synthetic_imaging.learning.networks.vq import PairedVq

    channels, width, layers = settings.network.image_channels, settings.judge_width, settings.judge_layers
    networks: dict[str, torch.nn.Module] = {"autoencoder": PairedVq(settings.network)}
    if settings.judge > 0:
        networks["judge"] = PatchJudge(channels, width, layers)
    if settings.slice_judge > 0:
        networks["slice judge"] = SliceJudge(channels, width, layers)
    return torch.nn.ModuleDict(networks)


def _vq_learner(
    settings: chosen.VqRecipe, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.learners.vq import VqLearner, VqWeights

    del models
    weights = VqWeights(image=settings.image, perceptual=settings.perceptual, judge=settings.judge,
                        slice_judge=settings.slice_judge, matching=settings.matching, judged_from=settings.judged_from)
    return VqLearner(networks, data, settings.training, weights)


def _autoencoder_networks(settings: chosen.AutoencoderRecipe) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.autoencoder import PairedAutoencoder

    return torch.nn.ModuleDict({"autoencoder": PairedAutoencoder(settings.network)})


def _autoencoder_learner(
    settings: chosen.AutoencoderRecipe, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.learners.paired_autoencoder import PairedAutoencoderLearner
    from synthetic_imaging.learning.networks.autoencoder_losses import LossWeights

    del models
    return PairedAutoencoderLearner(networks, data, settings.training,
                                    LossWeights(kl=settings.kl, perceptual=settings.perceptual))


def _latent_networks(settings: Any) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.denoiser import Denoiser
    from synthetic_imaging.learning.networks.latent_scale import LatentScale, Scaling

    # Codes lie in a box: its sides become -1 and 1 (Khader et al. 2023). Other latents get variance 1.
    scaling = Scaling.RANGE if isinstance(settings, chosen.VqPriorRecipe) else Scaling.UNIT_VARIANCE
    return torch.nn.ModuleDict({
        "denoiser": Denoiser(settings.network), "scale": LatentScale(settings.network.channels, scaling),
    })


def _latent_learner(
    settings: Any, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.learners.latent_diffusion import LatentDiffusionLearner
    from synthetic_imaging.learning.learners.vq import CodesAsLatents

    autoencoder = models["autoencoder"].networks["autoencoder"]
    if isinstance(settings, chosen.VqPriorRecipe):
        autoencoder = CodesAsLatents(autoencoder)
    return LatentDiffusionLearner(networks, autoencoder, data, settings.training, _loss(settings.noising))


def _classes(settings: chosen.VoxelRecipe | chosen.WaveletRecipe) -> int:
    return chosen.CLASSES if settings.label_condition else 0


def _space_networks(settings: chosen.VoxelRecipe | chosen.WaveletRecipe) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.denoiser import Denoiser

    network = replace(settings.network, condition_channels=space_of(settings).condition_channels())
    return torch.nn.ModuleDict({"denoiser": Denoiser(network)})


def space_of(settings: chosen.VoxelRecipe | chosen.WaveletRecipe) -> Any:
    """How images become what is diffused: a `VoxelSpace` or a `WaveletSpace`."""
    from synthetic_imaging.learning.learners.voxel_diffusion import VoxelSpace
    from synthetic_imaging.learning.learners.wavelet_diffusion import WaveletSpace

    kind = WaveletSpace if isinstance(settings, chosen.WaveletRecipe) else VoxelSpace
    return kind(_classes(settings))


def _voxel_learner(
    settings: chosen.VoxelRecipe, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.learners.voxel_diffusion import VoxelDiffusionLearner

    del models
    return VoxelDiffusionLearner(networks, data, settings.training, _loss(settings.noising), space_of(settings))


def _wavelet_learner(
    settings: chosen.WaveletRecipe, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.learners.wavelet_diffusion import WaveletDiffusionLearner

    del models
    return WaveletDiffusionLearner(networks, data, settings.training, _loss(settings.noising),
                                   classes=_classes(settings), weight_decay=0.01)


VAE = Recipe(
    id="families.vae", title="VAE",
    sentence="Learns cardiac CTs by a variational autoencoder with one latent vector for a volume.",
    reference="Kingma DP, Welling M (2014). Auto-encoding variational Bayes. ICLR", settings=chosen.VaeRecipe,
    presets={"small": chosen.VaeRecipe(), "published": chosen.PUBLISHED_VAE}, data_shape=_data_shape, phantom=_phantom,
    networks=_vae_networks, learner=_vae_learner,
)
GAN = Recipe(
    id="families.gan", title="GAN",
    sentence="Learns cardiac CTs by a generator and a judge, of whole volumes or at two scales.",
    reference="Sun et al. (2022). Hierarchical amortized GAN for 3D high resolution medical image synthesis. IEEE JBHI",
    settings=chosen.GanRecipe, presets={"small": chosen.GanRecipe(), "published": chosen.PUBLISHED_GAN},
    data_shape=_data_shape, phantom=_phantom, networks=_gan_networks, learner=_gan_learner, parts=("generator",),
)
VQ = Recipe(
    id="families.vq-gan", title="VQ-GAN: autoencoder",
    sentence="Learns to compress a cardiac CT to a grid of codes from a book.",
    reference="Khader et al. (2023). Denoising diffusion probabilistic models for 3D medical image generation. Sci Rep",
    settings=chosen.VqRecipe, presets={"small": chosen.VqRecipe(), "published": chosen.PUBLISHED_VQ},
    data_shape=_data_shape, phantom=_phantom, networks=_vq_networks, learner=_vq_learner, parts=("autoencoder",),
)
VQ_PRIOR = Recipe(
    id="families.vq-prior", title="VQ-GAN: prior",
    sentence="Learns to make new grids of codes of the VQ-GAN, by diffusion of the codes' vectors.",
    reference=VQ.reference, settings=chosen.VqPriorRecipe,
    presets={"small": chosen.VqPriorRecipe(), "published": chosen.PUBLISHED_VQ_PRIOR}, data_shape=_data_shape,
    phantom=_phantom, networks=_latent_networks, learner=_latent_learner, needs={"autoencoder": VQ.id},
)
VOXEL = Recipe(
    id="families.voxel", title="Voxel diffusion",
    sentence="Learns cardiac CTs by diffusion of the voxels themselves.",
    reference="Ho J, Jain A, Abbeel P (2020). Denoising diffusion probabilistic models. NeurIPS",
    settings=chosen.VoxelRecipe, presets={"small": chosen.VoxelRecipe(), "published": chosen.PUBLISHED_VOXEL},
    data_shape=_data_shape, phantom=_phantom, networks=_space_networks, learner=_voxel_learner,
)
WAVELET = Recipe(
    id="families.wavelet", title="Wavelet diffusion",
    sentence="Learns cardiac CTs by diffusion of their Haar sub-bands.",
    reference="Friedrich et al. (2024). WDM: 3D wavelet diffusion models for high-resolution medical image synthesis",
    settings=chosen.WaveletRecipe, presets={"small": chosen.WaveletRecipe(), "published": chosen.PUBLISHED_WAVELET},
    data_shape=_data_shape, phantom=_phantom, networks=_space_networks, learner=_wavelet_learner,
)
AUTOENCODER = Recipe(
    id="families.autoencoder", title="Latent models: autoencoder",
    sentence="Learns to compress a cardiac CT, for diffusion or flow in its latents.",
    reference="Pinaya et al. (2022). Brain imaging generation with latent diffusion models. DGM4MICCAI",
    settings=chosen.AutoencoderRecipe,
    presets={"small": chosen.AutoencoderRecipe(), "published": chosen.PUBLISHED_AUTOENCODER}, data_shape=_data_shape,
    phantom=_phantom, networks=_autoencoder_networks, learner=_autoencoder_learner,
)
LATENT = Recipe(
    id="families.latent", title="Latent diffusion",
    sentence="Learns to make new latents of the autoencoder, each a cardiac CT, by diffusion.",
    reference=AUTOENCODER.reference, settings=chosen.LatentRecipe,
    presets={"small": chosen.LatentRecipe(), "published": chosen.PUBLISHED_LATENT}, data_shape=_data_shape,
    phantom=_phantom, networks=_latent_networks, learner=_latent_learner, needs={"autoencoder": AUTOENCODER.id},
)
FLOW = Recipe(
    id="families.flow", title="Latent rectified flow",
    sentence="Learns to make new latents of the autoencoder, each a cardiac CT, by rectified flow.",
    reference="Liu X, Gong C, Liu Q (2023). Flow straight and fast. ICLR", settings=chosen.FlowRecipe,
    presets={"small": chosen.FlowRecipe(), "published": chosen.PUBLISHED_FLOW}, data_shape=_data_shape,
    phantom=_phantom, networks=_latent_networks, learner=_latent_learner, needs={"autoencoder": AUTOENCODER.id},
)

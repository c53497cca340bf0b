"""Settings of the families: small, for phantom hearts of 32 voxels a side, and as published where a source says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from synthetic_imaging.learning.diffusion.choices import Distance, ScheduleName, Target
from synthetic_imaging.learning.networks.settings import (
    AutoencoderSettings,
    DenoiserSettings,
    GanSettings,
    Skips,
    VaeSettings,
    VqSettings,
)
from synthetic_imaging.learning.samplers.by_name import SamplerName
from synthetic_imaging.learning.settings import Training
from synthetic_imaging.parameters import Advanced, Help, Label, Within

REFERENCE = (
    "Friedrich P, Frisch Y, Cattin PC (2024). Deep generative models for 3D medical image synthesis. In: Generative "
    "Machine Learning Models in Medical Image Computing"
)
WINDOW_HU = (-1000.0, 2000.0)
STRUCTURES = ("LA", "LV", "RA", "RV", "MYO", "AO", "PA", "LAA")
CLASSES = 1 + len(STRUCTURES)
FIELD_MM = 168.0
_NEVER = 1_000_000


@dataclass(frozen=True)
class Hearts:
    """The phantom CT hearts, on a grid (K, J, I) of 168 mm; each is made once, with the grain it keeps."""

    shape_kji: tuple[int, ...] = (32, 32, 32)
    training: Annotated[int, Label("Training cases"), Within(2, 1_000_000)] = 200
    validation: Annotated[int, Label("Validation cases"), Within(2, 1_000_000)] = 16
    test: Annotated[int, Label("Test cases"), Within(2, 1_000_000)] = 120
    seed: Annotated[int, Label("Seed of the phantoms"), Within(0, 2**31)] = 1313


@dataclass(frozen=True)
class Sampling:
    """How a trained diffusion or flow model is sampled."""

    sampler: Annotated[SamplerName, Label("Sampler")] = SamplerName.DDIM
    steps: Annotated[int, Label("Sampler steps"), Within(1, 100_000)] = 25


@dataclass(frozen=True)
class Noising:
    """How noise is added, and what the network predicts.

    Published latent diffusion predicts noise; the small preset predicts v: a network that has trained for minutes errs
    in the noise by more than what little of the image is left at the noisiest times.
    """

    schedule: Annotated[ScheduleName, Label("Noise schedule")] = ScheduleName.LINEAR
    steps: Annotated[int, Label("Noise steps T"), Within(2, 100_000)] = 1000
    target: Annotated[Target, Label("Target")] = Target.NOISE
    distance: Annotated[Distance, Label("Distance"), Advanced] = Distance.L2
    beta_end: Annotated[float, Label("Last noise"), Help("Of the linear schedules; 0 for their own."), Within(0, 1),
                        Advanced] = 0.0


@dataclass(frozen=True)
class VaeRecipe:
    """A variational autoencoder with a vector as latent; squared error plus KL, with weight 1 as the chapter has it."""

    cases: Hearts = Hearts()
    network: VaeSettings = VaeSettings(classes=0, shape_kji=(32, 32, 32), widths=(16, 32, 64), latent=64)
    training: Training = Training(steps=4000, batch_size=4, learning_rate=1e-3, validate_every=200, average_decay=0.99)
    kl: Annotated[float, Label("Weight of KL"), Within(0, 1e6)] = 1.0


@dataclass(frozen=True)
class GanRecipe:
    """A GAN of whole volumes, or at two scales after HA-GAN."""

    cases: Hearts = Hearts()
    network: GanSettings = GanSettings(classes=0, shape_kji=(32, 32, 32), width=16, levels=3, latent=64)
    training: Training = Training(steps=4000, batch_size=4, learning_rate=2e-4, average_decay=0.99,
                                  validate_every=_NEVER)
    two_scales: Annotated[bool, Label("Two scales"), Help("A small whole volume and a large slab, after HA-GAN.")] = (
        False
    )


@dataclass(frozen=True)
class VqRecipe:
    """A VQ-GAN: an autoencoder with a code book, and judges of volumes and of slices; weights 0 for a VQ-VAE."""

    cases: Hearts = Hearts()
    network: VqSettings = VqSettings(classes=0, widths=(16, 32), residual_blocks=1, codes=256, code_channels=4)
    training: Training = Training(steps=2000, batch_size=4, learning_rate=1e-3, validate_every=200)
    image: Annotated[float, Label("Weight of L1"), Within(0, 1e6)] = 4.0
    perceptual: Annotated[float, Label("Weight of gradient difference"), Help("Stands in for LPIPS."),
                          Within(0, 1e6)] = 4.0
    judge: Annotated[float, Label("Weight of the judge of volumes"), Within(0, 1e6)] = 0.02
    slice_judge: Annotated[float, Label("Weight of the judge of slices"), Within(0, 1e6)] = 0.0
    matching: Annotated[float, Label("Weight of feature matching"), Within(0, 1e6)] = 0.2
    judged_from: Annotated[int, Label("Judges from step"), Within(0, 100_000_000)] = 100
    judge_width: Annotated[int, Label("Width of the judges"), Within(4, 512), Advanced] = 16
    judge_layers: Annotated[int, Label("Layers of the judges"), Within(1, 6), Advanced] = 2


@dataclass(frozen=True)
class VqPriorRecipe:
    """Diffusion on the vectors of the VQ-GAN's codes."""

    cases: Hearts = Hearts()
    network: DenoiserSettings = DenoiserSettings(width=32, multipliers=(1, 2), residual_blocks=1, norm_groups=8,
                                                 attention_levels=(False, True), head_channels=16)
    training: Training = Training(steps=3000, batch_size=16, learning_rate=1e-3, validate_every=500,
                                  average_decay=0.99)
    noising: Noising = Noising(ScheduleName.COSINE, 300, Target.CLEAN, Distance.L1)
    sampling: Sampling = Sampling()


@dataclass(frozen=True)
class VoxelRecipe:
    """Diffusion of the voxels; the flow schedule with the target velocity makes it a rectified flow of voxels."""

    cases: Hearts = Hearts()
    network: DenoiserSettings = DenoiserSettings(channels=1, width=16, multipliers=(1, 2, 4), residual_blocks=1,
                                                 norm_groups=8, attention_levels=(False,) * 3, skips=Skips.ADDED)
    training: Training = Training(steps=4000, batch_size=2, learning_rate=1e-3, validate_every=500,
                                  average_decay=0.99)
    noising: Noising = Noising()
    sampling: Sampling = Sampling()
    label_condition: Annotated[bool, Label("Label map as condition"), Help("Sampling then takes label maps.")] = False


@dataclass(frozen=True)
class WaveletRecipe:
    """Diffusion of Haar sub-bands: predicts the clean bands, and keeps the image in its range while sampling."""

    cases: Hearts = Hearts()
    network: DenoiserSettings = DenoiserSettings(channels=8, width=32, multipliers=(1, 2, 4), residual_blocks=1,
                                                 norm_groups=8, attention_levels=(False,) * 3, skips=Skips.ADDED)
    training: Training = Training(steps=4000, batch_size=4, learning_rate=1e-3, validate_every=500,
                                  average_decay=0.99)
    noising: Noising = Noising(target=Target.CLEAN)
    sampling: Sampling = Sampling()
    label_condition: Annotated[bool, Label("Label map as condition"), Help("Sampling then takes label maps.")] = False


@dataclass(frozen=True)
class AutoencoderRecipe:
    """The first stage of latent diffusion and latent flow."""

    cases: Hearts = Hearts()
    network: AutoencoderSettings = AutoencoderSettings(classes=0, widths=(8, 16, 32), residual_blocks=1,
                                                       norm_groups=8, bottleneck_attention=False)
    training: Training = Training(steps=2000, batch_size=2, learning_rate=1e-3, validate_every=200,
                                  average_decay=0.99)
    kl: Annotated[float, Label("Weight of KL"), Within(0, 1e6)] = 1e-5
    perceptual: Annotated[float, Label("Weight of gradient difference"), Within(0, 1e6)] = 1.0


@dataclass(frozen=True)
class LatentRecipe:
    """Diffusion in the autoencoder's latents."""

    cases: Hearts = Hearts()
    network: DenoiserSettings = DenoiserSettings(width=32, multipliers=(1, 2), residual_blocks=1, norm_groups=8,
                                                 attention_levels=(False, True), head_channels=16)
    training: Training = Training(steps=3000, batch_size=16, learning_rate=1e-3, validate_every=500,
                                  average_decay=0.99)
    noising: Noising = Noising(ScheduleName.SCALED_LINEAR, target=Target.V)
    sampling: Sampling = Sampling()


@dataclass(frozen=True)
class FlowRecipe(LatentRecipe):
    """Rectified flow in the autoencoder's latents."""

    noising: Noising = Noising(ScheduleName.FLOW, target=Target.VELOCITY)
    sampling: Sampling = Sampling(SamplerName.FLOW_HEUN, 13)


# The chapter's objective at the size that the others are compared at; what it leaves open as in our specification.
_CUBE = Hearts(shape_kji=(128, 128, 128), training=1000, validation=100, test=100)
PUBLISHED_VAE = VaeRecipe(
    cases=_CUBE, network=VaeSettings(classes=0, shape_kji=(128, 128, 128), latent=512),
    training=Training(steps=100_000, batch_size=4, learning_rate=1e-4, validate_every=1000),
)
# Sun et al. (2022), at 128 voxels.
PUBLISHED_GAN = GanRecipe(
    cases=_CUBE, network=GanSettings(classes=0, shape_kji=(128, 128, 128), levels=5, latent=1024),
    training=Training(steps=80_000, batch_size=4, learning_rate=1e-4, validate_every=_NEVER), two_scales=True,
)
# Khader et al. (2023), brain volumes of 64 voxels, latents of 8 x 32 x 32 x 32.
_BRAIN = Hearts(shape_kji=(64, 64, 64), training=1000, validation=100, test=100)
PUBLISHED_VQ = VqRecipe(
    cases=_BRAIN, network=VqSettings(classes=0, widths=(32,), codes=16_384, code_channels=8),
    training=Training(steps=100_000, batch_size=2, learning_rate=3e-4, validate_every=1000),
    image=4.0, perceptual=4.0, judge=1.0, slice_judge=1.0, matching=4.0, judged_from=10_000, judge_width=64,
    judge_layers=3,
)
PUBLISHED_VQ_PRIOR = VqPriorRecipe(
    cases=_BRAIN,
    network=DenoiserSettings(channels=8, multipliers=(1, 2, 4, 8), residual_blocks=2, norm_groups=8,
                             attention_levels=(False, False, False, True)),
    training=Training(steps=700_000, batch_size=2, learning_rate=1e-4, average_decay=0.995, validate_every=1000),
    sampling=Sampling(SamplerName.DDPM, 300),
)
# Friedrich et al. (2024), at 128 voxels: wavelet diffusion, and the voxel diffusion that it is compared with.
_WIDE = {"multipliers": (1, 2, 2, 4, 4), "attention_levels": (False,) * 5, "skips": Skips.ADDED}
PUBLISHED_WAVELET = WaveletRecipe(
    cases=_CUBE, network=DenoiserSettings(channels=8, **_WIDE),  # type: ignore[arg-type]
    training=Training(steps=1_200_000, batch_size=10, learning_rate=1e-5, average_decay=0.9999, validate_every=1000),
    sampling=Sampling(SamplerName.DDPM, 1000),
)
PUBLISHED_VOXEL = VoxelRecipe(
    cases=_CUBE, network=DenoiserSettings(channels=1, **_WIDE),  # type: ignore[arg-type]
    training=Training(steps=1_200_000, batch_size=1, learning_rate=1e-5, average_decay=0.9999, validate_every=1000),
    sampling=Sampling(SamplerName.DDPM, 1000),
)
# Pinaya et al. (2022), 160 x 224 x 160, without its conditions; learning rates of MONAI's bundle of the same kind.
_HEADS = Hearts(shape_kji=(160, 224, 160), training=1000, validation=100, test=100)
PUBLISHED_AUTOENCODER = AutoencoderRecipe(
    cases=_HEADS,
    network=AutoencoderSettings(classes=0, widths=(64, 128, 128, 128), latent_channels=3, bottleneck_attention=False),
    training=Training(steps=100_000, batch_size=1, learning_rate=2e-5, validate_every=1000), kl=1e-7,
)
_HEADS_UNET = DenoiserSettings(channels=3, width=256, multipliers=(1, 2, 3), attention_levels=(False, True, True))
PUBLISHED_LATENT = LatentRecipe(
    cases=_HEADS, network=_HEADS_UNET,
    training=Training(steps=500_000, batch_size=1, learning_rate=1e-5, average_decay=0.9999, validate_every=1000),
    noising=Noising(ScheduleName.SCALED_LINEAR, beta_end=0.0205), sampling=Sampling(SamplerName.DDIM, 50),
)
PUBLISHED_FLOW = FlowRecipe(cases=_HEADS, network=_HEADS_UNET, training=PUBLISHED_LATENT.training,
                            sampling=Sampling(SamplerName.FLOW_EULER, 30))

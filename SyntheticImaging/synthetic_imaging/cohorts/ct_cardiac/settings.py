"""Settings of the paired cardiac CT model: as published where the publication says it, and small, for phantoms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from synthetic_imaging.learning.diffusion.choices import Target
from synthetic_imaging.learning.networks.settings import (
    CT_CARDIAC_AUTOENCODER,
    CT_CARDIAC_DENOISER,
    AutoencoderSettings,
    DenoiserSettings,
    Fusion,
    LabelCode,
)
from synthetic_imaging.learning.settings import Precision, Training
from synthetic_imaging.parameters import Advanced, Help, Label, Within

REFERENCE = (
    "Ikuta et al. (2024). Synthetic multimodal data generation and training optimization for computed tomography "
    "cardiac imaging applications. NeurIPS"
)
WINDOW_HU = (-1000.0, 2000.0)
STRUCTURES = ("LA", "LV", "RA", "RV", "MYO", "AO", "PA", "LAA")


@dataclass(frozen=True)
class Hearts:
    """The cases, on a grid (K, J, I).

    The publication has 168 cases for training (167 by its own total), 43 for choosing a checkpoint, 51 for testing.
    """

    shape_kji: tuple[int, ...] = (48, 48, 48)
    training: Annotated[int, Label("Training cases"), Within(2, 1_000_000)] = 40
    validation: Annotated[int, Label("Validation cases"), Within(2, 1_000_000)] = 12
    test: Annotated[int, Label("Test cases"), Within(2, 1_000_000)] = 60
    seed: Annotated[int, Label("Seed of the phantoms"), Within(0, 2**31)] = 1138
    augment: Annotated[bool, Label("Augmentation"), Advanced] = True


@dataclass(frozen=True)
class AutoencoderRecipe:
    """Two encoders of one layer, added; the label map as three colours, or (variant) as nine classes."""

    cases: Hearts = Hearts()
    network: AutoencoderSettings = AutoencoderSettings(
        classes=9, widths=(16, 32, 64), residual_blocks=1, norm_groups=8, bottleneck_attention=False,
        fusion=Fusion.SUMMED, label_code=LabelCode.COLOURS,
    )
    training: Training = Training(steps=2500, batch_size=2, learning_rate=1e-3, warm_up_steps=50,
                                  cool_down_steps=1000, validate_every=250, average_decay=0.99)
    kl: Annotated[float, Label("Weight of KL"), Within(0, 1e6)] = 1e-6
    label_weight: Annotated[float, Label("Weight of the labels"), Within(0, 1e6)] = 1.0
    balanced: Annotated[bool, Label("Small structures count more"), Help(
        "Else the appendage, a thousandth of the voxels, is not learned.")] = True
    perceptual: Annotated[float, Label("Weight of gradient difference"), Within(0, 1e6)] = 0.5


@dataclass(frozen=True)
class DiffusionRecipe:
    """Diffusion in the latents: L2, scaled-linear schedule from 0.0015 to 0.0195.

    As published it predicts noise. The small variant predicts v in latents scaled channel by channel: most of these
    latents is the same in all hearts, and a network that has trained for minutes, asked for the noise, misses this part
    by so much where noise is strongest that some hearts burst. It computes in float32, as that of DIFF-3.
    """

    cases: Hearts = Hearts()
    network: DenoiserSettings = DenoiserSettings(width=32, multipliers=(1, 2, 3), residual_blocks=1, norm_groups=8,
                                                 attention_levels=(False, False, True), head_channels=16)
    training: Training = Training(steps=3000, batch_size=8, learning_rate=3e-4, validate_every=500,
                                  average_decay=0.999, cool_down_steps=1000, precision=Precision.FLOAT32)
    target: Annotated[Target, Label("Predicted"), Help("What the network is asked for.")] = Target.V
    channel_wise: Annotated[bool, Label("Scale channels alone"), Help(
        "Each channel of the latents gets mean 0 and variance 1; else one factor serves all.")] = True
    noise_steps: Annotated[int, Label("Noise steps T"), Within(2, 100_000)] = 1000
    copies: Annotated[int, Label("Augmented copies of each case"), Within(1, 1000)] = 8


PUBLISHED_CASES = Hearts(shape_kji=(160, 256, 256), training=168, validation=43, test=51)
PUBLISHED_AUTOENCODER = AutoencoderRecipe(
    cases=PUBLISHED_CASES, network=CT_CARDIAC_AUTOENCODER,
    training=Training(steps=100_000, batch_size=1, learning_rate=1e-4, validate_every=1000),
)
PUBLISHED_DIFFUSION = DiffusionRecipe(
    cases=PUBLISHED_CASES, network=CT_CARDIAC_DENOISER, target=Target.NOISE, channel_wise=False,
    training=Training(steps=100_000, batch_size=4, learning_rate=1e-4, average_decay=0.9999, validate_every=1000),
)

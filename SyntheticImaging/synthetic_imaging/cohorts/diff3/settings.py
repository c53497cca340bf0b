"""Settings of DIFF-3: as published, and a small variant for a phantom on an ordinary computer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from synthetic_imaging.learning.networks.settings import (
    DIFF3_AUTOENCODER,
    DIFF3_DENOISER,
    HA_GAN_128,
    AutoencoderSettings,
    DenoiserSettings,
    GanSettings,
)
from synthetic_imaging.learning.settings import Precision, Training
from synthetic_imaging.parameters import Advanced, Help, Label, Within

REFERENCE = (
    "Ferdian E, Zhao D, et al. DIFF-3: A latent diffusion model for the generation of synthetic 3D echocardiographic "
    "images and corresponding labels (poster)"
)
# Depth of the grid, mean of the training phantoms (which have 150 to 230 mm). The model makes voxels, not their size.
EXTENT_MM = 187.0
STRUCTURES = ("Left ventricular myocardium", "Left ventricular cavity")


@dataclass(frozen=True)
class Echoes:
    """The cases: as many as in the publication (428 for training, 108 for testing), on a grid (K, J, I)."""

    shape_kji: tuple[int, ...] = (40, 40, 32)
    training: Annotated[int, Label("Training cases"), Within(2, 1_000_000)] = 428
    validation: Annotated[int, Label("Validation cases"), Within(2, 1_000_000)] = 48
    test: Annotated[int, Label("Test cases"), Within(2, 1_000_000)] = 108
    seed: Annotated[int, Label("Seed of the phantoms"), Within(0, 2**31)] = 2024


@dataclass(frozen=True)
class AutoencoderRecipe:
    """The autoencoder; the second stage adds what stands in for LPIPS, and changes the weight of the KL term."""

    cases: Echoes = Echoes()
    network: AutoencoderSettings = AutoencoderSettings(widths=(16, 32, 64, 64), residual_blocks=1, norm_groups=8,
                                                       bottleneck_attention=False)
    training: Training = Training(steps=2500, batch_size=4, learning_rate=1e-3, warm_up_steps=50,
                                  cool_down_steps=800, validate_every=250, average_decay=0.99)
    kl: Annotated[float, Label("Weight of KL"), Within(0, 1e6)] = 1e-6
    second_stage: Annotated[float, Label("Second stage from"), Help("Fraction of the steps."), Within(0, 1)] = 0.2
    second_kl: Annotated[float, Label("Weight of KL in the second stage"), Within(0, 1e6), Advanced] = 1e-6
    second_perceptual: Annotated[float, Label("Weight of gradient difference in the second stage"), Within(0, 1e6),
                                 Advanced] = 1.0


@dataclass(frozen=True)
class DiffusionRecipe:
    """Diffusion in the latents: predicts noise, L1, sigmoid schedule.

    The small variant computes in float32: on latents of a few voxels, CPU convolutions in bfloat16 give gradients that
    are not numbers (seen with torch 2.13).
    """

    cases: Echoes = Echoes()
    network: DenoiserSettings = DenoiserSettings(width=32, multipliers=(1, 2, 3), residual_blocks=1, norm_groups=8,
                                                 attention_levels=(False, True, True), head_channels=16)
    training: Training = Training(steps=4000, batch_size=32, learning_rate=3e-4, validate_every=500,
                                  average_decay=0.995, validation_cases=48, cool_down_steps=1000,
                                  precision=Precision.FLOAT32)
    noise_steps: Annotated[int, Label("Noise steps T"), Within(2, 100_000)] = 1000


@dataclass(frozen=True)
class GanRecipe:
    """The two-scale GAN for comparison: images alone, as in the publication."""

    cases: Echoes = Echoes()
    network: GanSettings = GanSettings(classes=0, shape_kji=(40, 40, 32), width=16, levels=3, latent=256, slab_part=5)
    training: Training = Training(steps=1500, batch_size=4, learning_rate=2e-4, validate_every=1_000_000,
                                  precision=Precision.FLOAT32)


# 160 x 160 x 128. Batch 2 for 100 epochs, then batch 1 for 100 epochs; steps here are those of batch 2.
PUBLISHED_CASES = Echoes(shape_kji=(160, 160, 128))
PUBLISHED_AUTOENCODER = AutoencoderRecipe(
    cases=PUBLISHED_CASES, network=DIFF3_AUTOENCODER,
    training=Training(steps=42_800, batch_size=2, learning_rate=1e-4, validate_every=214), second_stage=0.5,
    second_kl=1.0,
)
# HA-GAN as its authors train it (Sun et al. 2022): latent 1024, batch 4, 80,000 steps, rate 1e-4.
PUBLISHED_GAN = GanRecipe(
    cases=Echoes(shape_kji=HA_GAN_128.shape_kji), network=replace(HA_GAN_128, classes=0),
    training=Training(steps=80_000, batch_size=4, learning_rate=1e-4, validate_every=1_000_000),
)
PUBLISHED_DIFFUSION = DiffusionRecipe(
    cases=PUBLISHED_CASES, network=DIFF3_DENOISER,
    training=Training(steps=50_000, batch_size=64, accumulate=2, learning_rate=8e-5, average_decay=0.995,
                      average_every=10, validate_every=1000),
)

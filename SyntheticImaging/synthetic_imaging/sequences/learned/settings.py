"""What is trained and how; no torch here, since recipes are read early."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from synthetic_imaging.learning.settings import Training
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within
from synthetic_imaging.sequences.protocols import Contrast

# In this order in the channels of every network here.
GIVEN = (Contrast.FLAIR, Contrast.T1W, Contrast.T2W, Contrast.PD)
MADE = (Contrast.DIR, Contrast.FLAIR, Contrast.T1W, Contrast.T2W, Contrast.PD)

REFERENCE = (
    "Li and Wiestler (2025). Generative adversarial networks for brain MR image synthesis and its clinical validation "
    "on multiple sclerosis. Springer, ch. 9; several inputs after Li et al. (2019), DiamondGAN, MICCAI"
)


@dataclass(frozen=True)
class Patients:
    """Phantom patients, and what their scanners vary in."""

    training: Annotated[int, Label("Training patients"), Within(1, 10_000)] = 72
    validation: Annotated[int, Label("Validation patients"), Within(1, 1000)] = 8
    seed: Annotated[int, Label("Seed of the patients"), Within(0, 2**31), Advanced] = 11
    side: Annotated[int, Label("Side of a patch"), Unit("voxels"), Within(16, 512)] = 96
    usual_inputs: Annotated[float, Label("Share of FLAIR and T1w"), Within(0, 1), Help(
        "How often a training case has just these two, the usual input; else any choice is drawn.")] = 0.35
    on_lesion: Annotated[float, Label("Share centred on a lesion"), Within(0, 1), Advanced] = 0.5
    timing_spread: Annotated[float, Label("Spread of the timings"), Within(0, 0.5), Help(
        "Echo and repetition times vary by this share from scanner to scanner."), Advanced] = 0.12
    least_field_t: Annotated[float, Label("Lowest field"), Unit("T"), Within(1.5, 3.0), Advanced] = 1.5


@dataclass(frozen=True)
class Weights:
    """Of the terms of the generator's loss."""

    reconstruction: Annotated[float, Label("Absolute difference"), Within(0, 1000)] = 10.0
    structure: Annotated[float, Label("Structural similarity"), Within(0, 1000)] = 2.0
    lesions: Annotated[float, Label("Absolute difference in lesions"), Within(0, 1000)] = 10.0
    adversarial: Annotated[float, Label("Adversarial"), Within(0, 1000)] = 0.1
    # One for each sequence of `MADE`: DIR is what most users want.
    sequences: tuple[float, ...] = (2.0, 1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class SynthesisSettings:
    """The generator of missing sequences and its training."""

    slices: Annotated[int, Label("Slices seen"), Within(1, 16), Help(
        "Of a slice's neighbourhood: 1 is the slice alone, 3 its neighbours too.")] = 3
    dims: Annotated[int, Label("Dimensions"), Within(2, 3), Help("3 makes whole slabs of slices at once.")] = 2
    widths: tuple[int, ...] = (24, 48, 96, 192)
    dropout: Annotated[float, Label("Drop-out"), Within(0, 0.9)] = 0.2
    judge_width: Annotated[int, Label("Width of the discriminator"), Within(4, 256)] = 24
    flow_steps: Annotated[int, Label("Steps of a flow"), Within(0, 100), Help(
        "0: a generator that answers at once. Else a flow: each answer takes so many calls.")] = 0
    weights: Weights = field(default_factory=Weights)
    patients: Patients = field(default_factory=Patients)
    training: Training = field(default_factory=lambda: Training(
        steps=4400, batch_size=4, learning_rate=8e-4, warm_up_steps=100, cool_down_steps=2000, average_decay=0.99,
        validate_every=400, validation_cases=64, checkpoint_every=400))


# The sizes of the public implementation, and of the chapter where it gives any; the rest is our choice, as it is small.
PUBLISHED = SynthesisSettings(
    slices=1, widths=(32, 64, 128, 256, 512), judge_width=64,
    weights=Weights(adversarial=1.0, sequences=(1.0, 0.0, 0.0, 0.0, 0.0)),
    patients=Patients(training=50, validation=5, side=240, usual_inputs=1.0, on_lesion=0.0),
    training=Training(steps=100 * 50 * 155 // 5, batch_size=5, learning_rate=2e-4, average_decay=0.999,
                      validate_every=5000, checkpoint_every=5000),
)

"""What is translated, by which method, trained how; no torch here, since recipes are read early."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from synthetic_imaging.learning.settings import Training
from synthetic_imaging.parameters import Advanced, Help, Label, Within
from synthetic_imaging.sequences.learned.settings import Patients

REFERENCE = (
    "Oezbey et al. (2023). Unsupervised medical image translation with adversarial diffusion models (SynDiff). IEEE "
    "TMI 42; Dar et al. (2025), Springer; cycle-GAN after Zhu et al. (2017)"
)


class Method(str, Enum):
    """How it is learned; the last two need patients who have both sequences."""

    SYNDIFF = "SynDiff"
    CYCLE_GAN = "cycle-GAN"
    PAIRED = "paired"
    DIFFUSION = "paired diffusion"


class Pair(str, Enum):
    """Which two sequences."""

    T2W_FLAIR = "T2w and FLAIR"
    T1W_T2W = "T1w and T2w"
    T2W_PD = "T2w and PD"


@dataclass(frozen=True)
class UnpairedSettings:
    """Translation between two sequences, slice by slice, in both directions.

    Patches show most of a slice, and discriminators learn in more steps than what they judge: in trials with smaller
    patches, or turn by turn as published, small networks settled at grey CSF, or took grey matter for white.
    """

    method: Annotated[Method, Label("Method")] = Method.SYNDIFF
    pair: Annotated[Pair, Label("Sequences")] = Pair.T2W_FLAIR
    jumps: Annotated[int, Label("Network calls"), Help("Jumps of the walk from noise to image."), Within(1, 100)] = 4
    noise_steps: Annotated[int, Label("Noise steps of paired diffusion"), Within(2, 100_000), Advanced] = 1000
    widths: tuple[int, ...] = (16, 32, 64, 64)
    judge_width: Annotated[int, Label("Width of the discriminators"), Within(4, 256)] = 24
    judge_levels: Annotated[int, Label("Levels of the discriminators"), Help("Each more sees patches twice as large."),
                            Within(1, 8), Advanced] = 4
    cycle: Annotated[float, Label("Weight of the cycle"), Within(0, 1000)] = 2.0
    denoised: Annotated[float, Label("Weight of the denoised image"), Within(0, 1000)] = 2.0
    identity: Annotated[float, Label("Weight of identity"), Help(
        "Of leaving an image as it is that already is what is wanted: for two sequences in which grey matter is the "
        "brighter one. Not published."), Within(0, 1000)] = 0.0
    judge_rate: Annotated[float, Label("Learning rate of the discriminators"), Help(
        "Of that of the generators."), Within(0.01, 100), Advanced] = 4.0
    judge_turns: Annotated[int, Label("Turns of the discriminators"), Help(
        "The generators learn in one of so many steps, the discriminators in each."), Within(1, 100), Advanced] = 2
    slices: Annotated[int, Label("Slices of a patient"), Help(
        "Each is acquired once, as images of real patients are."), Within(1, 10_000)] = 25
    patients: Patients = field(default_factory=lambda: Patients(training=40, validation=6, seed=13, side=128))
    training: Training = field(default_factory=lambda: Training(
        steps=5200, batch_size=1, learning_rate=2e-4, warm_up_steps=50, cool_down_steps=2600, average_decay=0.99,
        validate_every=1000, validation_cases=12, checkpoint_every=500))


# Widths, rates and jumps of the public implementation: slices of 256 voxels, one at a time.
PUBLISHED = UnpairedSettings(
    pair=Pair.T1W_T2W, widths=(64, 64, 128, 128, 256, 256), judge_width=64, cycle=0.5, denoised=0.5,
    judge_rate=0.625, judge_turns=1, slices=100,
    patients=Patients(training=25, validation=5, seed=13, side=256, on_lesion=0.0),
    training=Training(steps=500 * 2500, batch_size=1, learning_rate=1.6e-4, average_decay=0.999, validate_every=2500,
                      checkpoint_every=2500),
)

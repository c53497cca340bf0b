"""What a segmenter is made of and how it is trained: settings of the segmentation recipes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Annotated

from synthetic_imaging.learning.networks.settings import SegmenterNetwork
from synthetic_imaging.learning.settings import Training
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within


class Strategy(str, Enum):
    """Which cases a segmenter learns from."""

    REAL = "real"
    SYNTHETIC = "synthetic"
    MIXED = "mixed"


@dataclass(frozen=True)
class Augmentation:
    """Small random changes of each training case.

    Flips are off: the heart lies on one side, and a mirrored heart has its structures in places where they never are.
    """

    chance: Annotated[float, Label("Share of changed cases"), Within(0, 1)] = 0.8
    scale_percent: Annotated[float, Label("Larger or smaller by up to"), Unit("%"), Within(0, 50)] = 10.0
    shift_percent: Annotated[float, Label("Moved by up to"), Help("Of the image's extent."), Unit("%"),
                             Within(0, 50)] = 4.0
    turn_degrees: Annotated[float, Label("Turned by up to"), Unit("degrees"), Within(0, 180)] = 0.0
    gamma: Annotated[float, Label("Gamma away from 1 by up to"), Help("As a factor: 0.3 means 0.77 to 1.3."),
                     Within(0, 2)] = 0.25
    brightness: Annotated[float, Label("Brighter or darker by up to"), Help("Of the 0..1 range."),
                          Within(0, 0.5)] = 0.03
    noise: Annotated[float, Label("Noise up to"), Help("Standard deviation, of the 0..1 range."),
                     Within(0, 0.5)] = 0.02
    flip_left_right: Annotated[bool, Label("Mirror left and right"), Advanced] = False
    flip_front_back: Annotated[bool, Label("Mirror front and back"), Advanced] = False
    flip_up_down: Annotated[bool, Label("Mirror up and down"), Advanced] = False


@dataclass(frozen=True)
class Blocks:
    """Zeroed blocks that a network learns to fill in before it learns to segment.

    Ikuta et al. 2024: 25 blocks of 8 to 16 voxels in 256, each zeroed with a probability of 0.8.
    """

    count: Annotated[int, Label("Blocks"), Within(1, 10_000)] = 25
    chance: Annotated[float, Label("Chance of each block"), Within(0, 1)] = 0.8
    smallest: Annotated[int, Label("Shortest side"), Unit("voxels"), Within(1, 512)] = 8
    largest: Annotated[int, Label("Longest side"), Unit("voxels"), Within(1, 512)] = 16


@dataclass(frozen=True)
class Phantoms:
    """Phantoms in the place of real cases, where no data is given."""

    training: Annotated[int, Label("Training cases"), Within(2, 1_000_000)] = 40
    validation: Annotated[int, Label("Validation cases"), Within(1, 1_000_000)] = 12
    test: Annotated[int, Label("Test cases"), Within(1, 1_000_000)] = 60
    seed: Annotated[int, Label("Seed of the phantoms"), Within(0, 2**31)] = 1138


@dataclass(frozen=True)
class SegmentationSettings:
    """A segmenter of hearts and its training."""

    network: Annotated[SegmenterNetwork, Label("Network")] = SegmenterNetwork.UNET
    widths: Annotated[tuple[int, ...], Label("Channels of each level")] = (8, 16, 32, 64, 128)
    shape: Annotated[tuple[int, int, int], Label("Training grid (K, J, I)"), Unit("voxels")] = (48, 48, 48)
    spacing_mm: Annotated[float, Label("Voxel size of the training grid"),
                          Help("0 shrinks the whole image until it fits the grid."), Unit("mm"), Within(0, 20)] = 3.5
    strategy: Annotated[Strategy, Label("Learns from")] = Strategy.REAL
    ratio: Annotated[float, Label("Synthetic cases for each real one"), Within(0, 1000)] = 3.0
    on_the_fly: Annotated[
        bool, Label("Always new synthetic cases"),
        Help("Draws another synthetic case each time instead of going round the same ones; for endless sources."),
    ] = False
    augment: Augmentation = field(default_factory=Augmentation)
    blocks: Blocks = field(default_factory=Blocks)
    synthetic: Annotated[
        str, Label("Synthetic cases"), Help("A folder or datalist of made cases, or 'phantom' for other phantoms.")
    ] = "phantom"
    phantoms: Phantoms = field(default_factory=Phantoms)
    training: Training = field(default_factory=Training)


# Steps for two to three minutes on two CPU cores.
SMALL = SegmentationSettings(
    # 25 blocks of 8 to 16 in 256 would be one or two voxels here; larger ones hide as much of a wall or a vessel.
    blocks=Blocks(smallest=3, largest=8),
    training=Training(steps=900, batch_size=2, learning_rate=6e-3, warm_up_steps=20, validate_every=75,
                      validation_cases=16, patience=6, checkpoint_every=300),
)
# AdamW at 0.001, 3 : 1, patience of 10 epochs of 334 steps, 300 epochs at most: the publication's own. Widths, patch
# and batch, on which it is silent, are field-standard.
PUBLISHED = SegmentationSettings(
    widths=(32, 64, 128, 256, 320), shape=(128, 128, 128), spacing_mm=1.3, strategy=Strategy.MIXED,
    phantoms=Phantoms(168, 43, 51),
    training=Training(steps=100_200, batch_size=2, learning_rate=1e-3, validate_every=334, validation_cases=67,
                      patience=10, checkpoint_every=334),
)
ECHO_SMALL = replace(SMALL, shape=(40, 40, 32), spacing_mm=0.0, phantoms=Phantoms(428, 48, 108, 2024))
ECHO_PUBLISHED = replace(
    PUBLISHED, shape=(160, 160, 128), spacing_mm=0.0, strategy=Strategy.MIXED, ratio=2000 / 428,
    phantoms=Phantoms(428, 48, 108, 2024),
)

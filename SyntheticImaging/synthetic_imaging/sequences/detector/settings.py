"""What the lesion detector sees and how it is trained; no torch here, since recipes are read early."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated

from synthetic_imaging.learning.settings import Training
from synthetic_imaging.parameters import Label, Within
from synthetic_imaging.sequences.learned.settings import Patients
from synthetic_imaging.sequences.protocols import Contrast

# In this order in the channels of the detector.
SEEN = (Contrast.FLAIR, Contrast.T1W, Contrast.DIR)
REFERENCE = (
    "2-D U-Net after Ronneberger et al. (2015), one for all choices of sequences; the comparison of sequences after Li "
    "and Wiestler (2025), Springer, ch. 9"
)


class Sight(str, Enum):
    """What a reader, here a network, is given."""

    FLAIR = "FLAIR"
    FLAIR_T1W = "FLAIR and T1w"
    SYNTHETIC_DIR = "synthetic DIR"
    TRUE_DIR = "true DIR"
    FLAIR_SYNTHETIC_DIR = "FLAIR and synthetic DIR"
    FLAIR_TRUE_DIR = "FLAIR and true DIR"

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """Sequences of `SEEN` that are there."""
        found = [Contrast.FLAIR] if "FLAIR" in self.value else []
        found += [Contrast.T1W] if "T1w" in self.value else []
        return (*found, *([Contrast.DIR] if "DIR" in self.value else []))

    @property
    def synthetic(self) -> bool:
        """Whether its DIR is the generator's."""
        return "synthetic" in self.value


SIGHTS = tuple(Sight)


@dataclass(frozen=True)
class DetectorSettings:
    """The detector and its training, which gives it each of `SIGHTS` equally often."""

    widths: tuple[int, ...] = (16, 32, 64, 128)
    dropout: Annotated[float, Label("Drop-out"), Within(0, 0.9)] = 0.1
    patients: Patients = field(default_factory=lambda: Patients(
        training=72, validation=8, seed=12, usual_inputs=1.0, on_lesion=0.6))
    training: Training = field(default_factory=lambda: Training(
        steps=2400, batch_size=8, learning_rate=1e-3, warm_up_steps=50, cool_down_steps=1000, average_decay=0.99,
        validate_every=300, validation_cases=96, checkpoint_every=300))


# The widths of the published U-Net; the comparison of sequences itself was published with readers, not with a network.
PUBLISHED = DetectorSettings(widths=(64, 128, 256, 512, 1024), dropout=0.5)

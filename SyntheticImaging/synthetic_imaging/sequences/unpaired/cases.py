"""Slices of phantom patients: of two different ones for unpaired training, of one where the truth is wanted."""

from __future__ import annotations

import numpy as np

from synthetic_imaging.learning.learner import Case
from synthetic_imaging.sequences.learned.settings import Patients
from synthetic_imaging.sequences.learned.slabs import SlabCases
from synthetic_imaging.sequences.protocols import Contrast


class SlicePairs:
    """A `CaseSource` of two images.

    Args:
        patients: sizes and spreads.
        contrasts: of "a" and "b".
        first, count: numbers of the patients; unpaired cases take twice as many, half for each image.
        paired: whether both images are of one patient.
    """

    def __init__(
        self, patients: Patients, contrasts: tuple[Contrast, Contrast], first: int, count: int, *, paired: bool
    ) -> None:
        self.contrasts, self.paired, self.count = contrasts, paired, count
        self.slabs = SlabCases(patients, 1, 1, first, count if paired else 2 * count)

    def __len__(self) -> int:
        return self.count

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """Two slices.

        Returns:
            "a", "b": float32 (1, J, I) in -1..1; "lesion": float32 (J, I), of "a", 0 or 1.
        """
        if self.paired:
            images, lesion = self.slabs.seen(index, self.contrasts, rng)
            return {"a": images[0], "b": images[1], "lesion": lesion[0]}
        one, lesion = self.slabs.seen(index, self.contrasts[:1], rng)
        # Any patient of the other half: the two images have nothing to do with each other.
        other, _ = self.slabs.seen(self.count + int(rng.integers(self.count)), self.contrasts[1:], rng)
        return {"a": one[0], "b": other[0], "lesion": lesion[0]}

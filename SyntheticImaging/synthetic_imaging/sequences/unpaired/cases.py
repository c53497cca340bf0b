"""Slices of phantom patients: of two different ones for unpaired training, of one where the truth is wanted."""

from __future__ import annotations

import numpy as np

from synthetic_imaging.learning.learner import Case
from synthetic_imaging.learning.remembered import RememberedCases
from synthetic_imaging.sequences.learned.settings import Patients
from synthetic_imaging.sequences.learned.slabs import SlabCases
from synthetic_imaging.sequences.protocols import Contrast


class _Acquired:
    """Slices of some patients; number n is a place of patient n modulo their count, under a scanner of its own."""

    def __init__(self, slabs: SlabCases, contrasts: tuple[Contrast, ...], patients: range, slices: int) -> None:
        self.slabs, self.contrasts, self.patients, self.slices = slabs, contrasts, patients, slices

    def __len__(self) -> int:
        return len(self.patients) * self.slices

    def case(self, index: int, rng: np.random.Generator) -> Case:
        images, lesion = self.slabs.seen(self.patients[index % len(self.patients)], self.contrasts, rng)
        # A coronal slice of few thick axial ones may be lower than a patch.
        lacking = [(0, self.slabs.patients.side - n) for n in lesion.shape[1:]]
        padded = np.pad(np.stack(images), ((0, 0), (0, 0), *lacking), constant_values=-1)
        return {"image": padded, "lesion": np.pad(lesion[0], lacking)}


class SlicePairs:
    """A `CaseSource` of two images.

    Each slice is acquired once and kept, as images of patients are.

    Args:
        patients: sizes and spreads.
        contrasts: of "a" and "b".
        first, count: numbers of the patients; unpaired cases take twice as many, half for each image.
        paired: whether both images are of one patient.
        slices: of each patient.
    """

    def __init__(
        self, patients: Patients, contrasts: tuple[Contrast, Contrast], first: int, count: int, *, paired: bool,
        slices: int = 1,
    ) -> None:
        self.paired = paired
        self.slabs = SlabCases(patients, 1, 1, first, count if paired else 2 * count)
        groups = [(contrasts, range(count))] if paired else [
            ((contrasts[0],), range(count)), ((contrasts[1],), range(count, 2 * count))]
        self.pools = [RememberedCases(_Acquired(self.slabs, shown, who, slices), seed=patients.seed)
                      for shown, who in groups]

    def __len__(self) -> int:
        return len(self.pools[0])

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """Two slices.

        Returns:
            "a", "b": float32 (1, J, I) in -1..1; "lesion": float32 (J, I), of "a", 0 or 1.
        """
        one = self.pools[0].case(index, rng)
        if self.paired:
            return {"a": one["image"][0], "b": one["image"][1], "lesion": one["lesion"]}
        # Any slice of the other half: the two images have nothing to do with each other.
        other = self.pools[1].case(int(rng.integers(len(self.pools[1]))), rng)
        return {"a": one["image"][0], "b": other["image"][0], "lesion": one["lesion"]}

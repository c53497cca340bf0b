"""A user's own visits for translation between two sequences: those with either, or for comparison those with both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.learning.learner import Case
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.sequences.learned.settings import MADE, Patients
from synthetic_imaging.sequences.learned.visits_folder import Visit, patch_of, visits_by_split
from synthetic_imaging.sequences.protocols import Contrast


class UnpairedVisits:
    """A `CaseSource` of two images that have nothing to do with each other.

    Args:
        patients: size of a patch, and how often it lies about a lesion.
        contrasts: of "a" and "b".
        visits: those with the first, the second, or both; a visit with both gives both, at different places.

    Raises:
        InputError: if one of the two is nowhere.
    """

    def __init__(self, patients: Patients, contrasts: tuple[Contrast, Contrast], visits: Sequence[Visit]) -> None:
        self.patients, self.channels = patients, tuple(MADE.index(c) for c in contrasts)
        self.pools = [[v for v in visits if v.present[at]] for at in self.channels]
        for contrast, pool in zip(contrasts, self.pools, strict=True):
            if not pool:
                raise InputError(f"No visit for training has a {contrast.value}; some must have it.")

    def __len__(self) -> int:
        return max(map(len, self.pools))

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """Keys as of `cases.SlicePairs`."""
        first, others = self.pools
        other = others[int(rng.integers(len(others)))]
        size = (1, self.patients.side, self.patients.side)
        one, lesion = patch_of(first[index % len(first)], size, self.patients.on_lesion, rng)
        two, _ = patch_of(other, size, self.patients.on_lesion, rng)
        return {"a": one[self.channels[0]], "b": two[self.channels[1]], "lesion": lesion[0]}


class PairedVisits:
    """A `CaseSource` of two images of one place; arguments as of `UnpairedVisits`, visits without both are left out."""

    def __init__(self, patients: Patients, contrasts: tuple[Contrast, Contrast], visits: Sequence[Visit]) -> None:
        self.patients, self.channels = patients, tuple(MADE.index(c) for c in contrasts)
        self.visits = [v for v in visits if all(v.present[at] for at in self.channels)]

    def __len__(self) -> int:
        return len(self.visits)

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """Keys as of `cases.SlicePairs`."""
        size = (1, self.patients.side, self.patients.side)
        images, lesion = patch_of(self.visits[index], size, self.patients.on_lesion, rng)
        return {"a": images[self.channels[0]], "b": images[self.channels[1]], "lesion": lesion[0]}


def read_pairs_or_not(
    patients: Patients, contrasts: tuple[Contrast, Contrast], place: Path, seed: int, run: Run, *, paired: bool
) -> Data:
    """Visits of a folder, for training with or without pairs; validated on visits that have both, if there are any.

    Args:
        patients: size of a patch.
        contrasts: which two.
        place, seed, run: as of `visits_folder.visits_by_split`.
        paired: whether only visits with both count.

    Raises:
        FileError: if there are no visits.
        InputError: for visits that cannot be used, or too few with these sequences.
    """
    parts = visits_by_split(place, seed, run)
    a, b = (contrast.value for contrast in contrasts)
    training: UnpairedVisits | PairedVisits
    if paired:
        training = PairedVisits(patients, contrasts, parts["training"])
        if not len(training):
            raise InputError(f"No visit for training has both a {a} and a {b}. This method needs pairs; SynDiff and "
                             "the cycle-GAN do without.")
    else:
        training = UnpairedVisits(patients, contrasts, parts["training"])
    validation = PairedVisits(patients, contrasts, parts.get("validation", []))
    if not len(validation):
        run.note(f"No visit for validation has both a {a} and a {b}: the last step counts, not the best one.")
    return Data(training, validation if len(validation) else None, None,
                f"{sum(map(len, parts.values()))} visits of the user")

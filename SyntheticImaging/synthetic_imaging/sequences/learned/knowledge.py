"""What a generator's training images had in common, and how wrong its spread is; kept beside its weights.

Voxels of a brain are points, one coordinate for each sequence. A patient's voxels that are far from every voxel seen in
training are unlike all of them: their share says how far to trust the network on this patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from synthetic_imaging.sequences.learned.settings import GIVEN, MADE

POINTS = 3000
_SUBSETS = 2 ** len(GIVEN)
Values = npt.NDArray[np.float32]


class Knowledge(torch.nn.Module):
    """Holds numbers; learns nothing and computes nothing.

    Attributes:
        seen: (POINTS, 4), voxels of training brains, sequences of `GIVEN` in -1..1.
        reach: (16,), by choice of sequences (bit n: the nth of `GIVEN` is there): how far from the nearest of `seen` 99
            of 100 voxels of patients that it was not trained on lie.
        limit: (16,), share of a patient's voxels beyond ``reach`` that 95 of 100 such patients keep.
        spread: (5,), by what true errors exceed the standard deviation over passes, sequences of `MADE`.
        patients: how many patients all this is from; 0: nothing is known.
    """

    seen: torch.Tensor
    reach: torch.Tensor
    limit: torch.Tensor
    spread: torch.Tensor
    patients: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(POINTS, len(GIVEN)))
        self.register_buffer("reach", torch.zeros(_SUBSETS))
        self.register_buffer("limit", torch.zeros(_SUBSETS))
        self.register_buffer("spread", torch.ones(len(MADE)))
        self.register_buffer("patients", torch.zeros((), dtype=torch.int64))


@dataclass(frozen=True)
class Fit:
    """How like the training images a patient is.

    Attributes:
        unlike: share of the brain's voxels that are unlike all that was seen, 0 to 1.
        limit: what 95 of 100 patients of the training's kind keep.
    """

    unlike: float
    limit: float

    @property
    def distance(self) -> float:
        """0 inside, 1 at the limit, more outside; NaN where nothing is known."""
        return self.unlike / self.limit if self.limit > 0 else float("nan")


UNKNOWN = Fit(float("nan"), float("nan"))


def subset_number(present: Sequence[bool]) -> int:
    """Number of a choice of sequences."""
    return sum(1 << at for at, there in enumerate(present) if there)


def distances(seen: Values, voxels: Values, present: Sequence[bool]) -> Values:
    """From each voxel (voxels, 4) to the nearest one seen, over the sequences that are there, (voxels,)."""
    from scipy.spatial import cKDTree

    used = np.flatnonzero(present)
    nearest, _ = cKDTree(seen[:, used]).query(voxels[:, used])
    return np.asarray(nearest, np.float32)


def fit_of(knowledge: Knowledge, voxels: Values, present: Sequence[bool]) -> Fit:
    """How like the training images a patient's brain is.

    Args:
        knowledge: of the model.
        voxels: (voxels, 4), some of the brain, sequences of `GIVEN` in -1..1.
        present: which of them are there.
    """
    number = subset_number(present)
    if int(knowledge.patients) == 0 or not len(voxels):
        return UNKNOWN
    apart = distances(knowledge.seen.cpu().numpy(), voxels, present)
    return Fit(float(np.mean(apart > float(knowledge.reach[number]))), float(knowledge.limit[number]))


def keep(
    knowledge: Knowledge, training: Values, patients: Sequence[Values], rng: np.random.Generator,
    available: Sequence[bool] = (True,) * len(GIVEN),
) -> None:
    """Learn what is usual.

    Args:
        knowledge: filled in here.
        training: (voxels, 4), of brains of training patients, all sequences there.
        patients: the same for each of some other patients.
        rng: picks the voxels that are kept.
        available: which sequences all of them have; of choices with others nothing is known.
    """
    seen = training[rng.choice(len(training), POINTS, replace=len(training) < POINTS)]
    knowledge.seen.copy_(torch.from_numpy(seen))
    for number in range(1, _SUBSETS):
        present = [bool(number >> at & 1) for at in range(len(GIVEN))]
        if any(there and not known for there, known in zip(present, available, strict=True)):
            continue
        apart = [distances(seen, voxels, present) for voxels in patients]
        reach = float(np.quantile(np.concatenate(apart), 0.99))
        knowledge.reach[number] = reach
        knowledge.limit[number] = max(float(np.quantile([np.mean(d > reach) for d in apart], 0.95)), 0.01)
    knowledge.patients.fill_(len(patients))

"""What a voxel of a head may hold: many states of tissue, each with how often it occurs, before any image was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.physics.mr.sequences import Sequence
from synthetic_imaging.physics.mr.tissue import Tissue

Values = npt.NDArray[np.float32]
# Share of the voxels; two names for voxels on a border.
_OCCURRENCE: dict[tuple[str, ...], float] = {
    (t.GREY,): 0.26, (t.WHITE,): 0.28, (t.CSF,): 0.10, (t.THALAMUS,): 0.01, (t.CAUDATE,): 0.006, (t.PUTAMEN,): 0.008,
    (t.PALLIDUM,): 0.003, (t.LESION,): 0.02, (t.GREY, t.WHITE): 0.10, (t.GREY, t.CSF): 0.10, (t.WHITE, t.CSF): 0.02,
    (t.LESION, t.WHITE): 0.015, (t.LESION, t.GREY): 0.008, (t.LESION, t.CSF): 0.004, (t.VESSEL, t.CSF): 0.004,
    (t.FAT,): 0.01, (t.SKIN,): 0.012, (t.MARROW,): 0.006, (t.BONE,): 0.008, (t.FAT, t.SKIN): 0.004,
    (t.BONE, t.CSF): 0.006, (t.BONE, t.MARROW): 0.004,
}
_FATTY = (t.FAT, t.MARROW)
# Between people, scanners and methods of measurement together; relaxation times of the literature differ by this much.
_SPREAD = 0.10


@dataclass(frozen=True)
class TissueStates:
    """States of a voxel.

    Attributes:
        first, second: tissues, arrays of shape (states,); the same where a voxel holds one.
        share: of the first, (states,).
        weight: how often a state occurs, (states,), sum 1.
        fat: share of fat, (states,).
    """

    first: Tissue
    second: Tissue
    share: Values
    weight: Values
    fat: Values

    def __len__(self) -> int:
        return len(self.weight)

    def signal(self, sequence: Sequence, *, fat_suppressed: bool = False) -> Values:
        """Magnitude, (states,): the two signals add with their signs; suppressed fat keeps a tenth of its own."""
        both = np.abs(self.share * sequence.signal(self.first) + (1 - self.share) * sequence.signal(self.second))
        return np.asarray(both * (1 - 0.9 * self.fat), np.float32) if fat_suppressed else both

    def thinned(self, step: int) -> TissueStates:
        """Every so manieth state, for a first look."""
        pick = slice(None, None, step)
        first, second = (Tissue(*(np.asarray(p)[pick] for p in tissue.parts)) for tissue in (self.first, self.second))
        weight = self.weight[pick]
        return TissueStates(first, second, self.share[pick], weight / weight.sum(), self.fat[pick])

    @property
    def maps(self) -> dict[str, Values]:
        """Proton density, T1 and T2 in ms of the voxel: means of what is in it, weighted by share and density."""
        pd1, pd2 = np.asarray(self.first.proton_density), np.asarray(self.second.proton_density)
        water1, water2 = self.share * pd1, (1 - self.share) * pd2
        total = water1 + water2
        found = {"density": total}
        for name in ("t1_ms", "t2_ms"):
            found[name] = (water1 * getattr(self.first, name) + water2 * getattr(self.second, name)) / total
        return {name: np.asarray(values, np.float32) for name, values in found.items()}


def head_states(field_t: float, count: int = 1600) -> TissueStates:
    """The states of a head with lesions of multiple sclerosis, at a field strength.

    The draw is fixed: these are the points of a sum, not a random result.

    Raises:
        ParameterError: for a field strength outside 1.5 to 3 T.
    """
    rng = np.random.default_rng(20260)
    mean = t.mean_relaxation(field_t)
    firsts, seconds, shares, weights, fats = [], [], [], [], []
    for names, occurrence in _OCCURRENCE.items():
        number = max(12, round(count * occurrence))
        one, two = _drawn(names[0], number, mean, field_t, rng), _drawn(names[-1], number, mean, field_t, rng)
        firsts.append(one)
        seconds.append(one if len(names) == 1 else two)
        shares.append(np.ones(number) if len(names) == 1 else (np.arange(number) + 0.5) / number)
        weights.append(np.full(number, occurrence / number))
        fats.append((names[0] in _FATTY) * shares[-1] + (names[-1] in _FATTY) * (1 - shares[-1]))
    weight = np.concatenate(weights)
    return TissueStates(_tissue(firsts), _tissue(seconds), np.concatenate(shares).astype(np.float32),
                        (weight / weight.sum()).astype(np.float32), np.concatenate(fats).astype(np.float32))


def _drawn(
    name: str, number: int, mean: dict[str, Tissue], field_t: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """(4, number): proton density, T1, T2, T2*."""
    if name == t.LESION:
        severity = rng.random(number)
        centre = np.array([t.LesionRelaxation().at(float(s), field_t) for s in severity]).T
    else:
        centre = np.repeat(np.array([np.asarray(p, float) for p in mean[name].parts])[:, None], number, axis=1)
    spread = np.array([0.03, _SPREAD, _SPREAD])[:, None] * np.clip(rng.standard_normal((3, number)), -2.5, 2.5)
    density, t1, t2 = np.exp(spread)
    return np.stack([np.minimum(centre[0] * density, 1.0), centre[1] * t1, centre[2] * t2, centre[3] * t2])


def _tissue(parts: list[npt.NDArray[np.float64]]) -> Tissue:
    density, t1, t2, t2star = np.concatenate(parts, axis=1).astype(np.float32)
    return Tissue(density, t1, t2, t2star)

"""What each tissue of the head is to a scanner: proton density, T1, T2, T2*, with the spread between people.

Sources, at 3 T: grey and white matter between Wansapura et al. 1999 (JMRI 9: white 832/79 ms, grey 1331/110 ms) and
Stanisz et al. 2005 (MRM 54: white 1084/69 ms, grey 1820/99 ms); CSF's T1 from Lu et al. 2005 (JMRI 22: 3817 +- 424 ms);
fat from de Bazelaire et al. 2004 (Radiology 230: 382/68 ms). At 1.5 T: Stanisz et al. 2005 (white 884/72 ms, grey
1124/95 ms). Water densities from Ernst et al. 1993 (white 0.65, grey 0.78, CSF 0.97). Deep grey nuclei lie between grey
and white matter, with T2 shortened by iron in putamen and pallidum; bone, marrow, muscle and flowing blood are round
numbers (flowing blood gives no signal in the spin echoes meant here). Lesions of multiple sclerosis span what
reviews of relaxometry give: T1 from little more than that of white matter to that of "black holes".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.physics.mr.tissue import Tissue

GREY, WHITE, CSF = "grey matter", "white matter", "CSF"
THALAMUS, CAUDATE, PUTAMEN, PALLIDUM = "thalamus", "caudate", "putamen", "pallidum"
VESSEL, BONE, MARROW, FAT, SKIN = "vessel", "bone", "bone marrow", "fat", "skin"
LESION = "lesion"
DEEP_GREY = (THALAMUS, CAUDATE, PUTAMEN, PALLIDUM)
BRAIN = (GREY, WHITE, *DEEP_GREY)
HEAD = (VESSEL, BONE, MARROW, FAT, SKIN)
# In this order wherever fractions are stacked.
TISSUES = (GREY, WHITE, CSF, *DEEP_GREY, *HEAD)

FIELDS_T = (1.5, 3.0)


@dataclass(frozen=True)
class Relaxation:
    """Mean of a tissue over people; times in ms.

    Attributes:
        proton_density: relative to water.
        t1_ms, t2_ms, t2star_ms: relaxation times.
        spread: standard deviation between people as a share of the time, T1 and T2 alike.
    """

    proton_density: float
    t1_ms: float
    t2_ms: float
    t2star_ms: float
    spread: float = 0.04


_AT_3T: Mapping[str, Relaxation] = MappingProxyType({
    GREY: Relaxation(0.78, 1450, 100, 52),
    WHITE: Relaxation(0.65, 900, 74, 48),
    CSF: Relaxation(0.97, 4000, 900, 400, 0.06),
    THALAMUS: Relaxation(0.75, 1150, 80, 45),
    CAUDATE: Relaxation(0.78, 1300, 82, 43),
    PUTAMEN: Relaxation(0.77, 1220, 74, 38),
    PALLIDUM: Relaxation(0.72, 980, 58, 26),
    VESSEL: Relaxation(0.04, 1700, 150, 40),
    BONE: Relaxation(0.05, 300, 5, 1),
    MARROW: Relaxation(0.55, 450, 60, 15),
    FAT: Relaxation(0.85, 382, 68, 40),
    SKIN: Relaxation(0.60, 1000, 35, 20),
})
# T1 at 1.5 T through T1 at 3 T, and the same for T2 and T2*.
_TO_1_5T: Mapping[str, tuple[float, float, float]] = MappingProxyType({
    GREY: (0.74, 1.0, 1.5), WHITE: (0.78, 1.05, 1.4), CSF: (1.0, 1.1, 1.3), THALAMUS: (0.77, 1.08, 1.45),
    CAUDATE: (0.76, 1.1, 1.5), PUTAMEN: (0.76, 1.15, 1.55), PALLIDUM: (0.78, 1.2, 1.6), VESSEL: (0.9, 1.4, 1.5),
    BONE: (0.9, 1.0, 1.0), MARROW: (0.85, 1.0, 1.5), FAT: (0.9, 1.0, 1.3), SKIN: (0.85, 1.05, 1.3),
    LESION: (0.77, 1.05, 1.45),
})


@dataclass(frozen=True)
class LesionRelaxation:
    """Between which values the lesions of one patient lie, at 3 T; each lesion has one severity from 0 to 1."""

    proton_density: tuple[float, float] = (0.74, 0.92)
    t1_ms: tuple[float, float] = (1150.0, 2300.0)
    t2_ms: tuple[float, float] = (105.0, 210.0)
    t2star_ms: tuple[float, float] = (62.0, 130.0)

    def at(self, severity: float, field_t: float) -> tuple[float, float, float, float]:
        """Proton density, T1, T2, T2* in ms of a lesion of that severity."""
        t1, t2, t2star = _factors(LESION, field_t)
        pairs = (self.proton_density, self.t1_ms, self.t2_ms, self.t2star_ms)
        density, *times = (low + (high - low) * severity for low, high in pairs)
        return density, times[0] * t1, times[1] * t2, times[2] * t2star


def mean_relaxation(field_t: float = 3.0) -> dict[str, Tissue]:
    """Tissue by name, the mean over people.

    Args:
        field_t: 1.5 to 3; between them interpolated.

    Raises:
        ParameterError: for another field strength.
    """
    return {name: _tissue(name, field_t, 1.0, 1.0, 1.0) for name in TISSUES}


def drawn_relaxation(rng: np.random.Generator, field_t: float = 3.0) -> dict[str, Tissue]:
    """Tissue by name, of one person: T1 and T2 of each tissue vary on their own, by what `Relaxation.spread` says.

    Raises:
        ParameterError: for a field strength outside 1.5 to 3 T.
    """
    found = {}
    for name in TISSUES:
        spread = _AT_3T[name].spread
        t1, t2, density = np.clip(rng.standard_normal(3), -2.5, 2.5)
        found[name] = _tissue(name, field_t, 1 + spread * t1, 1 + spread * t2, 1 + 0.02 * density)
    return found


def _tissue(name: str, field_t: float, t1: float, t2: float, density: float) -> Tissue:
    mean = _AT_3T[name]
    by_t1, by_t2, by_t2star = _factors(name, field_t)
    return Tissue(min(mean.proton_density * density, 1.0), mean.t1_ms * by_t1 * t1, mean.t2_ms * by_t2 * t2,
                  mean.t2star_ms * by_t2star * t2)


def _factors(name: str, field_t: float) -> tuple[float, float, float]:
    low, high = FIELDS_T
    if not low <= field_t <= high:
        raise ParameterError(f"Relaxation times are known from {low:g} to {high:g} T; {field_t:g} T was asked for.")
    share = (high - field_t) / (high - low)
    t1, t2, t2star = (1 + (factor - 1) * share for factor in _TO_1_5T[name])
    return t1, t2, t2star

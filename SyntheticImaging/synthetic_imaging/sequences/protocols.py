"""Contrasts by the names radiologists use, with usual timings; what is not given is chosen for the field strength."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.physics.mr.nulls import double_inversion_times, inversion_time
from synthetic_imaging.physics.mr.sequences import (
    BalancedSteadyState,
    DoubleInversionRecovery,
    InversionRecovery,
    Mprage,
    Sequence,
    SpinEcho,
    SpoiledGradientEcho,
)


class Contrast(str, Enum):
    """What a radiologist asks for."""

    DIR = "DIR"
    FLAIR = "FLAIR"
    T1W = "T1w (MPRAGE)"
    T1W_SPIN_ECHO = "T1w (spin echo)"
    T2W = "T2w"
    PD = "PD"
    STIR = "STIR"
    GRADIENT_ECHO = "Gradient echo"
    BSSFP = "Balanced gradient echo"


@dataclass(frozen=True)
class Timing:
    """Times in ms and an angle in degrees; None for the usual one of the contrast.

    Attributes:
        repetition_time_ms: TR.
        echo_time_ms: TE.
        inversion_time_ms: TI; the later one of a DIR. None for the time that nulls what the contrast is to null.
        first_inversion_ms: of a DIR, from the first inversion to the second.
        flip_degrees: of a gradient echo.
        train_ms: how long a turbo spin echo goes on refocusing.
    """

    repetition_time_ms: float | None = None
    echo_time_ms: float | None = None
    inversion_time_ms: float | None = None
    first_inversion_ms: float | None = None
    flip_degrees: float | None = None
    train_ms: float | None = None


# TR and TE in ms, flip angle in degrees, train in ms.
_USUAL: dict[Contrast, tuple[float, float, float, float]] = {
    Contrast.DIR: (7500.0, 100.0, 90.0, 0.0),
    Contrast.FLAIR: (9000.0, 120.0, 90.0, 0.0),
    Contrast.T1W: (2300.0, 3.0, 9.0, 0.0),
    Contrast.T1W_SPIN_ECHO: (600.0, 12.0, 90.0, 0.0),
    Contrast.T2W: (4500.0, 100.0, 90.0, 0.0),
    Contrast.PD: (4500.0, 15.0, 90.0, 0.0),
    Contrast.STIR: (5000.0, 60.0, 90.0, 0.0),
    Contrast.GRADIENT_ECHO: (35.0, 5.0, 30.0, 0.0),
    Contrast.BSSFP: (5.0, 2.5, 50.0, 0.0),
}
# Usual repetition and echo time in ms.
USUAL_TIMES_MS: dict[Contrast, tuple[float, float]] = {kind: values[:2] for kind, values in _USUAL.items()}
# T1 at 3 T and 1.5 T of what inversions null, as in `phantoms.brain.tissues`.
_T1_CSF, _T1_WHITE, _T1_FAT = (4000.0, 4000.0), (900.0, 702.0), (382.0, 344.0)


def sequence_of(contrast: Contrast, timing: Timing = Timing(), field_t: float = 3.0) -> Sequence:
    """The sequence of a contrast.

    Args:
        contrast: which.
        timing: what is known of it.
        field_t: field strength, for inversion times that are not given: FLAIR nulls CSF, STIR fat, DIR CSF and white
            matter.

    Raises:
        ParameterError: if times contradict each other, or no time nulls these tissues.
    """
    usual_tr, usual_te, usual_flip, usual_train = _USUAL[contrast]
    tr, te = _or(timing.repetition_time_ms, usual_tr), _or(timing.echo_time_ms, usual_te)
    flip, train = _or(timing.flip_degrees, usual_flip), _or(timing.train_ms, usual_train)
    if contrast is Contrast.DIR:
        first, second = timing.first_inversion_ms, timing.inversion_time_ms
        if first is None and second is None:
            first, second = double_inversion_times(tr, _t1(_T1_CSF, field_t), _t1(_T1_WHITE, field_t), train)
        elif first is None or second is None:
            raise ParameterError("A DIR has two inversion times: give both, or neither.")
        return DoubleInversionRecovery(tr, first, second, te, train)
    if contrast in (Contrast.FLAIR, Contrast.STIR):
        nulled = _T1_CSF if contrast is Contrast.FLAIR else _T1_FAT
        wait = timing.inversion_time_ms
        return InversionRecovery(tr, inversion_time(tr, _t1(nulled, field_t), train) if wait is None else wait, te,
                                 train)
    if contrast is Contrast.T1W:
        return Mprage(tr, _or(timing.inversion_time_ms, 900.0), te, flip)
    if contrast is Contrast.GRADIENT_ECHO:
        return SpoiledGradientEcho(tr, te, flip)
    if contrast is Contrast.BSSFP:
        return BalancedSteadyState(tr, flip, te)
    return SpinEcho(tr, te, train)


def _or(given: float | None, usual: float) -> float:
    return usual if given is None else given


def _t1(at_3t_and_1_5t: tuple[float, float], field_t: float) -> float:
    share = min(max((3.0 - field_t) / 1.5, 0.0), 1.0)
    return at_3t_and_1_5t[0] * (1 - share) + at_3t_and_1_5t[1] * share

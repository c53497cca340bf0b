"""The signal of a sequence: signed, before the magnitude, relative to that of fully relaxed water.

Signals are of the steady state, on resonance, for ideal pulses. They stay signed because voxels of two tissues add
their signals before the magnitude is taken: near a null the mixture is darker than either.

Sources: Bernstein, King, Zhou, Handbook of MRI Pulse Sequences (2004), ch. 14 and 17; Brown et al., Magnetic Resonance
Imaging (2nd ed. 2014), ch. 8 and 18; each formula is held against a simulation of the Bloch equations in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.physics.mr.tissue import Tissue, Values


class Sequence(Protocol):
    """A sequence with its timing."""

    def signal(self, tissue: Tissue) -> Values:
        """Signed signal of a tissue, of the shape of its maps, float32."""
        ...


def magnitude(sequence: Sequence, tissue: Tissue) -> Values:
    """What an image shows: the signal without its sign."""
    return np.abs(sequence.signal(tissue))


def mixed(sequence: Sequence, tissues: Mapping[str, Tissue], fractions: Mapping[str, Values]) -> Values:
    """Signed signal of voxels that hold several tissues: the sum of their signals, weighted by their fractions.

    Args:
        sequence: the sequence.
        tissues: by name; numbers, or maps of the fractions' shape.
        fractions: by the same names, (K, J, I), 0 to 1.

    Raises:
        ParameterError: for a fraction without a tissue.
    """
    missing = sorted(set(fractions) - set(tissues))
    if missing:
        raise ParameterError(f"There are no relaxation times for '{missing[0]}'.")
    total = np.zeros(next(iter(fractions.values())).shape, np.float32)
    for name, fraction in fractions.items():
        total += fraction * sequence.signal(tissues[name])
    return total


@dataclass(frozen=True)
class SpinEcho:
    """90 - TE/2 - 180 - TE/2 - echo; T1-, T2- or proton-density-weighted by its times.

    ``PD (1 - 2 exp(-(TR - TE/2)/T1) + exp(-TR/T1)) exp(-TE/T2)`` (Brown ch. 8).

    Attributes:
        repetition_time_ms: from one excitation to the next.
        echo_time_ms: from excitation to echo.
        train_ms: of a turbo spin echo, how long pulses go on refocusing after the excitation; they keep the
            magnetisation along the field near 0, so that it recovers only from then on. 0 for one echo.
    """

    repetition_time_ms: float
    echo_time_ms: float
    train_ms: float = 0.0

    def __post_init__(self) -> None:
        _ordered(("the echo time", self.echo_time_ms, 0.0), ("the repetition time", self.repetition_time_ms,
                                                             max(self.echo_time_ms, self.train_ms)))

    def signal(self, tissue: Tissue) -> Values:
        """Signed signal."""
        density, t1, t2, _ = _arrays(tissue)
        if self.train_ms:
            along = 1 - np.exp(-(self.repetition_time_ms - self.train_ms) / t1)
        else:
            late = self.repetition_time_ms - self.echo_time_ms / 2
            along = 1 - 2 * np.exp(-late / t1) + np.exp(-self.repetition_time_ms / t1)
        return _float(density * along * np.exp(-self.echo_time_ms / t2))


@dataclass(frozen=True)
class InversionRecovery:
    """180 - TI - (turbo) spin echo: FLAIR with a TI that nulls CSF, STIR with one that nulls fat.

    ``PD (1 - 2 exp(-TI/T1) + exp(-(TR - train)/T1)) exp(-TE/T2)`` (Bernstein ch. 14.2). The magnetisation along the
    field counts as 0 from the excitation until the train has ended.

    Attributes:
        repetition_time_ms: from one inversion to the next.
        inversion_time_ms: from inversion to excitation.
        echo_time_ms: effective echo time.
        train_ms: length of the train of refocusing pulses.
    """

    repetition_time_ms: float
    inversion_time_ms: float
    echo_time_ms: float
    train_ms: float = 0.0

    def __post_init__(self) -> None:
        _ordered(("the inversion time", self.inversion_time_ms, 0.0), ("the echo time", self.echo_time_ms, 0.0),
                 ("the repetition time", self.repetition_time_ms,
                  self.inversion_time_ms + max(self.echo_time_ms, self.train_ms)))

    def signal(self, tissue: Tissue) -> Values:
        """Signed signal."""
        density, t1, t2, _ = _arrays(tissue)
        recovered = np.exp(-(self.repetition_time_ms - self.train_ms) / t1)
        along = 1 - 2 * np.exp(-self.inversion_time_ms / t1) + recovered
        return _float(density * along * np.exp(-self.echo_time_ms / t2))


@dataclass(frozen=True)
class DoubleInversionRecovery:
    """180 - TI1 - 180 - TI2 - (turbo) spin echo; two tissues can be nulled (`nulls.double_inversion_times`).

    ``PD (1 - 2 exp(-TI2/T1) + 2 exp(-(TI1 + TI2)/T1) - exp(-(TR - train)/T1)) exp(-TE/T2)`` (Redpath and Smith 1994).

    Attributes:
        repetition_time_ms: from one first inversion to the next.
        first_inversion_ms: TI1, from the first inversion to the second.
        second_inversion_ms: TI2, from the second inversion to the excitation.
        echo_time_ms: effective echo time.
        train_ms: length of the train of refocusing pulses.
    """

    repetition_time_ms: float
    first_inversion_ms: float
    second_inversion_ms: float
    echo_time_ms: float
    train_ms: float = 0.0

    def __post_init__(self) -> None:
        _ordered(("the first inversion time", self.first_inversion_ms, 0.0),
                 ("the second inversion time", self.second_inversion_ms, 0.0),
                 ("the echo time", self.echo_time_ms, 0.0),
                 ("the repetition time", self.repetition_time_ms, self.first_inversion_ms + self.second_inversion_ms
                  + max(self.echo_time_ms, self.train_ms)))

    def signal(self, tissue: Tissue) -> Values:
        """Signed signal."""
        density, t1, t2, _ = _arrays(tissue)
        both = self.first_inversion_ms + self.second_inversion_ms
        recovered = np.exp(-(self.repetition_time_ms - self.train_ms) / t1)
        along = 1 - 2 * np.exp(-self.second_inversion_ms / t1) + 2 * np.exp(-both / t1) - recovered
        return _float(density * along * np.exp(-self.echo_time_ms / t2))


@dataclass(frozen=True)
class SpoiledGradientEcho:
    """FLASH, SPGR: ``PD sin a (1 - E1) / (1 - E1 cos a) exp(-TE/T2*)`` with ``E1 = exp(-TR/T1)`` (Brown ch. 18).

    Attributes:
        repetition_time_ms, echo_time_ms: times.
        flip_degrees: angle of the excitation, above 0, up to 90.
    """

    repetition_time_ms: float
    echo_time_ms: float
    flip_degrees: float

    def __post_init__(self) -> None:
        _flip(self.flip_degrees)
        _ordered(("the echo time", self.echo_time_ms, 0.0),
                 ("the repetition time", self.repetition_time_ms, self.echo_time_ms))

    def signal(self, tissue: Tissue) -> Values:
        """Signal, never below 0."""
        density, t1, _, t2star = _arrays(tissue)
        angle = np.deg2rad(self.flip_degrees)
        left = np.exp(-self.repetition_time_ms / t1)
        return _float(density * np.sin(angle) * (1 - left) / (1 - left * np.cos(angle))
                      * np.exp(-self.echo_time_ms / t2star))


@dataclass(frozen=True)
class BalancedSteadyState:
    """TrueFISP, FIESTA, on resonance: ``PD sin a (1 - E1) / (1 - (E1 - E2) cos a - E1 E2) exp(-TE/T2)`` (Brown ch. 18).

    Attributes:
        repetition_time_ms: between pulses, whose phase alternates.
        flip_degrees: angle, above 0, up to 90.
        echo_time_ms: None for the middle between two pulses.
    """

    repetition_time_ms: float
    flip_degrees: float
    echo_time_ms: float | None = None

    def __post_init__(self) -> None:
        _flip(self.flip_degrees)
        _ordered(("the echo time", self._echo, 0.0), ("the repetition time", self.repetition_time_ms, self._echo))

    @property
    def _echo(self) -> float:
        return self.repetition_time_ms / 2 if self.echo_time_ms is None else self.echo_time_ms

    def signal(self, tissue: Tissue) -> Values:
        """Signal, never below 0."""
        density, t1, t2, _ = _arrays(tissue)
        angle = np.deg2rad(self.flip_degrees)
        e1, e2 = np.exp(-self.repetition_time_ms / t1), np.exp(-self.repetition_time_ms / t2)
        across = np.sin(angle) * (1 - e1) / (1 - (e1 - e2) * np.cos(angle) - e1 * e2)
        return _float(density * across * np.exp(-self._echo / t2))


@dataclass(frozen=True)
class Mprage:
    """180 - wait - N spoiled gradient echoes - wait; contrast is that of the echo in the middle.

    All steps change the magnetisation along the field by ``m -> a m + b``: its steady state follows without
    approximation, the readout included (after Deichmann et al. 2000, NeuroImage 12).

    Attributes:
        repetition_time_ms: from one inversion to the next.
        inversion_time_ms: from inversion to the middle echo.
        echo_time_ms: of each echo.
        flip_degrees: of each excitation, above 0, below 90.
        echo_spacing_ms: between excitations.
        echoes: excitations after each inversion.
        inversion_efficiency: 1 turns the magnetisation round completely.
    """

    repetition_time_ms: float
    inversion_time_ms: float
    echo_time_ms: float
    flip_degrees: float
    echo_spacing_ms: float = 7.0
    echoes: int = 176
    inversion_efficiency: float = 1.0

    def __post_init__(self) -> None:
        _flip(self.flip_degrees)
        if self.echoes < 1 or not 0 < self.inversion_efficiency <= 1:
            raise ParameterError("An MPRAGE has one echo or more, and an inversion efficiency above 0, up to 1.")
        _ordered(("the echo time", self.echo_time_ms, 0.0), ("the echo spacing", self.echo_spacing_ms,
                                                             self.echo_time_ms))
        middle = self.echoes // 2 * self.echo_spacing_ms
        _ordered(("the inversion time", self.inversion_time_ms, middle),
                 ("the repetition time", self.repetition_time_ms,
                  self.inversion_time_ms - middle + self.echoes * self.echo_spacing_ms))

    def signal(self, tissue: Tissue) -> Values:
        """Signed signal of the middle echo."""
        density, t1, _, t2star = _arrays(tissue)
        angle = np.deg2rad(self.flip_degrees)
        before = self.echoes // 2
        wait = self.inversion_time_ms - before * self.echo_spacing_ms
        rest = self.repetition_time_ms - wait - self.echoes * self.echo_spacing_ms
        kept = np.exp(-self.echo_spacing_ms / t1)
        share = kept * np.cos(angle)
        level = (1 - kept) / (1 - share)  # where the readout would settle
        gone, over, left = np.exp(-wait / t1), share**self.echoes, np.exp(-rest / t1)
        # m before the inversion: after it -e m, at the readout (1 - gone) - e m gone, then towards `level`, then rest.
        slope = -self.inversion_efficiency * gone * over * left
        offset = (((1 - gone) - level) * over + level) * left + (1 - left)
        steady = offset / (1 - slope)
        start = (1 - gone) - self.inversion_efficiency * steady * gone
        at_middle = level + (start - level) * share**before
        return _float(density * np.sin(angle) * at_middle * np.exp(-self.echo_time_ms / t2star))


def _arrays(tissue: Tissue) -> tuple[npt.NDArray[np.float64], ...]:
    return tuple(np.asarray(part, np.float64) for part in tissue.parts)


def _float(values: npt.NDArray[np.float64]) -> Values:
    return np.asarray(values, np.float32)


def _flip(degrees: float) -> None:
    if not 0 < degrees <= 90:
        raise ParameterError(f"The flip angle is {degrees:g} degrees; it must be above 0, up to 90.")


def _ordered(*times: tuple[str, float, float]) -> None:
    for name, value, least in times:
        if not (np.isfinite(value) and value >= least and (value > 0 or least == 0)):
            raise ParameterError(f"{name[0].upper()}{name[1:]} is {value:g} ms; it must be {least:g} ms or more.")

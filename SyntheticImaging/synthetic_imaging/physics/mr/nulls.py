"""Inversion times at which chosen tissues give no signal."""

from __future__ import annotations

import math

from synthetic_imaging.errors import ParameterError


def inversion_time(repetition_time_ms: float, t1_ms: float, train_ms: float = 0.0) -> float:
    """TI of an inversion recovery that nulls a tissue, in ms: ``T1 (ln 2 - ln(1 + exp(-(TR - train)/T1)))``.

    Args:
        repetition_time_ms: TR.
        t1_ms: of the tissue: CSF for a FLAIR.
        train_ms: length of the train of refocusing pulses.

    Raises:
        ParameterError: if the tissue cannot be nulled within TR.
    """
    _above_zero(repetition_time_ms, t1_ms)
    free = repetition_time_ms - train_ms
    found = t1_ms * (math.log(2) - math.log1p(math.exp(-free / t1_ms))) if free > 0 else math.inf
    if found >= free:
        raise ParameterError(f"A tissue with a T1 of {t1_ms:g} ms is not nulled within TR {repetition_time_ms:g} ms "
                             f"and a train of {train_ms:g} ms. Take a longer TR or a shorter train.")
    return found


def double_inversion_times(
    repetition_time_ms: float, long_t1_ms: float, short_t1_ms: float, train_ms: float = 0.0
) -> tuple[float, float]:
    """(TI1, TI2) of a double inversion recovery that nulls two tissues, in ms.

    With ``x = exp(-TI2/T1)``, a tissue is null where ``2 exp(-(TI1 + TI2)/T1) = 2 x + exp(-(TR - train)/T1) - 1``: each
    tissue gives TI1 as a function of TI2, and the two functions cross once.

    Args:
        repetition_time_ms: TR.
        long_t1_ms: of the tissue that recovers slowly (CSF).
        short_t1_ms: of the other (white matter).
        train_ms: length of the train of refocusing pulses.

    Raises:
        ParameterError: if no pair of times does it within TR.
    """
    from scipy.optimize import brentq

    _above_zero(repetition_time_ms, long_t1_ms, short_t1_ms)
    if not long_t1_ms > short_t1_ms:
        raise ParameterError(f"The first T1 ({long_t1_ms:g} ms) must be longer than the second ({short_t1_ms:g} ms).")
    free = repetition_time_ms - train_ms
    trouble = ParameterError(
        f"Tissues with T1 of {long_t1_ms:g} and {short_t1_ms:g} ms are not nulled together within TR "
        f"{repetition_time_ms:g} ms. Take a longer TR, or tissues whose T1 differ more."
    )
    if free <= 0:
        raise trouble

    def first(second: float, t1: float) -> float:
        rest = 2 * math.exp(-second / t1) + math.exp(-free / t1) - 1
        return -t1 * math.log(rest / 2) - second if rest > 0 else math.inf

    def apart(second: float) -> float:
        return first(second, short_t1_ms) - first(second, long_t1_ms)

    # Up to here the short T1 can be nulled by some TI1; close below, TI1 grows without end.
    latest = inversion_time(free, short_t1_ms)
    low, high = 0.0, latest * (1 - 1e-12)
    if not (apart(low) < 0 < apart(high)):
        raise trouble
    second = float(brentq(apart, low, high, xtol=1e-9))
    found = first(second, long_t1_ms)
    if not 0 < found + second < free:
        raise trouble
    return found, second


def _above_zero(*times: float) -> None:
    if not all(math.isfinite(t) and t > 0 for t in times):
        raise ParameterError("Repetition and relaxation times must be above 0 ms.")

"""Do two ways of measuring agree, and do two sets of measurements have one distribution?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.evaluation.arrays import FloatArray, finite, measured, times
from synthetic_imaging.evaluation.paired import p_text
from synthetic_imaging.evaluation.statistics import Estimate


@dataclass(frozen=True)
class BlandAltman:
    """Agreement of two measurements of the same cases (Bland and Altman 1999, doi:10.1177/096228029900800204).

    Attributes:
        bias: mean of measurement minus reference, with its t interval.
        sd: of the differences (divisor n - 1).
        lower, upper: limits of agreement, bias minus and plus 1.96 sd, each with its interval (their section 2.2).
        n: cases.
    """

    bias: Estimate
    sd: float
    lower: Estimate
    upper: Estimate
    n: int

    @property
    def text(self) -> str:
        """Bias and limits."""
        return f"bias {self.bias.text}, limits of agreement {self.lower.estimate:.4g} to {self.upper.estimate:.4g}"


def bland_altman(measurement: npt.ArrayLike, reference: npt.ArrayLike, level: float = 0.95) -> BlandAltman:
    """Bias and limits of agreement.

    Args:
        measurement: one value for each case, (N,), 3 or more.
        reference: of the same cases.
        level: of the intervals; the limits themselves are always those of 95 % of differences.

    Raises:
        InputError: for lists of different lengths, too short, or not finite.
    """
    one, other = _pairs(measurement, reference)
    from scipy import stats

    apart, n = one - other, one.size
    bias, sd = float(apart.mean()), float(apart.std(ddof=1))
    t = float(stats.t.ppf(0.5 + level / 2, n - 1))
    reach = t * sd / np.sqrt(n)
    limit_reach = t * sd * np.sqrt(1 / n + 1.96**2 / (2 * (n - 1)))

    def about(value: float, half: float) -> Estimate:
        return Estimate(value, float(value - half), float(value + half), n, level, "t")

    return BlandAltman(
        about(bias, reach), sd, about(bias - 1.96 * sd, limit_reach), about(bias + 1.96 * sd, limit_reach), n
    )


def pearson(measurement: npt.ArrayLike, reference: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Pearson's correlation with Fisher's interval. It tells association, not agreement.

    Args:
        measurement: one value for each case, (N,), 4 or more.
        reference: of the same cases.
        level: of the interval.

    Raises:
        InputError: as `bland_altman`, or if a list is constant.
    """
    one, other = _pairs(measurement, reference, 4)
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        raise InputError("All values of a list are equal: there is no correlation with a constant.")
    from scipy import stats

    found = stats.pearsonr(one, other)
    ends = found.confidence_interval(level)
    return Estimate(float(found.statistic), float(ends.low), float(ends.high), one.size, level, "Fisher")


def icc(ratings: npt.ArrayLike, absolute: bool = True, level: float = 0.95) -> Estimate:
    """Intraclass correlation of single measurements (Shrout and Fleiss 1979, doi:10.1037/0033-2909.86.2.420).

    Args:
        ratings: (N, R): cases by raters or methods, 3 or more by 2 or more.
        absolute: ICC(2,1), absolute agreement with raters drawn from many; else ICC(3,1), consistency of these raters,
            which forgives a constant offset.
        level: of the interval.

    Raises:
        InputError: for a table of another kind, values that are not finite, or all equal.
    """
    table = np.asarray(finite(ratings, "The table of ratings"), dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 3 or table.shape[1] < 2:
        raise InputError(f"Ratings must be a table of 3 or more cases by 2 or more raters, not {times(table.shape)}.")
    if np.ptp(table) == 0:
        raise InputError("All ratings are equal: there is no variation that raters could agree on.")
    n, k = table.shape
    centre = table.mean()
    rows, columns = table.mean(axis=1), table.mean(axis=0)
    between = k * float(((rows - centre) ** 2).sum()) / (n - 1)
    raters = n * float(((columns - centre) ** 2).sum()) / (k - 1)
    rest = table - rows[:, None] - columns + centre
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    tail = 0.5 + level / 2
    if absolute:
        value = (between - error) / (between + (k - 1) * error + k * (raters - error) / n)
        low, high = _absolute_interval(between, raters, error, value, n, k, tail)
    else:
        value = (between - error) / (between + (k - 1) * error)
        low, high = _consistency_interval(between, error, n, k, tail)
    return Estimate(float(value), low, high, n, level, "ICC(2,1)" if absolute else "ICC(3,1)")


@dataclass(frozen=True)
class SameDistribution:
    """Two sets of measurements, for instance ventricular volumes of real and of synthetic hearts.

    Attributes:
        wasserstein: mean distance by which values must move to turn one distribution into the other, in their unit.
        ks: Kolmogorov-Smirnov statistic, largest gap between the two cumulative distributions, 0 to 1.
        p_value: of the latter; small where the distributions differ. A large one is no proof that they are equal.
        n, n_reference: values.
    """

    wasserstein: float
    ks: float
    p_value: float
    n: int
    n_reference: int

    @property
    def text(self) -> str:
        """All of it."""
        return (
            f"Wasserstein distance {self.wasserstein:.4g}, Kolmogorov-Smirnov {self.ks:.3f} ({p_text(self.p_value)}, "
            f"n = {self.n} against {self.n_reference})"
        )


def same_distribution(measurements: npt.ArrayLike, reference: npt.ArrayLike) -> SameDistribution:
    """Compare the distributions of two unpaired sets of measurements.

    Args:
        measurements: (N,), 2 or more.
        reference: (M,), 2 or more.

    Raises:
        InputError: for lists that are too short or not finite.
    """
    one, other = measured(measurements, "The list of measurements"), measured(reference, "The list of reference values")
    from scipy import stats

    found = stats.ks_2samp(one, other)
    return SameDistribution(
        float(stats.wasserstein_distance(one, other)), float(found.statistic), float(found.pvalue), one.size, other.size
    )


def _pairs(measurement: npt.ArrayLike, reference: npt.ArrayLike, least: int = 3) -> tuple[FloatArray, FloatArray]:
    one, other = measured(measurement, "The list of measurements", least), measured(reference, "The reference", least)
    if one.size != other.size:
        raise InputError(f"Agreement needs the same cases in both lists, not {one.size} and {other.size}.")
    return one, other


def _consistency_interval(between: float, error: float, n: int, k: int, tail: float) -> tuple[float, float]:
    """McGraw and Wong 1996 (doi:10.1037/1082-989X.1.1.30), table 7, case 3."""
    from scipy import stats

    if error == 0:
        return 1.0, 1.0
    ratio, free, free_error = between / error, n - 1, (n - 1) * (k - 1)
    low = ratio / float(stats.f.ppf(tail, free, free_error))
    high = ratio * float(stats.f.ppf(tail, free_error, free))
    return (low - 1) / (low + k - 1), (high - 1) / (high + k - 1)


def _absolute_interval(
    between: float, raters: float, error: float, value: float, n: int, k: int, tail: float
) -> tuple[float, float]:
    """McGraw and Wong 1996, table 7, case 2: with Satterthwaite's degrees of freedom."""
    from scipy import stats

    if value >= 1:
        return 1.0, 1.0
    a, b = k * value / (n * (1 - value)), 1 + k * value * (n - 1) / (n * (1 - value))
    bottom = (a * raters) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    free = (a * raters + b * error) ** 2 / bottom if bottom > 0 else 1.0
    f_low = float(stats.f.ppf(tail, n - 1, free))
    f_high = float(stats.f.ppf(tail, free, n - 1))
    spread = k * raters + (k * n - k - n) * error
    low = n * (between - f_low * error) / (f_low * spread + n * between)
    high = n * (f_high * between - error) / (spread + n * f_high * between)
    return float(low), float(high)

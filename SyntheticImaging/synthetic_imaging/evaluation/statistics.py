"""Estimates with an interval: over cases, and over cases and seeds at once.

A figure without an interval says nothing about the next run. Cases are drawn again with replacement (Efron and
Tibshirani 1993): the percentile interval, or BCa (chapter 14), which corrects for skewness and bias. Where a network
was trained with several seeds, seeds and cases are both drawn again (`over_seeds`), since cases under one seed share
its luck. For distances between sets, whose bootstrap is biased, see `uncertainty`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.arrays import FloatArray, finite, measured, times

_NORMAL = NormalDist()
_BLOCK = 1 << 22

# Of the cases along the last axis: (..., N) to (...).
Statistic = Callable[[FloatArray], FloatArray]


class Interval(str, Enum):
    """How the ends of a bootstrap interval are found."""

    PERCENTILE = "percentile"
    BCA = "BCa"


@dataclass(frozen=True)
class Estimate:
    """A number and how sure it is.

    Attributes:
        estimate: from all cases.
        low, high: the interval's ends.
        n: cases.
        level: of the interval, for instance 0.95.
        method: how the interval was found.
        seeds: training runs, where there are several; else 1.
    """

    estimate: float
    low: float
    high: float
    n: int
    level: float = 0.95
    method: str = ""
    seeds: int = 1

    @property
    def text(self) -> str:
        """For instance ``0.81 (95 % CI 0.79 to 0.83, n = 108)``."""
        runs = f", {self.seeds} seeds" if self.seeds > 1 else ""
        value, low, high = in_digits(self.estimate, self.low, self.high)
        return f"{value} ({self.level * 100:g} % CI {low} to {high}, n = {self.n}{runs})"


def in_digits(value: float, low: float, high: float) -> tuple[str, str, str]:
    """An estimate and its interval, with decimals for two digits of the interval's width."""
    width = high - low
    places = 2
    if math.isfinite(width) and width > 0:
        places = min(8, max(0, 1 - math.floor(math.log10(width))))
    return f"{value:.{places}f}", f"{low:.{places}f}", f"{high:.{places}f}"


def mean(values: FloatArray) -> FloatArray:
    """Mean along the last axis."""
    return np.asarray(values.mean(axis=-1))


def median(values: FloatArray) -> FloatArray:
    """Median along the last axis."""
    return np.asarray(np.median(values, axis=-1))


def bootstrap(
    values: npt.ArrayLike,
    rng: np.random.Generator,
    statistic: Statistic = mean,
    interval: Interval = Interval.BCA,
    level: float = 0.95,
    resamples: int = 2000,
) -> Estimate:
    """A statistic of cases and its bootstrap interval.

    Args:
        values: one for each case, (N,), 3 or more. For paired cases, their differences.
        rng: draws the cases.
        statistic: `mean`, `median`, or any function of (..., N) along its last axis.
        interval: percentile or BCa. For the median, BCa's jackknife is not consistent: take the percentile.
        level: of the interval, between 0 and 1.
        resamples: draws, 100 or more.

    Raises:
        InputError: for fewer than three cases or values that are not finite.
        ParameterError: for an impossible level or number of draws, or BCa for the median.
    """
    cases = measured(values, "The list of cases", 3)
    _check(level, resamples)
    if statistic is median and interval is Interval.BCA:
        raise ParameterError("The BCa interval does not hold for a median. Take the percentile interval.")
    estimate = float(statistic(cases))
    size = cases.size
    drawn = _drawn(lambda count: cases[rng.integers(0, size, (count, size))], statistic, resamples, size)
    tails = ((1 - level) / 2, (1 + level) / 2)
    if interval is Interval.BCA:
        tails = _bca(cases, statistic, estimate, drawn, tails)
    low, high = np.quantile(drawn, tails)
    return Estimate(estimate, float(low), float(high), cases.size, level, f"bootstrap, {interval.value}")


def over_seeds(
    values: npt.NDArray[Any] | Sequence[npt.ArrayLike],
    rng: np.random.Generator,
    statistic: Statistic = mean,
    same_cases: bool = True,
    level: float = 0.95,
    resamples: int = 2000,
) -> Estimate:
    """A statistic over cases and seeds, with an interval that covers both.

    The estimate is the mean over seeds of the statistic over cases. Each draw takes seeds with replacement, and cases
    with
    replacement: the same cases for all seeds where they were tested on one test set (Owen 2007,
    doi:10.1214/07-AOAS122), else new ones within each seed. With two or three seeds the interval is a lower bound: so
    few say little about others.

    Args:
        values: (S, N): seeds by cases; or S lists, if each seed has its own cases (``same_cases=False``). For two
            methods compared by pairs, their differences.
        rng: draws both.
        statistic: along the last axis.
        same_cases: whether case n is the same under every seed.
        level: of the interval.
        resamples: draws, 100 or more.

    Raises:
        InputError: for fewer than two seeds, fewer than three cases, or values that are not finite.
        ParameterError: for an impossible level or number of draws.
    """
    runs = [measured(run, f"The list of cases of seed {at + 1}", 3) for at, run in enumerate(values)]
    _check(level, resamples)
    if len(runs) < 2:
        raise InputError(f"An interval over seeds needs at least two, not {len(runs)}. With one, take one over cases.")
    if same_cases and len({run.size for run in runs}) > 1:
        sizes = ", ".join(str(run.size) for run in runs)
        raise InputError(f"Seeds were tested on {sizes} cases: the same cases are needed, or say that they are not.")
    estimate = float(np.mean([statistic(run) for run in runs]))
    drawn = np.empty(resamples)
    table = np.stack(runs) if same_cases else None
    for at in range(resamples):
        seeds = rng.integers(0, len(runs), len(runs))
        if table is not None:
            cases = rng.integers(0, table.shape[1], table.shape[1])
            drawn[at] = statistic(table[np.ix_(seeds, cases)]).mean()
        else:
            chosen = (runs[seed] for seed in seeds)
            drawn[at] = np.mean([statistic(run[rng.integers(0, run.size, run.size)]) for run in chosen])
    low, high = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2))
    count = runs[0].size if same_cases else sum(run.size for run in runs)
    return Estimate(estimate, float(low), float(high), count, level, "bootstrap over seeds and cases", len(runs))


def from_draws(estimate: float, draws: npt.ArrayLike, n: int, level: float = 0.95) -> Estimate:
    """An estimate whose repetitions were made elsewhere: the percentile interval of them.

    Raises:
        InputError: if they are no list of 20 or more finite numbers.
    """
    repeated = measured(finite(draws, "The draws"), "The list of draws", 20)
    _check(level, 100)
    low, high = np.quantile(repeated, ((1 - level) / 2, (1 + level) / 2))
    return Estimate(estimate, float(low), float(high), n, level, "percentile of draws")


def _check(level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise ParameterError(f"The level of an interval lies between 0 and 1, not at {level:g}.")
    if resamples < 100:
        raise ParameterError(f"A bootstrap needs at least 100 draws, not {resamples}.")


def _drawn(draw: Callable[[int], FloatArray], statistic: Statistic, resamples: int, size: int) -> FloatArray:
    """The statistic of ``resamples`` draws, in blocks that fit the cache."""
    step = max(1, _BLOCK // size)
    made = [statistic(draw(min(step, resamples - start))) for start in range(0, resamples, step)]
    result = np.concatenate(made)
    if result.shape != (resamples,):
        raise ParameterError(f"The statistic must work along the last axis; it made {times(result.shape)} numbers.")
    return result


def _bca(
    cases: FloatArray, statistic: Statistic, estimate: float, drawn: FloatArray, tails: tuple[float, float]
) -> tuple[float, float]:
    """The quantiles to read instead of ``tails`` (Efron and Tibshirani 1993, equations 14.9 to 14.15)."""
    below = (np.count_nonzero(drawn < estimate) + 0.5 * np.count_nonzero(drawn == estimate)) / drawn.size
    if not 0 < below < 1:
        return tails
    bias = _NORMAL.inv_cdf(below)
    left_out = np.array([float(statistic(np.delete(cases, at))) for at in range(cases.size)])
    apart = left_out.mean() - left_out
    scale = float((apart**2).sum())
    acceleration = float((apart**3).sum()) / (6 * scale**1.5) if scale > 0 else 0.0

    def moved(tail: float) -> float:
        z = bias + _NORMAL.inv_cdf(tail)
        return _NORMAL.cdf(bias + z / (1 - acceleration * z))

    return moved(tails[0]), moved(tails[1])

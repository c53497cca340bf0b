"""How sure a distance between two sets is: half of the cases, drawn again and again.

Drawing cases with replacement, as the bootstrap does, puts the same case into a set twice. That biases everything here:
a duplicate is its own nearest neighbour at distance 0, adds the diagonal to an unbiased kernel estimate, and lowers the
rank of a covariance. So halves are drawn *without* replacement (delete-half jackknife, Shao and Wu 1989,
doi:10.1214/aos/1176347263): the spread of a statistic over random halves estimates its standard error on the whole set.
For two sets from one distribution, where a distance reaches its floor, the intervals are too wide rather than too
narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.evaluation.arrays import FloatArray, IndexArray


@dataclass(frozen=True)
class Resampling:
    """Ask for an interval beside a distance between sets.

    Attributes:
        rng: draws the halves.
        halves: how many, 20 or more.
        level: of the interval, between 0 and 1.
    """

    rng: np.random.Generator
    halves: int = 100
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.halves < 20:
            raise ParameterError(f"An interval needs at least 20 halves, not {self.halves}.")
        if not 0 < self.level < 1:
            raise ParameterError(f"The level of an interval lies between 0 and 1, not at {self.level:g}.")


@dataclass(frozen=True)
class Spread:
    """An interval round an estimate.

    Attributes:
        low, high: its ends.
        standard_error: on which it rests.
        level: for instance 0.95.
    """

    low: float
    high: float
    standard_error: float
    level: float


def spread_by_halves(
    statistic: Callable[[IndexArray, IndexArray], FloatArray],
    whole: FloatArray,
    sizes: tuple[int, int],
    resampling: Resampling,
    bounds: Sequence[tuple[float, float]] = (),
) -> list[Spread]:
    """Intervals for statistics of two sets.

    Args:
        statistic: of the cases of the first and second set with these indices, (S,).
        whole: its value on all cases, (S,).
        sizes: cases in the two sets, 4 or more each.
        resampling: how.
        bounds: lowest and highest possible value of each, where the intervals are cut; () for none.

    Returns:
        One for each of the S values: estimate plus and minus the normal quantile times the standard error.
    """
    if min(sizes) < 4:
        raise ParameterError(f"An interval needs at least 4 cases in each set, not {min(sizes)}.")
    drawn = []
    for _ in range(resampling.halves):
        first, second = (np.sort(resampling.rng.permutation(n)[: n // 2]) for n in sizes)
        drawn.append(statistic(first, second))
    # r / d with r kept and d left out of the smaller set: 1 for an even number.
    smallest = min(sizes)
    factor = np.sqrt((smallest // 2) / (smallest - smallest // 2))
    errors = np.std(drawn, axis=0, ddof=1) * factor
    reach = NormalDist().inv_cdf(0.5 + resampling.level / 2)
    return [
        Spread(
            max(low, float(value - reach * error)),
            min(high, float(value + reach * error)),
            float(error),
            resampling.level,
        )
        for value, error, (low, high) in zip(whole, errors, bounds or [(-np.inf, np.inf)] * len(whole), strict=True)
    ]


def with_spread(value: str, spread: Spread | None, places: int) -> str:
    """An estimate and its interval in words."""
    if spread is None:
        return value
    return f"{value} ({spread.level * 100:g} % CI {spread.low:.{places}f} to {spread.high:.{places}f})"

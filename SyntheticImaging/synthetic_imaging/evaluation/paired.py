"""Is one method better than another on the same cases? Tests on pairs, and Holm's correction for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.arrays import FloatArray, measured
from synthetic_imaging.evaluation.statistics import Estimate, bootstrap

_EXACT_UP_TO = 16
_BLOCK = 1 << 22


class Method(str, Enum):
    """How pairs are tested.

    ``WILCOXON``: signed ranks. ``T``: paired t. ``PERMUTATION``: of the signs of the differences, which assumes only
    that the two could be exchanged if they were alike.
    """

    WILCOXON = "Wilcoxon"
    T = "paired t"
    PERMUTATION = "permutation"


@dataclass(frozen=True)
class PairedTest:
    """Whether two methods differ on the same cases.

    Attributes:
        difference: mean of first minus second, with its bootstrap interval.
        p_value: two-sided.
        method: which test.
        n: pairs.
    """

    difference: Estimate
    p_value: float
    method: Method
    n: int

    @property
    def text(self) -> str:
        """For instance ``difference 0.012 (95 % CI 0.004 to 0.020, n = 51), Wilcoxon p = 0.0031``."""
        return f"difference {self.difference.text}, {self.method.value} {p_text(self.p_value)}"


def p_text(p_value: float) -> str:
    """A p value in words; below 0.0001 as such."""
    return "p < 0.0001" if p_value < 1e-4 else f"p = {p_value:.2g}"


def paired_test(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    rng: np.random.Generator,
    method: Method = Method.WILCOXON,
    permutations: int = 10000,
) -> PairedTest:
    """Compare two methods case by case, two-sided.

    Args:
        first: one value for each case, (N,), 3 or more.
        second: of the same cases in the same order.
        rng: draws the interval's cases and the permutations.
        method: which. Signs are permuted exactly up to 16 pairs, else ``permutations`` times.
        permutations: 999 or more.

    Raises:
        InputError: for lists of different lengths, too short, or not finite.
    """
    one, other = measured(first, "The first list", 3), measured(second, "The second list", 3)
    if one.size != other.size:
        raise InputError(f"Pairs need two lists of one length, not of {one.size} and {other.size} cases.")
    if permutations < 999:
        raise ParameterError(f"A permutation test needs at least 999 of them, not {permutations}.")
    apart = one - other
    difference = bootstrap(apart, rng)
    if not apart.any():
        return PairedTest(difference, 1.0, method, one.size)

    from scipy import stats

    if method is Method.WILCOXON:
        p_value = float(stats.wilcoxon(apart).pvalue)
    elif method is Method.PERMUTATION:
        p_value = _sign_flips(apart, rng, permutations)
    elif np.ptp(apart) == 0:  # t is infinite
        p_value = 0.0
    else:
        p_value = float(stats.ttest_rel(one, other).pvalue)
    return PairedTest(difference, p_value, method, one.size)


def holm(p_values: Sequence[float]) -> FloatArray:
    """P values adjusted for being several (Holm 1979), in the given order; their family-wise error stays at the level.

    Raises:
        InputError: if one is not between 0 and 1.
    """
    given = measured(p_values, "The list of p values", 1)
    if given.min() < 0 or given.max() > 1:
        raise InputError("P values lie between 0 and 1.")
    order = np.argsort(given, kind="stable")
    raised = np.maximum.accumulate(given[order] * np.arange(given.size, 0, -1))
    adjusted = np.empty(given.size)
    adjusted[order] = np.minimum(raised, 1)
    return adjusted


def _sign_flips(apart: FloatArray, rng: np.random.Generator, permutations: int) -> float:
    """Share of sign patterns whose mean difference is at least as large as the observed one."""
    size = apart.size
    # What differs by rounding alone is counted as equal.
    observed = abs(apart.sum()) * (1 - 1e-12)
    if size <= _EXACT_UP_TO:
        signs = (np.arange(1 << size)[:, None] >> np.arange(size) & 1) * 2 - 1
        return float((np.abs(signs @ apart) >= observed).mean())
    extreme, step = 0, max(1, _BLOCK // size)
    for start in range(0, permutations, step):
        signs = rng.integers(0, 2, (min(step, permutations - start), size)) * 2 - 1
        extreme += int(np.count_nonzero(np.abs(signs @ apart) >= observed))
    return (extreme + 1) / (permutations + 1)

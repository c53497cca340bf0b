"""Maximum mean discrepancy (MMD) between the features of two sets.

The squared MMD, unbiased (Gretton et al. 2012, JMLR 13, lemma 6): its expectation is 0 for two sets from one
distribution whatever their number, so that it may fall below 0 by chance. With the cubic polynomial kernel it is what
the kernel Inception distance (KID, Binkowski et al. 2018, arXiv:1801.01401) computes on Inception features.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.evaluation.arrays import FloatArray, IndexArray, feature_pair
from synthetic_imaging.evaluation.uncertainty import Resampling, Spread, spread_by_halves, with_spread


class Kernel(str, Enum):
    """How alike two feature vectors are.

    ``POLYNOMIAL``: (x.y / D + 1)^3. ``GAUSSIAN``: exp(-|x - y|^2 / (2 w^2)), w the median distance within the pooled
    sets.
    """

    POLYNOMIAL = "polynomial"
    GAUSSIAN = "gaussian"


@dataclass(frozen=True)
class Discrepancy:
    """A squared MMD.

    Attributes:
        value: unbiased; about 0 for sets from one distribution.
        kernel: which.
        width: of the Gaussian kernel, in units of the features; NaN for the polynomial one.
        features: name of the feature network.
        n_real, n_generated: cases.
        spread: interval, if asked for.
    """

    value: float
    kernel: Kernel
    width: float
    features: str
    n_real: int
    n_generated: int
    spread: Spread | None = None

    @property
    def title(self) -> str:
        """ "KID" for the polynomial kernel on Inception features alone."""
        if self.kernel is Kernel.POLYNOMIAL and self.features.casefold().startswith("inception"):
            return "KID"
        return f"MMD² ({self.kernel.value}, {self.features})"

    @property
    def text(self) -> str:
        """Title, value, interval and cases."""
        value = with_spread(f"{self.value:.4g}", self.spread, 5)
        return f"{self.title} {value}, n = {self.n_real} real, {self.n_generated} generated"


def mmd(
    real: npt.ArrayLike,
    generated: npt.ArrayLike,
    features: str,
    kernel: Kernel = Kernel.POLYNOMIAL,
    width: float | None = None,
    resampling: Resampling | None = None,
) -> Discrepancy:
    """Unbiased squared MMD between two sets of features. Memory grows with (N + M)^2.

    Args:
        real: (N, D), 2 cases or more.
        generated: (M, D).
        features: name of the network that made them.
        kernel: polynomial or Gaussian.
        width: of the Gaussian kernel; None takes the median distance between any two of all cases. Give it to compare
            several generated sets by one measure.
        resampling: for an interval.

    Raises:
        InputError: for features that are not finite, of different length, of fewer than two cases, or all equal.
    """
    one, other = feature_pair(real, generated)
    within, across, beside, width = _kernels(one, other, kernel, width)

    def of(a: IndexArray, b: IndexArray) -> FloatArray:
        return np.array([_unbiased(within[np.ix_(a, a)], across[np.ix_(a, b)], beside[np.ix_(b, b)])])

    value = _unbiased(within, across, beside)
    spread = None
    if resampling is not None:
        spread = spread_by_halves(of, np.array([value]), (len(one), len(other)), resampling)[0]
    return Discrepancy(value, kernel, width, features, len(one), len(other), spread)


def _kernels(
    one: FloatArray, other: FloatArray, kernel: Kernel, width: float | None
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    if kernel is Kernel.POLYNOMIAL:
        size = one.shape[1]
        within, across, beside = (((a @ b.T) / size + 1) ** 3 for a, b in ((one, one), (one, other), (other, other)))
        return within, across, beside, float("nan")
    pooled = np.concatenate([one, other])
    pooled = pooled - pooled.mean(axis=0)
    squares = np.einsum("nd,nd->n", pooled, pooled)
    apart = np.clip(squares[:, None] + squares[None] - 2 * pooled @ pooled.T, 0, None)
    if width is None:
        width = float(np.sqrt(np.median(apart[np.triu_indices(len(pooled), 1)])))
    if not (np.isfinite(width) and width > 0):
        raise InputError("More than half of the cases have equal features: there is no median distance to compare by.")
    alike = np.exp(apart / (-2 * width**2))
    n = len(one)
    return alike[:n, :n], alike[:n, n:], alike[n:, n:], width


def _unbiased(within: FloatArray, across: FloatArray, beside: FloatArray) -> float:
    n, m = across.shape
    inside = (within.sum() - np.trace(within)) / (n * (n - 1)) + (beside.sum() - np.trace(beside)) / (m * (m - 1))
    return float(inside - 2 * across.mean())

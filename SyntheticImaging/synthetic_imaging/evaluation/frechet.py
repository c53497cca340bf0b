"""Fréchet distance between the features of real and of generated images.

Both sets are described by mean and covariance (divisor n - 1):

    d = |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))                (Heusel et al. 2017, arXiv:1706.08500, equation 6)

With S = F'F, the trace of (S1 S2)^(1/2) is the sum of the singular values of F1 F2'. F has as many rows as there are
cases or features, whichever are fewer: 200 cases of 2048 features need the singular values of a 200 x 200 matrix, not
the square root of one of 2048 x 2048. Nothing is approximated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.arrays import FloatArray, feature_pair, feature_set
from synthetic_imaging.evaluation.uncertainty import Resampling, Spread, spread_by_halves, with_spread


@dataclass(frozen=True)
class FrechetDistance:
    """A Fréchet distance; it has no meaning without the network whose features it compares, and the number of cases.

    Attributes:
        value: 0 or more, in squared units of the features.
        features: name of the feature network.
        n_real, n_generated: cases. **Few cases bias it upward**: compare only equal numbers, see `frechet_curve`.
        spread: interval, if asked for. It does not remove the bias.
    """

    value: float
    features: str
    n_real: int
    n_generated: int
    spread: Spread | None = None

    @property
    def title(self) -> str:
        """ "FID" for Inception features alone; else with the network's name."""
        return "FID" if self.features.casefold().startswith("inception") else f"Fréchet distance ({self.features})"

    @property
    def text(self) -> str:
        """Title, value, interval and cases."""
        value = with_spread(f"{self.value:.4g}", self.spread, 3)
        return f"{self.title} {value}, n = {self.n_real} real, {self.n_generated} generated"


def frechet_distance(
    real: npt.ArrayLike, generated: npt.ArrayLike, features: str, resampling: Resampling | None = None
) -> FrechetDistance:
    """Fréchet distance between two sets of features.

    Args:
        real: (N, D), 2 cases or more.
        generated: (M, D).
        features: name of the network that made them; shown with every result.
        resampling: for an interval.

    Raises:
        InputError: for features that are not finite, of different length, or of fewer than two cases.
        ParameterError: without a name.
    """
    name = _named(features)
    one, other = feature_pair(real, generated)
    value = _distance(one, other)
    spread = None
    if resampling is not None:
        spread = spread_by_halves(
            lambda a, b: np.array([_distance(one[a], other[b])]),
            np.array([value]), (len(one), len(other)), resampling, [(0.0, np.inf)],
        )[0]  # fmt: skip
    return FrechetDistance(value, name, len(one), len(other), spread)


def frechet_from_moments(
    mean: npt.ArrayLike, covariance: npt.ArrayLike, other_mean: npt.ArrayLike, other_covariance: npt.ArrayLike
) -> float:
    """Fréchet distance between two normal distributions given by mean (D,) and covariance (D, D).

    Raises:
        InputError: if shapes do not fit, or a covariance is not symmetric or not positive semi-definite.
    """
    means = [np.asarray(m, dtype=np.float64) for m in (mean, other_mean)]
    factors = [_factor_of_covariance(feature_set(c, "The covariance", 1)) for c in (covariance, other_covariance)]
    if means[0].shape != means[1].shape or any(f.shape[1:] != means[0].shape for f in factors):
        raise InputError("Two means (D,) and two covariances (D, D) of one D are needed.")
    return _between(means[0], factors[0], means[1], factors[1])


@dataclass(frozen=True, eq=False)
class FrechetCurve:
    """Fréchet distance against the number of cases: how much of it is only small numbers.

    Attributes:
        sizes: cases in each set, (P,).
        mean: over the draws, (P,).
        sd: over the draws (0 for one draw), (P,).
        at_infinity: where a straight line in 1 / n meets 1 / n = 0 (Chong and Forsyth 2020, arXiv:1911.07023): an
            estimate without the bias, which may fall below 0 by chance. NaN for a single size.
        features: name of the feature network.
    """

    sizes: npt.NDArray[np.int64]
    mean: FloatArray
    sd: FloatArray
    at_infinity: float
    features: str


def frechet_curve(
    real: npt.ArrayLike,
    generated: npt.ArrayLike,
    features: str,
    rng: np.random.Generator,
    sizes: Sequence[int] | None = None,
    draws: int = 5,
) -> FrechetCurve:
    """Fréchet distance of random subsets of growing size, drawn without replacement from both sets.

    Args:
        real: (N, D).
        generated: (M, D).
        features: name of the network that made them.
        rng: draws the subsets.
        sizes: cases in each subset, 2 or more; None takes eight from a quarter of the smaller set up to all of it.
        draws: subsets of each size.

    Raises:
        InputError: as `frechet_distance`.
        ParameterError: for a size below 2 or above the smaller set.
    """
    name = _named(features)
    one, other = feature_pair(real, generated, 8 if sizes is None else 2)
    most = min(len(one), len(other))
    chosen = np.unique(np.linspace(max(2, most // 4), most, 8).astype(int) if sizes is None else np.asarray(sizes, int))
    if chosen.size == 0 or chosen[0] < 2 or chosen[-1] > most or draws < 1:
        raise ParameterError(f"Subsets have between 2 and {most} cases here, and are drawn at least once.")
    values = np.empty((chosen.size, draws))
    for at, size in enumerate(chosen):
        for draw in range(draws):
            a, b = (rng.permutation(len(features_of))[:size] for features_of in (one, other))
            values[at, draw] = _distance(one[a], other[b])
    mean = values.mean(axis=1)
    limit = float(np.polyfit(1.0 / chosen, mean, 1)[1]) if chosen.size > 1 else float("nan")
    sd = values.std(axis=1, ddof=1) if draws > 1 else np.zeros(chosen.size)
    return FrechetCurve(chosen.astype(np.int64), mean, sd, limit, name)


def _named(features: str) -> str:
    if not features.strip():
        raise ParameterError("A Fréchet distance needs the name of the network whose features it compares.")
    return features.strip()


def _distance(one: FloatArray, other: FloatArray) -> float:
    return _between(one.mean(axis=0), _factor(one), other.mean(axis=0), _factor(other))


def _factor(features: FloatArray) -> FloatArray:
    """F with F'F the covariance, of min(N, D) rows."""
    centred: FloatArray = np.asarray(features - features.mean(axis=0))
    centred /= np.sqrt(len(features) - 1)
    if len(features) <= features.shape[1]:
        return centred
    from scipy.linalg import qr

    return np.asarray(qr(centred, mode="r", overwrite_a=True, check_finite=False)[0][: features.shape[1]])


def _factor_of_covariance(covariance: FloatArray) -> FloatArray:
    if covariance.shape[0] != covariance.shape[1] or not np.allclose(covariance, covariance.T, rtol=1e-6, atol=1e-12):
        raise InputError("A covariance must be a symmetric table (D, D).")
    values, vectors = np.linalg.eigh(covariance)
    if values[0] < -1e-8 * max(values[-1], 1e-300):
        raise InputError("A covariance must not have negative eigenvalues.")
    return np.asarray(np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T)


def _between(mean: FloatArray, factor: FloatArray, other_mean: FloatArray, other_factor: FloatArray) -> float:
    apart = mean - other_mean
    shared = float(np.linalg.svd(factor @ other_factor.T, compute_uv=False).sum())
    total = float(np.vdot(factor, factor) + np.vdot(other_factor, other_factor))
    # Rounding may leave a distance of 0 a little below it.
    return max(0.0, float(apart @ apart) + total - 2 * shared)

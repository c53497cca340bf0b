"""Do generated images lie among the real ones, and do they cover them?

Each set is taken as the union of balls round its cases, as wide as the distance to the k-th nearest other case:

- improved precision: share of generated cases inside a real ball; recall: share of real cases inside a generated ball
  (Kynkäänniemi et al. 2019, arXiv:1904.06991);
- density: mean number of real balls round a generated case, through k (may exceed 1); coverage: share of real balls
  that hold a generated case (Naeem et al. 2020, arXiv:2002.09797). Both forgive an outlier among the real cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.arrays import FloatArray, feature_pair
from synthetic_imaging.evaluation.neighbours import blocks, radii, squared_distances
from synthetic_imaging.evaluation.uncertainty import Resampling, Spread, spread_by_halves, with_spread

MEASURES = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Manifold:
    """Fidelity and diversity of a generated set.

    Attributes:
        precision, recall, coverage: between 0 and 1.
        density: 0 or more; about 1 for two sets of one distribution.
        k: neighbours that make a ball.
        features: name of the feature network.
        n_real, n_generated: cases; values depend on them.
        spreads: an interval for each of `MEASURES`, if asked for.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    k: int
    features: str
    n_real: int
    n_generated: int
    spreads: dict[str, Spread] | None = None

    @property
    def text(self) -> str:
        """All four, with intervals and cases."""
        spreads = self.spreads or {}
        parts = [f"{name} {with_spread(f'{getattr(self, name):.3f}', spreads.get(name), 3)}" for name in MEASURES]
        cases = f"n = {self.n_real} real, {self.n_generated} generated"
        return f"{', '.join(parts)} (k = {self.k}, {self.features}, {cases})"


def manifold(
    real: npt.ArrayLike, generated: npt.ArrayLike, features: str, k: int = 5, resampling: Resampling | None = None
) -> Manifold:
    """Precision, recall, density and coverage of generated features.

    Args:
        real: (N, D), more than k cases.
        generated: (M, D), more than k cases.
        features: name of the network that made them.
        k: neighbours that make a ball, 1 or more.
        resampling: for intervals. Halves of a set have wider balls: the intervals are of the right width, round the
            value of the whole set.

    Raises:
        InputError: for features that are not finite, of different length, or of too few cases.
    """
    if k < 1:
        raise ParameterError(f"The number of neighbours must be 1 or more, not {k}.")
    one, other = feature_pair(real, generated)
    fewest = min(len(one), len(other))
    needed = 2 * (k + 1) if resampling is not None else k + 1
    if fewest < needed:
        raise InputError(f"{k} neighbours need at least {needed} cases in each set, not {fewest}. Take a smaller k.")
    middle = np.concatenate([one, other]).mean(axis=0)
    one, other = one - middle, other - middle
    values = _measures(one, other, k)
    spreads = None
    if resampling is not None:
        found = spread_by_halves(
            lambda a, b: _measures(one[a], other[b], k), values, (len(one), len(other)), resampling,
            bounds=[(0.0, np.inf if name == "density" else 1.0) for name in MEASURES],
        )  # fmt: skip
        spreads = dict(zip(MEASURES, found, strict=True))
    precision, recall, density, coverage = (float(value) for value in values)
    return Manifold(precision, recall, density, coverage, k, features, len(one), len(other), spreads)


def _measures(real: FloatArray, generated: FloatArray, k: int) -> FloatArray:
    real_squared, generated_squared = radii(real, k) ** 2, radii(generated, k) ** 2
    round_generated = np.zeros(len(generated))
    nearest_generated = np.empty(len(real))
    recalled = 0
    for rows in blocks(len(real), 8 * len(generated)):
        apart = squared_distances(real[rows], generated)
        round_generated += (apart <= real_squared[rows, None]).sum(axis=0)
        recalled += int((apart <= generated_squared).any(axis=1).sum())
        nearest_generated[rows] = apart.min(axis=1)
    return np.array([
        (round_generated > 0).mean(),
        recalled / len(real),
        round_generated.mean() / k,
        (nearest_generated <= real_squared).mean(),
    ])  # fmt: skip

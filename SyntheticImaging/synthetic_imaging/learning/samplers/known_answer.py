"""A problem with a known answer: a one-dimensional mixture of Gaussians, whose perfect network is a formula.

What a sampler makes of it differs from the truth by the sampler's own error alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.diffusion.choices import Target
from synthetic_imaging.learning.diffusion.schedules import FloatArray, Schedule
from synthetic_imaging.learning.diffusion.targets import target_of
from synthetic_imaging.learning.samplers.sampler import Predict

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Mixture:
    """A mixture of Gaussians on a line.

    Attributes:
        weights: of the parts; they sum to 1.
        means: of the parts.
        deviations: standard deviations of the parts, above 0.

    Raises:
        ParameterError: if these do not describe a mixture.
    """

    weights: tuple[float, ...] = (0.3, 0.5, 0.2)
    means: tuple[float, ...] = (-1.3, 0.15, 1.4)
    deviations: tuple[float, ...] = (0.15, 0.25, 0.1)

    def __post_init__(self) -> None:
        same = len(self.weights) == len(self.means) == len(self.deviations)
        if not (same and min(self.deviations) > 0 and min(self.weights) > 0 and abs(sum(self.weights) - 1) < 1e-9):
            raise ParameterError("A mixture has as many means and deviations as weights; weights above 0 sum to 1.")

    def clean(self, x: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """The mean of all clean values that ``x = alpha clean + sigma noise`` may come from; the shape of ``x``."""
        import torch

        like = {"dtype": x.dtype, "device": x.device}
        means, weights = torch.tensor(self.means, **like), torch.tensor(self.weights, **like)
        variances = torch.tensor(self.deviations, **like) ** 2
        x, alpha, sigma = x[..., None], alpha[..., None], sigma[..., None]
        spread = alpha**2 * variances + sigma**2
        surprise = x - alpha * means
        belief = (weights.log() - spread.log() / 2 - surprise**2 / spread / 2).softmax(-1)
        return (belief * (means + alpha * variances / spread * surprise)).sum(-1)

    def predict(self, schedule: Schedule, target: Target | str) -> Predict:
        """The perfect network for a schedule and target; computes in double precision."""

        def perfect(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            exact = x.double()
            alpha, sigma = schedule.weights(t.double(), exact)
            clean = self.clean(exact, alpha, sigma)
            return target_of(target, clean, (exact - alpha * clean) / sigma, alpha, sigma).to(x.dtype)

        return perfect

    def quantiles(self, number: int) -> FloatArray:
        """The values below which (i + 1/2) / number of the mixture lies, i = 0, 1, ..."""
        from scipy.special import ndtr

        grid = np.linspace(*self._reach(), 100_001)
        below = sum(
            w * ndtr((grid - m) / d) for w, m, d in zip(self.weights, self.means, self.deviations, strict=True)
        )
        return np.interp((np.arange(number) + 0.5) / number, below, grid)

    def _reach(self) -> tuple[float, float]:
        far = [9 * d for d in self.deviations]
        low = min(m - f for m, f in zip(self.means, far, strict=True))
        return low, max(m + f for m, f in zip(self.means, far, strict=True))

    def wasserstein(self, samples: npt.ArrayLike) -> float:
        """Wasserstein-1 distance of samples, any shape, to the mixture.

        Raises:
            InputError: for no samples, or samples that are not finite.
        """
        values = np.sort(np.asarray(samples, dtype=np.float64).ravel())
        if values.size == 0 or not np.isfinite(values).all():
            raise InputError("The distance to a mixture needs samples, all of them finite.")
        return float(np.abs(values - self.quantiles(values.size)).mean())


def even_noise(number: int) -> torch.Tensor:
    """Standard normal quantiles as noise to start from, (number, 1), double precision.

    A sampler that adds no noise of its own carries them to the quantiles of its result, free of sampling noise.
    """
    import torch
    from scipy.special import ndtri

    return torch.from_numpy(np.asarray(ndtri((np.arange(number) + 0.5) / number)))[:, None]

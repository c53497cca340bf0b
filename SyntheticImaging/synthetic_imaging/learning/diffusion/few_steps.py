"""Diffusion in a few large jumps (Xiao et al. 2022), as SynDiff uses it (Oezbey et al. 2023).

What remains of the image at time t of T is ``abar(t) = exp(-b0 t/T - (b1 - b0) t^2 / (2 T^2))``; a jump of k times that
ends at t then adds noise of variance ``1 - abar(t) / abar(t - k)``, which is the published
``1 - exp(-b0 k/T - (b1 - b0)(2 t k - k^2) / (2 T^2))`` (printed with a wrong first sign).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from synthetic_imaging.errors import ParameterError


@dataclass(frozen=True)
class FewSteps:
    """Levels 0 (the image) to ``count`` (nearly noise).

    Attributes:
        count: jumps; the published 1000 times in jumps of 250 are four.
        least_rate, most_rate: b0 and b1.

    Raises:
        ParameterError: for fewer than one jump, or rates that do not rise from above 0.
    """

    count: int = 4
    least_rate: float = 0.1
    most_rate: float = 20.0

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 < self.least_rate <= self.most_rate:
            raise ParameterError("A walk has at least one jump, and rates that rise from above 0.")

    @property
    def remaining(self) -> npt.NDArray[np.float64]:
        """abar at each level, (count + 1,), from 1 down."""
        t = np.arange(self.count + 1) / self.count
        return np.exp(-self.least_rate * t - 0.5 * (self.most_rate - self.least_rate) * t * t)

    @property
    def jump_variance(self) -> npt.NDArray[np.float64]:
        """Variance of the jump that ends at each level, (count + 1,); 0 at level 0."""
        left = self.remaining
        return np.concatenate([[0.0], 1 - left[1:] / left[:-1]])

    def at_level(self, image: torch.Tensor, level: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The image at a level, in one go.

        Args:
            image, noise: (B, ...).
            level: (B,), whole numbers 0 to ``count``.
        """
        left = self._of(self.remaining, level, image)
        return left.sqrt() * image + (1 - left).sqrt() * noise

    def jump(self, before: torch.Tensor, level: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """From level - 1 to ``level``."""
        variance = self._of(self.jump_variance, level, before)
        return (1 - variance).sqrt() * before + variance.sqrt() * noise

    def back(
        self, noisy: torch.Tensor, image: torch.Tensor, level: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """A draw at level - 1, given what is at ``level`` and the image that is believed to be under it.

        The Gaussian posterior of the jump; at level 1 it is the image itself.
        """
        left, variance = self.remaining, self.jump_variance
        at = np.arange(self.count + 1)
        before = np.concatenate([[1.0], left[:-1]])
        beyond = np.where(at > 0, 1 - left, 1.0)
        weights = (np.sqrt(before) * variance / beyond, np.sqrt(1 - variance) * (1 - before) / beyond,
                   np.sqrt(variance * (1 - before) / beyond))
        of_image, of_noisy, of_noise = (self._of(w, level, noisy) for w in weights)
        return of_image * image + of_noisy * noisy + of_noise * noise

    def _of(self, table: npt.NDArray[np.float64], level: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        values = torch.as_tensor(table, dtype=like.dtype, device=like.device)[level]
        return values.view(-1, *(1,) * (like.ndim - 1))

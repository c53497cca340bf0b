"""Latents at the scale that a diffusion model expects, kept with the weights of the autoencoder."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import torch
from torch import nn

from synthetic_imaging.errors import InputError


class Scaling(str, Enum):
    """What is measured.

    RANGE: one smallest and largest value over all mean ± 3 standard deviations become -1 and 1; what lies outside is
    clipped (DIFF-3). UNIT_VARIANCE: one factor, by which sampled latents have variance 1 (Rombach et al. 2022).
    CHANNELS: each channel gets mean 0 and variance 1.
    """

    RANGE = "range"
    UNIT_VARIANCE = "unit variance"
    CHANNELS = "channels"


class LatentScale(nn.Module):
    """Scales latents to what a diffusion model learns, and back.

    Its numbers are buffers: they are saved and loaded with the weights.

    Args:
        channels: of the latent.
        scaling: what is measured.
    """

    shift: torch.Tensor
    size: torch.Tensor
    measured: torch.Tensor

    def __init__(self, channels: int, scaling: Scaling = Scaling.UNIT_VARIANCE) -> None:
        super().__init__()
        self.scaling = scaling
        self.register_buffer("shift", torch.zeros(channels))
        self.register_buffer("size", torch.ones(channels))
        self.register_buffer("measured", torch.zeros((), dtype=torch.bool))

    def measure(self, posteriors: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Measure the scale over batches of (mean, standard deviation), each (B, C, K, J, I).

        Raises:
            InputError: if there is no batch, or the latents are not finite or all equal.
        """
        low, high = torch.inf, -torch.inf
        count, total, squares = 0, torch.zeros_like(self.shift, dtype=torch.float64), torch.zeros_like(
            self.shift, dtype=torch.float64)
        for mean, std in posteriors:
            low = min(low, float((mean - 3 * std).min()))
            high = max(high, float((mean + 3 * std).max()))
            wide = mean.double()
            count += wide.numel() // wide.shape[1]
            total += wide.sum((0, 2, 3, 4))
            # The second moment of mean + std * noise over the noise.
            squares += (wide * wide + std.double() ** 2).sum((0, 2, 3, 4))
        if count == 0:
            raise InputError("The scale of latents needs at least one case.")
        if self.scaling is Scaling.RANGE:
            shift = torch.full_like(total, (low + high) / 2)
            size = torch.full_like(total, (high - low) / 2)
        elif self.scaling is Scaling.CHANNELS:
            shift = total / count
            size = (squares / count - shift * shift).sqrt()
        else:
            centre = total.mean() / count
            shift = torch.zeros_like(total)
            size = torch.full_like(total, float((squares.mean() / count - centre * centre).sqrt()))
        if not bool(torch.isfinite(shift).all() and torch.isfinite(size).all() and (size > 0).all()):
            raise InputError("The latents are not finite, or all equal: train the autoencoder first.")
        self.shift.copy_(shift)
        self.size.copy_(size)
        self.measured.fill_(True)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Latents (B, C, K, J, I) to the scale of the diffusion model."""
        scaled = (z - self._wide(self.shift)) / self._wide(self.size)
        return scaled.clamp(-1, 1) if self.scaling is Scaling.RANGE else scaled

    def inverse(self, scaled: torch.Tensor) -> torch.Tensor:
        """Back to latents that the decoder takes."""
        return scaled * self._wide(self.size) + self._wide(self.shift)

    @staticmethod
    def _wide(values: torch.Tensor) -> torch.Tensor:
        return values.view(1, -1, 1, 1, 1)

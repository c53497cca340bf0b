"""Images from images by a rectified flow: many answers to one question, where the images leave it open."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from synthetic_imaging.learning.networks.translator import Translator

_WAVES = 8


class FlowTranslator(nn.Module):
    """Walks from noise to an image in a few steps, led by the images that are given (Liu et al. 2023).

    The network estimates where the walk ends, ``E[image | noisy image, given]``; the step follows from it. Two
    dimensions only.

    Args:
        before: channels given.
        after: channels made.
        told: how many numbers say what was given.
        widths: channels of each level, finest first.
        steps: of a walk, each one call of the network.
        dropout: probability, in training.
    """

    dims = 2

    def __init__(
        self, before: int, after: int, told: int, widths: Sequence[int], *, steps: int = 6, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.after, self.steps = after, steps
        self.trunk = Translator(before + after, after, told + 2 * _WAVES, widths, dropout=dropout)
        self.factor = self.trunk.factor

    def end(self, noisy: torch.Tensor, given: torch.Tensor, told: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """The estimated end of the walk, (B, after, J, I).

        Args:
            noisy: (B, after, J, I), where the walk is.
            given: (B, before, J, I).
            told: (B, told).
            time: (B,), 0 at the noise, 1 at the image.
        """
        angles = math.pi * time[:, None] * 2.0 ** torch.arange(_WAVES, device=time.device)
        return self.trunk(torch.cat([given, noisy], dim=1), torch.cat([told, angles.sin(), angles.cos()], dim=1))

    def walk(self, noise: torch.Tensor, given: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """One answer, from one draw of noise (B, after, J, I); Euler steps of even length."""
        x = noise
        for step in range(self.steps):
            here = step / self.steps
            end = self.end(x, given, told, torch.full((len(x),), here, device=x.device))
            x = x + (end - x) / (self.steps - step)
        return x

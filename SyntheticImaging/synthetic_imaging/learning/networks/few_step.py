"""The networks of SynDiff: a generator that looks through noise, a judge of images, and one of neighbouring levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from synthetic_imaging.learning.networks.translator import Translator

_WAVES = 6
LATENT = 32


def level_features(level: torch.Tensor, count: int) -> torch.Tensor:
    """(B, 12) waves of a level 0 to ``count``."""
    angles = math.pi * (level.float() / count)[:, None] * 2.0 ** torch.arange(_WAVES, device=level.device)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class FewStepGenerator(nn.Module):
    """The image under noise, led by an image of the other sequence; a latent vector makes the answers differ.

    Args:
        count: jumps of the walk.
        widths: channels of each level, finest first.
    """

    dims = 2

    def __init__(self, count: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.count = count
        self.mapped = nn.Sequential(nn.Linear(LATENT, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
        self.trunk = Translator(2, 1, 2 * _WAVES + 64, widths, dropout=0.0)
        self.factor = self.trunk.factor

    def forward(
        self, noisy: torch.Tensor, source: torch.Tensor, level: torch.Tensor, latent: torch.Tensor
    ) -> torch.Tensor:
        """The estimated image, (B, 1, J, I) in -1..1.

        Args:
            noisy: (B, 1, J, I) at ``level``.
            source: (B, 1, J, I), the other sequence.
            level: (B,), 1 to ``count``.
            latent: (B, 32), standard normal.
        """
        told = torch.cat([level_features(level, self.count), self.mapped(latent)], dim=1)
        made: torch.Tensor = self.trunk(torch.cat([noisy, source], dim=1), told)
        return made


def _stages(channels: int, width: int, levels: int) -> nn.ModuleList:
    widths = [channels, *(width * 2**n for n in range(levels))]
    return nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))


class ImageJudge(nn.Module):
    """Whether an image is of its sequence; a judgement for each large patch.

    With four levels the convolutions of a judgement see 78 voxels: enough for the shape of a ventricle, or for what
    lies within a ring of grey matter.

    Args:
        width: channels of the first level.
        levels: how often the size is halved.
    """

    def __init__(self, width: int = 24, levels: int = 4) -> None:
        super().__init__()
        self.stages = _stages(1, width, levels)
        self.last = nn.Conv2d(width * 2 ** (levels - 1), 1, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 1, J', I') of (B, 1, J, I): the higher, the more real."""
        x = image
        for number, stage in enumerate(self.stages):
            x = stage(x)
            # As in `PairJudge`.
            x = functional.leaky_relu(functional.instance_norm(x) if number else x, 0.2)
        judged: torch.Tensor = self.last(x)
        return judged


class PairJudge(nn.Module):
    """Whether an image and the same with one jump more of noise belong together; a judgement for each patch.

    Args:
        count: jumps of the walk.
        width: channels of the first level.
        levels: how often the size is halved.
    """

    def __init__(self, count: int, width: int = 24, levels: int = 3) -> None:
        super().__init__()
        self.count = count
        self.stages = _stages(2, width, levels)
        self.tell = nn.ModuleList(nn.Linear(2 * _WAVES, 2 * width * 2**n) for n in range(levels))
        self.last = nn.Conv2d(width * 2 ** (levels - 1), 1, 3, padding=1)

    def forward(self, before: torch.Tensor, noisy: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """(B, 1, J', I'): the higher, the more real.

        Args:
            before: (B, 1, J, I) at ``level`` - 1.
            noisy: (B, 1, J, I) at ``level``.
            level: (B,), 1 to ``count``.
        """
        x, told = torch.cat([before, noisy], dim=1), level_features(level, self.count)
        for number, (stage, tell) in enumerate(zip(self.stages, self.tell, strict=True)):
            scale, shift = (s[:, :, None, None] for s in tell(told).chunk(2, dim=1))
            x = stage(x)
            # Without it a judge learns several times more slowly than what it judges; the first keeps brightness.
            x = functional.instance_norm(x) if number else x
            x = functional.leaky_relu(torch.addcmul(shift, x, 1 + scale), 0.2)
        judged: torch.Tensor = self.last(x)
        return judged


class NoisyTranslator(nn.Module):
    """What a conditional diffusion model predicts, from a noisy image and an image of the other sequence.

    Args:
        steps: scale of time.
        widths: channels of each level, finest first.
    """

    dims = 2

    def __init__(self, steps: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.steps = steps
        self.trunk = Translator(2, 1, 2 * _WAVES, widths, dropout=0.0, bounded=False)
        self.factor = self.trunk.factor

    def forward(self, noisy: torch.Tensor, t: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        """(B, 1, J, I), of the same at times ``t`` (B,)."""
        made: torch.Tensor = self.trunk(torch.cat([noisy, source], dim=1), level_features(t, self.steps))
        return made

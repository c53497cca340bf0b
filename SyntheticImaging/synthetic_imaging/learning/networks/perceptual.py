"""What stands in for LPIPS, whose weights are not ours to ship: differences that see edges and texture."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from synthetic_imaging.learning.networks.building import built


def gradient_difference(given: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of the differences between neighbouring voxels, over the three axes.

    Args:
        given: (B, C, K, J, I).
        true: the same shape.

    Returns:
        A mean per voxel; blurring costs, a shift of grey value does not.
    """
    difference = given - true
    return torch.stack([torch.diff(difference, dim=axis).abs().mean() for axis in (2, 3, 4)]).mean()


class FrozenFeatures(nn.Module):
    """Mean difference of the unit-length features of a frozen network, as LPIPS but with other features.

    Args:
        stages: networks, each of which takes what the one before gives; they are frozen.
    """

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages).eval()
        self.requires_grad_(False)

    @classmethod
    def with_random_weights(
        cls, channels: int = 1, widths: Sequence[int] = (16, 32, 64), seed: int = 0
    ) -> FrozenFeatures:
        """A convolutional encoder with random weights; random features already see texture."""
        stages: list[nn.Module] = []
        with built(seed):
            for width in widths:
                stages.append(nn.Sequential(nn.Conv3d(channels, width, 3, stride=2 if stages else 1, padding=1),
                                            nn.LeakyReLU(0.2)))
                nn.init.orthogonal_(stages[-1][0].weight)
                channels = width
        return cls(stages)

    def train(self, mode: bool = True) -> FrozenFeatures:
        """Stays in eval mode."""
        del mode
        super().train(False)
        return self

    def forward(self, given: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        """The difference, mean over positions and sum over stages."""
        total = given.new_zeros((), dtype=torch.float32)
        for stage in self.stages:
            given, true = stage(given), stage(true)
            apart = functional.normalize(given.float(), dim=1) - functional.normalize(true.float(), dim=1)
            total = total + apart.square().sum(1).mean()
        return total


def of_encoder(blocks: Sequence[nn.Module], stages: int = 3) -> FrozenFeatures:
    """Features of a copy of an encoder trained on the same data (its blocks in order), cut into stages."""
    blocks = copy.deepcopy(list(blocks))
    cut = max(1, -(-len(blocks) // stages))
    return FrozenFeatures([nn.Sequential(*blocks[i : i + cut]) for i in range(0, len(blocks), cut)])

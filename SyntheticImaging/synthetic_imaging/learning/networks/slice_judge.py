"""What tells real from generated slices of a volume, as VQ-GANs of volumes have beside a judge of the whole."""

from __future__ import annotations

import torch
from monai.networks.nets import PatchDiscriminator
from torch import nn


class SliceJudge(nn.Module):
    """Judgements of patches of one axial slice of each volume (Ge et al. 2022, Khader et al. 2023).

    Args:
        channels: of the volume.
        width: channels after the first convolution.
        layers: more see larger patches.
    """

    def __init__(self, channels: int, width: int = 32, layers: int = 3) -> None:
        super().__init__()
        self.trunk = PatchDiscriminator(2, width, channels, num_layers_d=layers, norm="INSTANCE")

    def forward(self, volume: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        """(B, 1, J', I') for slices ``at`` (B,) of volumes (B, C, K, J, I): the higher, the more real."""
        return self.trunk(self._slices(volume, at))[-1]

    def features(self, volume: torch.Tensor, at: torch.Tensor) -> list[torch.Tensor]:
        """Features of all layers but the last, for feature matching."""
        return list(self.trunk(self._slices(volume, at))[:-1])

    @staticmethod
    def _slices(volume: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return volume[torch.arange(len(volume), device=volume.device), :, at]

"""What tells real from generated: volumes as a whole, or patch by patch."""

from __future__ import annotations

import math

import torch
from monai.networks.nets import PatchDiscriminator
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from synthetic_imaging.learning.networks.settings import check_multiple


class VolumeDiscriminator(nn.Module):
    """One judgement for each volume (B, channels, K, J, I).

    Args:
        channels: of the volume.
        shape_kji: its size, multiples of 2^levels.
        width: channels after the first convolution; doubled at each further one, to at most 16 times.
        levels: how often the size is halved.
        spectral: spectral normalisation (Miyato 2018), which bounds how steep it is.

    Raises:
        ParameterError: if the size cannot be halved that often.
    """

    def __init__(
        self, channels: int, shape_kji: tuple[int, int, int], width: int = 32, levels: int = 4, *, spectral: bool = True
    ) -> None:
        super().__init__()
        check_multiple(shape_kji, 2**levels, "This discriminator")

        def bounded(layer: nn.Module) -> nn.Module:
            return spectral_norm(layer) if spectral else layer

        stages: list[nn.Module] = []
        for level in range(levels):
            after = width * min(2**level, 16)
            stages += [bounded(nn.Conv3d(channels, after, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
            channels = after
        self.stages = nn.Sequential(*stages)
        self.last = bounded(nn.Linear(channels * math.prod(n // 2**levels for n in shape_kji), 1))

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        """(B,): the higher, the more real."""
        return self.last(self.stages(volume).flatten(1))[:, 0]


class PatchJudge(nn.Module):
    """A judgement for each overlapping patch, for VQ-GAN and image translation; MONAI's PatchDiscriminator.

    Args:
        channels: of the volume.
        width: channels after the first convolution.
        layers: more see larger patches.
        dims: 3 for volumes, 2 for slices (B, C, J, I).
    """

    def __init__(self, channels: int, width: int = 32, layers: int = 3, dims: int = 3) -> None:
        super().__init__()
        # Instance normalisation: batches are small, and differ between processes.
        self.trunk = PatchDiscriminator(dims, width, channels, num_layers_d=layers, norm="INSTANCE")

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        """(B, 1, K', J', I'): the higher, the more real."""
        return self.trunk(volume)[-1]

    def features(self, volume: torch.Tensor) -> list[torch.Tensor]:
        """Features of all layers but the last, for feature matching."""
        return list(self.trunk(volume)[:-1])

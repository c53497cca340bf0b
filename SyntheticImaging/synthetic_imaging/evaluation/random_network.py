"""A convolutional network with random weights, for features that need no training."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from synthetic_imaging.errors import ParameterError

_LAYERS = 4


class RandomConvolutions(nn.Module):
    """Layers of strided 3 x 3 x 3 convolutions, summarised by mean and standard deviation over space.

    Input (B, C, K, J, I), 8 voxels or more a side; output (B, 2 * width * (1 + 2 + 4 + 8)).
    """

    def __init__(self, seed: int, channels: int = 1, width: int = 32) -> None:
        """Draw the weights from a seed, on the CPU, the same on every machine."""
        super().__init__()
        if channels < 1 or width < 1:
            raise ParameterError("A network needs at least one channel in and one wide.")
        random = torch.Generator().manual_seed(seed)
        layers = []
        for depth in range(_LAYERS):
            # Without the usual first weights, which would be drawn from torch's global generator.
            made = nn.utils.skip_init(
                nn.Conv3d, channels, width << depth, 3, stride=2, padding=1, padding_mode="replicate"
            )
            nn.init.kaiming_normal_(made.weight, a=0.2, generator=random)
            nn.init.normal_(made.bias, std=0.1, generator=random)
            layers.append(made)
            channels = width << depth
        self.layers = nn.ModuleList(layers)
        self.requires_grad_(False)

    def forward(self, volumes: torch.Tensor) -> torch.Tensor:
        """Features of a batch."""
        found = []
        for layer in self.layers:
            volumes = functional.leaky_relu(layer(volumes), 0.2)
            flat = volumes.flatten(2)
            found += [flat.mean(dim=2), flat.std(dim=2, unbiased=False)]
        return torch.cat(found, dim=1)

"""What the encoder of a U-Net sees, as one vector a volume."""

from __future__ import annotations

import torch
from torch import nn

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.networks.padding import to_multiple
from synthetic_imaging.learning.networks.segmenters import Segmenter


class EncoderLevels(nn.Module):
    """Mean and standard deviation over space of every channel of every level of a U-Net's encoder.

    Args:
        segmenter: a U-Net; it is used as it is.

    Raises:
        ParameterError: for another kind of network.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        network = segmenter.network
        names = [f"down_{level}" for level in range(1, 5)]
        if not all(hasattr(network, name) for name in ("conv_0", *names)):
            raise ParameterError("Features are taken from a U-Net.")
        self.levels = nn.ModuleList([network.conv_0, *(getattr(network, name) for name in names)])
        self.factor = segmenter.factor

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(B, 2 x sum of the widths) of images (B, 1, K, J, I)."""
        x = to_multiple(image, self.factor, at_least=2 * self.factor)
        found = []
        for level in self.levels:
            x = level(x)
            flat = x.float().flatten(2)
            # Normalisation fixes both moments before the rectifier; after it they tell how skewed a channel is.
            found += [flat.mean(2), flat.std(2)]
        return torch.cat(found, 1)

"""The plain 3-D variational autoencoder: one latent vector for a whole volume (Kingma and Welling 2014)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.networks.doubling import DoublingConv3d
from synthetic_imaging.learning.networks.paired import Decoded, Paired
from synthetic_imaging.learning.networks.settings import VaeSettings, check_groups, check_multiple


class VectorVae(Paired):
    """Image and label map to a normally distributed vector, and back; a drawn vector gives a new case in one pass.

    Args:
        settings: its size.

    Raises:
        ParameterError: if the volume's size is no multiple of 2 to the number of widths.
    """

    def __init__(self, settings: VaeSettings) -> None:
        super().__init__(settings)
        if not settings.widths:
            raise ParameterError("A variational autoencoder needs at least one width.")
        check_groups(settings.widths, settings.norm_groups)
        check_multiple(settings.shape_kji, settings.factor, "This autoencoder")
        self.settings: VaeSettings = settings
        widths = settings.widths
        self.coarse = (widths[-1], *(n // settings.factor for n in settings.shape_kji))
        features = math.prod(self.coarse)

        def stage(layer: nn.Module, width: int) -> nn.Module:
            return nn.Sequential(layer, nn.GroupNorm(settings.norm_groups, width), nn.SiLU())

        before = settings.image_channels + settings.label_channels_in
        down: list[nn.Module] = []
        for width in widths:
            down.append(stage(nn.Conv3d(before, width, 3, stride=2, padding=1), width))
            before = width
        self.down = nn.Sequential(*down)
        self.mean = nn.Linear(features, settings.latent)
        self.log_variance = nn.Linear(features, settings.latent)
        self.start = nn.Linear(settings.latent, features)
        up: list[nn.Module] = []
        for width in (*reversed(widths[:-1]), widths[0]):
            up.append(stage(DoublingConv3d.of_widths(before, width), width))
            before = width
        self.up = nn.Sequential(*up)
        self.last = nn.Conv3d(before, settings.image_channels + settings.label_channels_out, 3, padding=1)

    def encode(self, image: torch.Tensor, label: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of the latent, (B, latent) each.

        Raises:
            InputError: if the volume has another size than the network, or the label map does not fit.
        """
        if tuple(image.shape[2:]) != tuple(self.settings.shape_kji):
            raise InputError(f"This network takes volumes of {self.settings.shape_kji} voxels (K, J, I), "
                             f"not of {tuple(image.shape[2:])}.")
        features = self.down(self.joined(image, label)).flatten(1)
        log_variance = self.log_variance(features).float().clamp(-30.0, 20.0)
        return self.mean(features).float(), torch.exp(0.5 * log_variance)

    def decode(self, z: torch.Tensor) -> Decoded:
        """Image and label of latent vectors (B, latent)."""
        return self.split(self.last(self.up(self.start(z).reshape(-1, *self.coarse))))

    def forward(
        self,
        image: torch.Tensor,
        label: torch.Tensor | None,
        draw: Callable[[torch.Tensor], torch.Tensor] | None,
    ) -> tuple[Decoded, torch.Tensor, torch.Tensor]:
        """As `PairedAutoencoder.forward`: what was decoded, mean and standard deviation."""
        mean, std = self.encode(image, label)
        return self.decode(mean if draw is None else mean + std * draw(mean)), mean, std

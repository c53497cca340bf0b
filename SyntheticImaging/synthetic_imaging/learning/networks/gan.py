"""Generators from a noise vector: a 3-D GAN, and one that learns at two scales after HA-GAN (Sun et al. 2022).

The two-scale one has a trunk that gives features at a quarter of the size. From them come, in one training step, the
whole volume at a quarter of the size and a slab of it at full size, so that memory hardly grows with the depth. At
inference the features of all slices give the whole volume in one pass. An encoder leads back from slabs to features and
from features to the noise vector, for the reconstruction loss that keeps the two scales together.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.networks.doubling import DoublingConv3d
from synthetic_imaging.learning.networks.paired import Decoded, Paired
from synthetic_imaging.learning.networks.settings import GanSettings, LabelCode, check_groups, check_multiple


class _Generating(Paired):
    """From channels to an image in 0..1 and a label map, as judges see them."""

    def __init__(self, settings: GanSettings) -> None:
        super().__init__(settings)
        check_multiple(settings.shape_kji, settings.factor, "This generator")
        self.settings: GanSettings = settings
        # Coarsest first.
        self.widths = tuple(settings.width * min(2**level, 16) for level in reversed(range(settings.levels)))
        check_groups(self.widths, settings.norm_groups)
        self.coarse = (self.widths[0], *(n // settings.factor for n in settings.shape_kji))
        self.start = nn.Linear(settings.latent, math.prod(self.coarse))

    def started(self, noise: torch.Tensor) -> torch.Tensor:
        return self.start(noise).reshape(-1, *self.coarse)

    def larger(self, before: int, after: int) -> nn.Module:
        return nn.Sequential(
            DoublingConv3d.of_widths(before, after),
            nn.GroupNorm(self.settings.norm_groups, after),
            nn.LeakyReLU(0.2),
        )

    def head(self, before: int) -> nn.Module:
        settings = self.settings
        return nn.Conv3d(before, settings.image_channels + settings.label_channels_out, 3, padding=1)

    def shown(self, out: torch.Tensor) -> torch.Tensor:
        """Image in 0..1 and label channels as a judge sees them: class probabilities, or colours in 0..1."""
        image, label = self.split(out)
        parts = [torch.sigmoid(image)]
        if label is not None:
            coloured = self.settings.label_code is LabelCode.COLOURS
            parts.append(torch.sigmoid(label) if coloured else torch.softmax(label, 1))
        return torch.cat(parts, 1)

    def as_judged(self, image: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """Real image and label map as the channels that a generator gives; class probabilities are 0 or 1."""
        settings = self.settings
        if not settings.classes:
            return image
        channels = self.checked_label(image, label)
        if settings.label_code is LabelCode.NUMBER and label is not None:
            channels = nn.functional.one_hot(label.long(), settings.classes).movedim(-1, 1).to(image.dtype)
        return torch.cat((image, channels), 1)

    def decoded(self, shown: torch.Tensor) -> Decoded:
        """Image and label channels of what a generator gave, for `finished`."""
        return self.split(shown)


class Generator(_Generating):
    """Noise (B, latent) to volumes (B, image and label channels, K, J, I).

    Args:
        settings: its size.

    Raises:
        ParameterError: if the volume's size is no multiple of 2^levels.
    """

    def __init__(self, settings: GanSettings) -> None:
        super().__init__(settings)
        widths = (*self.widths, self.widths[-1])
        self.stages = nn.Sequential(*(self.larger(a, b) for a, b in pairwise(widths)))
        self.last = self.head(widths[-1])

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        """Image in 0..1 and class probabilities (or colours)."""
        return self.shown(self.last(self.stages(self.started(noise))))


class TwoScaleGenerator(_Generating):
    """Noise to a small whole volume and a large slab in training, to the large whole volume afterwards.

    Args:
        settings: its size.

    Raises:
        ParameterError: if the depth cannot be cut into slabs of at least four slices.
    """

    def __init__(self, settings: GanSettings) -> None:
        super().__init__(settings)
        depth = settings.shape_kji[0]
        if depth % (4 * settings.slab_part):
            raise ParameterError(f"A depth of {depth} slices cannot be cut into {settings.slab_part} slabs of a "
                                 "multiple of four slices each.")
        widths = self.widths
        self.trunk = nn.Sequential(*(self.larger(widths[n], widths[n + 1]) for n in range(settings.levels - 2)))
        features = widths[settings.levels - 2]
        self.small = nn.Sequential(nn.Conv3d(features, settings.width, 3, padding=1), nn.LeakyReLU(0.2),
                                   self.head(settings.width))
        self.large = nn.Sequential(self.larger(features, widths[-1]), self.larger(widths[-1], widths[-1]),
                                   self.head(widths[-1]))

    @property
    def slab_slices(self) -> int:
        """Slices of a slab at full size."""
        return self.settings.shape_kji[0] // self.settings.slab_part

    @property
    def starts(self) -> int:
        """How many places a slab can start at (every fourth slice)."""
        return (self.settings.shape_kji[0] - self.slab_slices) // 4 + 1

    def forward(self, noise: torch.Tensor, start: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """The small whole volume, and the slab from slice 4 * start on, or the large whole volume for None."""
        features = self.trunk(self.started(noise))
        part = features if start is None else features[:, :, start : start + self.slab_slices // 4]
        return self.shown(self.small(features)), self.shown(self.large(part))

    def slab_of(self, volume: torch.Tensor, start: int) -> torch.Tensor:
        """The same slab of a real volume (B, C, K, J, I)."""
        return volume[:, :, 4 * start : 4 * start + self.slab_slices]

    @staticmethod
    def small_of(volume: torch.Tensor) -> torch.Tensor:
        """A real volume at a quarter of the size."""
        return nn.functional.avg_pool3d(volume, 4)


class TwoScaleEncoder(nn.Module):
    """Back from slabs to features, and from features to the noise vector.

    Args:
        settings: of the generator.
    """

    def __init__(self, settings: GanSettings) -> None:
        super().__init__()
        widths = tuple(settings.width * min(2**level, 16) for level in reversed(range(settings.levels)))
        features, channels = widths[settings.levels - 2], settings.image_channels + settings.label_channels_out

        def smaller(before: int, after: int) -> nn.Module:
            return nn.Sequential(nn.Conv3d(before, after, 4, stride=2, padding=1),
                                 nn.GroupNorm(settings.norm_groups, after), nn.LeakyReLU(0.2))

        self.of_slab = nn.Sequential(smaller(channels, widths[-1]), smaller(widths[-1], features))
        self.of_features = nn.Sequential(
            *(smaller(widths[n + 1], widths[n]) for n in reversed(range(settings.levels - 2)))
        )
        coarse = widths[0] * math.prod(n // settings.factor for n in settings.shape_kji)
        self.last = nn.Linear(coarse, settings.latent)

    def forward(self, volume: torch.Tensor) -> torch.Tensor:
        """The noise vector (B, latent) of whole volumes as judged."""
        return self.last(self.of_features(self.of_slab(volume)).flatten(1))

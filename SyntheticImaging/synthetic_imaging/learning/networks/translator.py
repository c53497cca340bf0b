"""A U-Net from images to images that is told what it was given: the generator of missing sequences.

Nothing in it is normalised over a slice: a network trained on patches gives the same answer on slices of any size,
neighbouring slices fit together, and brightness, which is what matters here, is not divided away.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from synthetic_imaging.errors import ParameterError

_SLOPE = 0.2


class _Block(nn.Module):
    """Two convolutions; after each the channels are scaled and shifted by what is told (Perez et al. 2018)."""

    def __init__(self, dims: int, before: int, after: int, told: int) -> None:
        super().__init__()
        conv = nn.Conv3d if dims == 3 else nn.Conv2d
        self.first, self.second = conv(before, after, 3, padding=1), conv(after, after, 3, padding=1)
        for layer in (self.first, self.second):
            # Without normalisation the first weights alone keep features from growing or fading (He et al. 2015).
            nn.init.kaiming_normal_(layer.weight, _SLOPE)
            nn.init.zeros_(layer.bias)
        self.tell = nn.Linear(told, 4 * after)

    def forward(self, x: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        scales = self.tell(told).chunk(4, dim=1)
        for at, conv in enumerate((self.first, self.second)):
            x = conv(x)
            scale, shift = (s.reshape(*s.shape, *(1,) * (x.ndim - 2)) for s in scales[2 * at : 2 * at + 2])
            x = functional.leaky_relu(torch.addcmul(shift, x, 1 + scale), _SLOPE)
        return x


class Translator(nn.Module):
    """Images in, images out, both in -1 to 1.

    Drop-out is in the two deepest levels and the first one on the way up (Li and Wiestler 2025 leave the place open);
    kept on while predicting, it makes the spread that is read as uncertainty (Gal and Ghahramani 2016).

    Args:
        before: channels given.
        after: channels made.
        told: how many numbers say what was given (which sequences are there, a time).
        widths: channels of each level, finest first.
        dims: 2 for slices (B, C, J, I); 3 for slabs (B, C, K, J, I), which are halved within slices only, since
            slices may be thick.
        dropout: probability.
        bounded: whether a tanh holds the output between -1 and 1.

    Raises:
        ParameterError: for fewer than two levels, or dims other than 2 and 3.
    """

    def __init__(
        self, before: int, after: int, told: int, widths: Sequence[int] = (24, 48, 96, 192), *, dims: int = 2,
        dropout: float = 0.2, bounded: bool = True,
    ) -> None:
        super().__init__()
        if len(widths) < 2 or dims not in (2, 3):
            raise ParameterError("A translator has at least two levels, and works in 2 or 3 dimensions.")
        self.dims, self.bounded, self.dropout = dims, bounded, dropout
        self.factor = 2 ** (len(widths) - 1)
        # While one is set, predictions drop channels that it draws; else only training drops.
        self.chance: torch.Generator | None = None
        self.listen = nn.Sequential(nn.Linear(told, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
        self.down = nn.ModuleList(
            _Block(dims, first, width, 64) for first, width in zip((before, *widths[:-1]), widths, strict=True))
        self.up = nn.ModuleList(
            _Block(dims, low + width, width, 64)
            for low, width in zip(tuple(reversed(widths))[:-1], tuple(reversed(widths))[1:], strict=True))
        self.last = (nn.Conv3d if dims == 3 else nn.Conv2d)(widths[0], after, 1)

    def forward(self, given: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """(B, after, [K,] J, I) of (B, before, [K,] J, I) and (B, told); J and I are multiples of `factor`."""
        return self.finish(self.begin(given, told), told)

    def begin(self, given: torch.Tensor, told: torch.Tensor) -> list[torch.Tensor]:
        """What the levels above the drop-out know: the same in every pass, so repeated passes need it once."""
        heard = self.listen(told)
        kept = [self.down[0](given, heard)]
        for block in self.down[1:-2]:
            kept.append(block(self._halved(kept[-1]), heard))
        return kept

    def finish(self, kept: list[torch.Tensor], told: torch.Tensor) -> torch.Tensor:
        """The rest of the way, with drop-out in training and while `chance` is set."""
        heard = self.listen(told)
        kept = list(kept)
        for block in list(self.down)[len(kept) :]:
            kept.append(self._dropped(block(self._halved(kept[-1]), heard)))
        x = kept.pop()
        for at, block in enumerate(self.up):
            skip = kept.pop()
            x = functional.interpolate(x, size=skip.shape[2:], mode="nearest")
            x = block(torch.cat([x, skip], dim=1), heard)
            if at == 0:
                x = self._dropped(x)
        made = self.last(x)
        return torch.tanh(made) if self.bounded else made

    def _halved(self, x: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool3d(x, (1, 2, 2)) if self.dims == 3 else functional.avg_pool2d(x, 2)

    def _dropped(self, x: torch.Tensor) -> torch.Tensor:
        # Whole channels (Tompson et al. 2015): neighbouring voxels hold nearly the same, so that dropping single
        # ones would change little.
        if self.dropout == 0 or not (self.training or self.chance is not None):
            return x
        if self.chance is None:
            return functional.dropout3d(x, self.dropout) if self.dims == 3 else functional.dropout2d(x, self.dropout)
        # One draw for all samples of a call: slices of one volume are dropped alike, so that they fit together.
        kept = torch.rand((1, x.shape[1], *(1,) * (x.ndim - 2)), generator=self.chance) >= self.dropout
        return x * (kept.to(x.device, x.dtype) / (1 - self.dropout))

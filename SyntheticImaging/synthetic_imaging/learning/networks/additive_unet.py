"""A U-Net whose skip connections are added, not concatenated, as in wavelet diffusion (Friedrich et al., WDM).

One skip a level, added where the way up has come to that level's width: decoder blocks stay as narrow as encoder
blocks, and only one feature map a level is kept. From MONAI's residual blocks, without attention.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.diffusion_model_unet import (
    DiffusionUnetDownsample,
    DiffusionUNetResnetBlock,
    get_timestep_embedding,
)
from torch import nn

from synthetic_imaging.learning.networks.doubling import DoublingConv3d


class AdditiveUNet(nn.Module):
    """Time-conditioned 3-D U-Net with added skips.

    Args:
        channels_in: of the input.
        channels_out: of the output.
        widths: channels of each level, finest first; sizes are halved between levels, odd ones rounded up.
        residual_blocks: in each level, on the way down and on the way up.
        norm_groups: of the group normalisation.
        embedding: gives a vector of 4 widths[0] that is added to the embedding of time, or None.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        widths: Sequence[int],
        residual_blocks: int,
        norm_groups: int,
        embedding: nn.Module | None = None,
    ) -> None:
        super().__init__()
        time_width = 4 * widths[0]
        self.width = widths[0]
        self.embedding = embedding
        self.time = nn.Sequential(nn.Linear(widths[0], time_width), nn.SiLU(), nn.Linear(time_width, time_width))

        def block(before: int, after: int) -> nn.Module:
            return DiffusionUNetResnetBlock(3, before, time_width, after, norm_num_groups=norm_groups)

        self.first = nn.Conv3d(channels_in, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        self.smaller = nn.ModuleList()
        before = widths[0]
        for level, width in enumerate(widths):
            self.down.append(nn.ModuleList(block(before if n == 0 else width, width) for n in range(residual_blocks)))
            if level < len(widths) - 1:
                self.smaller.append(DiffusionUnetDownsample(3, width, use_conv=True))
            before = width
        self.middle = nn.ModuleList(block(before, before) for _ in range(2))
        self.larger = nn.ModuleList()
        self.up = nn.ModuleList()
        for level in reversed(range(len(widths))):
            width = widths[level]
            self.up.append(nn.ModuleList(block(width, width) for _ in range(residual_blocks)))
            if level:
                self.larger.append(DoublingConv3d.of_widths(width, widths[level - 1]))
        self.last = nn.Sequential(
            nn.GroupNorm(norm_groups, widths[0]), nn.SiLU(), nn.Conv3d(widths[0], channels_out, 3, padding=1)
        )
        # The first prediction is 0, as in MONAI's network.
        nn.init.zeros_(self.last[-1].weight)
        nn.init.zeros_(self.last[-1].bias)

    def forward(
        self,
        x: torch.Tensor,
        timesteps: torch.Tensor,
        context: torch.Tensor | None = None,
        class_labels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Prediction of the shape of x; ``class_labels`` goes to the embedding, ``context`` is not used."""
        del context
        time = self.time(get_timestep_embedding(timesteps, self.width).to(x.dtype))
        if self.embedding is not None:
            time = time + self.embedding(class_labels)
        h = self.first(x)
        kept = []
        for level, blocks in enumerate(self.down):
            for block in blocks:
                h = block(h, time)
            kept.append(h)
            if level < len(self.smaller):
                h = self.smaller[level](h, time)
        for block in self.middle:
            h = block(h, time)
        for step, blocks in enumerate(self.up):
            skip = kept.pop()
            if step:
                h = self.larger[step - 1](h)[:, :, : skip.shape[2], : skip.shape[3], : skip.shape[4]]
            h = h + skip
            for block in blocks:
                h = block(h, time)
        return self.last(h)

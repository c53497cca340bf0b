"""The denoiser of DIFF-3, with what MONAI's U-Net does not have.

First convolution of 7 x 7 x 7; residual blocks of weight-standardised convolutions (Qiao et al. 2019) in 8 groups with
scale and shift from time; linear attention (Shen et al. 2021) in each level and full attention at the bottleneck;
down-sampling by moving 2 x 2 x 2 voxels to channels, up-sampling by nearest neighbour; sinusoidal time of the base
width through a perceptron of four times that width. Written from the published settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from monai.networks.nets.diffusion_model_unet import get_timestep_embedding
from torch import nn
from torch.nn import functional

from synthetic_imaging.learning.networks.doubling import DoublingConv3d
from synthetic_imaging.learning.networks.padding import to_multiple

_HEADS, _HEAD_CHANNELS = 4, 32


class StandardisedConv3d(nn.Conv3d):
    """A convolution whose kernels have mean 0 and variance 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve; the kernels are standardised in float32."""
        weight = self.weight.float()
        variance, mean = torch.var_mean(weight, dim=(1, 2, 3, 4), keepdim=True, correction=0)
        weight = (weight - mean) * torch.rsqrt(variance + 1e-5)
        return self._conv_forward(x, weight.to(self.weight.dtype), self.bias)


class _ResidualBlock(nn.Module):
    def __init__(self, before: int, after: int, time_width: int, groups: int) -> None:
        super().__init__()
        self.of_time = nn.Linear(time_width, 2 * after)
        self.conv1 = StandardisedConv3d(before, after, 3, padding=1)
        self.norm1 = nn.GroupNorm(groups, after)
        self.conv2 = StandardisedConv3d(after, after, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, after)
        self.short = nn.Conv3d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        scale, shift = self.of_time(functional.silu(time))[:, :, None, None, None].chunk(2, 1)
        h = functional.silu(self.norm1(self.conv1(x)) * (1 + scale) + shift)
        return functional.silu(self.norm2(self.conv2(h))) + self.short(x)


class _ChannelNorm(nn.Module):
    """Each voxel's channels to unit mean square, with a learned gain."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1, channels, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.normalize(x, dim=1) * self.gain * math.sqrt(x.shape[1])


class _Attention(nn.Module):
    """Attention over all voxels: in full, or linear in their number."""

    def __init__(self, channels: int, *, linear: bool) -> None:
        super().__init__()
        inner = _HEADS * _HEAD_CHANNELS
        self.linear = linear
        self.norm = _ChannelNorm(channels)
        self.to_qkv = nn.Conv3d(channels, 3 * inner, 1, bias=False)
        out = nn.Conv3d(inner, channels, 1)
        self.out = nn.Sequential(out, _ChannelNorm(channels)) if linear else out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, _, *space = x.shape
        # (B, 3, heads, voxels, channels of a head)
        qkv = self.to_qkv(self.norm(x)).reshape(batch, 3, _HEADS, _HEAD_CHANNELS, -1).transpose(-1, -2)
        q, k, v = qkv.unbind(1)
        if self.linear:
            q = q.softmax(-1) * _HEAD_CHANNELS**-0.5
            gathered = k.softmax(-2).to(v.dtype).transpose(-1, -2) @ v
            seen = q.to(v.dtype) @ gathered
        else:
            seen = functional.scaled_dot_product_attention(q, k, v)
        return x + self.out(seen.transpose(-1, -2).reshape(batch, -1, *space))


class _Down(nn.Module):
    """Halves the size by moving 2 x 2 x 2 voxels to channels; odd sizes are continued by their last slice."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.mix = nn.Conv3d(8 * before, after, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = to_multiple(x, 2)
        batch, channels, k, j, i = x.shape
        x = x.reshape(batch, channels, k // 2, 2, j // 2, 2, i // 2, 2).permute(0, 1, 3, 5, 7, 2, 4, 6)
        return self.mix(x.reshape(batch, channels * 8, k // 2, j // 2, i // 2))


class Diff3UNet(nn.Module):
    """The 3-D U-Net of DIFF-3.

    Args:
        channels_in: of the input.
        channels_out: of the output.
        widths: channels of each level, finest first; sizes are halved between levels, odd ones rounded up.
        residual_blocks: in each level, on the way down and on the way up.
        norm_groups: of the group normalisation.
        linear_attention: for each level whether it has linear attention.
        embedding: gives a vector of 4 widths[0] that is added to the embedding of time, or None.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        widths: Sequence[int] = (64, 128, 256),
        residual_blocks: int = 2,
        norm_groups: int = 8,
        linear_attention: Sequence[bool] = (True, True, True),
        embedding: nn.Module | None = None,
    ) -> None:
        super().__init__()
        base = widths[0]
        time_width = 4 * base
        self.base = base
        self.embedding = embedding
        self.time = nn.Sequential(nn.Linear(base, time_width), nn.GELU(), nn.Linear(time_width, time_width))
        self.first = nn.Conv3d(channels_in, base, 7, padding=3)

        def block(before: int, after: int) -> nn.Module:
            return _ResidualBlock(before, after, time_width, norm_groups)

        def attention(level: int) -> nn.Module:
            return _Attention(widths[level], linear=True) if linear_attention[level] else nn.Identity()

        self.down, self.down_attention, self.smaller = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            self.down.append(nn.ModuleList(block(width, width) for _ in range(residual_blocks)))
            self.down_attention.append(attention(level))
            if level < len(widths) - 1:
                self.smaller.append(_Down(width, widths[level + 1]))
        deepest = widths[-1]
        self.middle1, self.middle2 = block(deepest, deepest), block(deepest, deepest)
        self.middle_attention = _Attention(deepest, linear=False)
        self.up, self.up_attention, self.larger = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(len(widths))):
            width = widths[level]
            self.up.append(nn.ModuleList(block(2 * width, width) for _ in range(residual_blocks)))
            self.up_attention.append(attention(level))
            if level:
                self.larger.append(DoublingConv3d.of_widths(width, widths[level - 1]))
        self.last_block = block(2 * base, base)
        self.last = nn.Conv3d(base, channels_out, 1)

    def forward(
        self,
        x: torch.Tensor,
        timesteps: torch.Tensor,
        context: torch.Tensor | None = None,
        class_labels: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Prediction of the shape of x; ``class_labels`` goes to the embedding, ``context`` is not used."""
        del context
        time = self.time(get_timestep_embedding(timesteps, self.base).to(x.dtype))
        if self.embedding is not None:
            time = time + self.embedding(class_labels)
        h = first = self.first(x)
        kept = []
        for level, blocks in enumerate(self.down):
            for number, block in enumerate(blocks):
                h = block(h, time)
                if number == len(blocks) - 1:
                    h = self.down_attention[level](h)
                kept.append(h)
            if level < len(self.smaller):
                h = self.smaller[level](h)
        h = self.middle2(self.middle_attention(self.middle1(h, time)), time)
        for step, blocks in enumerate(self.up):
            if step:
                _, _, k, j, i = kept[-1].shape
                h = self.larger[step - 1](h)[:, :, :k, :j, :i]
            for block in blocks:
                h = block(torch.cat((h, kept.pop()), 1), time)
            h = self.up_attention[step](h)
        return self.last(self.last_block(torch.cat((h, first), 1), time))

"""Doubling the size by nearest neighbour and convolving, in one step of less than a third of the work.

Of the 27 voxels that a kernel of 3 x 3 x 3 sees after nearest-neighbour doubling, only eight differ. Doubling and
convolution together are exactly a transposed convolution of stride 2 whose kernel of 4 x 4 x 4 holds sums of the
weights: 8 products a voxel and not 27, and no doubled volume in memory. Weights, their names and gradients are those of
the plain layers.
"""

from __future__ import annotations

from typing import Any

import torch
from monai.networks.blocks import Convolution, Upsample
from torch import nn
from torch.nn import functional


class DoublingConv3d(nn.Module):
    """Nearest-neighbour doubling, then a convolution of 3 x 3 x 3 with padding 1.

    Args:
        postconv: the convolution: torch's, or MONAI's block that holds nothing else.
    """

    def __init__(self, postconv: nn.Module) -> None:
        super().__init__()
        self.postconv = postconv

    @classmethod
    def of_widths(cls, before: int, after: int) -> DoublingConv3d:
        """A new one of this many channels."""
        return cls(nn.Conv3d(before, after, 3, padding=1))

    def forward(self, x: torch.Tensor, time: torch.Tensor | None = None) -> torch.Tensor:
        """(B, C, K, J, I) to (B, C', 2K, 2J, 2I); ``time`` is what MONAI's U-Net gives and does not use."""
        del time
        conv = self.postconv.conv if isinstance(self.postconv, Convolution) else self.postconv
        kernel = folded(conv.weight)
        if conv.weight.is_contiguous(memory_format=torch.channels_last_3d):
            kernel = kernel.contiguous(memory_format=torch.channels_last_3d)
        return functional.conv_transpose3d(x, kernel, conv.bias, stride=2, padding=1)


def folded(weight: torch.Tensor) -> torch.Tensor:
    """The transposed kernel (in, out, 4, 4, 4) for a kernel (out, in, 3, 3, 3); sums are made in float32."""
    wide = functional.pad(weight.float(), (1, 1) * 3)
    for axis in (2, 3, 4):
        wide = wide.narrow(axis, 0, 4) + wide.narrow(axis, 1, 4)
    return wide.flip(2, 3, 4).transpose(0, 1).contiguous().to(weight.dtype)


def fold_doublings(network: nn.Module) -> None:
    """Put `DoublingConv3d` in the place of MONAI's nearest-neighbour doublings that a convolution follows."""
    for parent in network.modules():
        for name, child in parent.named_children():
            if isinstance(child, Upsample) and _doubles(child):
                setattr(parent, name, DoublingConv3d(child.postconv))


def _doubles(block: Any) -> bool:
    names = [name for name, _ in block.named_children()]
    if names != ["upsample_non_trainable", "postconv"]:
        return False
    conv, up = getattr(block.postconv, "conv", None), block.upsample_non_trainable
    factor = up.scale_factor if isinstance(up.scale_factor, tuple) else (up.scale_factor,) * 3
    return (
        up.mode == "nearest" and factor == (2.0, 2.0, 2.0) and isinstance(conv, nn.Conv3d)
        and len(list(block.postconv.children())) == 1 and conv.kernel_size == (3, 3, 3) and conv.padding == (1, 1, 1)
        and conv.stride == (1, 1, 1) and conv.dilation == (1, 1, 1) and conv.groups == 1
    )  # fmt: skip

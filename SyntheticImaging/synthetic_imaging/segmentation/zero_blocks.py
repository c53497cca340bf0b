"""Images with blocks set to zero, for a network to fill in: self-supervision before segmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.segmentation.settings import Blocks

if TYPE_CHECKING:
    import torch


def with_zero_blocks(images: torch.Tensor, blocks: Blocks, random: BatchRandom) -> torch.Tensor:
    """A copy of a batch with blocks set to zero.

    Each of ``blocks.count`` blocks of an image has its own place and its own length along each axis, evenly drawn from
    smallest to largest, and is zeroed with probability ``blocks.chance``. Ikuta et al. (2024) leave open whether their
    0.8 counts for each block or each image, and how deep a block is: here each block, and the same range in depth.

    Args:
        images: (B, C, K, J, I).
        blocks: how many and how large.
        random: one stream for each image.
    """
    import torch

    result = images.clone()
    shape = images.shape[2:]
    low, high = min(blocks.smallest, blocks.largest), max(blocks.smallest, blocks.largest)
    # Even numbers from normal ones: one draw for all blocks of an image.
    draws = torch.special.ndtr(random.normal(blocks.count, 7)).cpu().tolist()
    for image, numbers in zip(result, draws, strict=True):
        for chance, *block in numbers:
            if chance >= blocks.chance:
                continue
            place = [slice(None)]
            for length, size, start in zip(shape, block[:3], block[3:], strict=True):
                extent = min(length, high, low + int(size * (high - low + 1)))
                first = min(length - extent, int(start * (length - extent + 1)))
                place.append(slice(first, first + extent))
            image[tuple(place)] = 0
    return result

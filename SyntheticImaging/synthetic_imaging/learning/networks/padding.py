"""Volumes of any size for networks that halve sizes."""

from __future__ import annotations

import torch


def to_multiple(x: torch.Tensor, factor: int, *, at_least: int = 1) -> torch.Tensor:
    """Continue a volume (B, C, K, J, I) by its last slices until its sizes are multiples of a factor.

    Args:
        x: the volume.
        factor: of which sizes become multiples.
        at_least: the smallest size.
    """
    for axis in (2, 3, 4):
        size = x.shape[axis]
        wanted = -(-max(size, at_least) // factor) * factor
        if wanted != size:
            # By index and not by torch's replicating pad, which not every number format and device has.
            x = x.index_select(axis, torch.arange(wanted, device=x.device).clamp(max=size - 1))
    return x

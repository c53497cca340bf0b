"""A fault of PyTorch's CPU convolutions, kept out of training.

With bfloat16 autocast on a CPU (torch 2.13), the weight gradient of a `Conv3d` of stride 1 whose input has two voxels
along the first axis is memory that nothing was written to. Small images and latents come to that in a U-Net's depth.
Such convolutions are computed in float32; on so few voxels it costs nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch

FAULTY_DEPTH = 2


@contextlib.contextmanager
def computed_exactly(networks: torch.nn.Module) -> Iterator[None]:
    """Within, convolutions of ``networks`` over two voxels along K are computed in float32."""
    found = [m for m in networks.modules() if type(m) is torch.nn.Conv3d]
    for module in found:
        module._conv_forward = _guarded(module._conv_forward)
    try:
        yield
    finally:
        for module in found:
            del module._conv_forward  # the class's own again


_Convolution = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]


def _guarded(convolve: _Convolution) -> _Convolution:
    def guarded(given: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        if given.shape[-3] != FAULTY_DEPTH:
            return convolve(given, weight, bias)
        with torch.autocast("cpu", enabled=False):
            return convolve(given.float(), weight, bias)

    return guarded

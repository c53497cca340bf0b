"""The fastest way to run a network on a device: memory layout and number format.

MONAI's 3-D networks run in float32 with channels first. Convolutions are faster with channels last, and in bfloat16
where the processor multiplies it in hardware; attention goes through torch's fused kernels (`Denoiser` asks for them),
and doublings are folded into one convolution (`doubling`). float16 is never used on a CPU: its matrix products are
thousands of times slower there.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import nn

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.settings import Precision

Network = TypeVar("Network", bound=nn.Module)

_FORMATS = {
    Precision.FLOAT32: torch.float32,
    Precision.BFLOAT16: torch.bfloat16,
    Precision.FLOAT16: torch.float16,
}


def number_format(device: str | torch.device, precision: Precision = Precision.AUTO) -> torch.dtype:
    """The number format to compute in.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps".
        precision: AUTO takes bfloat16 where the hardware multiplies it (recent CPUs, GPUs from Ampere on), float32
            elsewhere: networks trained in these formats leave float16's range.

    Raises:
        ParameterError: for float16 on a CPU.
    """
    kind = torch.device(device).type
    if precision is not Precision.AUTO:
        if precision is Precision.FLOAT16 and kind == "cpu":
            raise ParameterError("float16 is very slow on a CPU. Use the number format 'bfloat16' or 'auto'.")
        return _FORMATS[precision]
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if kind == "cpu" and bfloat16_in_hardware() else torch.float32


def bfloat16_in_hardware() -> bool:
    """Whether this CPU multiplies bfloat16 numbers itself; where torch cannot say, no."""
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        asked = getattr(torch.cpu, name, None)
        if asked is not None and asked():
            return True
    return False


def computing(device: str | torch.device, precision: Precision = Precision.AUTO) -> AbstractContextManager[object]:
    """A context in which networks compute in the number format for a device; weights stay as they are."""
    chosen = number_format(device, precision)
    if chosen is torch.float32:
        return nullcontext()
    context: AbstractContextManager[object] = torch.autocast(torch.device(device).type, chosen)
    return context


def channels_last(network: Network) -> Network:
    """Put the network's kernels in the layout that convolutions are fastest with; values are unchanged."""
    for parameter in network.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
        elif parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network


def fast(network: Network, device: str | torch.device = "cpu", precision: Precision = Precision.AUTO) -> Network:
    """A network for inference: on the device, in eval mode, without gradients, channels last, in its number format.

    The weights themselves are converted, which spares converting them at each call; keep a float32 copy for training.
    `Denoiser` and `PairedAutoencoder` take and give
    float32 all the same; call others with inputs of `number_format(device, precision)`.
    """
    channels_last(network.to(device).eval().requires_grad_(False))
    network.to(number_format(device, precision))
    return network

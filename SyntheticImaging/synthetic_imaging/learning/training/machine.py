"""On what a training runs: devices and number formats, chosen by what the machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.settings import Precision

if TYPE_CHECKING:
    import torch


def choose_device(device: str, processes: int = 1) -> str:
    """The device for a name: "auto" is an NVIDIA or AMD GPU, else Apple's, else the CPU.

    Args:
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        processes: how many on this machine; with more than one, each takes a GPU of its own.

    Returns:
        "cpu", "mps", "cuda:0"; "cuda" for several processes.

    Raises:
        ParameterError: for a device that is unknown, is not there, or cannot be shared by so many processes.
    """
    import torch

    kind, _, number = device.partition(":")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = bool(torch.backends.mps.is_available())
    if kind not in ("auto", "cpu", "cuda", "mps") or (number and (kind != "cuda" or not number.isdigit())):
        raise ParameterError(f"There is no device '{device}'. Take auto, cpu, cuda, cuda:0, cuda:1 ... or mps.")
    if kind == "auto":
        kind = "cuda" if gpus else "mps" if mps and processes == 1 else "cpu"
        if kind == "cuda" and processes > gpus:
            kind = "cpu"
    if kind == "cuda":
        if not gpus:
            raise ParameterError("This machine has no GPU that PyTorch can use. Set the device to cpu or auto.")
        if processes > gpus or (number and int(number) >= gpus):
            raise ParameterError(f"This machine has {gpus} GPU{'s' * (gpus > 1)}; '{device}' with {processes} "
                                 f"process{'es' * (processes > 1)} needs more.")  # fmt: skip
        if processes > 1:
            if number:
                raise ParameterError(f"Several processes cannot share '{device}'. Set the device to cuda or auto.")
            return "cuda"
        return f"cuda:{number or 0}"
    if kind == "mps":
        if not mps:
            raise ParameterError("This machine has no Apple GPU that PyTorch can use. Set the device to cpu or auto.")
        if processes > 1:
            raise ParameterError("An Apple GPU takes one process. Set the processes to 1, or the device to cpu.")
    return kind


def choose_precision(wanted: Precision, device: str) -> Precision:
    """The number format for a device; automatic is bfloat16 where the hardware computes in it, else float32.

    Raises:
        ParameterError: for a format that the device has not, or in which it would be thousands of times slower.
    """
    kind = device.partition(":")[0]
    if wanted is Precision.AUTO:
        return Precision.BFLOAT16 if has_bfloat16(kind) else Precision.FLOAT32
    if wanted is Precision.FLOAT16 and kind != "cuda":
        raise ParameterError(
            f"float16 works on NVIDIA and AMD GPUs only; on '{kind}' take bfloat16, float32 or auto."
        )
    if wanted is Precision.BFLOAT16 and kind == "mps":
        raise ParameterError("bfloat16 is not used on Apple GPUs. Take float32 or auto.")
    return wanted


def has_bfloat16(kind: str) -> bool:
    """Whether the hardware itself computes in bfloat16: "cpu" with AVX-512 BF16 or AMX, "cuda" from Ampere on."""
    import torch

    if kind == "cuda":
        return bool(torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False))
    if kind != "cpu":
        return False
    from synthetic_imaging.learning.networks.speed import bfloat16_in_hardware

    return bfloat16_in_hardware()


def set_layout(networks: torch.nn.Module, precision: Precision, device: str) -> None:
    """Bring 3-D convolutions into the channels-last layout where training is faster with it.

    It is in half-precision formats, on tensor cores and on CPUs; in float32 it is not.
    """
    from synthetic_imaging.learning.networks.speed import channels_last

    if precision is not Precision.FLOAT32 and device.partition(":")[0] in ("cpu", "cuda"):
        channels_last(networks)


def name_of(device: str) -> str:
    """ "the GPU (NVIDIA H200, 139.8 GiB)", "the processor"."""
    import torch

    if device.startswith("cuda"):
        found = torch.cuda.get_device_properties(device)
        return f"the GPU ({found.name}, {found.total_memory / 2**30:.1f} GiB)"
    return "the Apple GPU" if device == "mps" else "the processor"

"""Which device a run computes on."""

from __future__ import annotations

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.tool import Tool


def choose_device(tool: Tool, wanted: str = "auto") -> str:
    """ "cpu", "cuda:0" or "mps".

    "auto" takes a GPU only for a tool that declares ``accelerated``; torch is imported for no other.

    Raises:
        ParameterError: if the wanted device does not exist here or is no device.
    """
    kind = wanted.lower().split(":", 1)[0]
    if kind not in ("auto", "cpu", "cuda", "mps"):
        raise ParameterError(f"There is no device '{wanted}'. There are: auto, cpu, cuda, mps.")
    if kind == "cpu" or not tool.accelerated:
        return "cpu"
    try:
        import torch
    except ImportError:
        torch = None
    cuda = torch is not None and torch.cuda.is_available()
    mps = torch is not None and torch.backends.mps.is_available()
    if kind == "auto":
        return "cuda:0" if cuda else "mps" if mps else "cpu"
    if not {"cuda": cuda, "mps": mps}[kind]:
        raise ParameterError(f"The device '{wanted}' is not available on this computer. Choose cpu or auto.")
    return "cuda:0" if wanted == "cuda" else wanted

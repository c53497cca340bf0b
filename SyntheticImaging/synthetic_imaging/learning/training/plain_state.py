"""State of optimisers and schedules as tensors and JSON, without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def plain(value: Any, where: str) -> Any:
    """A value that JSON can hold and `from_plain` restores exactly.

    Raises:
        TypeError: for something else (a mistake of a learner's author); ``where`` names it.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [plain(v, where) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [plain(v, where) for v in value]}
    if isinstance(value, Mapping):
        return {"map": [[plain(k, where), plain(v, where)] for k, v in value.items()]}
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        return {"tensor": value.item(), "type": str(value.dtype).removeprefix("torch.")}
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        return value.item()
    raise TypeError(f"{where} holds a {type(value).__name__}, which a checkpoint cannot hold")


def from_plain(value: Any) -> Any:
    """What `plain` was given."""
    if isinstance(value, list):
        return [from_plain(v) for v in value]
    if isinstance(value, dict):
        if "tuple" in value:
            return tuple(from_plain(v) for v in value["tuple"])
        if "tensor" in value:
            return torch.tensor(value["tensor"], dtype=getattr(torch, value["type"]))
        return {from_plain(k): from_plain(v) for k, v in value["map"]}
    return value


def split_optimiser(optimiser: torch.optim.Optimizer, prefix: str) -> tuple[dict[str, torch.Tensor], Any]:
    """An optimiser's state: tensors named "<prefix>.<parameter number>.<name>", and plain numbers."""
    state = optimiser.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    numbers: dict[int, dict[str, Any]] = {}
    for index, entries in state["state"].items():
        for name, value in entries.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{prefix}.{index}.{name}"] = value
            else:
                numbers.setdefault(index, {})[name] = value
    groups = [{k: v for k, v in group.items() if k != "params"} for group in state["param_groups"]]
    return tensors, plain({"state": numbers, "groups": groups}, prefix)


def restore_optimiser(
    optimiser: torch.optim.Optimizer, prefix: str, tensors: Mapping[str, torch.Tensor], numbers: Any
) -> None:
    """Put back what `split_optimiser` took out; memory order follows the parameters."""
    kept = from_plain(numbers)
    current = optimiser.state_dict()
    state: dict[int, dict[str, Any]] = {index: dict(entries) for index, entries in kept["state"].items()}
    for key, tensor in tensors.items():
        if key.startswith(prefix + "."):
            index, name = key[len(prefix) + 1 :].split(".", 1)
            state.setdefault(int(index), {})[name] = tensor
    groups = [
        {**group, "params": present["params"]}
        for group, present in zip(kept["groups"], current["param_groups"], strict=True)
    ]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    for parameter, entries in optimiser.state.items():
        for name, value in entries.items():
            if isinstance(value, torch.Tensor):  # copies, so that nothing hangs on the checkpoint's file
                alike = value.shape == parameter.shape
                entries[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value) if alike else value.clone()

"""What will happen: device, memory, time; said before the button is pressed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthetic_imaging import parameters as parameter_forms
from synthetic_imaging.catalogue import find
from synthetic_imaging.errors import InputError, MemoryShortage
from synthetic_imaging.jobs.device import choose_device
from synthetic_imaging.memory import available_bytes, needed_bytes, readable_bytes
from synthetic_imaging.tool import Tool
from SyntheticImagingLib.task.inputs import SegmentChoice, read_inputs

# Seconds that the last run of a tool took in this program, and on how many voxels.
_timed: dict[str, tuple[float, int]] = {}
# Masks are copied out of their nodes: the last estimate's inputs are kept while nothing has changed.
_last: tuple[Any, float, dict[str, Any]] | None = None
_KEPT_SECONDS = 30.0


@dataclass(frozen=True)
class Estimate:
    """What a run will need.

    Attributes:
        needed_bytes: memory beside the inputs.
        free_bytes: memory that can still be had.
        device: "cpu", "cuda:0", "mps".
        seconds: about how long it will take; None before the first run.
        sentence: all of this in one line.
    """

    needed_bytes: int
    free_bytes: int
    device: str
    seconds: float | None
    sentence: str


def estimate(tool_id: str | Tool, nodes: Mapping[str, Any], parameters: Any = None, device: str = "auto") -> Estimate:
    """What a run on these nodes will need; quick enough to be asked at every change of the form.

    Raises:
        InputError, ParameterError, MemoryShortage: the sentence that a start would give, as far as it is known
            without looking at the voxels.
    """
    tool = tool_id if isinstance(tool_id, Tool) else find(tool_id)
    made = parameter_forms.make(tool.parameters, parameters or {})
    values = _values(tool, nodes)
    for declared in tool.inputs:
        if declared.required and declared.name not in values:
            raise InputError(f"{declared.label} is missing: choose one.")
    checked = {declared.name: values.get(declared.name) for declared in tool.inputs}
    needed, free = needed_bytes(tool, checked, made), available_bytes()
    if needed > free:
        raise MemoryShortage(
            f"'{tool.title}' needs about {readable_bytes(needed)} of memory and {readable_bytes(free)} are free. "
            "Close other volumes or programs, or crop the volume."
        )
    chosen = choose_device(tool, device)
    seconds = expected_seconds(tool, values)
    words = [f"{_device_words(chosen)}, {readable_bytes(needed)} needed of {readable_bytes(free)} free"]
    if seconds is not None:
        words.append(f"about {max(1, round(seconds))} s")
    return Estimate(needed, free, chosen, seconds, " · ".join(words))


def remember_time(tool: Tool, seconds: float, voxels: int) -> None:
    """Keep how long a run took, for the next estimate."""
    _timed[tool.id] = (seconds, max(1, voxels))


def expected_seconds(tool: Tool, values: Mapping[str, Any]) -> float | None:
    """From the last run of this tool, scaled by half of the change in voxels; None before the first."""
    if tool.id not in _timed:
        return None
    seconds, voxels = _timed[tool.id]
    # Starting the child and reading costs the same for any size: only half of the time is taken to grow.
    return seconds * (0.5 + 0.5 * voxels_in(values) / voxels)


def voxels_in(values: Mapping[str, Any]) -> int:
    """Voxels of the first volume among the inputs."""
    return next((int(v.voxels.size) for v in values.values() if hasattr(v, "voxels")), 1)


def forget() -> None:
    """Let go of what the last estimate keeps (after a scene was closed)."""
    global _last
    _last = None


def _values(tool: Tool, nodes: Mapping[str, Any]) -> dict[str, Any]:
    global _last
    key = (tool.id, tuple(sorted((name, *_stamp(given)) for name, given in nodes.items() if given is not None)))
    now = time.monotonic()
    if _last is None or _last[0] != key or now - _last[1] > _KEPT_SECONDS:
        _last = None  # before the new ones are made: a large segmentation is not held twice
        _last = (key, now, read_inputs(tool, nodes))
    return _last[2]


def _stamp(given: Any) -> tuple[str, str, tuple[str, ...]]:
    node, ids = (given.node, given.ids) if isinstance(given, SegmentChoice) else (given, ())
    if node is None:
        return "", "", ids
    marks = [node.GetMTime()]
    if node.IsA("vtkMRMLSegmentationNode"):
        marks.append(node.GetSegmentation().GetMTime())
    elif node.IsA("vtkMRMLVolumeNode") and node.GetImageData() is not None:
        marks.append(node.GetImageData().GetMTime())
    transform = node.GetParentTransformNode() if node.IsA("vtkMRMLTransformableNode") else None
    if transform is not None:
        marks.append(transform.GetTransformToWorldMTime() if hasattr(transform, "GetTransformToWorldMTime")
                     else transform.GetMTime())
    return node.GetID() or "", repr(marks), ids


def _device_words(device: str) -> str:
    return {"cpu": "CPU", "mps": "Apple GPU"}.get(device, f"GPU {device.partition(':')[2] or '0'}")

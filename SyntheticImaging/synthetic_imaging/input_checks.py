"""Is this input fit for this tool? If not: what is wrong, in which input, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from synthetic_imaging.errors import InputError
from synthetic_imaging.mask import Mask
from synthetic_imaging.points import Points
from synthetic_imaging.tool import Input, Kind, Tool
from synthetic_imaging.volume import Volume, Voxels

_SLAB_BYTES = 1 << 24
_LARGEST = 1e18  # its square still fits single precision


def check_inputs(tool: Tool, given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs in the tool's order, checked; missing optional ones as None.

    Raises:
        InputError: with the sentence for the user.
    """
    unknown = set(given) - {i.name for i in tool.inputs}
    if unknown:
        names = ", ".join(i.name for i in tool.inputs) or "none"
        raise InputError(f"'{tool.title}' takes no input '{sorted(unknown)[0]}'. It takes: {names}.")
    checked: dict[str, Any] = {}
    for declared in tool.inputs:
        value = given.get(declared.name)
        if value is None:
            if declared.required:
                raise InputError(f"{declared.label} is missing: choose one.")
            checked[declared.name] = None
            continue
        checked[declared.name] = _check_one(declared, value)
    for declared in tool.inputs:
        value, other = checked[declared.name], checked.get(declared.same_grid_as)
        if value is not None and other is not None and not value.geometry.same_grid(other.geometry):
            turned = value.turned_onto(other.geometry) if isinstance(value, Mask) else None
            if turned is not None:
                checked[declared.name] = turned
                continue
            partner = tool.input(declared.same_grid_as).label
            what = (
                f"({_grid(value)} against {_grid(other)})"
                if value.shape != other.shape
                else "(same size, another place or direction)"
            )
            raise InputError(
                f"{declared.label} '{value.name}' lies on another voxel grid than {partner} '{other.name}' {what}. "
                "Resample it to that grid first."
            )
    return checked


def _check_one(declared: Input, value: Any) -> Any:
    if declared.kind is Kind.POINTS:
        return _points(declared, value)
    if not isinstance(value, declared.kind.type):
        raise InputError(f"{declared.label} must be a {declared.kind.value}, not {type(value).__name__}.")
    if isinstance(value, Volume):
        _check_volume(declared, value)
    if isinstance(value, Mask) and not declared.may_be_empty and value.box.empty:
        what = f"segment '{value.names[0]}'" if len(value.names) == 1 else f"'{value.name}'"
        raise InputError(f"{declared.label}: {what} holds no voxel. Draw it, or choose another segment.")
    return value


def _points(declared: Input, value: Any) -> Points:
    try:
        points = Points.of(value)
    except InputError as error:
        raise InputError(f"{declared.label}: {error}") from None
    if len(points) == 0:
        raise InputError(f"{declared.label}: the list holds no point. Click one, or choose no list.")
    return points


def _check_volume(declared: Input, volume: Volume) -> None:
    title = f"{declared.label} '{volume.name}'"
    if min(volume.shape) < 2:
        raise InputError(f"{title} is a single slice ({_grid(volume)} voxels); a volume with several slices is needed.")
    if declared.modality and volume.modality and volume.modality != declared.modality:
        raise InputError(f"{title} is {volume.modality}; this tool works on {declared.modality}.")
    low, high, bad = value_range(volume.voxels)
    if bad:
        raise InputError(f"{title} has {bad:,} voxels that are not numbers (NaN or infinite). Repair it first.")
    if max(-low, high) > _LARGEST:
        raise InputError(f"{title} goes from {low:g} to {high:g}, far outside what a scanner measures. Rescale it.")
    if low == high:
        raise InputError(f"{title} is constant: every voxel is {low:g}. There is nothing to work on.")
    if declared.unit == "HU":
        check_hounsfield(title, volume, low, high)


def check_hounsfield(title: str, volume: Volume, low: float | None = None, high: float | None = None) -> None:
    """Whether the numbers can be Hounsfield units; ``title`` names the volume in the sentence.

    Raises:
        InputError: if the unit is another, or the range is not that of a CT.
    """
    if low is None or high is None:
        low, high, _ = value_range(volume.voxels)
    advice = "Load the original CT, or apply its rescale slope and intercept."
    if volume.unit and volume.unit != "HU":
        raise InputError(f"{title} is in {volume.unit}; Hounsfield units are needed. {advice}")
    if high - low < 50 or low >= 0:
        raise InputError(f"{title} does not look like Hounsfield units (from {low:g} to {high:g}). {advice}")
    if high > 70000 or low < -70000:
        raise InputError(f"{title} goes from {low:g} to {high:g}, far outside what a CT measures. {advice}")


def value_range(voxels: Voxels) -> tuple[float, float, int]:
    """Lowest and highest finite value, and how many voxels are not finite; slab by slab, so without a copy."""
    if voxels.dtype.kind in "iub":
        return float(voxels.min()), float(voxels.max()), 0
    low, high, bad = np.inf, -np.inf, 0
    step = max(1, _SLAB_BYTES // max(1, voxels[0].nbytes))
    for start in range(0, voxels.shape[0], step):
        slab = voxels[start : start + step]
        slab_low, slab_high = float(slab.min()), float(slab.max())
        if not (np.isfinite(slab_low) and np.isfinite(slab_high)):
            finite = np.isfinite(slab)
            bad += int(slab.size - np.count_nonzero(finite))
            slab = slab[finite]
            if slab.size == 0:
                continue
            slab_low, slab_high = float(slab.min()), float(slab.max())
        low, high = min(low, slab_low), max(high, slab_high)
    return low, high, bad


def _grid(value: Volume | Mask) -> str:
    k, j, i = value.shape
    return f"{i} x {j} x {k}"

"""What each of the three ways to a lesion is given. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthetic_imaging.lesions.edit import Action
from synthetic_imaging.lesions.presets import SIZES, OrganPreset, SizeClass
from SyntheticImagingLib.lesion_panel.method import Method
from SyntheticImagingLib.task import SegmentChoice

# Of a soft organ: 50 steps make about 2 cm, 100 steps 4 cm, 150 steps 6 cm.
_MM_A_STEP = 0.4
# Darker than the organ, as the tool draws it in an MR by itself.
_SIGNAL_CONTRAST_PERCENT = -30.0


# What to do when the places are clicked: one lesion each, so numbers of lesions are not asked for.
_NUMBERS = {Method.DRAW: "count", Method.GROW: "starts", Method.EDIT: "copies"}


@dataclass(frozen=True, eq=False)
class Request:
    """What the user chose, as nodes.

    Attributes:
        method: how.
        volume: volume node.
        organ: the organ's segment; not needed to edit a lesion.
        places: markups node with a place a lesion; None for anywhere.
        vessels: segments to stay off (drawing only).
        lesion: segment of the lesion to edit.
    """

    method: Method
    volume: Any
    organ: SegmentChoice | None = None
    places: Any = None
    vessels: SegmentChoice | None = None
    lesion: SegmentChoice | None = None

    def nodes(self, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the tool takes, by input name; ``values`` are its parameters."""
        places = self.places if needs_place(self.method, values or {}) else None
        if self.method is Method.EDIT:
            given = {"volume": self.volume, "lesion": self.lesion, "organ": self.organ, "to": places}
        else:
            given = {"ct": self.volume, "organ": self.organ, "at": places}
            if self.method is Method.DRAW:
                given["vessels"] = self.vessels
        return {name: node for name, node in given.items() if node is not None}

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The form's values without those that the clicked places decide."""
        clicked = self.places is not None and needs_place(self.method, values)
        return {k: v for k, v in values.items() if not (clicked and k == _NUMBERS[self.method])}


def for_signal(method: Method, values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters for an image without Hounsfield units: what was left automatic would go by those of a CT."""
    if method is not Method.DRAW:
        return dict(values)
    fitting: dict[str, Any] = {}
    chosen = values.get("organ_preset", OrganPreset.AUTOMATIC)
    if str(getattr(chosen, "value", chosen)) == OrganPreset.AUTOMATIC.value:
        fitting["organ_preset"] = OrganPreset.GENERAL.value
    if values.get("contrast_percent") is None:
        fitting["contrast_percent"] = _SIGNAL_CONTRAST_PERCENT
    return {**values, **fitting}


def needs_place(method: Method, values: Mapping[str, Any]) -> bool:
    """Whether the lesion goes somewhere: not when one is removed, or changed where it is."""
    action = values.get("action", Action.COPY)
    return method is not Method.EDIT or str(getattr(action, "value", action)) in (Action.COPY.value, Action.MOVE.value)


def diameter_mm(method: Method, values: Mapping[str, Any], lesion_mm: float | None = None) -> float | None:
    """About how large the lesion will be, for a circle drawn to scale; None where it cannot be said.

    Args:
        method: how.
        values: the tool's parameters; those left out have their defaults.
        lesion_mm: diameter of the lesion that is edited.
    """
    if method is Method.GROW:
        return _MM_A_STEP * float(values.get("steps", 60))
    if method is Method.EDIT:
        return None if lesion_mm is None else lesion_mm * float(values.get("scale", 1.0))
    if values.get("diameter_mm") is not None:
        return float(values["diameter_mm"])
    size = values.get("size", SizeClass.SMALL)
    chosen = next((s for s in SIZES if s is size or s.value == str(size)), None)
    return 2.0 * SIZES[chosen].radius_mm if chosen is not None else None

"""What the voxels mean, kept with the file: header keys where a format has them, and a JSON file beside it.

The keys begin with "SyntheticImaging." as the attributes of Slicer's nodes do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthetic_imaging.mask import Mask
from synthetic_imaging.provenance import STATEMENT, Provenance
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.volume import Volume

PREFIX = "SyntheticImaging."
SIDECAR = ".provenance.json"


@dataclass(frozen=True)
class Meaning:
    """Everything about a volume, mask or sequence but its voxels and its place."""

    name: str = ""
    modality: str = ""
    quantity: str = ""
    unit: str = ""
    window: tuple[float, float] | None = None
    provenance: Provenance | None = None

    @classmethod
    def of(cls, item: Volume | Mask | Sequence) -> Meaning:
        """The meaning of an item in memory; of a sequence's first frame."""
        if isinstance(item, Sequence):
            first = cls.of(item[0])
            return cls(item.name, first.modality, first.quantity, first.unit, first.window, item.provenance)
        if isinstance(item, Mask):
            return cls(item.name, "SEG", provenance=item.provenance)
        return cls(item.name, item.modality, item.quantity, item.unit, item.window, item.provenance)

    def keys(self, with_provenance: bool = True) -> dict[str, str]:
        """Header keys and values, each value one line of ASCII text."""
        found = {"name": self.name, "modality": self.modality, "quantity": self.quantity, "unit": self.unit}
        if self.window is not None:
            found["window"] = f"{float(self.window[0])!r} {float(self.window[1])!r}"
        if self.provenance is not None:
            found["synthetic"] = "YES"
            if with_provenance:
                found["provenance"] = json.dumps(self.provenance.to_dict())
        return {PREFIX + key: " ".join(value.split()) if key != "provenance" else value
                for key, value in found.items() if value}

    @classmethod
    def from_keys(cls, keys: Mapping[str, str]) -> Meaning:
        """The meaning from header keys; what is missing or unreadable is left empty."""
        found = {key[len(PREFIX):]: value for key, value in keys.items() if key.startswith(PREFIX)}
        return cls(
            found.get("name", ""), found.get("modality", ""), found.get("quantity", ""), found.get("unit", ""),
            _window(found.get("window", "").split()), _record(found.get("provenance")),
        )

    def to_json(self, file_bytes: int) -> str:
        """The text of the JSON file beside an image of ``file_bytes`` bytes."""
        record: dict[str, Any] = {
            "name": self.name, "modality": self.modality, "quantity": self.quantity, "unit": self.unit,
            "window": self.window, "synthetic": self.provenance is not None, "file_bytes": file_bytes,
        }
        if self.provenance is not None:
            record["statement"] = STATEMENT
            record["provenance"] = self.provenance.to_dict()
        return json.dumps(record, indent=2) + "\n"

    def over(self, other: Meaning) -> Meaning:
        """This meaning, its gaps filled from another."""
        return Meaning(
            self.name or other.name, self.modality or other.modality, self.quantity or other.quantity,
            self.unit or other.unit, self.window or other.window, self.provenance or other.provenance,
        )

    def for_volume(self, fallback_name: str) -> dict[str, Any]:
        """Keyword arguments of `Volume`."""
        return {
            "name": self.name or fallback_name, "modality": self.modality, "quantity": self.quantity,
            "unit": self.unit, "window": self.window, "provenance": self.provenance,
        }


def sidecar_of(path: Path) -> Path:
    """The JSON file that belongs to an image file."""
    return path.with_name(path.name + SIDECAR)


def read_sidecar(path: Path) -> tuple[Meaning, dict[str, Any]]:
    """What the JSON file beside ``path`` says, as meaning and as raw values.

    Empty if there is none, or if it was written for another file (the size differs).
    """
    try:
        record = json.loads(sidecar_of(path).read_text(encoding="utf-8"))
        if record["file_bytes"] != path.stat().st_size:
            return Meaning(), {}
        name, modality, quantity, unit = (
            str(record.get(key) or "") for key in ("name", "modality", "quantity", "unit")
        )
        provenance = _record(json.dumps(record["provenance"])) if record.get("provenance") else None
        return Meaning(name, modality, quantity, unit, _window(record.get("window") or ()), provenance), record
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Meaning(), {}


def _window(values: Any) -> tuple[float, float] | None:
    try:
        centre, width = (float(value) for value in values)
        return centre, width
    except (TypeError, ValueError):
        return None


def _record(text: str | None) -> Provenance | None:
    try:
        return Provenance.from_json(text) if text else None
    except (ValueError, TypeError):
        return None

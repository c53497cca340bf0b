"""What nodes carry with them: attributes prefixed ``SyntheticImaging.``."""

from __future__ import annotations

import json
from typing import Any

from synthetic_imaging.provenance import Provenance

PREFIX = "SyntheticImaging."
SYNTHETIC = PREFIX + "synthetic"
PROVENANCE = PREFIX + "provenance"
MEANING = PREFIX + "meaning"
VOXEL_TYPE = PREFIX + "voxelType"


def mark(node: Any, provenance: Provenance | None) -> None:
    """Say on a node that it is synthetic and how it came to be; without a record, that it is not."""
    if provenance is None:
        for name in (SYNTHETIC, PROVENANCE, PREFIX + "tool", PREFIX + "seed", PREFIX + "statement"):
            node.RemoveAttribute(name)
        return
    node.SetAttribute(SYNTHETIC, "yes")
    node.SetAttribute(PREFIX + "statement", provenance.statement)
    node.SetAttribute(PREFIX + "tool", f"{provenance.tool} {provenance.tool_version}")
    node.SetAttribute(PREFIX + "seed", str(provenance.seed))
    node.SetAttribute(PROVENANCE, json.dumps(provenance.to_dict(), separators=(",", ":")))


def provenance_of(node: Any) -> Provenance | None:
    """The record on a node; None where there is none or it cannot be read."""
    text = node.GetAttribute(PROVENANCE)
    if not text:
        return None
    try:
        return Provenance.from_json(text)
    except ValueError:
        return None


def write_meaning(node: Any, **values: Any) -> None:
    """Keep plain facts (modality, index unit, ...) that MRML has no own place for."""
    node.SetAttribute(MEANING, json.dumps({k: v for k, v in values.items() if v not in ("", None)}))


def read_meaning(node: Any) -> dict[str, Any]:
    """The facts kept by `write_meaning`; empty for other nodes."""
    try:
        found = json.loads(node.GetAttribute(MEANING) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

"""What is odd about the volumes that were chosen as sequences, said before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from SyntheticImagingLib.mr.guessing import kind_of_volume, with_agent
from SyntheticImagingLib.mr.result_views import LABELS
from SyntheticImagingLib.task.origins import patient_of, series_description

_NAMES = {**LABELS, "dir": "DIR"}


def chosen_twice(nodes: Mapping[str, Any]) -> str:
    """A sentence if one volume was chosen as two sequences; "" if not."""
    seen: dict[Any, str] = {}
    for kind, node in nodes.items():
        if node is None:
            continue
        if node in seen:
            return (f"'{node.GetName()}' is chosen as {LABELS[seen[node]]} and as {LABELS[kind]}. Each sequence is a "
                    "volume of its own.")
        seen[node] = kind
    return ""


def doubts(nodes: Mapping[str, Any]) -> list[str]:
    """Sentences about volumes whose name or headers speak against the choice; nothing is refused for them.

    Args:
        nodes: kind -> volume node, or None.
    """
    chosen = {kind: node for kind, node in nodes.items() if node is not None}
    found = []
    for kind, node in chosen.items():
        named = kind_of_volume(node)
        if named and named != kind:
            found.append(f"'{node.GetName()}' is chosen as {LABELS[kind]}; its name says {_NAMES[named]}.")
        if with_agent(series_description(node), node.GetName() or ""):
            found.append(f"'{node.GetName()}' seems to be with contrast agent, which no method here knows: what takes "
                         "it up would come out wrong. Choose the image without it.")
    patients = {kind: patient_of(node) for kind, node in chosen.items()}
    if len({patient for patient in patients.values() if patient}) > 1:
        names = " and ".join(LABELS[kind] for kind, patient in patients.items() if patient)
        found.append(f"{names} are of different patients, by their DICOM headers.")
    return found

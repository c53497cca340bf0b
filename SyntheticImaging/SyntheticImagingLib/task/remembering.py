"""What a run made, written into the scene itself: found again after the scene was opened or the program restarted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from synthetic_imaging.errors import InputError
from SyntheticImagingLib import attributes
from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.mrml import points_from_node
from SyntheticImagingLib.task.inputs import SegmentChoice
from SyntheticImagingLib.task.results import Made

_RUN = attributes.PREFIX + "run"
_OUTPUT, _PROXY, _INPUT = "SyntheticImagingOutput.", "SyntheticImagingProxy.", "SyntheticImagingInput."
_ROLES = {name: "SyntheticImagingRun." + name for name in ("browser", "source", "volume", "lesions")}


def remember(made: Made, parameters: Mapping[str, Any] | None = None) -> None:
    """Write onto the run's record which nodes belong to it and what it was started with; saved with the scene.

    Args:
        made: the run; what was written before is replaced, the parameters only if given.
        parameters: of the run, by name.
    """
    record = made.record
    if record is None:
        return
    known = _facts(record)
    facts: dict[str, Any] = {
        "tool": made.tool_id, "title": made.title, "seed": made.seed, "seconds": made.seconds,
        "notes": list(made.notes), "segments": {}, "points": {},
        "outputs": [*made.nodes], "proxies": [*made.proxies],
        "parameters": known.get("parameters", {}) if parameters is None else _plain(parameters),
    }
    for name, given in made.inputs.items():
        if isinstance(given, SegmentChoice):
            facts["segments"][name] = list(given.ids)
            record.SetNodeReferenceID(_INPUT + name, given.node.GetID())
        elif given is not None and given.IsA("vtkMRMLMarkupsNode"):
            # Where they were then: the list goes on to be used.
            facts["points"][name] = _positions(given)
        elif given is not None:
            record.SetNodeReferenceID(_INPUT + name, given.GetID())
    for start, nodes in ((_OUTPUT, made.nodes), (_PROXY, made.proxies)):
        for name, node in nodes.items():
            record.SetNodeReferenceID(start + name, node.GetID())
    for name, role in _ROLES.items():
        node = getattr(made, name)
        if node is not None:
            record.SetNodeReferenceID(role, node.GetID())
    record.SetAttribute(_RUN, json.dumps(facts, separators=(",", ":")))


def runs_in(scene: Any) -> list[Made]:
    """The runs whose results are in the scene, oldest first; those of which an output was deleted are left out."""
    nodes = scene.GetNodesByClass("vtkMRMLTextNode")
    records = [nodes.GetItemAsObject(n) for n in range(nodes.GetNumberOfItems())]
    return [made for made in map(_recalled, records) if made is not None]


def parameters_of(made: Made) -> dict[str, Any]:
    """The parameters that a run was started with, as `remember` wrote them.

    Raises:
        InputError: if nothing is known.
    """
    known = _facts(made.record).get("parameters") if made.record is not None else None
    if not isinstance(known, dict):
        raise InputError("The settings of this result are not known any more. Choose them in the panel, and run anew.")
    return known


def _recalled(record: Any) -> Made | None:
    facts = _facts(record)
    if not facts:
        return None
    try:
        # In their order: the first volume is the one to look at.
        outputs = {str(name): record.GetNodeReference(_OUTPUT + name) for name in facts["outputs"]}
        proxies = {str(name): record.GetNodeReference(_PROXY + name) for name in facts["proxies"]}
        made = Made(
            str(facts["tool"]), str(facts["title"]), int(facts["seed"]), float(facts["seconds"]),
            tuple(str(note) for note in facts["notes"]), outputs, proxies, record=record,
            inputs=_inputs(record, facts),
        )
    except (KeyError, TypeError, ValueError):  # written by another version
        return None
    if not outputs or None in (*outputs.values(), *proxies.values()):
        return None
    for name, role in _ROLES.items():
        setattr(made, name, record.GetNodeReference(role))
    return made


def _inputs(record: Any, facts: dict[str, Any]) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    for name, node in _referred(record, _INPUT):
        if node is not None:
            ids = facts["segments"].get(name)
            inputs[name] = node if ids is None else SegmentChoice(node, tuple(str(i) for i in ids))
    for name, positions in facts["points"].items():
        inputs[name] = import_slicer().vtkMRMLMarkupsFiducialNode()
        inputs[name].SetName("places")
        for position in positions:
            inputs[name].AddControlPoint(*(float(x) for x in position))
    return inputs


def _referred(record: Any, start: str) -> Iterator[tuple[str, Any]]:
    for number in range(record.GetNumberOfNodeReferenceRoles()):
        role = str(record.GetNthNodeReferenceRole(number) or "")
        if role.startswith(start) and record.GetNodeReferenceID(role):
            yield role[len(start):], record.GetNodeReference(role)


def _facts(record: Any) -> dict[str, Any]:
    try:
        found = json.loads(record.GetAttribute(_RUN) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _positions(node: Any) -> list[list[float]]:
    try:
        return [[float(x) for x in place] for place in points_from_node(node).ras_mm]
    except InputError:  # emptied while it ran
        return []


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.value if isinstance(v, Enum) else v for k, v in parameters.items()}

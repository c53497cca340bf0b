"""A provenance record as a person reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from synthetic_imaging.catalogue import tools
from synthetic_imaging.errors import ParameterError
from synthetic_imaging.parameters import convert, fields_of
from synthetic_imaging.provenance import Provenance


def readable_record(record: Provenance | str) -> str:
    """Plain text: what made it, when, with which values, from what.

    Args:
        record: a record, the JSON text of one, or the JSON text that a run leaves in the scene (one record an output).
            Text that is none of these comes back as it is.
    """
    if isinstance(record, Provenance):
        return "\n".join(_lines(record))
    try:
        content = json.loads(record)
        outputs = content.get("outputs")
        records = [Provenance.from_dict(one) for one in (outputs.values() if outputs else [content])]
    except (ValueError, TypeError, AttributeError, KeyError):
        return record
    return "\n".join(_lines(records[0], list(outputs or ())))


def _lines(record: Provenance, made: list[str] | None = None) -> Iterator[str]:
    yield record.statement
    yield ""
    yield f"Made by: {record.tool_title} ({record.tool} {record.tool_version})"
    yield f"When: {_moment(record.created_utc)}"
    yield f"Seed: {record.seed}"
    yield f"Computed on: {_device(record.device)}, {record.seconds:.1f} s"
    if made:
        yield f"Results: {', '.join(made)}"
    if record.reference:
        yield f"Based on: {record.reference}"
    if record.parameters:
        yield ""
        yield "Settings"
        for label, value in _settings(record.tool, record.parameters):
            yield f"  {label}: {value}"
    if record.notes:
        yield ""
        yield "Notes"
        yield from (f"  {note}" for note in record.notes)
    yield ""
    yield "Made from (checksums instead of names: no patient data is kept)"
    for name, described in record.inputs.items():
        yield f"  {name}: {_input(described)}"
    for name, checksum in record.weights.items():
        yield f"  weights {name}: {checksum[:16]}"
    if record.libraries:
        yield ""
        yield "With " + ", ".join(f"{name} {version}" for name, version in record.libraries.items())
    for earlier in record.history:
        yield ""
        yield f"Before that: {earlier.short}"


def _device(device: str) -> str:
    return "CPU" if device == "cpu" else device


def _settings(tool_id: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tool = tools().get(tool_id)
    known = {field.name: field for field in fields_of(tool.parameters)} if tool else {}
    for name, value in values.items():
        field = known.get(name)
        if field is None:
            yield name, "automatic" if value is None else str(value)
            continue
        try:
            yield field.label, field.in_words(convert(field, value))
        except ParameterError:  # a record of another version of the tool
            yield field.label, str(value)


def _input(described: Mapping[str, Any]) -> str:
    if "ras_mm" in described:
        places = ("({:.1f}, {:.1f}, {:.1f})".format(*point) for point in described["ras_mm"])
        return "RAS mm " + ", ".join(places)
    words = str(described.get("kind", "?")).lower()
    words += f" {described['sha256'][:16]}" if described.get("sha256") else ""
    return words + (", itself synthetic" if described.get("synthetic") else "")


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return text

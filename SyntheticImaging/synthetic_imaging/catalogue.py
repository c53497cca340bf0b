"""All tools that are installed: built in, and of third parties by the entry point `synthetic_imaging.tools`.

An entry point names a `Tool`, or a callable that returns a list of tools.
"""

from __future__ import annotations

import importlib
import logging
from dataclasses import replace
from functools import cache
from importlib import metadata

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.tool import Tool

ENTRY_POINT = "synthetic_imaging.tools"

BUILT_IN = (
    "synthetic_imaging.lesions.handcrafted:handcrafted",
    "synthetic_imaging.lesions.automaton:automaton",
    "synthetic_imaging.lesions.edit:edit",
    "synthetic_imaging.lesions.measure:measure",
    "synthetic_imaging.cohorts.generate:generate",
    "synthetic_imaging.segmentation.apply:apply",
    "synthetic_imaging.sequences.simulate:simulate",
    "synthetic_imaging.sequences.fit:fit",
    "synthetic_imaging.sequences.synthesise:synthesise",
    "synthetic_imaging.sequences.phantom:phantom",
    "synthetic_imaging.sequences.compare:compare",
    "synthetic_imaging.sequences.find_lesions:lesions",
)

log = logging.getLogger(__name__)


@cache
def tools() -> dict[str, Tool]:
    """Tool id -> tool, sorted by id. A third party's tool that does not load is logged and left out."""
    found: dict[str, Tool] = {}
    for place in BUILT_IN:
        module, name = place.split(":")
        item: Tool = getattr(importlib.import_module(module), name)
        found[item.id] = item
    for point in metadata.entry_points(group=ENTRY_POINT):
        try:
            loaded = point.load()
            items = [loaded] if isinstance(loaded, Tool) else list(loaded())
            for item in items:
                if item.id in found:
                    raise ValueError(f"a tool '{item.id}' exists already")
                owner = point.dist.name if point.dist else item.distribution
                found[item.id] = replace(item, distribution=owner)
        except Exception:  # a broken plug-in must not take the product down
            log.exception("the tool '%s' could not be loaded", point.name)
    return dict(sorted(found.items()))


def find(tool_id: str) -> Tool:
    """The tool of that id.

    Raises:
        ParameterError: naming the tools there are.
    """
    known = tools()
    if tool_id not in known:
        raise ParameterError(f"There is no tool '{tool_id}'. There are: {', '.join(known)}.")
    return known[tool_id]

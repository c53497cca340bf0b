"""The tools about MR sequences that are there: to compute a missing one, to compare visits, to find lesions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from synthetic_imaging.catalogue import tools
from synthetic_imaging.tool import Kind, Tool

PHYSICS, LEARNED = "sequences.fit", "sequences.synthesise"
COMPARE, PHANTOM = "sequences.compare", "sequences.phantom"
# What can be given, by the names of the methods' inputs.
GIVEN = ("flair", "t1w", "t2w", "pd")
_TITLES = {PHYSICS: "Physics, no training", LEARNED: "Learned"}


@dataclass(frozen=True)
class Method:
    """A way to compute a missing sequence.

    Attributes:
        tool: the tool that does it.
        title: how a person tells it from the others.
    """

    tool: Tool
    title: str


def methods(known: Mapping[str, Tool] | None = None) -> list[Method]:
    """The methods among the tools that are installed (or among ``known``), the one that needs no training first."""
    there = tools() if known is None else known
    return [Method(there[name], title) for name, title in _TITLES.items() if name in there]


def lesion_tools(known: Mapping[str, Tool] | None = None) -> list[Tool]:
    """The tools that find or list lesions in MR sequences: images in, segments and the table "table" out."""
    there = tools() if known is None else known
    return [tool for name, tool in there.items() if tool.task == "sequences" and name != COMPARE and _lists(tool)]


def _lists(tool: Tool) -> bool:
    segments = any(output.kind is Kind.MASK for output in tool.outputs)
    listed = any(output.kind is Kind.TABLE and output.name == "table" for output in tool.outputs)
    return segments and listed and any(given.kind is Kind.VOLUME for given in tool.inputs)

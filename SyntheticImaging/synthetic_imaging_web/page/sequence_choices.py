"""Which loaded volume is which MR sequence, for the tools about sequences: chosen by name, where nothing is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthetic_imaging.catalogue import tools
from synthetic_imaging.tool import Input, Kind, Tool
from synthetic_imaging_web.page.session import Session
from SyntheticImagingLib.mr.guessing import Guesses, acquired, visits
from SyntheticImagingLib.mr.methods import GIVEN

_TASK = "sequences"
_VISITS = ("before", "after")


def sequence_key(declared: Input) -> str:
    """Under which key the choice of a sequence is kept: all tools about sequences share it by the input's name."""
    return f"volume_{declared.name}"


def is_sequence(tool: Tool, declared: Input) -> bool:
    """Whether an input is an MR sequence (or a map of tissue): any volume that happens to be open would not do."""
    return tool.task == _TASK and declared.kind is Kind.VOLUME


class SequenceChoices:
    """Proposes volumes for what is not chosen yet."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._guesses = Guesses(session.scene.scene)
        self._declared = {
            sequence_key(i): i for tool in tools().values() for i in tool.inputs if is_sequence(tool, i)
        }

    def propose(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Key -> volume node for what can be told by name.

        Args:
            chosen: key -> node, or None, of every key.
        """
        scene = self._session.scene.scene
        found = {
            f"volume_{kind}": node
            for kind, node in self._guesses.fresh({kind: chosen.get(f"volume_{kind}") for kind in GIVEN}).items()
        }
        first, second = (f"volume_{name}" for name in _VISITS)
        two = visits(scene)
        if two is not None and chosen.get(first) is None and chosen.get(second) is None:
            found[first], found[second] = two
        for key, declared in self._declared.items():
            if chosen.get(key) is None and key not in found and declared.name not in GIVEN:
                label = declared.label.casefold()
                named = (node for node in acquired(scene) if label in (node.GetName() or "").casefold())
                found[key] = next(named, None)
        return {key: node for key, node in found.items() if node is not None and key in self._declared}

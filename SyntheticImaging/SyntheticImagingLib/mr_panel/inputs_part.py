"""The box "I have": the sequences that were acquired, guessed by name, and what is odd about the choice."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from SyntheticImagingLib.mr.doubts import chosen_twice, doubts
from SyntheticImagingLib.mr.guessing import Guesses
from SyntheticImagingLib.mr.methods import GIVEN
from SyntheticImagingLib.mr.result_views import LABELS
from SyntheticImagingLib.mr_panel.colours import WARNING


class InputsPart:
    """What was chosen as FLAIR, T1w, T2w and PD; kept in the parameter node."""

    def __init__(self, ui: Any, scene: Any) -> None:
        self._ui = ui
        self._parameters: Any = None
        self._guesses = Guesses(scene)
        self._guessed: tuple[str, ...] = ()

    @property
    def nodes(self) -> dict[str, Any]:
        """Input name -> volume node, or None."""
        p = self._parameters
        return {name: getattr(p, name) if p is not None else None for name in GIVEN}

    @property
    def missing(self) -> bool:
        """Whether any sequence is still to be chosen."""
        return self._parameters is not None and None in self.nodes.values()

    def set_parameters(self, parameters: Any) -> None:
        """The choices of another scene."""
        self._parameters = parameters
        if parameters is None:
            self._guesses.forget()
            self._guessed = ()

    def guess(self) -> None:
        """Choose what was loaded since the last look and has the name of a sequence that is not chosen yet."""
        if self._parameters is None:
            return
        found = self._guesses.fresh(self.nodes)
        for kind, node in found.items():
            setattr(self._parameters, kind, node)
        if found:
            self._guessed = tuple(found)

    def pass_over(self, nodes: Any) -> None:
        """Do not choose these by their names."""
        self._guesses.pass_over(nodes)

    def choose(self, nodes: dict[str, Any]) -> None:
        """Choose these, and nothing else."""
        for kind in GIVEN:
            setattr(self._parameters, kind, nodes.get(kind))
        self._guessed = ()
        self.pass_over(node for node in nodes.values() if node is not None)

    def trouble(self) -> str:
        """Why nothing can be computed from the choice; "" if something can."""
        if not any(node is not None for node in self.nodes.values()):
            return _("Choose at least one sequence of a brain; FLAIR and T1w together tell most.")
        return chosen_twice(self.nodes)

    def refresh(self) -> None:
        """Say how the choice came about, and what is odd about it."""
        label, odd = self._ui.inputsLabel, doubts(self.nodes)
        still = [LABELS[kind] for kind in self._guessed if self.nodes[kind] is not None]
        label.styleSheet = WARNING if odd else ""
        label.text = "\n".join(odd) if odd else _("Chosen by name: {names}. Check them.").format(
            names=", ".join(still)) if still else ""
        label.visible = bool(label.text)

"""The runs of some tools whose results are in the scene; one of them is shown."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from SyntheticImagingLib.task import Made, remove
from SyntheticImagingLib.task.remembering import runs_in


class KeptRuns:
    """Runs of this session and of a scene that was opened, the oldest first.

    Args:
        scene: the MRML scene.
        tool_ids: of the tools whose runs are kept.

    Attributes:
        all: the runs.
        shown: the one that is shown, or None.
    """

    def __init__(self, scene: Any, tool_ids: Collection[str]) -> None:
        self._scene, self._ids = scene, frozenset(tool_ids)
        self.all: list[Made] = []
        self.shown: Made | None = None

    @property
    def titles(self) -> list[str]:
        """What a person chooses from, the newest first."""
        return [f"{_subject(made)}, seed {made.seed}" for made in reversed(self.all)]

    @property
    def index(self) -> int:
        """Which of the titles is shown; -1 for none."""
        return next((n for n, made in enumerate(reversed(self.all)) if made is self.shown), -1)

    def at(self, index: int) -> Made | None:
        """The run of a title."""
        return self.all[len(self.all) - 1 - index] if 0 <= index < len(self.all) else None

    def add(self, made: Made) -> None:
        """A new run."""
        self.all.append(made)

    def look(self) -> None:
        """Take up what a script made, or an earlier session; let go of what was deleted."""
        self.all = [made for made in self.all if made.alive(self._scene)]
        known = [made.record for made in self.all]
        self.all += [made for made in runs_in(self._scene) if made.tool_id in self._ids and made.record not in known]
        if self.shown not in self.all:
            self.shown = None

    def drop(self) -> None:
        """Take the shown run out of the scene."""
        made, self.shown = self.shown, None
        if made is not None:
            remove(self._scene, made)
        self.all = [m for m in self.all if m is not made and m.alive(self._scene)]

    def forget(self) -> None:
        """The scene is closed."""
        self.all, self.shown = [], None


def _subject(made: Made) -> str:
    """The name of what was made, or else what made it."""
    return str(made.volume.GetName()) if made.volume is not None else made.title

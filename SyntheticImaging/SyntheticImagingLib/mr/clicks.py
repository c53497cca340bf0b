"""Lesions counted by clicks: the reader's marks in the views, and the engine's file behind them."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from SyntheticImagingLib.show.place_mode import PlaceMode, placed_points

_MODULE = "synthetic_imaging.sequences.counting"
_LONGEST_CODE = 40


class Click(Protocol):
    """A mark as the file keeps it."""

    number: int
    region: str
    ras_mm: tuple[float, float, float] | None


class Count(Protocol):
    """One reader at work on one file, as the engine keeps it."""

    path: Path

    def open(self, case: str, sequence: str) -> tuple[Click, ...]: ...  # noqa: D102
    def add(self, ras_mm: Sequence[float], region: str) -> Click: ...  # noqa: D102
    def undo(self) -> Click | None: ...  # noqa: D102
    def finish(self) -> None: ...  # noqa: D102
    def clicks(self) -> tuple[Click, ...]: ...  # noqa: D102


Begin = Callable[[Path, str], Count]


def engine_count() -> Begin | None:
    """What begins a count (file, reader); None where the engine cannot count."""
    if importlib.util.find_spec(_MODULE) is None:
        return None
    begin: Begin = importlib.import_module(_MODULE).Counting
    return begin


def as_code(name: str) -> str:
    """A name as the file takes it: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:_LONGEST_CODE].strip("-")


class ClickMarks:
    """Points in the views, one for each click of the open image; new ones are told as they come.

    Attributes:
        mode: the mouse mode.
        on_click: called with the place (RAS mm) of each new click; returns its number, or refuses it with an exception.
        on_refused: called with that exception; the point is taken away again.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._node: Any = None
        self._tag = 0
        self._busy = False
        self.mode = PlaceMode(scene)
        self.on_click: Callable[[tuple[float, float, float]], int] = lambda ras: 0
        self.on_refused: Callable[[Exception], None] = lambda error: None

    def open(self, clicks: Sequence[Click]) -> None:
        """Show these clicks, and take more."""
        self.close()
        node = self._scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Counted lesions")
        node.SetSaveWithScene(False)  # the reader's file holds them
        node.SetControlPointLabelFormat("%d")
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetGlyphScale(1.4)
        node.GetDisplayNode().SetTextScale(2.4)
        self._node = node
        self.show(clicks)
        self._tag = node.AddObserver(node.PointPositionDefinedEvent, self._placed)
        self.mode.start(node, lasting=True)

    def show(self, clicks: Sequence[Click]) -> None:
        """These clicks and no others."""
        if self._node is None:
            return
        self._busy = True
        try:
            self._node.RemoveAllControlPoints()
            for click in clicks:
                if click.ras_mm is not None:
                    index = self._node.AddControlPoint(*click.ras_mm)
                    self._node.SetNthControlPointLabel(index, str(click.number))
                    self._node.SetNthControlPointLocked(index, True)  # a count is not moved by accident
        finally:
            self._busy = False

    def resume(self) -> None:
        """Take clicks again, after the mouse was needed elsewhere."""
        if self._node is not None:
            self.mode.start(self._node, lasting=True)

    def close(self) -> None:
        """Take the points out of the scene, and end the mouse mode."""
        self.mode.stop()
        node, self._node = self._node, None
        if node is not None and self._scene.IsNodePresent(node):
            node.RemoveObserver(self._tag)
            self._scene.RemoveNode(node)

    def _placed(self, *_args: Any) -> None:
        if self._busy or self._node is None:
            return
        node = self._node
        defined = [n for n in range(node.GetNumberOfControlPoints())
                   if node.GetNthControlPointPositionStatus(n) == node.PositionDefined]
        # The others stay as they are: the views are in the midst of placing this one.
        try:
            number = self.on_click(placed_points(node)[-1])
        except Exception as error:  # an observer's exception would be lost
            self._busy = True
            node.RemoveNthControlPoint(defined[-1])
            self._busy = False
            self.on_refused(error)
            return
        node.SetNthControlPointLabel(defined[-1], str(number))
        node.SetNthControlPointLocked(defined[-1], True)

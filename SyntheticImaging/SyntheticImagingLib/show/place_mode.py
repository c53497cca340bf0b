"""The mouse mode for clicking places in the slice views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class PlaceMode:
    """The mouse mode in which a click in a view adds a point to a list; one click, then it ends by itself, or many.

    Attributes:
        on_change: called without arguments when the mode begins or ends, in whichever way.
    """

    def __init__(self, scene: Any, on_change: Callable[[], None] | None = None) -> None:
        self._scene = scene
        self.on_change = on_change
        self._markups: Any = None
        self._watched: Any = None
        self._tag = 0

    @property
    def active(self) -> bool:
        """Whether the next click in a view places a point of our list."""
        mouse, selection = self._mouse(), self._selection()
        return bool(
            self._markups is not None and mouse is not None and selection is not None
            and mouse.GetCurrentInteractionMode() == mouse.Place
            and selection.GetActivePlaceNodeID() == self._markups.GetID()
        )

    def start(self, markups: Any, lasting: bool = False) -> None:
        """Let the next click in a view add a point to ``markups``; with ``lasting`` every click until `stop`."""
        mouse, selection = self._mouse(), self._selection()
        if mouse is None or selection is None:
            return
        self._markups = markups
        self._watch(mouse)
        selection.SetReferenceActivePlaceNodeClassName(markups.GetClassName())
        selection.SetReferenceActivePlaceNodeID(markups.GetID())
        mouse.SetPlaceModePersistence(int(lasting))
        mouse.SetCurrentInteractionMode(mouse.Place)
        self._changed()

    def stop(self) -> None:
        """Back to looking, if our place mode is on."""
        mouse = self._mouse()
        if self.active and mouse is not None:
            mouse.SetCurrentInteractionMode(mouse.ViewTransform)
        self._changed()

    def close(self) -> None:
        """End the mode and watch nothing more."""
        self.on_change = None
        self.stop()
        if self._watched is not None:
            self._watched.RemoveObserver(self._tag)
            self._watched = None

    def _watch(self, mouse: Any) -> None:
        if self._watched is mouse:
            return
        if self._watched is not None:
            self._watched.RemoveObserver(self._tag)
        self._watched = mouse
        self._tag = mouse.AddObserver(mouse.InteractionModeChangedEvent, lambda *_: self._changed())

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    def _mouse(self) -> Any:
        return self._scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")

    def _selection(self) -> Any:
        return self._scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")


def placed_points(node: Any) -> list[tuple[float, float, float]]:
    """World positions (RAS mm) of the points that are placed; empty without a list."""
    points = []
    for index in range(node.GetNumberOfControlPoints() if node is not None else 0):
        if node.GetNthControlPointPositionStatus(index) == node.PositionDefined:
            position = [0.0, 0.0, 0.0]
            node.GetNthControlPointPositionWorld(index, position)
            points.append((position[0], position[1], position[2]))
    return points

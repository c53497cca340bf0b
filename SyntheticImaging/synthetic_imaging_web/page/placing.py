"""Points clicked in slice views, by Slicer's own markups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synthetic_imaging_web.page.session import Session
from SyntheticImagingLib.headless import import_slicer


class Placing:
    """One list of points for each input that takes points.

    The state ``placing`` is the key of the input that waits for a click, or "".
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._nodes: dict[str, Any] = {}
        self.changed: list[Any] = []
        self._diameter_mm: float | None = None
        session.state.placing = ""
        self.wanted: Callable[[str], bool] = lambda key: True
        session.state.change("tab", "tool")(lambda tab, **_: self.show(tab == "make"))

    def node(self, key: str) -> Any | None:
        """The markups node of an input, if a point was ever asked for."""
        node = self._nodes.get(key)
        return node if node is not None and node.GetScene() is not None else None

    def toggle(self, key: str) -> None:
        """Wait for a click in a slice view; or stop waiting."""
        if self._session.state.placing == key:
            self.stop()
            return
        self.stop()
        self._session.scene.app.markups_logic.place_node(self._made(key), persistent=False)
        self._session.push(placing=key)

    def stop(self) -> None:
        """Wait no longer; points that are there stay."""
        if self._session.state.placing:
            node = self.node(self._session.state.placing)
            if node is not None:
                node.UnsetAllControlPoints() if not node.GetNumberOfDefinedControlPoints() else None
            self._session.views.drag_changes_window()
            self._session.push(placing="")

    def show(self, shown: bool) -> None:
        """Show the points of the tool while something is being made; in a result they would hide the lesion."""
        for key in self._nodes:
            node = self.node(key)
            if node is not None:
                node.GetDisplayNode().SetVisibility(shown and self.wanted(key))

    def draw_size(self, diameter_mm: float | None) -> None:
        """Draw the points as circles of a lesion's size; small where the size is not known."""
        self._diameter_mm = diameter_mm
        for key in self._nodes:
            node = self.node(key)
            if node is not None:
                self._size(node.GetDisplayNode())

    def clear(self, key: str) -> None:
        """Forget the points of an input."""
        node = self.node(key)
        if node is not None:
            node.RemoveAllControlPoints()
        self._told(key)

    def _made(self, key: str) -> Any:
        node = self.node(key)
        if node is None:
            slicer = import_slicer()
            scene = self._session.scene.scene
            node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", scene.GenerateUniqueName("Where"))
            node.CreateDefaultDisplayNodes()
            display = node.GetDisplayNode()
            display.SetTextScale(0.0)
            # A point that follows the mouse would have the 3-D view drawn at every move: far slower than the slices.
            display.SetVisibility3D(False)
            self._size(display)
            display.SetSelectedColor(1.0, 0.85, 0.2)
            display.SetColor(1.0, 0.85, 0.2)
            display.SetActiveColor(1.0, 0.95, 0.5)
            node.AddObserver(slicer.vtkMRMLMarkupsNode.PointPositionDefinedEvent, lambda *_: self._placed(key))
            node.AddObserver(slicer.vtkMRMLMarkupsNode.PointPositionUndefinedEvent, lambda *_: self._told(key))
            node.AddObserver(slicer.vtkMRMLMarkupsNode.PointRemovedEvent, lambda *_: self._told(key))
            node.AddObserver(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent, lambda *_: self._told(key))
            self._nodes[key] = node
        return node

    def _size(self, display: Any) -> None:
        known = self._diameter_mm is not None
        display.SetUseGlyphScale(not known)
        display.SetGlyphType(display.Circle2D if known else display.Sphere3D)
        display.SetOpacity(0.55 if known else 1.0)
        if known:
            display.SetGlyphSize(self._diameter_mm)
        else:
            display.SetGlyphScale(2.2)

    def _placed(self, key: str) -> None:
        self._session.views.drag_changes_window()
        self._session.push(placing="")
        self._told(key)

    def _told(self, key: str) -> None:
        node = self.node(key)
        self._session.push(**{f"points_{key}": node.GetNumberOfDefinedControlPoints() if node is not None else 0})
        for listener in self.changed:
            listener()

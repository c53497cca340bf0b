"""The row "Where": clicked places or anywhere, the circle to scale, and whether a place lies in the organ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from SyntheticImagingLib.lesion_panel.placing import new_places
from SyntheticImagingLib.lesion_panel.segment_facts import holds, segment_name
from SyntheticImagingLib.lesion_panel.size_outline import SizeOutline
from SyntheticImagingLib.show.place_mode import PlaceMode, placed_points
from SyntheticImagingLib.task import SegmentChoice


class PlacePart:
    """Places of lesions, by click.

    Attributes:
        on_change: called without arguments when places or the mouse mode have changed.
        on_anywhere: called with true for "anywhere", false for "where I click", when the user chooses.
        mode: the mouse mode.
        outline: the circle to scale.
    """

    def __init__(
        self, ui: Any, scene: Any, keep: Callable[[Any], None], on_change: Callable[[], None],
        on_anywhere: Callable[[bool], None],
    ) -> None:
        """Connect the row; ``keep`` is given a new point list to keep in the parameter node."""
        self._ui, self._scene, self._keep = ui, scene, keep
        self.on_change, self.on_anywhere = on_change, on_anywhere
        self.mode = PlaceMode(scene, self._mode_changed)
        self.outline = SizeOutline(scene)
        self._node: Any = None
        self._tags: list[int] = []
        self._known: list[tuple[float, float, float]] = []
        self._showing = False
        self._rested: Any = None
        ui.placeButton.connect("toggled(bool)", self._place)
        ui.clearPlacesButton.connect("clicked(bool)", self._clear)
        ui.clickRadio.connect("toggled(bool)", self._choose)

    @property
    def points(self) -> list[tuple[float, float, float]]:
        """The places (RAS mm)."""
        return placed_points(self._node)

    def watch(self, node: Any) -> None:
        """Follow a point list; None for none."""
        if node is self._node:
            return
        self._unwatch()
        self._node = node
        self._known = self.points
        if node is not None:
            for event in (node.PointPositionDefinedEvent, node.PointModifiedEvent, node.PointRemovedEvent):
                self._tags.append(node.AddObserver(event, self._moved))

    def show(self, anywhere: bool, wanted: bool, diameter_mm: float | None, trouble: str) -> None:
        """Show what holds now.

        Args:
            anywhere: whether the tool chooses the place.
            wanted: whether a place is needed at all.
            diameter_mm: of the circle drawn to scale.
            trouble: what is wrong with the places, or "".
        """
        ui, points = self._ui, self.points
        self._showing = True
        try:
            ui.whereLabel.visible = ui.whereFrame.visible = wanted
            ui.clickRadio.checked, ui.anywhereRadio.checked = not anywhere, anywhere
            clicking = wanted and not anywhere
            ui.placeButton.enabled = clicking
            ui.placeButton.checked = self.mode.active
            ui.placeButton.text = _("Click in a slice…") if self.mode.active else _("Place")
            ui.clearPlacesButton.enabled = clicking and bool(points)
            ui.placesLabel.visible = clicking
            ui.placesLabel.text = trouble or self._words(len(points), diameter_mm)
            ui.placesLabel.styleSheet = "color: #c0392b" if trouble else ""
        finally:
            self._showing = False
        if self._rested is not None and self._rested != self._state(diameter_mm):
            self._rested = None
        seen = clicking and self._rested is None
        self._show_points(seen)
        self.outline.show(points if seen else [], diameter_mm)

    def rest(self, diameter_mm: float | None) -> None:
        """Hide places and circle until one of them changes: nothing is to lie over a lesion that was just made."""
        self._rested = self._state(diameter_mm)

    def wake(self) -> None:
        """Show places and circle again."""
        self._rested = None

    def _state(self, diameter_mm: float | None) -> Any:
        return self.points, diameter_mm, self.mode.active

    def _show_points(self, shown: bool) -> None:
        if self._node is not None and self._node.GetDisplayNode() is not None:
            self._node.GetDisplayNode().SetVisibility(shown)

    def trouble(self, organ: SegmentChoice | None) -> str:
        """A sentence if a place lies outside the organ; "" if not, or if that cannot be said."""
        if organ is None or not organ.ids:
            return ""
        for number, place in enumerate(self.points, start=1):
            if holds(organ.node, organ.ids[0], place) is False:
                return _("Place {number} lies outside the organ ({organ}). Drag it inside, or press Clear.").format(
                    number=number, organ=segment_name(organ.node, organ.ids[0])
                )
        return ""

    def leave(self) -> None:
        """The panel is left: no mouse mode, no circle in the views; the places stay in the scene."""
        self.mode.stop()
        self.outline.hide()
        self._show_points(False)

    def close(self) -> None:
        """The panel is not used any more."""
        self._unwatch()
        self.mode.close()
        self.outline.close()

    def _words(self, number: int, diameter_mm: float | None) -> str:
        if self.mode.active:
            return _("Click once in a slice view, inside the organ.")
        if number == 0:
            return _("Press Place, then click in a slice view.")
        size = _(" (circle: about {diameter} mm)").format(diameter=f"{diameter_mm:.0f}") if diameter_mm else ""
        if number == 1:
            return _("1 place{size}. Press Place for one more.").format(size=size)
        return _("{number} places{size}: one lesion each.").format(number=number, size=size)

    def _place(self, wanted: bool) -> None:
        if self._showing:
            return
        if not wanted:
            self.mode.stop()
            return
        if self._node is None or not self._scene.IsNodePresent(self._node):
            self._keep(new_places(self._scene))
        self.mode.start(self._node)

    def _clear(self, *_args: Any) -> None:
        if self._node is not None:
            self._node.RemoveAllControlPoints()
        self.on_change()

    def _choose(self, click: bool) -> None:
        if not self._showing:
            if not click:
                self.mode.stop()
            self.on_anywhere(not click)

    def _moved(self, *_args: Any) -> None:
        # In place mode Slicer has a preview of the next point follow the mouse, and tells of each move.
        points = self.points
        if points != self._known:
            self._known = points
            self.on_change()

    def _mode_changed(self) -> None:
        self.on_change()

    def _unwatch(self) -> None:
        for tag in self._tags:
            self._node.RemoveObserver(tag)
        self._tags = []
        self._node = None

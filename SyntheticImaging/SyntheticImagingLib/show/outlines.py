"""Showing a segmentation's outlines in some slice views, and as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class Outlines:
    """Turns outlines of one segmentation on and off without touching how they look.

    Args:
        segmentation_node: ``vtkMRMLSegmentationNode``, or None: then nothing happens.
    """

    def __init__(self, segmentation_node: Any) -> None:
        self.node = segmentation_node
        self._kept: tuple[bool, bool, tuple[str, ...]] | None = None

    def show(self, shown: bool, view_ids: Iterable[str] = ()) -> None:
        """Show or hide them in slices; only in some views where ``view_ids`` names their slice nodes."""
        display = self._display()
        if display is None:
            return
        if self._kept is None:
            self._kept = (bool(display.GetVisibility()), bool(display.GetVisibility2D()), _views(display))
        was = display.StartModify()
        _set_views(display, tuple(view_ids) if shown else self._kept[2])
        display.SetVisibility2D(shown)
        if shown:
            display.SetVisibility(True)
        display.EndModify(was)

    def give_back(self) -> None:
        """As before the first `show`."""
        display = self._display()
        if display is not None and self._kept is not None:
            was = display.StartModify()
            visible, in_slices, views = self._kept
            _set_views(display, views)
            display.SetVisibility2D(in_slices)
            display.SetVisibility(visible)
            display.EndModify(was)
        self._kept = None

    def _display(self) -> Any:
        there = self.node is not None and self.node.GetScene() is not None
        return self.node.GetDisplayNode() if there else None


def _views(display: Any) -> tuple[str, ...]:
    return tuple(display.GetNthViewNodeID(n) for n in range(display.GetNumberOfViewNodeIDs()))


def _set_views(display: Any, view_ids: tuple[str, ...]) -> None:
    if _views(display) != view_ids:
        display.RemoveAllViewNodeIDs()
        for identifier in view_ids:
            display.AddViewNodeID(identifier)

"""One window and level for images that are compared, each with a display node of its own."""

from __future__ import annotations

from typing import Any

from SyntheticImagingLib import attributes
from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.mrml import show_with_window
from SyntheticImagingLib.show.observing import Watch


def own_display(node: Any) -> Any:
    """The volume's own display node, made where it has none; with the window it was made for, if it knows it."""
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
        kept = attributes.read_meaning(node).get("window")
        show_with_window(node, (kept[0], kept[1]) if kept else None)
    return node.GetDisplayNode()


def unshare_display(node: Any, other: Any) -> Any:
    """A display node of its own for ``node`` where it shares that of ``other``: changing one must not change both."""
    display = own_display(node)
    if display is not own_display(other):
        return display
    copy = import_slicer().vtkMRMLScalarVolumeDisplayNode()
    copy.CopyContent(display)
    node.GetScene().AddNode(copy)
    node.SetAndObserveDisplayNodeID(copy.GetID())
    return copy


def copy_window(source: Any, target: Any) -> None:
    """Window and level of one display node to another; the target no longer chooses its own."""
    target.AutoWindowLevelOff()
    target.SetWindowLevel(source.GetWindow(), source.GetLevel())


class WindowLink:
    """Keeps window and level of several volumes the same: when the user changes one, the others follow."""

    def __init__(self) -> None:
        self._displays: list[Any] = []
        self._watch = Watch()
        self._busy = False

    def add(self, display: Any) -> None:
        """A further display node; it takes over the window of the first."""
        if any(display is known for known in self._displays):
            return
        if self._displays:
            copy_window(self._displays[0], display)
        self._displays.append(display)
        self._watch.on(display, "ModifiedEvent", self._changed)

    def close(self) -> None:
        """Stop following."""
        self._watch.close()
        self._displays.clear()

    def _changed(self, display: Any, _event: str) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            for other in self._displays:
                same = other.GetWindow() == display.GetWindow() and other.GetLevel() == display.GetLevel()
                if other is not display and not same:
                    copy_window(display, other)
        finally:
            self._busy = False

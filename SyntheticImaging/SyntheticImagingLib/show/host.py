"""The views of the program we run in, as far as showing results needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from SyntheticImagingLib.headless import import_slicer


@dataclass(frozen=True)
class SliceView:
    """One slice view.

    Attributes:
        name: layout name ("Red", "before").
        orientation: "Axial", "Coronal", "Sagittal", or "Reformat" for any other plane.
        slice_node: ``vtkMRMLSliceNode``: where the slice lies.
        composite_node: ``vtkMRMLSliceCompositeNode``: which volumes it shows.
        renderer: ``vtkRenderer`` that the image is drawn in.
        render: draws the view again, now or soon.
    """

    name: str
    orientation: str
    slice_node: Any
    composite_node: Any
    renderer: Any
    render: Callable[[], None]


class ViewHost(Protocol):
    """What 3D Slicer, a browser session and a program without a screen all offer."""

    scene: Any

    def slice_views(self) -> list[SliceView]:
        """All slice views there are, shown or hidden; empty without a window."""

    def renderers_3d(self) -> list[tuple[Any, Callable[[], None]]]:
        """Renderer and redraw function of each 3-D view."""

    def layout(self) -> int:
        """Number of the layout that is shown."""

    def set_layout(self, layout: int) -> None:
        """Show a layout; its views exist when this returns."""

    def add_layout(self, layout: int, xml: str) -> None:
        """Make a layout known, or replace its description."""


class SlicerViewHost:
    """The views of a running 3D Slicer."""

    def __init__(self) -> None:
        self.slicer = import_slicer()

    @property
    def scene(self) -> Any:
        """The scene of the program."""
        return self.slicer.mrmlScene

    def slice_views(self) -> list[SliceView]:
        """All slice views, also those of layouts that are not shown now."""
        manager = self._manager()
        views = []
        for name in manager.sliceViewNames() if manager is not None else ():
            widget = manager.sliceWidget(name)
            node: Any = widget.mrmlSliceNode() if widget is not None else None
            composite = widget.sliceLogic().GetSliceCompositeNode() if node is not None else None
            view = widget.sliceView() if composite is not None else None
            renderer = _first_renderer(view)
            if view is not None and renderer is not None:
                orientation = str(node.GetOrientation())
                views.append(SliceView(str(name), orientation, node, composite, renderer, view.scheduleRender))
        return views

    def renderers_3d(self) -> list[tuple[Any, Callable[[], None]]]:
        """First renderer of each 3-D view."""
        manager = self._manager()
        found: list[tuple[Any, Callable[[], None]]] = []
        for index in range(int(manager.threeDViewCount) if manager is not None else 0):
            widget = manager.threeDWidget(index)
            view = widget.threeDView() if widget is not None else None
            renderer = _first_renderer(view)
            if view is not None and renderer is not None:
                found.append((renderer, view.scheduleRender))
        return found

    def layout(self) -> int:
        """The layout that is shown; 0 without a window."""
        node = self._layout_node()
        return int(node.GetViewArrangement()) if node is not None else 0

    def set_layout(self, layout: int) -> None:
        """Show a layout."""
        node = self._layout_node()
        if node is not None:
            node.SetViewArrangement(layout)

    def add_layout(self, layout: int, xml: str) -> None:
        """Make a layout known."""
        node = self._layout_node()
        if node is None:
            return
        if node.IsLayoutDescription(layout):
            node.SetLayoutDescription(layout, xml)
        else:
            node.AddLayoutDescription(layout, xml)

    def on_views_changed(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when the layout has changed; returns a function that ends it."""
        manager = self._manager()
        if manager is None:
            return lambda: None

        def changed(_layout: int = 0) -> None:
            listener()

        manager.connect("layoutChanged(int)", changed)
        return lambda: manager.disconnect("layoutChanged(int)", changed)

    def _manager(self) -> Any:
        application = getattr(self.slicer, "app", None)
        return application.layoutManager() if application is not None else None

    def _layout_node(self) -> Any:
        return self.scene.GetFirstNodeByClass("vtkMRMLLayoutNode")


def _first_renderer(view: Any) -> Any:
    window = view.renderWindow() if view is not None else None
    return window.GetRenderers().GetFirstRenderer() if window is not None else None

"""The page's views as SyntheticImagingLib.show asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from synthetic_imaging_web.page.layouts import layout_from_xml
from synthetic_imaging_web.page.views import Views
from SyntheticImagingLib.show import SliceView


class PageViewHost:
    """A ``ViewHost`` over trame-slicer's views."""

    def __init__(self, scene: Any, views: Views) -> None:
        self.scene = scene
        self._views = views

    def slice_views(self) -> list[SliceView]:
        """All slice views made so far, shown or hidden."""
        return [
            SliceView(
                view.name, view.get_orientation(), view.get_view_node(), view._logic.GetSliceCompositeNode(),
                view.first_renderer(), view.schedule_render,
            )
            for view in self._views.all_slices()
        ]

    def renderers_3d(self) -> list[tuple[Any, Callable[[], None]]]:
        """Renderer and redraw function of each 3-D view."""
        return [(view.first_renderer(), view.schedule_render) for view in self._views.all_spaces()]

    def layout(self) -> int:
        """Number of the layout that is shown."""
        return self._views.layout

    def set_layout(self, layout: int) -> None:
        """Show a layout; its views exist when this returns."""
        self._views.show_layout(layout)

    def add_layout(self, layout: int, xml: str) -> None:
        """Make a layout known, or replace its description."""
        if not self._views.knows_layout(layout):
            self._views.add_layout(layout, layout_from_xml(xml))

    def on_views_changed(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` when the layout has changed; returns a function that ends it."""
        return self._views.on_changed(listener)

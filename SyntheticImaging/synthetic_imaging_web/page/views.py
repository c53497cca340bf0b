"""The views of a session: axial, coronal, sagittal and 3-D, drawn here and streamed to the browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from synthetic_imaging_web.page import layouts
from synthetic_imaging_web.page.scene import SessionScene
from SyntheticImagingLib.mr.linked_row import ROW_VIEWS

_LETTERS = {"Axial": ("A", "P", "R", "L"), "Coronal": ("S", "I", "R", "L"), "Sagittal": ("S", "I", "A", "P")}
# Views that are named for what they show, in the picture itself.
_CAPTIONED = ("before", "after", *ROW_VIEWS)
# Width and level in HU.
PRESETS = {
    "Soft tissue": (400.0, 40.0), "Liver": (180.0, 100.0), "Lung": (1500.0, -600.0), "Bone": (1800.0, 400.0),
}


class Views:
    """Views, layouts, window presets.

    Attributes:
        layout: Slicer's number of the layout shown.
        manager: trame-slicer's layout manager.
    """

    def __init__(self, server: Any, scene: SessionScene) -> None:
        from trame_slicer.core import LayoutManager
        from trame_slicer.rca_view import register_rca_factories

        self._scene, self._server = scene, server
        self._listeners: list[Callable[[], None]] = []
        register_rca_factories(
            scene.app.view_manager, server, slice_view_ui_f=_slice_view_ui, three_d_view_ui_f=_space_view_ui,
            # The quality of a still picture at once: a second drawing for it would cost as much again.
            target_fps=30.0, blur_fps=20.0, interactive_quality=90,
        )
        self.manager = LayoutManager(scene.scene, scene.app.view_manager, server)
        self._layouts: dict[int, Any] = {}
        for number, layout in layouts.own_layouts().items():
            self.add_layout(number, layout)
        # Made now: made while the window is being declared, they would become a part of it.
        self.manager.create_layout_views_if_needed(str(layouts.FOUR_UP))
        self._prepare()
        self.layout = layouts.FOUR_UP
        self.manager.set_layout(str(self.layout))
        self._interaction = scene.scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        if self._interaction is not None:
            # Slicer goes back to moving the view once a point is placed.
            self._interaction.AddObserver(self._interaction.InteractionModeChangedEvent, self._mode_changed)
        self.drag_changes_window()
        server.state.layout = self.layout

    def add_layout(self, number: int, layout: Any) -> None:
        """Offer a layout under a number; its views are made when it is first shown."""
        self._layouts[number] = layout
        self.manager.register_layout(str(number), layout, lazy_initialization=True)

    def knows_layout(self, number: int) -> bool:
        """Whether there is a layout of that number."""
        return number in self._layouts

    def make_ready(self, number: int) -> None:
        """Make the views of a layout before it is shown: windows take a while."""
        if number in self._layouts:
            self.manager.create_layout_views_if_needed(str(number))
            self._prepare()
            shown = self._scene.app.view_manager.get_current_view_ids()
            for view in self.everything():
                view.set_render_blocked(view.get_singleton_tag() not in shown)

    def show_layout(self, number: int) -> None:
        """Change the arrangement of views."""
        if number not in self._layouts or number == self.layout:
            return
        before = len(self.everything())
        self.layout = number
        self.manager.set_layout(str(number))
        if len(self.everything()) != before:
            self._prepare()
        self._server.state.layout = number
        for listener in list(self._listeners):
            listener()

    def on_changed(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each change of layout; returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def all_slices(self) -> list[Any]:
        """trame-slicer's slice views made so far, shown or hidden."""
        return list(self._scene.app.view_manager.get_slice_views())

    def all_spaces(self) -> list[Any]:
        """trame-slicer's 3-D views made so far, shown or hidden."""
        return list(self._scene.app.view_manager.get_threed_views())

    def everything(self) -> list[Any]:
        """All views made so far, shown or not."""
        return list(self._scene.app.view_manager.get_views())

    def show_volume(self, node: Any, fit: bool = True) -> None:
        """Show one volume in all slice views."""
        for view in self.all_slices():
            view.set_background_volume_id(node.GetID() if node is not None else None)
            view.set_foreground_volume_id(None)
        if fit:
            self.fit()

    def fit(self) -> None:
        """Whole volume in every slice view, everything in 3-D."""
        for view in self.everything():
            view.reset_view()

    def show_window(self, preset: str) -> None:
        """Window and level of a preset, on every volume that a slice view shows."""
        width, level = PRESETS[preset]
        for view in self.all_slices():
            for identifier in (view.get_background_volume_id(), view.get_foreground_volume_id()):
                node = self._scene.node(identifier)
                display = node.GetDisplayNode() if node is not None else None
                # Only images: colours of a difference have a window of their own.
                if display is not None and _grey(display):
                    display.AutoWindowLevelOff()
                    display.SetWindowLevel(width, level)

    def jump_to(self, ras: tuple[float, float, float]) -> None:
        """Centre all slice views on a point; zoom stays."""
        for view in self.all_slices():
            view.get_view_node().JumpSliceByCentering(*ras)

    def show_slices_at(self, ras: tuple[float, float, float]) -> None:
        """The slices through a point; what lies where in the views stays."""
        for view in self.all_slices():
            view.get_view_node().JumpSliceByOffsetting(*ras)

    def drag_changes_window(self) -> None:
        """Dragging in a slice view changes window and level, as radiologists expect."""
        if self._interaction is not None:
            self._interaction.SetCurrentInteractionMode(self._interaction.AdjustWindowLevel)

    def _mode_changed(self, *_: Any) -> None:
        if self._interaction.GetCurrentInteractionMode() == self._interaction.ViewTransform:
            asyncio.get_event_loop().call_soon(self.drag_changes_window)

    def _prepare(self) -> None:
        for view in self.all_spaces():
            # With several samples a pixel, depth peeling draws nothing translucent in software rendering.
            view.render_window().SetMultiSamples(0)
            view.render_window().SetAlphaBitPlanes(1)
            view.renderer().SetUseFXAA(True)
            view.renderer().SetMaximumNumberOfPeels(4)
            view.renderer().SetOcclusionRatio(0.05)

    def render(self) -> None:
        """Draw all views again."""
        for view in self.everything():
            view.schedule_render()


def _grey(display: Any) -> bool:
    colours = display.GetColorNode()
    return colours is None or colours.GetID() == "vtkMRMLColorTableNodeGrey"


def _slice_view_ui(server: Any, view_id: str, view: Any) -> None:
    from trame.widgets import html
    from trame_slicer.app.logic.slice_view_logic import connect_slice_view_slider_to_state
    from trame_vuetify.widgets.vuetify3 import VSlider

    name = view.get_orientation()
    top, bottom, left, right = _LETTERS.get(name, ("", "", "", ""))
    if view.name not in _CAPTIONED:
        html.Div(name, classes="view-name", style=f"color: {layouts.COLOURS.get(name, '#d8dde3')}")
    # Narrow views have the words "Synthetic, research use" where the upper letter would be.
    above = () if view.name in ROW_VIEWS else (("top", top),)
    for place, letter in (*above, ("bottom", bottom), ("left", left), ("right", right)):
        beside_bar = (f"'view-letter view-letter-{place}' + (mode === 'difference' ? ' beside-bar' : '')",)
        html.Div(letter, classes=beside_bar)
    slider = connect_slice_view_slider_to_state(server, view)
    with html.Div(classes="view-slider"):
        VSlider(
            v_model=(slider.name.value,), min=(slider.name.min_value,), max=(slider.name.max_value,),
            step=(slider.name.step,), hide_details=True, density="compact", track_size=2, thumb_size=12,
            color="primary", aria_label=f"{name} slice position",
        )
        html.Span("{{ " + f"Number({slider.name.value}).toFixed(1)" + " }} mm", classes="view-offset")


def _space_view_ui(server: Any, view_id: str, view: Any) -> None:
    from trame.widgets import html

    html.Div("3-D", classes="view-name")

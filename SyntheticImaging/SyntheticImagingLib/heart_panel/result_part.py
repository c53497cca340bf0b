"""The box "Result": volumes, whether the image fits the model, where it was unsure; undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from SyntheticImagingLib.display import make_surfaces
from SyntheticImagingLib.form import readable_record
from SyntheticImagingLib.heart.segmenters import TOOL
from SyntheticImagingLib.heart.structure_volumes import by_structure
from SyntheticImagingLib.panel.log_box import FoldedText
from SyntheticImagingLib.panel.measure_table import MeasureTable
from SyntheticImagingLib.panel.shortcuts import Shortcuts
from SyntheticImagingLib.show import frame_3d
from SyntheticImagingLib.show.domain_words import outside_in_words
from SyntheticImagingLib.show.doubt_overlay import FIRST_LIMIT, DoubtOverlay
from SyntheticImagingLib.show.host import ViewHost
from SyntheticImagingLib.tables import table_from_node
from SyntheticImagingLib.task import Made, remove
from SyntheticImagingLib.task.remembering import runs_in

# Dark on light, whatever the look of the program: it must be read.
_WARNING = "background-color: #fbe3e1; color: #5f120d; padding: 4px"


class ResultPart:
    """Results, the newest first shown.

    Attributes:
        table: the volumes.
        overlay: uncertainty of the result that is shown, or None.
        record: how it came to be.
    """

    def __init__(self, ui: Any, scene: Any, views: ViewHost, on_change: Callable[[], None]) -> None:
        self._ui, self._scene, self._views, self._on_change = ui, scene, views, on_change
        self._kept: list[Made] = []
        self.made: Made | None = None
        self.overlay: DoubtOverlay | None = None
        self._listing = self._entered = False
        self.table = MeasureTable(_("Structure"))
        ui.tableFrame.layout().addWidget(self.table.widget)
        self.record = FoldedText(_("Provenance"), 200)
        ui.recordFrame.layout().addWidget(self.record.widget)
        slider = ui.doubtSlider
        slider.decimals = 2
        slider.maximum = 1.0
        slider.singleStep = 0.01
        slider.value = FIRST_LIMIT
        slider.connect("valueChanged(double)", self._limit_moved)
        ui.doubtCheckBox.connect("toggled(bool)", self._overlay_toggled)
        ui.resultSelector.connect("currentIndexChanged(int)", self._selected)
        ui.undoButton.connect("clicked(bool)", self.undo)
        ui.surfaceButton.connect("clicked(bool)", self._surfaces)
        self._shortcuts = Shortcuts(ui.resultButton, {"U": self._toggle_overlay})
        self._list()

    def add(self, made: Made) -> None:
        """Show what a run made, and where it is."""
        self._kept.append(made)
        self._show(made)
        self._centre(made)

    def undo(self, *_args: Any) -> None:
        """Take this result out of the scene; the one before is shown."""
        made = self.made
        if made is None:
            return
        self._hide()
        remove(self._scene, made)
        self._kept = [m for m in self._kept if m is not made and m.alive(self._scene)]
        if self._kept:
            self._show(self._kept[-1])
        self._list()
        self._on_change()

    def enter(self) -> None:
        """The panel is in front: take up what a script made, or an earlier session."""
        self._entered = True
        self._kept = [m for m in self._kept if m.alive(self._scene)]
        known = [m.record for m in self._kept]
        self._kept += [m for m in runs_in(self._scene) if m.tool_id == TOOL and m.record not in known]
        if self.made not in self._kept:
            self._hide()
            if self._kept:
                self._show(self._kept[-1])
        self._list()
        self._shortcuts.enable(self.overlay is not None)

    def leave(self) -> None:
        """The panel is left."""
        self._entered = False
        self._shortcuts.enable(False)

    def forget(self) -> None:
        """The scene is closed."""
        self.overlay = self.made = None
        self._kept = []
        self._list()

    def close(self) -> None:
        """The panel is not used any more: the views come back."""
        self._hide()
        self._shortcuts.close()

    def _show(self, made: Made) -> None:
        self._hide()
        self.made = made
        made.lesions.GetDisplayNode().SetVisibility(True)
        doubt = made.nodes.get("uncertainty")
        if doubt is not None and made.source is not None:
            self.overlay = DoubtOverlay(self._views, made.source, doubt, self._ui.doubtSlider.value)
            if self._ui.doubtCheckBox.checked:
                self.overlay.show()
        self.table.show(by_structure(table_from_node(made.nodes["volumes"])))
        self.record.set_text(readable_record(made.record.GetText() or "") if made.record is not None else "")
        outside = outside_in_words(table_from_node(made.nodes["domain"])) if "domain" in made.nodes else ""
        self._ui.domainLabel.text = _(
            "The model has not seen images like this one: {what}. Do not trust what it drew."
        ).format(what=outside)
        self._ui.domainLabel.styleSheet = _WARNING
        self._ui.domainLabel.visible = bool(outside)
        self._list()
        self._ui.resultButton.collapsed = False

    def _hide(self) -> None:
        if self.overlay is not None:
            self.overlay.hide()
            self.overlay = None
        if self.made is not None and self.made.alive(self._scene):
            self.made.lesions.GetDisplayNode().SetVisibility(False)
        self.made = None

    def _list(self) -> None:
        ui = self._ui
        self._listing = True
        try:
            ui.resultSelector.clear()
            for made in reversed(self._kept):
                source = made.source.GetName() if made.source is not None else ""
                ui.resultSelector.addItem(_("{image}: {title}").format(image=source, title=made.title))
            if self.made in self._kept:
                ui.resultSelector.currentIndex = len(self._kept) - 1 - self._kept.index(self.made)
        finally:
            self._listing = False
        ui.resultSelector.visible = len(self._kept) > 1
        ui.resultButton.visible = bool(self._kept)
        made_now = self.made
        ui.resultLabel.text = "" if made_now is None else _("Structures of '{image}', {seconds:.1f} s").format(
            image=made_now.source.GetName() if made_now.source is not None else "", seconds=made_now.seconds
        )
        ui.doubtFrame.visible = self.overlay is not None
        self._shortcuts.enable(self._entered and self.overlay is not None)

    def _selected(self, index: int) -> None:
        if not self._listing and 0 <= index < len(self._kept):
            made = self._kept[len(self._kept) - 1 - index]
            if made is not self.made:
                self._show(made)

    def _overlay_toggled(self, on: bool) -> None:
        if self.overlay is not None:
            if on:
                self.overlay.show()
            else:
                self.overlay.hide()

    def _toggle_overlay(self) -> None:
        self._ui.doubtCheckBox.checked = not self._ui.doubtCheckBox.checked

    def _limit_moved(self, limit: float) -> None:
        if self.overlay is not None:
            self.overlay.limit = float(limit)

    def _surfaces(self, *_args: Any) -> None:
        if self.made is None:
            return
        node = self.made.lesions
        make_surfaces(node)
        node.GetDisplayNode().SetVisibility3D(True)
        centre, size = _box(node)
        if size > 0:
            frame_3d(self._views, centre, 0.3 * size)

    def _centre(self, made: Made) -> None:
        """What was drawn is to be seen at once."""
        centre, size = _box(made.lesions)
        for view in self._views.slice_views():
            if made.source is not None and not self._ui.doubtCheckBox.checked:
                view.composite_node.SetBackgroundVolumeID(made.source.GetID())
            if size > 0:
                view.slice_node.JumpSliceByCentering(*centre)
            view.render()


def _box(segmentation: Any) -> tuple[list[float], float]:
    """Middle (RAS mm) of a segmentation and the diagonal of the box around it (mm; 0 if nothing is in it)."""
    bounds = [0.0] * 6
    segmentation.GetRASBounds(bounds)
    sides = np.array([bounds[2 * axis + 1] - bounds[2 * axis] for axis in range(3)])
    centre = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
    return centre, float(np.linalg.norm(sides)) if np.all(sides > 0) else 0.0

"""What a run made: lesions to walk through, before and after, growth, and what to do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from synthetic_imaging.errors import SyntheticImagingError
from SyntheticImagingLib import show
from SyntheticImagingLib.form import readable_record
from SyntheticImagingLib.panel.growth_bar import GrowthBar
from SyntheticImagingLib.panel.lesion_table import LesionTable
from SyntheticImagingLib.panel.log_box import FoldedText
from SyntheticImagingLib.panel.measure_table import MeasureTable
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.panel.shortcuts import Shortcuts
from SyntheticImagingLib.panel.view_buttons import ViewButtons
from SyntheticImagingLib.show import Comparison, Mode
from SyntheticImagingLib.show.layouts import leave_side_by_side
from SyntheticImagingLib.tables import table_from_node


class ResultBox:
    """Shows one result at a time; hidden until there is one.

    Attributes:
        widget: to be put into a layout.
        made: the result that is shown (``task.Made``), or None.
        comparison: how before and after are shown, or None where nothing was changed.
        messages: sentences about what could not be shown.
        on_another, on_undo, on_export, on_measure: called when the button is pressed; a button without one is hidden.
        on_provenance: called instead of opening the text in the box.
    """

    def __init__(self, view_host: Any, *, start_mode: Mode | None = Mode.AFTER) -> None:
        """Build the box.

        Args:
            view_host: the views (``show.ViewHost``).
            start_mode: how a new result is shown at first; None leaves the views alone.
        """
        self.host = view_host
        self.start_mode = start_mode
        self.made: Any = None
        self.comparison: Comparison | None = None
        self.on_another: Callable[[], None] | None = None
        self.on_undo: Callable[[], None] | None = None
        self.on_export: Callable[[], None] | None = None
        self.on_measure: Callable[[], None] | None = None
        self.on_provenance: Callable[[], None] | None = None
        self._build()
        self._shortcuts = Shortcuts(self.widget, {
            "X": self._flicker_key, "D": self._difference_key, "O": self._overlay_key,
        })
        self._entered = False
        self._growing = False

    def show(self, made: Any) -> None:
        """Show a result and bring it into the views; the comparison before it is ended."""
        self._end_comparison()
        self.made = made
        self.messages.clear()
        self.measurements.show(None)
        self.record.close()
        self.record.set_text(self._record_text())
        self.record.widget.visible = False
        self.title.text = _("{title} · seed {seed} · {seconds:.1f} s").format(
            title=made.title, seed=made.seed, seconds=made.seconds
        )
        self._compare()
        self._list_lesions()
        self._offer_growth()
        self._show_buttons()
        self.widget.visible = True
        self._shortcuts.enable(self._entered)

    def show_measurements(self, table_node: Any) -> None:
        """Show the table of the measuring tool; None hides it."""
        self.measurements.show(None if table_node is None else table_from_node(table_node))

    def clear(self) -> None:
        """Nothing to show (any more): the user's own views come back."""
        self._end_comparison()
        self.made = None
        self.lesions.show(())
        self.growth.show(None)
        self.measurements.show(None)
        self.record.set_text("")
        self.messages.clear()
        self._shortcuts.enable(False)
        self.widget.visible = False

    def enter(self) -> None:
        """The panel is in front: its keys work."""
        self._entered = True
        if self.comparison is None or self.comparison.mode is None:
            leave_side_by_side(self.host)
        self._shortcuts.enable(self.made is not None)

    def exit(self) -> None:
        """The panel is left: its keys are free for others, nothing plays."""
        self._entered = False
        self._shortcuts.enable(False)
        self.growth.stop()

    def close(self) -> None:
        """Give the views back and let go of everything; the box is not used any more."""
        self.on_another = self.on_undo = self.on_export = self.on_measure = self.on_provenance = None
        self.clear()
        self._shortcuts.close()

    def set_mode(self, mode: Mode) -> None:
        """Show before and after in another way; what cannot be shown is said."""
        self._try(lambda comparison: setattr(comparison, "mode", mode))

    # Parts

    def _build(self) -> None:
        self.widget: Any = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self.title: Any = qt.QLabel()
        self.title.wordWrap = True
        self.messages = MessageBar()
        self.lesions = LesionTable()
        self.lesions.on_choose = self._jump
        self.views = ViewButtons()
        self.views.on_mode = self.set_mode
        self.views.on_opacity = self._set_opacity
        self.growth = GrowthBar()
        self.growth.on_use = self._show_growth
        self.measurements = MeasureTable()
        self.record = FoldedText(_("Provenance"), height=200)
        self.buttons: dict[str, Any] = {}
        grid = qt.QGridLayout()
        grid.setSpacing(4)
        wanted = (
            ("another", _("Another like this"), _("The same settings with a new seed; this result stays")),
            ("undo", _("Undo"), _("Takes this result out of the scene")),
            ("surface", _("Show in 3-D"), _("Surfaces of the lesions and the organ in the 3-D view")),
            ("measure", _("Measure"), _("Volume, diameters and contrast of each lesion")),
            ("export", _("Export DICOM…"), _("Writes the image and its segmentation as DICOM files")),
            ("provenance", _("Provenance"), _("How this result came to be, as text to copy")),
        )
        for position, (name, words, tip) in enumerate(wanted):
            button = qt.QPushButton(words)
            button.toolTip = tip
            button.connect("clicked(bool)", self._slot_of(name))
            grid.addWidget(button, position // 2, position % 2)
            self.buttons[name] = button
        for item in (self.title, self.lesions.widget, self.views.widget, self.growth.widget):
            layout.addWidget(item)
        layout.addLayout(grid)
        for item in (self.messages.widget, self.measurements.widget, self.record.widget):
            layout.addWidget(item)
        self._layouts = (layout, grid)
        self.widget.visible = False

    def _slot_of(self, name: str) -> Callable[..., None]:
        def pressed(*_args: Any) -> None:
            if self.made is None:
                return
            lost = self._lost(name)
            if lost:
                self.messages.error(_("'{name}' is no longer in the scene.").format(name=lost))
            elif name == "surface":
                self._show_in_3d()
            elif name == "provenance" and self.on_provenance is None:
                self._open_record()
            else:
                told = getattr(self, f"on_{name}")
                if told is not None:
                    self._guarded(told)

        return pressed

    def _lost(self, action: str) -> str:
        """Name of a node that a button needs and the user has deleted; "" if there is none."""
        volume, lesions = self.made.volume, self.made.lesions
        needed = {"export": (volume,), "measure": (volume, lesions), "surface": (lesions,)}.get(action, ())
        gone = [node for node in needed if node is not None and not self.host.scene.IsNodePresent(node)]
        return str(gone[0].GetName()) if gone else ""

    def _show_buttons(self) -> None:
        for name in ("another", "undo", "export", "measure"):
            self.buttons[name].visible = getattr(self, f"on_{name}") is not None
        self.buttons["surface"].visible = self.made.lesions is not None
        self.buttons["export"].enabled = self.made.volume is not None
        self.buttons["measure"].enabled = self.made.lesions is not None and self.made.volume is not None

    # What is shown

    def _compare(self) -> None:
        made = self.made
        before, after = made.source, made.volume
        can = before is not None and after is not None and before is not after
        self.views.widget.visible = can
        if not can:
            return
        try:
            self.comparison = Comparison(self.host, before, after, made.lesions)
            for mode in Mode:
                self.views.allow(mode, self.comparison.why_not(mode))
            if self.start_mode is not None:
                self.comparison.mode = self.start_mode
        except SyntheticImagingError as error:
            self.messages.error(error)
        self.views.widget.visible = self.comparison is not None
        self._show_mode()

    def _list_lesions(self) -> None:
        rows = show.lesion_rows(self.made) if self.made.lesions is not None else []
        self.lesions.widget.visible = bool(rows)
        self.lesions.show(rows)

    def _offer_growth(self) -> None:
        browser = self.made.browser
        self.growth.show(show.GrowthPlay(self.host.scene, browser) if browser is not None else None)

    def _show_growth(self) -> None:
        if self._growing:
            return
        self._growing = True

        def act() -> None:
            if self.comparison is not None:
                self.comparison.mode = Mode.BEFORE  # leaves the views side by side, and keeps the place
            self.growth.play.show(self.host, self.made.source, [self.made.lesions])

        self._guarded(act)
        self._show_mode()

    def _hide_growth(self) -> None:
        if self._growing:
            self._growing = False
            self.growth.stop()
            self.growth.play.hide()

    def _end_comparison(self) -> None:
        self._growing = False
        self.growth.show(None)
        if self.comparison is not None:
            self.comparison.close()
            self.comparison = None

    def _show_mode(self) -> None:
        if self.comparison is not None:
            self.views.show(None if self._growing else self.comparison.mode, self.comparison.opacity)

    def _set_opacity(self, opacity: float) -> None:
        self._try(lambda comparison: setattr(comparison, "opacity", opacity))

    def _jump(self, row: Any) -> None:
        if self.comparison is not None:
            self.comparison.jump_to(row.centre_ras)
        else:
            for view in self.host.slice_views():
                view.slice_node.JumpSliceByCentering(*(float(x) for x in row.centre_ras))
                view.render()

    def _flicker_key(self) -> None:
        self._try(lambda comparison: comparison.flicker())

    def _difference_key(self) -> None:
        self._try(lambda comparison: comparison.toggle(Mode.DIFFERENCE))

    def _overlay_key(self) -> None:
        self._try(lambda comparison: comparison.toggle(Mode.OVERLAY))

    def _try(self, change: Callable[[Comparison], Any]) -> None:
        if self.comparison is not None:
            comparison = self.comparison
            self._hide_growth()
            self._guarded(lambda: change(comparison))
            self._show_mode()

    def _guarded(self, act: Callable[[], Any]) -> None:
        self.messages.clear()
        try:
            act()
        except Exception as error:  # a slot that raises leaves the user without a word
            self.messages.error(error)

    def _show_in_3d(self) -> None:
        def act() -> None:
            rows = self.lesions.rows
            if show.make_lesion_surfaces(self.made.lesions) and rows:
                row = self.lesions.chosen or max(rows, key=lambda row: row.diameter_mm)
                show.frame_3d(self.host, row.centre_ras, row.diameter_mm)

        self._guarded(act)

    def _record_text(self) -> str:
        record = getattr(self.made, "record", None)
        return readable_record(record.GetText() or "") if record is not None else ""

    def _open_record(self) -> None:
        opened = not self.record.widget.visible
        self.record.widget.visible = opened and bool(self.record.text)
        if opened:
            self.record.open()

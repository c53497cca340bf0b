"""The contact sheet in the panel: pages of small pictures, one case chosen, kept or rejected by button or key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from synthetic_imaging.errors import SyntheticImagingError
from SyntheticImagingLib.cohort.review import PER_PAGE, Review
from SyntheticImagingLib.cohort.tiles import PIXELS, PLANE_NAMES, Tiles, write_png
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.panel.shortcuts import Shortcuts

_COLUMNS = 3


class SheetPart:
    """Shows the cases of one folder.

    Attributes:
        review: what is shown, or None.
        messages: sentences about what could not be read or written.
        buttons: one for each place on a page.
        on_choose: called without arguments when another case is chosen.
        on_decide: called without arguments after a case was kept or rejected.
        on_busy: called without arguments when pictures begin to be made: then `tick` is to be called.
    """

    def __init__(self, ui: Any, scratch: Callable[[], Path]) -> None:
        """Fill the box.

        Args:
            ui: the widgets by name.
            scratch: gives a folder for pictures, when one is needed.
        """
        self._ui, self._scratch = ui, scratch
        self.review: Review | None = None
        self.on_choose: Callable[[], None] | None = None
        self.on_decide: Callable[[], None] | None = None
        self.on_busy: Callable[[], None] | None = None
        self._tiles = Tiles()
        self._entered = False
        self.messages = MessageBar()
        ui.sheetMessageFrame.layout().addWidget(self.messages.widget)
        self._grid: Any = qt.QGridLayout()
        self._grid.setSpacing(4)
        ui.tilesFrame.layout().addLayout(self._grid)
        self.buttons = [self._button(position) for position in range(PER_PAGE)]
        for words in (_("Axial"), _("Coronal"), _("Sagittal")):
            ui.planeSelector.addItem(words)
        ui.planeSelector.connect("currentIndexChanged(int)", self._redraw)
        for button, act in (
            (ui.caseBeforeButton, self._before), (ui.nextCaseButton, self._next), (ui.keepButton, self.keep),
            (ui.rejectButton, self.reject), (ui.pageBeforeButton, self._page_before),
            (ui.nextPageButton, self._page_on),
        ):
            button.connect("clicked(bool)", act)
        self._shortcuts = Shortcuts(ui.tilesFrame, {
            "K": self.keep, "R": self.reject, "N": self._next, "P": self._before,
        })
        self.show(None)

    @property
    def plane(self) -> str:
        """"axial", "coronal" or "sagittal"."""
        return PLANE_NAMES[max(0, self._ui.planeSelector.currentIndex)]

    @property
    def busy(self) -> bool:
        """Whether pictures are being made."""
        return self._tiles.busy

    def show(self, review: Review | None) -> None:
        """Show the cases of a folder; None for none."""
        self.review = review
        self.messages.clear()
        self._redraw()
        self._enable_keys()

    def tick(self) -> None:
        """Called by a timer while it is `busy`."""
        if self._tiles.poll():
            if self._tiles.error is not None:
                self.messages.error(self._tiles.error)
            self._show_tiles()

    def reload(self) -> None:
        """Read the folder again: cases came into it."""
        if self.review is None:
            return
        try:
            self.review.reload()
        except SyntheticImagingError as error:
            self.messages.error(error)
        self._redraw()

    def choose(self, number: int) -> None:
        """Choose a case."""
        review = self.review
        if review is None or number == review.chosen:
            return
        page = review.page
        review.choose(number)
        self._changed(page)

    def keep(self, *_args: Any) -> None:
        """The chosen case is wanted; on to the next."""
        self._decide(True)

    def reject(self, *_args: Any) -> None:
        """The chosen case is not wanted; on to the next."""
        self._decide(False)

    def enter(self) -> None:
        """The panel is in front: its keys work."""
        self._entered = True
        self._enable_keys()

    def leave(self) -> None:
        """The panel is left."""
        self._entered = False
        self._enable_keys()

    def close(self) -> None:
        """The panel is not used any more."""
        self.on_choose = self.on_decide = self.on_busy = None
        self._shortcuts.close()
        self._tiles.wait()

    def _button(self, position: int) -> Any:
        button = qt.QToolButton()
        button.checkable = True
        button.autoRaise = True
        button.iconSize = qt.QSize(PIXELS, PIXELS)
        button.toolButtonStyle = qt.Qt.ToolButtonTextUnderIcon
        button.connect("clicked(bool)", lambda *_args: self._pressed(position))
        self._grid.addWidget(button, position // _COLUMNS, position % _COLUMNS)
        return button

    def _pressed(self, position: int) -> None:
        if self.review is not None and position < len(self.review.shown):
            number = self.review.shown[position].number
            if number == self.review.chosen:
                self._show_tiles()  # a second press must not uncheck it
            self.choose(number)

    def _decide(self, wanted: bool) -> None:
        review = self.review
        if review is None or review.record is None:
            return
        self.messages.clear()
        page = review.page
        try:
            review.decide(wanted)
        except SyntheticImagingError as error:
            self.messages.error(error)
            return
        chosen = review.chosen
        review.step(1)
        if review.chosen != chosen:
            self._changed(page)
        else:
            self._show_tiles()
        if self.on_decide is not None:
            self.on_decide()

    def _next(self, *_args: Any) -> None:
        self._step(1)

    def _before(self, *_args: Any) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        review = self.review
        if review is not None:
            page, chosen = review.page, review.chosen
            review.step(by)
            if review.chosen != chosen:
                self._changed(page)

    def _page_on(self, *_args: Any) -> None:
        self._turn(1)

    def _page_before(self, *_args: Any) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        if self.review is not None:
            self.review.turn(by)
            self._redraw()

    def _changed(self, page: int) -> None:
        assert self.review is not None
        if self.review.page != page:
            self._redraw()
        else:
            self._show_tiles()
        if self.on_choose is not None:
            self.on_choose()

    def _redraw(self, *_args: Any) -> None:
        review = self.review
        self._ui.sheetFrame.visible = review is not None and bool(review.numbers)
        if review is not None:
            self._tiles.ask(review.path, review.shown, self.plane)
        self._show_tiles()
        if self._tiles.busy and self.on_busy is not None:
            self.on_busy()

    def _show_tiles(self) -> None:
        review, ui = self.review, self._ui
        if review is None:
            return
        shown = review.shown
        ready = {tile.record.number: tile for tile in self._tiles.tiles(review.path, shown, self.plane)}
        for position, button in enumerate(self.buttons):
            button.visible = position < len(shown)
            if position >= len(shown):
                continue
            record = shown[position]
            tile = ready.get(record.number)
            button.icon = qt.QIcon(str(self._file(tile))) if tile is not None else qt.QIcon()
            words = _("rejected") if record.rejected else review.caption(record).partition("  ")[2]
            button.text = f"{record.name}  {words}"
            button.toolTip = review.facts(record).replace(" · ", "\n")
            button.accessibleName = button.text
            button.checked = record.number == review.chosen
        several = review.pages > 1
        for widget in (ui.pageBeforeButton, ui.nextPageButton, ui.pageLabel):
            widget.visible = several
        ui.pageLabel.text = _("page {page} of {pages}").format(page=review.page + 1, pages=review.pages)
        ui.pageBeforeButton.enabled = review.page > 0
        ui.nextPageButton.enabled = review.page + 1 < review.pages
        record_now = review.record
        ui.factsLabel.text = review.facts(record_now) if record_now is not None else ""
        ui.keepButton.enabled = record_now is not None
        ui.rejectButton.enabled = record_now is not None and not record_now.rejected

    def _file(self, tile: Any) -> Path:
        record = tile.record
        assert self.review is not None
        crossed = "x" if record.rejected else ""
        place = f"{abs(hash(str(self.review.path))):x}"
        path = self._scratch() / f"{place}-{record.number}-{record.attempt}-{self.plane}{crossed}.png"
        return path if path.exists() else write_png(tile.picture, path)

    def _enable_keys(self) -> None:
        self._shortcuts.enable(self._entered and self.review is not None)

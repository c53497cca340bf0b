"""Counting by clicks, inside the box "Lesions": a reader marks each lesion; every click is on the disk at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from synthetic_imaging.errors import InputError
from synthetic_imaging.phantoms.brain.regions import REGIONS
from SyntheticImagingLib.mr.clicks import Begin, ClickMarks, Count, as_code
from SyntheticImagingLib.mr.places import Place
from SyntheticImagingLib.panel.field_row import LESS_WEIGHT
from SyntheticImagingLib.panel.jump_table import JumpTable
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.show.host import ViewHost

_ENDING = "*.csv"


class CountPart:
    """One image at a time, shown alone in the user's views while it is counted.

    Attributes:
        count: the file that is written, while an image is open; else None.
        choose_file: asks for the reader's file; "" if the user thinks better of it.
        before_show: called before the image takes the views.
    """

    def __init__(self, layout: Any, scene: Any, host: ViewHost, begin: Begin) -> None:
        self._scene, self._host, self._begin = scene, host, begin
        self.count: Count | None = None
        self.choose_file: Callable[[], str] = _ask_for_file
        self.before_show: Callable[[], None] = lambda: None
        self._file = ""
        self.marks = ClickMarks(scene)
        self.marks.on_click = self._clicked
        self.marks.on_refused = self._refused
        self.widget: Any = qt.QGroupBox(_("Count by clicking"))
        form = qt.QFormLayout(self.widget)
        self.messages = MessageBar()
        form.addRow(self.messages.widget)
        self.image: Any = slicer.qMRMLNodeComboBox()
        self.image.nodeTypes = ["vtkMRMLScalarVolumeNode"]
        self.image.addEnabled = self.image.removeEnabled = False
        self.image.noneEnabled = True
        self.image.noneDisplay = _("Choose a volume")
        self.image.setMRMLScene(scene)
        self.reader: Any = qt.QLineEdit()
        self.case: Any = qt.QLineEdit()
        for line in (self.reader, self.case):
            line.toolTip = _("A code of letters, digits and hyphens, no name")
        self.file_button: Any = qt.QPushButton(_("File…"))
        self.file_button.toolTip = _("Where the clicks of this reader are kept, as CSV; an old file is gone on with")
        self.file_button.connect("clicked(bool)", self._choose_file)
        self.region: Any = qt.QComboBox()
        for name in (*REGIONS, "undecided"):
            self.region.addItem(name)
        self.region.toolTip = _("Region of the next click")
        self.start_button: Any = qt.QPushButton(_("Count"))
        self.start_button.toolTip = _("Shows the image alone, and takes each click in a slice view as a lesion")
        self.start_button.connect("clicked(bool)", self._start_or_end)
        self.undo_button: Any = qt.QPushButton(_("Undo click"))
        self.undo_button.connect("clicked(bool)", self._undo)
        self.line: Any = qt.QLabel()
        self.line.wordWrap = True
        self.line.styleSheet = LESS_WEIGHT
        self.table = JumpTable((_("Click"), _("Region")))
        self.table.on_choose = self._jump
        for words, widget in ((_("Image"), self.image), (_("Reader"), self.reader), (_("Case"), self.case),
                              (_("Kept in"), self.file_button), (_("Region"), self.region)):
            form.addRow(qt.QLabel(words), widget)
        for widget in (self.start_button, self.line, self.table.widget, self.undo_button):
            form.addRow(widget)
        layout.addWidget(self.widget)
        self._form = form
        self._show()

    def start(self) -> None:
        """Open the image for counting.

        Raises:
            SyntheticImagingError: a sentence, if something is missing, or the file cannot be used.
        """
        node = self.image.currentNode()
        if node is None:
            raise InputError(_("Choose the image to count in."))
        if not self._file:
            raise InputError(_("Choose the file that keeps the clicks."))
        count = self._begin(Path(self._file), self.reader.text.strip())
        clicks = count.open(self.case.text.strip(), as_code(node.GetName()))
        self.count = count
        self.before_show()
        for view in self._host.slice_views():
            view.composite_node.SetBackgroundVolumeID(node.GetID())
            view.composite_node.SetForegroundVolumeID(None)
            view.composite_node.SetLabelVolumeID(None)
            view.render()
        self.marks.open(clicks)
        self._show()

    def end(self) -> None:
        """The reader is through with this image: with it the file says so."""
        if self.count is not None:
            self.count.finish()
        self.pause()

    def pause(self) -> None:
        """Take the marks out of the views; the file has all clicks, and can be gone on with."""
        self.count = None
        self.marks.close()
        self._show()

    def close(self) -> None:
        """The panel is not used any more."""
        self.pause()
        self.marks.mode.close()

    def _start_or_end(self, *_args: Any) -> None:
        self.messages.clear()
        try:
            if self.count is None:
                self.start()
            else:
                self.end()
        except Exception as error:
            self.messages.error(error)

    def _clicked(self, ras: tuple[float, float, float]) -> int:
        assert self.count is not None
        click = self.count.add(ras, self.region.currentText)
        self._show()
        return click.number

    def _refused(self, error: Exception) -> None:
        self.messages.error(error)

    def _undo(self, *_args: Any) -> None:
        if self.count is None:
            return
        try:
            self.count.undo()
        except Exception as error:
            self.messages.error(error)
        self.marks.show(self.count.clicks())
        self._show()

    def _choose_file(self, *_args: Any) -> None:
        chosen = self.choose_file()
        if chosen:
            self._file = chosen if chosen.endswith(".csv") else f"{chosen}.csv"
            self.file_button.text = Path(self._file).name

    def _show(self) -> None:
        clicks = self.count.clicks() if self.count is not None else ()
        self.table.show([Place((str(click.number), click.region), click.ras_mm) for click in clicks])
        open_now = self.count is not None
        self.start_button.text = _("Finish this image") if open_now else _("Count")
        self.table.widget.visible = self.undo_button.visible = self.line.visible = open_now
        self.undo_button.enabled = bool(clicks)
        for widget in (self.image, self.reader, self.case, self.file_button):
            widget.enabled = not open_now
        regions = [f"{name}: {n}" for name in (*REGIONS, "undecided") if (n := sum(c.region == name for c in clicks))]
        self.line.text = ", ".join(regions) or _("Click each lesion in a slice view.")

    def _jump(self, place: Place) -> None:
        if place.ras is not None:
            for view in self._host.slice_views():
                view.slice_node.JumpSliceByCentering(*place.ras)
                view.render()


def _ask_for_file() -> str:
    return str(qt.QFileDialog.getSaveFileName(None, _("File of the reader's clicks"), "", _ENDING) or "")

"""Downloaded weights: what lies on the disk, and buttons to delete it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging.memory import readable_bytes
from synthetic_imaging.setup.weights import WeightsFile, WeightsStore
from SyntheticImagingLib.panel.message_bar import MessageBar


class WeightsList:
    """The files with size, day of last use and a delete button each.

    Attributes:
        widget: to be put into a layout.
        delete_buttons: one for each file, in the order shown.
        delete_all: the button for all.
    """

    def __init__(self, ask: Callable[[str], bool], messages: MessageBar, store: WeightsStore | None = None) -> None:
        """Build the list.

        Args:
            ask: asks the user a question; true for yes.
            messages: where errors are told.
            store: the store; the user's own when None.
        """
        self._ask, self._messages = ask, messages
        self.store = WeightsStore() if store is None else store
        self.widget: Any = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self.sentence: Any = qt.QLabel()
        self.sentence.wordWrap = True
        self.place: Any = qt.QLabel()
        self.place.wordWrap = True
        self.place.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        self._files: Any = qt.QWidget()
        self._grid: Any = qt.QGridLayout(self._files)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(0, 1)
        self.delete_all: Any = qt.QPushButton(_("Delete all…"))
        self.delete_all.connect("clicked(bool)", self._delete_all)
        for item in (self.sentence, self._files, self.delete_all, self.place):
            layout.addWidget(item)
        self.delete_buttons: list[Any] = []
        self._shown: list[Any] = []
        self.refresh()

    def refresh(self) -> None:
        """Look at the disk again."""
        files = self.store.files()
        self.sentence.text = self.store.sentence
        # The store's path is the user's own: a break is allowed after each folder.
        self.place.text = _("Folder: {path}").format(path=str(self.store.folder).replace("/", "/\u200b"))
        for item in self._shown:
            self._grid.removeWidget(item)
            item.hide()
            item.deleteLater()
        self._shown, self.delete_buttons = [], []
        for line, file in enumerate(files):
            self._add(file, line)
        self._files.visible = bool(files)
        self.delete_all.visible = len(files) > 1

    def _add(self, file: WeightsFile, line: int) -> None:
        name = qt.QLabel(file.name.replace("/", "/\u200b"))
        name.wordWrap = True
        size = qt.QLabel(readable_bytes(file.bytes))
        used = qt.QLabel(_("used {day}").format(day=file.used_on))
        button = qt.QPushButton(_("Delete…"))
        button.accessibleName = _("Delete {name}").format(name=file.name)
        button.connect("clicked(bool)", lambda *_args: self._delete(file))
        for column, item in enumerate((name, size, used, button)):
            self._grid.addWidget(item, line, column)
            self._shown.append(item)
        self.delete_buttons.append(button)

    def _delete(self, file: WeightsFile) -> None:
        question = _("Delete '{name}' ({size})? Tools that need it ask to download it again.")
        if self._ask(question.format(name=file.name, size=readable_bytes(file.bytes))):
            self._do(lambda: self.store.delete(file.name))

    def _delete_all(self, *_args: Any) -> None:
        question = _("Delete all downloaded weights ({size})? Tools that need them ask to download them again.")
        if self._ask(question.format(size=readable_bytes(self.store.bytes_used))):
            self._do(self.store.delete_all)

    def _do(self, deletion: Callable[[], int]) -> None:
        self._messages.clear()
        try:
            freed = deletion()
        except SyntheticImagingError as error:
            self._messages.error(error)
        else:
            self._messages.note(_("{size} freed.").format(size=readable_bytes(freed)))
        self.refresh()

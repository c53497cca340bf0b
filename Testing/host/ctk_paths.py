"""CTK's widgets for files and folders."""

# ruff: noqa: N801  (the names of what is imitated)
from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QToolButton, QWidget
from Testing.host.dialogs import answers_of_now
from Testing.host.pythonqt import make_pythonqt, seal

make_pythonqt()


@seal
class ctkPathLineEdit(QWidget):
    """A path, typed or browsed for."""

    Dirs, Files, Drives, AllEntries = 1, 2, 4, 7
    Readable, Writable, Executable, Hidden, NoDot, NoDotDot = 0x10, 0x20, 0x40, 0x100, 0x2000, 0x4000
    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = QLineEdit()
        self._browse = QToolButton()
        self._browse.setText("…")
        self._filters, self._names, self._key, self._label = 0x7, "", "", ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._line, 1)
        row.addWidget(self._browse)
        self._line.textChanged.connect(self.currentPathChanged)
        self._browse.clicked.connect(self.browse)

    def browse(self) -> None:
        kind = "folder" if not self._filters & self.Files else "save" if self._filters & self.Writable else "open"
        path = answers_of_now().take(kind, self._label, self._line.text)
        if path:
            self._line.setText(str(path))

    def retrieveHistory(self) -> None:
        """There is no history in tests."""

    def addCurrentPathToHistory(self) -> None:
        """Nothing is kept in tests."""

    def _get_path(self) -> str:
        return str(self._line.text)

    def setCurrentPath(self, path: str) -> None:
        self._line.setText(path)

    def _get_filters(self) -> int:
        return self._filters

    def _set_filters(self, filters: Any) -> None:
        self._filters = int(getattr(filters, "value", filters))

    def _get_key(self) -> str:
        return self._key

    def _set_setting_key(self, key: str) -> None:
        self._key = key

    def _get_label(self) -> str:
        return self._label

    def _set_label(self, text: str) -> None:
        self._label = text

    def _get_browse(self) -> bool:
        return not self._browse.isHidden()

    def _set_show_browse_button(self, on: bool) -> None:
        self._browse.setVisible(on)

    def _get_names(self) -> Any:
        return self._names

    def _set_name_filters(self, names: Any) -> None:
        self._names = names

    currentPath = Property(str, _get_path, setCurrentPath)
    filters = Property(int, _get_filters, _set_filters)
    settingKey = Property(str, _get_key, _set_setting_key)
    label = Property(str, _get_label, _set_label)
    showBrowseButton = Property(bool, _get_browse, _set_show_browse_button)
    nameFilters = Property("QStringList", _get_names, _set_name_filters)


@seal
class ctkDirectoryButton(QPushButton):
    """A button with the name of a folder; pressed, it asks for another."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent if isinstance(parent, QWidget) else None)
        self._folder, self._caption = "", ""
        self.clicked.connect(self.browse)

    def browse(self) -> None:
        folder = answers_of_now().take("folder", self._caption, self._folder)
        if folder:
            self._set_directory(str(folder))
            self.directorySelected.emit(str(folder))

    def _get(self) -> str:
        return self._folder

    def _set_directory(self, folder: str) -> None:
        if folder != self._folder:
            self._folder = folder
            self.setText(folder)
            self.directoryChanged.emit(folder)

    def _get_caption(self) -> str:
        return self._caption

    def _set_caption(self, text: str) -> None:
        self._caption = text

    directory = Property(str, _get, _set_directory)
    caption = Property(str, _get_caption, _set_caption)


PATHS: tuple[type, ...] = (ctkPathLineEdit, ctkDirectoryButton)

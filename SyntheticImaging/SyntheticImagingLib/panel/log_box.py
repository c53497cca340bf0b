"""A folded plain text that can be opened and copied."""

from __future__ import annotations

from typing import Any

import ctk
import qt
from slicer.i18n import tr as _


class FoldedText:
    """A collapsible box with read-only text and "Copy".

    Attributes:
        widget: to be put into a layout.
        text: what it holds.
    """

    def __init__(self, title: str, height: int = 140) -> None:
        self.text = ""
        self.widget: Any = ctk.ctkCollapsibleGroupBox()
        self.widget.title = title
        layout = qt.QVBoxLayout(self.widget)
        self.view: Any = qt.QPlainTextEdit()
        self.view.readOnly = True
        self.view.minimumHeight = height
        self.copy_button: Any = qt.QPushButton(_("Copy"))
        self.copy_button.connect("clicked(bool)", self._copy)
        layout.addWidget(self.view)
        row = qt.QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.copy_button)
        layout.addLayout(row)
        self._layouts = (layout, row)
        self.widget.collapsed = True
        self.widget.visible = False

    def set_text(self, text: str) -> None:
        """Replace the text; the box is seen only when there is some."""
        if text != self.text:
            self.text = text
            self.view.plainText = text
        self.widget.visible = bool(text)

    def open(self) -> None:
        """Unfold it."""
        self.widget.collapsed = False

    def close(self) -> None:
        """Fold it."""
        self.widget.collapsed = True

    def _copy(self, *_args: Any) -> None:
        qt.QApplication.clipboard().setText(self.text)

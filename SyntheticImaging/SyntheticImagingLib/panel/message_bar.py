"""Sentences in the panel: what went wrong, with details to copy; what the user should know."""

from __future__ import annotations

import traceback
from typing import Any

import qt
from slicer.i18n import tr as _

from synthetic_imaging.errors import SyntheticImagingError

# Background and text together, so that it reads in Slicer's light and dark look alike. A palette rather than a style
# sheet: a style sheet would change the look of the buttons inside too.
_ERROR = ("#fbe3e1", "#5f120d")
_NOTE = ("#e2eefb", "#0f3355")


class MessageBar:
    """A line that is hidden until there is something to say; no pop-ups.

    Attributes:
        widget: to be put into a layout.
        text: the sentence shown; "" when hidden.
        details: what "Copy details" copies.
    """

    def __init__(self) -> None:
        self.text = ""
        self.details = ""
        self.widget: Any = qt.QFrame()
        self.widget.objectName = "message"
        self.widget.frameShape = qt.QFrame.StyledPanel
        self.widget.autoFillBackground = True
        outer = qt.QVBoxLayout(self.widget)
        outer.setContentsMargins(8, 6, 8, 6)
        outer.setSpacing(4)
        self.label: Any = qt.QLabel()
        self.label.wordWrap = True
        self.label.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        outer.addWidget(self.label)
        buttons = qt.QHBoxLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        self.copy_button: Any = qt.QPushButton(_("Copy details"))
        self.copy_button.toolTip = _("Copies the sentence and technical details, for a report to the developers")
        self.copy_button.connect("clicked(bool)", self._copy)
        self.close_button: Any = qt.QPushButton(_("Dismiss"))
        self.close_button.connect("clicked(bool)", self._dismiss)
        buttons.addWidget(self.copy_button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        outer.addLayout(buttons)
        self._buttons = buttons
        self.widget.visible = False

    def error(self, error: BaseException | str) -> None:
        """Say what went wrong. Anything but a sentence of ours is put into one, with the traceback as details."""
        if isinstance(error, str):
            sentence, details = error, ""
        elif isinstance(error, SyntheticImagingError):
            sentence, details = str(error), error.details
        else:
            sentence = _("Something unforeseen went wrong. The details say more; please report them.")
            details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self._show(sentence, details, _ERROR)

    def note(self, sentence: str) -> None:
        """Say something that is no error."""
        self._show(sentence, "", _NOTE)

    def clear(self) -> None:
        """Nothing to say any more."""
        self.text = self.details = ""
        self.widget.visible = False

    def _show(self, sentence: str, details: str, colours: tuple[str, str]) -> None:
        self.text, self.details = sentence, details
        self.label.text = sentence
        self.copy_button.visible = colours is _ERROR
        for widget in (self.widget, self.label):
            palette = qt.QPalette(widget.palette)
            palette.setColor(qt.QPalette.Window, qt.QColor(colours[0]))
            palette.setColor(qt.QPalette.WindowText, qt.QColor(colours[1]))
            widget.setPalette(palette)
        self.widget.visible = True

    def _copy(self, *_args: Any) -> None:
        qt.QApplication.clipboard().setText("\n\n".join(part for part in (self.text, self.details) if part))

    def _dismiss(self, *_args: Any) -> None:
        self.clear()

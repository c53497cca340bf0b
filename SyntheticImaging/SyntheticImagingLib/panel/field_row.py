"""One row of a form: a label and the widget for one parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ctk
import qt
from slicer.i18n import tr as _

from SyntheticImagingLib.form import FormField

# Grey reads on Slicer's light and dark background alike.
LESS_WEIGHT = "color: gray"
_CLOSE = 1e-9


class FieldRow:
    """Label and editor of one parameter.

    Attributes:
        field: what is shown.
        label: the label's widget.
        widget: the editor's widget.
        editor: the slider, spin box, combo box, check box or line edit inside.
        automatic: the check box "Automatic", or None.
        value: what is shown, as a plain value.
    """

    def __init__(self, field: FormField, edited: Callable[[str, Any], None]) -> None:
        """Make the row.

        Args:
            field: what to show.
            edited: called with name and plain value when the user changes it; never by `show`.
        """
        self.field = field
        self.value: Any = None
        self._edited = edited
        self._showing = False
        self._last_number: float | None = None
        self.label: Any = qt.QLabel(field.label)
        self.label.wordWrap = True
        self.label.toolTip = field.tip
        self.widget: Any = qt.QWidget()
        self.widget.objectName = field.key
        self.widget.toolTip = field.tip
        self.automatic: Any = None
        self.meaning: Any = None
        self.editor: Any = {
            "slider": self._slider, "number": self._number, "choice": self._choice, "check": self._check,
            "text": self._text,
        }[field.widget]()
        self._place()

    def show(self, value: Any) -> None:
        """Show a plain value; nobody is told."""
        self.value = value
        self._showing = True
        try:
            self._show_automatic(value)
            if self.field.widget in ("slider", "number"):
                if value is not None:
                    self._last_number = float(value)
                if value is not None and abs(self.editor.value - value) > _CLOSE:
                    self.editor.value = float(value)
            elif self.field.widget == "choice":
                index = [choice for choice, _words in self.field.choices].index(value)
                if self.editor.currentIndex != index:
                    self.editor.currentIndex = index
            elif self.field.widget == "check":
                self.editor.checked = bool(value)
            elif self.editor.text != (value or ""):
                self.editor.text = value or ""
        finally:
            self._showing = False

    def _place(self) -> None:
        field = self.field
        layout = qt.QVBoxLayout(self.widget) if field.widget == "choice" else qt.QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.editor)
        numeric = field.widget in ("slider", "number")
        if field.meaning_of_automatic or (field.optional and numeric):
            self.meaning = qt.QLabel(field.meaning_of_automatic or _("chosen by the tool"))
            self.meaning.wordWrap = True
            self.meaning.styleSheet = LESS_WEIGHT
            self.meaning.visible = False
            layout.addWidget(self.meaning)
        if field.optional and numeric:
            self.automatic = qt.QCheckBox(_("Automatic"))
            self.automatic.toolTip = _("Leave this to the tool")
            self.automatic.connect("toggled(bool)", self._automatic_toggled)
            layout.addWidget(self.automatic)
            layout.setStretch(0, 1)
            layout.setStretch(1, 1)

    def _show_automatic(self, value: Any) -> None:
        automatic = self.field.is_automatic(value)
        if self.meaning is not None:
            self.meaning.visible = automatic
        if self.automatic is not None:
            self.automatic.checked = automatic
            self.editor.visible = not automatic

    def _slider(self) -> Any:
        slider = ctk.ctkSliderWidget()
        slider.decimals = self.field.decimals
        # Low above the widget's own maximum would be refused, and the other way round.
        if self.field.low > slider.maximum:
            slider.maximum, slider.minimum = self.field.high, self.field.low
        else:
            slider.minimum, slider.maximum = self.field.low, self.field.high
        slider.singleStep = self.field.step
        slider.pageStep = 10 * self.field.step
        slider.suffix = self.field.suffix
        slider.connect("valueChanged(double)", self._number_edited)
        return slider

    def _number(self) -> Any:
        box = qt.QDoubleSpinBox()
        box.decimals = self.field.decimals
        box.minimum, box.maximum = self.field.low, self.field.high
        box.singleStep = self.field.step
        box.suffix = self.field.suffix
        box.connect("valueChanged(double)", self._number_edited)
        return box

    def _choice(self) -> Any:
        box = qt.QComboBox()
        for _value, words in self.field.choices:
            box.addItem(words)
        box.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
        box.connect("currentIndexChanged(int)", self._choice_edited)
        return box

    def _check(self) -> Any:
        box = qt.QCheckBox()
        box.connect("toggled(bool)", self._tell)
        return box

    def _text(self) -> Any:
        line = qt.QLineEdit()
        line.placeholderText = _("Automatic") if self.field.optional else ""
        line.connect("editingFinished()", self._text_edited)
        return line

    def _number_edited(self, number: float) -> None:
        number = round(float(number), self.field.decimals)
        self._tell(int(number) if self.field.field.type is int else number)

    def _choice_edited(self, index: int) -> None:
        if index >= 0:
            self._tell(self.field.choices[index][0])

    def _text_edited(self) -> None:
        text = self.editor.text.strip()
        self._tell(None if self.field.optional and not text else text)

    def _automatic_toggled(self, automatic: bool) -> None:
        if automatic:
            self._tell(None)
            return
        number = self.field.start if self._last_number is None else self._last_number
        self._tell(int(number) if self.field.field.type is int else number)

    def _tell(self, value: Any) -> None:
        if not self._showing and value != self.value:
            self._edited(self.field.name, value)

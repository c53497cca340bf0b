"""The rows of the set-up report as a table with signs."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from synthetic_imaging.setup.rows import Report, Row, State

# White on a colour of its own reads in light and dark looks; the signs differ for those who see no colours.
_SIGNS = {
    State.OK: ("✓", "#2e7d4f"),
    State.MISSING: ("✕", "#b3261e"),
    State.WARNING: ("!", "#b26a00"),
    State.OPTIONAL: ("–", "#74808a"),
}
_SIGN_SIZE = 18


class ReportTable:
    """Sign, what, value; and below what to do, where there is something to do.

    Attributes:
        widget: to be put into a layout.
    """

    def __init__(self) -> None:
        self.widget: Any = qt.QWidget()
        self.grid: Any = qt.QGridLayout(self.widget)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setHorizontalSpacing(8)
        self.grid.setVerticalSpacing(4)
        self.grid.setColumnStretch(2, 1)
        self._shown: list[Any] = []

    def show(self, report: Report, every_package: bool = False) -> None:
        """Show a report; with ``every_package`` also the packages that are in order."""
        self._clear()
        line = 0
        for row in report.rows if every_package else report.main:
            line = self._add(row, line)

    def texts(self) -> list[str]:
        """What stands in the table, for tests and screen readers."""
        return [label.text for label in self._shown]

    def _add(self, row: Row, line: int) -> int:
        top = qt.Qt.AlignTop
        self.grid.addWidget(self._keep(_sign(row.state)), line, 0, top)
        name = self._keep(qt.QLabel(f"   {row.what}" if row.part_of else row.what))
        value = self._keep(_wrapped(row.value))
        self.grid.addWidget(name, line, 1, top)
        self.grid.addWidget(value, line, 2)
        if not row.advice:
            return line + 1
        advice = self._keep(_wrapped(row.advice))
        advice.styleSheet = "font-style: italic"
        self.grid.addWidget(advice, line + 1, 2)
        return line + 2

    def _keep(self, label: Any) -> Any:
        self._shown.append(label)
        return label

    def _clear(self) -> None:
        for label in self._shown:
            self.grid.removeWidget(label)
            label.hide()
            label.deleteLater()
        self._shown = []


def _sign(state: State) -> Any:
    text, colour = _SIGNS[state]
    words = {
        State.OK: _("in order"), State.MISSING: _("missing"), State.WARNING: _("worth a look"),
        State.OPTIONAL: _("not there, and not needed today"),
    }
    label = qt.QLabel(text)
    label.setFixedSize(_SIGN_SIZE, _SIGN_SIZE)
    label.alignment = qt.Qt.AlignCenter
    label.toolTip = words[state]
    label.accessibleName = words[state]
    shape = f"background-color: {colour}; border-radius: {_SIGN_SIZE // 2}px"
    label.styleSheet = f"color: white; font-weight: bold; {shape}"
    return label


def _wrapped(text: str) -> Any:
    label = qt.QLabel(text)
    label.wordWrap = True
    label.alignment = qt.Qt.AlignTop
    label.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
    return label

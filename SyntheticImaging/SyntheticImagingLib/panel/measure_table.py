"""Measurements, one column a lesion: many numbers fit into a narrow panel."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from synthetic_imaging.table import Cell, Table

_HEIGHT = 220
_ROW_MARGIN = 8
_DIGITS = {"mm": 1, "ml": 2, "HU": 0, "%": 0}
_MISSING = "–"


class MeasureTable:
    """The table of the measuring tool, turned on its side, with "Copy".

    Attributes:
        widget: to be put into a layout.
        table: what is shown, or None.
    """

    def __init__(self, heading: str | None = None) -> None:
        """Build it; ``heading`` stands above the first column, "Measurement" when None."""
        self._heading = heading if heading is not None else _("Measurement")
        self.table: Table | None = None
        self.widget: Any = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self.view: Any = qt.QTableWidget()
        self.view.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        self.view.verticalHeader().visible = False
        self.view.setFixedHeight(_HEIGHT)
        self.view.wordWrap = False
        self.view.verticalHeader().defaultSectionSize = self.view.fontMetrics().height() + _ROW_MARGIN
        self.copy_button: Any = qt.QPushButton(_("Copy table"))
        self.copy_button.toolTip = _("Copies all measurements, to be pasted into a spreadsheet")
        self.copy_button.connect("clicked(bool)", self._copy)
        layout.addWidget(self.view)
        row = qt.QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.copy_button)
        layout.addLayout(row)
        self._layouts = (layout, row)
        self.widget.visible = False

    def show(self, table: Table | None) -> None:
        """Show a table; None hides it."""
        self.table = table
        self.widget.visible = table is not None and len(table) > 0
        if table is None:
            self.view.setRowCount(0)
            return
        names, columns = table.rows, table.columns[1:]
        self.view.setColumnCount(1 + len(names))
        self.view.setRowCount(len(columns))
        self.view.setHorizontalHeaderLabels([self._heading, *(str(row[0]) for row in names)])
        for position, column in enumerate(columns, start=1):
            heading = f"{column.heading} [{column.unit}]" if column.unit else column.heading
            item = qt.QTableWidgetItem(heading)
            item.setToolTip(heading)
            self.view.setItem(position - 1, 0, item)
            for number, row in enumerate(table.rows, start=1):
                cell = qt.QTableWidgetItem(_words(row[position], column.unit))
                cell.setData(qt.Qt.TextAlignmentRole, int(qt.Qt.AlignRight) | int(qt.Qt.AlignVCenter))
                self.view.setItem(position - 1, number, cell)
        header = self.view.horizontalHeader()
        for number in range(1 + len(names)):
            header.setSectionResizeMode(number, qt.QHeaderView.ResizeToContents)
        if len(names) == 1:
            header.setSectionResizeMode(0, qt.QHeaderView.Stretch)

    def _copy(self, *_args: Any) -> None:
        if self.table is not None:
            heads = [f"{c.heading} [{c.unit}]" if c.unit else c.heading for c in self.table.columns]
            rows = [["" if cell is None else str(cell) for cell in row] for row in self.table.rows]
            qt.QApplication.clipboard().setText("\n".join("\t".join(cells) for cells in (heads, *rows)))


def _words(cell: Cell, unit: str) -> str:
    if cell is None:
        return _MISSING
    if isinstance(cell, bool):
        return _("yes") if cell else _("no")
    if isinstance(cell, float):
        return f"{cell:.{_DIGITS[unit]}f}" if unit in _DIGITS else f"{cell:.4g}"
    return str(cell)

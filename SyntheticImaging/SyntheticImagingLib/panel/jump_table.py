"""A list of places: click one, or walk with the arrow keys, and the views go there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

_MOST_ROWS_SEEN = 6
_ROW_MARGIN = 8


class JumpTable:
    """A table with one row a place.

    Attributes:
        widget: to be put into a layout.
        rows: what is shown; each has its texts as ``cells``, unless a subclass knows them.
        on_choose: called with the row that was clicked or walked to.
    """

    def __init__(self, headings: Sequence[str] = ()) -> None:
        """Build it; the first column takes the room that the others leave."""
        self.rows: tuple[Any, ...] = ()
        self.on_choose: Callable[[Any], None] | None = None
        self._showing = False
        self.widget: Any = qt.QTableWidget()
        self.widget.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        self.widget.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        self.widget.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        self.widget.verticalHeader().visible = False
        self.widget.verticalHeader().defaultSectionSize = self.widget.fontMetrics().height() + _ROW_MARGIN
        self.widget.tabKeyNavigation = False
        self.widget.horizontalHeader().highlightSections = False
        self.set_headings(headings)
        self.widget.toolTip = _("Click a row, or walk with the arrow keys: the views go there")
        self.widget.connect("currentCellChanged(int,int,int,int)", self._walked)
        self.widget.connect("cellClicked(int,int)", self._clicked)
        self._fit()

    def set_headings(self, headings: Sequence[str]) -> None:
        """What stands above the columns."""
        self.widget.setColumnCount(len(headings))
        self.widget.setHorizontalHeaderLabels(list(headings))
        header = self.widget.horizontalHeader()
        for column in range(len(headings)):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents if column else qt.QHeaderView.Stretch)

    def show(self, rows: Sequence[Any]) -> None:
        """Show these rows; none is chosen, so that the views stay where they are."""
        self._showing = True
        self.rows = tuple(rows)
        self.widget.setRowCount(len(self.rows))
        for position, row in enumerate(self.rows):
            for column, text in enumerate(self.cells(row)):
                item = qt.QTableWidgetItem(text)
                if column:
                    item.setData(qt.Qt.TextAlignmentRole, int(qt.Qt.AlignRight) | int(qt.Qt.AlignVCenter))
                self.widget.setItem(position, column, item)
        self.widget.setCurrentCell(-1, -1)
        self._fit()
        self._showing = False

    def cells(self, row: Any) -> Sequence[str]:
        """The texts of a row."""
        return tuple(row.cells)

    def choose(self, position: int) -> None:
        """Go to the place in this row."""
        self.widget.setCurrentCell(position, 0)

    @property
    def chosen(self) -> Any:
        """The row that was chosen last, or None."""
        position = self.widget.currentRow()
        return self.rows[position] if 0 <= position < len(self.rows) else None

    def _fit(self) -> None:
        # As high as its rows: a list inside a scrolling panel should not scroll itself, unless it is long.
        row_height = self.widget.verticalHeader().defaultSectionSize
        seen = min(max(1, len(self.rows)), _MOST_ROWS_SEEN)
        height = self.widget.horizontalHeader().sizeHint.height() + seen * row_height + 2 * self.widget.frameWidth
        self.widget.setFixedHeight(height + 2)

    def _walked(self, row: int, _column: int, before: int, _column_before: int) -> None:
        if row != before:
            self._tell(row)

    def _clicked(self, row: int, _column: int) -> None:
        self._tell(row)

    def _tell(self, position: int) -> None:
        if not self._showing and self.on_choose is not None and 0 <= position < len(self.rows):
            self.on_choose(self.rows[position])

"""The table of a segmentation, as a panel shows it: a line for each structure."""

from __future__ import annotations

from synthetic_imaging.table import Cell, Column, Table

_NEVER_SHOWN = ("structure", "meaning")
_DIGITS = 2
# A panel is narrow.
_SHORT = {"cut_by_image_edge": "Cut off", "uncertainty": "Unsure, 0 to 1"}


def by_structure(table: Table) -> Table:
    """The table of volumes on its side, structures named in words: for `MeasureTable`, which turns it back.

    Args:
        table: "volumes" of the tool.
    """
    keys = [column.key for column in table.columns]
    meaning = keys.index("meaning") if "meaning" in keys else 0
    columns = [Column("structure", "Structure")]
    columns += [Column(f"s{number}", str(row[meaning] or row[0])) for number, row in enumerate(table.rows)]
    rows: list[tuple[Cell, ...]] = []
    for position, column in enumerate(table.columns):
        if column.key not in _NEVER_SHOWN:
            heading = _SHORT.get(column.key, f"{column.heading} [{column.unit}]" if column.unit else column.heading)
            cells = (row[position] for row in table.rows)
            rows.append((heading, *(round(c, _DIGITS) if isinstance(c, float) else c for c in cells)))
    return Table(tuple(columns), tuple(rows), name=table.name, provenance=table.provenance)

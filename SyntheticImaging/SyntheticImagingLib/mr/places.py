"""Tables of places in the brain, as a list that jumps to each: lesions, and what has changed between two visits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from synthetic_imaging.table import Cell, Table

_ALL = "all"
_AXES = ("right_mm", "anterior_mm", "superior_mm")
# Of each image: its contrast says enough in a list.
_LEFT_OUT = ("_cnr", "_ratio")
_DIGITS = {"ml": 3, "mm": 1, "%": 0}


@dataclass(frozen=True)
class Place:
    """One row.

    Attributes:
        cells: what stands in the list.
        ras: where it is, RAS mm; None where the table does not say.
    """

    cells: tuple[str, ...]
    ras: tuple[float, float, float] | None


@dataclass(frozen=True)
class PlaceList:
    """A table of places for a list: headings without the coordinates, and the rows."""

    headings: tuple[str, ...]
    rows: tuple[Place, ...]


def places_of(table: Table) -> PlaceList:
    """The rows of a table with their places; units stand in the headings, and what would make it too wide is left out.
    """
    shown = [column for column in table.columns if column.key not in _AXES and not column.key.endswith(_LEFT_OUT)]
    headings = tuple(f"{c.heading} [{c.unit}]" if c.unit else c.heading for c in shown)
    digits = {c.key: _digits(table.column(c.key), c.unit) for c in shown}
    rows = []
    for row in table:
        at = [row.get(axis) for axis in _AXES]
        ras = (float(at[0]), float(at[1]), float(at[2])) if all(isinstance(x, float | int) for x in at) else None  # type: ignore[arg-type]
        rows.append(Place(tuple(_words(row[c.key], digits[c.key]) for c in shown), ras))
    return PlaceList(headings, tuple(rows))


def by_region(table: Table) -> list[str]:
    """"periventricular: 12, 3.41 ml" for each region, the most frequent first; empty where no region is named.

    Args:
        table: a row for each lesion, or a row for each region with its "count".
    """
    if "region" not in {column.key for column in table.columns}:
        return []
    counts: dict[str, tuple[int, float]] = {}
    for row in table:
        more, ml = row.get("count", 1), row.get("volume_ml")
        if row["region"] == _ALL or not isinstance(more, int) or not more:
            continue
        number, volume = counts.get(str(row["region"]), (0, 0.0))
        counts[str(row["region"])] = (number + more, volume + (float(ml) if isinstance(ml, float | int) else 0.0))
    ordered = sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))
    return [f"{region}: {number}, {ml:.2f} ml" if ml else f"{region}: {number}" for region, (number, ml) in ordered]


def counted(words: str, rows: Iterable[Place]) -> str:
    """"3 places" or "1 place"."""
    number = len(list(rows))
    return f"{number} {words}{'' if number == 1 else 's'}"


def _digits(cells: Iterable[Cell], unit: str) -> int:
    """After the point: as many as its unit wants, else as many as the column has; two at most."""
    if unit in _DIGITS:
        return _DIGITS[unit]
    parts = [f"{cell:.2f}".rstrip("0").partition(".")[2] for cell in cells if isinstance(cell, float)]
    return max((len(part) for part in parts), default=0)


def _words(cell: Cell, digits: int) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.{digits}f}"
    return str(cell)

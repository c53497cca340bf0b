"""A table of measurements whose columns know their units."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthetic_imaging.provenance import Provenance

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Column:
    """A column: its key in code and files, its heading for people, its unit."""

    key: str
    heading: str
    unit: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of cells in the order of ``columns``."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    name: str = "table"
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.name}: a row of {len(row)} cells for {len(self.columns)} columns")

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Cell]]:
        for row in self.rows:
            yield dict(zip((c.key for c in self.columns), row, strict=True))

    def column(self, key: str) -> list[Cell]:
        """All cells of one column.

        Raises:
            KeyError: if there is no such column.
        """
        index = [c.key for c in self.columns].index(key) if key in {c.key for c in self.columns} else None
        if index is None:
            raise KeyError(key)
        return [row[index] for row in self.rows]

    def to_csv(self) -> str:
        """Comma-separated text with a header of ``key_unit`` names; missing values are empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([c.key for c in self.columns])
        for row in self.rows:
            writer.writerow(["" if v is None else f"{v:.6g}" if isinstance(v, float) else v for v in row])
        return text.getvalue()

"""Rows of the list of a result whose table tells places in the brain: lesions, changes between visits."""

from __future__ import annotations

from typing import Any

from SyntheticImagingLib.mr.places import places_of
from SyntheticImagingLib.tables import table_from_node
from SyntheticImagingLib.task import Made

_FIGURES = 3


def place_rows(made: Made) -> list[dict[str, Any]]:
    """The rows, with the words and figures of the first columns; empty where no table tells places."""
    for node in made.nodes.values():
        if node.IsA("vtkMRMLTableNode"):
            places = places_of(table_from_node(node))
            rows = [row for row in places.rows if row.ras is not None and len(row.cells) > 1]
            if rows:
                units = [heading.partition("[")[2].rstrip("]") for heading in places.headings]
                return [_row(number, row.cells, row.ras, units) for number, row in enumerate(rows, start=1)]
    return []


def _row(number: int, cells: tuple[str, ...], ras: Any, units: list[str]) -> dict[str, Any]:
    figures = [f"{cell} {unit}".strip() for cell, unit in zip(cells[2:], units[2:], strict=True)][:_FIGURES]
    size, volume, contrast = (*figures, "", "", "")[:_FIGURES]
    return {"number": number, "name": cells[1], "segment": "", "centre": [float(x) for x in ras],
            "size": size, "volume": volume, "contrast": contrast}

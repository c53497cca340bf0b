"""How far a network can be trusted on these images: its numbers beside what is usual, as a table and as a sentence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.table import Cell, Column, Table

if TYPE_CHECKING:
    from synthetic_imaging.sequences.learned.knowledge import Fit

UNLIKE = "Brain voxels unlike all in training"


def fit_table(fit: Fit, geometry: Geometry, left: float | None = None) -> Table:
    """The table "Fit of model and images".

    Args:
        fit: of the brain's brightness.
        geometry: of the images.
        left: mean uncertainty in % of the brain's mean brightness; None where it was not asked for.
    """
    from synthetic_imaging.sequences.learned.grid import IN_PLANE_MM, THICK_MM

    fine, _, coarse = sorted(geometry.spacing_kji_mm)
    unlike, limit = (None if math.isnan(x) else round(100 * x, 2) for x in (fit.unlike, fit.limit))
    rows: list[tuple[Cell, ...]] = [
        (UNLIKE, unlike, limit, "%", bool(fit.distance > 1)),
        ("Voxel size in the slice", round(fine, 2), IN_PLANE_MM[1], "mm", bool(fine > 1.05 * IN_PLANE_MM[1])),
        ("Slice thickness", round(coarse, 2), THICK_MM[1], "mm", bool(coarse > 1.3 * THICK_MM[1])),
    ]
    if left is not None:
        rows.append(("Mean uncertainty in the brain, of its mean brightness", round(left, 1), None, "%", False))
    return Table((Column("quantity", "Quantity"), Column("value", "Value"), Column("limit", "Usual up to"),
                  Column("unit", "Unit"), Column("outside", "Outside what the model has seen")), tuple(rows),
                 name="fit of model and images")


def fit_sentence(table: Table) -> str:
    """What a person should know of the table; all that is outside is named."""
    far = [f"{_small(str(row['quantity']))} ({row['value']:.4g} {row['unit']}, usual up to {row['limit']:.4g} "
           f"{row['unit']})" for row in table if row["outside"]]
    if far:
        return f"These images lie outside what the model was trained on: {', '.join(far)}. Check the result with care."
    if any(row["quantity"] == UNLIKE and row["limit"] is None for row in table):
        return "It is not known on what images this model was trained."
    return "These images lie within what the model was trained on."


def _small(words: str) -> str:
    return words[:1].lower() + words[1:]

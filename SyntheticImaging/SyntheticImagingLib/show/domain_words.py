"""Whether an image is like those that a trained model has seen, in words."""

from __future__ import annotations

from synthetic_imaging.table import Table


def outside_in_words(table: Table) -> str:
    """What of the image the model has not seen the like of, from the table "domain"; "" if all is within."""
    keys = [column.key for column in table.columns]
    what, distance, outside = (keys.index(key) for key in ("quantity", "distance", "outside"))
    parts = []
    for row in table.rows:
        if row[outside]:
            far = row[distance]
            much = f" ({far:.1f} times the limit)" if isinstance(far, float) else ""
            parts.append(f"{row[what]}{much}")
    return ", ".join(parts)

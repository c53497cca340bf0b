"""Whether an image is like those that a trained model has seen, in words."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_imaging.table import Cell, Table


def outside_in_words(table: Table) -> str:
    """What of the image the model has not seen the like of, from the table "domain"; "" if all is within."""
    parts = []
    for row in table:
        if row.get("outside"):
            far = row.get("distance")
            much = f" ({far:.1f} times the limit)" if isinstance(far, float) else ""
            parts.append(f"{row['quantity']}{much or _against_limit(row, ' ({value}, usual up to {limit})')}")
    return ", ".join(parts)


def within_in_words(table: Table) -> list[str]:
    """What of the image is as the model knows it, with numbers where the table "domain" has them; a line each."""
    lines = []
    for row in table:
        told = _against_limit(row, ": {value}, usual up to {limit}.") or _against_limit(row, ": {value}.", "value")
        if told and not row.get("outside"):
            lines.append(f"{row['quantity']}{told}")
    return lines


def _against_limit(row: Mapping[str, Cell], words: str, *needed: str) -> str:
    """The numbers of a row in words; "" where it lacks one."""
    unit = f" {row['unit']}" if row.get("unit") else ""
    numbers = {key: row.get(key) for key in needed or ("value", "limit")}
    if not all(isinstance(number, float | int) for number in numbers.values()):
        return ""
    return words.format(**{key: f"{number:.4g}{unit}" for key, number in numbers.items()})

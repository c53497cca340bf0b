"""What the images tell of a computed sequence, in sentences, from the method's table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from synthetic_imaging.table import Table


class Trust(str, Enum):
    """How far the wanted sequence can be relied on."""

    KNOWN = "known"
    PART = "known in part"
    HARDLY = "hardly known"


@dataclass(frozen=True)
class Knowledge:
    """A table of what the images tell, for people.

    Attributes:
        headline: of the wanted sequence.
        trust: of the wanted sequence; None where the table does not say.
        lines: of all else.
    """

    headline: str
    trust: Trust | None
    lines: tuple[str, ...]


def in_words(table: Table) -> Knowledge:
    """Sentences for the table "knowledge"; what cannot be read as such is left out."""
    keys = {column.key for column in table.columns}
    if not {"quantity", "told", "left", "verdict"} <= keys:
        return Knowledge("", None, ())
    headline, trust, lines = "", None, []
    for row in table:
        name, told, left = str(row["quantity"] or ""), row["told"], row["left"]
        verdict = str(row["verdict"] or "")
        if isinstance(told, float | int):
            sentence = f"{name}: {verdict}. The images settle {told:.0f} % of what was open"
            sentence += f"; ± {left:.0f} % of its mean stays open." if isinstance(left, float | int) else "."
            if trust is None:
                headline, trust = sentence, _trust(verdict)
            else:
                lines.append(sentence)
        elif isinstance(left, float | int):
            lines.append(f"{name}: {left:.1f} %.")
        elif name and verdict:
            lines.append(f"{name}: {verdict}.")
    return Knowledge(headline, trust, tuple(lines))


def _trust(verdict: str) -> Trust:
    if verdict.startswith(Trust.PART.value):
        return Trust.PART
    return Trust.KNOWN if verdict.startswith(Trust.KNOWN.value) else Trust.HARDLY

"""The report: rows of what, value, state and what to do; and as text that can be sent to anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from synthetic_imaging.setup.privacy import anonymous


class State(str, Enum):
    """How a thing stands. OPTIONAL: not there, and no tool of today needs it."""

    OK = "ok"
    MISSING = "missing"
    WARNING = "warning"
    OPTIONAL = "optional"


SIGNS = {State.OK: "ok", State.MISSING: "MISSING", State.WARNING: "WARNING", State.OPTIONAL: "-"}


@dataclass(frozen=True)
class Row:
    """One line of the report.

    Attributes:
        what: what it is about ("Graphics card").
        value: what was found, with units.
        state: see `State`.
        advice: what to do, one sentence; "" when there is nothing to do.
        part_of: ``what`` of the row that sums this one up; "" for rows that stand alone.
    """

    what: str
    value: str
    state: State = State.OK
    advice: str = ""
    part_of: str = ""


@dataclass(frozen=True)
class Report:
    """All rows, in reading order."""

    rows: tuple[Row, ...]

    @property
    def main(self) -> tuple[Row, ...]:
        """The rows without the parts that another row sums up, except parts that need attention."""
        return tuple(r for r in self.rows if not r.part_of or r.state in (State.MISSING, State.WARNING))

    @property
    def missing(self) -> tuple[Row, ...]:
        """What must be installed or repaired before the tools work."""
        return tuple(r for r in self.rows if r.state is State.MISSING)

    @property
    def sentence(self) -> str:
        """One line for a home page."""
        alone = [r for r in self.rows if not r.part_of]
        missing = [r.what.lower() for r in alone if r.state is State.MISSING]
        warned = [r.what.lower() for r in alone if r.state is State.WARNING]
        if missing:
            return f"Not ready. To be put right: {', '.join(missing)}."
        if warned:
            return f"Ready. Worth a look: {', '.join(warned)}."
        return "Ready: everything that today's tools need is installed."

    def text(self) -> str:
        """Plain text to send to somebody: no user name, no full path, no password, no patient data."""
        width = max((len(r.what) for r in self.rows), default=0) + 2
        lines = ["SyntheticImaging, set-up report (research use, not for diagnosis)"]
        for row in self.rows:
            indent = "  " if row.part_of else ""
            lines.append(f"{SIGNS[row.state]:<8} {indent + row.what:<{width}} {row.value}".rstrip())
            if row.advice:
                lines.append(f"{'':<9}{'':<{width}} -> {row.advice}")
        return anonymous("\n".join(lines)) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"rows": [asdict(r) | {"state": r.state.value} for r in self.rows], "sentence": self.sentence}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Report:
        """The report from `to_dict`."""
        return cls(tuple(Row(**{**r, "state": State(r["state"])}) for r in values["rows"]))

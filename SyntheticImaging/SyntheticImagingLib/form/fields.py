"""One row of a form: which widget, which steps, what "automatic" means."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Literal

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.parameters import Field, convert

Widget = Literal["slider", "number", "choice", "check", "text"]

AUTOMATIC = "automatic"
_LARGEST = 1e9
_LARGEST_INT = 2_147_483_647
_MOST_DECIMALS = 6
# unit -> (step, step of a short range, the span from which a range is long)
_USUAL_STEPS = {
    "HU": (1.0, 0.5, 20.0),
    "%": (1.0, 0.5, 20.0),
    "degrees": (1.0, 0.5, 20.0),
    "mm": (0.5, 0.1, 20.0),
    "ml": (0.1, 0.01, 10.0),
    "times": (0.05, 0.01, 2.0),
    "": (1.0, 0.1, 100.0),
}
_LEAST_DECIMALS = {"mm": 1, "ml": 2, "times": 2, "": 1}


@dataclass(frozen=True)
class FormField:
    """How one parameter is shown.

    Attributes:
        field: the parameter as the tool declares it.
        widget: slider for a number with a range, number for one without, choice, check, text.
        step: of the slider or the arrows of a number.
        decimals: digits after the point; enough for step, default and both ends of the range.
        key: in the parameter node, "lesions.handcrafted.size".
    """

    field: Field
    widget: Widget
    step: float
    decimals: int
    key: str

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return self.field.name

    @property
    def label(self) -> str:
        """What stands beside the widget."""
        return self.field.label

    @property
    def unit(self) -> str:
        """Unit of the number, or ""."""
        return self.field.unit

    @property
    def suffix(self) -> str:
        """The unit with a space before it, as a spin box shows it."""
        return f" {self.field.unit}" if self.field.unit else ""

    @property
    def default(self) -> Any:
        """The default as a plain value; None for automatic."""
        return plain(self.field.default)

    @property
    def optional(self) -> bool:
        """Whether it can be left to the tool."""
        return self.field.optional

    @property
    def low(self) -> float:
        """Smallest number that can be entered."""
        if self.field.within:
            return self.field.within[0]
        return -float(_LARGEST_INT) if self.field.type is int else -_LARGEST

    @property
    def high(self) -> float:
        """Largest number that can be entered."""
        if self.field.within:
            return self.field.within[1]
        return float(_LARGEST_INT) if self.field.type is int else _LARGEST

    @cached_property
    def choices(self) -> tuple[tuple[Any, str], ...]:
        """(plain value, words) of each choice, the automatic one first; empty for other widgets."""
        if self.widget != "choice":
            return ()
        found: list[tuple[Any, str]] = [(None, AUTOMATIC.capitalize())] if self.optional else []
        if self.field.type is bool:
            return (*found, (True, "Yes"), (False, "No"))
        return (*found, *((value, value[:1].upper() + value[1:]) for value in self.field.choices))

    @cached_property
    def meaning_of_automatic(self) -> str:
        """What the tool does when it is left to it, from the help: "fits the organ and its contrast phase"; or ""."""
        if not self.optional and AUTOMATIC not in self.field.choices:
            return ""
        for sentence in _sentences(self.field.help):
            match = re.match(r"automatic(?:ally)?\b[:,]?\s*(.+)", sentence, re.IGNORECASE)
            if match:
                return match[1].rstrip(".").split("; '")[0]
        return ""

    @cached_property
    def tip(self) -> str:
        """Help, range and default in a few lines, for a tool tip."""
        lines = [self.field.help] if self.field.help else []
        if self.field.within:
            low, high = (f"{end:.10g}" for end in self.field.within)
            lines.append(f"{low} to {high}{self.suffix}")
        if self.widget != "text":
            lines.append(f"Default: {self.field.in_words(self.field.default)}")
        return "\n".join(lines)

    @cached_property
    def start(self) -> float:
        """Where a number starts when it is taken from automatic to manual: near what automatic would do."""
        if self.default is not None:
            return float(self.default)
        low, high = self.low, self.high
        said = re.search(rf"(-?\d+(?:\.\d+)?)\s*{re.escape(self.unit)}\b|(-?\d+(?:\.\d+)?)\s*%",
                         self.meaning_of_automatic) if self.unit else None
        number = float(said[1] or said[2]) if said else math.nan
        if low <= number <= high:
            return number
        if self.field.type is int or not self.field.within:
            return max(low, 1.0) if high >= 1.0 else low
        number = -0.1 * min(-low, high) if low < 0.0 < high else math.sqrt(low * high) if low > 0.0 else high / 3.0
        return round(min(high, max(low, round(number / self.step) * self.step)), self.decimals)

    def is_automatic(self, value: Any) -> bool:
        """Whether this value leaves the matter to the tool."""
        return value is None or value == AUTOMATIC

    def from_text(self, text: str) -> Any:
        """Plain value of a text of the parameter node; the default for one that does not fit (any more)."""
        try:
            return plain(convert(self.field, text))
        except ParameterError:
            return self.default

    def to_text(self, value: Any) -> str:
        """Text for the parameter node; "" for automatic.

        Raises:
            ParameterError: if the value does not fit.
        """
        value = plain(convert(self.field, value))
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return repr(value) if isinstance(value, float) else str(value)


def plain(value: Any) -> Any:
    """An Enum as its value, anything else as it is."""
    return value.value if isinstance(value, Enum) else value


def form_field(field: Field, prefix: str) -> FormField:
    """The row for a parameter; its key is "prefix.name"."""
    widget = _widget(field)
    step, decimals = _resolution(field) if widget in ("slider", "number") else (1.0, 0)
    return FormField(field, widget, step, decimals, f"{prefix}.{field.name}")


def _widget(field: Field) -> Widget:
    if field.choices or (field.type is bool and field.optional):
        return "choice"
    if field.type is bool:
        return "check"
    if field.type in (int, float):
        return "slider" if field.within else "number"
    return "text"


def _resolution(field: Field) -> tuple[float, int]:
    """Step and decimals: about a hundred steps over the range, but in steps that are usual for the unit."""
    if field.type is int:
        return 1.0, 0
    span = field.within[1] - field.within[0] if field.within else 0.0
    step = _round_down(span / 100.0) if span > 0 else 0.1
    usual = _USUAL_STEPS.get(field.unit)
    if usual is not None:
        coarse, fine, long_span = usual
        if not span or span >= long_span:
            step = coarse
        elif span >= 10 * fine:
            step = fine
    decimals = max(_LEAST_DECIMALS.get(field.unit, 0), -math.floor(math.log10(step) + 1e-9))
    exact = [v for v in (field.default, *(field.within or ())) if v is not None]
    while decimals < _MOST_DECIMALS and any(round(float(v), decimals) != float(v) for v in exact):
        decimals += 1
    return step, decimals


def _round_down(number: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above the number."""
    power = 10.0 ** math.floor(math.log10(number))
    return max(m for m in (1.0, 2.0, 5.0) if m * power <= number * (1 + 1e-9)) * power


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text.strip()) if text else []

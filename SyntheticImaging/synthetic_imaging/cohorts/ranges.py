"""Constraints: ranges of measurements, as text of a person and as numbers, and whether a case keeps them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from synthetic_imaging.cohorts.generator import Generator, Measurement, measurement_of
from synthetic_imaging.errors import ParameterError

Ranges = Mapping[str, tuple[float, float]]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"\s*([\w.-]+)\s*=\s*({_NUMBER})?\s*(?:\.\.|:|\bto\b)\s*({_NUMBER})?\s*")


def parse_ranges(text: str | Iterable[str]) -> dict[str, tuple[float, float]]:
    """Ranges from text: "lv_volume_ml=90..140, lvef_percent=30..50"; an end that is left out is open.

    Raises:
        ParameterError: if it cannot be read, or one measurement is named twice.
    """
    parts = text.split(",") if isinstance(text, str) else [p for item in text for p in item.split(",")]
    found: dict[str, tuple[float, float]] = {}
    for part in parts:
        if not part.strip():
            continue
        match = _RANGE.fullmatch(part)
        if match is None or (match[2] is None and match[3] is None):
            raise ParameterError(
                f"The range '{part.strip()}' cannot be read. Write it like lv_volume_ml=90..140; several with commas."
            )
        if match[1] in found:
            raise ParameterError(f"There are two ranges for '{match[1]}'. Give one.")
        found[match[1]] = (float(match[2] or -math.inf), float(match[3] or math.inf))
    return found


def parse_settings(text: str | Iterable[str]) -> dict[str, str]:
    """Settings of a model from text: "steps=20, sampler=ddim".

    Raises:
        ParameterError: if it cannot be read, or one is named twice.
    """
    parts = text.split(",") if isinstance(text, str) else [p for item in text for p in item.split(",")]
    found: dict[str, str] = {}
    for part in parts:
        if not part.strip():
            continue
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or not name:
            raise ParameterError(f"The setting '{part.strip()}' cannot be read. Write it like steps=20.")
        if name in found:
            raise ParameterError(f"The setting '{name}' is given twice. Give it once.")
        found[name] = value
    return found


def checked_ranges(generator: Generator, ranges: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Ranges as numbers, each of a measurement that the model has.

    Raises:
        ParameterError: if a measurement is unknown, or the lower end lies above the upper one.
    """
    found: dict[str, tuple[float, float]] = {}
    for name, (low, high) in ranges.items():
        measurement_of(generator, name)
        low, high = float(low), float(high)
        if math.isnan(low) or math.isnan(high) or low > high:
            raise ParameterError(
                f"The range of '{name}' goes from {low:g} to {high:g}. Its lower end must not lie above its upper end."
            )
        found[name] = (low, high)
    return dict(sorted(found.items()))


def outside(ranges: Ranges, measured: Mapping[str, float]) -> str:
    """Name of the first measurement that is out of its range, or ""; what was not measured counts as within."""
    for name, (low, high) in ranges.items():
        if name in measured and not low <= measured[name] <= high:
            return name
    return ""


def in_words(measurement: Measurement, low: float, high: float) -> str:
    """"90 to 140 ml", "at least 90 ml", "90 ml or less", "any"."""
    unit = f" {measurement.unit}" if measurement.unit else ""
    if math.isinf(low) and math.isinf(high):
        return "any"
    if math.isinf(high):
        return f"at least {low:g}{unit}"
    if math.isinf(low):
        return f"at most {high:g}{unit}"
    return f"{low:g} to {high:g}{unit}"


def ranges_as_text(ranges: Ranges) -> str:
    """The text that `parse_ranges` reads."""
    def end(value: float) -> str:
        return "" if math.isinf(value) else f"{value:.10g}"

    return ", ".join(f"{name}={end(low)}..{end(high)}" for name, (low, high) in ranges.items())

"""What a model would make: measurements of many cases, drawn without an image, as histograms under ranges."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

from synthetic_imaging.cohorts.generator import Drawing, Measurement
from synthetic_imaging.cohorts.plan import CohortPlan
from synthetic_imaging.cohorts.ranges import outside

COUNT = 1500
BINS = 40
_STEPS = 100


@dataclass(frozen=True)
class Histogram:
    """How often a measurement takes which value.

    Attributes:
        low, high: ends of the axis; beyond them lies nothing that was drawn.
        everything: cases in each bin.
        kept: those of them that keep all ranges.
    """

    low: float
    high: float
    everything: tuple[int, ...]
    kept: tuple[int, ...]


class Draws:
    """Measurements of many cases of a model with its settings, drawn a little at a time.

    Attributes:
        model: id of the model.
        settings: as in the plan.
        values: measurement -> one number for each case drawn.
    """

    def __init__(self, plan: CohortPlan, count: int = COUNT) -> None:
        """Begin with nothing drawn; the plan's ranges do not matter.

        Raises:
            ParameterError: if there is no such model or setting.
        """
        self.model, self.settings = plan.generator, dict(plan.settings)
        self._plan = plan
        self._generator = CohortPlan(plan.generator, 1, plan.seed, {}, plan.settings).make_generator()
        self._rows: list[Mapping[str, float]] = []
        self._count = count if isinstance(self._generator, Drawing) else 0
        self.values: dict[str, list[float]] = {}

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """What the model measures."""
        return self._generator.measurements

    @property
    def can(self) -> bool:
        """Whether the model can tell measurements without making a case."""
        return self._count > 0

    @property
    def done(self) -> bool:
        """Whether all have been drawn."""
        return len(self._rows) >= self._count

    def poll(self, seconds: float = 0.015) -> bool:
        """Draw for so long; returns whether anything was drawn."""
        generator, before = self._generator, len(self._rows)
        end = time.monotonic() + seconds
        while isinstance(generator, Drawing) and not self.done and time.monotonic() < end:
            # Of case 0, which no cohort has.
            row = generator.draw(self._plan.rng(0, len(self._rows)))
            self._rows.append(row)
            for name, value in row.items():
                self.values.setdefault(name, []).append(float(value))
        return len(self._rows) > before

    def share(self, ranges: Mapping[str, tuple[float, float]]) -> float | None:
        """The part of the cases drawn that keep the ranges; None where nothing was drawn."""
        if not self._rows:
            return None
        return sum(not outside(ranges, row) for row in self._rows) / len(self._rows)

    def told(self, name: str) -> bool:
        """Whether this measurement is known beforehand."""
        return name in self.values

    def axis(self, name: str) -> tuple[float, float, float]:
        """Lowest value, highest value, step of a measurement, in round numbers."""
        low, high = next(m.typical for m in self.measurements if m.name == name)
        drawn = self.values.get(name)
        if drawn:
            low, high = min(low, min(drawn)), max(high, max(drawn))
        step = _round_step((high - low) / _STEPS)
        return math.floor(low / step) * step, math.ceil(high / step) * step, step

    def histogram(self, name: str, ranges: Mapping[str, tuple[float, float]]) -> Histogram | None:
        """The histogram of a measurement; None where the model does not tell it beforehand."""
        if not self.told(name):
            return None
        low, high, _step = self.axis(name)
        everything, kept = [0] * BINS, [0] * BINS
        for row in self._rows:
            if name in row:
                position = min(BINS - 1, max(0, int((row[name] - low) / (high - low) * BINS)))
                everything[position] += 1
                kept[position] += not outside(ranges, row)
        return Histogram(low, high, tuple(everything), tuple(kept))


def decimals_of(step: float) -> int:
    """Digits after the point that a step needs."""
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _round_step(number: float) -> float:
    power = 10.0 ** math.floor(math.log10(max(number, 1e-9)))
    return max(m for m in (1.0, 2.0, 5.0) if m * power <= number * (1 + 1e-9)) * power

"""What a cohort is to be. Every case follows from the plan and its number alone.

Attempt j at case i is made from ``numpy.random.default_rng([seed, i, j])`` and nothing else: any process, in any order,
after any interruption, makes the identical case. The first attempt that keeps the ranges and was not rejected by a
person is the case.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthetic_imaging.cohorts.generator import (
    CohortCase,
    Drawing,
    Generator,
    make_generator,
    measurement_of,
    plain_settings,
    weights_of,
)
from synthetic_imaging.cohorts.ranges import checked_ranges, in_words, outside
from synthetic_imaging.context import Run
from synthetic_imaging.errors import ParameterError
from synthetic_imaging.provenance import distribution_version

MOST_CASES = 100_000
# Attempts at one case: many where the measurements are known beforehand, few where each costs a whole image.
MOST_DRAWN, MOST_MADE = 5000, 40
_LOOKED_AT = 300


@dataclass(frozen=True)
class CohortPlan:
    """What is to be made.

    Attributes:
        generator: id of the model.
        number: how many cases, 1 to 100,000.
        seed: 0 or more.
        ranges: measurement -> (low, high); an open end is infinite.
        settings: the model's settings that differ from its defaults, by name.
        layout: how the files are laid out ("nrrd", "nifti", "dicom", "nnunet", "monai").
    """

    generator: str
    number: int
    seed: int
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    layout: str = "nrrd"

    def __post_init__(self) -> None:
        if isinstance(self.number, bool) or not 1 <= int(self.number) <= MOST_CASES:
            raise ParameterError(f"The number of cases is {self.number}; it must be from 1 to {MOST_CASES:,}.")
        if isinstance(self.seed, bool) or not 0 <= int(self.seed) < 2**63:
            raise ParameterError(f"The seed is {self.seed}; it must be a whole number from 0 up.")

    def make_generator(self) -> Generator:
        """The model with the plan's settings.

        Raises:
            ParameterError: if there is no such model, setting or measurement.
        """
        made = make_generator(self.generator, self.settings)
        checked_ranges(made, self.ranges)
        return made

    def rng(self, number: int, attempt: int) -> np.random.Generator:
        """The only randomness of an attempt at a case; cases count from 1, attempts from 0."""
        return np.random.default_rng([self.seed, number, attempt])

    def identity(self, generator: Generator) -> dict[str, Any]:
        """All that decides what a case looks like and how it is written: two cohorts that differ in it never mix."""
        return {
            "generator": self.generator,
            "seed": int(self.seed),
            "ranges": {name: [_plain(low), _plain(high)] for name, (low, high) in sorted(self.ranges.items())},
            "settings": plain_settings(generator),
            "layout": self.layout,
            "weights": weights_of(generator),
            "version": distribution_version(),
        }

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON and for another process."""
        return {
            "generator": self.generator, "number": int(self.number), "seed": int(self.seed),
            "ranges": {name: [_plain(low), _plain(high)] for name, (low, high) in sorted(self.ranges.items())},
            "settings": json.loads(json.dumps(dict(self.settings))), "layout": self.layout,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> CohortPlan:
        """The plan from plain values.

        Raises:
            ParameterError: if they are none of a plan.
        """
        try:
            ranges = {
                str(name): (-math.inf if low is None else float(low), math.inf if high is None else float(high))
                for name, (low, high) in plain["ranges"].items()
            }
            return cls(str(plain["generator"]), int(plain["number"]), int(plain["seed"]), ranges,
                       dict(plain["settings"]), str(plain["layout"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ParameterError(f"The plan of the cohort cannot be read ({error}). Choose another folder.") from None


@dataclass(frozen=True, eq=False)
class MadeCase:
    """A case of a cohort.

    Attributes:
        number: from 1.
        attempt: which attempt it is, from 0.
        made: how many attempts were made as whole images to find it, this one included.
        drawn: how many attempts were looked at, this one and those seen to be out of range beforehand included.
        case: image, segments, measurements.
    """

    number: int
    attempt: int
    made: int
    drawn: int
    case: CohortCase


def find_case(
    plan: CohortPlan, generator: Generator, number: int, rejected: Collection[int] = (), run: Run | None = None
) -> MadeCase:
    """Make a case: the first attempt that keeps the ranges and was not rejected.

    Args:
        plan: the plan.
        generator: from ``plan.make_generator()``.
        number: of the case, from 1.
        rejected: attempts at this case that a person rejected.
        run: progress of this case from 0 to 1, cancel and device.

    Raises:
        ParameterError: if no attempt keeps the ranges; says how many did and what the model makes.
        SyntheticImagingError: what the model says.
    """
    run = run or Run(seed=plan.seed)
    quick = generator.draw if plan.ranges and isinstance(generator, Drawing) else None
    seen: list[Mapping[str, float]] = []
    made = drawn = 0
    for attempt in range(MOST_DRAWN + len(rejected)):
        if attempt in rejected:
            continue
        run.check_cancel()
        drawn += 1
        if quick is not None:
            measured = quick(plan.rng(number, attempt))
            seen.append(measured)
            if outside(plan.ranges, measured):
                continue
        made += 1
        case = generator.make(plan.rng(number, attempt), run.part(0.0, 0.9) if made == 1 else _quietly(run))
        _check(generator, case)
        # What was seen beforehand may be a little off: the case itself decides.
        seen[len(seen) - (quick is not None):] = [case.measurements]
        if not outside(plan.ranges, case.measurements):
            return MadeCase(number, attempt, made, drawn, case)
        if made >= MOST_MADE:
            break
    raise ParameterError(f"Case {number}: {_nothing_fits(plan, generator, seen)}")


def check_ranges(plan: CohortPlan, generator: Generator) -> float | None:
    """See beforehand, without making an image, whether cases within the ranges occur.

    Returns:
        The part of 300 drawn cases that keep the ranges; None where the model cannot tell, or there are no ranges.

    Raises:
        ParameterError: if none of many keeps them; says what the model makes.
    """
    checked_ranges(generator, plan.ranges)
    if not plan.ranges or not isinstance(generator, Drawing):
        return None
    seen: list[Mapping[str, float]] = []
    kept = 0
    for attempt in range(MOST_DRAWN):
        # Of case 0, which no cohort has: the draws are the same in every process and belong to no case.
        seen.append(generator.draw(plan.rng(0, attempt)))
        kept += not outside(plan.ranges, seen[-1])
        if kept and attempt + 1 >= _LOOKED_AT:
            break
    if not kept:
        raise ParameterError(_nothing_fits(plan, generator, seen))
    return kept / len(seen)


def _nothing_fits(plan: CohortPlan, generator: Generator, seen: list[Mapping[str, float]]) -> str:
    wanted = " and ".join(
        f"{name} {in_words(measurement_of(generator, name), *limits)}" for name, limits in plan.ranges.items()
    ) or "what was asked"
    kept = sum(not outside(plan.ranges, one) for one in seen)
    rate = f"{kept} of {len(seen)} attempts had {wanted}"
    occurring = []
    for name in plan.ranges:
        values = [one[name] for one in seen if name in one]
        if values:
            measurement = measurement_of(generator, name)
            occurring.append(f"{name} from {in_words(measurement, _short(min(values)), _short(max(values)))}")
    makes = f" '{generator.title}' makes {', '.join(occurring)}." if occurring else ""
    return f"{rate}, too few to go on.{makes} Widen the ranges."


def _check(generator: Generator, case: CohortCase) -> None:
    """A mistake of the generator's author must not become a quiet one of the cohort."""
    for measurement in generator.measurements:
        value = case.measurements.get(measurement.name)
        if value is None or not math.isfinite(value):
            raise ParameterError(f"'{generator.title}' gave no number for '{measurement.name}' ({value}).")
    if not case.segments.geometry.same_grid(case.image.geometry, 0.0):
        raise ParameterError(f"'{generator.title}' gave segments on another grid than the image.")
    if case.segments.layers.shape[0] != 1 or not set(case.segments.names) <= set(generator.structures):
        raise ParameterError(f"'{generator.title}' gave other segments than it declares: {case.segments.names}.")
    if case.image.voxels.dtype.kind == "f" and not np.isfinite(case.image.voxels).all():
        raise ParameterError(f"'{generator.title}' gave voxels that are not numbers.")


def _quietly(run: Run) -> Run:
    """A context that can be cancelled but reports nothing: the progress of a second attempt would fall back."""
    return Run(run.seed, run.device, run.scratch, cancelled=run.cancelled, notes=run.notes)


def _plain(value: float) -> float | None:
    # JSON has no infinity.
    return None if math.isinf(value) else float(value)


def _short(value: float) -> float:
    return float(f"{value:.3g}")

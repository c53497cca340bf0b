"""The tool: a few cases of a cohort at once, for looking at; large cohorts go into a folder (`making`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from synthetic_imaging.cohorts.generator import CohortCase, weights_of
from synthetic_imaging.cohorts.plan import CohortPlan, check_ranges, find_case
from synthetic_imaging.cohorts.ranges import parse_ranges, parse_settings
from synthetic_imaging.cohorts.records import TITLE, TOOL, case_name
from synthetic_imaging.context import Run
from synthetic_imaging.errors import ParameterError
from synthetic_imaging.parameters import Advanced, Help, Label, Within
from synthetic_imaging.table import Cell, Column, Table
from synthetic_imaging.tool import Kind, Output, Outputs, tool

MOST_AT_ONCE = 64
# More than any of the models takes for a case of its default size, while it is made.
_BYTES = 600_000_000


class Model(str, Enum):
    """What can make a cohort; one for each of `GENERATORS`."""

    PHANTOM_CT = "hearts.phantom-ct"
    PHANTOM_ECHO = "hearts.phantom-echo"
    DIFF3 = "diff3"
    CARDIAC_CT = "ct-cardiac"


@dataclass(frozen=True)
class CohortParameters:
    """Which cases."""

    model: Annotated[Model, Label("Model"), Help("What the cases are made with.")] = Model.PHANTOM_CT
    number: Annotated[int, Label("Number of cases"), Within(1, MOST_AT_ONCE),
                      Help("How many are made and measured.")] = 4
    show: Annotated[int, Label("Case shown"), Within(1, MOST_AT_ONCE),
                    Help("Number of the case that is returned as volume and segments.")] = 1
    ranges: Annotated[str, Label("Ranges"), Help(
        "Measurements that every case must keep, such as lv_volume_ml=90..140; several with commas; an end may be left "
        "out.")] = ""
    settings: Annotated[str, Label("Settings of the model"), Advanced, Help(
        "Such as steps=20; several with commas. The command cohort shows what a model knows.")] = ""


def plan_of(parameters: CohortParameters, seed: int) -> CohortPlan:
    """The plan that the parameters and the run's seed mean.

    Raises:
        ParameterError: if they contradict each other, or there is no such setting or measurement.
    """
    if parameters.show > parameters.number:
        raise ParameterError(
            f"'Case shown' is {parameters.show}, but only {parameters.number} are made. Choose one of these."
        )
    plan = CohortPlan(parameters.model.value, parameters.number, seed, parse_ranges(parameters.ranges),
                      parse_settings(parameters.settings))
    plan.make_generator()
    return plan


def _memory(inputs: Mapping[str, Any], parameters: Any) -> int:
    del inputs, parameters
    return _BYTES


@tool(
    TOOL,
    title=TITLE,
    sentence="Makes synthetic cases, image and segments, with measurements in the ranges that are asked for.",
    reference="Each model's own; the phantom hearts rest on published sizes and are no patients.",
    inputs=[],
    outputs=[
        Output("volume", Kind.VOLUME, "The case shown"),
        Output("segments", Kind.MASK, "Its structures"),
        Output("table", Kind.TABLE, "Measurements of all cases"),
    ],
    memory_bytes=_memory,
    limits="Phantoms are drawn, not scanned: anatomy is simplified and pathology is limited to what is drawn. "
    "Trained models have learned from these phantoms, and make smoother images than they have seen.",
    accelerated=True,
)
def generate(parameters: CohortParameters, run: Run) -> Outputs:
    """Make and measure ``number`` cases; return one of them."""
    plan = plan_of(parameters, run.seed)
    generator = plan.make_generator()
    run.progress(0.01, "ranges")
    check_ranges(plan, generator)
    shown: CohortCase | None = None
    rows: list[tuple[Cell, ...]] = []
    drawn = 0
    for number in range(1, plan.number + 1):
        part = run.part(0.02 + 0.97 * (number - 1) / plan.number, 0.02 + 0.97 * number / plan.number)
        part.progress(0.0, f"case {number} of {plan.number}")
        found = find_case(plan, generator, number, run=part)
        drawn += found.drawn
        measured = found.case.measurements
        rows.append((case_name(number), found.attempt, *(float(measured[m.name]) for m in generator.measurements)))
        if number == parameters.show:
            shown = found.case
    if plan.ranges:
        run.note(f"{plan.number} of {drawn} attempts lay in the ranges ({100 * plan.number / drawn:.3g} %).")
    for name, digest in weights_of(generator).items():
        run.uses_weights(name, digest)
    run.note(f"{generator.title}: {generator.sentence}")
    assert shown is not None
    columns = (Column("case", "Case"), Column("attempt", "Attempt"),
               *(Column(m.name, m.title, m.unit) for m in generator.measurements))
    return Outputs(volume=shown.image, segments=shown.segments, table=Table(columns, tuple(rows), name="cohort"))

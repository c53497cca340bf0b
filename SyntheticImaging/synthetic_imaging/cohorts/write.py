"""Make a cohort into a folder as a job of a user interface: in a child process, with progress and cancel.

    job = jobs.Job(write_cohort, {}, {"model": "hearts.phantom-ct", "number": 40, "folder": "/data/hearts"}, seed=7)

Not in the catalogue: a tool there knows no file. What it has made is read from the folder (`CohortFolder.at`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

from synthetic_imaging.cohorts.cluster import MOST_WORKERS, Cluster
from synthetic_imaging.cohorts.layouts import LAYOUTS
from synthetic_imaging.cohorts.making import acceptance, make_cohort
from synthetic_imaging.cohorts.plan import MOST_CASES, CohortPlan
from synthetic_imaging.cohorts.ranges import parse_ranges, parse_settings
from synthetic_imaging.context import Run
from synthetic_imaging.errors import ParameterError
from synthetic_imaging.parameters import Advanced, Help, Label, Within
from synthetic_imaging.tool import Outputs, tool


class LayoutChoice(str, Enum):
    """How the files are laid out; one for each of `LAYOUTS`."""

    NRRD = "nrrd"
    NIFTI = "nifti"
    DICOM = "dicom"
    NNUNET = "nnunet"
    MONAI = "monai"


assert {choice.value for choice in LayoutChoice} == set(LAYOUTS)


@dataclass(frozen=True)
class WriteParameters:
    """Which cohort, and where it goes."""

    model: Annotated[str, Label("Model")] = "hearts.phantom-ct"
    number: Annotated[int, Label("Number of cases"), Within(1, MOST_CASES)] = 40
    ranges: Annotated[str, Label("Ranges"), Help("Such as lv_volume_ml=90..140; several with commas.")] = ""
    settings: Annotated[str, Label("Settings of the model"), Advanced] = ""
    folder: Annotated[str, Label("Folder"), Help("New, empty, or of the same cohort, which is then gone on with.")] = ""
    layout: Annotated[LayoutChoice, Label("Files")] = LayoutChoice.NRRD
    workers: Annotated[int, Label("Processes"), Within(0, MOST_WORKERS), Advanced,
                       Help("0: this one; more: so many on this computer.")] = 0
    scheduler: Annotated[str, Label("Dask scheduler"), Advanced, Help("Such as tcp://server:8786.")] = ""


@tool(
    "cohorts.write", title="Write a cohort", sentence="Makes a cohort of synthetic cases in a folder.",
    reference="Each model's own.", inputs=[], outputs=[], memory_bytes=lambda inputs, parameters: 600_000_000,
    accelerated=True,
)
def write_cohort(parameters: WriteParameters, run: Run) -> Outputs:
    """Make what the folder lacks."""
    if not parameters.folder.strip():
        raise ParameterError("Choose a folder for the cohort.")
    plan = CohortPlan(parameters.model, parameters.number, run.seed, parse_ranges(parameters.ranges),
                      parse_settings(parameters.settings), parameters.layout.value)
    cluster = Cluster(parameters.scheduler, parameters.workers) if parameters.scheduler or parameters.workers else None
    folder = make_cohort(plan, Path(parameters.folder), run, cluster=cluster)
    run.note(f"{len(folder.kept)} cases are in the folder.")
    if plan.ranges:
        run.note(f"{100 * acceptance(folder.records.values()):.3g} % of the attempts lay in the ranges.")
    return Outputs()

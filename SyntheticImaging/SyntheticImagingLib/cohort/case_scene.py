"""One case of a cohort in the scene: volume, segments with surfaces, measurements, in one folder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from synthetic_imaging.cohorts import making
from synthetic_imaging.cohorts.folder import CohortFolder
from synthetic_imaging.cohorts.generate import generate
from synthetic_imaging.cohorts.generator import CohortCase
from synthetic_imaging.cohorts.layouts import read_case
from synthetic_imaging.cohorts.plan import MadeCase
from synthetic_imaging.cohorts.ranges import ranges_as_text
from synthetic_imaging.cohorts.records import CaseRecord, stamped
from synthetic_imaging.mask import Mask
from synthetic_imaging.running import Result
from synthetic_imaging.table import Table
from synthetic_imaging.tool import Outputs
from synthetic_imaging.volume import Volume
from SyntheticImagingLib.cohort.models import settings_as_text
from SyntheticImagingLib.display import make_surfaces, show_segments
from SyntheticImagingLib.task.background import Background
from SyntheticImagingLib.task.remembering import remember
from SyntheticImagingLib.task.results import Made, add_results

WALL_OPACITY = 0.35
# What lies around others in 3-D, and would hide them.
WALLS = ("MYO", "LV myocardium", "myocardium", "shell")


class CaseReading:
    """Reads image and segments of a case in the background.

    Attributes:
        record: the case.
    """

    def __init__(self, folder: CohortFolder, record: CaseRecord) -> None:
        self.folder, self.record = folder, record
        path = folder.path
        self.work = Background(lambda: read_case(path, record), "Reading the case")

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self.work.done


def show_case(scene: Any, folder: CohortFolder, record: CaseRecord, case: tuple[Volume, Mask]) -> Made:
    """Put a case into the scene as new nodes, marked as synthetic, with the record of how it came to be.

    Args:
        scene: the MRML scene.
        folder: the cohort.
        record: the case.
        case: its image and segments, as `read_case` gives them.

    Returns:
        What was made: outputs "volume", "segments" and the table of all cases; `task.remove` takes it out again.

    Raises:
        InputError: if MRML cannot hold it.
    """
    plan, generator = folder.plan, folder.plan.make_generator()
    image, segments = case
    found = MadeCase(record.number, record.attempt, record.made, record.drawn,
                     CohortCase(image, segments, record.measurements))
    marked = stamped(plan, generator, found, record.seconds, "cpu")
    # What the file itself says of how it came to be knows more.
    volume = replace(marked.image, provenance=image.provenance or marked.image.provenance, modality=generator.modality)
    mask = replace(marked.segments, provenance=segments.provenance or marked.segments.provenance)
    table = _without_decisions(making.measurements_table(plan, (r for _n, r in sorted(folder.records.items()))))
    table = replace(table, provenance=marked.image.provenance)
    notes = (f"{generator.title}: {generator.sentence}",)
    result = Result(generate.id, Outputs(volume=volume, segments=mask, table=table), plan.seed, record.seconds, notes)
    made = add_results(scene, generate, result, {})
    remember(made, {
        "model": plan.generator, "number": plan.number, "show": record.number, "ranges": ranges_as_text(plan.ranges),
        "settings": settings_as_text(plan.settings),
    })
    show_segments(made.lesions, opacity_3d=dict.fromkeys(WALLS, WALL_OPACITY))
    return made


def _without_decisions(table: Table) -> Table:
    """Decisions change while the table stays in the scene."""
    left = [n for n, column in enumerate(table.columns) if column.key != "decision"]
    return Table(tuple(table.columns[n] for n in left), tuple(tuple(row[n] for n in left) for row in table.rows),
                 name=table.name)


def size_of(volume: Any) -> tuple[float, ...]:
    """How large the box around an image is (mm): cases of one model are alike, wherever they lie."""
    bounds = _bounds(volume)
    return tuple(round(bounds[2 * axis + 1] - bounds[2 * axis], 3) for axis in range(3))


def middle_of(volume: Any) -> tuple[float, float, float]:
    """The middle of an image (RAS mm)."""
    bounds = _bounds(volume)
    r, a, s = ((bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3))
    return (r, a, s)


def _bounds(node: Any) -> list[float]:
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    return bounds


def show_surfaces(made: Made) -> None:
    """Make and show the surfaces of a case's segments."""
    make_surfaces(made.lesions)
    display = made.lesions.GetDisplayNode()
    display.SetVisibility(True)
    display.SetVisibility3D(True)

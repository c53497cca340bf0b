"""Cohorts from a script: made, or shown, before the call returns."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthetic_imaging.cohorts.folder import CohortFolder, chosen
from synthetic_imaging.cohorts.layouts import read_case
from synthetic_imaging.cohorts.plan import CohortPlan
from synthetic_imaging.context import Progress
from SyntheticImagingLib.cohort.case_scene import show_case, show_surfaces
from SyntheticImagingLib.cohort.cohort_task import CohortTask
from SyntheticImagingLib.task.results import Made

_POLL_SECONDS = 0.03


def make_and_wait(
    plan: CohortPlan, folder: Path, on_progress: Callable[[Progress], None] | None = None
) -> CohortFolder:
    """Make what a folder lacks of a plan.

    Args:
        plan: what to make.
        folder: new, empty, or with the same cohort begun in it.
        on_progress: called with each new progress, in this thread.

    Raises:
        SyntheticImagingError: the sentence, if it failed.
    """
    task = CohortTask(plan, folder)
    heard: Progress | None = None
    try:
        task.start()
        while not task.finished:
            task.poll()
            if on_progress is not None and task.progress != heard:
                heard = task.progress
                on_progress(heard)
            time.sleep(_POLL_SECONDS)
    finally:
        task.close()
    if task.error is not None:
        raise task.error
    return CohortFolder.at(folder)


def show_now(scene: Any, folder: Path, number: int) -> Made:
    """Put a case of a folder into the scene, with surfaces.

    Raises:
        SyntheticImagingError: if there is no such case, or it cannot be read.
    """
    found = CohortFolder.at(folder)
    record = chosen(found, [number])[0]
    made = show_case(scene, found, record, read_case(found.path, record))
    show_surfaces(made)
    return made

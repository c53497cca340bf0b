"""A few cases of a plan in a folder of our own, to be looked at before the cohort is made."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthetic_imaging.cohorts.folder import CohortFolder
from synthetic_imaging.cohorts.plan import CohortPlan
from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging.jobs.scratch import make_scratch, remove_scratch
from SyntheticImagingLib.cohort.cohort_task import CohortTask


class Previews:
    """The preview of one plan at a time, in a scratch folder that is removed in the end.

    Attributes:
        folder: where the preview lies, or None.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._key: dict[str, Any] = {}
        self._scratch: Path | None = None
        self._count = 0

    def scratch(self) -> Path:
        """A folder for whatever is to be seen only; made when it is asked for."""
        if self._scratch is None or not self._scratch.is_dir():
            self._scratch = make_scratch()
        return self._scratch

    def task(self, plan: CohortPlan, title: str) -> CohortTask:
        """The task that makes the first cases of a plan; it goes on in the preview that is there, if that is of it.

        Raises:
            SyntheticImagingError: a sentence, if the plan cannot be made.
        """
        key = looks_of(plan)
        if self.folder is None or self._key != key:
            self.forget()
            self._count += 1
            self._key, self.folder = key, self.scratch() / f"preview-{self._count}"
        with contextlib.suppress(SyntheticImagingError):  # none yet: as many as are asked for
            plan = replace(plan, number=max(plan.number, CohortFolder.at(self.folder).plan.number))
        return CohortTask(plan, self.folder, title=title, temporary=True)

    def rejected(self, plan: CohortPlan) -> set[tuple[int, int]]:
        """(case, attempt) that were rejected in the preview, as far as it is one of this plan."""
        if self.folder is None or self._key != looks_of(plan):
            return set()
        try:
            decided = CohortFolder.at(self.folder).rejected
        except SyntheticImagingError:
            return set()
        return {(number, attempt) for number, attempt in decided if number <= plan.number}

    def forget(self) -> None:
        """Remove the preview."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def close(self) -> None:
        """Remove everything."""
        self.folder = None
        if self._scratch is not None:
            remove_scratch(self._scratch)
            self._scratch = None


def looks_of(plan: CohortPlan) -> dict[str, Any]:
    """What decides how the cases of a plan look: not how many there are, and not how they are written."""
    return {name: value for name, value in plan.to_plain().items() if name not in ("number", "layout")}

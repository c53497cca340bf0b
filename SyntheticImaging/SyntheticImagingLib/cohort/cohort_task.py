"""A cohort made into a folder, in a child process that a timer listens to."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from synthetic_imaging.cohorts.folder import CohortFolder
from synthetic_imaging.cohorts.plan import CohortPlan
from synthetic_imaging.cohorts.ranges import ranges_as_text
from synthetic_imaging.context import Progress
from synthetic_imaging.errors import Cancelled, FileError, ParameterError, SyntheticImagingError
from synthetic_imaging.jobs import Job, State
from SyntheticImagingLib.cohort.models import settings_as_text
from SyntheticImagingLib.task.state import TaskState

_STATES = {
    State.NEW: TaskState.NEW, State.RUNNING: TaskState.RUNNING, State.STOPPING: TaskState.STOPPING,
    State.DONE: TaskState.DONE, State.FAILED: TaskState.FAILED, State.CANCELLED: TaskState.CANCELLED,
}


class CohortTask:
    """Makes what a folder lacks of a plan; finished cases stay whatever happens, and the same task goes on from there.

    A timer calls `poll` until `finished`, as with the other tasks.

    Attributes:
        plan: what is made.
        path: where.
        temporary: whether the folder is thrown away in the end, and so is of no interest to the user.
        title: in words.
        seed: of the plan.
        state, error, seconds: as of a `SceneTask`.
    """

    def __init__(
        self, plan: CohortPlan, folder: Path, *, rejected: Collection[tuple[int, int]] = (), workers: int = 0,
        title: str = "Make a cohort", temporary: bool = False,
    ) -> None:
        """Check what can be refused at once.

        Args:
            plan: what to make.
            folder: new, empty, or with the same cohort begun in it; given with its full path.
            rejected: (case, attempt) that a person rejected in a preview of the same plan.
            workers: how many processes of this computer make cases; 0 for one without a cluster.
            title: what it is called in a line about it.
            temporary: whether the folder is one that the user does not know of.

        Raises:
            SyntheticImagingError: a sentence, if the plan or the folder cannot be used.
        """
        from synthetic_imaging.cohorts.write import write_cohort

        self.plan, self.path, self.title, self.temporary = plan, Path(folder), title, temporary
        if not self.path.is_absolute():  # it would end up wherever the program was started
            raise FileError("Give the folder with its full path, or choose it with the button.")
        if not self.path.parent.is_dir():
            raise FileError(f"The folder '{self.path.parent}' does not exist. Create it first.")
        if any(end != end for limits in plan.ranges.values() for end in limits):
            raise ParameterError("A range is no number. Choose its ends.")
        # A phantom is drawn on the CPU: looking for a graphics card would only take time.
        device = "auto" if hasattr(plan.make_generator(), "weights") else "cpu"
        self._rejected = set(rejected)
        self._job = Job(write_cohort, {}, {
            "model": plan.generator, "number": plan.number, "ranges": ranges_as_text(plan.ranges),
            "settings": settings_as_text(plan.settings), "folder": str(self.path), "layout": plan.layout,
            "workers": workers,
        }, plan.seed, device=device)
        self.seed = plan.seed
        self.state = TaskState.NEW
        self.error: SyntheticImagingError | None = None
        self.seconds = 0.0
        self._done = 0
        self._started_at = 0.0

    @property
    def finished(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self.state.final

    @property
    def folder(self) -> Path | None:
        """Where the cases are, for the user; None for a temporary folder."""
        return None if self.temporary else self.path

    @property
    def done(self) -> int | None:
        """Cases in the user's folder that are not rejected, known when it has ended; None for a temporary folder."""
        return None if self.temporary else self._done

    @property
    def progress(self) -> Progress:
        """The last progress heard; its step counts cases and tells their pace."""
        return self._job.progress

    @property
    def notes(self) -> list[str]:
        """What the run had to say so far; nothing of a folder that the user does not know of."""
        return [n for n in self._job.notes if not (self.temporary and n.endswith("in the folder."))]

    @property
    def log(self) -> str:
        """The end of what the child printed."""
        return self._job.log

    def start(self) -> None:
        """Hand decisions over and start the child.

        Raises:
            SyntheticImagingError: if the folder holds something else, or the child cannot be started.
        """
        self._started_at = time.monotonic()
        folder = CohortFolder.opened(self.path, self.plan, self.plan.make_generator())
        if not self._rejected <= folder.rejected:
            folder.decide(folder.rejected | self._rejected)
        self._job.start()
        self.state = TaskState.RUNNING

    def poll(self) -> None:
        """Hear the child."""
        if self.finished or self.state is TaskState.NEW:
            return
        self._job.poll()
        self.seconds = time.monotonic() - self._started_at
        state = _STATES[self._job.state]
        if state.final:
            self.error = self._job.error
            self._count()
            if state is TaskState.CANCELLED:
                self.error = Cancelled(f"Cancelled. {self._stays()}")
            self._job.close()
        self.state = state

    def cancel(self) -> None:
        """Ask it to stop after what can be stopped; finished cases stay."""
        if not self.finished:
            self._job.cancel()
            self.state = _STATES[self._job.state]

    def close(self) -> None:
        """Stop at once; can be called at any time."""
        if not self.finished:
            self.state, self.error = TaskState.CANCELLED, Cancelled()
        self._job.close()

    def _count(self) -> None:
        try:
            self._done = len(CohortFolder.at(self.path).kept)
        except SyntheticImagingError:
            self._done = 0

    def _stays(self) -> str:
        if not self._done:
            return "No case was finished."
        made = f"{self._done} of {self.plan.number} cases are in the folder"
        return f"{made}; making the cohort again goes on from there."

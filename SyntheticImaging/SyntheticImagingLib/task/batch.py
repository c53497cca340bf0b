"""Many runs with consecutive seeds, written into folders; the scene stays as it is."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthetic_imaging.catalogue import find
from synthetic_imaging.context import Progress
from synthetic_imaging.errors import Cancelled, FileError, ParameterError, SyntheticImagingError
from synthetic_imaging.jobs import Job, State
from synthetic_imaging.jobs.output_folder import OutputFolder
from synthetic_imaging.running import Result, check_seed
from synthetic_imaging.tool import Tool
from SyntheticImagingLib.task.background import Background
from SyntheticImagingLib.task.inputs import read_inputs
from SyntheticImagingLib.task.state import TaskState

MOST = 10000
MANIFEST = "manifest.csv"


class BatchTask:
    """N runs into ``folder/0001`` ...; ``folder/manifest.csv`` lists case, seed, seconds and what went wrong.

    A case that fails (no place for a lesion, say) is noted in the manifest and the next one follows; when the first
    three fail, the batch stops with the first one's sentence. Finished cases stay when it is cancelled.

    Attributes:
        state, progress, error: as of a `SceneTask`.
        done: cases written so far.
        failed: cases that gave no result.
    """

    def __init__(
        self, tool_id: str | Tool, nodes: Mapping[str, Any], parameters: Mapping[str, Any] | None, first_seed: int,
        count: int, folder: str | os.PathLike[str], *, dicom: bool = False, device: str = "auto",
    ) -> None:
        """Check nodes, parameters and folder.

        Args:
            tool_id: the tool.
            nodes: as for a `SceneTask`; they are read once, later changes do not matter.
            parameters: by name.
            first_seed: the first case's seed; the others count up from it.
            count: number of cases, 1 to 10,000.
            folder: a new or empty folder whose parent exists.
            dicom: whether each case is also written as DICOM, into its folder ``dicom``.
            device: as for a `SceneTask`.

        Raises:
            InputError, ParameterError, MemoryShortage, FileError: each with a sentence for the user.
        """
        if not 1 <= count <= MOST:
            raise ParameterError(f"The number of cases is {count}; it must be from 1 to {MOST:,}.")
        self.tool = tool_id if isinstance(tool_id, Tool) else find(tool_id)
        self.folder, self.count, self.first_seed = Path(folder), count, check_seed(first_seed)
        self._parameters, self._dicom, self._device = dict(parameters or {}), dicom, device
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise FileError(f"'{self.folder.name}' holds files already. Choose an empty folder for the batch.")
        if not self.folder.parent.is_dir():
            raise FileError(f"The folder '{self.folder.parent}' does not exist. Create it first.")
        # Volumes are views of their nodes' arrays, which VTK keeps alive and nobody changes in place.
        self._inputs = read_inputs(self.tool, nodes)
        self._job: Job | None = Job(self.tool, self._inputs, self._parameters, self.first_seed, device=device)
        self._writing: Background | None = None
        self.state = TaskState.NEW
        self.done = self.failed = 0
        self.error: SyntheticImagingError | None = None
        self.progress = Progress(0.0, "waiting")
        self._rows: list[tuple[str, int, str, str]] = []
        self._first_error: SyntheticImagingError | None = None
        self._started_at = 0.0

    @property
    def finished(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self.state.final

    @property
    def log(self) -> str:
        """The end of what the present case's child printed."""
        return self._job.log if self._job is not None else ""

    def start(self) -> None:
        """Start the first case.

        Raises:
            FileError, JobFailed: if the scratch folder or the child cannot be used.
        """
        assert self._job is not None
        self._started_at = time.monotonic()
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise FileError(f"'{self.folder.name}' cannot be made: {error.strerror or error}.") from None
        self._job.start()
        self.state = TaskState.RUNNING

    def poll(self) -> None:
        """Go on: hear the child, write its result, start the next case."""
        if self.finished or self.state is TaskState.NEW:
            return
        try:
            self._go_on()
        except SyntheticImagingError as error:
            self._stop(TaskState.FAILED, error)

    def cancel(self) -> None:
        """Stop after what is being written; finished cases stay."""
        if self.state is TaskState.NEW:
            self._stop(TaskState.CANCELLED, Cancelled())
        elif not self.finished:
            self.state = TaskState.STOPPING
            if self._job is not None:
                self._job.cancel()

    def close(self) -> None:
        """Stop at once; can be called at any time."""
        if not self.finished:
            self._stop(TaskState.CANCELLED, Cancelled())
        if self._writing is not None:
            self._writing.wait()

    def _go_on(self) -> None:
        if self._writing is not None:
            if self._writing.done:
                self._written(self._writing)
            return
        if self._job is None:
            return
        self._job.poll()
        self._report(self._job.progress)
        if not self._job.finished:
            return
        if self._job.state is State.CANCELLED:
            self._cancelled()
        elif self._job.state is State.FAILED:
            assert self._job.error is not None
            self._case_failed(self._job.error)
        else:
            result = self._job.result
            assert result is not None
            self._writing = Background(lambda: self._write(result), "Writing a case")

    def _written(self, writing: Background) -> None:
        self._writing = None
        if writing.error is not None:  # a full disk fails every case: stop
            raise writing.error
        self.done += 1
        self._rows.append((self._case, self.first_seed + self._index, f"{writing.result:.2f}", ""))
        self._next()

    def _case_failed(self, error: SyntheticImagingError) -> None:
        self.failed += 1
        self._first_error = self._first_error or error
        self._rows.append((self._case, self.first_seed + self._index, "", str(error)))
        if self.done == 0 and self.failed >= min(3, self.count):
            raise self._first_error
        self._next()

    def _next(self) -> None:
        self._write_manifest()
        if self.state is TaskState.STOPPING:
            self._cancelled()
        elif self._index >= self.count:
            self._stop(TaskState.DONE, None)
            self.progress = Progress(1.0, "done")
        else:
            seed = self.first_seed + self._index
            self._job = Job(self.tool, self._inputs, self._parameters, seed, device=self._device)
            self._job.start()

    def _cancelled(self) -> None:
        cases = "The finished case stays" if self.done == 1 else f"{self.done} finished cases stay"
        kept = f" {cases} in the folder." if self.done else " Nothing was written."
        self._stop(TaskState.CANCELLED, Cancelled(f"Cancelled.{kept}"))

    def _stop(self, state: TaskState, error: SyntheticImagingError | None) -> None:
        if self._job is not None:
            self._job.close()
            self._job = None
        self.state, self.error = state, error
        self._inputs = {}
        if not self._rows and self.folder.is_dir() and self._writing is None and not any(self.folder.iterdir()):
            self.folder.rmdir()

    @property
    def _index(self) -> int:
        return len(self._rows)

    @property
    def _case(self) -> str:
        return f"{self._index + 1:04d}"

    def _report(self, progress: Progress) -> None:
        fraction = (self._index + progress.fraction) / self.count
        elapsed = time.monotonic() - self._started_at
        left = elapsed / self._index * (self.count - self._index - progress.fraction) if self._index else None
        step = f"case {min(self._index + 1, self.count)} of {self.count}: {progress.step}"
        self.progress = Progress(max(fraction, self.progress.fraction), step, left)

    def _write(self, result: Result) -> float:
        target = self.folder / self._case
        self._fill(OutputFolder(target), result, "nrrd")
        if self._dicom:
            self._fill(OutputFolder(target / "dicom"), result, "dicom")
        return result.seconds

    @staticmethod
    def _fill(folder: OutputFolder, result: Result, form: str) -> None:
        try:
            # A segmentation refers to the series written beside it.
            folder.fill(result, form, lambda _: None)
        finally:
            folder.close()

    def _write_manifest(self) -> None:
        target = self.folder / MANIFEST
        part = target.with_suffix(".part")
        try:
            with part.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(("case", "seed", "seconds", "problem"))
                writer.writerows(self._rows)
            part.replace(target)
        except OSError as error:
            raise FileError(f"'{MANIFEST}' cannot be written: {error.strerror or error}.") from None

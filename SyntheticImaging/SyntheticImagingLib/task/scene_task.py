"""One run of a tool on the nodes of a scene."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from typing import Any

from synthetic_imaging.catalogue import find
from synthetic_imaging.context import Progress
from synthetic_imaging.errors import Cancelled, JobFailed, SyntheticImagingError
from synthetic_imaging.jobs import Job, State
from synthetic_imaging.tool import Tool
from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.task.estimate import remember_time, voxels_in
from SyntheticImagingLib.task.inputs import check_present, read_inputs
from SyntheticImagingLib.task.remembering import remember
from SyntheticImagingLib.task.results import Made, add_results
from SyntheticImagingLib.task.state import TaskState

_STATES = {
    State.NEW: TaskState.NEW,
    State.RUNNING: TaskState.RUNNING,
    State.STOPPING: TaskState.STOPPING,
    State.FAILED: TaskState.FAILED,
    State.CANCELLED: TaskState.CANCELLED,
}


class SceneTask:
    """A tool, run in a child process on nodes; its results become new nodes in one batch.

    A timer calls `poll` every 50 to 100 ms until `finished`. If the scene is closed meanwhile, the run is stopped and
    its results are dropped.

    Attributes:
        scene: the MRML scene.
        tool: the tool.
        nodes: what went in, by input name.
        parameters: as given.
        seed: the seed used.
        state: see `TaskState`.
        seconds: since the start; of the whole run when finished.
        error: the sentence, when ``state`` is FAILED or CANCELLED.
        made: the new nodes, when ``state`` is DONE.
    """

    def __init__(
        self, scene: Any, tool_id: str | Tool, nodes: Mapping[str, Any], parameters: Mapping[str, Any] | None = None,
        seed: int | None = None, *, device: str = "auto",
    ) -> None:
        """Read the nodes and check everything that can be refused before the start.

        Raises:
            InputError, ParameterError, MemoryShortage: each with a sentence for the user.
        """
        self.scene = scene
        self.tool = tool_id if isinstance(tool_id, Tool) else find(tool_id)
        self.nodes = {name: node for name, node in nodes.items() if node is not None}
        self.parameters = dict(parameters or {})
        self._device = device
        values = read_inputs(self.tool, self.nodes)
        self._voxels = voxels_in(values)
        self._job = Job(self.tool, values, self.parameters, seed, device=device)
        self.seed = self._job.seed
        self.state = TaskState.NEW
        self.seconds = 0.0
        self.error: SyntheticImagingError | None = None
        self.made: Made | None = None
        self._started_at = 0.0
        self._unwatch: Any = None

    @property
    def finished(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self.state.final

    @property
    def progress(self) -> Progress:
        """The last progress heard."""
        return self._job.progress

    @property
    def notes(self) -> list[str]:
        """What the run had to say so far."""
        return self._job.notes

    @property
    def log(self) -> str:
        """The end of what the child printed."""
        return self._job.log

    @property
    def device(self) -> str:
        """Where it computes."""
        return self._job.device

    def start(self) -> None:
        """Hand the voxels to the child and start it.

        Raises:
            FileError: if the scratch folder cannot be used.
            JobFailed: if the child cannot be started.
        """
        self._started_at = time.monotonic()
        self._job.start()
        self.state = TaskState.RUNNING
        self._watch()

    def poll(self) -> None:
        """Hear the child; when it is done, put its results into the scene."""
        if self.finished or self.state is TaskState.NEW:
            return
        self._job.poll()
        self.seconds = time.monotonic() - self._started_at
        if not self._job.finished:
            self.state = _STATES[self._job.state]
            return
        try:
            if self._job.state is State.DONE:
                self._take_over()
            else:
                self.state, self.error = _STATES[self._job.state], self._job.error
        finally:
            self._end()

    def cancel(self) -> None:
        """Ask it to stop; `poll` sees to it that it does."""
        if not self.finished:
            self._job.cancel()
            if self._job.finished:  # it had not been started
                self.state, self.error = TaskState.CANCELLED, self._job.error
                self._end()
            else:
                self.state = TaskState.STOPPING

    def close(self) -> None:
        """Stop at once and leave nothing behind; can be called at any time."""
        if not self.finished:
            self.state, self.error = TaskState.CANCELLED, Cancelled()
        self._end()

    def again(self, seed: int | None = None) -> SceneTask:
        """The same nodes and parameters with another seed.

        Raises:
            InputError, ParameterError, MemoryShortage: as for a new task, or when a node has gone.
        """
        check_present(self.scene, self.nodes)
        return SceneTask(self.scene, self.tool, self.nodes, self.parameters, seed, device=self._device)

    def _take_over(self) -> None:
        result = self._job.result
        assert result is not None
        try:
            self.made = add_results(self.scene, self.tool, result, self.nodes)
        except SyntheticImagingError as error:
            self.state, self.error = TaskState.FAILED, error
            return
        except Exception as error:  # the host's timer must not die of it, and the user is to hear of it
            import traceback

            self.error = JobFailed("The result could not be put into the scene. The details say why.")
            self.error.details = traceback.format_exc()
            self.error.__cause__ = error
            self.state = TaskState.FAILED
            return
        self.seconds = time.monotonic() - self._started_at
        self.made.seconds = self.seconds
        remember(self.made, self.parameters)
        remember_time(self.tool, self.seconds, self._voxels)
        self.state = TaskState.DONE

    def _watch(self) -> None:
        mine = weakref.ref(self)

        def closing(*_: object) -> None:
            task = mine()
            if task is not None:
                task._drop()

        scene = self.scene
        tag = scene.AddObserver(import_slicer().vtkMRMLScene.StartCloseEvent, closing)
        self._unwatch = weakref.finalize(self, scene.RemoveObserver, tag)

    def _drop(self) -> None:
        if not self.finished:
            self.state = TaskState.DROPPED
            self._end()

    def _end(self) -> None:
        self._job.close()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

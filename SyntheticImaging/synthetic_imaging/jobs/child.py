"""Run a tool in a child process: the host never freezes, a crash does it no harm, and a cancel always works."""

from __future__ import annotations

import contextlib
import json
import os
import time
import weakref
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import synthetic_imaging
from synthetic_imaging.catalogue import find, tools
from synthetic_imaging.context import Progress
from synthetic_imaging.errors import Cancelled, FileError, MemoryShortage, SyntheticImagingError
from synthetic_imaging.jobs import ending, handover
from synthetic_imaging.jobs.device import choose_device
from synthetic_imaging.jobs.here import check_input_names, plain_parameters
from synthetic_imaging.jobs.process import ChildProcess, job_environment, python_executable
from synthetic_imaging.jobs.scratch import check_room, make_scratch, remove_scratch, scratch_error, sweep
from synthetic_imaging.running import Result, check_seed, new_seed, prepare
from synthetic_imaging.tool import Outputs, Tool

PATIENCE_SECONDS = 2.0
_TAIL_SECONDS = 1.0


class State(str, Enum):
    """Where a job stands."""

    NEW = "new"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job:
    """A tool in a child process, for a host with an event loop: nothing here waits for the tool.

    A timer calls `poll` every 50 to 100 ms until `finished`; then `result`, or `error` with its sentence, is there.

    Attributes:
        tool: the tool.
        seed: the seed used; the same seed, inputs and parameters give the same result.
        device: where it computes.
        state: see `State`.
        progress: the last progress heard.
        notes: what the run had to say so far.
        result: when ``state`` is DONE.
        error: when ``state`` is FAILED or CANCELLED.
    """

    def __init__(
        self,
        tool_id: str | Tool,
        inputs: Mapping[str, Any],
        parameters: Any = None,
        seed: int | None = None,
        *,
        device: str = "auto",
    ) -> None:
        """Check everything that can be refused before the start.

        Args:
            tool_id: id of a tool, or the tool.
            inputs: values by input name; missing or None for optional ones.
            parameters: values by name (plain or text), or the tool's parameter object; None for the defaults.
            seed: drawn when None.
            device: "auto", "cpu", "cuda", "mps".

        Raises:
            InputError, ParameterError, MemoryShortage: each with a sentence for the user.
        """
        self.tool = tool_id if isinstance(tool_id, Tool) else find(tool_id)
        self._parameters = plain_parameters(self.tool, parameters)
        check_input_names(self.tool, inputs)
        _, self._inputs = prepare(self.tool, inputs, self._parameters)
        self.seed = new_seed() if seed is None else check_seed(seed)
        self.device = choose_device(self.tool, device)
        self.state = State.NEW
        self.progress = Progress(0.0, "waiting")
        self.notes: list[str] = []
        self.result: Result | None = None
        self.error: SyntheticImagingError | None = None
        self._origins: handover.Origins = {}
        self._folder: Path | None = None
        self._process: ChildProcess | None = None
        self._asked_at: float | None = None
        self._ended_at: float | None = None
        self._last_line: dict[str, Any] | None = None
        self._cleaning: weakref.finalize[Any, Any] | None = None

    @property
    def finished(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self.state in (State.DONE, State.FAILED, State.CANCELLED)

    def start(self) -> None:
        """Hand the inputs over and start the child.

        Raises:
            FileError: if the scratch folder cannot be used or its disk is full.
            JobFailed: if the child cannot be started.
        """
        if self.state is not State.NEW:
            raise RuntimeError("a job is started once")
        sweep()
        check_room(handover.array_bytes(self._inputs))
        folder = make_scratch()
        self._folder = folder
        # Also when the host ends or forgets the job: no folder and no process stays behind.
        self._cleaning = weakref.finalize(self, remove_scratch, folder)
        try:
            self._hand_over(folder)
            self._process = self._started(folder)
        except OSError as error:
            self.close()
            raise scratch_error(error, folder.parent) from None
        except BaseException:
            self.close()
            raise
        self._cleaning.detach()
        self._cleaning = weakref.finalize(self, _end, self._process, folder)
        self.state = State.RUNNING
        self._inputs = {}

    def _hand_over(self, folder: Path) -> None:
        for name in ("in", "out", "scratch"):
            (folder / name).mkdir()
        writer = handover.Writer(folder / "in", self._origins)
        module = getattr(self.tool.function, "__module__", "")
        name = getattr(self.tool.function, "__name__", "")
        job = {
            "tool": self.tool.id,
            # A tool that is not in the catalogue is found by where it was declared.
            "place": None if tools().get(self.tool.id) is self.tool else f"{module}:{name}",
            "inputs": {name: writer.describe(value) for name, value in self._inputs.items() if value is not None},
            "parameters": self._parameters,
            "seed": self.seed,
            "device": self.device,
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")

    def _started(self, folder: Path) -> ChildProcess:
        environment = job_environment()
        # Where the package was put on the path by hand, as 3D Slicer does with a module's folder.
        root = str(Path(synthetic_imaging.__file__).parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(p for p in (root, environment.get("PYTHONPATH")) if p)
        environment["PYTHONUNBUFFERED"] = "1"
        python = python_executable()
        try:
            child = ChildProcess([python, "-m", "synthetic_imaging.jobs.worker", str(folder / "job.json")], environment)
        except OSError as error:
            raise ending.died_before_start(error, python) from None
        child.say("here")
        return child

    def cancel(self) -> None:
        """Ask it to stop; if it has not after two seconds, `poll` ends it with everything it has started."""
        if self.state is State.NEW:
            self.state, self.error = State.CANCELLED, Cancelled()
        elif self.state is State.RUNNING and self._process is not None:
            self.state, self._asked_at = State.STOPPING, time.monotonic()
            self._process.say("cancel")

    def poll(self, wait: float = 0.0) -> list[Progress]:
        """Hear what the child has said; returns the progress since the last call and updates ``state``.

        Args:
            wait: seconds to wait for the first news; 0 in a user interface.
        """
        if self._process is None or self.finished:
            return []
        # The order matters: an end that is seen before the lines are read means that no line is missed.
        code, drained = self._process.code, self._process.drained
        heard = self._hear(self._process.lines(wait))
        now = time.monotonic()
        if self._last_line is not None:
            self._finish(self._ended_by_line(self._last_line))
        elif self._asked_at is not None and now - self._asked_at > PATIENCE_SECONDS:
            self._finish(Cancelled())
        elif code is not None:
            self._ended_at = self._ended_at or now
            # Something it started may hold its output open: that is not waited for.
            if drained or now - self._ended_at > _TAIL_SECONDS:
                # A child that dies while it is asked to stop did what it was asked.
                ended = ending.silent_end(self.tool.title, code, self._process.log)
                self._finish(Cancelled() if self._asked_at is not None else ended)
        return heard

    def _hear(self, lines: list[bytes]) -> list[Progress]:
        heard = []
        for line in lines:
            try:
                message = json.loads(line)
                kind = message["kind"]
            except (ValueError, TypeError, KeyError):
                continue
            if kind == "progress":
                self.progress = Progress(message["fraction"], message["step"], message["seconds_left"])
                heard.append(self.progress)
            elif kind == "note":
                self.notes.append(message["sentence"])
            elif kind in ("done", "error"):
                self._last_line = message
        return heard

    def _ended_by_line(self, line: dict[str, Any]) -> Result | SyntheticImagingError:
        if line["kind"] == "error":
            return ending.reported_error(line)
        if self._asked_at is not None:
            return Cancelled()
        assert self._folder is not None
        folder = self._folder / "out"
        try:
            described = json.loads((folder / line["result"]).read_text(encoding="utf-8"))
            outputs = {
                name: handover.restore(value, folder, self._origins, mapped=False)
                for name, value in described["outputs"].items()
            }
        except OSError as error:
            return FileError(f"The result of '{self.tool.title}' cannot be read: {error.strerror or error}. Try again.")
        except MemoryError:
            return MemoryShortage(
                f"There is too little memory to take over the result of '{self.tool.title}'. Close other volumes."
            )
        return Result(self.tool.id, Outputs(**outputs), described["seed"], described["seconds"],
                      tuple(described["notes"]))

    def _finish(self, ended: Result | SyntheticImagingError) -> None:
        if isinstance(ended, Result):
            self.result, self.state = ended, State.DONE
        else:
            self.error = ended
            self.state = State.CANCELLED if isinstance(ended, Cancelled) else State.FAILED
        self.close()

    def close(self) -> None:
        """End the child if it still runs, and remove the scratch folder; can be called at any time, more than once."""
        if not self.finished:
            self.state, self.error = State.CANCELLED, Cancelled()
        if self._cleaning is not None:
            self._cleaning()

    @property
    def log(self) -> str:
        """The end of what the child printed."""
        return "" if self._process is None else self._process.log

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _end(process: ChildProcess, folder: Path) -> None:
    # In this order: a running child would write into the folder again.
    with contextlib.suppress(OSError):
        process.kill()
    remove_scratch(folder)


def run_in_child(
    tool_id: str | Tool,
    inputs: Mapping[str, Any],
    parameters: Any = None,
    seed: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    device: str = "auto",
) -> Result:
    """Run a tool in a child process and wait for it; arguments as for `run_here`.

    ``on_progress`` and ``cancelled`` are called in this thread.

    Raises:
        InputError, ParameterError, MemoryShortage, FileError, Cancelled: each with a sentence for the user.
        JobFailed: if the child crashed or the tool failed unexpectedly; its ``details`` hold the traceback or log.
    """
    with Job(tool_id, inputs, parameters, seed, device=device) as job:
        if cancelled is not None and cancelled():
            raise Cancelled
        job.start()
        while not job.finished:
            for progress in job.poll(wait=0.05):
                if on_progress is not None:
                    on_progress(progress)
            if cancelled is not None and cancelled():
                job.cancel()
        if job.error is not None:
            raise job.error
        assert job.result is not None
        return job.result

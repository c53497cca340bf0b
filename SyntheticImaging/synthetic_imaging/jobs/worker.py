"""The other end of a job: ``python -m synthetic_imaging.jobs.worker job.json``.

Writes one JSON object per line to standard output, of the kinds progress, note, done and error; whatever else is
printed goes to standard error, the log. Standard input is the line to the parent: the word "here" says that there is
one, "cancel" asks to stop, and its end means that the parent is gone. Without "here" the input's end means nothing:
a launcher between the two, as 3D Slicer's on Windows, may not pass it on.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from synthetic_imaging.jobs.scratch import remove_scratch

_EVERY_SECONDS = 0.05


class Lines:
    """Writes JSON lines; from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, kind: str, **content: Any) -> None:
        """One line."""
        text = json.dumps({"kind": kind, **content})
        with self._lock:
            self._stream.write(text + "\n")
            self._stream.flush()


class Parent:
    """Listens to the parent in a thread of its own."""

    def __init__(self, stream: TextIO, gone: Callable[[], None]) -> None:
        self.cancelled = threading.Event()
        self._stream, self._gone = stream, gone
        threading.Thread(target=self._listen, name="parent", daemon=True).start()

    def _listen(self) -> None:
        heard = False
        try:
            for line in self._stream:
                heard = True
                if line.strip() == "cancel":
                    self.cancelled.set()
        except (OSError, ValueError):
            pass
        if heard:
            self._gone()


def main(arguments: list[str]) -> int:
    """Run the job that the file describes; the exit code is 0 whenever a line tells how it ended."""
    own_input, lines = _take_streams()
    faulthandler.enable()
    job_file = Path(arguments[0])
    folder = job_file.parent

    first = threading.Lock()

    def parent_gone() -> None:
        # Never released: two threads may learn of it, and one must not end the other half-way.
        first.acquire()
        _end_children()
        remove_scratch(folder)
        os._exit(9)

    parent = Parent(own_input, parent_gone)
    try:
        _run(json.loads(job_file.read_text(encoding="utf-8")), folder, lines, parent)
    except BaseException as error:
        try:
            lines.write("error", **_described(error))
        except OSError:
            # The pipe broke before the listening thread saw the end: there is no parent to tell.
            parent_gone()
    sys.stdout.flush()
    sys.stderr.flush()
    return 0


def _take_streams() -> tuple[TextIO, Lines]:
    # Duplicates are kept for the protocol, and the well-known descriptors 0 and 1 are pointed elsewhere: then even
    # a compiled library that prints, or asks, cannot disturb the lines.
    try:
        own_input = os.fdopen(os.dup(0), "r", encoding="utf-8")
    except OSError:  # a launcher that has given us none
        own_input = os.fdopen(os.open(os.devnull, os.O_RDONLY), "r", encoding="utf-8")
    lines = Lines(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return own_input, lines


def _run(job: dict[str, Any], folder: Path, lines: Lines, parent: Parent) -> None:
    from synthetic_imaging.context import Progress, Run
    from synthetic_imaging.jobs import handover
    from synthetic_imaging.jobs.scratch import scratch_error
    from synthetic_imaging.running import run

    tool = _tool(job)
    origins = handover.stand_in_origins(job["inputs"])
    inputs = {n: handover.restore(d, folder / "in", origins, mapped=True) for n, d in job["inputs"].items()}
    last_time, last_step = 0.0, ""

    def report(progress: Progress) -> None:
        # A tool may report a million times; the parent need not hear more than twenty a second.
        nonlocal last_time, last_step
        now = time.monotonic()
        if progress.step != last_step or progress.fraction >= 1 or now - last_time > _EVERY_SECONDS:
            last_time, last_step = now, progress.step
            lines.write("progress", fraction=progress.fraction, step=progress.step, seconds_left=progress.seconds_left)

    context = Run(
        seed=job["seed"], device=job["device"], scratch=folder / "scratch", report=report,
        cancelled=parent.cancelled.is_set,
    )
    result = run(tool, context=context, **inputs, **job["parameters"])
    for note in result.notes:
        lines.write("note", sentence=note)
    context.check_cancel()
    try:
        writer = handover.Writer(folder / "out", origins)
        described = {
            "tool": result.tool, "seed": result.seed, "seconds": result.seconds, "notes": list(result.notes),
            "outputs": {name: writer.describe(value) for name, value in result.outputs.items()},
        }
        (folder / "out" / "result.json").write_text(json.dumps(described), encoding="utf-8")
    except OSError as error:
        raise scratch_error(error, folder.parent) from error
    lines.write("done", result="result.json")


def _tool(job: dict[str, Any]) -> Any:
    from synthetic_imaging.catalogue import find
    from synthetic_imaging.tool import Tool

    place = job.get("place")
    if place:
        import importlib

        module, name = place.split(":")
        tool = getattr(importlib.import_module(module), name, None)
        if isinstance(tool, Tool):
            return tool
    return find(job["tool"])


def _described(error: BaseException) -> dict[str, Any]:
    from synthetic_imaging.errors import SyntheticImagingError

    details = "".join(traceback.format_exception(error))[-20000:]
    if isinstance(error, SyntheticImagingError):
        return {"error": type(error).__name__, "sentence": str(error), "details": details}
    if isinstance(error, MemoryError):
        return {"error": "MemoryShortage", "sentence": "The job ran out of memory. Close other volumes or programs, "
                "or crop the volume.", "details": details}
    return {"error": "JobFailed", "sentence": f"The tool stopped with an unexpected error ({type(error).__name__}: "
            f"{str(error)[:300]}). Please report it with the details.", "details": details}


def _end_children() -> None:
    try:
        import psutil

        for child in psutil.Process().children(recursive=True):
            child.kill()
    except Exception:  # this process is about to end: nobody could be told
        pass


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # Not sys.exit: a thread that a library left running must not keep the job alive.
    os._exit(code)

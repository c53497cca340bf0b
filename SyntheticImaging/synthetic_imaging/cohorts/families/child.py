"""Work in a process of its own, so that its memory can be measured and ends with it."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from synthetic_imaging.context import Progress, Run
from synthetic_imaging.errors import JobFailed

_POLL_S = 0.2


def in_child(work: Callable[..., Any], *args: Any, run: Run) -> Any:
    """``work(*args, run)`` in a fresh process.

    Args:
        work: importable by name; its result can be pickled.
        args: can be pickled.
        run: gets the child's progress and notes; a cancel ends the child.

    Raises:
        Cancelled: if so.
        JobFailed: if the child failed, with what it said.
    """
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(work, args, run.seed, run.device, sending), daemon=False)
    process.start()
    sending.close()
    try:
        while True:
            run.check_cancel()
            if not receiving.poll(_POLL_S):
                if process.is_alive():
                    continue
                if not receiving.poll():
                    raise _lost(process.exitcode)
            try:
                kind, *said = receiving.recv()
            except EOFError:
                process.join()
                raise _lost(process.exitcode) from None
            if kind == "progress":
                run.progress(*said)
            elif kind == "done":
                result, notes = said
                for note in notes:
                    run.note(note)
                process.join()
                return result
            else:
                failure = JobFailed(f"A measurement failed: {said[0]}")
                failure.details = said[1]
                raise failure
    finally:
        if process.is_alive():
            process.terminate()
            process.join(2.0)
        if process.is_alive():
            process.kill()
            process.join()
        receiving.close()


def _lost(code: int | None) -> JobFailed:
    return JobFailed(f"A measurement ended with code {code}, most likely for want of memory.")


def _work(work: Callable[..., Any], args: tuple[Any, ...], seed: int, device: str, said: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def report(progress: Progress) -> None:
        said.send(("progress", progress.fraction, progress.step))

    run = Run(seed, device, report=report)
    try:
        result = work(*args, run)
    except BaseException as error:
        said.send(("failed", f"{type(error).__name__}: {error}", traceback.format_exc()))
        return
    said.send(("done", result, run.notes))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def resident_bytes() -> int:
    """Memory that this process has now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak_bytes() -> int:
    """The most memory that this process has had."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: there a fresh process has the peak of the one that started it.
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import psutil

    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):
        return int(info.peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)

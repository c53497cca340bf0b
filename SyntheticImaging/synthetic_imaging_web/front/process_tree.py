"""Ending a process with everything it has started."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import psutil

from synthetic_imaging.jobs.scratch import VARIABLE

PATIENCE_SECONDS = 2.0


def end_tree(pid: int, scratch: Path, patience: float = PATIENCE_SECONDS) -> None:
    """Ask a page process to end, then end it and whatever it started; waits until all are gone.

    What it started is found by descent and, where a parent in between has ended already, by the scratch folder in the
    environment.
    """
    found = {p.pid: p for p in _descent(pid)}
    root = found.get(pid)
    if root is not None:
        with contextlib.suppress(psutil.Error):
            root.terminate()
        _wait([root], patience)
    found |= {p.pid: p for p in (*_descent(pid), *_strays(scratch))}
    for process in found.values():
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait(list(found.values()), 5.0)


def _wait(processes: list[psutil.Process], seconds: float) -> None:
    # Not by psutil: it would take a child's exit code away from the event loop, which waits for it too.
    until = time.monotonic() + seconds
    while any(_runs(p) for p in processes) and time.monotonic() < until:
        time.sleep(0.02)


def _descent(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []


def _strays(scratch: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(VARIABLE) == str(scratch):
                found.append(process)
    return found


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False

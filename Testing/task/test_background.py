"""Work in a thread, in a program whose event loop keeps Python's lock, as 3D Slicer's does."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from types import SimpleNamespace

import pytest

from SyntheticImagingLib.task.background import Background

SECONDS_OF_WORK = 0.15


def work() -> int:
    time.sleep(0.05)
    until, turns = time.thread_time() + SECONDS_OF_WORK, 0
    while time.thread_time() < until:
        turns += 1
    return turns


@pytest.mark.skipif(os.name == "nt", reason="uses usleep of the C library")
def test_it_goes_on_where_the_event_loop_keeps_python_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slicer", SimpleNamespace(app=object()))
    keeps_the_lock = ctypes.PyDLL(None)  # unlike CDLL, its calls do not give the lock away
    began = time.monotonic()
    working = Background(work, "The work")
    while not working.done and time.monotonic() - began < 10:
        keeps_the_lock.usleep(20_000)
    working.wait()
    assert working.result > 0
    # Without a share of each turn it takes about ten times as long as the work.
    assert time.monotonic() - began < 5 * (SECONDS_OF_WORK + 0.05)


def test_elsewhere_asking_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "slicer", SimpleNamespace())
    working = Background(lambda: time.sleep(0.2), "The work")
    began = time.monotonic()
    assert not working.done
    assert time.monotonic() - began < 0.02
    working.wait()
    assert working.done

"""However a job ends, soon nothing of it is left: no process, no folder; and the host knows why."""

from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import synthetic_imaging as si
from synthetic_imaging import jobs

MODULE = "tools_that_end"
TOOL = '''
import os, subprocess, sys, threading, time
from dataclasses import dataclass
from pathlib import Path

from synthetic_imaging.tool import CT, Kind, Output, Outputs, tool


@dataclass(frozen=True)
class How:
    how: str = "well"
    start: bool = False
    place: str = ""


@tool("ends.somehow", title="End somehow", sentence="Ends.", reference="none", inputs=[CT("ct", "CT volume")],
      outputs=[Output("volume", Kind.VOLUME, like="ct")])
def ends(ct, parameters: How, run) -> Outputs:
    if parameters.start:
        # It holds the job's output open.
        helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(90)"])
        Path(parameters.place, "helper").write_text(str(helper.pid))
    run.scratch.joinpath("half a result").write_text("x")
    run.progress(0.3, parameters.how)
    if parameters.how == "crash":
        os.abort()
    if parameters.how == "bug":
        raise KeyError("a thing that is not there")
    if parameters.how == "write into the input":
        ct.voxels[0, 0, 0] = 3
    if parameters.how == "listen":
        while True:
            run.progress(0.5, "listen")
            time.sleep(0.01)
    if parameters.how == "never listen":
        while True:
            time.sleep(1)
    if parameters.how == "leave a thread":
        threading.Thread(target=time.sleep, args=(90,)).start()
    return Outputs(volume=ct.like(ct.voxels + 1))
'''


@pytest.fixture
def ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A tool that ends as it is told, importable in a child too; scratch folders are made in ``tmp_path/scratch``."""
    (tmp_path / f"{MODULE}.py").write_text(TOOL)
    (tmp_path / "scratch").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SYNTHETIC_IMAGING_SCRATCH", str(tmp_path / "scratch"))
    sys.modules.pop(MODULE, None)
    yield importlib.import_module(MODULE).ends
    sys.modules.pop(MODULE, None)


def ct() -> si.Volume:
    voxels = (np.arange(120, dtype=np.int16) * 8 - 500).reshape(4, 5, 6)
    return si.Volume.ct(voxels, si.Geometry.from_spacing(voxels.shape))


def wait_for(job: jobs.Job, true: Callable[[], bool], seconds: float = 20.0) -> float:
    """Poll until something is true; returns how long it took."""
    started = time.monotonic()
    while not true():
        job.poll(0.02)
        assert time.monotonic() - started < seconds, f"{job.state}, {job.progress}, {job.log}"
    return time.monotonic() - started


def gone(pid: int) -> bool:
    try:
        psutil.Process(pid).wait(timeout=2)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def nothing_left(place: Path) -> bool:
    helper = place / "helper"
    return list((place / "scratch").iterdir()) == [] and (not helper.exists() or gone(int(helper.read_text())))


@pytest.mark.parametrize("how", ["well", "crash", "bug", "listen", "never listen"])
def test_what_a_tool_started_is_ended_with_it_however_it_ends(how: str, ends: Any, tmp_path: Path) -> None:
    job = jobs.Job(ends, {"ct": ct()}, {"how": how, "start": True, "place": str(tmp_path)})
    job.start()
    wait_for(job, lambda: job.finished or job.progress.step in (how, "done"))
    if "listen" in how:
        job.cancel()
    took = wait_for(job, lambda: job.finished)
    assert took < {"listen": 1.0, "never listen": 4.0}.get(how, 4.0)
    expected = {"well": jobs.State.DONE, "crash": jobs.State.FAILED, "bug": jobs.State.FAILED}
    assert job.state is expected.get(how, jobs.State.CANCELLED)
    assert nothing_left(tmp_path)


def test_an_unexpected_error_has_a_sentence_for_the_user_and_a_traceback_to_copy(ends: Any) -> None:
    with pytest.raises(si.JobFailed, match=r"unexpected.*a thing that is not there") as error:
        jobs.run_in_child(ends, {"ct": ct()}, {"how": "bug"})
    assert "Traceback" not in str(error.value)
    assert "Traceback" in error.value.details and "raise KeyError" in error.value.details


def test_a_tool_that_writes_into_its_input_fails_and_the_input_stays(ends: Any) -> None:
    volume = ct()
    with pytest.raises(si.JobFailed, match="read-only"):
        jobs.run_in_child(ends, {"ct": volume}, {"how": "write into the input"})
    assert volume.sha256 == ct().sha256 and np.array_equal(volume.voxels, ct().voxels)


def test_a_thread_that_a_library_leaves_running_does_not_hold_the_result_back(ends: Any, tmp_path: Path) -> None:
    started = time.monotonic()
    result = jobs.run_in_child(ends, {"ct": ct()}, {"how": "leave a thread"})
    assert np.array_equal(result.volume.voxels, ct().voxels + 1) and time.monotonic() - started < 15
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.4])
def test_a_cancel_while_the_child_still_starts_is_heard(ends: Any, tmp_path: Path, seconds: float) -> None:
    job = jobs.Job(ends, {"ct": ct()}, {"how": "listen"})
    job.start()
    time.sleep(seconds)
    job.cancel()
    assert wait_for(job, lambda: job.finished) < 3.5
    assert job.state is jobs.State.CANCELLED and isinstance(job.error, si.Cancelled) and job.result is None
    assert nothing_left(tmp_path)


def test_a_cancel_before_the_start_starts_nothing(ends: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", never)
    with pytest.raises(si.Cancelled):
        jobs.run_in_child(ends, {"ct": ct()}, cancelled=lambda: True)
    assert nothing_left(tmp_path)


def test_here_too_a_cancel_and_a_failure_leave_no_folder(ends: Any, tmp_path: Path) -> None:
    with pytest.raises(si.Cancelled):
        jobs.run_here(ends, {"ct": ct()}, cancelled=lambda: True)
    with pytest.raises(KeyError):
        jobs.run_here(ends, {"ct": ct()}, {"how": "bug"})
    jobs.run_here(ends, {"ct": ct()})
    assert nothing_left(tmp_path)


def test_two_jobs_at_a_time_do_not_disturb_each_other(ends: Any, tmp_path: Path) -> None:
    both = [jobs.Job(ends, {"ct": ct()}, {"how": "listen"}), jobs.Job(ends, {"ct": ct()}, {"how": "well"})]
    for job in both:
        job.start()
    wait_for(both[1], lambda: both[1].finished)
    assert both[1].state is jobs.State.DONE and both[1].result is not None
    both[0].poll()
    assert both[0].state is jobs.State.RUNNING and len(list((tmp_path / "scratch").iterdir())) == 1
    both[0].close()
    assert both[0].finished and nothing_left(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_job_that_is_forgotten_is_ended(ends: Any, tmp_path: Path) -> None:
    def start_and_forget() -> None:
        job = jobs.Job(ends, {"ct": ct()}, {"how": "never listen", "start": True, "place": str(tmp_path)})
        job.start()
        wait_for(job, lambda: job.progress.step == "never listen")

    start_and_forget()
    gc.collect()
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(("name", "kept"), [("thesis", True), ("synthetic-imaging-0a1b2c3d-77-1795240000-x", False)])
def test_a_worker_without_a_parent_deletes_its_job_s_folder_and_no_other(
    name: str, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(10)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = tmp_path / name
    folder.mkdir()
    (folder / "job.json").write_text('{"tool": "a.b", "place": "slow_to_import:tool", "inputs": {}}')
    command = [sys.executable, "-m", "synthetic_imaging.jobs.worker", str(folder / "job.json")]
    done = subprocess.run(command, input=b"here\n", capture_output=True, timeout=30)
    assert done.returncode == 9
    assert folder.exists() is kept


def test_a_worker_whose_launcher_passes_no_input_on_does_its_job(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text('{"tool": "no.such_tool", "inputs": {}}')
    command = [sys.executable, "-m", "synthetic_imaging.jobs.worker", str(tmp_path / "job.json")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert done.returncode == 0, "an input that ends before anybody spoke is no parent that has gone"
    assert b'"kind": "error"' in done.stdout

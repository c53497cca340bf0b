"""Jobs: the same result in a child as here, and nothing that a tool does wrong reaches the host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import synthetic_imaging as si
from synthetic_imaging import jobs
from synthetic_imaging.jobs import handover, scratch

STANDINS = Path(__file__).parents[1] / "standins"


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The stand-in tools, importable in a child too."""
    monkeypatch.syspath_prepend(str(STANDINS))
    monkeypatch.setenv("PYTHONPATH", str(STANDINS))
    import standin_tools

    return standin_tools


@pytest.fixture
def scratch_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for scratch folders."""
    base = tmp_path / "scratch"
    base.mkdir()
    monkeypatch.setenv(scratch.VARIABLE, str(base))
    return base


@pytest.fixture
def ct() -> si.Volume:
    """A small CT on a sheared, left-handed, oblique grid."""
    matrix = np.array([[-0.7, 0.1, 0.2, 10.1], [0.05, -0.8, 0.6, -3.3], [0.0, 0.1, 2.5, 1 / 3], [0, 0, 0, 1]])
    voxels = np.random.default_rng(1).normal(50, 60, (6, 10, 14)).astype(np.int16)
    return si.Volume.ct(voxels, si.Geometry(matrix, (6, 10, 14)), name="ct")


@pytest.fixture
def organ(ct: si.Volume) -> si.Mask:
    """An organ with its terminology on the grid of the CT."""
    from synthetic_imaging.terminology import organ_segment

    inside = np.zeros(ct.shape, dtype=bool)
    inside[2:5, 3:8, 4:10] = True
    return si.Mask.single(inside, ct.geometry, organ_segment("liver"))


def test_every_kind_of_value_survives_the_handover(tmp_path: Path, tools: Any, ct: si.Volume, organ: si.Mask) -> None:
    made = jobs.run_here(tools.everything, {"ct": replace(ct, window=(1.5, 300.0)), "organ": organ}, seed=3)
    values = {**made.outputs, "points": si.Points(np.array([[0.1, 1 / 3, -2e-9]]), ("a",), "clicked")}
    writer = handover.Writer(tmp_path, {})
    for name, value in values.items():
        back = handover.restore(writer.describe(value), tmp_path, {}, mapped=name == "volume")
        assert type(back) is type(value)
        if isinstance(value, si.Volume):
            assert np.array_equal(back.voxels, value.voxels)
            assert back.voxels.dtype == value.voxels.dtype
            assert np.array_equal(back.geometry.ijk_to_ras, value.geometry.ijk_to_ras)
            assert (back.window, back.unit, back.modality, back.quantity) == (
                value.window, value.unit, value.modality, value.quantity)
            assert back.provenance == value.provenance or back.provenance.to_json() == value.provenance.to_json()
        elif isinstance(value, si.Mask):
            assert back.segments == value.segments
            assert np.array_equal(back.layers, value.layers)
        elif isinstance(value, si.Sequence):
            assert (back.index, back.index_name, back.index_unit) == (value.index, value.index_name, value.index_unit)
            assert [f.sha256 for f in back] == [f.sha256 for f in value]
        elif isinstance(value, si.Points):
            assert np.array_equal(back.ras_mm, value.ras_mm)
            assert back.labels == value.labels
        else:
            assert (back.columns, back.rows) == (value.columns, value.rows)


def test_dicom_headers_never_reach_the_scratch_folder_and_the_origin_comes_back(
    scratch_base: Path, tools: Any, ct: si.Volume, organ: si.Mask
) -> None:
    from pydicom import Dataset

    from synthetic_imaging.dicom.origin import DicomOrigin

    header = Dataset()
    header.PatientName = "Doe^Jane"
    origin = DicomOrigin((header,), ct.geometry)
    job = jobs.Job(tools.everything, {"ct": replace(ct, dicom=origin), "organ": organ}, seed=1)
    job.start()
    written = b"".join(p.read_bytes() for p in scratch_base.rglob("*") if p.is_file())
    while not job.finished:
        job.poll(0.05)
    assert b"Jane" not in written
    assert job.result is not None, job.error
    assert job.result.volume.dicom is origin


def test_the_same_seed_gives_the_same_result_here_and_in_a_child(
    scratch_base: Path, tools: Any, ct: si.Volume, organ: si.Mask
) -> None:
    heard: list[si.Progress] = []
    inputs = {"ct": ct, "organ": organ}
    here = jobs.run_here(tools.everything, inputs, {"shift": 7}, 11)
    child = jobs.run_in_child(tools.everything, inputs, {"shift": 7}, 11, heard.append)
    other = jobs.run_in_child(tools.everything, inputs, {"shift": 7}, 12)
    assert child.volume.sha256 == here.volume.sha256 != other.volume.sha256
    assert child.seed == 11
    assert child.notes == ("A note from the stand-in.",)
    assert child.table.rows == here.table.rows
    fractions = [p.fraction for p in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert all(p.step for p in heard)
    assert list(scratch_base.iterdir()) == []


@pytest.mark.parametrize(("how", "kind", "words"), [
    ("segfault", si.JobFailed, "crashed (SIGSEGV)"),
    ("killed", si.MemoryShortage, "memory ran out"),
    ("exit", si.JobFailed, "exit code 7"),
    ("memory", si.MemoryShortage, "memory"),
    ("bug", si.JobFailed, "an unforeseen thing"),
])
def test_a_bad_end_becomes_a_sentence_and_leaves_nothing(
    scratch_base: Path, tools: Any, ct: si.Volume, how: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as raised:
        jobs.run_in_child(tools.misbehaving, {"ct": ct}, {"how": how})
    assert words in str(raised.value)
    assert "Traceback" not in str(raised.value)
    assert list(scratch_base.iterdir()) == []


def test_cancel_takes_effect_within_a_second_where_the_tool_reports(
    scratch_base: Path, tools: Any, ct: si.Volume
) -> None:
    job = jobs.Job(tools.misbehaving, {"ct": ct}, {"how": "polite"})
    job.start()
    while job.progress.step != "waiting":
        job.poll(0.05)
    asked = time.monotonic()
    job.cancel()
    while not job.finished:
        job.poll(0.02)
    assert time.monotonic() - asked < 1.0
    assert job.state is jobs.State.CANCELLED
    assert list(scratch_base.iterdir()) == []


def test_a_tool_that_does_not_listen_is_killed_with_its_children(scratch_base: Path, tools: Any, ct: si.Volume) -> None:
    job = jobs.Job(tools.misbehaving, {"ct": ct}, {"how": "rude"})
    job.start()
    while job.progress.step != "rude":
        job.poll(0.05)
    time.sleep(0.3)
    assert job._process is not None
    tree = psutil.Process(job._process.pid).children(recursive=True)
    asked = time.monotonic()
    job.cancel()
    while not job.finished:
        job.poll(0.05)
    assert 1.9 < time.monotonic() - asked < 4
    assert isinstance(job.error, si.Cancelled)
    assert tree
    psutil.wait_procs(tree, timeout=2)
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in tree)
    assert list(scratch_base.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_exception_in_the_host_ends_the_child(
    scratch_base: Path, tools: Any, ct: si.Volume, error: type[BaseException]
) -> None:
    def on_progress(progress: si.Progress) -> None:
        raise error

    with pytest.raises(error):
        jobs.run_in_child(tools.misbehaving, {"ct": ct}, {"how": "rude"}, on_progress=on_progress)
    assert list(scratch_base.iterdir()) == []
    assert not [p for p in psutil.Process().children() if "synthetic_imaging.jobs.worker" in " ".join(p.cmdline())]


def test_much_talk_neither_blocks_nor_fills_memory(scratch_base: Path, tools: Any, ct: si.Volume) -> None:
    heard: list[si.Progress] = []
    with jobs.Job(tools.misbehaving, {"ct": ct}, {"how": "talkative"}) as job:
        job.start()
        while not job.finished:
            heard += job.poll(0.05)
    assert job.state is jobs.State.DONE, job.error
    assert len(heard) < 2000
    assert len(job.log) <= 65536


def test_polling_never_waits_for_the_tool(tools: Any, ct: si.Volume) -> None:
    with jobs.Job(tools.misbehaving, {"ct": ct}, {"how": "polite"}) as job:
        job.start()
        started = time.monotonic()
        for _ in range(100):
            job.poll()
        assert time.monotonic() - started < 0.5
        assert job.state is jobs.State.RUNNING


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_worker_whose_host_dies_ends_and_cleans_up(scratch_base: Path) -> None:
    script = (
        "import numpy as np, synthetic_imaging as si, standin_tools as t\n"
        "from synthetic_imaging import jobs\n"
        "v=np.arange(60,dtype=np.int16).reshape(3,4,5)*3-50\n"
        "j=jobs.Job(t.misbehaving,{'ct':si.Volume.ct(v,si.Geometry.from_spacing((3,4,5)))},{'how':'polite'})\n"
        "j.start()\n"
        "while j.progress.step!='waiting': j.poll(0.05)\n"
        "print(j._process.pid,flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(STANDINS)}
    host = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment)
    assert host.stdout is not None
    worker = psutil.Process(int(host.stdout.readline()))
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()
    psutil.wait_procs([worker], timeout=3)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    deadline = time.monotonic() + 2
    while list(scratch_base.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(scratch_base.iterdir()) == []


def test_folders_of_dead_hosts_are_swept_and_others_kept(scratch_base: Path) -> None:
    mine = scratch.make_scratch()
    dead = scratch_base / mine.name.replace(f"-{os.getpid()}-", "-4194301-")
    elsewhere = scratch_base / "synthetic-imaging-00000000-4194301-1-x"
    foreign = scratch_base / "synthetic-imaging-scene-x"
    for folder in (dead, elsewhere, foreign):
        folder.mkdir()
    assert scratch.sweep() == 1
    assert {p.name for p in scratch_base.iterdir()} == {mine.name, elsewhere.name, foreign.name}


def test_a_full_disk_is_told_before_anything_is_written(
    scratch_base: Path, tools: Any, ct: si.Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(si.FileError, match="Free some space"):
        jobs.run_in_child(tools.misbehaving, {"ct": ct})
    assert list(scratch_base.iterdir()) == []


def test_a_disk_that_fills_while_writing_is_told(
    scratch_base: Path, tools: Any, ct: si.Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(handover.np, "save", full)
    with pytest.raises(si.FileError, match="is full"):
        jobs.run_in_child(tools.misbehaving, {"ct": ct})
    assert list(scratch_base.iterdir()) == []


def test_a_missing_scratch_folder_is_told(tools: Any, ct: si.Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(scratch.VARIABLE, "/no/such/folder")
    with pytest.raises(si.FileError, match="scratch folder"):
        jobs.run_in_child(tools.misbehaving, {"ct": ct})


def test_too_little_memory_is_refused_before_the_start(
    scratch_base: Path, tools: Any, ct: si.Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthetic_imaging.running.available_bytes", lambda: 100)
    with pytest.raises(si.MemoryShortage, match="are free"):
        jobs.Job(tools.misbehaving, {"ct": ct})


@pytest.mark.parametrize(("inputs", "parameters", "kind"), [
    ({}, {}, si.InputError), ({"cat": 1}, {}, si.InputError), (None, {"nope": 1}, si.ParameterError),
    (None, {"steps": 0}, si.ParameterError), (None, {"shift": "x"}, si.ParameterError),
])
def test_bad_inputs_are_refused_before_the_start(
    scratch_base: Path, tools: Any, ct: si.Volume, inputs: Any, parameters: Any, kind: type[Exception]
) -> None:
    for run in (jobs.run_here, jobs.run_in_child):
        with pytest.raises(kind):
            run(tools.misbehaving, {"ct": ct} if inputs is None else inputs, parameters)
    assert list(scratch_base.iterdir()) == []


def test_a_python_that_does_not_exist_is_told(
    scratch_base: Path, tools: Any, ct: si.Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHETIC_IMAGING_PYTHON", "/no/such/python")
    with pytest.raises(si.JobFailed, match="could not be started"):
        jobs.run_in_child(tools.misbehaving, {"ct": ct})
    assert list(scratch_base.iterdir()) == []


def test_an_unknown_device_is_refused_and_auto_is_the_cpu_without_torch(tools: Any, ct: si.Volume) -> None:
    with pytest.raises(si.ParameterError, match="no device"):
        jobs.Job(tools.misbehaving, {"ct": ct}, device="tpu")
    assert jobs.Job(tools.misbehaving, {"ct": ct}).device == "cpu"

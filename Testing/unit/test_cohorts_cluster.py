"""Cohorts on a Dask cluster: the same cases as one process makes, whatever happens to the workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synthetic_imaging.cohorts import cluster as clusters
from synthetic_imaging.cohorts import generator, making
from synthetic_imaging.cohorts.cluster import Cluster
from synthetic_imaging.cohorts.layouts import read_case
from synthetic_imaging.cohorts.plan import CohortPlan
from synthetic_imaging.context import Run
from synthetic_imaging.errors import Cancelled, InputError, JobFailed, ParameterError

Client = pytest.importorskip("distributed").Client
STANDINS = Path(__file__).parents[1] / "standins"
MODELS = {"standin.balls": "Balls", "standin.slow-balls": "SlowBalls", "standin.broken": "Broken",
          "standin.deadly": "Deadly"}  # fmt: skip


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in models, here and, as a third party's, in every process that is started."""
    package = tmp_path / "plug-in" / "standins-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: standins\nVersion: 1.0\n")
    lines = [f"{name} = standin_cohort:{kind}\n" for name, kind in MODELS.items()]
    (package / "entry_points.txt").write_text("[synthetic_imaging.generators]\n" + "".join(lines))
    path = os.pathsep.join((str(package.parent), str(STANDINS), os.environ.get("PYTHONPATH", "")))
    monkeypatch.setenv("PYTHONPATH", path)
    for place in (package.parent, STANDINS):  # what a process of multiprocessing inherits
        monkeypatch.syspath_prepend(str(place))
    for name, kind in MODELS.items():
        monkeypatch.setitem(generator.GENERATORS, name, f"standin_cohort:{kind}")


@pytest.fixture
def start(tmp_path: Path, plug_in: None) -> Iterator[Callable[..., Any]]:
    """``start()`` gives the address of a fresh scheduler on this machine; ``start(address)`` a worker's process.

    The scheduler knows the worker then. ``start.processes`` holds all, in the order of their start.
    """
    started: list[subprocess.Popen[bytes]] = []
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def get(scheduler: str = "", **environment: str) -> Any:
        settings = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1", **environment}
        if scheduler:
            command = ["dask_worker", scheduler, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host",
                       "127.0.0.1", "--local-directory", str(tmp_path), "--death-timeout", "30", "--name",
                       f"worker-{len(started)}"]  # fmt: skip
        else:
            file = tmp_path / f"scheduler-{len(started)}.json"
            command = ["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file",
                       str(file)]  # fmt: skip
        process = subprocess.Popen([sys.executable, "-m", f"distributed.cli.{command[0]}", *command[1:]], env=settings,
                                   cwd=tmp_path, **quiet)  # fmt: skip
        started.append(process)
        until = time.monotonic() + 60
        if scheduler:
            with Client(scheduler, set_as_default=False) as client:
                while time.monotonic() < until:
                    if any(w["name"] == command[-1] for w in client.scheduler_info()["workers"].values()):
                        return process
                    time.sleep(0.05)
            raise AssertionError("the worker has not started")
        while time.monotonic() < until:
            if file.exists() and file.read_text().strip().endswith("}"):
                return json.loads(file.read_text())["address"]
            time.sleep(0.05)
        raise AssertionError("the scheduler has not started")

    get.processes = started  # type: ignore[attr-defined]
    yield get
    for process in started:
        process.kill()
        process.wait()


def hashes(folder: Any) -> dict[int, tuple[str, str]]:
    return {n: (r.image_sha256, r.segments_sha256) for n, r in sorted(folder.records.items())}


def test_a_worker_is_killed_midway_and_the_cohort_is_that_of_one_process(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    plan = CohortPlan("standin.slow-balls", 16, 11, {"ball_volume_ml": (2.0, 9.0)}, {"wait_seconds": 0.08}, "nifti")
    address = start()
    victim, _ = start(address), start(address)
    seen: list[int] = []

    def on_case(record: Any, pace: making.Pace) -> None:
        seen.append(record.number)
        if pace.workers == 2 and victim.poll() is None:
            os.kill(victim.pid, signal.SIGKILL)

    many = making.make_cohort(plan, tmp_path / "many", cluster=Cluster(address), on_case=on_case)
    assert victim.wait(5) != 0, "the worker was not killed while the cohort was made"
    assert sorted(seen) == list(range(1, 17)), "a case came twice, or not at all"
    one = making.make_cohort(plan, tmp_path / "one")
    assert hashes(many) == hashes(one) and len(many.kept) == 16
    for record in many.kept:
        image, segments = read_case(many.path, record)
        assert (image.sha256, segments.sha256) == (record.image_sha256, record.segments_sha256)
    rows = (tmp_path / "many" / "manifest.csv").read_text().splitlines()
    assert len(rows) == 17 and len({row.split(",")[0] for row in rows}) == 17
    files = sorted(p.name for p in (tmp_path / "many" / "cases").rglob("*") if p.is_file())
    assert files == sorted(p.name for p in (tmp_path / "one" / "cases").rglob("*") if p.is_file())


def test_workers_of_this_machine_make_the_same_cases_and_go_on_where_one_process_stopped(
    plug_in: None, tmp_path: Path
) -> None:
    plan = CohortPlan("standin.balls", 6, 4, layout="nrrd")
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 12

    with pytest.raises(Cancelled, match="finished and stay"):
        making.make_cohort(plan, tmp_path / "many", Run(cancelled=stop))
    paces: list[making.Pace] = []
    many = making.make_cohort(plan, tmp_path / "many", cluster=Cluster(workers=2), on_case=lambda _, p: paces.append(p))
    assert 0 < paces[-1].done < 6 and paces[-1].workers == 2 and paces[-1].worker_seconds_per_case > 0
    assert hashes(many) == hashes(making.make_cohort(plan, tmp_path / "one"))
    with pytest.raises(InputError, match="burst"):
        making.make_cohort(CohortPlan("standin.broken", 3, 1), tmp_path / "broken", cluster=Cluster(workers=1))


def test_a_scheduler_that_is_not_there_or_has_no_workers_is_said(
    start: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = CohortPlan("standin.balls", 2, 1)
    monkeypatch.setattr(clusters, "_ANSWER_SECONDS", 1.0)
    with pytest.raises(JobFailed, match=r"The scheduler at tcp://127.0.0.1:9 does not answer .* Check that it runs"):
        making.make_cohort(plan, tmp_path / "out", cluster=Cluster("tcp://127.0.0.1:9"))
    address = start()
    with pytest.raises(JobFailed, match=r"has no workers\. Start some: dask worker"):
        making.make_cohort(plan, tmp_path / "out", cluster=Cluster(address, patience_seconds=0.5))
    for wrong in ({}, {"scheduler": address, "workers": 2}, {"workers": -1}, {"scheduler": "here"}):
        with pytest.raises(ParameterError):
            Cluster(**wrong)  # type: ignore[arg-type]


def test_when_no_worker_is_left_it_is_said_and_finished_cases_stay(start: Callable[..., Any], tmp_path: Path) -> None:
    address = start()
    worker = start(address)
    plan = CohortPlan("standin.slow-balls", 8, 2)
    with pytest.raises(JobFailed, match="No worker is left"):
        making.make_cohort(plan, tmp_path / "out", cluster=Cluster(address, patience_seconds=1.0),
                           on_case=lambda *_: worker.kill())
    folder = making.CohortFolder.at(tmp_path / "out")
    assert 1 <= len(folder.kept) < 8
    assert hashes(making.make_cohort(plan, tmp_path / "out")) == hashes(making.make_cohort(plan, tmp_path / "one"))


def test_a_lost_scheduler_is_said_and_finished_cases_stay(start: Callable[..., Any], tmp_path: Path) -> None:
    address = start()
    start(address)
    with pytest.raises(JobFailed, match=r"The scheduler at .* is lost\. Start it again"):
        making.make_cohort(CohortPlan("standin.slow-balls", 8, 2), tmp_path / "out", on_case=lambda *_: kill(start),
                           cluster=Cluster(address, patience_seconds=1.0))
    assert 1 <= len(making.CohortFolder.at(tmp_path / "out").kept) < 8


def kill(start: Any) -> None:
    start.processes[0].kill()


def test_a_case_that_kills_its_workers_is_said(start: Callable[..., Any], tmp_path: Path) -> None:
    address = start()
    for _ in range(2):
        start(address)
    with pytest.raises(JobFailed, match=r"took down every worker|No worker is left"):
        making.make_cohort(CohortPlan("standin.deadly", 1, 2), tmp_path / "out",
                           cluster=Cluster(address, patience_seconds=2.0))


def test_workers_without_the_package_or_with_another_version_are_refused(
    start: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = start()
    without = tmp_path / "without"
    (without / "synthetic_imaging").mkdir(parents=True)
    (without / "synthetic_imaging" / "__init__.py").write_text("raise ImportError('not installed')\n")
    worker = start(address, PYTHONPATH=str(without))
    plan = CohortPlan("standin.balls", 2, 1)
    with pytest.raises(JobFailed, match=r"lacks the package synthetic-imaging \(not installed\). Install version"):
        making.make_cohort(plan, tmp_path / "out", cluster=Cluster(address))
    worker.kill()
    worker.wait()
    start(address)
    monkeypatch.setattr("synthetic_imaging.cohorts.plan.distribution_version", lambda: "99.1")
    with pytest.raises(JobFailed, match=r"has version .* this computer has 99\.1\. Install the same"):
        making.make_cohort(plan, tmp_path / "out2", cluster=Cluster(address))

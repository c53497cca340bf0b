"""Make a cohort with many processes: on a Dask cluster, or on a small one of this machine's own.

Workers make whole cases, files included, and send them; only the caller writes into the folder. So the workers need no
folder in common with it, nothing comes twice, and a case whose worker died is simply made again by another one, with
the same result, because it follows from the plan and its number alone.

A Dask scheduler runs code for whoever reaches it: ours listens on this machine only, without a dashboard. One that is
named by address is the business of whoever started it (``tls://`` with Dask's own settings for a network).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthetic_imaging.cohorts.records import CaseRecord
from synthetic_imaging.context import Run
from synthetic_imaging.errors import JobFailed, ParameterError, SyntheticImagingError
from synthetic_imaging.provenance import distribution_version

if TYPE_CHECKING:
    from synthetic_imaging.cohorts.folder import CohortFolder
    from synthetic_imaging.cohorts.generator import Generator
    from synthetic_imaging.cohorts.making import Pace

MOST_WORKERS = 256
_ANSWER_SECONDS = 10.0
_LOOK_SECONDS = 0.25
# Tasks that wait at each worker: enough that none is idle, few enough that finished cases do not pile up.
_AHEAD = 2


@dataclass(frozen=True)
class Cluster:
    """Where to make a cohort.

    Attributes:
        scheduler: address of a Dask scheduler ("tcp://10.0.0.5:8786"); "" for processes on this machine.
        workers: how many processes on this machine, where no scheduler is named.
        patience_seconds: how long to wait for a worker when there is none (left).
    """

    scheduler: str = ""
    workers: int = 0
    patience_seconds: float = 30.0

    def __post_init__(self) -> None:
        if bool(self.scheduler) == bool(self.workers):
            raise ParameterError("Name a scheduler, or a number of workers on this machine; not both.")
        if not self.scheduler and not 1 <= self.workers <= MOST_WORKERS:
            raise ParameterError(f"The number of workers is {self.workers}; it must be from 1 to {MOST_WORKERS}.")
        if self.scheduler and "://" not in self.scheduler:
            raise ParameterError(
                f"'{self.scheduler}' is no address of a scheduler. Write it as Dask prints it: tcp://127.0.0.1:8786."
            )


def made_on(
    cluster: Cluster, folder: CohortFolder, generator: Generator, tasks: Sequence[tuple[int, list[int]]], run: Run,
    pace: Pace,
) -> Iterator[tuple[CaseRecord, Path]]:
    """Cases as they are finished, in whatever order, each with the folder of the cohort's own in which its files lie.

    Args:
        cluster: where.
        folder: the cohort.
        generator: the plan's model.
        tasks: (number, rejected attempts) of the cases to make.
        run: progress and cancel; its device is that of the workers.
        pace: is told how many workers there are.

    Raises:
        JobFailed: if the scheduler cannot be reached or is lost, no worker is there or left, workers lack this version
            of the package, or a case kills every worker that tries it.
        SyntheticImagingError: what the model says of a case.
    """
    job = {"plan": folder.plan.to_plain(), "identity": folder.plan.identity(generator), "device": run.device}
    with _client(cluster, run) as client:
        _wait_for_workers(client, cluster, run)
        _check_workers(client, job)
        for record, files in _results(client, cluster, job, tasks, run, pace):
            staged = folder.staging()
            for name, content in files.items():
                (staged / name).parent.mkdir(parents=True, exist_ok=True)
                (staged / name).write_bytes(content)
            yield CaseRecord.from_plain(record), staged


def make_on_worker(job: Mapping[str, Any], number: int, rejected: Sequence[int]) -> dict[str, Any]:
    """What a worker does: one case, as plain values and bytes.

    Errors that have a sentence come back as values: they would be the same on every worker, so none is asked again.
    """
    from synthetic_imaging.cohorts.making import produce
    from synthetic_imaging.cohorts.plan import CohortPlan

    try:
        plan = CohortPlan.from_plain(job["plan"])
        generator = plan.make_generator()
        _check_identity(plan.identity(generator), job["identity"])
        with tempfile.TemporaryDirectory(prefix="synthetic-imaging-cohort-") as place:
            record = produce(plan, generator, number, rejected, Path(place), Run(plan.seed, job["device"]))
            files = {name: (Path(place) / name).read_bytes() for name in record.file_bytes}
        return {"record": record.to_plain(), "files": files}
    except SyntheticImagingError as error:
        return {"error": type(error).__name__, "sentence": str(error)}


def _check_identity(here: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    for key in ("version", "weights", "settings"):
        if here[key] != there[key]:
            raise JobFailed(
                f"A worker has another {key} of the model or the package than this computer ({here[key]}, not "
                f"{there[key]}), and would make other cases. Install the same on all."
            )


@contextlib.contextmanager
def _client(cluster: Cluster, run: Run) -> Iterator[Any]:
    try:
        import dask
        import distributed
    except ImportError:
        raise JobFailed(
            "Making a cohort with several processes needs Dask, which is not installed. "
            "Install it: pip install 'synthetic-imaging[cluster]'"
        ) from None
    quiet = {
        # Our own scheduler and workers serve no pages; a lost connection is told by us, in a sentence.
        "distributed.scheduler.http.routes": [], "distributed.worker.http.routes": [],
        "distributed.comm.timeouts.connect": f"{_ANSWER_SECONDS:g}s", "distributed.admin.tick.limit": "1h",
    }
    with dask.config.set(quiet), _hushed(), contextlib.ExitStack() as ending:
        address = cluster.scheduler
        if not address:
            run.progress(0.0, "starting workers")
            try:
                local = distributed.LocalCluster(
                    n_workers=cluster.workers, threads_per_worker=1, processes=True, host="127.0.0.1",
                    dashboard_address=None, worker_dashboard_address=None, memory_limit=0,
                    silence_logs=logging.CRITICAL,
                )
            except (OSError, RuntimeError, asyncio.TimeoutError) as error:
                raise JobFailed(f"The workers could not be started ({_text(error)}). Try fewer.") from None
            ending.callback(local.close, timeout=5)
            address = local.scheduler_address
        run.progress(0.0, "calling the scheduler")
        try:
            client = distributed.Client(address, timeout=_ANSWER_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, asyncio.TimeoutError, ValueError) as error:
            raise JobFailed(
                f"The scheduler at {address} does not answer ({_text(error)}). Check that it runs, its address, and "
                "the network between."
            ) from None
        ending.callback(client.close, timeout=2)
        yield client


def _threads(client: Any) -> int:
    """How many cases can be made at once; 0 where no worker is left, or the scheduler does not answer."""
    if client.status != "running":
        return 0
    try:
        return sum(int(n) for n in client.nthreads().values())
    except (OSError, TimeoutError, asyncio.TimeoutError, asyncio.CancelledError):
        return 0


def _wait_for_workers(client: Any, cluster: Cluster, run: Run) -> None:
    since = time.monotonic()
    while not _threads(client):
        run.progress(0.0, "waiting for workers")
        if time.monotonic() - since > cluster.patience_seconds:
            raise JobFailed(
                f"The scheduler at {cluster.scheduler} has no workers. Start some: dask worker {cluster.scheduler}"
            )
        time.sleep(_LOOK_SECONDS)


def _probe() -> Callable[[], dict[str, Any]]:
    # Nested, so that it travels by its code and not by its name: a worker without the package must be able to answer.
    def version() -> dict[str, Any]:
        try:
            from synthetic_imaging.cohorts.making import produce  # noqa: F401 - to see whether it can be
            from synthetic_imaging.provenance import distribution_version
        except ImportError as error:
            return {"error": str(error)}
        return {"version": distribution_version()}

    version.__module__ = "__main__"
    return version


def _check_workers(client: Any, job: Mapping[str, Any]) -> None:
    """Ask all workers beforehand; those that come later are asked with each case.

    Raises:
        JobFailed: if one lacks the package, or has another version.
    """
    wanted = job["identity"]["version"]
    try:
        answers = client.run(_probe(), on_error="return")
    except (OSError, TimeoutError, asyncio.TimeoutError) as error:
        raise JobFailed(f"The workers do not answer ({_text(error)}). Start them anew.") from None
    for address, answer in answers.items():
        if not isinstance(answer, dict) or "error" in answer:
            what = answer["error"] if isinstance(answer, dict) else _text(answer)
            raise JobFailed(
                f"The worker at {address} lacks the package synthetic-imaging ({what}). Install version {wanted} there."
            )
        if answer["version"] != wanted:
            raise JobFailed(
                f"The worker at {address} has version {answer['version']} of synthetic-imaging, this computer has "
                f"{wanted}. Install the same version on both."
            )


def _results(
    client: Any, cluster: Cluster, job: Mapping[str, Any], tasks: Sequence[tuple[int, list[int]]], run: Run, pace: Pace
) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
    waiting = list(reversed(tasks))
    running: dict[Any, int] = {}
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    missed_at: float | None = None
    last = "making cases"
    try:
        while waiting or running:
            run.check_cancel()
            threads = _threads(client)
            if threads == 0:
                missed_at = missed_at or time.monotonic()
                if time.monotonic() - missed_at > cluster.patience_seconds or client.status == "closed":
                    raise _lost(client, cluster)
            else:
                missed_at, pace.workers = None, threads
            while waiting and len(running) < _AHEAD * max(1, threads):
                number, rejected = waiting.pop()
                future = client.submit(
                    make_on_worker, job, number, rejected, pure=False, key=f"case-{number}-{os.urandom(4).hex()}"
                )
                running[future] = number
                future.add_done_callback(finished.put)
            try:
                future = finished.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                run.progress(pace.done / len(tasks), last)
                continue
            number = running.pop(future)
            yield _taken(future, number, client, cluster)
            future.release()
    finally:
        with contextlib.suppress(Exception):  # a lost scheduler cannot be told
            client.cancel(list(running), force=True)


def _taken(future: Any, number: int, client: Any, cluster: Cluster) -> tuple[dict[str, Any], dict[str, bytes]]:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    try:
        answer = future.result(timeout=60)
    except KilledWorker:
        raise JobFailed(
            f"Case {number} took down every worker that tried it. They may have too little memory, or the model fails; "
            "look at the workers' output."
        ) from None
    except (ImportError, AttributeError) as error:
        raise JobFailed(
            f"A worker lacks the package synthetic-imaging, or has another version ({_text(error)}). "
            f"Install version {distribution_version()} there."
        ) from None
    except (OSError, TimeoutError, asyncio.TimeoutError, asyncio.CancelledError, CancelledError):
        raise _lost(client, cluster) from None
    if "error" in answer:
        import synthetic_imaging.errors as known

        kind = getattr(known, answer["error"], JobFailed)
        raise kind(answer["sentence"])
    return answer["record"], answer["files"]


def _lost(client: Any, cluster: Cluster) -> JobFailed:
    where = f"at {cluster.scheduler} " if cluster.scheduler else ""
    if client.status == "running":
        return JobFailed(
            f"No worker is left at the scheduler {where}and none has come for {cluster.patience_seconds:g} seconds. "
            "Start workers; making the same cohort again goes on."
        )
    return JobFailed(f"The scheduler {where}is lost. Start it again; making the same cohort again goes on.")


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep Dask's log of lost workers and connections off the user's screen."""
    # Its modules' loggers have levels of their own.
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "distributed"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _text(error: BaseException) -> str:
    text = (str(error).splitlines() or [""])[0][:200]
    return text or type(error).__name__

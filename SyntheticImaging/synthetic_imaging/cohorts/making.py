"""Make a cohort into a folder: here or on a cluster, stopped at any time, gone on with by the same call.

    from synthetic_imaging.cohorts import making
    from synthetic_imaging.cohorts.plan import CohortPlan

    plan = CohortPlan("hearts.phantom-ct", number=40, seed=7, ranges={"lv_volume_ml": (90, 140)}, layout="nnunet")
    folder = making.make_cohort(plan, "hearts")
    making.reject("hearts", [3, 17])     # looked at, and not wanted
    making.make_cohort(plan, "hearts")   # puts others in their places
"""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthetic_imaging.cohorts.folder import CohortFolder, chosen
from synthetic_imaging.cohorts.generator import Generator
from synthetic_imaging.cohorts.layouts import layout_of, with_label_order
from synthetic_imaging.cohorts.plan import CohortPlan, MadeCase, check_ranges, find_case
from synthetic_imaging.cohorts.records import CaseRecord, stamped
from synthetic_imaging.context import Progress, Run
from synthetic_imaging.errors import Cancelled, FileError, SyntheticImagingError
from synthetic_imaging.files.staging import why
from synthetic_imaging.table import Column, Table

if TYPE_CHECKING:
    import os

    from synthetic_imaging.cohorts.cluster import Cluster

# Every so many cases the manifest is written anew: each one in a small cohort, a hundred times in a large one.
_MANIFESTS = 100


@dataclass
class Pace:
    """How fast cases are made, and what one costs.

    Attributes:
        done: cases made since the start; those found in the folder do not count.
        workers: how many make them.
        worker_seconds: time spent on cases by all workers together.
    """

    done: int = 0
    workers: int = 1
    worker_seconds: float = 0.0
    _started: float = 0.0

    def __post_init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    @property
    def per_minute(self) -> float:
        """Cases a minute."""
        return 60.0 * self.done / max(self.seconds, 1e-9)

    @property
    def worker_seconds_per_case(self) -> float:
        """What a case costs: seconds of one worker."""
        return self.worker_seconds / max(self.done, 1)


def make_cohort(
    plan: CohortPlan, out: str | os.PathLike[str], run: Run | None = None, *, cluster: Cluster | None = None,
    on_case: Callable[[CaseRecord, Pace], None] | None = None,
) -> CohortFolder:
    """Make all cases that the folder lacks: never made, damaged, or rejected.

    It may be killed at any time; what is in the folder is whole, and the same call goes on. The cases are the same
    whether they are made here, on a cluster, at once or in pieces.

    Args:
        plan: what to make.
        out: a new or empty folder, or one in which this plan was begun.
        run: progress, cancel and device; its seed is not used.
        cluster: where to make them; None for this process.
        on_case: called after each case that has come into the folder.

    Returns:
        The folder with its records.

    Raises:
        ParameterError: if the plan cannot be kept: an unknown model, ranges in which no case lies.
        FileError: if the folder holds something else or cannot be written (a full disk: finished cases stay).
        JobFailed: if the cluster cannot be used or is lost.
        Cancelled: if the user stopped it; finished cases stay.
    """
    run = run or Run(seed=plan.seed)
    generator = plan.make_generator()
    layout_of(plan.layout)
    check_ranges(plan, generator)
    run.progress(0.0, "looking at the folder")
    folder = CohortFolder.opened(out, plan, generator)
    with folder.locked():
        folder.read()
        folder.clear_leftovers()
        try:
            _make_missing(folder, generator, run, cluster, on_case)
        except Cancelled:
            raise Cancelled(f"Stopped. {stays(folder)}") from None
        except FileError as error:
            raise _told(error, folder) from None
        except OSError as error:
            raise FileError(f"{why(error, folder.path)} {stays(folder)}") from None
        finally:
            shutil.rmtree(folder.path / ".making", ignore_errors=True)
            with suppress(OSError):  # a full disk: what went wrong is being told already
                folder.write_index(generator)
    return folder


def _make_missing(
    folder: CohortFolder, generator: Generator, run: Run, cluster: Cluster | None,
    on_case: Callable[[CaseRecord, Pace], None] | None,
) -> None:
    plan, missing = folder.plan, folder.missing
    # Also now: it shows what was decided, and that the folder can be written.
    folder.write_index(generator)
    if not missing:
        return
    tasks = [(number, folder.attempts_rejected(number)) for number in missing]
    pace = Pace()
    if cluster is None:
        source = _here(folder, generator, tasks, run, pace)
    else:
        from synthetic_imaging.cohorts.cluster import made_on

        source = made_on(cluster, folder, generator, tasks, run, pace)
    for record, staged in source:
        folder.take_in(staged, record)
        shutil.rmtree(staged, ignore_errors=True)
        pace.done += 1
        pace.worker_seconds += record.seconds
        if pace.done % max(1, plan.number // _MANIFESTS) == 0:
            folder.write_index(generator)
        if on_case is not None:
            on_case(record, pace)
        run.progress(pace.done / len(tasks), step_of(folder, pace))


def step_of(folder: CohortFolder, pace: Pace) -> str:
    """"12 of 40 cases, 8.1 a minute"."""
    text = f"{len(folder.kept)} of {folder.plan.number} cases"
    return f"{text}, {pace.per_minute:.3g} a minute" if pace.done else text


def _here(
    folder: CohortFolder, generator: Generator, tasks: Sequence[tuple[int, list[int]]], run: Run, pace: Pace
) -> Iterator[tuple[CaseRecord, Path]]:
    for number, rejected in tasks:
        def report(progress: Progress) -> None:
            done = (pace.done + min(progress.fraction, 0.99)) / len(tasks)
            run.progress(done, step_of(folder, pace))

        inner = Run(folder.plan.seed, run.device, run.scratch, report, run.cancelled, run.notes)
        staged = folder.staging()
        yield produce(folder.plan, generator, number, rejected, staged, inner), staged


def produce(
    plan: CohortPlan, generator: Generator, number: int, rejected: Collection[int], folder: Path, run: Run
) -> CaseRecord:
    """Make one case and write its files into a folder of their own; what a process or a worker does.

    Args:
        plan: the plan.
        generator: from ``plan.make_generator()``.
        number: of the case, from 1.
        rejected: attempts that a person rejected.
        folder: an empty folder.
        run: progress of this case, cancel, device.

    Returns:
        The record; its paths are those in the folder.

    Raises:
        SyntheticImagingError: with a sentence.
    """
    started = time.monotonic()
    found = find_case(plan, generator, number, rejected, run)
    case = stamped(plan, generator, found, time.monotonic() - started, run.device)
    case = with_label_order(case, generator.structures)
    files = layout_of(plan.layout).write(case, number, folder)
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()
    }
    return CaseRecord(
        number, found.attempt, found.made, found.drawn,
        {m.name: float(case.measurements[m.name]) for m in generator.measurements},
        case.image.sha256, case.segments.sha256, files, sizes, time.monotonic() - started,
    )


def preview(plan: CohortPlan, numbers: Iterable[int], run: Run | None = None) -> list[MadeCase]:
    """Cases in memory, as they would come into the folder; for looking at before a large cohort is made.

    Raises:
        ParameterError: if the plan cannot be kept.
        Cancelled: if the user stopped it.
    """
    run = run or Run(seed=plan.seed)
    generator, wanted = plan.make_generator(), list(numbers)
    check_ranges(plan, generator)
    found = []
    for index, number in enumerate(wanted):
        run.progress(index / len(wanted), f"case {number}")
        found.append(find_case(plan, generator, number, (), run.part(index / len(wanted), (index + 1) / len(wanted))))
    return found


def reject(out: str | os.PathLike[str], cases: Iterable[int]) -> CohortFolder:
    """Record that cases are not wanted; lists no longer name them, and the next `make_cohort` puts others in their
    places. Their files stay until then.

    Raises:
        FileError: if the folder holds no cohort, or cannot be written.
        ParameterError: if a case is not there.
    """
    folder = CohortFolder.at(out)
    found = chosen(folder, cases)
    return _decided(folder, folder.rejected | {(r.number, r.attempt) for r in found})


def keep(out: str | os.PathLike[str], cases: Iterable[int]) -> CohortFolder:
    """Take a rejection back: of the attempt that lies in the folder, else of the case's last rejected attempt, which
    the next `make_cohort` then makes again in place of the one that replaced it.

    Raises:
        FileError: if the folder holds no cohort, or cannot be written.
        ParameterError: if a case is not there.
    """
    folder = CohortFolder.at(out)
    rejected, replaced = set(folder.rejected), []
    for record in chosen(folder, cases):
        before = folder.attempts_rejected(record.number)
        if record.rejected:
            rejected.discard((record.number, record.attempt))
        elif before:
            rejected.discard((record.number, before[-1]))
            replaced.append(record.number)
    return _decided(folder, rejected, replaced)


def _decided(folder: CohortFolder, rejected: set[tuple[int, int]], replaced: Iterable[int] = ()) -> CohortFolder:
    generator = folder.plan.make_generator()
    with folder.locked():
        folder.decide(rejected)
        try:
            for number in replaced:
                folder.remove(number)
            folder.write_index(generator)
        except OSError as error:
            raise why(error, folder.path) from None
    return folder


def measurements_table(plan: CohortPlan, records: Iterable[CaseRecord]) -> Table:
    """A row for each case: number, attempt, decision and measurements with units."""
    measured = plan.make_generator().measurements
    columns = (Column("case", "Case"), Column("attempt", "Attempt"), Column("decision", "Decision"),
               *(Column(m.name, m.title, m.unit) for m in measured))
    rows = tuple(
        (r.name, r.attempt, "rejected" if r.rejected else "kept", *(r.measurements[m.name] for m in measured))
        for r in records
    )
    return Table(columns, rows, name="cohort")


def acceptance(records: Iterable[CaseRecord]) -> float:
    """The part of attempts that kept the ranges (rejections by a person do not count against it); 1 without cases."""
    found = list(records)
    drawn = sum(r.drawn for r in found)
    return len(found) / drawn if drawn else 1.0


def stays(folder: CohortFolder) -> str:
    """What a user has after a stop."""
    count = len(folder.kept)
    if not count:
        return "No case was finished; making the same cohort again starts it."
    cases = "case is" if count == 1 else "cases are"
    return (f"{count} of {folder.plan.number} {cases} finished and stay; making the same cohort again goes on from "
            "there.")


def _told(error: FileError, folder: CohortFolder) -> SyntheticImagingError:
    """The error with the user's folder in it instead of a hidden one, and with what stays."""
    cause = error.__context__
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        return FileError(f"{why(cause, folder.path)} {stays(folder)}")
    return error

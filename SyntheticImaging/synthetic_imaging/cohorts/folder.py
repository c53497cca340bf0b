"""The folder of a cohort: what is in it, what was decided about it, and how a case gets in whole or not at all.

    plan.json         what is made; another plan is refused
    records/0001.json one file for each finished case: it is there when, and only when, all files of the case are
    decisions.json    cases that a person rejected: [number, attempt]
    manifest.csv      all of this as a table
    cases/ or, by layout, imagesTr/, labelsTr/, images/, labels/ and an index

Files are written under ``.making`` and moved into place; what a killed process left there is cleared at the next start.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from synthetic_imaging.cohorts.generator import Generator
from synthetic_imaging.cohorts.layouts import layout_of
from synthetic_imaging.cohorts.plan import CohortPlan
from synthetic_imaging.cohorts.records import CaseRecord, case_name, to_json
from synthetic_imaging.errors import FileError, ParameterError
from synthetic_imaging.files.staging import why
from synthetic_imaging.provenance import STATEMENT

PLAN, DECISIONS, MANIFEST, RECORDS, MAKING = "plan.json", "decisions.json", "manifest.csv", "records", ".making"
_LOCK = ".lock"


class CohortFolder:
    """A folder with a cohort in it.

    Attributes:
        path: the folder.
        plan: what it holds, as its plan.json says.
        records: number -> finished case, those that were rejected and not yet replaced included.
        rejected: (number, attempt) of what a person rejected.
    """

    def __init__(self, path: Path, plan: CohortPlan) -> None:
        self.path, self.plan = path, plan
        self.records: dict[int, CaseRecord] = {}
        self.rejected: set[tuple[int, int]] = set()

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> CohortFolder:
        """The cohort in an existing folder.

        Raises:
            FileError: if there is none, or it cannot be read.
        """
        path = Path(path)
        try:
            described = json.loads((path / PLAN).read_text(encoding="utf-8"))
            found = cls(path, CohortPlan.from_plain(described["plan"]))
        except FileNotFoundError:
            raise FileError(f"'{path}' holds no cohort: it has no {PLAN}. Choose the folder of a cohort.") from None
        except (ValueError, KeyError, TypeError):
            raise FileError(f"'{path / PLAN}' is damaged. Choose another folder for the cohort.") from None
        except OSError as error:
            raise why(error, path, "read") from None
        found.read()
        return found

    @classmethod
    def opened(cls, path: str | os.PathLike[str], plan: CohortPlan, generator: Generator) -> CohortFolder:
        """The folder for a plan: a new or empty one, or one in which the same plan was begun.

        A larger number of cases than before is the same plan.

        Raises:
            FileError: if it holds something else, or cannot be written.
        """
        path = Path(path)
        identity = plan.identity(generator)
        if path.exists() and not path.is_dir():
            raise FileError(f"'{path}' is a file. Choose a folder for the cohort.")
        try:
            if path.is_dir() and not (path / PLAN).exists():
                found = [p.name for p in path.iterdir() if p.name not in (MAKING, _LOCK)]
                if found:
                    raise FileError(f"The folder '{path}' holds other files. Choose a new or empty folder.")
        except OSError as error:
            raise why(error, path) from None
        folder = cls(path, plan)
        if (path / PLAN).exists():
            before = cls.at(path)
            _check_same(path, _read_json(path / PLAN).get("identity", {}), identity)
            if plan.number < before.plan.number:
                raise FileError(
                    f"The cohort in '{path}' has {before.plan.number} cases, more than {plan.number}. "
                    "Give that number or a larger one, or choose another folder."
                )
            folder.records, folder.rejected = before.records, before.rejected
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / RECORDS).mkdir(exist_ok=True)
            write_whole(path / PLAN, to_json({"statement": STATEMENT, "plan": plan.to_plain(), "identity": identity}))
        except OSError as error:
            raise why(error, path) from None
        return folder

    def read(self) -> None:
        """Read records and decisions anew; a record whose files are not all there, whole, is left out.

        Raises:
            FileError: if the folder cannot be read.
        """
        try:
            decided = _read_json(self.path / DECISIONS)
            self.rejected = {(int(n), int(a)) for n, a in decided.get("rejected", [])}
            found = sorted((self.path / RECORDS).glob("*.json")) if (self.path / RECORDS).is_dir() else []
            self.records = {}
            for file in found:
                with contextlib.suppress(ValueError):
                    record = CaseRecord.from_plain(json.loads(file.read_text(encoding="utf-8")))
                    if self._whole(record):
                        rejected = (record.number, record.attempt) in self.rejected
                        self.records[record.number] = replace(record, rejected=rejected)
        except OSError as error:
            raise why(error, self.path, "read") from None

    def _whole(self, record: CaseRecord) -> bool:
        for name, size in record.file_bytes.items():
            file = self.path / name
            if not file.is_file() or file.stat().st_size != size:
                return False
        return bool(record.file_bytes)

    @property
    def kept(self) -> list[CaseRecord]:
        """Finished cases that were not rejected, by number."""
        return [r for _, r in sorted(self.records.items()) if not r.rejected]

    def attempts_rejected(self, number: int) -> list[int]:
        """Attempts at a case that were rejected."""
        return sorted(a for n, a in self.rejected if n == number)

    @property
    def missing(self) -> list[int]:
        """Numbers of cases that are still to be made: never made, broken, or rejected."""
        return [n for n in range(1, self.plan.number + 1) if n not in self.records or self.records[n].rejected]

    def decide(self, rejected: set[tuple[int, int]]) -> None:
        """Keep decisions.

        Raises:
            FileError: if they cannot be written.
        """
        try:
            plain = {"rejected": sorted([n, a] for n, a in rejected)}
            write_whole(self.path / DECISIONS, to_json(plain))
        except OSError as error:
            raise why(error, self.path / DECISIONS) from None
        self.rejected = rejected
        self.records = {
            n: replace(r, rejected=(n, r.attempt) in rejected) for n, r in self.records.items()
        }

    def staging(self) -> Path:
        """A fresh folder for the files of one case."""
        place = self.path / MAKING / secrets.token_hex(6)
        place.mkdir(parents=True)
        return place

    def take_in(self, staged: Path, record: CaseRecord) -> None:
        """Move the files of a finished case into place, and then say that it is there.

        Raises:
            OSError: if the system refuses; then the case counts as not made.
        """
        self.remove(record.number)
        for top in sorted({Path(file).parts[:2] for file in record.file_bytes}):
            # A case's own folder moves as one; files in folders that cases share move one by one.
            source, target = staged.joinpath(*top), self.path.joinpath(*top)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                shutil.rmtree(target)
            source.replace(target)
        write_whole(self.path / RECORDS / f"{record.name}.json", to_json(record.to_plain()))
        self.records[record.number] = record

    def remove(self, number: int) -> None:
        """Forget a case, then remove its files (in this order: a record without files must not be).

        Raises:
            OSError: if the system refuses.
        """
        file = self.path / RECORDS / f"{case_name(number)}.json"
        names: Iterable[str] = ()
        with contextlib.suppress(OSError, ValueError):
            names = CaseRecord.from_plain(json.loads(file.read_text(encoding="utf-8"))).file_bytes
        file.unlink(missing_ok=True)
        self.records.pop(number, None)
        for name in names:
            (self.path / name).unlink(missing_ok=True)
            for parent in list((self.path / name).parents):
                if parent == self.path or self.path not in parent.parents:
                    break
                try:
                    parent.rmdir()
                except OSError:
                    break

    def write_index(self, generator: Generator) -> None:
        """Write the manifest, and the layout's own list of cases.

        Raises:
            OSError: if the system refuses.
        """
        write_whole(self.path / MANIFEST, self.manifest(generator))
        layout = layout_of(self.plan.layout)
        if layout.index is not None:
            write_whole(self.path / layout.index_file, to_json(layout.index(generator, self.kept)))

    def manifest(self, generator: Generator) -> str:
        """The table of all cases as comma-separated text."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        named = [m.name if not m.unit or m.name.endswith((f"_{m.unit}", "_percent")) else f"{m.name} [{m.unit}]"
                 for m in generator.measurements]
        writer.writerow(["case", "decision", "seed", "attempt", *named, "image", "segments", "image_sha256",
                         "segments_sha256", "seconds", "model", "synthetic"])
        for number in range(1, self.plan.number + 1):
            for attempt in self.attempts_rejected(number):
                record = self.records.get(number)
                if record is None or record.attempt != attempt:
                    writer.writerow([case_name(number), "rejected", self.plan.seed, attempt, *[""] * len(named),
                                     "", "", "", "", "", self.plan.generator, "yes"])
            record = self.records.get(number)
            if record is not None:
                values = [f"{record.measurements[m.name]:.6g}" for m in generator.measurements]
                writer.writerow([record.name, "rejected" if record.rejected else "kept", self.plan.seed,
                                 record.attempt, *values, record.files["image"], record.files["segments"],
                                 record.image_sha256, record.segments_sha256, f"{record.seconds:.3f}",
                                 self.plan.generator, "yes"])
        return text.getvalue()

    def clear_leftovers(self) -> None:
        """Remove what a killed process left half-written; only while the folder is locked."""
        shutil.rmtree(self.path / MAKING, ignore_errors=True)
        for half in (*self.path.glob(".*.part"), *(self.path / RECORDS).glob(".*.part")):
            with contextlib.suppress(OSError):
                half.unlink()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from making in the same folder; a process that dies gives the lock back.

        Raises:
            FileError: if another process is at it.
        """
        try:
            file = (self.path / _LOCK).open("a+b")
        except OSError as error:
            raise why(error, self.path) from None
        try:
            _lock(file, self.path)
            yield
        finally:
            # The file stays: a third process could lock a new one while a second holds the old.
            file.close()


def write_whole(path: Path, text: str) -> None:
    """Write a text file that is there as a whole or not at all.

    Raises:
        OSError: if the system refuses; the old file stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.write_text(text, encoding="utf-8", newline="")
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _lock(file: IO[bytes], path: Path) -> None:
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (11, 13, 35, 36):
            raise FileError(f"Another process is making the cohort in '{path}'. Wait for it, or stop it.") from None
        # A file system without locks: two processes at once would only do the same work twice.


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise FileError(f"'{path}' is damaged. Remove it, or choose another folder.") from None
    return found if isinstance(found, dict) else {}


def _check_same(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    words = {"generator": "model", "version": "version of SyntheticImaging", "weights": "weights of the model"}
    now = json.loads(json.dumps(now))
    for key, value in now.items():
        if before.get(key) != value:
            what = words.get(key, key)
            shown = "" if key == "weights" else f" ({_in_words(before.get(key))}, not {_in_words(value)})"
            raise FileError(
                f"The folder '{path}' holds a cohort with another {what}{shown}. Choose another folder, or make the "
                "same cohort again to go on."
            )


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{k} {'..'.join('' if x is None else f'{x:g}' for x in v) if isinstance(v, list) else v}"
                 for k, v in value.items())
        return ", ".join(pairs) or "none"
    return "none" if value in (None, "") else str(value)


def chosen(folder: CohortFolder, cases: Iterable[int]) -> list[CaseRecord]:
    """Finished cases by number.

    Raises:
        ParameterError: if one is not there.
    """
    found = []
    for number in cases:
        if int(number) not in folder.records:
            raise ParameterError(f"The cohort has no finished case {number}. It has {len(folder.records)} of "
                                 f"{folder.plan.number}.")
        found.append(folder.records[int(number)])
    return found

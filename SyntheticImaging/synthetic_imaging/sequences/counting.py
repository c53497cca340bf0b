"""Lesions counted by clicks: what a reader marked, in which image, where, and when; nothing of it is ever lost.

A file belongs to one reader. It is written anew after every click, beside itself and then renamed, so that a power cut
leaves the file as it was one click before. What is undone stays in the file, marked as withdrawn. That an image was
opened and finished is in the file too: no lesion found is a count of 0, not a missing value.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synthetic_imaging.errors import FileError, InputError
from synthetic_imaging.files.staging import Staging, why
from synthetic_imaging.phantoms.brain.regions import REGIONS

COLUMNS = ("reader", "case", "sequence", "event", "number", "region", "right_mm", "anterior_mm", "superior_mm",
           "seconds", "withdrawn")
OPENED, CLICK, FINISHED = "opened", "click", "finished"
UNDECIDED = "undecided"
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_FARTHEST_MM = 10_000.0


@dataclass(frozen=True)
class Event:
    """One line of a reader's file.

    Attributes:
        reader, case, sequence: codes, not names: letters, digits, ``_ . -``.
        event: "opened", "click" or "finished".
        number: of a click in its image, from 1; 0 else.
        region: of a click, one of the McDonald regions or "undecided"; "" else.
        ras_mm: of a click, where; None else.
        seconds: since the image was opened, pauses between sittings left out.
        withdrawn: whether it was undone or cleared.
    """

    reader: str
    case: str
    sequence: str
    event: str
    number: int = 0
    region: str = ""
    ras_mm: tuple[float, float, float] | None = None
    seconds: float = 0.0
    withdrawn: bool = False


class Counting:
    """One reader at work, on one file.

    Args:
        path: the reader's file; what it holds already is kept and gone on with.
        reader: the reader's code.
        clock: seconds that only rise.

    Raises:
        InputError: for a code that is none.
        FileError: if the file is damaged, belongs to another reader, or cannot be written.
    """

    def __init__(self, path: Path, reader: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.path, self.reader = path, checked_code(reader, "reader")
        self._clock = clock
        self._events: list[Event] = []
        self._image: tuple[str, str] | None = None
        self._since = self._before = 0.0
        if path.exists():
            self._events = list(read_events(path))
            others = {e.reader for e in self._events} - {reader}
            if others:
                raise FileError(f"'{path.name}' holds the counts of reader '{min(others)}', not of '{reader}'. "
                                "Choose another file.")
        else:
            self._write(self._events)

    @property
    def events(self) -> tuple[Event, ...]:
        """All that the file holds."""
        return tuple(self._events)

    def open(self, case: str, sequence: str) -> tuple[Event, ...]:
        """Turn to an image, for the first time or again; returns the clicks that stand there already."""
        image = (checked_code(case, "case"), checked_code(sequence, "sequence"))
        self._image = image
        there = self._here()
        self._before, self._since = max((e.seconds for e in there), default=0.0), self._clock()
        if not there:
            self._keep([*self._events, Event(self.reader, *image, OPENED)])
        return self.clicks()

    def add(self, ras_mm: Sequence[float], region: str = UNDECIDED) -> Event:
        """A click on a lesion.

        Raises:
            InputError: if no image is open, the place is none, or there is no such region.
            FileError: if the file cannot be written; then the click does not count either.
        """
        place = checked_place(ras_mm)
        if region not in (*REGIONS, UNDECIDED):
            raise InputError(f"There is no region '{region}'. There are: {', '.join(REGIONS)}.")
        number = max((e.number for e in self._here()), default=0) + 1
        made = Event(self.reader, *self._opened(), CLICK, number, region, place, self._seconds())
        self._keep([*self._events, made])
        return made

    def change_region(self, number: int, region: str) -> None:
        """Another region for a click that stands."""
        if region not in (*REGIONS, UNDECIDED):
            raise InputError(f"There is no region '{region}'. There are: {', '.join(REGIONS)}.")
        self._replace([number], region=region)

    def undo(self) -> Event | None:
        """Withdraw the last click that stands in this image; None if there is none."""
        standing = self.clicks()
        if not standing:
            return None
        self._replace([standing[-1].number], withdrawn=True)
        return standing[-1]

    def remove(self, number: int) -> None:
        """Withdraw one click."""
        self._replace([number], withdrawn=True)

    def clear(self) -> int:
        """Withdraw all clicks in this image; how many there were."""
        numbers = [e.number for e in self.clicks()]
        if numbers:
            self._replace(numbers, withdrawn=True)
        return len(numbers)

    def finish(self) -> None:
        """The reader is through with this image, with or without lesions."""
        image = self._opened()
        if not any(e.event == FINISHED for e in self._here()):
            self._keep([*self._events, Event(self.reader, *image, FINISHED, seconds=self._seconds())])

    def clicks(self) -> tuple[Event, ...]:
        """Those that stand in the open image."""
        self._opened()
        return tuple(e for e in self._here() if e.event == CLICK and not e.withdrawn)

    def finished(self, case: str, sequence: str) -> bool:
        """Whether an image is done with."""
        return any((e.case, e.sequence, e.event) == (case, sequence, FINISHED) for e in self._events)

    def _opened(self) -> tuple[str, str]:
        if self._image is None:
            raise InputError("No image is open. Open a case first.")
        return self._image

    def _here(self) -> list[Event]:
        return [e for e in self._events if (e.case, e.sequence) == self._image]

    def _seconds(self) -> float:
        return round(self._before + max(0.0, self._clock() - self._since), 2)

    def _replace(self, numbers: list[int], **changes: object) -> None:
        image = self._opened()
        standing = {e.number for e in self.clicks()}
        if not set(numbers) <= standing:
            raise InputError(f"There is no click {min(set(numbers) - standing)} in this image.")
        self._keep([replace(e, **changes) if (e.case, e.sequence) == image and e.number in numbers  # type: ignore[arg-type]
                    else e for e in self._events])

    def _keep(self, events: list[Event]) -> None:
        self._write(events)  # a click counts once it is on the disk
        self._events = events

    def _write(self, events: list[Event]) -> None:
        staging = Staging(overwrite=True)
        try:
            temporary = staging.beside(self.path)
            with temporary.open("w", encoding="utf-8", newline="") as file:
                file.write(to_csv(events))
                file.flush()
                os.fsync(file.fileno())
            staging.commit()
        except OSError as error:
            raise why(error, self.path) from None
        finally:
            staging.discard()


def to_csv(events: Iterable[Event]) -> str:
    """The text of a reader's file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for e in events:
        place = ("", "", "") if e.ras_mm is None else tuple(f"{x:.2f}" for x in e.ras_mm)
        writer.writerow((e.reader, e.case, e.sequence, e.event, e.number or "", e.region, *place, f"{e.seconds:.2f}",
                         "yes" if e.withdrawn else ""))
    return text.getvalue()


def read_events(path: Path) -> tuple[Event, ...]:
    """The lines of a reader's file.

    Raises:
        FileError: naming the line, and what is wrong in it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"'{path.name}' is no text file. Counts are comma-separated text (.csv).") from None
    except OSError as error:
        raise why(error, path, "read") from None
    # Some spreadsheets write semicolons.
    separator = ";" if text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",") else ","
    rows = list(csv.reader(io.StringIO(text), delimiter=separator))
    if not rows or tuple(c.strip() for c in rows[0]) != COLUMNS:
        missing = [c for c in COLUMNS if not rows or c not in [x.strip() for x in rows[0]]]
        what = f"it lacks the column '{missing[0]}'" if missing else "its columns are in another order"
        raise FileError(f"'{path.name}' holds no counts: {what}. Its first line must be: {','.join(COLUMNS)}.")
    found: list[Event] = []
    seen: set[tuple[str, str, int]] = set()
    for line, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        where = f"'{path.name}', line {line}"
        event = _event([cell.strip() for cell in row], where)
        if event.event == CLICK and (event.case, event.sequence, event.number) in seen:
            raise FileError(f"{where}: click {event.number} of case '{event.case}' stands there twice.")
        seen.add((event.case, event.sequence, event.number))
        found.append(event)
    return tuple(found)


def _event(row: list[str], where: str) -> Event:
    if len(row) != len(COLUMNS):
        raise FileError(f"{where} has {len(row)} values instead of {len(COLUMNS)}. Was the file cut off, or edited?")
    reader, case, sequence, event, number, region, *rest = row
    *place, seconds, withdrawn = rest
    try:
        for code, what in ((reader, "reader"), (case, "case"), (sequence, "sequence")):
            checked_code(code, what)
        if event not in (OPENED, CLICK, FINISHED):
            raise InputError(f"'{event}' is no event; there are {OPENED}, {CLICK} and {FINISHED}.")
        if withdrawn not in ("", "yes"):
            raise InputError(f"'{withdrawn}' stands under 'withdrawn'; it must be 'yes' or empty.")
        after = _number(seconds, "seconds")
        if after < 0:
            raise InputError(f"The time is {seconds} seconds; it cannot be below 0.")
        if event != CLICK:
            return Event(reader, case, sequence, event, seconds=after, withdrawn=withdrawn == "yes")
        if region not in (*REGIONS, UNDECIDED):
            raise InputError(f"There is no region '{region}'. There are: {', '.join(REGIONS)} and {UNDECIDED}.")
        if not re.fullmatch(r"[1-9]\d{0,5}", number):
            raise InputError(f"The number of the click is '{number}'; it must be a whole number from 1.")
        ras = checked_place([_number(text, name) for text, name in zip(place, COLUMNS[6:9], strict=True)])
        return Event(reader, case, sequence, event, int(number), region, ras, after, withdrawn == "yes")
    except InputError as error:
        raise FileError(f"{where}: {error}") from None


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"'{text}' stands under '{name}'; a number is needed.") from None
    if not math.isfinite(value):
        raise InputError(f"'{text}' stands under '{name}'; a number is needed.")
    return value


def checked_place(ras_mm: Sequence[float]) -> tuple[float, float, float]:
    """Three finite coordinates in mm.

    Raises:
        InputError: if they are none.
    """
    try:
        place = tuple(round(float(x), 2) for x in ras_mm)
    except (TypeError, ValueError, OverflowError):
        place = ()
    if len(place) != 3 or not all(math.isfinite(x) and abs(x) <= _FARTHEST_MM for x in place):
        raise InputError("A click needs three coordinates in mm (right, anterior, superior), within 10 m.")
    return place


def checked_code(code: str, what: str) -> str:
    """A code of letters, digits, ``_ . -``, at most 40 of them: no names, no separators.

    Raises:
        InputError: if it is none.
    """
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise InputError(f"The code of the {what} is {code!r}; it takes letters, digits, '_', '.' and '-', at most 40.")
    return code

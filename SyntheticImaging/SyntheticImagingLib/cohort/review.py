"""Looking through the cases of a folder: pages, the chosen case, keep and reject."""

from __future__ import annotations

from pathlib import Path

from synthetic_imaging.cohorts import making
from synthetic_imaging.cohorts.folder import CohortFolder
from synthetic_imaging.cohorts.generator import Generator, Measurement
from synthetic_imaging.cohorts.records import CaseRecord

PER_PAGE = 6


class Review:
    """The cases of one folder, a page at a time, one of them chosen.

    Attributes:
        folder: plan, records and decisions as they were read last.
        generator: the plan's model.
        page: from 0.
        chosen: number of the chosen case, or None.
    """

    def __init__(self, path: Path, per_page: int = PER_PAGE) -> None:
        """Read a folder.

        Raises:
            FileError, ParameterError: if it holds no cohort that can be read here.
        """
        self.per_page = per_page
        self.folder = CohortFolder.at(path)
        self.generator: Generator = self.folder.plan.make_generator()
        self.page = 0
        self.chosen: int | None = None

    @property
    def path(self) -> Path:
        """The folder."""
        return self.folder.path

    @property
    def numbers(self) -> list[int]:
        """Numbers of the cases that can be looked at."""
        return sorted(self.folder.records)

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-len(self.folder.records) // self.per_page))

    @property
    def shown(self) -> list[CaseRecord]:
        """The cases of this page."""
        first = self.page * self.per_page
        return [self.folder.records[n] for n in self.numbers[first : first + self.per_page]]

    @property
    def record(self) -> CaseRecord | None:
        """The chosen case."""
        return self.folder.records.get(self.chosen) if self.chosen is not None else None

    @property
    def rejected(self) -> list[int]:
        """Numbers of the cases that are rejected and not yet replaced."""
        return [n for n in self.numbers if self.folder.records[n].rejected]

    def reload(self) -> None:
        """Read the folder again, after cases were made in it.

        Raises:
            FileError: if it cannot be read any more.
        """
        self.folder = CohortFolder.at(self.path)
        self.page = min(self.page, self.pages - 1)
        if self.chosen not in self.folder.records:
            self.chosen = None

    def choose(self, number: int) -> None:
        """Choose a case and go to its page; a number that is not there changes nothing."""
        if number in self.folder.records:
            self.chosen = number
            self.page = self.numbers.index(number) // self.per_page

    def step(self, by: int) -> None:
        """Choose the next case, or the one before; stays at the ends."""
        numbers = self.numbers
        if not numbers:
            return
        at = numbers.index(self.chosen) + by if self.chosen in numbers else 0
        self.choose(numbers[max(0, min(len(numbers) - 1, at))])

    def turn(self, by: int) -> None:
        """The next page, or the one before."""
        self.page = max(0, min(self.pages - 1, self.page + by))

    def decide(self, wanted: bool) -> None:
        """Keep or reject the chosen case; written into the folder at once.

        Raises:
            FileError: if that cannot be written, or another process is making cases there.
        """
        if self.chosen is not None:
            self.folder = (making.keep if wanted else making.reject)(self.path, [self.chosen])

    def caption(self, record: CaseRecord) -> str:
        """What stands below a case: number and the measurement that matters most."""
        first = self._telling()
        if first is None:
            return record.name
        return f"{record.name}  {value_in_words(first, record.measurements.get(first.name))}"

    def facts(self, record: CaseRecord) -> str:
        """All measurements of a case in a few words."""
        return " · ".join(
            f"{m.title} {value_in_words(m, record.measurements.get(m.name))}" for m in self.generator.measurements
        )

    def _telling(self) -> Measurement | None:
        """The first measurement with a range, else the first one."""
        all_of_them = self.generator.measurements
        limited = [m for m in all_of_them if m.name in self.folder.plan.ranges]
        return next(iter(limited or all_of_them), None)


def value_in_words(measurement: Measurement, value: float | None) -> str:
    """"112 ml"."""
    return "–" if value is None else f"{value:.3g} {measurement.unit}".strip()

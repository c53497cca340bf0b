"""What readers' counts say: lesions a patient by region and sequence, tests of sequences, agreement of readers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.phantoms.brain.regions import REGIONS
from synthetic_imaging.sequences.click_matching import cohens_kappa, matched_clicks
from synthetic_imaging.sequences.code_book import CodeBook
from synthetic_imaging.sequences.counting import CLICK, FINISHED, UNDECIDED, Event
from synthetic_imaging.table import Cell, Column, Table

ALL = "all regions"
POOLED = "mean of the readers"
_CASES_FOR_TESTS = 3


@dataclass(frozen=True)
class Reading:
    """One image as one reader has counted it to the end.

    Attributes:
        reader, case: codes.
        sequence: its name, or its code where there is no code book.
        clicks: those that stand.
        seconds: until the end.
    """

    reader: str
    case: str
    sequence: str
    clicks: tuple[Event, ...]
    seconds: float

    def count(self, region: str) -> int:
        """Lesions in a region, or in `ALL`."""
        return sum(region in (ALL, e.region) for e in self.clicks)


def readings_of(events: Iterable[Event], book: CodeBook | None = None) -> tuple[list[Reading], int]:
    """Finished images, and how many were opened but not finished and are left out.

    Args:
        events: of all readers.
        book: to name the sequences; None leaves the codes.

    Raises:
        InputError: if one reader has the same image in two files, or the code book does not hold a code.
    """
    images: dict[tuple[str, str, str], list[Event]] = defaultdict(list)
    for event in events:
        images[event.reader, event.case, event.sequence].append(event)
    found: list[Reading] = []
    unfinished = 0
    for (reader, case, code), here in sorted(images.items()):
        ends = [e for e in here if e.event == FINISHED and not e.withdrawn]
        if len(ends) > 1:
            raise InputError(f"Reader '{reader}' has case '{case}', image '{code}' twice. Give each file once.")
        if not ends:
            unfinished += 1
            continue
        clicks = tuple(e for e in here if e.event == CLICK and not e.withdrawn)
        name = code if book is None else book.name_of(case, code)
        found.append(Reading(reader, case, name, clicks, max(e.seconds for e in here)))
    names = [(r.reader, r.case, r.sequence) for r in found]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise InputError(f"Reader '{twice[0]}' has counted case '{twice[1]}' on '{twice[2]}' twice.")
    return found, unfinished


def counts_table(readings: Sequence[Reading]) -> Table:
    """A row for each image that a reader has counted."""
    regions = (ALL, *REGIONS, UNDECIDED)
    rows: list[tuple[Cell, ...]] = [
        (r.reader, r.case, r.sequence, *(r.count(region) for region in regions), round(r.seconds, 1)) for r in readings]
    columns = (Column("reader", "Reader"), Column("case", "Case"), Column("sequence", "Sequence"),
               *(Column(region.replace(" ", "_"), region.capitalize()) for region in regions),
               Column("seconds", "Time", "s"))
    return Table(columns, tuple(rows), name="counts")


def summary_table(readings: Sequence[Reading]) -> Table:
    """Lesions a patient: mean and standard deviation by sequence, reader and region."""
    rows: list[tuple[Cell, ...]] = []
    for sequence in _names(readings, "sequence"):
        for reader in _names(readings, "reader"):
            mine = [r for r in readings if (r.reader, r.sequence) == (reader, sequence)]
            for region in (ALL, *REGIONS):
                counts = np.array([r.count(region) for r in mine], float)
                if counts.size:
                    spread = round(float(counts.std(ddof=1)), 3) if counts.size > 1 else None
                    rows.append((sequence, reader, region, counts.size, round(float(counts.mean()), 3), spread))
    return Table((Column("sequence", "Sequence"), Column("reader", "Reader"), Column("region", "Region"),
                  Column("cases", "Cases"), Column("mean", "Lesions a patient"), Column("sd", "SD")), tuple(rows),
                 name="lesions a patient")


def comparison_table(readings: Sequence[Reading], first: str, second: str, rng: np.random.Generator) -> Table:
    """Whether readers find more on one sequence than on another, case by case (Wilcoxon's signed ranks, two-sided).

    P values are corrected (Holm) over the regions of a reader; "all regions" stands alone, as the main question.

    Args:
        readings: of one study.
        first, second: names of sequences.
        rng: draws the bootstrap of the differences.

    Raises:
        InputError: if there are fewer than three cases with both, or no such sequence.
    """
    from synthetic_imaging.evaluation.paired import holm, paired_test

    known = _names(readings, "sequence")
    for name in (first, second):
        if name not in known:
            raise InputError(f"There is no sequence '{name}' in the counts. There are: {', '.join(known) or 'none'}.")
    rows: list[tuple[Cell, ...]] = []
    for reader in (*_names(readings, "reader"), POOLED):
        pairs = {region: _pairs(readings, reader, first, second, region) for region in (ALL, *REGIONS)}
        if len(pairs[ALL]) < _CASES_FOR_TESTS:
            continue
        tests = {region: paired_test(p[:, 0], p[:, 1], rng) for region, p in pairs.items()}
        raised = holm([tests[region].p_value for region in REGIONS])
        for region, test in tests.items():
            means = pairs[region].mean(axis=0)
            p = test.p_value if region == ALL else float(raised[REGIONS.index(region)])
            rows.append((reader, region, test.n, round(float(means[0]), 3), round(float(means[1]), 3),
                         round(test.difference.estimate, 3), round(test.difference.low, 3),
                         round(test.difference.high, 3), float(f"{test.p_value:.3g}"), float(f"{p:.3g}")))
    if not rows:
        raise InputError(f"Fewer than {_CASES_FOR_TESTS} cases were counted on both '{first}' and '{second}' by one "
                         "reader: there is nothing to compare.")
    return Table((Column("reader", "Reader"), Column("region", "Region"), Column("cases", "Cases"),
                  Column("first", f"{first}, a patient"), Column("second", f"{second}, a patient"),
                  Column("difference", "Difference"), Column("low", "95 % from"), Column("high", "95 % to"),
                  Column("p", "p (Wilcoxon)"), Column("p_corrected", "p, corrected (Holm)")), tuple(rows),
                 name="comparison of sequences")


def agreement_table(readings: Sequence[Reading]) -> Table:
    """Whether readers count alike: ICC(2,1) over all of them, and for each two Bland and Altman's limits and Lin's
    concordance.
    """
    from synthetic_imaging.evaluation.agreement import bland_altman, icc

    rows: list[tuple[Cell, ...]] = []
    readers = _names(readings, "reader")
    for sequence in _names(readings, "sequence"):
        for region in (ALL, *REGIONS):
            table = _by_case(readings, readers, sequence, region)
            if len(readers) < 2 or len(table) < _CASES_FOR_TESTS or np.ptp(table) == 0:
                continue
            found = icc(table)
            rows.append((sequence, region, "all", len(table), "ICC(2,1)", _short(found.estimate), _short(found.low),
                         _short(found.high)))
            for a, b in combinations(range(len(readers)), 2):
                limits = bland_altman(table[:, a], table[:, b])
                pair = f"{readers[a]} - {readers[b]}"
                rows.append((sequence, region, pair, len(table), "bias, limits of agreement",
                             _short(limits.bias.estimate), _short(limits.lower.estimate),
                             _short(limits.upper.estimate)))
                rows.append((sequence, region, pair, len(table), "concordance (Lin)",
                             _short(concordance(table[:, a], table[:, b])), None, None))
    return Table((Column("sequence", "Sequence"), Column("region", "Region"), Column("readers", "Readers"),
                  Column("cases", "Cases"), Column("measure", "Measure"), Column("value", "Value"),
                  Column("low", "From"), Column("high", "To")), tuple(rows), name="agreement of readers on counts")


def matching_table(readings: Sequence[Reading], within_mm: float = 5.0) -> Table:
    """Whether readers mean the same lesions: clicks of each two that lie within the distance, over all cases."""
    rows: list[tuple[Cell, ...]] = []
    for sequence in _names(readings, "sequence"):
        for one, other in combinations(_names(readings, "reader"), 2):
            a, b = ({r.case: r for r in readings if (r.reader, r.sequence) == (x, sequence)} for x in (one, other))
            both = sorted(set(a) & set(b))
            found = [matched_clicks(a[case].clicks, b[case].clicks, within_mm) for case in both]
            pairs, left, right = (sum(len(part) for part in parts) for parts in (
                [m.pairs for m in found], [m.only_first for m in found], [m.only_second for m in found]))
            if not pairs + left + right:
                continue
            regions = [(a[case].clicks[i].region, b[case].clicks[j].region)
                       for case, m in zip(both, found, strict=True) for i, j in m.pairs]
            distances = [d for m in found for d in m.distances_mm]
            kappa = cohens_kappa(*zip(*regions, strict=True)) if regions else float("nan")
            rows.append((sequence, f"{one} - {other}", len(both), pairs, left, right,
                         round(2 * pairs / (2 * pairs + left + right), 3),
                         round(float(np.mean(distances)), 2) if distances else None,
                         round(kappa, 3) if np.isfinite(kappa) else None))
    return Table((Column("sequence", "Sequence"), Column("readers", "Readers"), Column("cases", "Cases"),
                  Column("both", "Found by both"), Column("only_first", "By the first alone"),
                  Column("only_second", "By the second alone"), Column("agreement", "Agreement (Dice)"),
                  Column("distance_mm", "Distance", "mm"), Column("kappa", "Kappa of the region")), tuple(rows),
                 name="lesions found by both readers")


def concordance(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Lin's concordance correlation (Biometrics 1989): 1 only for equal values, not for proportional ones.

    ``2 cov / (var1 + var2 + (mean1 - mean2)^2)``, moments divided by n; NaN if both are constant and equal.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    bottom = a.var() + b.var() + (a.mean() - b.mean()) ** 2
    return float(2 * np.mean((a - a.mean()) * (b - b.mean())) / bottom) if bottom > 0 else float("nan")


def _pairs(readings: Sequence[Reading], reader: str, first: str, second: str, region: str) -> npt.NDArray[np.float64]:
    """(cases, 2): counts on both sequences; of `POOLED`, means over the readers that have both."""
    by_case: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for name in _names(readings, "reader") if reader == POOLED else [reader]:
        one, other = ({r.case: r.count(region) for r in readings if (r.reader, r.sequence) == (name, sequence)}
                      for sequence in (first, second))
        for case in set(one) & set(other):
            by_case[case].append((one[case], other[case]))
    return np.array([np.mean(by_case[case], axis=0) for case in sorted(by_case)], np.float64).reshape(-1, 2)


def _by_case(readings: Sequence[Reading], readers: Sequence[str], sequence: str, region: str
             ) -> npt.NDArray[np.float64]:
    """(cases, readers): counts of the cases that all readers have finished."""
    each = [{r.case: r.count(region) for r in readings if (r.reader, r.sequence) == (x, sequence)} for x in readers]
    shared = sorted(set.intersection(*(set(e) for e in each))) if each else []
    return np.array([[e[case] for e in each] for case in shared], np.float64).reshape(len(shared), len(readers))


def _names(readings: Sequence[Reading], what: str) -> list[str]:
    return sorted({getattr(r, what) for r in readings})


def _short(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None

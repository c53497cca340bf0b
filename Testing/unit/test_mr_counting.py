"""Counting by clicks: nothing is lost, damaged files get a sentence, and the figures are those of the textbooks."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synthetic_imaging as si
from synthetic_imaging.sequences.click_matching import cohens_kappa, matched_clicks
from synthetic_imaging.sequences.code_book import CodeBook
from synthetic_imaging.sequences.count_statistics import (
    agreement_table,
    comparison_table,
    concordance,
    counts_table,
    matching_table,
    readings_of,
    summary_table,
)
from synthetic_imaging.sequences.counting import CLICK, Counting, Event, read_events, to_csv


class Clock:
    """Seconds that a test turns on."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "counts-r1.csv"


def test_every_click_is_on_the_disk_before_the_next(file: Path):
    clock = Clock()
    counting = Counting(file, "r1", clock)
    counting.open("case-1", "BCD")
    for n in range(5):
        clock.now += 2.5
        counting.add((n, -n, 0.5), "juxtacortical")
        on_disk = [e for e in read_events(file) if e.event == CLICK]
        assert len(on_disk) == n + 1 and on_disk[-1].seconds == pytest.approx(2.5 * (n + 1))
    assert on_disk[2].ras_mm == (2.0, -2.0, 0.5)
    assert list(file.parent.iterdir()) == [file]


def test_what_is_undone_no_longer_counts_and_is_still_there(file: Path):
    counting = Counting(file, "r1")
    counting.open("a", "X1")
    first, second = counting.add((0, 0, 0), "subcortical"), counting.add((9, 0, 0))
    assert counting.undo() == second and counting.clicks() == (first,)
    counting.change_region(first.number, "infratentorial")
    assert counting.clicks()[0].region == "infratentorial"
    assert counting.clear() == 1 and counting.clicks() == () and counting.undo() is None
    assert sum(e.withdrawn for e in read_events(file)) == 2
    assert counting.add((1, 1, 1)).number == 3  # numbers are not used twice


def test_a_sitting_that_ended_is_gone_on_with(file: Path):
    clock = Clock()
    before = Counting(file, "r1", clock)
    before.open("a", "X1")
    clock.now += 30
    before.add((1, 2, 3), "periventricular")
    clock.now += 5000  # the reader has left without closing
    after = Counting(file, "r1", clock)
    assert len(after.open("a", "X1")) == 1
    clock.now += 4
    assert after.add((4, 5, 6)).seconds == pytest.approx(34)
    after.finish()
    after.finish()
    assert after.finished("a", "X1") and sum(e.event == "finished" for e in read_events(file)) == 1


def test_a_click_that_cannot_be_written_does_not_count(file: Path, monkeypatch: pytest.MonkeyPatch):
    counting = Counting(file, "r1")
    counting.open("a", "X1")
    counting.add((0, 0, 0))
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(si.SyntheticImagingError, match="disk is full"):
        counting.add((1, 1, 1))
    monkeypatch.undo()
    assert len(counting.clicks()) == 1 == sum(e.event == CLICK for e in read_events(file))
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(("change", "sentence"), [
    (lambda t: t[:-15], "Was the file cut off"),
    (lambda t: t.replace("juxtacortical", "cortical"), "no region 'cortical'"),
    (lambda t: t.replace("1.00,2.00", "1.00,somewhere"), "'somewhere' stands under 'anterior_mm'"),
    (lambda t: t.replace("1.00,2.00", "nan,2.00"), "a number is needed"),
    (lambda t: t.replace("reader,case", "case,reader"), "another order"),
    (lambda t: t.replace(",seconds", ""), "lacks the column 'seconds'"),
    (lambda t: t + t.splitlines()[2] + "\n", "stands there twice"),
    (lambda t: t.replace("opened", "opend"), "'opend' is no event"),
    (lambda t: t.replace("r1,a", "Jane Doe,a"), "letters, digits"),
    (lambda t: "", "holds no counts"),
    (lambda t: "\x00\x01", "holds no counts"),
])
def test_a_damaged_file_is_refused_with_what_is_wrong_in_it(file: Path, change: Any, sentence: str):
    events = [Event("r1", "a", "X1", "opened"), Event("r1", "a", "X1", CLICK, 1, "juxtacortical", (1, 2, 3), 4.0)]
    file.write_text(change(to_csv(events)))
    with pytest.raises(si.SyntheticImagingError, match=sentence):
        read_events(file)


def test_a_file_that_is_no_text_or_of_another_reader_is_refused(file: Path):
    file.write_bytes(b"\xff\xfe\x80")
    with pytest.raises(si.SyntheticImagingError, match="no text file"):
        read_events(file)
    file.unlink()
    Counting(file, "r1").open("a", "X1")
    with pytest.raises(si.SyntheticImagingError, match="of reader 'r1'"):
        Counting(file, "r2")


def test_a_spreadsheet_may_have_saved_it(file: Path):
    events = (Event("r1", "a", "X1", CLICK, 1, "juxtacortical", (1, 2, 3), 4.0),)
    file.write_text("\ufeff" + to_csv(events).replace(",", ";").replace("\n", "\r\n"))
    assert read_events(file) == events


codes = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", fullmatch=True)
places = st.tuples(*[st.floats(-500, 500).map(lambda x: round(x, 2) + 0.0)] * 3)


@settings(max_examples=60, deadline=None)
@given(codes, codes, codes, st.lists(st.tuples(places, st.sampled_from(["juxtacortical", "undecided"]), st.booleans())))
def test_what_is_written_is_read_back(tmp_path_factory: Any, reader: str, case: str, sequence: str, clicks: Any):
    events = tuple(Event(reader, case, sequence, CLICK, n, region, at, float(n), gone)
                   for n, (at, region, gone) in enumerate(clicks, 1))
    path = tmp_path_factory.mktemp("counts") / "c.csv"
    path.write_text(to_csv(events))
    assert read_events(path) == events


def test_a_code_book_hides_every_image_under_a_code_of_its_own(tmp_path: Path):
    book = CodeBook.drawn(["c1", "c2", "c3", "c4"], ["FLAIR", "DIR"], np.random.default_rng(1))
    codes = [code for _, code in book.names]
    assert len(set(codes)) == 8 and not any("FLAIR" in c or "DIR" in c for c in codes)
    order = book.reading_order(np.random.default_rng(2))
    assert sorted(order) == sorted(book.names)
    assert all(a[0] != b[0] for a, b in pairwise(order))
    book.write(tmp_path / "book.csv")
    assert CodeBook.read(tmp_path / "book.csv") == book
    with pytest.raises(si.SyntheticImagingError, match="exists already"):
        book.write(tmp_path / "book.csv")
    with pytest.raises(si.SyntheticImagingError, match="holds no code"):
        book.name_of("c1", "nothing")
    (tmp_path / "book.csv").write_text("case,code\n")
    with pytest.raises(si.SyntheticImagingError, match="no code book"):
        CodeBook.read(tmp_path / "book.csv")


def clicks_at(*places: tuple[float, float, float], region: str = "juxtacortical") -> list[Event]:
    return [Event("r", "c", "s", CLICK, n, region, p) for n, p in enumerate(places, 1)]


def test_clicks_are_matched_one_to_one_as_many_as_can_be():
    # Nearest first would pair 0 with 3 and leave two without a partner.
    first, second = clicks_at((0, 0, 0), (6, 0, 0)), clicks_at((3, 0, 0), (-3, 0, 0))
    found = matched_clicks(first, second, 4.0)
    assert set(found.pairs) == {(0, 1), (1, 0)} and found.agreement == 1
    alone = matched_clicks(first, second, 2.0)
    assert alone.pairs == () and alone.only_first == (0, 1) and alone.agreement == 0
    assert matched_clicks([], []).agreement == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(places, max_size=6), st.lists(places, max_size=6), st.floats(0.5, 300))
def test_matching_is_symmetric_and_keeps_its_distance(one: Any, other: Any, within: float):
    a, b = clicks_at(*one), clicks_at(*other)
    found, back = matched_clicks(a, b, within), matched_clicks(b, a, within)
    assert len(found.pairs) == len(back.pairs) and all(d <= within for d in found.distances_mm)
    assert sum(found.distances_mm) == pytest.approx(sum(back.distances_mm))
    assert len(found.pairs) + len(found.only_first) == len(a) and len(found.pairs) + len(found.only_second) == len(b)


def test_kappa_and_concordance_are_those_of_the_textbooks():
    # Cohen's kappa of a 2 x 2 table 20, 5, 10, 15 is 0.4 (observed 0.7, expected 0.5).
    one, other = ["y"] * 25 + ["n"] * 25, ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert cohens_kappa(one, other) == pytest.approx(0.4)
    assert cohens_kappa(one, one) == 1 and np.isnan(cohens_kappa(["y"], ["y"]))
    x = np.array([1.0, 2, 3, 4, 7])
    assert concordance(x, x) == 1
    y = 2 * x + 1
    r = np.corrcoef(x, y)[0, 1]
    shift = (y.mean() - x.mean()) / np.sqrt(x.std() * y.std())
    scale = y.std() / x.std()
    # Lin's own decomposition: precision times accuracy.
    assert concordance(x, y) == pytest.approx(r * 2 / (scale + 1 / scale + shift**2))


def study(rng: np.random.Generator, cases: int = 12) -> list[Event]:
    """Two readers, two sequences; one more juxtacortical lesion on DIR in every case."""
    events = []
    for case in range(cases):
        spots = rng.uniform(-60, 60, (int(rng.integers(3, 15)), 3))
        for reader in ("r1", "r2"):
            for sequence in ("FLAIR", "DIR"):
                here = (reader, f"c{case}", sequence)
                events.append(Event(*here, "opened"))
                shown = spots if sequence == "DIR" else spots[:-1]
                for n, at in enumerate(shown, 1):
                    place = tuple(at + rng.normal(0, 0.5, 3))
                    region = "juxtacortical" if n == len(spots) else "subcortical"
                    events.append(Event(*here, CLICK, n, region, place, float(n)))
                events.append(Event(*here, "finished", seconds=99.0))
    return events


def test_a_study_is_told_as_it_was_made():
    events = study(np.random.default_rng(0))
    events.append(Event("r1", "c99", "DIR", "opened"))
    readings, unfinished = readings_of(events)
    assert unfinished == 1 and len(counts_table(readings)) == 48
    rows = {(r["reader"], r["region"]): r for r in comparison_table(readings, "DIR", "FLAIR", np.random.default_rng(0))}
    for reader in ("r1", "r2", "mean of the readers"):
        assert rows[reader, "all regions"]["difference"] == 1 and rows[reader, "all regions"]["p"] < 0.001
        assert rows[reader, "juxtacortical"]["difference"] == 1
        assert rows[reader, "subcortical"]["p"] == 1
    from scipy import stats

    counts = {(r.sequence, r.case): r.count("all regions") for r in readings if r.reader == "r1"}
    one, other = ([counts[s, f"c{n}"] for n in range(12)] for s in ("DIR", "FLAIR"))
    assert rows["r1", "all regions"]["p"] == pytest.approx(stats.wilcoxon(one, other).pvalue, rel=0.01)
    agreement = [r for r in agreement_table(readings) if r["region"] == "all regions"]
    assert all(r["value"] == pytest.approx(1) for r in agreement if r["measure"] != "bias, limits of agreement")
    matches = list(matching_table(readings, 5.0))
    assert all(r["agreement"] == 1 and r["only_first"] == 0 for r in matches)
    means = {(r["sequence"], r["reader"], r["region"]): r["mean"] for r in summary_table(readings)}
    assert means["DIR", "r1", "juxtacortical"] == 1 and means["FLAIR", "r1", "juxtacortical"] == 0


def test_the_same_image_counted_twice_and_too_few_cases_are_refused():
    events = study(np.random.default_rng(0), cases=2)
    readings, _ = readings_of(events)
    with pytest.raises(si.InputError, match="Fewer than 3 cases"):
        comparison_table(readings, "DIR", "FLAIR", np.random.default_rng(0))
    with pytest.raises(si.InputError, match="no sequence 'T2'"):
        comparison_table(readings, "T2", "FLAIR", np.random.default_rng(0))
    with pytest.raises(si.InputError, match="twice"):
        readings_of([*events, *events])


def test_the_command_writes_the_tables_and_keeps_those_that_are_there(tmp_path: Path, capsys: Any):
    from synthetic_imaging.cli import main

    book = CodeBook({(f"c{n}", f"{s}{n}"): s for n in range(12) for s in ("FLAIR", "DIR")})
    book.write(tmp_path / "book.csv")
    for reader in ("r1", "r2"):
        mine = [Event(e.reader, e.case, f"{e.sequence}{e.case[1:]}", *list(vars(e).values())[3:])
                for e in study(np.random.default_rng(0)) if e.reader == reader]
        (tmp_path / f"{reader}.csv").write_text(to_csv(mine))
    words = ["counts", str(tmp_path), "--code-book", str(tmp_path / "book.csv"), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--compare", "DIR,FLAIR"])
    assert ended.value.code == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "counts.csv", "summary.csv", "agreement.csv", "matching.csv", "comparison.csv"}
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 3 and "exists already" in capsys.readouterr().err

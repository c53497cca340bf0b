"""Cohorts in folders: the same cases however they are made, whole or not at all, kept or rejected."""

from __future__ import annotations

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synthetic_imaging as si
from synthetic_imaging.cohorts import generator, making
from synthetic_imaging.cohorts.folder import CohortFolder
from synthetic_imaging.cohorts.layouts import LAYOUTS, read_case
from synthetic_imaging.cohorts.plan import CohortPlan, check_ranges, find_case
from synthetic_imaging.cohorts.ranges import parse_ranges, ranges_as_text
from synthetic_imaging.context import Progress, Run

STANDINS = Path(__file__).parents[1] / "standins"
NARROW = {"ball_volume_ml": (3.0, 8.0)}


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STANDINS))
    for kind in ("Balls", "SlowBalls", "Broken"):
        name = {"Balls": "standin.balls", "SlowBalls": "standin.slow-balls", "Broken": "standin.broken"}[kind]
        monkeypatch.setitem(generator.GENERATORS, name, f"standin_cohort:{kind}")


def hashes(folder: CohortFolder) -> dict[int, tuple[str, str]]:
    return {n: (r.image_sha256, r.segments_sha256) for n, r in sorted(folder.records.items())}


def rows(path: Path) -> list[dict[str, str]]:
    with (path / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


# A case follows from the plan and its number alone.


def test_a_case_is_the_same_alone_in_another_order_and_after_a_larger_number_was_asked_for(tmp_path: Path) -> None:
    few = making.make_cohort(CohortPlan("standin.balls", 3, 5, NARROW), tmp_path / "a")
    more = making.make_cohort(CohortPlan("standin.balls", 6, 5, NARROW), tmp_path / "a")
    assert hashes(few).items() <= hashes(more).items() and len(more.kept) == 6
    plan = CohortPlan("standin.balls", 6, 5, NARROW)
    for made in reversed(making.preview(plan, [6, 2])):
        assert made.case.image.sha256 == more.records[made.number].image_sha256
        assert made.attempt == more.records[made.number].attempt
    assert len({image for image, _ in hashes(more).values()}) == 6
    other = making.make_cohort(CohortPlan("standin.balls", 3, 6, NARROW), tmp_path / "b")
    assert not set(hashes(other).values()) & set(hashes(more).values())


def test_ranges_hold_for_every_case_and_the_acceptance_is_what_it_was(tmp_path: Path) -> None:
    plan = CohortPlan("standin.balls", 12, 1, {"ball_volume_ml": (3.0, 8.0), "radius_mm": (-np.inf, 11.0)})
    folder = making.make_cohort(plan, tmp_path / "out")
    for record in folder.kept:
        assert 3.0 <= record.measurements["ball_volume_ml"] <= 8.0 and record.measurements["radius_mm"] <= 11.0
    model = plan.make_generator()
    expected = 0
    for record in folder.kept:
        for attempt in range(record.attempt):
            measured = model.make(plan.rng(record.number, attempt), Run()).measurements
            assert not (3.0 <= measured["ball_volume_ml"] <= 8.0 and measured["radius_mm"] <= 11.0)
        expected += record.attempt + 1
    assert making.acceptance(folder.records.values()) == pytest.approx(12 / expected)


def test_a_range_in_which_nothing_lies_is_refused_with_what_occurs(tmp_path: Path) -> None:
    plan = CohortPlan("standin.balls", 2, 1, {"radius_mm": (20.0, 30.0)})
    with pytest.raises(si.ParameterError, match=r"0 of 5000 attempts had radius_mm 20 to 30 mm.*from 6 to 14 mm\. Wid"):
        making.make_cohort(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    slow = CohortPlan("standin.slow-balls", 2, 1, {"ball_volume_ml": (50.0, 60.0)}, {"wait_seconds": 0})
    assert check_ranges(slow, slow.make_generator()) is None
    with pytest.raises(si.ParameterError, match=r"Case 1: 0 of 40 attempts had ball_volume_ml 50 to 60 ml"):
        making.make_cohort(slow, tmp_path / "out")
    rate = check_ranges(CohortPlan("standin.balls", 2, 1, {"radius_mm": (6, 10)}), plan.make_generator())
    assert rate == pytest.approx(0.5, abs=0.1)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True), st.tuples(
    st.one_of(st.just(-np.inf), st.floats(-1e6, 1e6)), st.floats(-1e6, 1e6)), max_size=4))
@settings(max_examples=60, deadline=None)
def test_ranges_survive_as_text(ranges: dict[str, tuple[float, float]]) -> None:
    again = parse_ranges(ranges_as_text(ranges))
    assert again.keys() == ranges.keys()
    for name, (low, high) in ranges.items():
        assert again[name] == pytest.approx((low, high), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("text", ["lv", "lv=", "lv=..", "lv=3..2..1", "lv=a..b", "=1..2", "a=1..2,a=3..4"])
def test_a_range_that_cannot_be_read_gets_a_sentence(text: str) -> None:
    with pytest.raises(si.ParameterError, match=r"Write it like|Give one"):
        parse_ranges(text)


def test_a_plan_that_cannot_be_gets_a_sentence(tmp_path: Path) -> None:
    for wrong, sentence in (
        ({"number": 0}, "from 1 to"), ({"seed": -1}, "whole number from 0"),
        ({"generator": "x"}, "There is no model 'x'"),
        ({"layout": "x"}, "There is no layout 'x'"), ({"ranges": {"x": (1, 2)}}, "measures no 'x'. It measures: ball_"),
        ({"ranges": {"radius_mm": (9, 8)}}, "must not lie above"), ({"settings": {"x": 1}}, "has no setting 'x'"),
        ({"settings": {"size": 1000}}, "must be from 8 to 64"),
    ):
        with pytest.raises(si.ParameterError, match=sentence):
            making.make_cohort(
                CohortPlan(**{"generator": "standin.balls", "number": 1, "seed": 1, **wrong}), tmp_path / "out"
            )
    assert not (tmp_path / "out").exists()


# Whole or not at all.


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_gives_back_exact_voxels_marked_as_synthetic(layout: str, tmp_path: Path) -> None:
    folder = making.make_cohort(CohortPlan("standin.balls", 2, 3, layout=layout), tmp_path / "out")
    for record in folder.kept:
        image, segments = read_case(folder.path, record)
        assert (image.sha256, segments.sha256) == (record.image_sha256, record.segments_sha256)
        assert segments.names == ("ball", "shell") and [s.label for s in segments.segments] == [1, 2]
        for one in (image, segments):
            assert one.provenance is not None and one.provenance.tool == "cohorts.generate"
            assert one.provenance.parameters["case"] == record.number and one.provenance.seed == 3
            assert str(tmp_path) not in one.provenance.to_json() and "phantom" in one.provenance.to_json()
        assert image.modality == "CT" and image.unit == "HU"
    assert {r["image"] for r in rows(folder.path)} == {r.files["image"] for r in folder.kept}
    if layout == "dicom":
        from pydicom import dcmread

        header = dcmread(next((folder.path / folder.records[1].files["image"]).iterdir()))
        assert header.SyntheticData == "YES" and header.SeriesDescription.startswith("SYNTHETIC")


def test_nnunet_and_monai_find_exactly_the_kept_cases(tmp_path: Path) -> None:
    plan = CohortPlan("standin.balls", 4, 3, layout="nnunet")
    making.make_cohort(plan, tmp_path / "nnunet")
    making.reject(tmp_path / "nnunet", [2])
    described = json.loads((tmp_path / "nnunet" / "dataset.json").read_text())
    assert described["labels"] == {"background": 0, "ball": 1, "shell": 2} and described["file_ending"] == ".nii.gz"
    assert described["channel_names"] == {"0": "CT"} and described["numTraining"] == len(described["dataset"]) == 3
    for case in described["dataset"].values():
        assert all((tmp_path / "nnunet" / p).is_file() for p in (*case["images"], case["label"]))
        assert case["images"][0].endswith("_0000.nii.gz")
    making.make_cohort(CohortPlan("standin.balls", 2, 3, layout="monai"), tmp_path / "monai")
    listed = json.loads((tmp_path / "monai" / "datalist.json").read_text())
    assert len(listed["training"]) == listed["numTraining"] == 2 and listed["synthetic"]
    for case in listed["training"]:
        mask = si.read_mask(tmp_path / "monai" / case["label"])
        assert case["ball_volume_ml"] == pytest.approx(mask.volume_ml("ball"))
        assert (tmp_path / "monai" / case["image"]).is_file()


def test_killed_at_any_moment_it_goes_on_and_ends_as_if_never_killed(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from synthetic_imaging.cohorts import generator, making\n"
        "from synthetic_imaging.cohorts.plan import CohortPlan\n"
        "generator.GENERATORS['standin.slow-balls'] = 'standin_cohort:SlowBalls'\n"
        "print('ready', flush=True)\n"
        "making.make_cohort(CohortPlan('standin.slow-balls', 10, 9, settings={'wait_seconds': 0.05}), sys.argv[2])\n"
    )
    out = tmp_path / "out"
    for delay in (0.12, 0.21):
        process = subprocess.Popen([sys.executable, "-c", script, str(STANDINS), str(out)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        until = time.monotonic() + 30
        before = len(list(out.glob("records/*.json")))
        while len(list(out.glob("records/*.json"))) <= before and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        process.wait()
        process.stdout.close()
        found = CohortFolder.at(out)
        assert 0 < len(found.kept) < 10
        for record in found.kept:
            assert read_case(out, record)[0].sha256 == record.image_sha256
    plan = CohortPlan("standin.slow-balls", 10, 9, settings={"wait_seconds": 0.05})
    made: list[int] = []
    already = set(found.records)
    whole = making.make_cohort(plan, out, on_case=lambda r, _: made.append(r.number))
    assert set(made) == set(range(1, 11)) - already
    assert hashes(whole) == hashes(making.make_cohort(plan, tmp_path / "never killed"))
    killed, never = ({p.relative_to(at).as_posix() for p in at.rglob("*")} for at in (out, tmp_path / "never killed"))
    assert killed == never


def test_a_full_disk_keeps_what_is_whole_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import synthetic_imaging.cohorts.layouts as layouts

    plan, written = CohortPlan("standin.balls", 5, 2), 0
    real = layouts._write_pair

    def full(*given: Any) -> dict[str, str]:
        nonlocal written
        written += 1
        if written == 3:
            (given[0] / "half").write_text("x")
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*given)

    monkeypatch.setattr(layouts, "_write_pair", full)
    with pytest.raises(si.FileError, match=r"the disk is full.*2 of 5 cases are finished and stay"):
        making.make_cohort(plan, tmp_path / "out")
    assert not (tmp_path / "out" / ".making").exists() and len(CohortFolder.at(tmp_path / "out").kept) == 2
    assert len(rows(tmp_path / "out")) == 2
    assert hashes(making.make_cohort(plan, tmp_path / "out")) == hashes(making.make_cohort(plan, tmp_path / "b"))


def test_a_damaged_or_missing_file_is_made_again(tmp_path: Path) -> None:
    plan = CohortPlan("standin.balls", 3, 2)
    first = making.make_cohort(plan, tmp_path / "out")
    (tmp_path / "out" / first.records[1].files["image"]).write_bytes(b"short")
    (tmp_path / "out" / first.records[2].files["segments"]).unlink()
    made: list[int] = []
    again = making.make_cohort(plan, tmp_path / "out", on_case=lambda r, _: made.append(r.number))
    assert made == [1, 2] and hashes(again) == hashes(first)
    assert read_case(again.path, again.records[1])[0].sha256 == first.records[1].image_sha256


def test_another_plan_other_files_and_another_process_are_refused(tmp_path: Path) -> None:
    making.make_cohort(CohortPlan("standin.balls", 2, 2, NARROW), tmp_path / "out")
    for other, sentence in (
        (CohortPlan("standin.balls", 2, 3, NARROW), r"another seed \(2, not 3\)"),
        (CohortPlan("standin.balls", 2, 2), r"another ranges \(ball_volume_ml 3\.\.8, not none\)"),
        (CohortPlan("standin.slow-balls", 2, 2, NARROW), "another model"),
        (CohortPlan("standin.balls", 2, 2, NARROW, {"size": 12}), "another settings"),
        (CohortPlan("standin.balls", 2, 2, NARROW, layout="nifti"), "another layout"),
        (CohortPlan("standin.balls", 1, 2, NARROW), "has 2 cases, more than 1"),
    ):
        with pytest.raises(si.FileError, match=sentence):
            making.make_cohort(other, tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(si.FileError, match="holds other files"):
        making.make_cohort(CohortPlan("standin.balls", 1, 1), tmp_path / "mine")
    with pytest.raises(si.FileError, match="holds no cohort"):
        making.reject(tmp_path / "mine", [1])
    with CohortFolder.at(tmp_path / "out").locked(), pytest.raises(si.FileError, match="Another process is making"):
        making.make_cohort(CohortPlan("standin.balls", 3, 2, NARROW), tmp_path / "out")


def test_what_a_model_says_ends_the_cohort_with_its_sentence(tmp_path: Path) -> None:
    with pytest.raises(si.InputError, match="burst"):
        making.make_cohort(CohortPlan("standin.broken", 2, 2), tmp_path / "out")


# Kept or rejected.


def test_a_rejected_case_is_replaced_by_its_next_attempt_and_can_be_taken_back(tmp_path: Path) -> None:
    plan, out = CohortPlan("standin.balls", 4, 8, NARROW), tmp_path / "out"
    first = making.make_cohort(plan, out)
    rejected = making.reject(out, [2, 4])
    assert [r.number for r in rejected.kept] == [1, 3]
    assert [r["decision"] for r in rows(out)] == ["kept", "rejected", "kept", "rejected"]
    second = making.make_cohort(plan, out)
    assert second.records[1] == first.records[1] and len(second.kept) == 4
    for number in (2, 4):
        assert second.records[number].attempt > first.records[number].attempt
        assert second.records[number].image_sha256 != first.records[number].image_sha256
    told = [(r["case"], r["decision"]) for r in rows(out)]
    assert told.count(("0002", "rejected")) == told.count(("0002", "kept")) == 1 and len(told) == 6
    making.keep(out, [2])
    third = making.make_cohort(plan, out)
    assert third.records[2].image_sha256 == first.records[2].image_sha256
    assert third.records[4].image_sha256 == second.records[4].image_sha256
    making.reject(out, [1])
    making.keep(out, [1])
    assert making.make_cohort(plan, out).records[1] == first.records[1]
    with pytest.raises(si.ParameterError, match="no finished case 9"):
        making.reject(out, [9])


def test_the_table_has_units_and_decisions(tmp_path: Path) -> None:
    plan = CohortPlan("standin.balls", 2, 8)
    folder = making.make_cohort(plan, tmp_path / "out")
    table = making.measurements_table(plan, making.reject(tmp_path / "out", [2]).records.values())
    assert [c.unit for c in table.columns] == ["", "", "", "ml", "mm"]
    assert table.column("decision") == ["kept", "rejected"]
    assert table.column("ball_volume_ml") == [r.measurements["ball_volume_ml"] for r in folder.kept]


def test_progress_rises_names_the_pace_and_a_cancel_keeps_what_is_finished(tmp_path: Path) -> None:
    plan, seen = CohortPlan("standin.balls", 5, 8), list[Progress]()
    making.make_cohort(plan, tmp_path / "a", Run(report=seen.append))
    fractions = [p.fraction for p in seen]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    assert seen[-1].step.startswith("5 of 5 cases, ") and seen[-1].step.endswith(" a minute")
    count = 0

    def stop() -> bool:
        nonlocal count
        count += 1
        return count > 10

    with pytest.raises(si.Cancelled, match=r"Stopped\. \d of 5 case.* finished and stay"):
        making.make_cohort(plan, tmp_path / "b", Run(cancelled=stop))
    assert 0 < len(CohortFolder.at(tmp_path / "b").kept) < 5


def test_a_model_that_breaks_its_own_word_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    plan = CohortPlan("standin.balls", 1, 1)
    model = plan.make_generator()
    good = model.make(plan.rng(1, 0), Run())
    named = si.Mask.single(good.segments.inside("ball"), good.image.geometry, "x")
    nan = good.image.like(np.full(good.image.shape, np.nan, dtype=np.float32))
    for bad, sentence in (
        (replace(good, measurements={"radius_mm": 1.0}), "gave no number for 'ball_volume_ml'"),
        (replace(good, segments=good.segments.cropped(si.Box((0, 0, 0), (4, 4, 4)))), "another grid"),
        (replace(good, segments=named), "other segments"),
        (replace(good, image=nan), "not numbers"),
    ):
        monkeypatch.setattr(type(model), "make", lambda *_, bad=bad: bad)
        with pytest.raises(si.ParameterError, match=sentence):
            find_case(plan, model, 1)

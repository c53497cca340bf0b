"""`synthetic-imaging cohort`: made, gone on with, looked at, in words and in JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from synthetic_imaging.cli.cohort_command import cohort
from synthetic_imaging.cohorts.folder import CohortFolder
from synthetic_imaging.cohorts.generator import GENERATORS
from synthetic_imaging.errors import FileError, ParameterError

STANDINS = Path(__file__).parents[1] / "standins"


@pytest.fixture
def plug_in(tmp_path: Path) -> dict[str, str]:
    """An environment in which the stand-in models are installed as a third party's."""
    package = tmp_path / "plug-in" / "standins-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: standins\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "[synthetic_imaging.generators]\nstandin.balls = standin_cohort:Balls\n"
        "standin.slow-balls = standin_cohort:SlowBalls\nstandin.absent = nowhere:Nothing\n"
    )
    return {**os.environ, "COLUMNS": "120", "PYTHONPATH": os.pathsep.join((str(package.parent), str(STANDINS)))}


def command(*words: Any) -> list[str]:
    return [sys.executable, "-m", "synthetic_imaging.cli", "cohort", *map(str, words)]


def call(plug_in: dict[str, str], *words: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), capture_output=True, text=True, env=plug_in, timeout=120, check=False)


def test_a_cohort_is_made_looked_at_changed_and_gone_on_with(plug_in: dict[str, str], tmp_path: Path) -> None:
    same = ["standin.balls", "--seed", 7, "--range", "ball_volume_ml=3..8", "--set", "size=16", "--layout", "nnunet",
            "--out", tmp_path / "out"]  # fmt: skip
    first = call(plug_in, *same, "-n", 3)
    assert first.returncode == 0, first.stderr
    for words in ("3 cases in", "3 made in", "cases a minute", "% of the attempts lay in the ranges", "manifest.csv"):
        assert words in first.stdout
    assert (tmp_path / "out" / "contact_sheet.png").stat().st_size > 1000
    before = CohortFolder.at(tmp_path / "out")
    told = json.loads(call(plug_in, *same, "-n", 4, "--reject", "2", "--json").stdout)
    assert told["ok"] and told["cases"] == 4 and told["made_now"] == 2 and told["rejected"] == [
        [2, before.records[2].attempt]]
    after = CohortFolder.at(tmp_path / "out")
    assert after.records[1].image_sha256 == before.records[1].image_sha256
    assert after.records[2].image_sha256 != before.records[2].image_sha256
    wrong = call(plug_in, *same, "--number", 4, "--layout", "nrrd")
    assert wrong.returncode == 3 and "another layout (nnunet, not nrrd)" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_the_models_are_listed_with_what_can_be_asked_of_them(plug_in: dict[str, str]) -> None:
    listed = call(plug_in)
    assert listed.returncode == 0, listed.stderr
    for words in ("hearts.phantom-ct", "lv_volume_ml", "spacing_mm", "standin.balls", "cannot be used here"):
        assert words in listed.stdout


def test_json_and_mistakes_get_their_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(STANDINS))
    monkeypatch.setitem(GENERATORS, "standin.balls", "standin_cohort:Balls")
    monkeypatch.setitem(GENERATORS, "standin.absent", "nowhere:Nothing")
    cohort(as_json=True)
    by_name = {one["id"]: one for one in json.loads(capsys.readouterr().out)}
    assert by_name["standin.balls"]["structures"] == ["ball", "shell"] and "problem" in by_name["standin.absent"]
    out = tmp_path / "x"
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"model": "standin.absent", "out": out}, "cannot be used here"), ({}, "with --out"),
        ({"out": out, "ranges": ["radius_mm=90..99"]}, "0 of 5000 attempts"), ({"out": out, "reject": "two"}, "3,17"),
        ({"out": out, "workers": 2, "scheduler": "tcp://127.0.0.1:9"}, "not both"),
    ]
    for given, sentence in mistakes:
        with pytest.raises(ParameterError, match=sentence):
            cohort(**{"model": "standin.balls", **given})
    with pytest.raises(FileError, match="holds no cohort"):
        cohort("standin.balls", out=out, reject="1")
    assert not out.exists()
    cohort("standin.balls", number=2, out=out, sheet=0)
    cohort("standin.balls", number=2, out=out, sheet=0)
    assert "all were there already" in capsys.readouterr().out and not (out / "contact_sheet.png").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to hear")
def test_a_polite_end_says_what_stays(plug_in: dict[str, str], tmp_path: Path) -> None:
    words = command("standin.slow-balls", "-n", 40, "--out", tmp_path / "out")
    process = subprocess.Popen(words, env=plug_in, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while len(list((tmp_path / "out").glob("records/*.json"))) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 4 and "of 40 cases are finished and stay" in said
    assert not (tmp_path / "out" / ".making").exists()

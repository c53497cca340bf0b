"""The shell command: whole runs, exit codes, JSON, and that nothing is lost or left behind."""

from __future__ import annotations

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

import synthetic_imaging as si

STANDINS = Path(__file__).parents[1] / "standins"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a CT (NRRD), organs (.seg.nrrd) and a label map (NIfTI)."""
    folder = tmp_path_factory.mktemp("files")
    grid = si.Geometry.from_spacing((20, 40, 40), (1.5, 1.5, 2.0), (-10.0, 20.0, 5.0))
    k, j, i = np.meshgrid(*(np.arange(n) - n / 2 for n in grid.shape), indexing="ij")
    liver = (k / 8) ** 2 + (j / 15) ** 2 + (i / 15) ** 2 < 1
    rng = np.random.default_rng(0)
    voxels = np.where(liver, 100, -90) + rng.normal(0, 8, grid.shape)
    spleen = np.zeros(grid.shape, dtype=bool)
    spleen[2:5, 1:4, 1:4] = True
    si.write_volume(si.Volume.ct(voxels.astype(np.int16), grid), folder / "ct.nrrd")
    organs = si.Mask.stacked([(si.Segment("liver"), liver), (si.Segment("spleen"), spleen)], grid, name="organs")
    si.write_mask(organs, folder / "organs.seg.nrrd")
    si.write_mask(organs, folder / "labels.nii.gz")
    return folder


@pytest.fixture
def plug_in(tmp_path: Path) -> dict[str, str]:
    """An environment in which the stand-in tools are installed as a third party's."""
    package = tmp_path / "plug-in" / "standins-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: standins\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "[synthetic_imaging.tools]\na = standin_tools:everything\nb = standin_tools:misbehaving\n"
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return {"PYTHONPATH": os.pathsep.join((str(package.parent), str(STANDINS))),
            "SYNTHETIC_IMAGING_SCRATCH": str(scratch)}


def call(*words: Any, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "synthetic_imaging.cli", *map(str, words)],
        capture_output=True, text=True, env={**os.environ, "COLUMNS": "120", **environment}, timeout=120, check=False,
    )


def everything(files: Path, out: Path, *more: Any) -> list[Any]:
    return ["run", "standin.everything", "--ct", files / "ct.nrrd", "--organ", f"{files / 'organs.seg.nrrd'}:liver",
            "--out", out, *more]


def test_version_tools_show_and_samples_answer() -> None:
    assert call("--version").stdout.strip()
    listed = json.loads(call("tools", "--json").stdout)
    assert "lesions.handcrafted" in [tool["id"] for tool in listed]
    shown = call("show", "lesions.handcrafted").stdout
    assert "HU" in shown
    assert "Parameters" in shown
    assert "chest-ct" in call("samples").stdout


def test_the_help_of_a_tool_shows_inputs_units_ranges_and_defaults() -> None:
    text = " ".join(call("run", "lesions.handcrafted", "--help").stdout.split())
    for words in ("--ct", "--organ", "--contrast-hu", "HU", "default", "(required)", "--seed", "--json"):
        assert words in text


def test_a_run_writes_every_kind_and_says_so_in_json(files: Path, tmp_path: Path, plug_in: dict[str, str]) -> None:
    out = tmp_path / "new" / "out"
    done = call(*everything(files, out, "--shift", "-55", "--at", "-10,20.5,-30", "--at", "1,2,3", "--seed", 7,
                            "--json"), **plug_in)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["ok"]
    assert said["seed"] == 7
    assert {Path(p).name for p in said["outputs"].values()} == {
        "volume.nrrd", "lesions.seg.nrrd", "growth.seq.nrrd", "masks.seq.nrrd", "table.csv", "provenance.json"}
    volume = si.read_volume(said["outputs"]["volume"])
    assert volume.synthetic
    record = json.loads(Path(said["outputs"]["provenance"]).read_text())
    assert record["outputs"]["volume"]["parameters"]["shift"] == -55
    assert str(files) not in json.dumps(record)
    here = call(*everything(files, tmp_path / "here", "--shift", "-55", "--seed", 7, "--here", "--json"), **plug_in)
    assert here.returncode == 0, here.stderr
    assert np.array_equal(si.read_volume(tmp_path / "here" / "volume.nrrd").voxels, volume.voxels)


def test_results_are_not_overwritten_unless_forced(files: Path, tmp_path: Path, plug_in: dict[str, str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    (out / "volume.nrrd").write_text("old")
    refused = call(*everything(files, out), **plug_in)
    assert refused.returncode == 3
    assert "--force" in refused.stderr
    assert (out / "volume.nrrd").read_text() == "old"
    forced = call(*everything(files, out, "--force"), **plug_in)
    assert forced.returncode == 0, forced.stderr
    assert (out / "notes.txt").read_text() == "mine"
    assert si.read_volume(out / "volume.nrrd").synthetic
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "plug-in", "scratch"]


@pytest.mark.parametrize("form", ["nifti", "mha", "dicom"])
def test_other_formats_hold_the_same_voxels(files: Path, tmp_path: Path, plug_in: dict[str, str], form: str) -> None:
    done = call(*everything(files, tmp_path / "out", "--format", form, "--seed", 3, "--json"), **plug_in)
    assert done.returncode == 0, done.stdout + done.stderr
    plain = call(*everything(files, tmp_path / "plain", "--seed", 3, "--json"), **plug_in)
    one, two = (si.read_volume(json.loads(p.stdout)["outputs"]["volume"]) for p in (done, plain))
    assert one.geometry.same_grid(two.geometry, 1e-2) or form == "dicom"
    assert np.array_equal(np.sort(one.voxels, axis=None), np.sort(two.voxels, axis=None))


def test_a_label_map_is_chosen_by_number(files: Path, tmp_path: Path, plug_in: dict[str, str]) -> None:
    words = ["run", "standin.everything", "--ct", files / "ct.nrrd", "--organ", f"{files / 'labels.nii.gz'}:2",
             "--out", tmp_path / "out", "--json"]
    done = call(*words, **plug_in)
    assert done.returncode == 0, done.stdout
    made = si.read_mask(tmp_path / "out" / "lesions.seg.nrrd")
    assert np.count_nonzero(made.inside()) == 27


@pytest.mark.parametrize(("words", "code", "said"), [
    (["run", "lesions.nope"], 2, "There is no tool"),
    (["run", "lesions.handcrafted", "--cat", "3"], 2, "--cat"),
    (["run", "lesions.handcrafted", "--out", "{tmp}/out"], 2, "CT volume is missing"),
    (["run", "lesions.handcrafted", "--ct", "{ct}", "--organ", "{organs}:liver"], 2, "--out"),
    (["run", "lesions.handcrafted", "--ct", "{ct}", "--organ", "{organs}:liver", "--out", "{tmp}/out",
      "--contrast-hu", "9999"], 2, "from -400"),
    (["run", "lesions.handcrafted", "--ct", "{ct}", "--organ", "{organs}:liver", "--out", "{tmp}/out",
      "--seed", "-1"], 2, "seed"),
    (["run", "lesions.handcrafted", "--ct", "{tmp}/no.nrrd", "--organ", "{organs}:liver", "--out", "{tmp}/out"], 3,
     "no.nrrd"),
    (["run", "lesions.handcrafted", "--ct", "{ct}", "--organ", "{organs}:kidney", "--out", "{tmp}/out"], 3,
     "liver, spleen"),
    (["run", "lesions.handcrafted", "--ct", "{ct}", "--organ", "{organs}:liver", "--at", "1,2", "--out",
      "{tmp}/out"], 3, "no position"),
    (["run", "lesions.handcrafted", "--ct", "{ct}", "--organ", "{organs}:liver", "--out", "{ct}"], 3, "is a file"),
    (["samples", "export", "nope", "{tmp}/x"], 3, "There is no sample"),
])
def test_what_is_wrong_is_said_in_a_sentence(
    files: Path, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    places = {"ct": files / "ct.nrrd", "organs": files / "organs.seg.nrrd", "tmp": tmp_path}
    typed = [word.format(**places) for word in words]
    plain = call(*typed)
    assert plain.returncode == code, plain.stderr
    assert said in plain.stderr
    assert "Traceback" not in plain.stderr
    told = call(*typed, "--json")
    assert told.returncode == code
    assert said in json.loads(told.stdout)["message"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_folder_that_cannot_be_written_is_told_before_the_run(files: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    done = call("run", "lesions.handcrafted", "--ct", files / "ct.nrrd", "--organ", f"{files}/organs.seg.nrrd:liver",
                "--out", locked / "out")
    assert done.returncode == 3
    assert "permission" in done.stderr


@pytest.mark.parametrize(("how", "code"), [("segfault", 6), ("memory", 5), ("bug", 6)])
def test_a_job_that_ends_badly_has_its_exit_code(
    files: Path, tmp_path: Path, plug_in: dict[str, str], how: str, code: int
) -> None:
    done = call("run", "standin.misbehaving", "--ct", files / "ct.nrrd", "--how", how, "--out", tmp_path / "out",
                "--json", **plug_in)
    assert done.returncode == code
    assert not json.loads(done.stdout)["ok"]
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("here", [[], ["--here"]])
def test_an_interrupted_run_leaves_nothing(
    files: Path, tmp_path: Path, plug_in: dict[str, str], by: signal.Signals, here: list[str]
) -> None:
    command = [sys.executable, "-m", "synthetic_imaging.cli", "run", "standin.misbehaving", "--ct",
               str(files / "ct.nrrd"), "--how", "polite", "--out", str(tmp_path / "new" / "out"), *here]
    process = subprocess.Popen(command, env={**os.environ, **plug_in}, stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(by, signal.SIG_DFL))  # a job of a shell ignores Ctrl+C
    deadline = time.monotonic() + 20
    while not list((tmp_path / "scratch").iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(by)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 4, said
    assert "Cancelled" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plug-in", "scratch"]
    assert list((tmp_path / "scratch").iterdir()) == []

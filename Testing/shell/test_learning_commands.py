"""recipes, train, sample, reproduce and weights, from the shell: results, seeds, resuming, and sentences."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.cli import main
from synthetic_imaging.learning import registry
from synthetic_imaging.learning.weights import names
from synthetic_imaging.learning.weights.store import VARIABLE

STANDINS = Path(__file__).parents[1] / "standins"
TINY = "tiny.autoencoder"
Answer = tuple[int, str, str]


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """``shell(words)`` -> (exit code, standard output, standard error); in this process, which has torch loaded."""
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(STANDINS))
    import tiny_recipe

    from synthetic_imaging.cohorts import generator

    monkeypatch.setattr(registry, "RECIPES", {})
    monkeypatch.setattr(registry, "SYSTEMS", {})
    monkeypatch.setattr(tiny_recipe, "GENERATORS", generator.GENERATORS)
    tiny_recipe.install()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "store"))
    monkeypatch.setattr(names, "SHIPPED", tmp_path / "shipped")
    before = signal.getsignal(signal.SIGTERM)

    def call(*words: Any) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    yield call
    generator.GENERATORS.pop("tiny", None)
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def trained(shell: Callable[..., Answer], tmp_path: Path) -> Path:
    code, _, said = shell("train", TINY, "--out", tmp_path / "run", "--seed", 3, "--device", "cpu")
    assert code == 0, said
    return tmp_path / "run"


def test_recipes_are_listed(shell: Callable[..., Answer]) -> None:
    code, out, _ = shell("recipes")
    assert code == 0
    assert f"{TINY}  Tiny autoencoder: Learns to repeat a ball. Presets: small, published." in out
    assert "Builds on tiny.autoencoder" in out
    assert [r["id"] for r in json.loads(shell("recipes", "--json")[1])] == [TINY, "tiny.needy"]


def test_training_writes_a_model_that_says_what_it_is(shell: Callable[..., Answer], trained: Path) -> None:
    from synthetic_imaging.learning.weights.models import load_model

    model = load_model(trained)
    assert model.card.recipe == TINY
    assert model.card.seed == 3
    assert "phantom" in model.card.training_data
    assert any("phantom" in name for name in model.card.metrics)
    assert list(model.networks) == ["autoencoder"]
    code, out, _ = shell("weights", "show", trained)
    assert code == 0
    assert "Trained on: 8 phantom cases" in out
    assert "sha256" in out


def test_the_same_seed_trains_the_same_model_and_settings_count(
    shell: Callable[..., Answer], trained: Path, tmp_path: Path
) -> None:
    from synthetic_imaging.learning.weights.models import load_model

    def weights(place: Path) -> np.ndarray:
        return load_model(place).networks["autoencoder"].encode.weight.numpy()

    same = shell("train", TINY, "--out", tmp_path / "same", "--seed", 3, "--device", "cpu", "--json")
    assert json.loads(same[1])["seed"] == 3
    assert np.array_equal(weights(tmp_path / "same"), weights(trained))
    other = shell("train", TINY, "--out", tmp_path / "other", "--seed", 4, "--device", "cpu", "--set", "width=2",
                  "--set", "training.steps=3", "--json")
    said = json.loads(other[1])
    assert said["steps"] == 3
    assert weights(tmp_path / "other").shape[0] == 2
    drawn = json.loads(shell("train", TINY, "--out", tmp_path / "drawn", "--set", "training.steps=1", "--json")[1])
    again = json.loads(shell("train", TINY, "--out", tmp_path / "drawn", "--set", "training.steps=2", "--json")[1])
    assert drawn["seed"] == again["seed"], "a training is gone on with the seed it has"
    assert again["steps"] == 2


def test_a_training_goes_on_only_as_what_it_is(shell: Callable[..., Answer], trained: Path) -> None:
    code, _, said = shell("train", TINY, "--out", trained, "--seed", 4)
    assert code == 2
    assert "has the seed 3, not 4" in said
    code, _, said = shell("train", "tiny.needy", "--out", trained)
    assert code == 2
    assert "holds a training of 'tiny.autoencoder'" in said
    before = (trained / "training.json").read_text()
    code, _, said = shell("train", TINY, "--out", trained, "--set", "width=3")
    assert code == 6
    assert (trained / "training.json").read_text() == before
    code, _, said = shell("train", TINY, "--out", trained, "--set", "width=3", "--new", "--seed", 9, "--device", "cpu")
    assert code == 0, said
    assert (trained / "earlier-1" / "checkpoints").is_dir()
    assert json.loads((trained / "training.json").read_text())["seed"] == 9


def test_a_folder_of_the_user_is_trained_on(shell: Callable[..., Answer], tmp_path: Path) -> None:
    from synthetic_imaging.learning.weights.models import load_model

    folder = tmp_path / "Smith John"
    folder.mkdir()
    grid = si.Geometry.from_spacing((10, 10, 10), (2.0, 2.0, 2.0))
    for n in range(4):
        rng = np.random.default_rng(n)
        voxels = rng.normal(0, 50, grid.shape)
        inside = np.zeros(grid.shape, bool)
        inside[3:7, 3:7, 3 : 6 + n % 2] = True
        si.write_volume(si.Volume.ct(np.where(inside, 400, voxels).astype(np.int16), grid), folder / f"c{n}.nrrd")
        si.write_mask(si.Mask.single(inside, grid, "ball"), folder / f"c{n}.seg.nrrd")
    words = ["train", TINY, "--data", folder, "--out", tmp_path / "run", "--seed", 1, "--device", "cpu"]
    code, _, said = shell(*words)
    assert code == 0, said
    card = load_model(tmp_path / "run").card
    assert card.training_data.startswith("4 cases of the user (2 training, 1 validation, 1 test)")
    assert "phantom" not in card.to_json()
    written = "".join(p.read_text(errors="ignore") for p in (tmp_path / "run").glob("*.json")) + card.to_json()
    assert "Smith" not in written
    (folder / "c1.seg.nrrd").unlink()
    code, _, said = shell(*words[:-4], "--out", tmp_path / "other")
    assert code == 3
    assert "No label file: 'c1'" in said


def test_a_recipe_that_builds_on_another_takes_it(shell: Callable[..., Answer], trained: Path, tmp_path: Path) -> None:
    from synthetic_imaging.learning.weights.models import check_partners, load_model

    code, _, said = shell("train", "tiny.needy", "--out", tmp_path / "needy")
    assert code == 2
    assert "synthetic-imaging train tiny.autoencoder" in said
    code, _, said = shell("train", "tiny.needy", "--out", tmp_path / "needy", "--with", f"autoencoder={trained}",
                          "--device", "cpu")
    assert code == 0, said
    needy, one = load_model(tmp_path / "needy"), load_model(trained)
    assert needy.needs == {"autoencoder": one.sha256}
    check_partners(needy, {"autoencoder": one})
    with pytest.raises(si.FileError, match="with another autoencoder"):
        check_partners(needy, {"autoencoder": needy})
    code, _, said = shell("train", "tiny.needy", "--out", tmp_path / "n2", "--with",
                          f"autoencoder={tmp_path / 'needy'}")
    assert code == 2
    assert "'tiny.autoencoder' is needed" in said


@pytest.mark.parametrize(("words", "code", "said"), [
    (["train", "gone", "--out", "{tmp}/o"], 2, "There is no recipe 'gone'. Recipes: tiny.autoencoder"),
    (["train", TINY], 2, "--out"),
    (["train", TINY, "--out", "{tmp}/o", "--preset", "huge"], 2, "no preset 'huge'"),
    (["train", TINY, "--out", "{tmp}/o", "--set", "depth=3"], 2, "no setting 'depth'"),
    (["train", TINY, "--out", "{tmp}/o", "--set", "width=999"], 2, "from 1 to 64"),
    (["train", TINY, "--out", "{tmp}/o", "--set", "width"], 2, "--set NAME=VALUE"),
    (["train", TINY, "--out", "{tmp}/o", "--seed", "x"], 2, "seed"),
    (["train", TINY, "--out", "{tmp}/o", "--with", "autoencoder=x"], 2, "builds on none"),
    (["train", TINY, "--out", "{tmp}/o", "--data", "{tmp}/gone"], 3, "does not exist"),
    (["train", TINY, "--out", "{tmp}/o", "--data", "{tmp}/empty"], 3, "holds no cases"),
    (["train", TINY, "--out", "{tmp}/file"], 3, "is a file"),
    (["train", TINY, "--out", "{tmp}/o", "--processes", "0"], 2, "at least one process"),
    (["train", TINY, "--out", "{tmp}/o", "--device", "abacus"], 2, "no device"),
    (["sample", "gone", "--out", "{tmp}/o"], 3, "There is no model 'gone'"),
    (["sample", "tiny"], 2, "--out"),
    (["sample", "tiny", "--out", "{tmp}/o", "--steps", "1000"], 2, "from 1 to 100"),
    (["sample", "tiny", "--out", "{tmp}/o", "--sampler", "magic"], 2, "no setting 'sampler'"),
    (["sample", "tiny", "--out", "{tmp}/o", "--number", "0"], 2, "from 1 to"),
    (["reproduce", "gone"], 2, "There is no system 'gone'. Systems: tiny"),
    (["weights", "show", "gone"], 3, "There is no model 'gone'"),
    (["weights", "delete", "gone"], 3, "no imported model 'gone'"),
    (["weights", "import", "{tmp}/file"], 3, "no model file"),
    (["weights", "import", "{tmp}/empty"], 3, "no MONAI bundle"),
])
def test_what_is_wrong_is_said_in_a_sentence(
    shell: Callable[..., Answer], tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"x" * 100)
    found, _, told = shell(*[word.format(tmp=tmp_path) for word in words])
    assert (found, said in told) == (code, True), told
    assert "Traceback" not in told
    found, out, _ = shell(*[word.format(tmp=tmp_path) for word in words], "--json")
    assert found == code
    assert said in json.loads(out)["message"]


def test_samples_are_made_with_a_trained_model(shell: Callable[..., Answer], trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "cases"
    code, told, said = shell("sample", "tiny", "--number", 2, "--seed", 5, "--steps", 7, "--out", out, "--json")
    assert code == 0, said
    files = json.loads(told)["files"]
    assert len(files) == 4
    volumes = [si.read_volume(f) for f in files if not f.endswith(".seg.nrrd")]
    masks = [si.read_mask(f) for f in files if f.endswith(".seg.nrrd")]
    assert [m.names for m in masks] == [("ball",)] * 2
    assert all(v.synthetic for v in volumes)
    assert volumes[0].voxels.max() == pytest.approx(7, abs=0.01)
    # A folder of a training whose recipe belongs to a generator is a model too; an autoencoder is none.
    code, _, said = shell("sample", trained, "--out", tmp_path / "other")
    assert code == 2
    assert "makes no cases by itself" in said
    header = tmp_path / "run" / "model.safetensors"
    raw = header.read_bytes().replace(b"tiny.autoencoder", b"tiny.diffusionxx")
    header.write_bytes(raw)
    registry.RECIPES["tiny.diffusionxx"] = registry.RECIPES[TINY]
    code, told, said = shell("sample", trained, "--out", tmp_path / "model", "--seed", 1)
    assert code == 0, said
    assert "1 cases" in told


@pytest.mark.parametrize("layout", ["nrrd", "nifti", "dicom", "nnunet", "monai"])
def test_what_was_sampled_can_be_trained_on(shell: Callable[..., Answer], tmp_path: Path, layout: str) -> None:
    from synthetic_imaging.learning.data.folder import read_folder
    from synthetic_imaging.learning.recipe import DataShape

    code, _, said = shell("sample", "tiny", "-n", 4, "--seed", 5, "--out", tmp_path / "c", "--layout", layout)
    assert code == 0, said
    data = read_folder(tmp_path / "c", DataShape((8, 8, 8), (0.0, 0.0, 0.0), "CT", (0.0, 10.0), ("ball",)))
    case = data.training.case(0, np.random.default_rng(0))
    assert len(data.training) == 2
    assert case["image"][0][case["label"] == 1].min() > 0.99
    assert case["image"][0][case["label"] == 0].max() < 0.01


def test_a_system_is_reproduced(shell: Callable[..., Answer], tmp_path: Path) -> None:
    code, told, said = shell("reproduce", "tiny", "--out", tmp_path / "evidence", "--quick", "--seed", 8)
    assert code == 0, said
    assert "note: Figures of a phantom." in told
    assert (tmp_path / "evidence" / "tiny.md").read_text() == "quick True, train False, seed 8"


def test_weights_are_imported_listed_checked_and_deleted(shell: Callable[..., Answer], trained: Path) -> None:
    assert "There are no models" in shell("weights", "list")[1]
    code, told, said = shell("weights", "import", trained / "model.safetensors", "--name", "mine")
    assert (code, told.strip()) == (0, "Imported as 'mine'."), said
    assert "mine  Tiny autoencoder. Licence: Apache-2.0. Imported" in shell("weights", "list")[1]
    assert json.loads(shell("weights", "list", "--json")[1])[0]["where"] == "imported"
    assert shell("weights", "check")[:2] == (0, "mine: ok\n")
    path = Path(os.environ[VARIABLE]) / "mine.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 4
    path.write_bytes(raw)
    code, told, _ = shell("weights", "check")
    assert code == 3
    assert "checksum is wrong" in told
    assert shell("weights", "delete", "mine")[0] == 0
    assert not path.exists()


def test_a_bundle_is_not_trusted_without_being_told(
    shell: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = tmp_path / "evil" / "configs"
    configs.mkdir(parents=True)
    place = f"$__import__('pathlib').Path({str(tmp_path / 'ran')!r})"
    config = {"network_def": {"_target_": "pathlib.Path.touch", "self": place}}
    (configs / "inference.json").write_text(json.dumps(config))
    code, _, said = shell("weights", "import", tmp_path / "evil")
    assert code == 3
    assert "calls pathlib.Path.touch" in said
    assert "--trust-source" in said
    assert not (tmp_path / "ran").exists()


def start(*words: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(STANDINS / "tiny_recipe.py"), *map(str, words)], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_stopped_training_goes_on_with_the_same_command(shell: Callable[..., Answer], tmp_path: Path) -> None:
    from synthetic_imaging.learning.weights.models import load_model

    def words(steps: int) -> list[Any]:
        return ["train", TINY, "--seed", 3, "--device", "cpu", "--set", f"training.steps={steps}", "--set",
                "training.checkpoint_every=30", "--set", "training.validate_every=100000"]

    process = start(*words(90000), "--out", tmp_path / "broken")
    deadline = time.monotonic() + 60
    while not list((tmp_path / "broken" / "checkpoints").glob("step-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 4, said
    assert "with a checkpoint. The same command goes on from there." in said
    assert not (tmp_path / "broken" / "model.safetensors").exists()
    steps = int(said.split("step ")[1].split(" ")[0])
    code, told, said = shell(*words(steps + 5), "--out", tmp_path / "broken", "--json")
    assert code == 0, said
    assert json.loads(told)["steps"] == steps + 5
    rows = (tmp_path / "broken" / "history.csv").read_text().splitlines()
    assert [row for row in rows if row.startswith(f"{steps + 5},")], "the curve goes on where it stood"
    assert load_model(tmp_path / "broken").card.metrics["steps"] == steps + 5


def test_two_processes_train_what_one_does(shell: Callable[..., Answer], trained: Path, tmp_path: Path) -> None:
    from synthetic_imaging.learning.weights.models import load_model

    process = start("train", TINY, "--out", tmp_path / "two", "--seed", 3, "--device", "cpu", "--processes", 2,
                    "--json")
    told, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert len(told.strip().splitlines()) == 1, "only one process speaks"
    one, two = (load_model(p).networks["autoencoder"].encode.weight for p in (trained, tmp_path / "two"))
    # A few steps of Adam with numbers rounded in another order; the loop's own tests look closer.
    assert float((one - two).abs().max()) < 1e-3

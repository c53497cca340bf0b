"""Model files: an exact round trip, and a sentence for every file that is not what it should be."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from synthetic_imaging.errors import FileError, ParameterError
from synthetic_imaging.learning import registry
from synthetic_imaging.learning.weights import names
from synthetic_imaging.learning.weights.card import Card
from synthetic_imaging.learning.weights.container import read_header
from synthetic_imaging.learning.weights.importing import check_model, import_model
from synthetic_imaging.learning.weights.models import load_model, save_model
from synthetic_imaging.learning.weights.store import VARIABLE, WeightsStore

STANDINS = Path(__file__).parents[1] / "standins"


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The tiny recipe, installed; with a store of the test's own."""
    monkeypatch.syspath_prepend(str(STANDINS))
    import tiny_recipe

    monkeypatch.setattr(registry, "RECIPES", {})
    tiny_recipe.install()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "store"))
    monkeypatch.setattr(names, "SHIPPED", tmp_path / "shipped")
    yield tiny_recipe


CARD = Card("Tiny", "tiny.autoencoder", "0.1", "Apache-2.0", "8 phantom balls", known_failures=("Knows only balls.",),
            metrics={"l1_phantom": 0.03, "broken": float("nan")}, seed=5, date="2026-01-02")


def saved(tiny: Any, path: Path, dtype: str = "float32", width: int = 4) -> tuple[Path, Any]:
    settings = tiny.TinySettings(width=width)
    made = tiny.networks(settings)
    made["autoencoder"].scale.fill_(1.2345678)
    save_model(path, tiny.ID, settings, made, CARD, ("autoencoder",), dtype)
    return path, made


@pytest.mark.parametrize(("dtype", "off"), [("float32", 0.0), ("float16", 1e-3), ("bfloat16", 8e-3)])
def test_a_round_trip_keeps_weights_settings_and_card(tiny: Any, tmp_path: Path, dtype: str, off: float) -> None:
    path, made = saved(tiny, tmp_path / "m.safetensors", dtype, width=6)
    model = load_model(path)
    assert list(model.networks) == ["autoencoder"], "the discriminator is not shipped"
    assert model.settings == tiny.TinySettings(width=6)
    assert model.recipe is tiny.RECIPE
    assert (model.card.title, model.card.seed, model.card.known_failures) == ("Tiny", 5, ("Knows only balls.",))
    assert dict(model.card.metrics) == {"l1_phantom": 0.03}
    for key, value in made["autoencoder"].state_dict().items():
        loaded = model.networks["autoencoder"].state_dict()[key]
        assert loaded.dtype == torch.float32
        assert (loaded - value).abs().max() <= off * value.abs().max()
    assert torch.equal(model.networks["autoencoder"].scale, made["autoencoder"].scale), "buffers stay exact"
    assert not model.networks.training
    assert not any(p.requires_grad for p in model.networks.parameters())
    assert "phantom" in model.card.text()


def test_other_programs_can_read_the_file(tiny: Any, tmp_path: Path) -> None:
    path, made = saved(tiny, tmp_path / "m.safetensors")
    assert torch.equal(load_file(path)["autoencoder.encode.weight"], made["autoencoder"].encode.weight)


def test_weights_that_are_no_numbers_or_too_large_are_not_written(tiny: Any, tmp_path: Path) -> None:
    made = tiny.networks(tiny.TinySettings())
    with torch.no_grad():
        made["autoencoder"].decode.bias.fill_(1e6)
    with pytest.raises(ParameterError, match="bfloat16"):
        save_model(tmp_path / "m.safetensors", tiny.ID, tiny.TinySettings(), made, CARD, dtype="float16")
    with torch.no_grad():
        made["autoencoder"].decode.bias.fill_(float("nan"))
    with pytest.raises(ParameterError, match="not finite"):
        save_model(tmp_path / "m.safetensors", tiny.ID, tiny.TinySettings(), made, CARD)
    with pytest.raises(ParameterError, match="no network 'gone'"):
        save_model(tmp_path / "m.safetensors", tiny.ID, tiny.TinySettings(), made, CARD, ("gone",))
    assert list(tmp_path.iterdir()) == []


def change_header(path: Path, change: Any) -> None:
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])


def flip_a_bit(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 1
    path.write_bytes(raw)


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def rename_tensor(header: dict[str, Any]) -> None:
    header["autoencoder.other"] = header.pop("autoencoder.encode.bias")


@pytest.mark.parametrize(("spoil", "said"), [
    (flip_a_bit, "checksum is wrong"),
    (shorten, "not copied completely"),
    (lambda p: p.write_bytes(b""), "damaged"),
    (lambda p: p.write_bytes(b"\xff" * 400), "no model file"),
    (lambda p: p.write_bytes(b"PK\x03\x04" + b"\0" * 400), "can run programs"),
    (lambda p: p.write_bytes(b"\x80\x02ctorch" + b"\0" * 400), "can run programs"),
    (lambda p: save_file({"x": torch.zeros(3)}, p), "another program"),
    (lambda p: change_header(p, lambda h: h["__metadata__"].update(format="synthetic-imaging/2")), "newer version"),
    (lambda p: change_header(p, lambda h: h["__metadata__"].update(recipe="gone.away")), "'gone.away'"),
    (lambda p: change_header(p, lambda h: h["__metadata__"].update(settings='{"width": 5}')), "has the shape"),
    (lambda p: change_header(p, lambda h: h["__metadata__"].update(settings='{"depth": 5}')), "no setting 'depth'"),
    (lambda p: change_header(p, lambda h: h["__metadata__"].update(settings='{"width": 9999}')), "'Width' is 9999"),
    (lambda p: change_header(p, lambda h: h["__metadata__"].update(settings="[]")), "lacks a part"),
    (lambda p: change_header(p, lambda h: h["__metadata__"].update(parts='["generator"]')), "no network 'generator'"),
    (lambda p: change_header(p, lambda h: h["__metadata__"].pop("card")), "lacks a part"),
    (lambda p: change_header(p, rename_tensor), "'autoencoder.encode.bias' is missing"),
    (lambda p: change_header(p, lambda h: h["autoencoder.scale"].update(dtype="F99")), "damaged"),
    (lambda p: change_header(p, lambda h: h["autoencoder.scale"].update(data_offsets=[0, 1 << 60])), "damaged"),
])
def test_every_file_that_is_not_right_gets_a_sentence(tiny: Any, tmp_path: Path, spoil: Any, said: str) -> None:
    path, _ = saved(tiny, tmp_path / "m.safetensors")
    spoil(path)
    with pytest.raises(FileError, match=said):
        load_model(path)
    with pytest.raises(FileError, match=said):
        import_model(path)
    assert not (tmp_path / "store" / "m.safetensors").exists()


def test_weights_that_are_not_finite_are_refused_also_with_a_right_checksum(tiny: Any, tmp_path: Path) -> None:
    from synthetic_imaging.learning.weights.container import UNSEALED, seal

    path, _ = saved(tiny, tmp_path / "m.safetensors")
    tensors = {key: tensor.clone() for key, tensor in load_file(path).items()}
    tensors["autoencoder.decode.bias"][0] = float("inf")
    header: dict[str, Any] = {}
    change_header(path, header.update)
    save_file(tensors, path, {**header["__metadata__"], "data_sha256": UNSEALED})
    seal(path)
    for use in (load_model, check_model):
        with pytest.raises(FileError, match="not finite"):
            use(path)


@pytest.mark.parametrize("ending", [".pt", ".pth", ".ckpt"])
def test_pickles_are_refused_by_their_name_too(tiny: Any, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"weights{ending}"
    path.write_bytes(b"anything")
    with pytest.raises(FileError, match="can run programs"):
        load_model(path)


def test_models_are_found_by_name_path_and_folder(tiny: Any, tmp_path: Path) -> None:
    path, _ = saved(tiny, tmp_path / "run7" / "model.safetensors" if (tmp_path / "run7").mkdir() is None else tmp_path)
    assert load_model(tmp_path / "run7").name == "run7"
    assert import_model(path, "mine") == "mine"
    assert load_model("mine").name == "mine"
    with pytest.raises(FileError, match="exists already"):
        import_model(path, "mine")
    with pytest.raises(FileError, match="Models: mine"):
        load_model("other")
    for bad in ("../x", "a/b", "", ".hidden", "a b"):
        with pytest.raises(FileError):
            names.check_name(bad)
    assert WeightsStore().delete("mine.safetensors") > 0
    with pytest.raises(FileError, match="There is no model 'mine'"):
        load_model("mine")


def test_a_shipped_model_must_be_the_one_that_was_shipped(tiny: Any, tmp_path: Path) -> None:
    path, _ = saved(tiny, tmp_path / "m.safetensors")
    names.ship(path, "tiny.autoencoder")
    model = load_model("tiny.autoencoder")
    assert names.checksums() == {"tiny.autoencoder.safetensors": model.sha256}
    with pytest.raises(FileError, match="comes with the package"):
        import_model(path, "tiny.autoencoder")
    save_model(names.SHIPPED / "tiny.autoencoder.safetensors", tiny.ID, tiny.TinySettings(),
               tiny.networks(tiny.TinySettings()), replace(CARD, title="Other"), ("autoencoder",))
    with pytest.raises(FileError, match="Install SyntheticImaging again"):
        load_model("tiny.autoencoder")


def test_a_list_of_models_needs_no_torch(tiny: Any, tmp_path: Path) -> None:
    path, _ = saved(tiny, tmp_path / "m.safetensors")
    code = ("import sys; from pathlib import Path; from synthetic_imaging.learning.weights import names, container;"
            f"names.shipped(); print(container.read_header(Path({str(path)!r})).card.title);"
            "print([m for m in ('torch', 'monai', 'safetensors', 'SimpleITK', 'scipy') if m in sys.modules])")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["Tiny", "[]"]
    assert read_header(path).recipe == tiny.ID


def test_only_networks_without_room_for_numbers_are_built_without_first_numbers():
    from synthetic_imaging.learning.weights.unfilled import Unfilled

    with Unfilled():
        held = torch.nn.Linear(3, 4)
        torch.nn.init.constant_(held.bias, 2.0)
        with torch.device("meta"):
            empty = torch.nn.Linear(3, 4)
            assert torch.nn.init.kaiming_normal_(empty.weight) is empty.weight
    assert held.bias.tolist() == [2.0] * 4 and held.weight.std() > 0
    assert empty.weight.is_meta and tuple(empty.weight.shape) == (4, 3)

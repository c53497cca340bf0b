"""A MONAI bundle: nothing of it runs before the source is trusted; archives stay in their folder."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.networks.nets import UNet

from synthetic_imaging.errors import Cancelled, FileError
from synthetic_imaging.learning.weights.bundles import bundles, delete_bundle, import_bundle, load_bundle, read_bundle
from synthetic_imaging.learning.weights.store import WeightsStore

NETWORK = {"_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": "@classes", "channels": [4, 8],
           "strides": [2], "num_res_units": 1}


def make_network() -> UNet:
    return UNet(spatial_dims=3, in_channels=1, out_channels=3, channels=[4, 8], strides=[2], num_res_units=1)


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path / "store")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny_bundle"
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "configs" / "metadata.json").write_text(json.dumps({"name": "Tiny", "version": "0.1"}))
    marker = tmp_path / "ran"
    config = {"classes": "$1 + 2", "network_def": NETWORK, "network": "$@network_def.to('cpu')",
              "evil": f"$open({str(marker)!r}, 'w').write('x')"}
    (folder / "configs" / "inference.json").write_text(json.dumps(config))
    torch.save(make_network().state_dict(), folder / "models" / "model.pt")
    return folder


def change_config(bundle: Path, **changes: Any) -> None:
    path = bundle / "configs" / "inference.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def zipped(bundle: Path) -> Path:
    path = bundle.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(bundle.rglob("*")):
            archive.write(file, file.relative_to(bundle.parent))
    return path


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_trusted_bundle_becomes_a_network(bundle: Path, store: WeightsStore, kind: str) -> None:
    asked: list[str] = []

    def trust(source: str, why: str) -> bool:
        asked.append(why)
        return True

    name = import_bundle(bundle if kind == "folder" else zipped(bundle), trust, store=store)
    assert name == "tiny_bundle"
    assert bundles(store) == [name]
    assert len(asked) == 1
    assert "network_def._target_: calls UNet" in asked[0]
    assert "classes: Python: 1 + 2" in asked[0]
    assert "evil" not in asked[0], "what the network does not need is not run at all"
    assert not (bundle.parent / "ran").exists()
    loaded = load_bundle(name, lambda *_: pytest.fail("asked again"), store=store)
    reference = make_network()
    reference.load_state_dict(torch.load(bundle / "models" / "model.pt", weights_only=True))
    x = torch.linspace(0, 1, 8**3).reshape(1, 1, 8, 8, 8)
    with torch.no_grad():
        assert torch.equal(loaded.network(x), reference.eval()(x))
    assert loaded.metadata["version"] == "0.1"
    assert not [f.name for f in store.files() if f.name.endswith((".pt", ".zip"))], "kept as safetensors"
    assert delete_bundle(name, store) > 0
    assert bundles(store) == []


def test_nothing_runs_without_trust(bundle: Path, store: WeightsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    change_config(bundle, network_def={"_target_": "os.system", "command": f"touch {bundle.parent / 'ran'}"})
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("weights were read"))
    with pytest.raises(Cancelled, match="Nothing was run"):
        import_bundle(bundle, lambda source, why: "os.system" not in why, store=store)
    assert not (bundle.parent / "ran").exists()
    assert store.files() == []


def test_a_changed_configuration_in_the_store_is_asked_for_again(bundle: Path, store: WeightsStore) -> None:
    name = import_bundle(bundle, lambda *_: True, store=store)
    path = store.folder / "bundles" / name / "bundle.json"
    record = json.loads(path.read_text())
    record["config"]["classes"] = f"$open({str(bundle.parent / 'ran')!r}, 'w') and 3"
    path.write_text(json.dumps(record))
    with pytest.raises(Cancelled, match="has changed"):
        load_bundle(name, lambda *_: False, store=store)
    assert not (bundle.parent / "ran").exists()


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


def test_weights_that_would_run_something_are_not_read(bundle: Path, store: WeightsStore) -> None:
    torch.save({"state_dict": Evil(bundle.parent / "ran")}, bundle / "models" / "model.pt")
    with pytest.raises(FileError, match="without running programs"):
        import_bundle(bundle, lambda *_: True, store=store)
    assert not (bundle.parent / "ran").exists()


@pytest.mark.parametrize(("spoil", "said"), [
    (lambda b: (b / "models" / "model.pt").unlink(), "has no weights"),
    (lambda b: torch.save({"a": torch.zeros(2)}, b / "models" / "model.pt"), "do not fit its network"),
    (lambda b: torch.save({"a": torch.full((2,), float("nan"))}, b / "models" / "model.pt"), "not finite"),
    (lambda b: torch.save([1, 2], b / "models" / "model.pt"), "no list of tensors"),
    (lambda b: (b / "configs" / "inference.json").write_text("{"), "no readable JSON"),
    (lambda b: (b / "configs" / "inference.json").unlink(), "no JSON configuration"),
    (lambda b: change_config(b, network_def={**NETWORK, "channels": "%other.json::x"}), "from another file"),
    (lambda b: change_config(b, network_def={**NETWORK, "_target_": "no.such.Net"}), "cannot be made"),
    (lambda b: change_config(b, network_def={"_target_": "dict"}), "not a network"),
])
def test_a_bundle_that_is_not_right_gets_a_sentence(bundle: Path, store: WeightsStore, spoil: Any, said: str) -> None:
    spoil(bundle)
    with pytest.raises(FileError, match=said):
        import_bundle(bundle, lambda *_: True, store=store)
    assert store.files() == []


@pytest.mark.parametrize("name", ["../escaped.json", "/tmp/escaped.json", "b/../../configs/escaped.json",
                                  "b\\configs\\x.json", "c:/configs/x.json"])
def test_an_archive_cannot_write_outside(bundle: Path, store: WeightsStore, name: str) -> None:
    path = zipped(bundle)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), "{}")
    with pytest.raises(FileError, match="outside its folder"):
        import_bundle(path, lambda *_: True, store=store)
    assert not (bundle.parent / "escaped.json").exists()


def test_links_bombs_and_rubbish_are_not_opened(bundle: Path, store: WeightsStore) -> None:
    path = zipped(bundle)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("tiny_bundle/configs/link.json")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(FileError, match="link"):
        import_bundle(path, lambda *_: True, store=store)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/configs/inference.json", b"0" * 150_000_000)
    with pytest.raises(FileError, match="would unpack to"):
        import_bundle(path, lambda *_: True, store=store)
    path.write_bytes(b"rubbish")
    with pytest.raises(FileError, match="neither a folder nor"):
        import_bundle(path, lambda *_: True, store=store)
    with pytest.raises(FileError, match="no MONAI bundle"):
        read_bundle_of_empty(bundle.parent / "empty", store)


def read_bundle_of_empty(folder: Path, store: WeightsStore) -> None:
    folder.mkdir()
    import_bundle(folder, lambda *_: True, store=store)


def test_reading_a_bundle_says_what_it_would_run(bundle: Path) -> None:
    content = read_bundle(bundle)
    assert content.name == "Tiny"
    assert set(content.config) == {"network_def", "classes"}
    assert len(content.runs) == 2
    assert "Go on only if you trust" in content.question

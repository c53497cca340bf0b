"""The store of weights: what it lists, and that deleting never touches anything else."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from synthetic_imaging.errors import FileError
from synthetic_imaging.setup import State
from synthetic_imaging.setup.weights import MARK, VARIABLE, WeightsStore, weights_folder


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    store = WeightsStore(tmp_path / "weights")
    store.prepare()
    (store.folder / "diffusion").mkdir()
    (store.folder / "diffusion" / "liver.safetensors").write_bytes(b"x" * 3000)
    (store.folder / "flow.safetensors").write_bytes(b"y" * 500)
    return store


def test_the_folder_follows_platform_and_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    for system, end in (("Windows", "local/SyntheticImaging/weights"),
                        ("Linux", ".local/share/synthetic-imaging/weights"),
                        ("Darwin", "Library/Application Support/SyntheticImaging/weights")):
        monkeypatch.setattr(platform, "system", lambda system=system: system)
        assert weights_folder() == tmp_path / end
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    assert weights_folder() == tmp_path / "mine"


def test_an_empty_store_reads_well_and_asking_makes_no_folder(tmp_path: Path) -> None:
    store = WeightsStore(tmp_path / "weights")
    assert store.sentence == "No weights have been downloaded. What is shipped needs no download."
    assert store.files() == []
    assert store.delete_all() == 0
    assert store.row().state in (State.OK, State.WARNING)
    assert not store.folder.exists()


def test_files_are_listed_with_size_and_last_use(store: WeightsStore) -> None:
    listed = [(f.name, f.bytes) for f in store.files()]
    assert listed == [("diffusion/liver.safetensors", 3000), ("flow.safetensors", 500)]
    assert store.bytes_used == 3500
    assert store.sentence.startswith("2 files, ")
    os.utime(store.folder / "flow.safetensors", (10**9, 10**9))
    assert {f.name: f.used_on for f in store.files()}["flow.safetensors"].startswith("2001-09-")
    assert store.use("flow.safetensors").name == "flow.safetensors"
    assert store.files()[1].last_used > 1.7e9


def test_one_and_all_are_deleted(store: WeightsStore) -> None:
    assert store.delete("diffusion/liver.safetensors") == 3000
    assert not (store.folder / "diffusion").exists()
    assert store.delete_all() == 500
    assert [p.name for p in store.folder.iterdir()] == [MARK]
    assert store.bytes_used == 0


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", "", ".", "diffusion/../../secret", "a\\b", "c:x",
                                  MARK, "diffusion", "gone"])  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(store: WeightsStore, name: str) -> None:
    secret = store.folder.parent / "secret"
    secret.write_text("keep")
    with pytest.raises(FileError, match="not a file of the weights folder"):
        store.delete(name)
    assert secret.exists()


def test_links_are_neither_listed_nor_followed(store: WeightsStore, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "patient.nrrd").write_text("keep")
    try:
        (store.folder / "linked").symlink_to(other, target_is_directory=True)
        (store.folder / "file").symlink_to(other / "patient.nrrd")
    except OSError:
        pytest.skip("no links here")
    assert len(store.files()) == 2
    for name in ("linked/patient.nrrd", "file"):
        with pytest.raises(FileError):
            store.delete(name)
    store.delete_all()
    assert (other / "patient.nrrd").read_text() == "keep"


def test_a_folder_of_other_things_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("keep")
    store = WeightsStore(tmp_path)
    assert store.files() == []
    assert store.delete_all() == 0
    assert "holds other files" in store.sentence
    assert store.row().state is State.WARNING
    with pytest.raises(FileError, match="holds other files"):
        store.prepare()
    with pytest.raises(FileError):
        store.delete("thesis.docx")
    assert (tmp_path / "thesis.docx").exists()


def test_a_file_that_cannot_be_deleted_gets_a_sentence(store: WeightsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.unlink

    def busy(self: Path, missing_ok: bool = False) -> None:
        if self.name == "liver.safetensors":
            raise PermissionError(13, "in use")
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", busy)
    with pytest.raises(FileError, match="Close programs that use it"):
        store.delete_all()
    assert [f.name for f in store.files()] == ["diffusion/liver.safetensors"], "the others are gone"

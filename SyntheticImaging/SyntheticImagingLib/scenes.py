"""Saving a scene as .mrb or .mrml with everything in it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synthetic_imaging.errors import FileError
from SyntheticImagingLib.headless import import_slicer


def save_scene(scene: Any, path: str | Path, overwrite: bool = False) -> Path:
    """Write the scene with all its data as a Slicer data bundle (.mrb).

    Volumes are compressed with the fastest setting (three times as fast as Slicer's default, a little
    larger), and the bundle itself not a second time. The file appears under its name only when complete.

    Args:
        scene: the MRML scene.
        path: file to write, ending in .mrb.
        overwrite: whether an existing file may be replaced.

    Raises:
        FileError: if the file exists, cannot be written, or the disk is full.
    """
    target = Path(path).resolve()
    if target.suffix.lower() != ".mrb":
        raise FileError(f"'{target.name}' must end in .mrb.")
    if target.exists() and not overwrite:
        raise FileError(f"'{target.name}' exists already. Choose another name, or allow it to be replaced.")
    prepare_storage(scene)
    try:
        with tempfile.TemporaryDirectory(prefix=".scene-", dir=target.parent) as folder:
            content = Path(folder) / target.stem
            content.mkdir()
            kept = scene.GetURL(), scene.GetRootDirectory()
            try:
                with _without_chatter():
                    written = scene.SaveSceneToSlicerDataBundleDirectory(str(content), None)
                if not written:
                    raise FileError(f"The scene '{target.name}' could not be written. Is the disk full?")
            finally:
                scene.SetURL(kept[0] or "")
                scene.SetRootDirectory(kept[1] or "")
            bundle = Path(folder) / target.name
            with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED, allowZip64=True) as file:
                for item in sorted(content.rglob("*")):
                    squeeze = item.suffix in (".mrml", ".csv", ".txt", ".json", ".ctbl")
                    file.write(
                        item, item.relative_to(folder).as_posix(),
                        zipfile.ZIP_DEFLATED if squeeze else zipfile.ZIP_STORED,
                    )
            bundle.replace(target)
    except OSError as error:
        raise FileError(f"'{target.name}' cannot be written: {error.strerror or error}.") from None
    return target


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """MRML reports every file it packs as a message; the result of the call says whether it worked."""
    from vtkmodules.vtkCommonCore import vtkOutputWindow

    window = vtkOutputWindow.GetInstance()
    kept = window.GetDisplayMode()
    window.SetDisplayModeToNever()
    try:
        yield
    finally:
        window.SetDisplayMode(kept)


def prepare_storage(scene: Any) -> None:
    """Give volumes NRRD storage (which keeps attributes in the header) and fast compression."""
    slicer = import_slicer()
    nodes = scene.GetNodesByClass("vtkMRMLStorableNode")
    for index in range(nodes.GetNumberOfItems()):
        node = nodes.GetItemAsObject(index)
        if not node.GetSaveWithScene():
            continue
        storage = node.GetStorageNode()
        if node.GetClassName() == "vtkMRMLScalarVolumeNode" and (
            storage is None or storage.GetClassName() != "vtkMRMLNRRDStorageNode"
        ):
            storage = slicer.vtkMRMLNRRDStorageNode()
            scene.AddNode(storage)
            node.SetAndObserveStorageNodeID(storage.GetID())
        elif storage is None:
            node.AddDefaultStorageNode()
            storage = node.GetStorageNode()
        if storage is None:
            continue
        if hasattr(storage, "GetCompressionParameterFastest"):
            storage.SetUseCompression(True)
            fastest = storage.GetCompressionParameterFastest()
            if fastest:
                storage.SetCompressionParameter(fastest)


def unpacked(path: str | Path, folder: str | Path) -> Path:
    """Unpack an .mrb into a folder and return its .mrml file.

    Raises:
        FileError: if it is no bundle.
    """
    try:
        with zipfile.ZipFile(path) as file:
            file.extractall(folder)
    except (zipfile.BadZipFile, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        raise FileError(f"'{Path(path).name}' is no Slicer data bundle, or it is damaged.") from None
    found = sorted(Path(folder).rglob("*.mrml"))
    if not found:
        raise FileError(f"'{Path(path).name}' holds no scene.")
    return found[0]

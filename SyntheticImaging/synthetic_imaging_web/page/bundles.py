"""Scenes and folders as one file: nodes are written on the main thread, raw; compressing happens in a thread."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from synthetic_imaging.errors import FileError
from SyntheticImagingLib.scenes import prepare_storage


def write_content(scene: Any, folder: Path) -> Path:
    """Write a scene and all its data into a new folder, as Slicer's data bundles hold it; on the main thread.

    Raises:
        FileError: if it cannot be written.
    """
    folder.mkdir(parents=True)
    prepare_storage(scene)
    kept = scene.GetURL(), scene.GetRootDirectory()
    try:
        with _raw(scene), _without_legends(scene):
            written = scene.SaveSceneToSlicerDataBundleDirectory(str(folder), None)
    finally:
        scene.SetURL(kept[0] or "")
        scene.SetRootDirectory(kept[1] or "")
    if not written:
        raise FileError("The scene could not be written. Is the disk full?")
    return folder


def pack(folder: Path, path: Path, without: Collection[str] = ()) -> None:
    """A folder as a zip file (.mrb is one); can run in any thread.

    Args:
        folder: what to pack.
        path: the zip file.
        without: names of files that are left out.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=1) as bundle:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.name not in without:
                bundle.write(file, file.relative_to(folder.parent).as_posix())


@contextlib.contextmanager
def _raw(scene: Any) -> Iterator[None]:
    """No compression by the nodes' own writers: it would hold up the views for seconds."""
    from vtkmodules.vtkCommonCore import vtkOutputWindow

    nodes = scene.GetNodesByClass("vtkMRMLStorageNode")
    storages = [nodes.GetItemAsObject(n) for n in range(nodes.GetNumberOfItems())]
    compressed = [s for s in storages if s.GetUseCompression()]
    window = vtkOutputWindow.GetInstance()
    mode = window.GetDisplayMode()
    # MRML reports every file it packs as a message; the result of the call says whether it worked.
    window.SetDisplayModeToNever()
    for storage in compressed:
        storage.SetUseCompression(False)
    try:
        yield
    finally:
        window.SetDisplayMode(mode)
        for storage in compressed:
            storage.SetUseCompression(True)


@contextlib.contextmanager
def _without_legends(scene: Any) -> Iterator[None]:
    """Colour legends belong to the views of this page; not every program that reads the scene knows their class."""
    nodes = scene.GetNodesByClass("vtkMRMLColorLegendDisplayNode")
    legends = [nodes.GetItemAsObject(n) for n in range(nodes.GetNumberOfItems())]
    for legend in legends:
        legend.SetSaveWithScene(False)
    try:
        yield
    finally:
        for legend in legends:
            legend.SetSaveWithScene(True)

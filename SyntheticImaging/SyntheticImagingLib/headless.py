"""A MRML scene with Slicer's logics and no Slicer: for tests, for the demonstration, for servers.

In 3D Slicer nothing here is needed: pass ``slicer.mrmlScene`` to the other modules of this package.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from synthetic_imaging.errors import FileError, SyntheticImagingError

# Name in slicer.modules -> class of its logic; the order matters (colours and hierarchy before what uses them).
_LOGICS = {
    "volumes": "vtkSlicerVolumesLogic",
    "subjecthierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "terminologies": "vtkSlicerTerminologiesModuleLogic",
    "segmentations": "vtkSlicerSegmentationsModuleLogic",
    "sequences": "vtkSlicerSequencesLogic",
    "transforms": "vtkSlicerTransformLogic",
    "tables": "vtkSlicerTablesLogic",
    "models": "vtkSlicerModelsLogic",
    "markups": "vtkSlicerMarkupsLogic",
}

# The names under which module logics look each other up.
_REGISTERED_AS = {
    "volumes": "Volumes",
    "subjecthierarchy": "SubjectHierarchy",
    "terminologies": "Terminologies",
    "segmentations": "Segmentations",
    "sequences": "Sequences",
    "transforms": "Transforms",
    "tables": "Tables",
    "models": "Models",
    "markups": "Markups",
}


def import_slicer() -> Any:
    """The module ``slicer``: 3D Slicer's own, or the one of the package slicer-core.

    Raises:
        SyntheticImagingError: if neither is there.
    """
    try:
        import slicer
    except ImportError as error:
        raise SyntheticImagingError(
            "Scenes and views need 3D Slicer, or the Python package slicer-core: "
            f"pip install 'synthetic-imaging[scene]' ({error})."
        ) from None
    return slicer


class HeadlessSlicer:
    """A scene, the application logic and the module logics; keep it alive as long as the scene is used.

    Attributes:
        scene: ``vtkMRMLScene``.
        application: ``vtkSlicerApplicationLogic``.
        logics: name in ``slicer.modules`` -> logic.

    While it is the latest one made, ``slicer.mrmlScene`` and ``slicer.modules`` point to it, so that
    ``slicer.util`` works.
    """

    def __init__(self) -> None:
        slicer = import_slicer()
        quiet_vtk()
        self._folder = tempfile.TemporaryDirectory(prefix="synthetic-imaging-scene-")
        self.scene: Any = slicer.vtkMRMLScene()
        # Only the desktop program's colours module registers it; a scene saved with a legend could not be read back.
        self.scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
        self.application: Any = slicer.vtkSlicerApplicationLogic()
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetCrosshairName("default")
        self.scene.AddNode(crosshair)
        self.application.SetTemporaryPath(self._folder.name)
        self.application.SetMRMLScene(self.scene)
        self._open_for_files(slicer)
        self.logics: dict[str, Any] = {}
        self._colours = slicer.vtkMRMLColorLogic()
        self._register("Colors", self._colours)
        for name, class_name in _LOGICS.items():
            logic = getattr(slicer, class_name)()
            if name == "terminologies":
                logic.SetModuleShareDirectory(terminology_folder())
            self._register(_REGISTERED_AS[name], logic)
            self.logics[name] = logic
        self.logics["colors"] = self._colours
        patient_right_is_screen_left = True
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(self.scene, patient_right_is_screen_left)
        self.application.SetSliceLogics(_collection())
        self.application.SetViewLogics(_collection())
        slicer.mrmlScene = self.scene
        slicer.modules = SimpleNamespace(**{name: _Module(logic) for name, logic in self.logics.items()})

    def _register(self, name: str, logic: Any) -> None:
        logic.SetMRMLApplicationLogic(self.application)
        logic.SetMRMLScene(self.scene)
        self.application.SetModuleLogic(name, logic)

    def _open_for_files(self, slicer: Any) -> None:
        # Without a data-IO manager in the scene, reading .mrb returns false and no node loads its file.
        cache = Path(self._folder.name) / "cache"
        cache.mkdir()
        self._remote = slicer.vtkMRMLRemoteIOLogic()
        self._remote.SetMRMLApplicationLogic(self.application)
        self._remote.GetCacheManager().SetRemoteCacheDirectory(str(cache))
        self._remote.SetMRMLScene(self.scene)
        self._files = slicer.vtkDataIOManagerLogic()
        self._files.SetMRMLApplicationLogic(self.application)
        self._files.SetMRMLScene(self.scene)
        self._files.SetAndObserveDataIOManager(self._remote.GetDataIOManager())
        self._remote.AddDataIOToScene()

    def close(self) -> None:
        """Empty the scene and delete the temporary folder."""
        self.scene.Clear(True)
        # Collected later, it would take its colours out of a scene that views still listen to, their application gone.
        self._colours.SetMRMLScene(None)
        with contextlib.suppress(OSError):
            self._folder.cleanup()

    def __enter__(self) -> HeadlessSlicer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def one_batch(scene: Any) -> Iterator[None]:
    """Changes to the scene that observers see once, at the end."""
    scene.StartState(scene.BatchProcessState)
    try:
        yield
    finally:
        scene.EndState(scene.BatchProcessState)


def open_scene(path: str | Path) -> HeadlessSlicer:
    """A headless Slicer with a scene file (.mrb or .mrml) loaded.

    Raises:
        FileError: if the file is missing or cannot be read.
    """
    file = Path(path).resolve()
    if not file.is_file():
        raise FileError(f"There is no scene file '{file.name}'.")
    if file.suffix.lower() not in (".mrb", ".mrml"):
        raise FileError(f"'{file.name}' is no scene; scenes end in .mrb or .mrml.")
    damaged = FileError(f"The scene '{file.name}' cannot be read; it may be damaged or incomplete.")
    bundle = file.suffix.lower() == ".mrb"
    if bundle and not zipfile.is_zipfile(file):
        raise damaged
    host = HeadlessSlicer()
    here = Path.cwd()
    try:
        if bundle:
            read = host.scene.ReadFromMRB(str(file), True)
        else:
            host.scene.SetURL(str(file))
            read = host.scene.Import(None) != 0
    finally:
        # MRML unpacks by changing the working directory, and does not come back from a damaged bundle.
        os.chdir(here)
    if not read:
        host.close()
        raise damaged
    return host


def terminology_folder() -> str:
    """Folder with Slicer's terminology files when a package ships them, else an empty text."""
    from importlib.util import find_spec

    spec = find_spec("trame_slicer")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "resources" / "terminologies"
        if folder.is_dir():
            return str(folder)
    return ""


def quiet_vtk() -> None:
    """VTK's messages go to the error stream, never to a window."""
    from vtkmodules.vtkCommonCore import vtkOutputWindow

    window = vtkOutputWindow.GetInstance()
    if window is not None:
        window.SetDisplayModeToAlwaysStdErr()


class _Module:
    """What ``slicer.modules.NAME`` is without Slicer: a thing that knows its logic."""

    def __init__(self, logic: Any) -> None:
        self._logic = logic

    def logic(self) -> Any:
        """The module's logic."""
        return self._logic


def _collection() -> Any:
    from vtkmodules.vtkCommonCore import vtkCollection

    return vtkCollection()

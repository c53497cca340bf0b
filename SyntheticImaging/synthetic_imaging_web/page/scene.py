"""The scene of a session: trame-slicer's application, completed by the logics that results need."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

from SyntheticImagingLib.headless import import_slicer, quiet_vtk

# Name in slicer.modules -> (class of the logic, name under which logics look each other up).
_MORE_LOGICS = {
    "sequences": ("vtkSlicerSequencesLogic", "Sequences"),
    "transforms": ("vtkSlicerTransformLogic", "Transforms"),
    "tables": ("vtkSlicerTablesLogic", "Tables"),
    "models": ("vtkSlicerModelsLogic", "Models"),
}


class SessionScene:
    """trame-slicer's ``SlicerApp`` with sequences, transforms, tables and models; keep it alive with its scene.

    ``slicer.mrmlScene`` and ``slicer.modules`` point to it, so that ``slicer.util`` and SyntheticImagingLib work as
    in 3D Slicer.

    Attributes:
        app: the ``SlicerApp``.
        scene: its ``vtkMRMLScene``.
    """

    def __init__(self) -> None:
        slicer = import_slicer()
        from trame_slicer.core import SlicerApp

        self.app = SlicerApp()
        quiet_vtk()
        self.scene: Any = self.app.scene
        self._logics: dict[str, Any] = {
            "volumes": self.app.volumes_logic,
            "subjecthierarchy": self.app.subject_hierarchy_logic,
            "terminologies": self.app.terminologies_logic,
            "segmentations": self.app.segmentations_logic,
            "colors": self.app.color_logic,
            "markups": self.app.app_logic.GetModuleLogic("Markups"),
        }
        for name, (class_name, registered_as) in _MORE_LOGICS.items():
            logic = getattr(slicer, class_name)()
            self._logics[name] = self.app.register_module_logic(logic, logic_name=registered_as)
        slicer.mrmlScene = self.scene
        slicer.modules = SimpleNamespace(**{name: _Module(logic) for name, logic in self._logics.items()})

    def close(self) -> None:
        """Delete the folder in which the scene keeps files that it fetched."""
        with contextlib.suppress(OSError):
            self.app.io_manager.cache_dir.cleanup()

    def nodes(self, class_name: str) -> list[Any]:
        """The scene's nodes of a class, in the order they came; hidden ones are left out."""
        found = self.scene.GetNodesByClass(class_name)
        nodes = [found.GetItemAsObject(position) for position in range(found.GetNumberOfItems())]
        return [node for node in nodes if not node.GetHideFromEditors()]

    def node(self, identifier: str | None) -> Any | None:
        """The node of that id, or None."""
        return self.scene.GetNodeByID(identifier) if identifier else None


class _Module:
    """What ``slicer.modules.NAME`` is without Slicer: a thing that knows its logic."""

    def __init__(self, logic: Any) -> None:
        self._logic = logic

    def logic(self) -> Any:
        """The module's logic."""
        return self._logic

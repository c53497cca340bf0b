"""``slicer.modules``: Slicer's own modules by their logic, and the scripted modules that a test loads."""

# ruff: noqa: N801  (the names of what is imitated)
from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import Property
from PySide6.QtWidgets import QVBoxLayout
from Testing.host.pythonqt import make_pythonqt, seal
from Testing.host.qmrml_nodes import SceneWidget

make_pythonqt()

_TITLES = {"subjecthierarchy": "SubjectHierarchy"}
_OF_A_MODULE = {
    "title", "categories", "dependencies", "contributors", "helpText", "acknowledgementText", "icon", "hidden",
    "path", "name", "index", "associatedNodeTypes",
}  # fmt: skip


class Modules:
    """``slicer.modules``: modules by name in lower case; unknown names are AttributeErrors."""

    def __init__(self) -> None:
        self.__dict__["_modules"] = {}

    def put(self, module: Any) -> None:
        self._modules[module.name] = module
        self.__dict__[module.name.lower()] = module

    def names(self) -> list[str]:
        return list(self._modules)

    def by_name(self, name: str) -> Any:
        return self._modules.get(name)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"slicer.modules has no attribute '{name}' (or Testing/host does not imitate it)")


class BuiltInModule:
    """One of Slicer's own modules: a name and a logic."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name = _TITLES.get(name, name.capitalize())
        self.title = self.name
        self.path = ""
        self._logic = logic

    def logic(self) -> Any:
        return self._logic

    def widgetRepresentation(self) -> Any:
        raise NotImplementedError(f"the panel of Slicer's module {self.name} is not imitated")


class qSlicerScriptedLoadableModule:
    """The C++ side of a scripted module: what ``self.parent`` is in the module's class."""

    def __init__(self, name: str, path: Path) -> None:
        values: dict[str, Any] = dict.fromkeys(_OF_A_MODULE, "")
        values.update(
            name=name, path=str(path), categories=[], dependencies=[], contributors=[], hidden=False, index=-1,
            associatedNodeTypes=[], icon=None,
        )  # fmt: skip
        self.__dict__.update(values)
        self.__dict__["_widget"] = None
        self.__dict__["_instance"] = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _OF_A_MODULE and not name.startswith("_"):
            raise AttributeError(f"Attribute '{name}' does not exist on qSlicerScriptedLoadableModule")
        self.__dict__[name] = value

    def logic(self) -> Any:
        """A C++ logic in Slicer; scripted modules have their own beside it."""
        import slicer

        return slicer.vtkSlicerScriptedLoadableModuleLogic()

    def widgetRepresentation(self) -> qSlicerScriptedLoadableModuleWidget:
        if self._widget is None:
            self.__dict__["_widget"] = self.createNewWidgetRepresentation()
        return self._widget

    def createNewWidgetRepresentation(self) -> qSlicerScriptedLoadableModuleWidget:
        import slicer

        widget = qSlicerScriptedLoadableModuleWidget(self)
        widget.setMRMLScene(slicer.mrmlScene)
        widget.reload()
        return widget


@seal
class qSlicerScriptedLoadableModuleWidget(SceneWidget):
    """The C++ side of a panel: what ``self.parent`` is in the module's widget class."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self._module = module
        self._python: Any = None
        self._entered = False
        self.setLayout(QVBoxLayout())
        self.objectName = f"{module.name}ModuleWidget"

    def self(self) -> Any:
        return self._python

    def reload(self) -> None:
        """Make the Python object anew from the module that is in ``sys.modules`` now, and set it up."""
        import slicer

        name = self._module.name
        self._python = getattr(sys.modules[name], name + "Widget")(self)
        setattr(slicer.modules, name + "Widget", self._python)
        self._python.setup()

    def _call(self, name: str) -> None:
        method = getattr(self._python, name, None)
        if method is not None:
            method()

    def enter(self) -> None:
        self._entered = True
        self._call("enter")

    def exit(self) -> None:
        self._entered = False
        self._call("exit")

    isEntered = Property(bool, lambda self: self._entered)


def load_scripted_module(name: str, file: Path) -> qSlicerScriptedLoadableModule:
    """Run a module's file as Slicer's factory does, and make its module object."""
    import slicer

    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(file)
    python_module = importlib.util.module_from_spec(spec)
    sys.modules[name] = python_module
    spec.loader.exec_module(python_module)
    module = qSlicerScriptedLoadableModule(name, file)
    module._instance = getattr(python_module, name)(module)
    slicer.modules.put(module)
    setattr(slicer.modules, name + "Instance", module._instance)
    return module

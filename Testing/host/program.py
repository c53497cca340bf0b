"""`Host`: one imitated 3D Slicer, from start to exit."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "SyntheticImaging"
# Names that the host puts into the package slicer, or changes there; put back by `Host.close`.
_SLICER_MODULES = ("ScriptedLoadableModule", "parameterNodeWrapper", "i18n", "packaging")
_SLICER_NAMES = ("app", "modules", "mrmlScene", *_SLICER_MODULES)
_MISSING = object()


class _Current:
    """The host of now, for stand-ins that outlive one: panels keep what they imported, as in one run of Slicer."""

    def __init__(self) -> None:
        self.__dict__["host"] = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["host"], name)


_current = _Current()
_made: dict[str, ModuleType] = {}


def _stand_ins() -> dict[str, ModuleType]:
    """The modules that take their places in ``sys.modules``; made once in a process."""
    if not _made:
        from Testing.host import qt_module, slicer_side

        _made["qt"] = sys.modules["qt"] = qt_module.qt_module()
        _made["ctk"] = sys.modules["ctk"] = qt_module.ctk_module()
        _made["SampleData"] = slicer_side.sample_data_module(_current)
        _made["slicer.i18n"] = slicer_side.i18n_module(_current)
        _made["slicer.packaging"] = slicer_side.packaging_module(_current)
        from Testing.host import parameter_nodes, scripted_module

        _made["slicer.ScriptedLoadableModule"] = scripted_module
        _made["slicer.parameterNodeWrapper"] = parameter_nodes
    return _made


class Host:
    """An imitated 3D Slicer; one at a time.

    Attributes:
        scene: the MRML scene.
        answers: what dialogs will be answered, and which were opened.
        errors: exceptions in slots and observers, which Qt and VTK swallow; a test should end with none.
        qt_messages: Qt's own warnings.
        translated: (context, text) of each text that was marked for translation.
        installed: what was asked to be installed (requirements, options).
        sample_sources: what modules registered with Sample Data.
        app, window: ``slicer.app`` and its main window.
    """

    real = False

    def __init__(self, folder: str | Path | None = None) -> None:
        from Testing.host import dialogs
        from Testing.host.answers import Answers
        from Testing.host.pythonqt import make_pythonqt

        make_pythonqt()
        dialogs.replace_dialogs()
        self._own_folder = folder is None
        self.temporary_path = str(folder or tempfile.mkdtemp(prefix="synthetic-imaging-host-"))
        self.answers = Answers()
        dialogs.use(self.answers)
        self.errors: list[str] = []
        self.qt_messages: list[str] = []
        self.translated: list[tuple[str, str]] = []
        self.installed: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        self.missing_packages: set[str] = set()
        self.sample_sources: list[dict[str, Any]] = []
        self.restarts = 0
        self.translation: Callable[[str, str], str] = lambda context, text: text
        self._loaded: list[str] = []
        self._open = True
        _current.__dict__["host"] = self
        self._install()

    # --- coming and going ---

    def _install(self) -> None:
        from Testing.host import application, looks, slicer_side
        from Testing.host.modules import BuiltInModule, Modules
        from Testing.host.views import LayoutManager

        if str(SOURCES) not in sys.path:
            sys.path.insert(0, str(SOURCES))
        import slicer

        from SyntheticImagingLib.headless import HeadlessSlicer

        self._before = {name: vars(slicer).get(name, _MISSING) for name in _SLICER_NAMES}
        self._hook_before = sys.excepthook
        sys.excepthook = self._note_error
        self.app = looks.application()
        self.app.serve(self)
        looks.listen(self.qt_messages)
        looks.settings_in(self.temporary_path)
        self.headless = HeadlessSlicer()
        self.scene = self.headless.scene
        self.modules = Modules()
        for name, logic in self.headless.logics.items():
            self.modules.put(BuiltInModule(name, logic))
        sys.modules.update(_stand_ins())
        slicer.app, slicer.modules, slicer.mrmlScene = self.app, self.modules, self.scene
        self.files = slicer_side.FileManager(self)
        self.layout_manager = LayoutManager(self.headless)
        self.module_manager = application.ModuleManager(self)
        self._add_to_slicer(slicer)
        self.window = application.qSlicerMainWindow(self)

    def _add_to_slicer(self, slicer: Any) -> None:
        from Testing.host import modules
        from Testing.host.qmrml import WIDGETS

        added: dict[str, Any] = {c.__name__: c for c in WIDGETS}
        added["qSlicerScriptedLoadableModule"] = modules.qSlicerScriptedLoadableModule
        added["qSlicerScriptedLoadableModuleWidget"] = modules.qSlicerScriptedLoadableModuleWidget
        for name, value in added.items():
            self._before.setdefault(name, vars(slicer).get(name, _MISSING))
            setattr(slicer, name, value)
        self._before["selfTests"] = _MISSING
        slicer.selfTests = {}
        for name in _SLICER_MODULES:
            setattr(slicer, name, sys.modules[f"slicer.{name}"])
        self._util_before = {"pip_install": slicer.util.pip_install, "pip_uninstall": slicer.util.pip_uninstall}
        slicer.util.pip_install = lambda requirements: self.installed.append(
            ((requirements,) if isinstance(requirements, str) else tuple(requirements), {})
        )
        slicer.util.pip_uninstall = lambda requirements: self.installed.append(((f"- {requirements}",), {}))

    def _note_error(self, kind: Any, value: Any, trace: Any) -> None:
        self.errors.append("".join(traceback.format_exception(kind, value, trace)))
        self._hook_before(kind, value, trace)

    def close(self) -> None:
        """Take down the panels and everything that was put into ``sys.modules`` and ``slicer``."""
        if not self._open:
            return
        self._open = False
        import slicer
        from Testing.host import looks

        for name in self._loaded:
            self.module_manager.moduleAboutToBeUnloaded.emit(name)
        self.spin(seconds=0)
        self.window.close()
        self.window.deleteLater()
        self.layout_manager.close()
        self.spin(seconds=0)
        self.headless.close()
        for name, value in self._before.items():
            if value is _MISSING:
                vars(slicer).pop(name, None)
            else:
                setattr(slicer, name, value)
        for name, value in self._util_before.items():
            setattr(slicer.util, name, value)
        for name in (*_stand_ins(), *self._loaded):
            sys.modules.pop(name, None)
        sys.excepthook = self._hook_before
        looks.listen(None)
        if self._own_folder:
            shutil.rmtree(self.temporary_path, ignore_errors=True)

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- modules ---

    def load(self, name: str, *, file: str | Path | None = None, enter: bool = True) -> Any:
        """Load a scripted module from the repository, show its panel, and give the panel's Python object.

        Without ``enter`` the module is only loaded, as at the start of the program, and the result is its module.
        """
        from Testing.host.modules import load_scripted_module

        path = Path(file) if file is not None else SOURCES / name / f"{name}.py"
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        module = load_scripted_module(name, path)
        self._loaded.append(name)
        self.app.startupCompleted.emit()
        self.app.disconnect("startupCompleted()")
        self.module_manager.moduleLoaded.emit(name)
        if not enter:
            return module
        self.select(name)
        return module.widgetRepresentation().self()

    def unload(self, name: str) -> None:
        """What the end of the program does to a module: its panel's ``cleanup`` is called."""
        self._loaded.remove(name)
        self.module_manager.moduleAboutToBeUnloaded.emit(name)
        self.spin(seconds=0)

    def select(self, name: str) -> None:
        """What the user does in the list of modules."""
        self.window.moduleSelector().selectModule(name)

    def show_module(self, before: str, name: str) -> None:
        """Leave one panel, enter another (called by the module selector)."""
        left, shown = self.modules.by_name(before), self.modules.by_name(name)
        if left is not None and hasattr(left, "_widget") and left._widget is not None:
            left._widget.exit()
            self.window.panel_area.takeWidget()
        if hasattr(shown, "createNewWidgetRepresentation"):
            widget = shown.widgetRepresentation()
            self.window.resize(520, 900)
            self.window.show()
            self.window.panel_area.setWidget(widget)
            widget.show()
            widget.enter()

    def widget(self, name: str) -> Any:
        """The Python object of a loaded module's panel."""
        return self.modules.by_name(name).widgetRepresentation().self()

    def reload(self, widget: Any) -> Any:
        """Press Reload in the developer's section; gives the new Python object."""
        name = widget.moduleName
        widget.onReload()
        return self.widget(name)

    # --- scene ---

    def close_scene(self) -> None:
        """File > Close Scene."""
        self.scene.Clear(False)
        self.spin(seconds=0)

    def save_scene(self, path: str | Path) -> bool:
        """Save the scene: .mrb with its data, .mrml without."""
        here = Path.cwd()
        try:
            if str(path).endswith(".mrb"):
                return bool(self.scene.WriteToMRB(str(path), None))
            self.scene.SetURL(str(path))
            return bool(self.scene.Commit(str(path)))
        finally:
            os.chdir(here)

    def open_scene(self, path: str | Path) -> bool:
        """Open a saved scene in place of what is there."""
        here = Path.cwd()
        try:
            if str(path).endswith(".mrb"):
                return bool(self.scene.ReadFromMRB(str(path), True))
            self.scene.SetURL(str(path))
            return bool(self.scene.Connect())
        finally:
            os.chdir(here)

    def place(self, ras: Sequence[float]) -> None:
        """Click at a place in a slice view while in place mode: a control point for the markups that wait for it."""
        from Testing.host.placing import place

        place(self.scene, ras)

    # --- time ---

    def spin(self, until: Callable[[], Any] | None = None, seconds: float = 10.0) -> bool:
        """Run the event loop until ``until()`` is true, or for so long; says whether it became true.

        With ``until``, running out of time is an AssertionError. Without it the time is simply spent.
        """
        end = time.monotonic() + seconds
        while True:
            self.app.processEvents()
            self.app.sendPostedEvents(None, 52)  # QEvent.DeferredDelete, which processEvents leaves out
            if until is not None and until():
                return True
            if time.monotonic() >= end:
                break
            time.sleep(0.002)
        if until is not None:
            raise AssertionError(f"nothing came of it in {seconds} s" + "".join(f"\n{e}" for e in self.errors[-1:]))
        return False

    # --- pictures ---

    def picture(self, widget: Any, path: str | Path, size: tuple[int, int] = (460, 0)) -> Path:
        """Save a picture of a panel (its Python object, or any widget); height 0: as high as it wants to be."""
        from Testing.host import looks

        return looks.picture(self, widget, Path(path), size)

    # --- for the stand-ins ---

    def ask_translation(self, context: str, text: str) -> str:
        """Note that a text was marked, and give its translation."""
        self.translated.append((context, text))
        return self.translation(context, text)

    def is_installed(self, requirement: Any) -> bool:
        """Whether a package counts as installed; `missing_packages` names what does not."""
        from importlib import metadata

        if requirement.name in self.missing_packages:
            return False
        try:
            return bool(requirement.specifier.contains(metadata.version(requirement.name), prereleases=True))
        except metadata.PackageNotFoundError:
            return False

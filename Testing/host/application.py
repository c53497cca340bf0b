"""``slicer.app``: the application object, its module manager and the main window."""

# ruff: noqa: N801  (the names of what is imitated)
from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property, QObject, QSettings, Signal
from PySide6.QtWidgets import QApplication, QComboBox, QMainWindow, QScrollArea
from Testing.host.pythonqt import make_pythonqt, seal

make_pythonqt()


class qSlicerApplication(QApplication):
    """The application; one in a process, serving one host after the other."""

    startupCompleted = Signal()
    mrmlSceneChanged = Signal(object)
    aboutToQuitNow = Signal()

    def serve(self, host: Any) -> None:
        """From now on answer for this host."""
        self._host = host

    def mrmlScene(self) -> Any:
        return self._host.scene

    def applicationLogic(self) -> Any:
        return self._host.headless.application

    def layoutManager(self) -> Any:
        return self._host.layout_manager

    def moduleManager(self) -> Any:
        return self._host.module_manager

    def coreIOManager(self) -> Any:
        return self._host.files

    ioManager = coreIOManager

    def settings(self) -> QSettings:
        return QSettings()

    def userSettings(self) -> QSettings:
        return QSettings()

    def revisionUserSettings(self) -> QSettings:
        return QSettings("TestingHost", "Revision")

    def testingEnabled(self) -> bool:
        """False: dialogs open and are answered by the test."""
        return False

    def translate(self, context: str, text: str) -> str:
        self._host.translated.append((context, text))
        return str(self._host.translation(context, text))

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def setRenderPaused(self, paused: bool) -> None:
        """Nothing is drawn behind the test's back."""

    def pauseRender(self) -> None:
        """Nothing is drawn behind the test's back."""

    def resumeRender(self) -> None:
        """Nothing is drawn behind the test's back."""

    def restart(self) -> None:
        self._host.restarts += 1

    temporaryPath = Property(str, lambda self: self._host.temporary_path)
    slicerHome = Property(str, lambda self: self._host.temporary_path)
    documentationBaseUrl = Property(str, lambda self: "https://slicer.readthedocs.io/en/latest/")
    majorVersion = Property(int, lambda self: 5)
    minorVersion = Property(int, lambda self: 12)
    revision = Property(str, lambda self: "34000")
    os = Property(str, lambda self: "linux")
    arch = Property(str, lambda self: "amd64")


class FactoryManager(QObject):
    """``moduleManager().factoryManager()``."""

    def __init__(self, host: Any) -> None:
        super().__init__()
        self._host = host
        self._registered: dict[str, str] = {}

    def loadedModuleNames(self) -> list[str]:
        return list(self._host.modules.names())

    def isLoaded(self, name: str) -> bool:
        return name in self._host.modules.names()

    def registerModule(self, file: Any) -> None:
        self._registered[file.baseName()] = file.absoluteFilePath()

    def loadModules(self, names: list[str]) -> bool:
        for name in names:
            self._host.load(name, file=self._registered[name], enter=False)
        return True


class ModuleManager(QObject):
    """``slicer.app.moduleManager()``."""

    moduleAboutToBeUnloaded = Signal(str)
    moduleLoaded = Signal(str)
    moduleUnloaded = Signal(str)

    def __init__(self, host: Any) -> None:
        super().__init__()
        self._host = host
        self._factory = FactoryManager(host)

    def factoryManager(self) -> FactoryManager:
        return self._factory

    def module(self, name: str) -> Any:
        return self._host.modules.by_name(name)

    def modulesNames(self) -> list[str]:
        return list(self._host.modules.names())


@seal
class qSlicerModuleSelectorToolBar(QComboBox):
    """The list of modules in the tool bar."""

    moduleSelected = Signal(str)

    def __init__(self, host: Any) -> None:
        super().__init__()
        self._host = host
        self._selected = ""

    def selectModule(self, name: str) -> None:
        if self._host.modules.by_name(name) is None:
            return  # Slicer only warns
        if name != self._selected:
            before, self._selected = self._selected, name
            self._host.show_module(before, name)
            self.moduleSelected.emit(name)

    selectedModule = Property(str, lambda self: self._selected)


class qSlicerMainWindow(QMainWindow):
    """The window that the panels' scroll area stands in; it is never shown on a screen."""

    def __init__(self, host: Any) -> None:
        super().__init__()
        self.objectName = "qSlicerMainWindow"
        self._selector = qSlicerModuleSelectorToolBar(host)
        self._selector.setParent(self)
        self.panel_area = QScrollArea()
        self.panel_area.widgetResizable = True
        self.setCentralWidget(self.panel_area)

    def moduleSelector(self) -> qSlicerModuleSelectorToolBar:
        return self._selector

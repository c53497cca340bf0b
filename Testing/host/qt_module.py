"""The modules ``qt`` and ``ctk`` as 3D Slicer's Python has them, from what this host can imitate."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from Testing.host.pythonqt import MODULES, make_pythonqt

# Names that PySide6 has and PythonQt has not: a panel that used them would fail in Slicer.
NOT_IN_PYTHONQT = frozenset(
    {
        "Signal", "SignalInstance", "Slot", "Property", "QEnum", "QFlag", "ClassInfo", "SIGNAL", "SLOT", "Connection",
        "QtCore", "QtGui", "QtWidgets", "QThreadPool", "QRunnable", "qVersion", "qDebug", "qWarning", "qCritical",
        "qApp", "qInfo",
    }
)  # fmt: skip


class NamesModule(ModuleType):
    """A module whose unknown names are refused with a sentence that says whose they would be."""

    def __init__(self, name: str, names: dict[str, Any], doc: str) -> None:
        super().__init__(name, doc)
        self.__dict__.update(names)
        self.__dict__["__all__"] = sorted(names)

    def __getattr__(self, name: str) -> Any:
        if name in NOT_IN_PYTHONQT:
            raise AttributeError(f"module '{self.__name__}' has no '{name}': PySide6 has it, PythonQt has not")
        raise AttributeError(f"module '{self.__name__}' has no '{name}' (or Testing/host does not imitate it)")


def qt_module() -> ModuleType:
    """A new module ``qt``."""
    from Testing.host.ui_loader import UiLoader

    make_pythonqt()
    names: dict[str, Any] = {}
    for module in MODULES:
        for name in dir(module):
            if not name.startswith("_") and name not in NOT_IN_PYTHONQT:
                names[name] = getattr(module, name)
    names["QUiLoader"] = UiLoader
    return NamesModule("qt", names, "Stand-in for PythonQt's module qt.")


def ctk_module() -> ModuleType:
    """A new module ``ctk``."""
    make_pythonqt()
    from Testing.host.ctk_boxes import BOXES
    from Testing.host.ctk_numbers import NUMBERS
    from Testing.host.ctk_paths import PATHS

    return NamesModule("ctk", {c.__name__: c for c in (*BOXES, *NUMBERS, *PATHS)}, "Stand-in for the module ctk.")

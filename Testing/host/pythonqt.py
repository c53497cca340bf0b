"""PySide6 in the manner of PythonQt: properties are attributes, signals connect by their text, no new attributes.

The classes of PySide6 themselves are changed, once in a process and for good: so objects that Qt makes inside C++
(a header of a table, a widget of a .ui file) behave like those that Python makes.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from types import MethodType, ModuleType
from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtSvg, QtSvgWidgets, QtUiTools, QtWidgets

MODULES: tuple[ModuleType, ...] = (QtCore, QtGui, QtWidgets, QtUiTools, QtSvg, QtSvgWidgets)

# The host's own widget classes: what PythonQt calls their signals -> the name of the signal in Python.
_signal_names: dict[type, dict[str, str]] = {}
_connections: dict[int, list[tuple[str, Any, Any]]] = {}
_sealed: set[type] = set()
_done = False


class QtProperty:
    """A Qt property as a Python attribute; on the class it stays the method of that name."""

    def __init__(self, name: str, method: Any, read: Callable[[Any], Any], write: Callable[[Any, Any], Any] | None):
        self.name = name
        self._method = method
        self._read = read
        self._write = write

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self if self._method is None else self._method
        return self._read(instance)

    def __set__(self, instance: Any, value: Any) -> None:
        if self._write is None:
            raise AttributeError(f"Property '{self.name}' of {type(instance).__name__} object is not writable")
        self._write(instance, value)


def qt_classes() -> Iterator[type]:
    """All classes of Qt objects that a panel can meet, base classes first."""
    seen: set[type] = set()
    for module in MODULES:
        for name in dir(module):
            found = getattr(module, name)
            if isinstance(found, type) and issubclass(found, QtCore.QObject):
                seen.add(found)
    yield from sorted(seen, key=lambda c: len(c.__mro__))


def make_pythonqt() -> None:
    """Change PySide6's classes; safe to call again."""
    global _done
    if _done:
        return
    _done = True
    for qt_class in list(qt_classes()):
        _give_properties(qt_class)
        _seal(qt_class)
        _give_connections(qt_class)
    _give_object_manners()
    _give_old_names()


def _give_properties(qt_class: Any) -> None:
    meta = qt_class.staticMetaObject
    inherited = meta.propertyOffset()
    for index in range(meta.propertyCount()):
        described = meta.property(index)
        name = described.name()
        if name.startswith("_q_") or (index < inherited and name not in qt_class.__dict__):
            continue
        if isinstance(qt_class.__dict__.get(name), QtProperty):
            continue
        write = _writer(qt_class, name) if described.isWritable() else None
        setattr(qt_class, name, QtProperty(name, getattr(qt_class, name, None), _reader(qt_class, name), write))


def _reader(qt_class: Any, name: str) -> Callable[[Any], Any]:
    if name != "singleShot":  # the static method of QTimer has the name of the property
        for getter in (name, "is" + name[0].upper() + name[1:]):
            method = getattr(qt_class, getter, None)
            if isinstance(inspect.getattr_static(qt_class, getter, None), staticmethod):
                return lambda _instance, call=method: call()
            if callable(method) and not isinstance(method, type):
                return method
    plain = QtCore.QObject.property
    return lambda instance: plain(instance, name)


def _writer(qt_class: Any, name: str) -> Callable[[Any, Any], Any]:
    setter = "set" + name[0].upper() + name[1:]
    method = getattr(qt_class, setter, None)
    if isinstance(inspect.getattr_static(qt_class, setter, None), staticmethod):
        return lambda _instance, value: method(value)
    if method is not None:
        return method
    plain = QtCore.QObject.setProperty
    return lambda instance, value: plain(instance, name, value)


def _seal(qt_class: Any) -> None:
    _sealed.add(qt_class)
    qt_class.__setattr__ = _set_attribute


def seal(host_class: type) -> type:
    """Refuse new attributes on a widget class of the host too, but for its own, which start with ``_``."""
    _sealed.add(host_class)
    return host_class


def _set_attribute(self: Any, name: str, value: Any) -> None:
    """Setting what a class does not have is refused, as PythonQt refuses it; subclasses in Python stay open."""
    kind = type(self)
    there = next((k.__dict__[name] for k in kind.__mro__ if name in k.__dict__), None)
    if isinstance(there, QtCore.Property):
        if there.fset is None:
            raise AttributeError(f"Property '{name}' of {kind.__name__} object is not writable")
        there.fset(self, value)
        return
    keeps_signal = isinstance(value, QtCore.SignalInstance)  # PySide does that itself at first use
    own = name.startswith("_") and not kind.__module__.startswith("PySide6")
    if kind in _sealed and not keeps_signal and not own:
        if there is None:
            raise AttributeError(
                f"Attribute '{name}' does not exist on {kind.__name__} and creation of new attributes on C++ "
                "objects is not allowed"
            )
        if not hasattr(type(there), "__set__"):
            raise AttributeError(f"Slot or signal '{name}' of {kind.__name__} can not be overwritten")
    # Python refuses the setter of any class in between.
    shiboken6.Object.__setattr__(self, name, value)


def has_property(widget_class: type, name: str) -> bool:
    """Whether the class declares a Qt property of that name."""
    found = next((k.__dict__[name] for k in widget_class.__mro__ if name in k.__dict__), None)
    return isinstance(found, QtProperty | QtCore.Property)


def signal_names(names: dict[str, str] | None = None, **types: str) -> Callable[[type], type]:
    """Class decorator: what C++ calls the signals of a host's class.

    ``@signal_names(valueChanged="double")``, or in full where two signals share a name:
    ``@signal_names({"currentNodeChanged(bool)": "_valid_changed"})``.
    """

    def decorate(host_class: type) -> type:
        _signal_names[host_class] = {f"{name}({kind})": name for name, kind in types.items()} | (names or {})
        return host_class

    return decorate


# --- signals by their text ---------------------------------------------------------------------------------------


def accepted_arguments(slot: Callable[..., Any], offered: int) -> int:
    """With how many of ``offered`` arguments PythonQt would call ``slot``."""
    try:
        parameters = inspect.signature(slot).parameters.values()
    except (TypeError, ValueError):
        return offered
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return offered
    return min(offered, sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters))


def _find_signal(sender: Any, text: str) -> tuple[str, int]:
    """PySide's text of a signal that PythonQt knows by ``text``, and its number of arguments."""
    wanted = QtCore.QMetaObject.normalizedSignature(text).toStdString() if "(" in text else text
    arguments = wanted[wanted.find("(") + 1 : wanted.rfind(")")]
    count = len(arguments.split(",")) if arguments else 0
    meta = sender.metaObject()
    for kind in type(sender).__mro__:
        name = _signal_names.get(kind, {}).get(wanted)
        if name is not None:
            for index in range(meta.methodCount()):
                method = meta.method(index)
                if method.methodType() == QtCore.QMetaMethod.MethodType.Signal and method.name() == name.encode():
                    return method.methodSignature().toStdString(), count
    if "(" not in text or meta.indexOfSignal(wanted) < 0:
        raise RuntimeError(f"QObject::connect() signal '{text}' does not exist on {type(sender).__name__}")
    return wanted, count


_plain_connect = QtCore.QObject.connect
_plain_disconnect = QtCore.QObject.disconnect


def _connect(self: Any, *arguments: Any) -> Any:
    """``sender.connect("clicked(bool)", slot)``, or with a receiver and the text of its slot."""
    if isinstance(arguments[0], QtCore.QObject):  # PySide's own call for signal.connect(slot)
        return _plain_connect(*arguments)
    text, slot = arguments[0], arguments[1]
    if len(arguments) == 3:
        slot = getattr(slot, arguments[2].split("(")[0])
    if not callable(slot):
        raise TypeError(f"{slot!r} is not callable; it cannot be connected to {text}")
    signal, count = _find_signal(self, text)
    taken = accepted_arguments(slot, count)

    def call(*values: Any) -> None:
        slot(*values[:taken])

    _plain_connect(self, "2" + signal, call)
    _remember(self, signal, slot, call)
    return True


def _disconnect(self: Any, *arguments: Any) -> Any:
    """``sender.disconnect("clicked(bool)", slot)``, or without a slot for all of that signal."""
    if not arguments:
        return _plain_disconnect(self, None, None, None)
    if isinstance(arguments[0], QtCore.QObject):
        return _plain_disconnect(*arguments)
    signal, _ = _find_signal(self, arguments[0])
    known = _connections.get(shiboken6.getCppPointer(self)[0], [])
    found = [c for c in known if c[0] == signal and (len(arguments) < 2 or c[1] == arguments[1])]
    for connection in found:
        _plain_disconnect(self, "2" + signal, connection[2])
        known.remove(connection)
    return bool(found)


def _give_connections(qt_class: Any) -> None:
    # PySide answers for these two names of an instance in C++, before it looks at the class.
    plain = qt_class.__getattribute__
    if getattr(plain, "of_this_host", False):
        return

    def get_attribute(self: Any, name: str) -> Any:
        if name == "connect":
            return MethodType(_connect, self)
        if name == "disconnect":
            return MethodType(_disconnect, self)
        return plain(self, name)

    get_attribute.of_this_host = True
    qt_class.__getattribute__ = get_attribute


def _give_object_manners() -> None:
    qobject: Any = QtCore.QObject
    qobject.connect = _connect
    qobject.disconnect = _disconnect
    qobject.name = QtProperty("name", None, lambda o: o.objectName, lambda o, value: o.setObjectName(value))
    qobject.className = lambda self: type(self).__name__
    qobject.__bool__ = lambda self: shiboken6.isValid(self)


def _remember(sender: Any, signal: str, slot: Any, call: Any) -> None:
    address = shiboken6.getCppPointer(sender)[0]
    if address not in _connections:
        _connections[address] = []

        def forget() -> None:
            _connections.pop(address, None)

        sender.destroyed.connect(forget)
    _connections[address].append((signal, slot, call))


def _give_old_names() -> None:
    """Names that PythonQt has and PySide6 gave up."""
    for qt_class in (QtWidgets.QDialog, QtWidgets.QMenu, QtCore.QEventLoop, QtGui.QDrag):
        if "exec_" not in qt_class.__dict__ and hasattr(qt_class, "exec"):
            qt_class.exec_ = qt_class.exec


def qt_is_used_elsewhere() -> bool:
    """Whether somebody else made the application: then its class is not ours."""
    return "PySide6" in sys.modules and QtWidgets.QApplication.instance() is not None

"""Loads the panels' real .ui files with the host's widgets; what a class has not, or nobody knows, is refused."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

from PySide6 import QtCore, QtUiTools, QtWidgets
from Testing.host.pythonqt import has_property

_SHORTCUTS_OF_DESIGNER = {"Line": "QFrame"}
_NO_REAL_PROPERTY = {"buddy"}
_CONTAINERS = ("widget", "layout", "item", "ui")


class UiFileError(RuntimeError):
    """A .ui file that Slicer, or this host, could not load as it is meant."""


def host_classes() -> dict[str, type]:
    """Widget classes of the host by the name that .ui files use."""
    import ctk
    import slicer

    found = {n: c for n, c in vars(ctk).items() if isinstance(c, type)}
    found.update(
        (n, c)
        for n, c in vars(slicer).items()
        if n.startswith(("qMRML", "qSlicer")) and isinstance(c, type) and issubclass(c, QtWidgets.QWidget)
    )
    return found


class UiLoader(QtUiTools.QUiLoader):
    """``qt.QUiLoader``: makes host widgets where a .ui file names CTK's or Slicer's."""

    def load(self, device: Any, parent: Any = None) -> Any:
        """The widget that the file describes."""
        name = device.fileName() if hasattr(device, "fileName") else "the .ui file"
        if not device.isOpen() and not device.open(QtCore.QIODevice.OpenModeFlag.ReadOnly):
            raise UiFileError(f"{name} cannot be opened")
        try:
            tree = ElementTree.fromstring(bytes(device.readAll().data()))
        except ElementTree.ParseError as error:
            raise UiFileError(f"{name}: {error}") from None
        classes = host_classes()
        _check(tree, classes, name)
        connections = _take_connections(tree)
        flags = _take_flags(tree, classes)
        self._classes = classes
        self._made: list[Any] = []
        self._failed: list[Exception] = []
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(tree, encoding="utf-8"))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        widget: Any = super().load(buffer, parent)
        if self._failed:
            raise self._failed[0]
        if widget is None:
            raise UiFileError(f"{name}: {self.errorString()}")
        for owner, property_name, value in flags:
            setattr(_find(widget, owner), property_name, value)
        for sender, signal, receiver, slot in connections:
            _find(widget, sender).connect(signal, _find(widget, receiver), slot)
        return widget

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        """Called by Qt for each widget of the file."""
        host_class = self._classes.get(class_name)
        if host_class is None:
            return super().createWidget(class_name, parent, name)
        try:
            widget: Any = host_class(parent)
            widget.objectName = name
        except Exception as error:  # an exception must not pass through Qt
            self._failed.append(error)
            widget = QtWidgets.QWidget(parent)
        self._made.append(widget)  # Qt takes it over only after this returns
        return widget


def _class_of(class_name: str, classes: dict[str, type]) -> Any:
    name = _SHORTCUTS_OF_DESIGNER.get(class_name, class_name)
    return classes.get(name) or getattr(QtWidgets, name, None)


def _check(tree: ElementTree.Element, classes: dict[str, type], file: str) -> None:
    names: set[str] = set()
    for widget in tree.iter("widget"):
        class_name, name = widget.get("class", ""), widget.get("name", "")
        found = _class_of(class_name, classes)
        if found is None:
            raise UiFileError(f"{file}: '{name}' is a {class_name}, which this host does not know")
        if name in names:
            raise UiFileError(f"{file}: two widgets are named '{name}'")
        names.add(name)
        for described in widget.findall("property"):
            property_name = described.get("name", "")
            if described.get("stdset") == "0" or property_name in _NO_REAL_PROPERTY:
                continue
            if not has_property(found, property_name):
                raise UiFileError(f"{file}: {class_name} '{name}' has no property '{property_name}'")


def _take_connections(tree: ElementTree.Element) -> list[tuple[str, str, str, str]]:
    found = []
    for block in tree.findall("connections"):
        for connection in block.findall("connection"):
            texts = [connection.findtext(part, "") for part in ("sender", "signal", "receiver", "slot")]
            found.append((texts[0], texts[1], texts[2], texts[3]))
        tree.remove(block)
    return found


def _take_flags(tree: ElementTree.Element, classes: dict[str, type]) -> list[tuple[str, str, int]]:
    """Values of enumerations that the host's own classes define; Qt cannot know them."""
    found = []
    for widget in tree.iter("widget"):
        for described in widget.findall("property"):
            text = described.findtext("set") or described.findtext("enum") or ""
            parts = [part.split("::") for part in text.split("|") if part]
            if parts and all(len(p) == 2 and p[0] in classes for p in parts):
                value = 0
                for owner, name in parts:
                    value |= int(getattr(classes[owner], name))
                found.append((widget.get("name", ""), described.get("name", ""), value))
                widget.remove(described)
    return found


def _find(root: Any, name: str) -> Any:
    if root.objectName == name:
        return root
    found = root.findChild(QtCore.QObject, name)
    if found is None:
        raise UiFileError(f"a connection names '{name}', which is not in the file")
    return found

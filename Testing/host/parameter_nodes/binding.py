"""Which widget can show which type: by the widget's exact class, as in Slicer."""

from __future__ import annotations

import enum
import pathlib
from dataclasses import dataclass
from typing import Any

from Testing.host.parameter_nodes.rules import (
    Choice,
    Maximum,
    Minimum,
    WithinRange,
    bare_type,
    first_note,
    node_classes,
)


@dataclass(frozen=True)
class Decimals:
    """How many decimals a spin box shows."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """How far one step goes."""

    value: float


class GuiConnector:
    """Base of connectors; Slicer lets modules register their own."""

    signal = ""

    def __init__(self) -> None:
        self._callback: Any = None

    def onChanged(self, callback: Any) -> None:
        """From now on call this when the user changes the widget; None ends it."""
        if callback is None:
            if self._callback is not None:
                self._disconnect()
        else:
            self._connect()
        self._callback = callback

    def changed(self) -> None:
        if self._callback is not None:
            self._callback()

    def _connect(self) -> None:
        getattr(self.widget(), self.signal).connect(self.changed)

    def _disconnect(self) -> None:
        getattr(self.widget(), self.signal).disconnect(self.changed)

    def widget(self) -> Any:
        raise NotImplementedError

    def read(self) -> Any:
        raise NotImplementedError

    def write(self, value: Any) -> None:
        raise NotImplementedError


_registered: list[Any] = []


def parameterNodeGuiConnector(classtype: Any = None) -> Any:
    """Class decorator that registers a connector of a module's own."""

    def register(found: Any) -> Any:
        _registered.append(found)
        return found

    return register if classtype is None else register(classtype)


class _Attribute(GuiConnector):
    """The value is an attribute of the widget."""

    def __init__(self, widget: Any, signal: str, attribute: str, kind: Any = None) -> None:
        super().__init__()
        self._widget, self.signal, self._attribute, self._kind = widget, signal, attribute, kind

    def widget(self) -> Any:
        return self._widget

    def read(self) -> Any:
        value = getattr(self._widget, self._attribute)
        return value if self._kind is None else self._kind(value)

    def write(self, value: Any) -> None:
        setattr(self._widget, self._attribute, value if self._kind is None else str(value))


class _Listed(GuiConnector):
    """The value is one of a combo box's rows, which the connector fills."""

    signal = "currentIndexChanged"

    def __init__(self, widget: Any, choices: list[Any], labels: list[str]) -> None:
        super().__init__()
        self._widget, self._choices = widget, choices
        widget.clear()
        for label in labels:
            widget.addItem(label)

    def widget(self) -> Any:
        return self._widget

    def read(self) -> Any:
        return self._choices[self._widget.currentIndex]

    def write(self, value: Any) -> None:
        if value not in self._choices:
            raise ValueError(f"Unable to find value {value!r} in choices {self._choices}")
        self._widget.currentIndex = self._choices.index(value)


class _PlainText(GuiConnector):
    signal = "textChanged"

    def __init__(self, widget: Any) -> None:
        super().__init__()
        self._widget = widget

    def widget(self) -> Any:
        return self._widget

    def read(self) -> Any:
        return self._widget.toPlainText()

    def write(self, value: Any) -> None:
        self._widget.setPlainText(value)


class _NodeChosen(GuiConnector):
    signal = "currentNodeChanged"

    def __init__(self, widget: Any, classes: list[Any]) -> None:
        super().__init__()
        self._widget = widget
        widget.nodeTypes = [c.__name__ for c in classes]

    def widget(self) -> Any:
        return self._widget

    def read(self) -> Any:
        return self._widget.currentNode()

    def write(self, value: Any) -> None:
        self._widget.setCurrentNode(value)


class _PackShown(GuiConnector):
    """A pack whose members are shown by children that say which (``SlicerPackParameterName``)."""

    def __init__(self, widget: Any, kind: Any, parts: dict[str, GuiConnector]) -> None:
        super().__init__()
        self._widget, self._kind, self._parts = widget, kind, parts

    def _connect(self) -> None:
        for part in self._parts.values():
            part.onChanged(self.changed)

    def _disconnect(self) -> None:
        for part in self._parts.values():
            part.onChanged(None)

    def widget(self) -> Any:
        return self._widget

    def read(self) -> Any:
        return self._kind(**{name: part.read() for name, part in self._parts.items()})

    def write(self, value: Any) -> None:
        for name, part in self._parts.items():
            part.write(getattr(value, name))


def createGuiConnector(widget: Any, datatype: Any) -> GuiConnector:
    """The connector between a widget and a type; raises where Slicer has none."""
    import ctk
    import qt
    import slicer
    from Testing.host.parameter_nodes.packs import isParameterPack

    for registered in _registered:
        if registered.canRepresent(widget, datatype):
            return registered.create(widget, datatype)
    kind, shown = bare_type(datatype), type(widget)
    if kind is bool and shown is qt.QCheckBox:
        return _Attribute(widget, "stateChanged", "checked")
    if kind is bool and shown is qt.QPushButton:
        widget.checkable = True
        return _Attribute(widget, "toggled", "checked")
    if kind is int and shown in (qt.QSlider, qt.QSpinBox):
        _limit(widget, datatype, shown is qt.QSlider, -(2**31), 2**31 - 1)
        return _Attribute(widget, "valueChanged", "value")
    if kind is float and shown in (qt.QDoubleSpinBox, ctk.ctkSliderWidget):
        _limit(widget, datatype, shown is ctk.ctkSliderWidget, float("-inf"), float("inf"))
        return _Attribute(widget, "valueChanged", "value")
    if shown is qt.QComboBox and kind in (int, float, str, bool):
        choice = first_note(datatype, Choice)
        if choice is None:
            raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
        return _Listed(widget, list(choice.choices), [str(c) for c in choice.choices])
    if shown is qt.QComboBox and isinstance(kind, type) and issubclass(kind, enum.Enum):
        label = getattr(kind, "label", lambda member: member.name)
        return _Listed(widget, list(kind), [label(member) for member in kind])
    if kind is str and shown is qt.QLineEdit:
        return _Attribute(widget, "textChanged", "text")
    if kind is str and shown is qt.QTextEdit:
        return _PlainText(widget)
    if isinstance(kind, type) and issubclass(kind, pathlib.PurePath):
        if shown is ctk.ctkPathLineEdit:
            return _Attribute(widget, "currentPathChanged", "currentPath", kind)
        if shown is ctk.ctkDirectoryButton:
            return _Attribute(widget, "directoryChanged", "directory", kind)
    if shown is slicer.qMRMLNodeComboBox and node_classes(datatype):
        return _NodeChosen(widget, node_classes(datatype))
    if isParameterPack(kind):
        children = {c.property("SlicerPackParameterName"): c for c in widget.findChildren(qt.QWidget)}
        if set(kind.allParameters) <= set(children):
            parts = {n: createGuiConnector(children[n], kind.dataType(n)) for n in kind.allParameters}
            return _PackShown(widget, kind, parts)
    raise RuntimeError(f"Unable to create GUI connector from datatype '{datatype}' to widget type '{shown}'")


def _limit(widget: Any, datatype: Any, must_be_bounded: bool, lowest: float, highest: float) -> None:
    for note, attribute in ((Decimals, "decimals"), (SingleStep, "singleStep")):
        found = first_note(datatype, note)
        if found is not None:
            setattr(widget, attribute, found.value)
    within = first_note(datatype, WithinRange)
    low, high = first_note(datatype, Minimum), first_note(datatype, Maximum)
    if must_be_bounded and within is None and (low is None or high is None):
        raise RuntimeError("Cannot have a connection to a slider where the type is unbounded.")
    widget.minimum = within.minimum if within else low.minimum if low else lowest
    widget.maximum = within.maximum if within else high.maximum if high else highest

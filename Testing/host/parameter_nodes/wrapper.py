"""The class decorator ``parameterNodeWrapper``."""

from __future__ import annotations

from typing import Any, get_type_hints

from Testing.host.parameter_nodes.binding import GuiConnector, createGuiConnector
from Testing.host.parameter_nodes.packs import default_of
from Testing.host.parameter_nodes.rules import Default, Validator, bare_type, notes_of
from Testing.host.parameter_nodes.storing import Serializer, serializer_for
from vtkmodules.vtkCommonCore import vtkCommand

SlicerParameterNamePropertyName = "SlicerParameterName"


def parameterNodeWrapper(classtype: Any = None) -> Any:
    """Class decorator: annotated members become typed values in a parameter node."""
    return _make if classtype is None else _make(classtype)


def isParameterNodeWrapper(found: Any) -> bool:
    """Whether it is a wrapper, or one's class."""
    return bool(getattr(found, "_is_parameter_node_wrapper", False))


def _make(owner: Any) -> Any:
    hints = get_type_hints(owner, include_extras=True)
    parameters: dict[str, tuple[Any, Serializer, Default]] = {}
    for name, hint in hints.items():
        if hasattr(_Wrapper, name):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        unused = [n for n in notes_of(hint) if not isinstance(n, Validator | Default | Serializer | _gui_notes())]
        if unused:
            raise ValueError(f"{owner.__name__}.{name} has annotations that mean nothing: {unused}")
        serializer = serializer_for(hint)
        parameters[name] = (hint, serializer, default_of(owner, name, hint, serializer))
    members: dict[str, Any] = {k: v for k, v in vars(owner).items() if k not in ("__dict__", "__weakref__", *hints)}
    for name in hints:
        members[name] = _member(name)
    members["allParameters"] = parameters
    made = type(owner.__name__, (_Wrapper, *owner.__bases__), members)
    made.__qualname__ = owner.__qualname__
    return made


def _gui_notes() -> Any:
    from Testing.host.parameter_nodes.binding import Decimals, SingleStep

    return Decimals | SingleStep


def _member(name: str) -> property:
    return property(lambda self: self.getValue(name), lambda self, value: self.setValue(name, value))


class _Wrapper:
    _is_parameter_node_wrapper = True
    allParameters: dict[str, tuple[Any, Serializer, Default]]

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._prefix = prefix or ""
        self._connected: dict[int, dict[str, GuiConnector]] = {}
        self._observers: dict[int, int] = {}
        self._next = 0
        self._updating = False
        for name, (_, serializer, default) in self.allParameters.items():
            if not serializer.isIn(parameterNode, self._prefix + name):
                serializer.write(parameterNode, self._prefix + name, default.value)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def _known(cls, name: str) -> tuple[str, str]:
        top, _, rest = name.partition(".")
        if top not in cls.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {top}; there are {list(cls.allParameters)}")
        return top, rest

    @classmethod
    def dataType(cls, name: str) -> Any:
        top, rest = cls._known(name)
        hint = cls.allParameters[top][0]
        return bare_type(hint).dataType(rest) if rest else hint

    def default(self, name: str) -> Default:
        return self.allParameters[self._known(name)[0]][2]

    def isCached(self, name: str) -> bool:
        self._known(name)
        return False

    def getValue(self, name: str) -> Any:
        top, rest = self._known(name)
        _, serializer, default = self.allParameters[top]
        if not serializer.isIn(self.parameterNode, self._prefix + top):
            serializer.write(self.parameterNode, self._prefix + top, default.value)
        value = serializer.read(self.parameterNode, self._prefix + top)
        return value.getValue(rest) if rest else value

    def setValue(self, name: str, value: Any) -> None:
        top, rest = self._known(name)
        if rest:
            self.getValue(top).setValue(rest, value)
            return
        was = self.parameterNode.StartModify()
        try:
            self.allParameters[top][1].write(self.parameterNode, self._prefix + top, value)
        finally:
            self.parameterNode.EndModify(was)

    # --- widgets ---

    def connectGui(self, gui: Any) -> None:
        """Bind all widgets that say ``SlicerParameterName``: of a widget's children, or of a loaded .ui's variables.

        As in Slicer (all versions seen) this returns nothing, so that ``disconnectGui(connectGui(...))`` does not
        disconnect; `connectParametersToGui` does return a tag.
        """
        import qt

        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(qt.QWidget) if is_widget else list(vars(gui).values())
        found = {}
        for widget in widgets:
            name = widget.property(SlicerParameterNamePropertyName)
            if name:
                found[name] = widget
        self.connectParametersToGui(found)

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        """Bind widgets by name of the parameter; gives a tag for `disconnectGui`."""
        for name in mapping:
            self._known(name)
        connectors = {
            name: shown if isinstance(shown, GuiConnector) else createGuiConnector(shown, self.dataType(name))
            for name, shown in mapping.items()
        }
        self._next += 1
        tag = self._next
        self._connected[tag] = connectors
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.onChanged(self._follow(name, connector))
        self._observers[tag] = self.parameterNode.AddObserver(vtkCommand.ModifiedEvent, lambda *_: self._show())
        return tag

    def disconnectGui(self, tag: int | None) -> None:
        """Undo one `connectParametersToGui`; an unknown tag is ignored."""
        if tag is None:
            return
        for connector in self._connected.pop(tag, {}).values():
            connector.onChanged(None)
        if tag in self._observers:
            self.parameterNode.RemoveObserver(self._observers.pop(tag))

    def _follow(self, name: str, connector: GuiConnector) -> Any:
        def read_widget() -> None:
            if not self._updating:
                self.setValue(name, connector.read())

        return read_widget

    def _show(self) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            for connectors in list(self._connected.values()):
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        finally:
            self._updating = False

    # --- like a node ---

    def StartModify(self) -> Any:
        return self.parameterNode.StartModify()

    def EndModify(self, was: Any) -> Any:
        return self.parameterNode.EndModify(was)

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def findChildWidgetForParameter(widget: Any, parameter: str) -> Any:
    """The child that is bound to a parameter, or None."""
    import qt

    for child in widget.findChildren(qt.QWidget):
        if child.property(SlicerParameterNamePropertyName) == parameter:
            return child
    return None

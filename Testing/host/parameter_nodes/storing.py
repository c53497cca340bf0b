"""How values become text in a vtkMRMLScriptedModuleNode; nodes become node references, enums their names."""

from __future__ import annotations

import collections.abc
import enum
import pathlib
import types
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from Testing.host.parameter_nodes.rules import (
    IsInstance,
    NotNone,
    Validator,
    bare_type,
    node_classes,
    notes_of,
)

_PATHS = (
    pathlib.Path, pathlib.PosixPath, pathlib.WindowsPath,
    pathlib.PurePath, pathlib.PurePosixPath, pathlib.PureWindowsPath,
)  # fmt: skip
_registered: list[Any] = []


class Serializer:
    """Reads and writes one kind of value; Slicer lets modules register their own."""

    def default(self) -> Any:
        raise NotImplementedError

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return bool(parameterNode.HasParameter(name))

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        raise NotImplementedError

    def read(self, parameterNode: Any, name: str) -> Any:
        raise NotImplementedError

    def remove(self, parameterNode: Any, name: str) -> None:
        parameterNode.UnsetParameter(name)


def parameterNodeSerializer(classtype: Any = None) -> Any:
    """Class decorator that registers a serializer of a module's own."""

    def register(found: Any) -> Any:
        _registered.append(found)
        return found

    return register if classtype is None else register(classtype)


class Checked(Serializer):
    """Another serializer, with values validated before they are written."""

    def __init__(self, inner: Serializer, validators: list[Validator]) -> None:
        self.inner, self.validators = inner, validators

    def default(self) -> Any:
        return self.inner.default()

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return self.inner.isIn(parameterNode, name)

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        for validator in self.validators:
            validator.validate(value)
        self.inner.write(parameterNode, name, value)

    def read(self, parameterNode: Any, name: str) -> Any:
        return self.inner.read(parameterNode, name)

    def remove(self, parameterNode: Any, name: str) -> None:
        self.inner.remove(parameterNode, name)


class _Plain(Serializer):
    _DEFAULTS: ClassVar[dict[Any, Any]] = {int: 0, float: 0, str: "", bool: False}

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def default(self) -> Any:
        return self._DEFAULTS[self.kind] if self.kind in self._DEFAULTS else self.kind()

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        parameterNode.SetParameter(name, str(value))

    def read(self, parameterNode: Any, name: str) -> Any:
        text = parameterNode.GetParameter(name)
        return text == "True" if self.kind is bool else self.kind(text)


class _EnumByName(Serializer):
    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def default(self) -> Any:
        return next(iter(self.kind))

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        parameterNode.SetParameter(name, value.name)

    def read(self, parameterNode: Any, name: str) -> Any:
        return self.kind[parameterNode.GetParameter(name)]


class _Node(Serializer):
    def default(self) -> Any:
        return None

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        # None is a value too: the empty parameter says that somebody wrote one.
        parameterNode.SetParameter(name, "")
        parameterNode.SetNodeReferenceID(name, None if value is None else value.GetID())

    def read(self, parameterNode: Any, name: str) -> Any:
        return parameterNode.GetNodeReference(name)

    def remove(self, parameterNode: Any, name: str) -> None:
        parameterNode.UnsetParameter(name)
        parameterNode.RemoveNodeReferenceIDs(name)


class _Optional(Serializer):
    def __init__(self, inner: Serializer) -> None:
        self.inner = inner

    def default(self) -> Any:
        return None

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return bool(parameterNode.HasParameter(f"{name}_type"))

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        parameterNode.SetParameter(f"{name}_type", "None" if value is None else "value")
        if value is None:
            self.inner.remove(parameterNode, name)
        else:
            self.inner.write(parameterNode, name, value)

    def read(self, parameterNode: Any, name: str) -> Any:
        if parameterNode.GetParameter(f"{name}_type") != "value":
            return None
        return self.inner.read(parameterNode, name)

    def remove(self, parameterNode: Any, name: str) -> None:
        parameterNode.UnsetParameter(f"{name}_type")
        self.inner.remove(parameterNode, name)


class ObservedList(collections.abc.MutableSequence):
    """A list that writes itself into the parameter node when it changes."""

    def __init__(self, node: Any, serializer: _List, name: str, values: list[Any]) -> None:
        self._node, self._serializer, self._name, self._values = node, serializer, name, values

    def _save(self) -> None:
        self._serializer.write(self._node, self._name, self._values)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._values[index] = value
        self._save()

    def __delitem__(self, index: Any) -> None:
        del self._values[index]
        self._save()

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return self._values == (other._values if isinstance(other, ObservedList) else other)

    __hash__ = None

    def insert(self, index: int, value: Any) -> None:
        self._values.insert(index, value)
        self._save()


class _List(Serializer):
    def __init__(self, inner: Serializer) -> None:
        self.inner = inner

    def default(self) -> Any:
        return []

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return bool(parameterNode.HasParameter(f"{name}_len"))

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        before = int(parameterNode.GetParameter(f"{name}_len") or 0)
        was = parameterNode.StartModify()
        for index, item in enumerate(value):
            self.inner.write(parameterNode, f"{name}_{index}", item)
        for index in range(len(value), before):
            self.inner.remove(parameterNode, f"{name}_{index}")
        parameterNode.SetParameter(f"{name}_len", str(len(value)))
        parameterNode.EndModify(was)

    def read(self, parameterNode: Any, name: str) -> Any:
        count = int(parameterNode.GetParameter(f"{name}_len"))
        values = [self.inner.read(parameterNode, f"{name}_{index}") for index in range(count)]
        return ObservedList(parameterNode, self, name, values)

    def remove(self, parameterNode: Any, name: str) -> None:
        self.write(parameterNode, name, [])
        parameterNode.UnsetParameter(f"{name}_len")


def serializer_for(hint: Any) -> Serializer:
    """What stores a type; types that Slicer does not know, or this host does not imitate, are refused."""
    from Testing.host.parameter_nodes.packs import PackSerializer, isParameterPack

    kind = bare_type(hint)
    validators = [n for n in notes_of(hint) if isinstance(n, Validator)]
    own = next((n for n in notes_of(hint) if isinstance(n, Serializer)), None)
    if own is not None:
        return Checked(own, validators)
    for registered in _registered:
        if registered.canSerialize(kind):
            return Checked(registered.create(kind), validators)
    if node_classes(kind):
        return Checked(_Node(), [IsInstance(tuple(node_classes(kind))), *validators])
    if kind in (int, float, str, bool):
        allowed = (int, float) if kind is float else kind
        return Checked(_Plain(kind), [NotNone(), IsInstance(allowed), *validators])
    if kind in _PATHS:
        return Checked(_Plain(kind), [NotNone(), IsInstance(kind), *validators])
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return Checked(_EnumByName(kind), [NotNone(), IsInstance(kind), *validators])
    if isParameterPack(kind):
        return Checked(PackSerializer(kind), [NotNone(), IsInstance(kind), *validators])
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType) and len(parts) == 2 and type(None) in parts:
        inner = next(p for p in parts if p is not type(None))
        return Checked(_Optional(serializer_for(inner)), validators)
    if origin is list:
        return Checked(_List(serializer_for(parts[0])), [NotNone(), *validators])
    raise TypeError(f"Unable to create serializer for type: {kind} (or Testing/host does not imitate it)")


def annotated(kind: Any, notes: tuple[Any, ...]) -> Any:
    """A type with annotations put back."""
    return Annotated[(kind, *notes)] if notes else kind

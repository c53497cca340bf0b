"""Parameter packs: a class of several values that is stored as one parameter, ``name.member`` each."""

from __future__ import annotations

from typing import Any, get_type_hints

from Testing.host.parameter_nodes.rules import Default, bare_type, first_note
from Testing.host.parameter_nodes.storing import Serializer, serializer_for


def isParameterPack(found: Any) -> bool:
    """Whether it is a parameter pack, or one's class."""
    return bool(getattr(found, "_is_parameter_pack", False))


def default_of(owner: Any, name: str, hint: Any, serializer: Serializer) -> Default:
    """The default of an annotated member: by ``=``, by ``Default``, or the type's own."""
    if name in vars(owner):
        return Default(vars(owner)[name])
    noted = first_note(hint, Default)
    if noted is not None:
        return noted
    return Default(generator=serializer.default)


def parameterPack(classtype: Any = None) -> Any:
    """Class decorator for parameter packs."""
    return _make if classtype is None else _make(classtype)


def _make(owner: Any) -> Any:
    hints = get_type_hints(owner, include_extras=True)
    serializers = {name: serializer_for(hint) for name, hint in hints.items()}
    defaults = {name: default_of(owner, name, hint, serializers[name]) for name, hint in hints.items()}

    def init(self: Any, *values: Any, **named: Any) -> None:
        given = dict(zip(hints, values, strict=False)) | named
        unknown = set(given) - set(hints)
        if unknown or len(values) > len(hints):
            raise TypeError(f"{owner.__name__} has no parameter {sorted(unknown)}")
        for name in hints:
            setattr(self, name, given.get(name, defaults[name].value))

    def member(name: str) -> property:
        def write(self: Any, value: Any) -> None:
            for validator in serializers[name].validators:
                validator.validate(value)
            self.__dict__[f"_{name}"] = value
            changed = self.__dict__.get("_changed")
            if changed is not None:
                changed()

        return property(lambda self: self.__dict__[f"_{name}"], write)

    for name in hints:
        setattr(owner, name, member(name))
    owner.__init__ = init
    owner.__eq__ = lambda a, b: type(a) is type(b) and all(getattr(a, n) == getattr(b, n) for n in hints)
    owner.__hash__ = None
    owner._is_parameter_pack = True
    owner.allParameters = {name: (hint, serializers[name]) for name, hint in hints.items()}
    owner.getValue = _get
    owner.setValue = _set
    owner.dataType = classmethod(_data_type)
    return owner


def _get(self: Any, path: str) -> Any:
    top, _, rest = path.partition(".")
    value = getattr(self, top)
    return value.getValue(rest) if rest else value


def _set(self: Any, path: str, value: Any) -> None:
    top, _, rest = path.partition(".")
    if rest:
        getattr(self, top).setValue(rest, value)
    else:
        setattr(self, top, value)


def _data_type(cls: Any, path: str) -> Any:
    top, _, rest = path.partition(".")
    if top not in cls.allParameters:
        raise ValueError(f"{cls.__name__} has no parameter '{top}'")
    hint = cls.allParameters[top][0]
    return bare_type(hint).dataType(rest) if rest else hint


class PackSerializer(Serializer):
    """Stores each member under its dotted name."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def default(self) -> Any:
        return self.kind()

    def isIn(self, parameterNode: Any, name: str) -> bool:
        return all(s.isIn(parameterNode, f"{name}.{m}") for m, (_, s) in self.kind.allParameters.items())

    def write(self, parameterNode: Any, name: str, value: Any) -> None:
        was = parameterNode.StartModify()
        try:
            for member, (_, serializer) in self.kind.allParameters.items():
                serializer.write(parameterNode, f"{name}.{member}", getattr(value, member))
        finally:
            parameterNode.EndModify(was)

    def read(self, parameterNode: Any, name: str) -> Any:
        members = self.kind.allParameters.items()
        value = self.kind(**{m: s.read(parameterNode, f"{name}.{m}") for m, (_, s) in members})
        value.__dict__["_changed"] = lambda: self.write(parameterNode, name, value)
        for member, (_, serializer) in members:  # packs inside packs write through as well
            inner = getattr(value, member)
            if isParameterPack(inner):
                inner.__dict__["_changed"] = lambda s=serializer, m=member, i=inner: s.write(
                    parameterNode, f"{name}.{m}", i
                )
        return value

    def remove(self, parameterNode: Any, name: str) -> None:
        for member, (_, serializer) in self.kind.allParameters.items():
            serializer.remove(parameterNode, f"{name}.{member}")

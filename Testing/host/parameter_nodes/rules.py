"""What a value may be, and what it is before anybody set it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin


class Validator:
    """Refuses a value by raising."""

    def validate(self, value: Any) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class NotNone(Validator):
    """Anything but None."""

    def validate(self, value: Any) -> None:
        if value is None:
            raise ValueError("Value must not be None")


@dataclass(frozen=True)
class IsInstance(Validator):
    """A value of a type (None passes)."""

    classtype: Any

    def validate(self, value: Any) -> None:
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"Value must be of type {self.classtype}, is {value!r} of type {type(value)}")


@dataclass(frozen=True)
class WithinRange(Validator):
    """From a minimum to a maximum, both included."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


@dataclass(frozen=True)
class Minimum(Validator):
    """Not less."""

    minimum: float

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"Value must not be less than {self.minimum}, is {value}")


@dataclass(frozen=True)
class Maximum(Validator):
    """Not more."""

    maximum: float

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"Value must not be more than {self.maximum}, is {value}")


@dataclass(frozen=True)
class Choice(Validator):
    """One of a list."""

    choices: Sequence[Any]

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"Value is {value!r}, but must be one of {self.choices}")


@dataclass(frozen=True)
class Exclude(Validator):
    """None of a list."""

    excludedValues: Sequence[Any]

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            raise ValueError(f"Value is {value!r}, which is excluded")


class Default:
    """The value before anybody set one, or how to make it (``Default(generator=...)``)."""

    def __init__(self, value: Any = None, *, generator: Any = None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator is not None else self._value


def bare_type(hint: Any) -> Any:
    """The type without its annotations."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def notes_of(hint: Any) -> tuple[Any, ...]:
    """The annotations of a type."""
    return tuple(get_args(hint)[1:]) if get_origin(hint) is Annotated else ()


def first_note(hint: Any, kind: type) -> Any:
    """The first annotation of a kind, or None."""
    return next((n for n in notes_of(hint) if isinstance(n, kind)), None)


def node_classes(hint: Any) -> list[Any]:
    """The MRML node classes that a type allows; empty if it is about something else."""
    import types

    import slicer

    kind = bare_type(hint)
    if get_origin(kind) in (Union, types.UnionType):
        parts = [p for p in get_args(kind) if p is not type(None)]
        found = [node_classes(p) for p in parts]
        return [c for part in found for c in part] if all(found) else []
    return [kind] if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode) else []

"""Parameters of a tool: a frozen dataclass whose annotations say what a form, a shell and a page need to know.

    size: Annotated[SizeClass, Label("Size class")] = SizeClass.SMALL
    contrast_hu: Annotated[float, Label("Contrast to organ"), Unit("HU"), Within(-200, 200)] = -55.0
    seed_radius_mm: Annotated[float, Unit("mm"), Within(1, 50), Advanced] = 4.0

Allowed types: bool, int, float, str, Enum of str, and `X | None` of these ("automatic" when None).
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.provenance import file_name


@dataclass(frozen=True)
class Label:
    """What a form shows beside the field: clinical words."""

    text: str


@dataclass(frozen=True)
class Unit:
    """Unit of the number: "mm", "HU", "%"."""

    text: str


@dataclass(frozen=True)
class Within:
    """Allowed range, both ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class Help:
    """One sentence for a tool tip."""

    text: str


class _Advanced:
    """Marks a field that a form folds away."""

    def __repr__(self) -> str:
        return "Advanced"


Advanced = _Advanced()


class _NameOrPath:
    """Marks a text that names something or is the path of a file; records keep the file's name alone."""

    def __repr__(self) -> str:
        return "NameOrPath"


NameOrPath = _NameOrPath()


@dataclass(frozen=True)
class Field:
    """One parameter, as a user interface needs it.

    Attributes:
        name: key in Python, shell (with dashes) and provenance.
        type: bool, int, float, str or an Enum of str.
        optional: whether None ("automatic") is allowed.
        default: the default value.
        label, unit, help: texts; label falls back to the name.
        within: (low, high) or None.
        choices: values of the Enum, else ().
        advanced: whether a form folds it away.
        names_file: whether a text may be the path of a file.
    """

    name: str
    type: type
    optional: bool
    default: Any
    label: str
    unit: str = ""
    help: str = ""
    within: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False
    names_file: bool = False

    def in_words(self, value: Any) -> str:
        """A value of this parameter as a person reads it: "automatic", "yes", "80 HU", "empty"."""
        if value is None:
            return "automatic"
        if self.type is bool:
            return "yes" if value else "no"
        text = f"{value:.10g}" if self.type in (int, float) else str(getattr(value, "value", value))
        return f"{text} {self.unit}".strip() if text else "empty"


def fields_of(parameters: type) -> tuple[Field, ...]:
    """The fields of a parameter dataclass, in order.

    Raises:
        TypeError: if a field has a type or default that no form could show (a mistake of the tool's author).
    """
    return _declared(parameters)


@cache
def _declared(parameters: Any) -> tuple[Field, ...]:
    hints = get_type_hints(parameters, include_extras=True)
    found = []
    for item in dataclasses.fields(parameters):
        if item.default is dataclasses.MISSING:
            raise TypeError(f"{parameters.__name__}.{item.name} needs a default: tools work before they are configured")
        found.append(field_of(item.name, hints[item.name], item.default, parameters.__name__))
    return tuple(found)


def field_of(name: str, annotated: Any, default: Any, where: str) -> Field:
    """One field from its annotation.

    Args:
        name: its name.
        annotated: its type, or ``Annotated`` with `Label`, `Unit`, `Within`, `Help`, `Advanced`.
        default: its default value.
        where: the class's name, for the error.

    Raises:
        TypeError: if the type is none that a form could show.
    """
    marks: tuple[Any, ...] = ()
    if get_origin(annotated) is Annotated:
        annotated, *rest = get_args(annotated)
        marks = tuple(rest)
    kind, optional = _plain_type(annotated, f"{where}.{name}")

    def mark(cls: type) -> Any:
        return next((m for m in marks if isinstance(m, cls)), None)

    label, unit, help_, within = mark(Label), mark(Unit), mark(Help), mark(Within)
    return Field(
        name=name,
        type=kind,
        optional=optional,
        default=default,
        label=label.text if label else name.replace("_", " ").capitalize(),
        unit=unit.text if unit else "",
        help=help_.text if help_ else "",
        within=(within.low, within.high) if within else None,
        choices=tuple(m.value for m in kind) if issubclass(kind, Enum) else (),
        advanced=mark(_Advanced) is not None,
        names_file=mark(_NameOrPath) is not None,
    )


def _plain_type(annotated: Any, where: str) -> tuple[type, bool]:
    optional = False
    if get_origin(annotated) in (typing.Union, types.UnionType):
        members = [a for a in get_args(annotated) if a is not type(None)]
        optional = len(members) < len(get_args(annotated))
        if len(members) != 1:
            raise TypeError(f"{where}: one type, or one type and None")
        annotated = members[0]
    if not isinstance(annotated, type) or not issubclass(annotated, (bool, int, float, str, Enum)):
        raise TypeError(f"{where}: {annotated} is not a type that a form can show")
    return annotated, optional


def make(parameters: type, given: Mapping[str, Any]) -> Any:
    """The parameter object from plain values or text (as from a shell, a JSON file or a form).

    Raises:
        ParameterError: for an unknown name, a wrong type, or a value out of range, naming what is allowed.
    """
    known = {f.name: f for f in fields_of(parameters)}
    values = {}
    for name, value in given.items():
        if name not in known:
            raise ParameterError(f"There is no parameter '{name}'. There are: {', '.join(known) or 'none'}.")
        values[name] = convert(known[name], value)
    made = parameters(**values)
    check(made)
    return made


def check(made: Any) -> None:
    """Check types and ranges of a parameter object.

    Raises:
        ParameterError: naming the field, its value and what is allowed.
    """
    for field in fields_of(type(made)):
        convert(field, getattr(made, field.name))


def convert(field: Field, value: Any) -> Any:
    """One value for a field, from its own type or from text.

    Raises:
        ParameterError: if it does not fit.
    """
    if value is None or (field.optional and isinstance(value, str) and value.lower() in ("", "none", "automatic")):
        if field.optional:
            return None
        raise ParameterError(f"'{field.label}' needs a value.")
    if issubclass(field.type, Enum):
        return _choice(field, value)
    try:
        result = _number_or_text(field, value)
    except (TypeError, ValueError, OverflowError):
        wanted = {bool: "yes or no", int: "a whole number", float: "a number", str: "text"}[field.type]
        raise ParameterError(f"'{field.label}' is {value!r}; it must be {wanted}.") from None
    if field.within and not field.within[0] <= result <= field.within[1]:
        low, high = field.within
        unit = f" {field.unit}" if field.unit else ""
        raise ParameterError(
            f"'{field.label}' is {_shown(result)}{unit}; it must be from {_shown(low)} to {_shown(high)}{unit}."
        )
    return result


def _shown(number: float) -> str:
    """Short where that is exact: 200.00001 must not be shown as 200 beside a limit of 200."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def _choice(field: Field, value: Any) -> Any:
    for member in field.type:  # type: ignore[attr-defined]
        if value is member or str(value).lower() in (str(member.value).lower(), member.name.lower()):
            return member
    raise ParameterError(f"'{field.label}' is {value!r}; it must be one of: {', '.join(field.choices)}.")


def _number_or_text(field: Field, value: Any) -> Any:
    if field.type is bool:
        if isinstance(value, str):
            return {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False,
                    "off": False}[value.lower()] if value.lower() in _YES_NO else _raise()
        if value in (0, 1):
            return bool(value)
        return _raise()
    if field.type is str:
        return str(value)
    if isinstance(value, bool):
        return _raise()
    number = float(value)
    if not math.isfinite(number):
        return _raise()
    if field.type is int:
        return int(number) if number == int(number) else _raise()
    return number


_YES_NO = frozenset(("yes", "true", "1", "on", "no", "false", "0", "off"))


def _raise() -> Any:
    raise ValueError


def recorded(made: Any) -> dict[str, Any]:
    """As `plain`, for a record that travels: of a text marked `NameOrPath`, a path's folders are left out."""
    return {
        field.name: file_name(value) if field.names_file and isinstance(value, str) else value
        for field, value in zip(fields_of(type(made)), plain(made).values(), strict=True)
    }


def plain(made: Any) -> dict[str, Any]:
    """Parameter object as plain JSON values; an Enum becomes its value."""
    result = {}
    for field in fields_of(type(made)):
        value = getattr(made, field.name)
        result[field.name] = value.value if isinstance(value, Enum) else value
    return result

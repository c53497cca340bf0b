"""The form of a tool: its rows, and the values that a parameter node keeps for them, as text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Protocol

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.parameters import convert, fields_of
from synthetic_imaging.running import check_seed
from synthetic_imaging.tool import Tool
from SyntheticImagingLib.form.fields import FormField, form_field


class ParameterNode(Protocol):
    """The part of ``vtkMRMLScriptedModuleNode`` that is used."""

    def GetParameter(self, name: str) -> str: ...  # noqa: N802, D102
    def SetParameter(self, name: str, value: str) -> None: ...  # noqa: N802, D102
    def HasParameter(self, name: str) -> bool: ...  # noqa: N802, D102
    def UnsetParameter(self, name: str) -> None: ...  # noqa: N802, D102


class FormModel:
    """Rows of a tool's form and their values in a parameter node.

    A value is kept as text under "tool.id.name"; "" is automatic (and empty text for a text). A key that is missing,
    a text that does not fit, a number out of range: each falls back to the default, so that a scene of another
    version opens.

    Attributes:
        tool: the tool.
        basic: rows that are always seen.
        advanced: rows that a form folds away.
        seed_key: where the seed is kept; "" is a new one for each run.
    """

    def __init__(self, tool: Tool, *, hidden: Collection[str] = (), defaults: Mapping[str, Any] | None = None) -> None:
        """Take the rows from the tool's declaration.

        Args:
            tool: the tool.
            hidden: names of parameters that the panel offers in another way; they keep their values and defaults.
            defaults: other defaults than the tool's own.

        Raises:
            ParameterError: for an unknown name, or a default that does not fit.
        """
        self.tool = tool
        own = dict(defaults or {})
        declared = {field.name: field for field in fields_of(tool.parameters)}
        for name in (*own, *hidden):
            if name not in declared:
                raise ParameterError(f"'{tool.title}' has no parameter '{name}'.")
        for name, value in own.items():
            declared[name] = replace(declared[name], default=convert(declared[name], value))
        self._fields = {name: form_field(field, tool.id) for name, field in declared.items()}
        shown = [field for name, field in self._fields.items() if name not in hidden]
        self.basic = tuple(field for field in shown if not field.field.advanced)
        self.advanced = tuple(field for field in shown if field.field.advanced)
        self.seed_key = f"{tool.id}.seed"

    @property
    def fields(self) -> tuple[FormField, ...]:
        """All parameters in the tool's order, hidden ones too."""
        return tuple(self._fields.values())

    def __getitem__(self, name: str) -> FormField:
        return self._fields[name]

    def defaults(self) -> dict[str, Any]:
        """Plain values by name; None is automatic."""
        return {name: field.default for name, field in self._fields.items()}

    def read(self, node: ParameterNode) -> dict[str, Any]:
        """Plain values by name, as a task takes them."""
        return {
            name: field.from_text(node.GetParameter(field.key)) if node.HasParameter(field.key) else field.default
            for name, field in self._fields.items()
        }

    def write(self, node: ParameterNode, name: str, value: Any) -> None:
        """Keep one value (its own type, or text). A value that is there already changes nothing, not even an event.

        Raises:
            ParameterError: if it does not fit.
        """
        field = self._fields[name]
        _set(node, field.key, field.to_text(value))

    def read_seed(self, node: ParameterNode) -> int | None:
        """The seed to use; None for a new one each time."""
        try:
            return check_seed(int(node.GetParameter(self.seed_key)))
        except (ValueError, InputError):
            return None

    def write_seed(self, node: ParameterNode, seed: int | None) -> None:
        """Keep a seed, or None for a new one each time.

        Raises:
            InputError: if it is no whole number from 0 up.
        """
        _set(node, self.seed_key, "" if seed is None else str(check_seed(seed)))

    def reset(self, node: ParameterNode) -> None:
        """Back to the defaults, seed included."""
        for key in (*(field.key for field in self._fields.values()), self.seed_key):
            if node.HasParameter(key):
                node.UnsetParameter(key)

    def at_defaults(self, node: ParameterNode) -> bool:
        """Whether nothing was changed (the seed does not count)."""
        return self.read(node) == self.defaults()


def _set(node: ParameterNode, key: str, text: str) -> None:
    if not node.HasParameter(key) or node.GetParameter(key) != text:
        node.SetParameter(key, text)

"""The models that a cohort can be made with, and their settings as a form takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthetic_imaging.cohorts.generator import Generator, generator_class, known_generators
from synthetic_imaging.errors import ParameterError
from synthetic_imaging.parameters import fields_of
from synthetic_imaging.tool import Outputs, Tool


@dataclass(frozen=True)
class Model:
    """A model that makes cases.

    Attributes:
        id: of the generator ("hearts.phantom-ct").
        generator: its class; its fields are the settings.
    """

    id: str
    generator: type[Generator]

    @property
    def title(self) -> str:
        """Two to five words."""
        return self.generator.title

    @property
    def learned(self) -> bool:
        """Whether it computes with trained weights, and so with the packages for learned tools."""
        return hasattr(self.generator, "weights")

    @property
    def form_tool(self) -> Tool:
        """A tool with nothing but the model's settings: what a form is made from."""
        made = self.generator
        return Tool(f"cohorts.{self.id}", made.title, made.sentence, made.reference, (), (), made, _nothing)


def models() -> list[Model]:
    """The models there are; one of a third party that does not load is left out."""
    found = []
    for name in known_generators():
        try:
            found.append(Model(name, generator_class(name)))
        except ParameterError:
            continue
    return found


def changed_settings(model: Model, values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that differ from the model's defaults, as plain values."""
    defaults = {field.name: getattr(field.default, "value", field.default) for field in fields_of(model.generator)}
    return {name: value for name, value in values.items() if defaults[name] != value}


def settings_as_text(settings: Mapping[str, Any]) -> str:
    """The text that `synthetic_imaging.cohorts.ranges.parse_settings` reads.

    Raises:
        ParameterError: for a text with a comma, which cannot be written so.
    """
    parts = []
    for name, value in settings.items():
        text = "automatic" if value is None else str(value)
        if "," in text:
            raise ParameterError(f"'{text}' holds a comma, which settings of a model cannot. Rename the file.")
        parts.append(f"{name}={text}")
    return ", ".join(parts)


def _nothing(parameters: Any, run: Any) -> Outputs:
    raise NotImplementedError("a form's tool is not run")

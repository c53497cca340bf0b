"""A recipe: a network, its data and its loss as a typed configuration that can be trained, sampled and reproduced."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, get_type_hints

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.learner import CaseSource, Learner
from synthetic_imaging.parameters import convert, field_of

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from synthetic_imaging.context import Run


@dataclass(frozen=True)
class DataShape:
    """What cases a recipe takes, for reading a user's folder onto its grid.

    Attributes:
        shape_kji: voxels of the training grid.
        spacing_mm: (K, J, I) voxel size; 0 shrinks the image isotropically until it fits and never enlarges it.
        modality: "CT", "US", "MR".
        window: image values that become 0 and 1, ((-1000, 2000) for CT); None takes each image's own 0.1 and 99.9
            percentiles.
        labels: structure names of label values 1, 2, ...; empty for images alone.
    """

    shape_kji: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    modality: str
    window: tuple[float, float] | None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Data:
    """The cases a recipe trains with. ``test`` is never touched by training."""

    training: CaseSource
    validation: CaseSource | None
    test: CaseSource | None = None
    name: str = "phantom"


@dataclass(frozen=True)
class Recipe:
    """What can be trained.

    Attributes:
        id: "system.part", for example "diff3.autoencoder".
        title: two to five words.
        sentence: what it learns, in one sentence.
        reference: the publication.
        settings: a frozen dataclass of Annotated fields, all with defaults, one of them ``training: Training``; fields
            may be dataclasses in turn, or tuples of numbers.
        presets: name -> settings; "small" is trained here, "published" has the publication's own size.
        data_shape: settings -> what cases it takes.
        phantom: settings -> phantom cases.
        networks: settings -> torch.nn.ModuleDict, untrained.
        learner: (settings, data, networks, models it builds on) -> Learner.
        needs: role -> recipe id of trained models that it builds on ({"autoencoder": "diff3.autoencoder"}).
        parts: names of networks that make the shipped model; empty for all (a discriminator is not shipped).
        known_failures: a sentence each, for the card of every model of this recipe.
        read: (settings, folder, seed, run) -> a user's cases, where they are more than images and labels.
    """

    id: str
    title: str
    sentence: str
    reference: str
    settings: type[Any]
    presets: Mapping[str, Any]
    data_shape: Callable[[Any], DataShape]
    phantom: Callable[[Any], Data]
    networks: Callable[[Any], torch.nn.ModuleDict]
    learner: Callable[[Any, Data, torch.nn.ModuleDict, Mapping[str, Any]], Learner]
    needs: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    known_failures: tuple[str, ...] = ()
    read: Callable[[Any, Path, int, Run], Data] | None = None


def phantoms_only(settings: Any, place: Path, seed: int, run: Run) -> Data:
    """For `Recipe.read` of recipes that cannot take a user's folder yet.

    Raises:
        ParameterError: always.
    """
    del settings, seed, run
    raise ParameterError(f"This recipe is trained on its own phantoms only; '{place.name}' cannot be used. Leave "
                         "--data out.")


def as_plain(settings: Any) -> dict[str, Any]:
    """Settings as plain values that JSON can hold."""
    if not dataclasses.is_dataclass(settings):
        raise TypeError("settings are a dataclass")
    plain: dict[str, Any] = {}
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if dataclasses.is_dataclass(value):
            value = as_plain(value)
        elif isinstance(value, Enum):
            value = value.value
        elif isinstance(value, tuple):
            value = list(value)
        plain[item.name] = value
    return plain


def from_plain(kind: type[Any], plain: Mapping[str, Any], where: str = "") -> Any:
    """Settings from plain values or texts; what is not named keeps its default.

    Raises:
        ParameterError: for an unknown name, or a value of the wrong type or out of range.
    """
    hints = get_type_hints(kind, include_extras=True)
    defaults = kind()
    known = [item.name for item in dataclasses.fields(kind)]
    values: dict[str, Any] = {}
    for name, value in plain.items():
        if name not in known:
            raise ParameterError(f"There is no setting '{where}{name}'. Settings: {', '.join(known)}.")
        default = getattr(defaults, name)
        if dataclasses.is_dataclass(default):
            values[name] = from_plain(type(default), value, f"{where}{name}.")
        elif isinstance(default, tuple):
            values[name] = _numbers(value, default, where + name)
        else:
            try:
                values[name] = convert(field_of(name, hints[name], default, kind.__name__), value)
            except ParameterError as error:
                raise ParameterError(f"{where}{name}: {error}") from None
    return kind(**values)


def _numbers(value: Any, default: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    kinds = {type(item) for item in default}
    whole = kinds <= {int}
    problem = ParameterError(f"'{where}' takes {'whole numbers' if whole else 'numbers'} with commas between them.")
    if not isinstance(value, (list, tuple)):
        raise problem
    if kinds == {str}:
        return tuple(str(item) for item in value)
    if kinds == {bool}:
        if all(isinstance(item, bool) for item in value):
            return tuple(value)
        raise problem
    if any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in value):
        raise problem
    if whole and any(item != int(item) for item in value):
        raise problem
    return tuple(int(item) if whole else float(item) for item in value)


def change(settings: Any, assignments: Mapping[str, str]) -> Any:
    """Settings with some changed: {"training.steps": "500", "network.width": "32", "shape": "32,32,32"}.

    Raises:
        ParameterError: for an unknown name, or a value of the wrong type or out of range.
    """
    plain = as_plain(settings)
    for path, text in assignments.items():
        place: Any = plain
        *folders, last = path.split(".")
        for folder in folders:
            place = place.get(folder) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place or isinstance(place[last], dict):
            raise ParameterError(f"There is no setting '{path}'. Settings: {', '.join(_leaves(as_plain(settings)))}.")
        if isinstance(place[last], list):
            try:
                place[last] = json.loads(text if text.strip().startswith("[") else f"[{text}]")
            except json.JSONDecodeError:
                raise ParameterError(f"'{path}' takes numbers with commas between them, not '{text}'.") from None
        else:
            place[last] = text
    return from_plain(type(settings), plain)


def _leaves(plain: Mapping[str, Any], where: str = "") -> list[str]:
    found = []
    for name, value in plain.items():
        found += _leaves(value, f"{where}{name}.") if isinstance(value, dict) else [where + name]
    return found

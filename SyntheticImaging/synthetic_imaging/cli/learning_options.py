"""What the commands of learning share: settings and models from words, and what is missing said in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthetic_imaging.errors import InputError, ParameterError

if TYPE_CHECKING:
    from synthetic_imaging.learning.recipe import Recipe

_PACKAGES = {"torch": "torch", "monai": "monai", "safetensors": "safetensors", "lightning_fabric": "lightning-fabric",
             "tensorboard": "tensorboard", "einops": "einops"}


@contextmanager
def learning_packages() -> Iterator[None]:
    """Say which package is missing where one is.

    Raises:
        InputError: naming it and how to install it.
    """
    try:
        yield
    except ImportError as error:
        # MONAI tells of a missing package in a text of its own.
        missing = (error.name or "").split(".")[0] or next((n for n in _PACKAGES if f"'{n}" in str(error)), "")
        if missing not in _PACKAGES:
            raise
        raise InputError(f"This needs the package '{_PACKAGES[missing]}', which is not installed. Install it on the "
                         "set-up page, or with: pip install 'synthetic-imaging[learn]'.") from None


def assignments(words: Iterable[str], option: str) -> dict[str, str]:
    """{"training.steps": "500"} from ["training.steps=500"].

    Raises:
        ParameterError: if a word has no "=", or a key stands twice.
    """
    found: dict[str, str] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not key.strip() or not value.strip():
            raise ParameterError(f"'{word}' after {option} cannot be read. Write {option} NAME=VALUE.")
        if key.strip() in found:
            raise ParameterError(f"'{key.strip()}' is given twice with {option}. Give it once.")
        found[key.strip()] = value.strip()
    return found


def whole_seed(text: str | None) -> int | None:
    """The seed from its word, None where none was given.

    Raises:
        ParameterError: if it is no whole number from 0 up.
    """
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or int(text) >= 2**63:
        raise ParameterError(f"The seed is '{text}'; it must be a whole number from 0 up.")
    return int(text)


def device_of(wanted: str) -> str:
    """The device for a word; the CPU where torch is not installed and none was named.

    Raises:
        ParameterError: if it does not exist here.
    """
    if wanted == "cpu":
        return "cpu"
    try:
        from synthetic_imaging.learning.training.machine import choose_device
    except ModuleNotFoundError:
        if wanted == "auto":
            return "cpu"
        raise
    return choose_device(wanted)


def settings_of(recipe: Recipe, preset: str, changes: Mapping[str, str]) -> Any:
    """A preset's settings with changes.

    Raises:
        ParameterError: for an unknown preset or setting, or a value that does not fit.
    """
    from synthetic_imaging.learning.recipe import change

    if preset not in recipe.presets:
        raise ParameterError(f"'{recipe.id}' has no preset '{preset}'. Presets: {', '.join(recipe.presets)}.")
    return change(recipe.presets[preset], changes)


def needed_models(recipe: Recipe, given: Mapping[str, str]) -> dict[str, Any]:
    """The trained models that a recipe builds on, by role; not named ones by the recipe's own name.

    Raises:
        ParameterError: if a role is unknown, a model is missing, or was trained with another recipe.
        FileError: if a file cannot be used.
    """
    from synthetic_imaging.errors import FileError
    from synthetic_imaging.learning.weights.models import load_model
    from synthetic_imaging.learning.weights.names import find

    unknown = [role for role in given if role not in recipe.needs]
    if unknown:
        takes = f"It takes: {', '.join(recipe.needs)}." if recipe.needs else "It builds on none."
        raise ParameterError(f"'{recipe.id}' builds on no model called '{unknown[0]}'. {takes}")
    models = {}
    for role, wanted in recipe.needs.items():
        place: str | Path = given.get(role, wanted)
        if role not in given:
            try:
                find(place)
            except FileError:
                raise ParameterError(
                    f"'{recipe.id}' builds on a trained '{wanted}'. Train it (synthetic-imaging train {wanted} --out "
                    f"FOLDER), then add --with {role}=FOLDER."
                ) from None
        model = load_model(place)
        if model.recipe.id != wanted:
            raise ParameterError(f"--with {role}: '{place}' was trained with '{model.recipe.id}'; '{wanted}' is "
                                 "needed.")
        models[role] = model
    return models

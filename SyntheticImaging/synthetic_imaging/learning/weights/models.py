"""Save a trained model to one file, and make the model from it again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthetic_imaging.errors import FileError, ParameterError
from synthetic_imaging.files.staging import staged
from synthetic_imaging.learning import registry
from synthetic_imaging.learning.recipe import Recipe, as_plain, from_plain
from synthetic_imaging.learning.weights import names
from synthetic_imaging.learning.weights.card import Card
from synthetic_imaging.learning.weights.container import FORMAT, UNSEALED, Header, hashes_of, read_header, seal

if TYPE_CHECKING:
    import torch

STORAGE = ("float32", "float16", "bfloat16")
_LARGEST_FLOAT16 = 65504.0


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model, ready to be called.

    Attributes:
        recipe: what it was trained with.
        settings: the recipe's settings it was trained with.
        networks: torch.nn.ModuleDict of its networks: in eval mode, float32, without gradients.
        card: what it is.
        sha256: of its file, for provenance records.
        name: what the user calls it.
        needs: role -> sha256 of the models that it was trained on: it fits no others.
    """

    recipe: Recipe
    settings: Any
    networks: torch.nn.ModuleDict
    card: Card
    sha256: str
    name: str = ""
    needs: Mapping[str, str] = field(default_factory=dict)


def save_model(
    path: str | os.PathLike[str], recipe_id: str, settings: Any, networks: torch.nn.ModuleDict, card: Card,
    parts: Sequence[str] = (), dtype: str = "float32", *, needs: Mapping[str, str] | None = None,
    overwrite: bool = True,
) -> str:
    """Write networks, settings and card to one file; it appears complete or not at all.

    Args:
        path: a .safetensors file.
        recipe_id: id of the recipe that can build the networks from the settings.
        settings: the recipe's settings.
        networks: the trained networks.
        card: what the model is.
        parts: names of the networks that go into the file; all when empty.
        dtype: number format of the learned parameters in the file, one of `STORAGE`; buffers keep theirs, since a
            latent scale or a running mean must stay exact.
        needs: role -> sha256 of the models that it was trained on (`provenance_of`).
        overwrite: whether an existing file is replaced.

    Returns:
        sha256 of the file.

    Raises:
        FileError: if it cannot be written.
        ParameterError: if a parameter is not finite, or too large for the number format.
    """
    from safetensors.torch import save_file

    target = Path(path)
    if target.suffix != ".safetensors":
        raise FileError(f"'{target.name}': a model file ends in .safetensors.")
    chosen = _chosen(networks, parts)
    tensors = _for_file(networks, chosen, dtype)
    metadata = {
        "format": FORMAT, "recipe": recipe_id, "settings": json.dumps(as_plain(settings)),
        "card": replace(card, recipe=recipe_id).to_json(), "parts": json.dumps(chosen), "data_sha256": UNSEALED,
        "needs": json.dumps(dict(needs or {})),
    }
    with staged(target, overwrite) as stage:
        temporary = stage.beside(target)
        # The library makes files that nobody else may read; a model is as readable as other results.
        temporary.touch()
        mode = temporary.stat().st_mode
        save_file(tensors, temporary, metadata)
        temporary.chmod(mode)
        seal(temporary)
    return hashes_of(target, 0)[0]


def load_model(name_or_path: str | os.PathLike[str], device: str = "cpu") -> Model:
    """A model by name (shipped, then the user's store) or from a file.

    Args:
        name_or_path: "diff3.autoencoder", or the path of a .safetensors file.
        device: where its networks go: "cpu", "cuda:0", "mps".

    Raises:
        FileError: if there is none, or the file is damaged, foreign, newer, or does not fit its recipe.
    """
    path = names.find(name_or_path)
    header = read_header(path)
    sha256, numbers = hashes_of(path, header.data_start)
    names.check_shipped(path, sha256)
    if numbers != header.data_sha256:
        raise FileError(f"'{path.name}' is damaged: its checksum is wrong. Copy or download it again.")
    recipe, settings = recipe_of(header)
    check_fits(header, recipe, settings)
    networks = _filled(recipe, settings, header)
    networks.to(device).eval().requires_grad_(False)
    return Model(recipe, settings, networks, header.card, sha256, names.name_of(path), header.needs)


def recipe_of(header: Header) -> tuple[Recipe, Any]:
    """The recipe and the settings a file was made with.

    Raises:
        FileError: if this version does not know them.
    """
    name = header.path.name
    if header.recipe not in registry.RECIPES:
        raise FileError(f"'{name}' was made with the recipe '{header.recipe}', which this version does not have. "
                        "Update SyntheticImaging, or install the package that brings it.")
    recipe = registry.recipe(header.recipe)
    try:
        return recipe, from_plain(recipe.settings, header.settings)
    except (ParameterError, TypeError, ValueError) as error:
        raise FileError(f"'{name}' does not fit the recipe '{recipe.id}' of this version: {error}") from None


def check_fits(header: Header, recipe: Recipe, settings: Any) -> None:
    """Compare the tensors of a file with those of the recipe's networks, without allocating them.

    Raises:
        FileError: naming the first that are missing, unknown or of another shape.
    """
    name, wanted = header.path.name, {}
    networks = _empty_networks(recipe, settings)
    unknown = [part for part in header.parts if part not in networks]
    if unknown or not header.parts:
        raise FileError(f"'{name}' does not fit the recipe '{recipe.id}': it has no network '{(unknown or ['?'])[0]}'.")
    for key, tensor in _state(networks, header.parts):
        wanted[key] = tuple(tensor.shape)
    problems = [f"'{key}' is missing" for key in wanted if key not in header.shapes]
    problems += [f"'{key}' is not known" for key in header.shapes if key not in wanted]
    problems += [f"'{key}' has the shape {header.shapes[key]}, not {shape}" for key, shape in wanted.items()
                 if key in header.shapes and header.shapes[key] != shape]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise FileError(f"'{name}' does not fit the recipe '{recipe.id}': {'; '.join(problems[:3])}{more}.")


def _empty_networks(recipe: Recipe, settings: Any) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.weights.unfilled import Unfilled

    try:
        with torch.device("meta"), Unfilled():
            return recipe.networks(settings)
    except (NotImplementedError, RuntimeError):
        # A network that computes with its numbers while it is built.
        return recipe.networks(settings)


def _chosen(networks: torch.nn.ModuleDict, parts: Sequence[str]) -> list[str]:
    missing = [part for part in parts if part not in networks]
    if missing:
        raise ParameterError(f"There is no network '{missing[0]}'. Networks: {', '.join(networks)}.")
    return list(parts) or list(networks)


def _state(networks: torch.nn.ModuleDict, parts: Sequence[str]) -> Iterator[tuple[str, torch.Tensor]]:
    for part in parts:
        for key, tensor in networks[part].state_dict().items():
            yield f"{part}.{key}", tensor


def _for_file(networks: torch.nn.ModuleDict, parts: Sequence[str], dtype: str) -> dict[str, torch.Tensor]:
    import torch

    if dtype not in STORAGE:
        raise ParameterError(f"There is no number format '{dtype}' for files. There are: {', '.join(STORAGE)}.")
    learned = {f"{part}.{key}" for part in parts for key, _ in networks[part].named_parameters()}
    tensors = {}
    for key, tensor in _state(networks, parts):
        value = tensor.detach().to("cpu")
        if value.is_floating_point():
            if not bool(torch.isfinite(value).all()):
                raise ParameterError(f"The weights '{key}' are not finite (NaN or infinite): the training has "
                                     "diverged. Train again with a smaller learning rate, or take an earlier "
                                     "checkpoint.")
            if key in learned:
                if dtype == "float16" and value.numel() and float(value.abs().max()) > _LARGEST_FLOAT16:
                    raise ParameterError(f"The weights '{key}' are too large for float16. Store them as bfloat16.")
                value = value.to(getattr(torch, dtype))
        # A copy of its own: the file format refuses tensors that share memory.
        tensors[key] = value.contiguous().clone()
    return tensors


def read_tensors(header: Header) -> dict[str, torch.Tensor]:
    """The numbers of a file, on the CPU.

    Raises:
        FileError: if one is not finite.
    """
    import torch
    from safetensors.torch import load_file

    tensors: dict[str, torch.Tensor] = load_file(header.path)
    broken = [k for k, t in tensors.items() if t.is_floating_point() and not bool(torch.isfinite(t).all())]
    if broken:
        raise FileError(f"'{header.path.name}' holds numbers that are not finite (in '{broken[0]}'): its training had "
                        "diverged. Use another model.")
    return tensors


def _filled(recipe: Recipe, settings: Any, header: Header) -> torch.nn.ModuleDict:
    import torch

    tensors = read_tensors(header)
    built = recipe.networks(settings)
    networks = torch.nn.ModuleDict({part: built[part] for part in header.parts})
    # Strict: names and shapes were compared before, so that this cannot fail half-way.
    networks.load_state_dict(tensors)
    return networks


def check_partners(model: Model, partners: Mapping[str, Model]) -> None:
    """See that a model is used with those it was trained on (latents of another autoencoder mean something else).

    Raises:
        FileError: if one is another.
    """
    for role, partner in partners.items():
        wanted = model.needs.get(role)
        if wanted is not None and wanted != partner.sha256:
            raise FileError(f"The model '{model.name}' was trained with another {role} than '{partner.name}'. Give the "
                            "one that it was trained with.")


def provenance_of(models: Mapping[str, Model]) -> dict[str, str]:
    """role -> sha256, as a provenance record has it."""
    return {role: model.sha256 for role, model in models.items()}

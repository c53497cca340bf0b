"""A trained segmenter in a file: what it can be applied to, and writing one that can be shipped."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.recipe import DataShape
from synthetic_imaging.learning.weights.card import Card

if TYPE_CHECKING:
    import torch

    from synthetic_imaging.segmentation.settings import SegmentationSettings

HEARTS_CT = "segmentation.hearts-ct"
_FAMILY = "segmentation."
_FAILURES = (
    "It was trained on phantoms: on patients' images it has never been tested.",
    "Structures that the image cuts off are drawn as far as they are seen; their volumes are then too small.",
)


@dataclass(frozen=True)
class SegmenterFile:
    """What a segmenter's file says about it, read without its weights.

    Attributes:
        name: what the user calls it.
        card: of the file.
        shape: what images it takes, and its structures.
        settings: it was trained with.
        weights: how many numbers it has.
    """

    name: str
    card: Card
    shape: DataShape
    settings: SegmentationSettings
    weights: int

    @property
    def classes(self) -> int:
        """Of the output, with the background."""
        return len(self.shape.labels) + 1


def segmenter_file(name_or_path: str | os.PathLike[str]) -> SegmenterFile:
    """Look at a segmenter's file.

    Raises:
        FileError: if there is none, or it is damaged or of another version.
        ParameterError: if it is a model of something else.
    """
    from synthetic_imaging.learning.weights import names
    from synthetic_imaging.learning.weights.container import read_header
    from synthetic_imaging.learning.weights.models import recipe_of

    header = read_header(names.find(name_or_path))
    recipe, settings = recipe_of(header)
    name = names.name_of(header.path)
    if not recipe.id.startswith(_FAMILY) or recipe.id.endswith("-blocks"):
        raise ParameterError(f"The model '{name}' is '{recipe.title}', which draws no structures. "
                             "Choose a model that was trained as a segmenter.")
    return SegmenterFile(name, header.card, recipe.data_shape(settings), settings,
                         sum(prod(shape) for shape in header.shapes.values()))


def save_segmenter(
    path: str | os.PathLike[str],
    recipe_id: str,
    settings: SegmentationSettings,
    networks: torch.nn.ModuleDict,
    *,
    training_data: str,
    seed: int,
    metrics: Mapping[str, float] | None = None,
    known_failures: tuple[str, ...] = _FAILURES,
) -> str:
    """Write a trained segmenter with its card to one file, in half precision.

    Args:
        path: a .safetensors file.
        recipe_id: id of its recipe ("segmentation.hearts-ct").
        settings: it was trained with.
        networks: the segmenter and its domain.
        training_data: what it was trained on, and how many cases; says "phantom" if it was one.
        seed: of the training.
        metrics: figures by name ("Dice, phantom test").
        known_failures: a sentence each.

    Returns:
        sha256 of the file.

    Raises:
        FileError, ParameterError: if it cannot be written.
    """
    from synthetic_imaging.learning import registry
    from synthetic_imaging.learning.weights.models import save_model
    from synthetic_imaging.provenance import distribution_version

    card = Card(
        title=registry.recipe(recipe_id).title, recipe=recipe_id, version=distribution_version(), licence="Apache-2.0",
        training_data=training_data, intended_use="Research: trying out and comparing segmentation. Not for diagnosis.",
        known_failures=known_failures, metrics=dict(metrics or {}), seed=seed,
    )
    return save_model(path, recipe_id, settings, networks, card, dtype="bfloat16")


def memory_bytes(inputs: Mapping[str, Any], parameters: Any) -> int:
    """Bytes that applying the chosen model takes beside the input; refuses a model that is not there.

    Raises:
        FileError, ParameterError: as `segmenter_file`.
    """
    model = segmenter_file(parameters.model)
    volume = inputs["volume"]
    voxels = prod(volume.shape)
    if all(model.shape.spacing_mm):
        extent = (n * mm for n, mm in zip(volume.shape, volume.geometry.spacing_kji_mm, strict=True))
        cells = volume_of_grid(extent, model.shape.spacing_mm)
    else:
        cells = prod(model.shape.shape_kji)
    # Image: labels twice while axes are turned back, and the map of uncertainty likewise. Model's grid: shares in
    # several copies, and the network's own results, of which about three of its first width exist at once.
    image = voxels * (4 + 8 * bool(parameters.uncertainty))
    grid = cells * (24 * model.classes + 20 * model.settings.widths[0] + 40)
    return int(image + grid + 8 * model.weights + _LIBRARY)


# Torch and MONAI, where nothing has loaded them yet.
_LIBRARY = 500_000_000


def volume_of_grid(extent_mm: Any, spacing_mm: tuple[float, float, float]) -> int:
    """Voxels of a grid over an extent, along any axes; a side more for rounding."""
    mean = prod(spacing_mm) ** (1 / 3)
    return prod(int(side / mean) + 2 for side in extent_mm)

"""All recipes and systems by name, imported when asked for: they lie above `learning`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.recipe import Recipe

# id -> "module:name" of a Recipe.
RECIPES: dict[str, str] = {
    "diff3.autoencoder": "synthetic_imaging.cohorts.diff3.recipes:AUTOENCODER",
    "diff3.diffusion": "synthetic_imaging.cohorts.diff3.recipes:DIFFUSION",
    "diff3.gan": "synthetic_imaging.cohorts.diff3.recipes:GAN",
    "ct-cardiac.autoencoder": "synthetic_imaging.cohorts.ct_cardiac.recipes:AUTOENCODER",
    "ct-cardiac.diffusion": "synthetic_imaging.cohorts.ct_cardiac.recipes:DIFFUSION",
    "families.vae": "synthetic_imaging.cohorts.families.recipes:VAE",
    "families.gan": "synthetic_imaging.cohorts.families.recipes:GAN",
    "families.vq-gan": "synthetic_imaging.cohorts.families.recipes:VQ",
    "families.vq-prior": "synthetic_imaging.cohorts.families.recipes:VQ_PRIOR",
    "families.voxel": "synthetic_imaging.cohorts.families.recipes:VOXEL",
    "families.wavelet": "synthetic_imaging.cohorts.families.recipes:WAVELET",
    "families.autoencoder": "synthetic_imaging.cohorts.families.recipes:AUTOENCODER",
    "families.latent": "synthetic_imaging.cohorts.families.recipes:LATENT",
    "families.flow": "synthetic_imaging.cohorts.families.recipes:FLOW",
    "segmentation.hearts-ct": "synthetic_imaging.segmentation.recipe:HEARTS_CT",
    "segmentation.hearts-ct-blocks": "synthetic_imaging.segmentation.recipe:HEARTS_CT_BLOCKS",
    "segmentation.hearts-ct-pretrained": "synthetic_imaging.segmentation.recipe:HEARTS_CT_PRETRAINED",
    "segmentation.hearts-echo": "synthetic_imaging.segmentation.recipe:HEARTS_ECHO",
    "segmentation.hearts-echo-blocks": "synthetic_imaging.segmentation.recipe:HEARTS_ECHO_BLOCKS",
    "segmentation.hearts-echo-pretrained": "synthetic_imaging.segmentation.recipe:HEARTS_ECHO_PRETRAINED",
    "sequences.synthesis": "synthetic_imaging.sequences.learned.recipe:SYNTHESIS",
    "sequences.unpaired": "synthetic_imaging.sequences.unpaired.recipe:UNPAIRED",
    "sequences.lesion-detector": "synthetic_imaging.sequences.detector.recipe:DETECTION",
}
# system -> "module:name" of reproduce(out: Path, run: Run, *, quick: bool, train: bool), which writes the evidence.
SYSTEMS: dict[str, str] = {
    "diff3": "synthetic_imaging.cohorts.diff3.evidence:reproduce",
    "ct-cardiac": "synthetic_imaging.cohorts.ct_cardiac.evidence:reproduce",
    "families": "synthetic_imaging.cohorts.families.evidence:reproduce",
    "sequences-physics": "synthetic_imaging.sequences.evidence.physics:reproduce",
    "sequences-learned": "synthetic_imaging.sequences.evidence.learned:reproduce",
    "sequences-choices": "synthetic_imaging.sequences.evidence.choices:reproduce",
    "sequences-detection": "synthetic_imaging.sequences.evidence.detection:reproduce",
    "sequences-lesions": "synthetic_imaging.sequences.evidence.lesion_finding:reproduce",
    "sequences-visits": "synthetic_imaging.sequences.evidence.visits:reproduce",
    "sequences-unpaired": "synthetic_imaging.sequences.evidence.unpaired:reproduce",
}


def _load(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def recipe(id: str) -> Recipe:  # noqa: A002 - the word users see
    """The recipe of that id.

    Raises:
        ParameterError: if there is none.
    """
    if id not in RECIPES:
        raise ParameterError(f"There is no recipe '{id}'. Recipes: {', '.join(sorted(RECIPES))}.")
    found: Recipe = _load(RECIPES[id])
    return found


def recipes() -> list[Recipe]:
    """All recipes, by id."""
    return [recipe(name) for name in sorted(RECIPES)]


def system(name: str) -> Callable[..., None]:
    """The function that reproduces a published system.

    Raises:
        ParameterError: if there is none of that name.
    """
    if name not in SYSTEMS:
        raise ParameterError(f"There is no system '{name}'. Systems: {', '.join(sorted(SYSTEMS))}.")
    found: Callable[..., None] = _load(SYSTEMS[name])
    return found

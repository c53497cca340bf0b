"""The families' recipes: all presets can be built, written as plain values, and stepped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from synthetic_imaging.cohorts.families.model import FAMILIES
from synthetic_imaging.learning import registry
from synthetic_imaging.learning.recipe import Data, as_plain, from_plain
from synthetic_imaging.learning.settings import Precision

pytestmark = pytest.mark.usefixtures("one_torch_thread")
IDS = sorted(name for name in registry.RECIPES if name.startswith("families."))
# The published latent U-Net has more weights than a test should hold.
HEAVY = {"families.latent", "families.flow"}


def test_every_family_has_its_recipes_in_the_registry() -> None:
    assert {place for family in FAMILIES.values() for place in family.stages.values()} == set(IDS)
    for family in FAMILIES.values():
        *earlier, last = family.stages.values()
        assert list(registry.recipe(last).needs.values()) == earlier


@pytest.mark.parametrize("preset", ["small", "published"])
@pytest.mark.parametrize("name", IDS)
def test_presets_survive_json_and_build_their_networks(name: str, preset: str) -> None:
    import torch

    recipe = registry.recipe(name)
    settings = recipe.presets[preset]
    assert from_plain(recipe.settings, json.loads(json.dumps(as_plain(settings)))) == settings
    with torch.device("meta"):
        networks = recipe.networks(settings)
    assert set(recipe.parts) <= set(networks)
    assert sum(p.numel() for p in networks.parameters()) > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in IDS if name not in HEAVY])
def test_the_published_size_trains_a_step_on_a_crop(name: str, tmp_path: Path) -> None:
    step(name, "published", 64 if name == "families.gan" else 16, tmp_path)


@pytest.mark.parametrize("name", IDS)
def test_the_small_size_trains_a_step_on_a_crop(name: str, tmp_path: Path) -> None:
    step(name, "small", 16, tmp_path)


def step(name: str, preset: str, side: int, folder: Path) -> None:
    from synthetic_imaging.learning.array_cases import ArrayCases
    from synthetic_imaging.learning.training import train

    recipe = registry.recipe(name)
    settings = recipe.presets[preset]
    if hasattr(settings.network, "shape_kji"):
        settings = replace(settings, network=replace(settings.network, shape_kji=(side,) * 3))
    training = replace(settings.training, steps=1, batch_size=2, precision=Precision.FLOAT32)
    models: dict[str, Any] = {}
    for role, needed in recipe.needs.items():
        first = registry.recipe(needed)
        models[role] = SimpleNamespace(networks=first.networks(first.presets[preset]).eval())
    images = np.random.default_rng(0).random((2, 1, side, side, side), dtype=np.float32)
    cases = ArrayCases(images, (images[:, 0] > 0.5).astype(np.uint8))
    networks = recipe.networks(settings)
    before = {key: value.clone() for key, value in networks.state_dict().items()}
    learner = recipe.learner(replace(settings, training=training), Data(cases, None), networks, models)
    result = train(learner, training, folder, seed=0, device="cpu")
    assert result.steps == 1
    assert any(not bool((value == before[key]).all()) for key, value in networks.state_dict().items())

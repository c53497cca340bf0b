"""Recipes: their settings as text, and that every one of them can be built, published sizes included."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning import registry
from synthetic_imaging.learning.recipe import Recipe, as_plain, change, from_plain
from synthetic_imaging.learning.settings import Precision, Training


@dataclass(frozen=True)
class Settings:
    training: Training = Training()
    widths: tuple[int, ...] = (8, 16)
    share: tuple[float, ...] = (0.5,)
    weight: float = 2.0
    on: bool = False


def test_settings_change_by_path_and_keep_their_types():
    changed = change(Settings(), {"training.steps": "50", "widths": "4, 8,16", "weight": "1", "on": "yes",
                                  "training.precision": "float32"})
    assert changed.training.steps == 50
    assert changed.training.precision is Precision.FLOAT32
    assert changed.widths == (4, 8, 16)
    assert isinstance(changed.weight, float)
    assert changed.on is True
    assert changed.share == (0.5,)


def test_settings_come_back_from_plain_values():
    settings = change(Settings(), {"widths": "1,2", "share": "0.25", "training.learning_rate": "0.003"})
    assert from_plain(Settings, as_plain(settings)) == settings


@pytest.mark.parametrize(("path", "value", "said"), [
    ("widths", "a", "commas"), ("widths", "1.5", "whole numbers"), ("steps", "3", "no setting 'steps'"),
    ("training", "3", "no setting 'training'"), ("training.steps", "0", "training.steps"),
    ("training.steps", "many", "whole number"), ("widths", "true", "whole numbers"),
])  # fmt: skip
def test_a_setting_that_cannot_be_gets_a_sentence(path: str, value: str, said: str):
    with pytest.raises(ParameterError, match=said):
        change(Settings(), {path: value})


def test_unknown_names_say_what_there_is():
    with pytest.raises(ParameterError, match=r"diff3\.autoencoder"):
        registry.recipe("diff4")
    with pytest.raises(ParameterError, match="diff3"):
        registry.system("diff4")


@pytest.mark.parametrize("name", sorted(registry.RECIPES))
def test_every_recipe_has_a_small_and_a_published_preset_that_survive_as_text(name: str):
    recipe = registry.recipe(name)
    assert recipe.id == name
    assert {"small", "published"} <= set(recipe.presets)
    for settings in recipe.presets.values():
        assert type(settings) is recipe.settings
        assert from_plain(recipe.settings, as_plain(settings)) == settings
        shape = recipe.data_shape(settings)
        assert len(shape.shape_kji) == 3
        assert "training" in {f.name for f in fields(settings)}
    assert set(recipe.needs.values()) <= set(registry.RECIPES)


@pytest.mark.parametrize("preset", ["small", "published"])
@pytest.mark.parametrize("name", sorted(registry.RECIPES))
def test_every_recipe_builds_its_networks_at_both_sizes(name: str, preset: str):
    import torch

    recipe: Recipe = registry.recipe(name)
    with torch.device("meta"):
        networks = recipe.networks(recipe.presets[preset])
    assert sum(p.numel() for p in networks.parameters()) > 1000
    assert set(recipe.parts) <= set(networks)

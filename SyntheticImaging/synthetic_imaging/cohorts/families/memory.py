"""How much memory the training of a family needs: the same volume, batch and width for all."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from synthetic_imaging.cohorts.families import settings as chosen
from synthetic_imaging.cohorts.families.child import in_child, peak_bytes, resident_bytes
from synthetic_imaging.cohorts.families.model import FAMILIES
from synthetic_imaging.context import Run
from synthetic_imaging.learning import registry
from synthetic_imaging.learning.settings import Training

BATCH, STEPS = 2, 3
_WIDTH = 32


def same_size(side: int) -> dict[str, Any]:
    """Settings of all recipes for volumes of ``side`` voxels, 32 channels at the finest level, batches of 2."""
    cube = (side, side, side)
    cases = chosen.Hearts(shape_kji=cube, training=BATCH, validation=2, test=2)
    training = Training(steps=STEPS, batch_size=BATCH, learning_rate=1e-4, validate_every=1_000_000)
    made = {}
    for found in FAMILIES.values():
        for recipe_id in found.stages.values():
            small = registry.recipe(recipe_id).presets["small"]
            network = small.network
            if hasattr(network, "shape_kji"):
                network = replace(network, shape_kji=cube)
            if hasattr(network, "width"):
                network = replace(network, width=_WIDTH)
            elif hasattr(network, "widths"):
                first = network.widths[0]
                network = replace(network, widths=tuple(_WIDTH * width // first for width in network.widths))
            made[recipe_id] = replace(small, cases=cases, training=training, network=network)
            if recipe_id == "families.vq-gan":
                made[recipe_id] = replace(made[recipe_id], judged_from=0)
    return made


def training_memory(side: int, run: Run) -> dict[str, int]:
    """Extra bytes at the peak of the training of each recipe, each in a process of its own.

    On a processor: the peak of the process less what it had before training. On a GPU: the most that tensors had.
    """
    sizes = same_size(side)
    found = {}
    for number, recipe_id in enumerate(sizes):
        part = run.part(number / len(sizes), (number + 1) / len(sizes))
        found[recipe_id] = int(in_child(measured, recipe_id, side, run=part))
    return found


def measured(recipe_id: str, side: int, run: Run) -> int:
    """Extra bytes of one recipe, measured in this process."""
    import torch

    from synthetic_imaging.learning.array_cases import ArrayCases
    from synthetic_imaging.learning.networks.building import built
    from synthetic_imaging.learning.recipe import Data
    from synthetic_imaging.learning.training import train

    sizes = same_size(side)
    settings, recipe = sizes[recipe_id], registry.recipe(recipe_id)
    images = np.random.default_rng(0).random((BATCH, 1, side, side, side), dtype=np.float32)
    data = Data(ArrayCases(images, (images[:, 0] > 0.5).astype(np.uint8)), None)
    with built(0):
        networks = recipe.networks(settings)
        models = {role: SimpleNamespace(networks=registry.recipe(needed).networks(sizes[needed]))
                  for role, needed in recipe.needs.items()}
    learner = recipe.learner(settings, data, networks, models)
    cuda = run.device.startswith("cuda")
    if cuda:
        torch.cuda.reset_peak_memory_stats(run.device)
    before = resident_bytes()
    with tempfile.TemporaryDirectory() as folder:
        train(learner, settings.training, Path(folder), seed=0, device=run.device,
              report=lambda p: run.progress(p.step / STEPS, f"memory of {recipe.title}"))
    return int(torch.cuda.max_memory_allocated(run.device)) if cuda else max(0, peak_bytes() - before)


def of_family(name: str, found: dict[str, int]) -> int:
    """The larger of a family's stages."""
    return max(found[recipe_id] for recipe_id in FAMILIES[name].stages.values())

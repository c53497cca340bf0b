"""A recipe as small as can be: an autoencoder of one convolution, phantoms of a bright ball, a generator of them.

Run as a program it is the command line with that recipe: ``python tiny_recipe.py train tiny.autoencoder ...``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from torch import nn

import synthetic_imaging as si
from synthetic_imaging.cohorts.generator import GENERATORS, CohortCase, Measurement
from synthetic_imaging.learning import registry
from synthetic_imaging.learning.learner import Batch, CaseSource, Learner, Phase
from synthetic_imaging.learning.randomness import BatchRandom, generator_of
from synthetic_imaging.learning.recipe import Data, DataShape, Recipe
from synthetic_imaging.learning.settings import Training
from synthetic_imaging.parameters import Label, Within

ID = "tiny.autoencoder"


@dataclass(frozen=True)
class TinySettings:
    width: Annotated[int, Label("Width"), Within(1, 64)] = 4
    training: Training = field(default_factory=lambda: Training(
        steps=6, batch_size=2, learning_rate=1e-2, validate_every=3, checkpoint_every=3))


class Balls:
    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed

    def __len__(self) -> int:
        return self.count

    def case(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
        del rng
        own = generator_of(self.seed, index)
        k, j, i = np.ogrid[-1:1:8j, -1:1:8j, -1:1:8j]
        inside = k * k + j * j + i * i < own.uniform(0.2, 0.8)
        return {"image": inside[None].astype(np.float32) * 0.8, "label": inside.astype(np.uint8)}


class Scaled(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.encode = nn.Conv3d(1, width, 3, padding=1)
        self.decode = nn.Conv3d(width, 1, 1)
        self.register_buffer("scale", torch.tensor(1.0))

    def forward(self, x: Any) -> Any:
        return self.decode(torch.tanh(self.encode(x)) * self.scale)


def networks(settings: TinySettings) -> Any:
    return nn.ModuleDict({"autoencoder": Scaled(settings.width), "discriminator": nn.Conv3d(1, 1, 1)})


class TinyLearner(Learner):
    averaged = ("autoencoder",)

    def __init__(self, settings: TinySettings, data: Data, made: Any) -> None:
        self.settings, self.networks = settings, made
        self.training: CaseSource = data.training
        self.validation = data.validation

    def phases(self) -> Sequence[Phase]:
        rate = self.settings.training.learning_rate
        return [Phase("autoencoder", ("autoencoder",), lambda p: torch.optim.Adam(p, rate), self._loss)]

    def _loss(self, batch: Batch, random: BatchRandom, step: int) -> tuple[Any, Mapping[str, Any]]:
        del step
        noisy = batch["image"] + 0.01 * random.like(batch["image"])
        loss = (self.networks["autoencoder"](noisy) - batch["image"]).abs().mean()
        return loss, {"l1": loss.detach()}


RECIPE = Recipe(
    id=ID, title="Tiny autoencoder", sentence="Learns to repeat a ball.", reference="A test.", settings=TinySettings,
    presets={"small": TinySettings(), "published": TinySettings(width=16)},
    data_shape=lambda s: DataShape((8, 8, 8), (0.0, 0.0, 0.0), "CT", (-1000.0, 1000.0), ("ball",)),
    phantom=lambda s: Data(Balls(8, 1), Balls(4, 2)), networks=networks,
    learner=lambda settings, data, made, models: TinyLearner(settings, data, made), parts=("autoencoder",),
)
NEEDY = Recipe(
    id="tiny.needy", title="Needs another", sentence="Builds on the tiny autoencoder.", reference="A test.",
    settings=TinySettings, presets={"small": TinySettings()}, data_shape=RECIPE.data_shape, phantom=RECIPE.phantom,
    networks=networks, learner=RECIPE.learner, needs={"autoencoder": ID}, parts=("autoencoder",),
)


def reproduce(out: Path, run: si.Run, *, quick: bool, train: bool) -> None:
    run.progress(0.5, "measuring")
    run.note("Figures of a phantom.")
    (out / "tiny.md").write_text(f"quick {quick}, train {train}, seed {run.seed}", encoding="utf-8")


@dataclass(frozen=True)
class TinyGenerator:
    """Balls from a trained tiny autoencoder."""

    id: ClassVar[str] = "tiny"
    title: ClassVar[str] = "Tiny phantom balls"
    sentence: ClassVar[str] = "A ball."
    reference: ClassVar[str] = "A test."
    modality: ClassVar[str] = "CT"
    structures: ClassVar[tuple[str, ...]] = ("ball",)
    measurements: ClassVar[tuple[Measurement, ...]] = (Measurement("ball_ml", "Ball", "ml", (0.0, 1.0)),)
    model: str = ""
    steps: Annotated[int, Label("Steps"), Within(1, 100)] = 10

    def make(self, rng: np.random.Generator, run: si.Run) -> CohortCase:
        from synthetic_imaging.learning.weights.models import load_model

        k, j, i = np.ogrid[-1:1:8j, -1:1:8j, -1:1:8j]
        inside = k * k + j * j + i * i < rng.uniform(0.2, 0.8)
        image = torch.from_numpy(inside[None, None].astype(np.float32))
        if self.model:
            image = load_model(self.model).networks["autoencoder"](image)
        grid = si.Geometry.from_spacing((8, 8, 8))
        mask = si.Mask.single(inside, grid, "ball")
        run.progress(1.0, "drawn")
        voxels = image[0, 0].numpy() * self.steps - 0.01 * rng.random((8, 8, 8), np.float32)
        return CohortCase(si.Volume(voxels, grid, modality="CT"), mask, {"ball_ml": mask.volume_ml()})


def install() -> None:
    registry.RECIPES[ID] = "tiny_recipe:RECIPE"
    registry.RECIPES["tiny.needy"] = "tiny_recipe:NEEDY"
    registry.SYSTEMS["tiny"] = "tiny_recipe:reproduce"
    GENERATORS["tiny"] = "tiny_recipe:TinyGenerator"


if __name__ == "__main__":
    from synthetic_imaging.cli import main

    install()
    main()

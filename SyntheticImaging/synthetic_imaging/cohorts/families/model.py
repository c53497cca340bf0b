"""One interface for all families: fit, sample, save and load."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.cohorts.families import drawing
from synthetic_imaging.cohorts.families.settings import Sampling
from synthetic_imaging.context import Run
from synthetic_imaging.errors import FileError, ParameterError
from synthetic_imaging.learning import registry

if TYPE_CHECKING:
    from synthetic_imaging.learning.recipe import Data
    from synthetic_imaging.learning.weights.models import Model

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]
MODEL, FIRST = "model", "autoencoder"
_FILE = "family.json"


@dataclass(frozen=True)
class Family:
    """A family of generative models.

    Attributes:
        name: what a user types.
        title: what a table shows.
        stages: role -> recipe, in the order of training; the last one is `MODEL`.
        draw: (what with, a stream for each sample, condition, progress) -> images and labels.
    """

    name: str
    title: str
    stages: Mapping[str, str]
    draw: Callable[..., drawing.Drawn]


FAMILIES: dict[str, Family] = {
    family.name: family for family in (
        Family("vae", "VAE", {MODEL: "families.vae"}, drawing.of_vae),
        Family("vq-gan", "VQ-GAN with diffusion prior", {FIRST: "families.vq-gan", MODEL: "families.vq-prior"},
               drawing.of_latents),
        Family("gan", "GAN", {MODEL: "families.gan"}, drawing.of_gan),
        Family("voxel", "Voxel diffusion", {MODEL: "families.voxel"}, drawing.of_space),
        Family("latent", "Latent diffusion", {FIRST: "families.autoencoder", MODEL: "families.latent"},
               drawing.of_latents),
        Family("flow", "Latent rectified flow", {FIRST: "families.autoencoder", MODEL: "families.flow"},
               drawing.of_latents),
        Family("wavelet", "Wavelet diffusion", {MODEL: "families.wavelet"}, drawing.of_space),
    )
}


def family(name: str) -> Family:
    """A family by name.

    Raises:
        ParameterError: if there is none.
    """
    if name not in FAMILIES:
        raise ParameterError(f"There is no family '{name}'. Families: {', '.join(FAMILIES)}.")
    return FAMILIES[name]


@dataclass(frozen=True, eq=False)
class Samples:
    """What a model made.

    Attributes:
        images: (N, C, K, J, I), 0..1.
        labels: (N, K, J, I) where the model makes image and label map together, else None.
    """

    images: Images
    labels: Labels | None


@dataclass(eq=False)
class GenerativeModel:
    """A model of volumes, whatever its family.

    Attributes:
        family: which.
        settings: role -> settings of the recipe of each stage; what is not given is the recipe's small preset.
        device: where it works.
        models: role -> trained model; empty before `fit`.
    """

    family: Family
    settings: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    models: dict[str, Model] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, settings: Mapping[str, Any] | None = None, device: str = "cpu") -> GenerativeModel:
        """An untrained model of a family.

        Raises:
            ParameterError: if there is no such family or stage.
        """
        found, given = family(name), dict(settings or {})
        for role in given:
            if role not in found.stages:
                raise ParameterError(f"{found.title} has no stage '{role}'. Stages: {', '.join(found.stages)}.")
        small = {role: registry.recipe(place).presets["small"] for role, place in found.stages.items()}
        return cls(found, {**small, **given}, device)

    def fit(
        self, data: Data | None, folder: Path, seed: int, *, time_limit_s: float = 0.0, run: Run | None = None
    ) -> GenerativeModel:
        """Train all stages; an interrupted training goes on, a finished one with the same settings and seed is taken.

        Args:
            data: cases, the same for all stages; None takes phantoms.
            folder: for checkpoints and models, one folder a recipe.
            seed: of weights, order and noise.
            time_limit_s: above 0, the time for the whole, see `trained_for`; its stages share it alike, and steps no
                longer count.
            run: progress and cancel.

        Returns:
            Itself, trained.

        Raises:
            Cancelled: with a checkpoint left.
            TrainingFailed: for what the loop says.
        """
        from synthetic_imaging.cohorts.families.timed import trained_for
        from synthetic_imaging.learning.phantom_models import phantom_model

        run = run or Run(seed, self.device)
        stages = list(self.family.stages.items())
        for number, (role, recipe_id) in enumerate(stages):
            part = run.part(number / len(stages), (number + 1) / len(stages))
            earlier = {FIRST: self.models[FIRST]} if role == MODEL and FIRST in self.models else {}
            limit = time_limit_s / len(stages)
            train = phantom_model if limit == 0 else partial(trained_for, limit)
            self.models[role] = train(recipe_id, self.settings[role], folder / recipe_id, seed, part, models=earlier,
                                      data=data)
        return self

    def sample(
        self, n: int, seed: int, cond: Labels | None = None, *, sampling: Sampling | None = None,
        batch_size: int = 8, run: Run | None = None,
    ) -> Samples:
        """New volumes; sample i depends on (seed, i) alone, whatever n and the batch size (but for rounding).

        Args:
            n: how many.
            seed: of the noise.
            cond: label maps (n, K, J, I) for a model that was trained with them as condition.
            sampling: sampler and steps instead of the settings' own.
            batch_size: how many at a time.
            run: progress and cancel.

        Raises:
            ParameterError: before training, for n below 1, or a condition where none is taken.
            InputError: if the condition does not fit.
        """
        import torch

        from synthetic_imaging.learning.networks.speed import computing

        if MODEL not in self.models:
            raise ParameterError("This model is not trained yet: fit it, or load one.")
        if n < 1 or batch_size < 1:
            raise ParameterError("At least 1 volume is sampled, at least 1 at a time.")
        if cond is not None and len(cond) != n:
            raise ParameterError(f"{n} volumes need {n} label maps, not {len(cond)}.")
        run = run or Run(seed, self.device)
        draw, images, labels = drawing.Draw(self.models, sampling, self.device), [], []
        for start in range(0, n, batch_size):
            numbers = range(start, min(start + batch_size, n))
            states = [np.random.SeedSequence([seed, i]).generate_state(1, np.uint64)[0] for i in numbers]
            streams = [torch.Generator().manual_seed(int(state >> np.uint64(1))) for state in states]

            def part(fraction: float, start: int = start, count: int = len(numbers)) -> None:
                run.progress((start + fraction * count) / n, "sampling")

            with torch.no_grad(), computing(self.device):
                given = None if cond is None else cond[start:start + len(numbers)]
                image, label = self.family.draw(draw, streams, given, part)
            images.append(image.float().cpu().numpy())
            if label is not None:
                labels.append(label.cpu().numpy())
        return Samples(np.concatenate(images), np.concatenate(labels) if labels else None)

    def save(self, folder: Path) -> None:
        """Write all stages and the family's name to a folder.

        Raises:
            ParameterError: before training.
            FileError: if it cannot be written.
        """
        from synthetic_imaging.files.staging import why
        from synthetic_imaging.learning.weights.models import provenance_of, save_model

        if MODEL not in self.models:
            raise ParameterError("This model is not trained yet: there is nothing to save.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for role, model in self.models.items():
                first = {FIRST: self.models[FIRST]} if role == MODEL and FIRST in self.models else {}
                save_model(folder / f"{role}.safetensors", model.recipe.id, model.settings, model.networks, model.card,
                           tuple(model.networks), needs=provenance_of(first))
            (folder / _FILE).write_text(json.dumps({"family": self.family.name}), encoding="utf-8")
        except OSError as error:
            raise why(error, folder) from None

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> GenerativeModel:
        """A model that `save` has written.

        Raises:
            FileError: if it is not there, or cannot be read.
        """
        from synthetic_imaging.learning.weights.models import load_model

        try:
            found = family(str(json.loads((folder / _FILE).read_text(encoding="utf-8"))["family"]))
        except (OSError, ValueError, KeyError, TypeError, ParameterError):
            raise FileError(f"'{folder}' holds no generative model: its {_FILE} is missing or damaged.") from None
        models = {role: load_model(folder / f"{role}.safetensors", device) for role in found.stages}
        for role, recipe_id in found.stages.items():
            if models[role].recipe.id != recipe_id:
                raise FileError(f"'{folder / role}.safetensors' is of another family.")
        return cls(found, {role: model.settings for role, model in models.items()}, device, models)

    @property
    def parameters(self) -> int:
        """Numbers in the networks that make a sample, judges not counted."""
        return sum(p.numel() for model in self.models.values() for p in model.networks.parameters())

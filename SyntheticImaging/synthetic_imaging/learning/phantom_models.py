"""Train a recipe on its own phantoms, or take the model that such a training has left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthetic_imaging.context import Run
from synthetic_imaging.errors import Cancelled
from synthetic_imaging.learning.registry import recipe as recipe_of

if TYPE_CHECKING:
    from synthetic_imaging.learning.recipe import Data
    from synthetic_imaging.learning.training import TrainingProgress
    from synthetic_imaging.learning.weights.models import Model

PHANTOM_FAILURE = "Trained on phantoms: it has never seen a patient's image."


def phantom_model(
    recipe_id: str, settings: Any, folder: Path, seed: int, run: Run, *, models: Mapping[str, Model] | None = None,
    data: Data | None = None, failures: tuple[str, ...] = (),
) -> Model:
    """The model in a folder if it was trained with these settings; else it is trained there, from the last checkpoint.

    Args:
        recipe_id: what to train.
        settings: of the recipe.
        folder: for checkpoints and the model.
        seed: of weights, order and noise.
        run: progress from 0 to 1 and cancel.
        models: what the recipe builds on.
        data: other cases than the recipe's phantoms.
        failures: what is known to go wrong, for the card.

    Raises:
        Cancelled: with a checkpoint left.
        TrainingFailed: for what the loop says.
    """
    from synthetic_imaging.learning.networks.building import built
    from synthetic_imaging.learning.training import Stopped, train
    from synthetic_imaging.learning.weights.card import Card
    from synthetic_imaging.learning.weights.models import load_model, save_model
    from synthetic_imaging.provenance import distribution_version

    recipe, target = recipe_of(recipe_id), folder / "model.safetensors"
    if target.is_file():
        found = load_model(target, run.device)
        if found.recipe.id == recipe_id and found.settings == settings and found.card.seed == seed:
            return found
    cases = data or recipe.phantom(settings)
    with built(seed):
        networks = recipe.networks(settings)
    learner = recipe.learner(settings, cases, networks, models or {})

    def report(progress: TrainingProgress) -> None:
        done = progress.step / max(progress.steps, 1)
        run.progress(done, f"{recipe.title}, step {progress.step} of {progress.steps}")

    result = train(learner, settings.training, folder, seed=seed, device=run.device, report=report,
                   cancelled=run.cancelled)
    if result.stopped_because is Stopped.CANCELLED:
        raise Cancelled
    metrics = {"steps": float(result.steps), "training seconds": result.seconds}
    if result.best_value is not None:
        metrics[f"validation {learner.watch} (phantom)"] = result.best_value
    card = Card(
        title=recipe.title, recipe=recipe_id, version=distribution_version(), licence="Apache-2.0",
        training_data=f"{len(cases.training)} phantom cases",
        known_failures=(PHANTOM_FAILURE, *recipe.known_failures, *failures),
        metrics=metrics, seed=seed,
    )
    save_model(target, recipe_id, settings, networks, card, recipe.parts, "float16",
               needs={role: model.sha256 for role, model in (models or {}).items()})
    return load_model(target, run.device)

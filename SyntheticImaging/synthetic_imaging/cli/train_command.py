"""`recipes` and `train`: what can be trained, and training it into a folder."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthetic_imaging.cli.learning_options import (
    assignments,
    learning_packages,
    needed_models,
    settings_of,
    whole_seed,
)
from synthetic_imaging.cli.progress_bar import duration, progress_bar, training_bar
from synthetic_imaging.context import Run
from synthetic_imaging.errors import Cancelled, FileError, JobFailed, ParameterError

if TYPE_CHECKING:
    from synthetic_imaging.learning.recipe import Data, Recipe
    from synthetic_imaging.learning.training import TrainingResult
    from synthetic_imaging.learning.weights.card import Card

RECORD = "training.json"
PHANTOM = "phantom"
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]


def recipes(as_json: _JSON = False) -> None:
    """List what can be trained."""
    from synthetic_imaging.learning.registry import recipes as all_recipes

    found = all_recipes()
    if as_json:
        print(json.dumps([{"id": r.id, "title": r.title, "sentence": r.sentence, "reference": r.reference,
                           "presets": list(r.presets), "needs": dict(r.needs)} for r in found]))
        return
    width = max((len(r.id) for r in found), default=0)
    for r in found:
        needs = "".join(f" Builds on {wanted}." for wanted in r.needs.values())
        print(f"{r.id:<{width}}  {r.title}: {r.sentence}{needs} Presets: {', '.join(r.presets)}.")


def train(
    recipe: Annotated[str, typer.Argument(help="Id of a recipe; `recipes` lists them.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the model, checkpoints and curves. "
                                             "(required)", show_default=False)] = None,
    data: Annotated[str, typer.Option("--data", metavar="FOLDER|DATALIST|phantom",
                                      help="Images and labels, or the recipe's own phantoms.")] = PHANTOM,
    preset: Annotated[str, typer.Option("--preset", metavar="small|published", help="Which settings to start from.")]
    = "small",
    changes: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", show_default=False,
                       help="Change a setting, as in training.steps=500; may be given several times.")] = None,
    seed: Annotated[str | None, typer.Option("--seed", metavar="WHOLE NUMBER", show_default=False,
                                             help="The same seed gives the same training; drawn when not given.")]
    = None,
    device: Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.")] = "auto",
    processes: Annotated[int, typer.Option("--processes", help="Processes of this computer, one for each GPU.")] = 1,
    nodes: Annotated[int, typer.Option("--nodes", help="Computers; more than one are started with torchrun.")] = 1,
    resume: Annotated[bool, typer.Option("--resume/--new", help="Go on with the training in the folder, or put it "
                                         "aside and start anew.")] = True,
    using: Annotated[list[str] | None, typer.Option("--with", metavar="ROLE=MODEL", show_default=False,
                     help="A trained model that the recipe builds on, as in autoencoder=FOLDER.")] = None,
    as_json: _JSON = False,
) -> None:
    """Train a recipe. Ctrl-C stops with a checkpoint; the same command goes on from there."""
    from synthetic_imaging.learning.registry import recipe as recipe_of

    found = recipe_of(recipe)
    if out is None:
        raise ParameterError("Name a folder for the model with --out.")
    settings = settings_of(found, preset, assignments(changes or (), "--set"))
    with learning_packages():
        result, card, place = _train(found, settings, data, out, whole_seed(seed), device, processes, nodes, resume,
                                     assignments(using or (), "--with"))
    if place is None:  # one of the further processes that torchrun has started: the first one speaks
        return
    if as_json:
        print(json.dumps({"ok": True, "recipe": found.id, "model": str(place), "steps": result.steps,
                          "best_value": result.best_value, "best_step": result.best_step, "seed": card.seed,
                          "seconds": round(result.seconds, 3), "stopped_because": result.stopped_because.value,
                          "notes": list(result.notes), "device": result.device, "precision": result.precision}))
        return
    for note in result.notes:
        print(f"  note: {note}")
    print(_sentence(found, result, card.seed))
    print(f"  {place}")


def _train(
    recipe: Recipe, settings: Any, data: str, out: Path, seed: int | None, device: str, processes: int, nodes: int,
    resume: bool, using: dict[str, str],
) -> tuple[TrainingResult, Card, Path | None]:
    from synthetic_imaging.learning.networks.building import built
    from synthetic_imaging.learning.training import Stopped, TrainingFailed, is_first_process
    from synthetic_imaging.learning.training import train as train_learner
    from synthetic_imaging.learning.weights.models import provenance_of, save_model
    from synthetic_imaging.learning.weights.names import MODEL_FILE

    number = _begin(out, recipe, settings, data, seed, resume)
    models = needed_models(recipe, using)
    cases = _cases(recipe, settings, data, number)
    # First weights from the seed too, so that the whole training follows from it.
    with built(number):
        networks = recipe.networks(settings)
    learner = recipe.learner(settings, cases, networks, models)
    try:
        with _stop_asked() as cancelled, training_bar(recipe.title) as report:
            result = train_learner(learner, settings.training, out, seed=number, device=device, processes=processes,
                                   nodes=nodes, resume=resume, report=report, cancelled=cancelled)
    except TrainingFailed as error:
        raise JobFailed(str(error)) from None
    if result.stopped_because is Stopped.CANCELLED:
        raise Cancelled(f"Stopped at step {result.steps} of {settings.training.steps}, with a checkpoint. The same "
                        "command goes on from there.")
    card = card_of(recipe, cases, result, number, learner.watch)
    if not is_first_process():
        return result, card, None
    _note(out, recipe, settings, data, number)  # a resumed training may have got more steps
    place = out / MODEL_FILE
    save_model(place, recipe.id, settings, networks, card, recipe.parts, needs=provenance_of(models))
    return result, card, place


def card_of(recipe: Recipe, cases: Data, result: TrainingResult, seed: int, watch: str = "loss") -> Card:
    """The card of a model that was just trained."""
    from synthetic_imaging.learning.weights.card import Card
    from synthetic_imaging.provenance import distribution_version

    phantom = cases.name == PHANTOM
    failures = [f"Trained for {result.steps} steps and judged by its own validation only."]
    if phantom:
        failures.insert(0, "Trained on phantoms: it has never seen a patient's image.")
    failures.extend(recipe.known_failures)
    metrics = {"steps": float(result.steps)}
    if result.best_value is not None:
        metrics[f"validation {watch}{' (phantom)' if phantom else ''}"] = result.best_value
    return Card(
        title=recipe.title, recipe=recipe.id, version=distribution_version(),
        licence="Apache-2.0" if phantom else "As the training data's owners allow",
        training_data=f"{len(cases.training)} phantom cases" if phantom else cases.name,
        known_failures=tuple(failures), metrics=metrics, seed=seed,
    )


def _cases(recipe: Recipe, settings: Any, data: str, seed: int) -> Data:
    if data == PHANTOM:
        return recipe.phantom(settings)
    from synthetic_imaging.learning.data.folder import read_folder

    with progress_bar("Training data") as report:
        run = Run(seed, report=report)
        if recipe.read is not None:
            cases = recipe.read(settings, Path(data), seed, run)
        else:
            cases = read_folder(data, recipe.data_shape(settings), seed=seed, run=run)
    for note in run.notes:
        typer.echo(f"note: {note}", err=True)
    return cases


def _begin(out: Path, recipe: Recipe, settings: Any, data: str, seed: int | None, resume: bool) -> int:
    """Note in the folder what is trained there, and return the seed: that of the training which is gone on with.

    Raises:
        ParameterError: if another recipe is trained there.
        FileError: if the folder cannot be written.
    """
    from synthetic_imaging.running import new_seed

    record = out / RECORD
    begun: dict[str, Any] = {}
    if resume and record.is_file():
        with suppress(OSError, ValueError):
            begun = dict(json.loads(record.read_text(encoding="utf-8")))
        if begun.get("recipe", recipe.id) != recipe.id:
            raise ParameterError(f"'{out}' holds a training of '{begun['recipe']}'. Choose another folder, or put it "
                                 "aside with --new.")
        if seed is not None and seed != begun.get("seed", seed):
            raise ParameterError(f"The training in '{out}' has the seed {begun['seed']}, not {seed}. Leave --seed out, "
                                 "choose another folder, or put it aside with --new.")
    if seed is None and not begun and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ParameterError("Give --seed: processes that torchrun starts must all have the same.")
    number = int(begun.get("seed", new_seed() if seed is None else seed))
    if not begun:
        _note(out, recipe, settings, data, number)
    return number


def _note(out: Path, recipe: Recipe, settings: Any, data: str, seed: int) -> None:
    from synthetic_imaging.files.staging import why
    from synthetic_imaging.learning.recipe import as_plain
    from synthetic_imaging.learning.training import is_first_process

    if not is_first_process():
        return
    # The data's folder is not named: it may be named after patients, and models are given away.
    noted = {"recipe": recipe.id, "seed": seed, "settings": as_plain(settings), "phantom": data == PHANTOM}
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / RECORD).write_text(json.dumps(noted, indent=2) + "\n", encoding="utf-8")
    except FileExistsError:
        raise FileError(f"'{out}' is a file. Name another folder with --out.") from None
    except OSError as error:
        raise why(error, out) from None


@contextmanager
def _stop_asked() -> Iterator[Callable[[], bool]]:
    """Ctrl-C or SIGTERM asks the training to stop with a checkpoint; a second one ends it at once."""
    asked = False

    def ask(number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before: dict[signal.Signals, Any] = {}
    # Outside the main thread the host decides.
    with suppress(ValueError, OSError):
        for sign in (signal.SIGINT, signal.SIGTERM):
            before[sign] = signal.signal(sign, ask)
    try:
        yield lambda: asked
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _sentence(recipe: Recipe, result: TrainingResult, seed: int) -> str:
    from synthetic_imaging.learning.training import Stopped

    why_ended = {Stopped.PATIENCE: ", ended because nothing improved", Stopped.TIME: ", ended by the time limit"}
    best = "" if result.best_value is None else (
        f"; best validated value {result.best_value:.4g} at step {result.best_step}")
    return (f"{recipe.title}: trained {result.steps} steps in {duration(result.seconds)} on {result.device}, "
            f"seed {seed}{why_ended.get(result.stopped_because, '')}{best}.")

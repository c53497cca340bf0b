"""The whole state of a training as tensors and numbers, and what makes two trainings the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from synthetic_imaging.learning.learner import Learner
from synthetic_imaging.learning.settings import Training
from synthetic_imaging.learning.training.averaging import Averages
from synthetic_imaging.learning.training.checkpoints import Saved
from synthetic_imaging.learning.training.plain_state import from_plain, plain, restore_optimiser, split_optimiser
from synthetic_imaging.learning.training.progress import TrainingFailed
from synthetic_imaging.learning.training.steps import Steps

NETWORKS, AVERAGE, OPTIMISER = "networks", "average", "optimiser"

# Settings that change what is learned; the others (steps, parts, format, limits, processes) may differ on a resume.
_FIXED = {
    "batch_size": "the batch size", "learning_rate": "the learning rate", "warm_up_steps": "the warm-up",
    "gradient_clip": "the largest gradient norm", "average_decay": "the decay of the moving average",
    "average_every": "the steps between averages",
}  # fmt: skip


@dataclass
class Counters:
    """Where a training stands."""

    step: int = 0
    best_value: float | None = None
    best_step: int | None = None
    without_better: int = 0
    seconds: float = 0.0
    validation_due: bool = False

    def kept(self) -> dict[str, Any]:
        """For a checkpoint."""
        return dict(vars(self))


def identity(learner: Learner, settings: Training, seed: int) -> dict[str, Any]:
    """What must be the same for a training to go on: fixed settings, seed, number of cases, networks' sizes."""
    return {
        "seed": seed,
        "cases": len(learner.training),
        "averaged": sorted(learner.averaged),
        "settings": {name: getattr(settings, name) for name in _FIXED},
        "networks": {key: list(tensor.shape) for key, tensor in learner.networks.state_dict().items()},
    }


def gather(
    learner: Learner, steps: Steps, averages: Averages, fabric: Any
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and numbers of networks, averages and optimisers."""
    tensors = {f"{NETWORKS}.{k}": v for k, v in learner.networks.state_dict().items()}
    tensors |= {f"{AVERAGE}.{k}": v for k, v in averages.tensors.items()}
    optimisers, schedules = {}, {}
    for worked in steps.phases:
        name = worked.phase.name
        found, optimisers[name] = split_optimiser(worked.optimiser.optimizer, f"{OPTIMISER}.{name}")
        tensors |= found
        if worked.schedule is not None:
            schedules[name] = plain(_numbers_of(worked.schedule.state_dict()), f"the schedule of '{name}'")
    return tensors, {
        "optimisers": optimisers,
        "schedules": schedules,
        "average_updates": averages.updates,
        "scaler": plain(fabric.strategy.precision.state_dict(), "the number format"),
    }


def _numbers_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule's state without its functions, which the learner makes anew."""
    return {k: v for k, v in state.items() if not callable(v)}


def restore_networks(learner: Learner, saved: Saved) -> None:
    """The networks' weights and buffers from a checkpoint, in place."""
    prefix = f"{NETWORKS}."
    put_in_place(learner.networks, {k[len(prefix):]: v for k, v in saved.tensors.items() if k.startswith(prefix)})


@torch.no_grad()
def put_in_place(networks: torch.nn.ModuleDict, tensors: Mapping[str, torch.Tensor]) -> None:
    """Copy tensors into networks; places, memory order and optimisers' references stay."""
    for key, tensor in networks.state_dict().items():
        tensor.copy_(tensors[key])


def restore_rest(saved: Saved, steps: Steps, averages: Averages, fabric: Any) -> None:
    """Optimisers, schedules, averages and the number format's scale from a checkpoint."""
    numbers = saved.numbers["state"]
    for worked in steps.phases:
        name = worked.phase.name
        restore_optimiser(worked.optimiser.optimizer, f"{OPTIMISER}.{name}", saved.tensors, numbers["optimisers"][name])
        if worked.schedule is not None and name in numbers["schedules"]:
            worked.schedule.load_state_dict(from_plain(numbers["schedules"][name]))
    prefix = f"{AVERAGE}."
    found = {k[len(prefix):]: v for k, v in saved.tensors.items() if k.startswith(prefix)}
    averages.load(found, numbers["average_updates"])
    scaler = from_plain(numbers["scaler"])
    if scaler:
        fabric.strategy.precision.load_state_dict(scaler)


def check_same(saved: Saved, present: Mapping[str, Any]) -> None:
    """Refuse to go on from another training's checkpoint.

    Raises:
        TrainingFailed: naming what differs.
    """
    kept = saved.numbers["identity"]
    differ = [
        f"{words} was {_short(kept['settings'].get(name))} and is {_short(present['settings'][name])} now"
        for name, words in _FIXED.items()
        if kept["settings"].get(name) != present["settings"][name]
    ]
    if kept["seed"] != present["seed"]:
        differ.append(f"the seed was {kept['seed']} and is {present['seed']} now")
    if kept["cases"] != present["cases"]:
        differ.append(f"there were {kept['cases']} training cases and are {present['cases']} now")
    if kept["averaged"] != present["averaged"]:
        differ.append("other networks are averaged")
    differ += _networks_differ(kept["networks"], present["networks"])
    if differ:
        raise TrainingFailed(
            f"The checkpoint '{saved.folder}' belongs to a training with other settings: {'; '.join(differ)}. Take the "
            "same settings again, or another output folder, or start anew without resuming."
        )


def _networks_differ(kept: Mapping[str, list[int]], present: Mapping[str, list[int]]) -> list[str]:
    found = []
    for name in sorted({key.split(".")[0] for key in (*kept, *present)}):
        old = {k: v for k, v in kept.items() if k.split(".")[0] == name}
        new = {k: v for k, v in present.items() if k.split(".")[0] == name}
        if not old or not new:
            found.append(f"the network '{name}' is {'new' if new else 'missing'}")
        elif old != new:
            example = next((k for k in new if k in old and old[k] != new[k]), None)
            if example is not None:
                detail = f"'{example}' was {_shape(old[example])} and is {_shape(new[example])} now"
            else:
                detail = f"it had {len(old)} tensors and has {len(new)} now"
            found.append(f"the network '{name}' has another size ({detail})")
    return found


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _shape(shape: list[int]) -> str:
    return " x ".join(map(str, shape)) or "one number"

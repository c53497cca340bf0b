"""One step: each phase's loss on all parts of the batch, its gradients, and its optimiser."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric

from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.learning.settings import Training
from synthetic_imaging.learning.training.loading import Part
from synthetic_imaging.learning.training.order import dropout_seed
from synthetic_imaging.learning.training.sharing import Sharing

STOP = "stop"


@dataclass(frozen=True)
class StepValues:
    """The values of a step, still on the device.

    Attributes:
        step: the step.
        names: "loss" of the first phase, then what is logged.
        tensor: (names,) float32; means over the global batch once read.
    """

    step: int
    names: tuple[str, ...]
    tensor: torch.Tensor

    def read(self) -> dict[str, float]:
        """As numbers; waits for the device."""
        return dict(zip(self.names, self.tensor.tolist(), strict=True))


@dataclass
class _Worked:
    phase: Phase
    parameters: list[torch.nn.Parameter]
    module: torch.nn.Module
    optimiser: Any
    schedule: Any


class Steps:
    """The phases of a learner with their optimisers."""

    def __init__(self, fabric: Fabric, learner: Learner, settings: Training, seed: int, sharing: Sharing) -> None:
        self._fabric, self._settings, self._seed, self._sharing = fabric, settings, seed, sharing
        self.phases: list[_Worked] = []
        made = list(learner.phases())
        self._updated = {name for phase in made for name in phase.networks}
        self._trainable = {id(p) for p in learner.networks.parameters() if p.requires_grad}
        self._networks = learner.networks
        self._gathered = [
            buffer for name in sorted(self._updated) for buffer in learner.networks[name].buffers()
            if buffer.is_floating_point()
        ]  # fmt: skip
        if not made:
            raise TypeError(f"{type(learner).__name__} has no phases")
        for phase in made:
            module = torch.nn.ModuleList([learner.networks[name] for name in phase.networks])
            parameters = [p for p in module.parameters() if id(p) in self._trainable]
            if not parameters:
                raise TypeError(f"the phase '{phase.name}' has no parameters to train")
            optimiser = phase.optimiser(parameters)
            schedule = phase.schedule(optimiser) if phase.schedule is not None else None
            self.phases.append(_Worked(phase, parameters, module, fabric.setup_optimizers(optimiser), schedule))
        self._current = ""
        self._clip = settings.gradient_clip
        self._scaled = getattr(fabric.strategy.precision, "scaler", None) is not None

    def train_mode(self) -> None:
        """Networks that some phase updates are in training mode, all others (a frozen encoder) are not."""
        for name, network in self._networks.items():
            network.train(name in self._updated)

    def step(self, step: int, parts: Sequence[Part], stop: bool = False) -> StepValues:
        """Do step number ``step`` (from 0).

        Args:
            step: its number; all randomness follows from it.
            parts: this process's parts of the batch, on the CPU.
            stop: whether this process wishes to stop; the value "stop" is above 0 if any does.
        """
        device = self._fabric.device
        batches = [(part, _to(part.batch, device)) for part in parts]
        randoms = [BatchRandom(self._seed, step, part.positions, device) for part in parts]
        totals: dict[str, torch.Tensor] = {}
        later: dict[str, torch.Tensor] = {}
        for number, worked in enumerate(self.phases):
            if not worked.phase.active(step):
                continue
            self._only(worked)
            worked.optimiser.zero_grad(set_to_none=True)
            for (part, batch), random in zip(batches, randoms, strict=True):
                self._seed_dropout(dropout_seed(self._seed, step, part.positions, number))
                with self._fabric.autocast():
                    loss, values = worked.phase.loss(batch, random, step)
                share = len(part.positions) / self._settings.batch_size
                self._fabric.backward(loss * share)
                for name, value in self._named(number, loss, values):
                    tensor = torch.as_tensor(value, dtype=torch.float32, device=device).detach() * share
                    totals[name] = totals[name] + tensor if name in totals else tensor
            later.update(self._update(step, number, worked))
        self._sharing.mean_buffers(self._gathered)
        if self._sharing.processes > 1:
            totals[STOP] = torch.tensor(float(stop), device=device)
        mean = self._sharing.sum(torch.stack(list(totals.values()))) if totals else torch.zeros(0, device=device)
        if later:
            mean = torch.cat([mean, torch.stack(list(later.values()))])
        return StepValues(step, (*totals, *later), mean)

    def _seed_dropout(self, seed: int) -> None:
        """Drop-out knows no generator, so the device's own is set; its state before is put back after the training.

        Not by the function that seeds all devices: it queues a call, with a stack trace, for each kind of GPU that
        is not in use.
        """
        torch.default_generator.manual_seed(seed)
        if self._fabric.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        elif self._fabric.device.type == "mps":
            torch.mps.manual_seed(seed)

    def _named(
        self, number: int, loss: torch.Tensor, values: Mapping[str, torch.Tensor | float]
    ) -> Iterator[tuple[str, torch.Tensor | float]]:
        prefix = f"{self.phases[number].phase.name}." if len(self.phases) > 1 else ""
        yield f"{prefix}loss", loss
        for name, value in values.items():
            if name != "loss":
                yield prefix + name, value

    def _update(self, step: int, number: int, worked: _Worked) -> dict[str, torch.Tensor]:
        self._sharing.sum_gradients(worked.parameters)
        values: dict[str, torch.Tensor] = {}
        if self._clip > 0:
            norm = self._fabric.clip_gradients(
                worked.module, worked.optimiser, max_norm=self._clip, error_if_nonfinite=False
            )
            prefix = f"{worked.phase.name}." if len(self.phases) > 1 else ""
            if norm is not None and not self._scaled:  # scaled gradients overflow now and then, and are left out
                values[f"{prefix}gradient_norm"] = norm.float()
        with self._paced(step, worked.optimiser.optimizer):
            worked.optimiser.step()
        if worked.schedule is not None:
            worked.schedule.step()
        return values

    @contextlib.contextmanager
    def _paced(self, step: int, optimiser: torch.optim.Optimizer) -> Iterator[None]:
        """The learning rate in the warm-up and the cool-down; a phase's own schedule does not see it."""
        pace = pace_of(step, self._settings)
        if pace == 1.0:
            yield
            return
        kept = [group["lr"] for group in optimiser.param_groups]
        for group in optimiser.param_groups:
            group["lr"] = group["lr"] * pace
        try:
            yield
        finally:
            for group, rate in zip(optimiser.param_groups, kept, strict=True):
                group["lr"] = rate

    def learning_rate(self, step: int) -> float:
        """The first phase's learning rate at a step, warm-up and cool-down included."""
        return float(self.phases[0].optimiser.optimizer.param_groups[0]["lr"]) * pace_of(step, self._settings)

    def _only(self, worked: _Worked) -> None:
        """Let gradients flow into this phase's networks alone."""
        if self._current == worked.phase.name:
            return
        self._current = worked.phase.name
        mine = {id(p) for p in worked.parameters}
        for parameter in self._networks.parameters():
            if id(parameter) in self._trainable:
                parameter.requires_grad_(id(parameter) in mine)

    def release(self) -> None:
        """Leave the networks' parameters trainable as they were found, without gradients."""
        for parameter in self._networks.parameters():
            parameter.requires_grad_(id(parameter) in self._trainable)
            parameter.grad = None


def pace_of(step: int, settings: Training) -> float:
    """By what the learning rate is multiplied at a step: it rises in the warm-up, and falls to 0 in the cool-down."""
    rising = (step + 1) / (settings.warm_up_steps + 1)
    falling = (settings.steps - step) / (settings.cool_down_steps + 1)
    return min(1.0, rising, falling)


def _to(batch: Batch, device: torch.device) -> Batch:
    return {k: v.to(device, non_blocking=True) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}

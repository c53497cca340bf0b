"""The training loop of one process: steps, averages, validation, checkpoints, and why it ends."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from safetensors import SafetensorError
from safetensors.torch import load_file

from synthetic_imaging.learning.learner import Learner
from synthetic_imaging.learning.randomness import generator_of
from synthetic_imaging.learning.settings import Precision, Training
from synthetic_imaging.learning.training.averaging import Averages
from synthetic_imaging.learning.training.checkpoints import Checkpoints, write_model
from synthetic_imaging.learning.training.history import History
from synthetic_imaging.learning.training.loading import Loader
from synthetic_imaging.learning.training.machine import set_layout
from synthetic_imaging.learning.training.memory_advice import advice
from synthetic_imaging.learning.training.order import CaseOrder, shares
from synthetic_imaging.learning.training.pace import Pace
from synthetic_imaging.learning.training.progress import Stopped, TrainingFailed, TrainingReporter, TrainingResult
from synthetic_imaging.learning.training.sharing import Sharing
from synthetic_imaging.learning.training.small_convolutions import computed_exactly
from synthetic_imaging.learning.training.state import (
    Counters,
    check_same,
    gather,
    identity,
    put_in_place,
    restore_networks,
    restore_rest,
)
from synthetic_imaging.learning.training.steps import STOP, Steps, StepValues
from synthetic_imaging.learning.training.validation import validate


@dataclass(frozen=True)
class Plan:
    """What one process needs to train."""

    learner: Learner
    settings: Training
    out: Path
    seed: int
    precision: Precision
    resume: bool
    report: TrainingReporter
    cancelled: Callable[[], bool]


class Loop:
    """One training in one process of ``fabric``."""

    def __init__(self, fabric: Fabric, plan: Plan) -> None:
        self.fabric, self.plan = fabric, plan
        self.learner, self.settings = plan.learner, plan.settings
        self.first = fabric.global_rank == 0
        self.sharing = Sharing(fabric.world_size, fabric.device)
        self.checkpoints = Checkpoints(plan.out / "checkpoints")
        self.best_file = plan.out / "best.safetensors"
        self.counters = Counters()
        self.history = History(plan.out, self.settings.steps, write=self.first)
        self.pace = Pace(self.settings.steps, plan.report if self.first else None)
        self.notes: list[str] = []
        self.saved_step = -1
        self._unread: StepValues | None = None
        self._wished: Stopped | None = None

    def run(self) -> TrainingResult:
        """Train to the end, the limit or the cancel."""
        started = time.monotonic()
        on_cuda = self.fabric.device.type == "cuda"
        random_before = torch.random.get_rng_state()
        cuda_before = torch.cuda.get_rng_state(self.fabric.device) if on_cuda else None
        benchmark_before = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = on_cuda
        try:
            with (
                advice(self.settings, self.plan.precision, str(self.fabric.device), self.sharing.processes),
                self._guard(),
            ):
                self._prepare()
                because = self._steps(started)
                self._save(started)
                self._finish()
        finally:
            self.history.close()
            torch.random.set_rng_state(random_before)
            torch.backends.cudnn.benchmark = benchmark_before
            if cuda_before is not None:
                torch.cuda.set_rng_state(cuda_before, self.fabric.device)
        self.pace.report("done")
        c = self.counters
        return TrainingResult(
            steps=c.step, best_value=c.best_value, best_step=c.best_step, stopped_because=because, seconds=c.seconds,
            checkpoint=self.checkpoints.path(c.step), best=self.best_file if c.best_step is not None else None,
            history=tuple(self.history.rows), notes=(*self.notes, *self.history.notes), resumed_from=self.pace.begun,
            precision=self.plan.precision.value, device=str(self.fabric.device),
        )  # fmt: skip

    def _guard(self) -> contextlib.AbstractContextManager[None]:
        if self.fabric.device.type == "cpu" and self.plan.precision is Precision.BFLOAT16:
            return computed_exactly(self.learner.networks)
        return contextlib.nullcontext()

    def _prepare(self) -> None:
        learner, plan = self.learner, self.plan
        self.pace.report("preparing")
        self.fabric.to_device(learner.networks)
        set_layout(learner.networks, plan.precision, str(self.fabric.device))
        saved, notes = self.checkpoints.newest() if plan.resume else (None, [])
        for note in notes:
            self._note(note)
        if self.sharing.first(saved and saved.step) != (saved and saved.step):
            raise TrainingFailed(f"The machines see different checkpoints in '{plan.out}'. Take a shared folder.")
        self.identity = identity(learner, self.settings, plan.seed)
        if saved is not None:
            check_same(saved, self.identity)
            restore_networks(learner, saved)
        self.sharing.same_state(learner.networks)
        with torch.no_grad():
            learner.before_training(str(self.fabric.device))
        self.sharing.same_state(learner.networks)
        self.steps = Steps(self.fabric, learner, self.settings, plan.seed, self.sharing)
        self.averages = Averages(learner.networks, learner.averaged, self.settings.average_decay)
        if saved is not None:
            restore_rest(saved, self.steps, self.averages, self.fabric)
            self.counters = Counters(**saved.numbers["counters"])
            self.saved_step = saved.step
        self.seconds_before = self.counters.seconds
        self.history.open(self.counters.step, saved.numbers["history"] if saved is not None else None)
        self.pace.begin(self.counters.step)
        self.steps.train_mode()

    def _wish(self, started: float) -> Stopped | None:
        """Why the first process wishes to stop; once it does, it stays so."""
        if self._wished is None and self.first:
            limit = self.settings.time_limit_s
            if self.plan.cancelled():
                self._wished = Stopped.CANCELLED
            elif limit > 0 and self.seconds_before + time.monotonic() - started >= limit:
                self._wished = Stopped.TIME
        return self._wished

    def _cancelled_alone(self) -> bool:
        """Asked while waiting; with several processes the others would wait for ever, so it is asked between steps."""
        return self.sharing.processes == 1 and self.plan.cancelled()

    def _steps(self, started: float) -> Stopped:
        s, c = self.settings, self.counters
        if c.validation_due:  # the training was cancelled in the middle of it
            because = self._validate()
            if because is not None:
                return because
        if s.patience and c.without_better >= s.patience:
            return Stopped.PATIENCE
        if c.step >= s.steps:
            return Stopped.FINISHED
        order = CaseOrder(len(self.learner.training), s.batch_size, self.plan.seed)
        positions = shares(s.batch_size, self.sharing.processes, self.fabric.global_rank, s.accumulate)
        pin = self.fabric.device.type == "cuda"
        with Loader(
            self.learner.training, order, positions, range(c.step, s.steps), workers=s.workers, pin=pin
        ) as loader:
            while c.step < s.steps:
                parts = loader.next_step(self._cancelled_alone)
                if parts is None:
                    return Stopped.CANCELLED
                wish = self._wish(started)
                if wish is not None and self.sharing.processes == 1:
                    return wish
                values = self.steps.step(c.step, parts, stop=wish is not None)
                c.step += 1
                if c.step % s.average_every == 0:
                    self.averages.update()
                agreed = self._read(values)
                if c.step % s.validate_every == 0 or c.step == s.steps:
                    self._read_all()
                    because = self._validate()
                    if because is not None:
                        return because
                if agreed:
                    return Stopped(self.sharing.first(self._wish(started)))
                if c.step % s.checkpoint_every == 0:
                    self._save(started)
        return Stopped.FINISHED

    def _read(self, values: StepValues) -> bool:
        """Look at a step's values; on a GPU at those of the step before, so that it never waits. Whether to stop."""
        if self.fabric.device.type == "cpu":
            return self._take(values)
        before, self._unread = self._unread, values
        return before is not None and self._take(before)

    def _read_all(self) -> None:
        if self._unread is not None:
            values, self._unread = self._unread, None
            self._take(values)

    def _take(self, values: StepValues) -> bool:
        numbers = values.read()
        stop = numbers.pop(STOP, 0.0) > 0
        for name, value in numbers.items():
            if not math.isfinite(value) and name.endswith(("loss", "gradient_norm")):
                raise self._failed(values.step, name)
        self.history.take(values.step + 1, {**numbers, "learning_rate": self.steps.learning_rate(values.step)})
        self.pace.stepped(values.step + 1, numbers)
        return stop

    def _failed(self, step: int, name: str) -> TrainingFailed:
        """The sentence for a loss that is not a number."""
        case = self._case_that_is_not_finite(step)
        what = {"loss": "loss", "gradient_norm": "gradient"}.get(name, f"value '{name}'")
        text = f"The {what} is not a number at step {step + 1}. "
        if case is not None:
            text += f"Training case {case} holds voxels that are not numbers: repair it or leave it out. "
        else:
            tries = [f"a lower learning rate (it is {self.settings.learning_rate:g})"]
            if self.settings.warm_up_steps == 0:
                tries.append("a warm-up (warm_up_steps 500)")
            if self.settings.gradient_clip == 0:
                tries.append("a limit of the gradient (gradient_clip 1)")
            if self.plan.precision is not Precision.FLOAT32:
                tries.append(f"float32 instead of {self.plan.precision.value}")
            text += f"Try {', or '.join(tries)}. "
        steps = self.checkpoints.steps()
        if steps:
            text += f"The last good checkpoint is of step {steps[0]}: '{self.checkpoints.path(steps[0])}'."
        return TrainingFailed(text.rstrip())

    def _case_that_is_not_finite(self, step: int) -> int | None:
        order = CaseOrder(len(self.learner.training), self.settings.batch_size, self.plan.seed)
        for position in range(self.settings.batch_size):
            index = order.index(step, position)
            case = self.learner.training.case(index, generator_of(self.plan.seed, step, position))
            for value in case.values():
                if isinstance(value, (np.ndarray, float)) and not np.all(np.isfinite(value)):
                    return index
        return None

    def _validate(self) -> Stopped | None:
        learner, c = self.learner, self.counters
        if learner.validation is None:
            return None
        self.pace.report("validating")
        c.validation_due = True
        learner.networks.eval()
        with self.averages.in_place():
            values = validate(
                self.fabric, learner, learner.validation, self.settings, self.plan.seed, self.sharing,
                self.plan.cancelled,
            )  # fmt: skip
            if values is None:
                self.steps.train_mode()
                return Stopped.CANCELLED
            self._judge(values)
            with torch.no_grad(), self.fabric.autocast():
                pictures: Any = learner.pictures(str(self.fabric.device)) if self.first else {}
        self.steps.train_mode()
        c.validation_due = False
        self.history.validated(c.step, values, pictures)
        self.pace.validated(values)
        over = self.settings.patience > 0 and c.without_better >= self.settings.patience
        return Stopped.PATIENCE if over else None

    def _judge(self, values: dict[str, float]) -> None:
        """Keep the model if it is the best so far."""
        c, watch = self.counters, self.learner.watch
        if watch not in values:
            raise TypeError(f"'{watch}' is to be watched, and validation gave {', '.join(values) or 'nothing'}")
        value = values[watch]
        if math.isfinite(value) and (c.best_value is None or value < c.best_value):
            c.best_value, c.best_step, c.without_better = value, c.step, 0
            if self.first:
                about = {"step": c.step, "watch": watch, "value": value}
                write_model(self.best_file, self.learner.networks.state_dict(), {"training": json.dumps(about)})
        else:
            c.without_better += 1

    def _save(self, started: float) -> None:
        """Write a checkpoint of the step that is done; a training that has gone wrong is not written."""
        self._read_all()
        c = self.counters
        c.seconds = self.seconds_before + time.monotonic() - started
        if self.saved_step == c.step:
            return
        if self.first:
            if not _finite(self.learner.networks):
                raise self._failed(max(0, c.step - 1), "weights")
            self.pace.report("saving")
            tensors, numbers = gather(self.learner, self.steps, self.averages, self.fabric)
            self.checkpoints.write(
                c.step, tensors,
                {"identity": self.identity, "counters": c.kept(), "history": self.history.kept(), "state": numbers},
            )  # fmt: skip
        self.sharing.wait()
        self.saved_step = c.step

    def _finish(self) -> None:
        """Leave the best weights, else the averaged ones, in the networks."""
        self.steps.release()
        self.averages.make_final()
        if self.first and self.counters.best_step is not None:
            try:
                put_in_place(self.learner.networks, load_file(self.best_file))
            except (OSError, KeyError, RuntimeError, SafetensorError):
                self._note(f"'{self.best_file}' cannot be read; the weights are those of the last step.")
        self.sharing.same_state(self.learner.networks)
        self.learner.networks.eval()

    def _note(self, sentence: str) -> None:
        self.notes.append(sentence)
        self.pace.say(sentence)


@torch.no_grad()
def _finite(networks: torch.nn.Module) -> bool:
    tensors = [p for p in networks.parameters() if p.is_floating_point()]
    if not tensors:
        return True
    return bool(torch.stack([torch.isfinite(t.sum()) for t in tensors]).all())

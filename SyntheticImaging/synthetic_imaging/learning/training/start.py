"""Where a training runs: this process, several of this machine, or those that torchrun has started."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from synthetic_imaging import parameters
from synthetic_imaging.errors import FileError, InputError, ParameterError
from synthetic_imaging.learning.learner import Learner
from synthetic_imaging.learning.settings import Precision, Training
from synthetic_imaging.learning.training.progress import (
    TrainingReporter,
    TrainingResult,
    is_first_process,
    never,
    silent,
)

if TYPE_CHECKING:
    from synthetic_imaging.learning.training.loop import Plan

_EARLIER = ("checkpoints", "best.safetensors", "history.csv", "log")


def train(
    learner: Learner,
    settings: Training,
    out: Path,
    *,
    seed: int,
    device: str = "auto",
    processes: int = 1,
    nodes: int = 1,
    resume: bool = True,
    report: TrainingReporter = silent,
    cancelled: Callable[[], bool] = never,
) -> TrainingResult:
    """Train a learner.

    The result depends on the learner, the settings and the seed; not (beyond rounding) on the number of processes or
    parts of a batch, and not at all (on a CPU) on whether it was interrupted. Two things inside networks do depend on
    how a batch is shared out: batch normalisation sees one part at a time, and drop-out draws for one part at a time.

    Args:
        learner: networks, cases, phases. Its networks are trained in place, and end with the best (averaged) weights.
        settings: how long and how.
        out: folder for checkpoints, ``best.safetensors``, ``history.csv`` and ``log`` (TensorBoard); made if missing.
        seed: of all randomness here. The networks' first weights are the caller's.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        processes: of this machine, each with its own GPU or share of the CPU. More than one are started here and get
            the learner, which must then consist of importable classes; ignored in a process that torchrun has started.
        nodes: machines. More than one are started by torchrun.
        resume: go on from the newest checkpoint in ``out``; without, what is there is moved aside.
        report: takes the progress, in the first process.
        cancelled: asked at each step, and while waiting for cases; true stops with a checkpoint written.

    Returns:
        What came out; in processes of torchrun the same in each.

    Raises:
        ParameterError: settings, device or number of processes cannot be.
        InputError: there are no cases, or they do not fit together.
        FileError: ``out`` cannot be written or read; earlier checkpoints are kept.
        MemoryShortage: naming settings that would help.
        TrainingFailed: the loss is not a number, or ``out`` holds another training.
    """
    parameters.check(settings)
    if seed < 0:
        raise ParameterError(f"The seed is {seed}; it must be a whole number from 0 up.")
    if processes < 1 or nodes < 1:
        raise ParameterError("A training needs at least one process on one machine.")
    if len(learner.training) == 0:
        raise InputError("There are no training cases. Give at least one.")
    if learner.validation is not None and len(learner.validation) == 0:
        raise InputError("There are no validation cases. Give some, or train without validation.")
    started_outside = int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ
    if started_outside:
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        nodes = int(os.environ["WORLD_SIZE"]) // processes
    elif nodes > 1:
        raise ParameterError(
            f"To train on {nodes} machines, start the same command on each with torchrun "
            f"(torchrun --nnodes {nodes} --nproc-per-node {processes} ...)."
        )
    if settings.batch_size < processes * nodes:
        raise ParameterError(
            f"A batch of {settings.batch_size} cannot be shared by {processes * nodes} processes. Take a batch size of "
            f"at least {processes * nodes}, or fewer processes."
        )
    if not started_outside or is_first_process():
        _prepare_folder(out, resume)

    from synthetic_imaging.learning.training.loop import Plan
    from synthetic_imaging.learning.training.machine import choose_device, choose_precision

    chosen = choose_device(device, processes)
    plan = Plan(learner, settings, out, seed, choose_precision(Precision(settings.precision), chosen), resume, report,
                cancelled)  # fmt: skip
    if processes * nodes == 1:
        return _alone(plan, chosen)
    from synthetic_imaging.learning.training import processes as several

    if started_outside:
        return several.run_started(plan, chosen, processes, nodes)
    return several.run_starting(plan, chosen, processes)


def _alone(plan: Plan, device: str) -> TrainingResult:
    from synthetic_imaging.learning.training.loop import Loop
    from synthetic_imaging.learning.training.processes import fabric_for

    return Loop(fabric_for(device, plan.precision, 1, 1), plan).run()


def _prepare_folder(out: Path, resume: bool) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        present = [out / name for name in _EARLIER if (out / name).exists()]
        if not resume and present:
            number = 1
            while (out / f"earlier-{number}").exists():
                number += 1
            (out / f"earlier-{number}").mkdir()
            for path in present:
                shutil.move(path, out / f"earlier-{number}" / path.name)
    except FileExistsError:
        raise FileError(f"'{out}' is a file. Give the name of a folder.") from None
    except OSError as error:
        raise FileError(f"The folder '{out}' cannot be written: {error.strerror}. Choose another.") from error

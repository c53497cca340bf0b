"""What a training says while it runs, and what it returns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from synthetic_imaging.errors import SyntheticImagingError


class TrainingFailed(SyntheticImagingError):
    """The training cannot go on: the loss is not a number, or a checkpoint belongs to another training."""


class Stopped(str, Enum):
    """Why a training ended."""

    FINISHED = "finished"
    PATIENCE = "no better value"
    TIME = "time limit"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class TrainingProgress:
    """Where a training stands; given at most ten times a second, and at each change of ``doing``.

    Attributes:
        step: steps done, those before a resume included.
        steps: steps to do in all.
        loss: the first phase's loss at the last step that was read; NaN before the first.
        values: everything that is logged, by name; after a validation also "validation.<name>".
        seconds_left: estimated; None before two steps are done.
        steps_per_second: of this call; 0 before two steps are done.
        doing: "preparing", "training", "validating", "saving".
        note: a sentence for the user, said once; else "".
    """

    step: int
    steps: int
    loss: float
    values: Mapping[str, float]
    seconds_left: float | None
    steps_per_second: float
    doing: str = "training"
    note: str = ""


class TrainingReporter(Protocol):
    """Takes progress; called in the first process, in the thread that trains."""

    def __call__(self, progress: TrainingProgress) -> None:
        """Take one report."""


@dataclass(frozen=True)
class TrainingResult:
    """What came out. The learner's networks then hold the weights of ``best``, else the last (averaged) ones.

    Attributes:
        steps: steps done in all.
        best_value: lowest validated value of the learner's ``watch``; None without validation.
        best_step: when it was.
        stopped_because: why it ended.
        seconds: training time, that before a resume included.
        checkpoint: the folder of the newest checkpoint, from which a training goes on.
        best: safetensors file of all networks (averages in place) at the best validation; None without validation.
        history: the logged rows, each with "step"; as in ``history.csv``.
        notes: sentences for the user (a damaged checkpoint was passed over, ...).
        resumed_from: step at which this call went on; 0 for a new training.
        precision: the number format used.
        device: the device used.
    """

    steps: int
    best_value: float | None
    best_step: int | None
    stopped_because: Stopped
    seconds: float
    checkpoint: Path
    best: Path | None
    history: tuple[Mapping[str, float], ...]
    notes: tuple[str, ...] = ()
    resumed_from: int = 0
    precision: str = "float32"
    device: str = "cpu"


def silent(progress: TrainingProgress) -> None:
    """Reports nothing."""
    del progress


def never() -> bool:
    """Never cancels."""
    return False


def is_first_process() -> bool:
    """Whether this process may write files and print: true save in the other processes that torchrun started."""
    return int(os.environ.get("RANK", "0")) == 0

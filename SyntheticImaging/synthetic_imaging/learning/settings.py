"""How long, how fast and on what a recipe trains; part of every recipe's settings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within


class Precision(str, Enum):
    """Number formats for training and sampling."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


@dataclass(frozen=True)
class Training:
    """Settings of the training loop."""

    steps: Annotated[int, Label("Steps"), Within(1, 10_000_000)] = 2000
    batch_size: Annotated[int, Label("Batch size"), Help("Cases in one step, over all processes together."),
                          Within(1, 65536)] = 4
    accumulate: Annotated[int, Label("Parts of a batch"), Help("To save memory, a batch is computed in parts."),
                          Within(1, 1024), Advanced] = 1
    learning_rate: Annotated[float, Label("Learning rate"), Within(1e-8, 1.0)] = 1e-4
    warm_up_steps: Annotated[int, Label("Warm-up"), Unit("steps"), Within(0, 1_000_000), Advanced] = 0
    cool_down_steps: Annotated[int, Label("Cool-down"), Help("The learning rate falls to 0 over the last steps."),
                               Unit("steps"), Within(0, 10_000_000), Advanced] = 0
    precision: Annotated[Precision, Label("Number format"), Advanced] = Precision.AUTO
    gradient_clip: Annotated[float, Label("Largest gradient"), Help("0: no limit."), Within(0, 1e6), Advanced] = 1.0
    average_decay: Annotated[float, Label("Decay of the moving average"), Within(0, 0.99999), Advanced] = 0.995
    average_every: Annotated[int, Label("Average every"), Unit("steps"), Within(1, 100_000), Advanced] = 1
    validate_every: Annotated[int, Label("Validate every"), Unit("steps"), Within(1, 10_000_000)] = 200
    validation_cases: Annotated[int, Label("Validation cases"), Help("At most this many are looked at."),
                                Within(1, 1_000_000), Advanced] = 64
    patience: Annotated[int, Label("Patience"), Help("Stop after so many validations without gain; 0: never."),
                        Within(0, 100_000)] = 0
    checkpoint_every: Annotated[int, Label("Checkpoint every"), Unit("steps"), Within(1, 10_000_000), Advanced] = 500
    time_limit_s: Annotated[float, Label("Time limit"), Help("Stop after this time; 0 for none."), Unit("s"),
                            Within(0, 1e8), Advanced] = 0.0
    workers: Annotated[int, Label("Loading processes"), Help("0 loads cases in the training process."), Within(0, 256),
                       Advanced] = 0

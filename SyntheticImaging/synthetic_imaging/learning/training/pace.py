"""How fast a training goes and how long it still needs; tells the caller, not too often."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from synthetic_imaging.learning.training.progress import TrainingProgress, TrainingReporter

SECONDS_BETWEEN = 0.1


class Pace:
    """Counts steps and reports them; with no reporter it only counts."""

    def __init__(self, steps: int, reporter: TrainingReporter | None) -> None:
        self.begun = 0
        self._steps, self._reporter = steps, reporter
        self._step, self._values = 0, dict[str, float]()
        self._validation: dict[str, float] = {}
        self._first_done: tuple[int, float] | None = None  # the first step pays for compiling and is not counted
        self._reported = -math.inf
        self._doing = "preparing"

    def begin(self, step: int) -> None:
        """The training begins, or goes on, at a step."""
        self.begun = self._step = step

    def stepped(self, step: int, values: Mapping[str, float]) -> None:
        """A step is done."""
        self._step, self._values = step, dict(values)
        now = time.monotonic()
        if self._first_done is None:
            self._first_done = (step, now)
        if now - self._reported >= SECONDS_BETWEEN or step == self._steps:
            self._reported = now
            self.report("training")

    def validated(self, values: Mapping[str, float]) -> None:
        """A validation is done."""
        self._validation = {f"validation.{name}": value for name, value in values.items()}
        self.report("training")

    def say(self, note: str) -> None:
        """Tell the caller a sentence."""
        self.report(self._doing, note)

    def report(self, doing: str, note: str = "") -> None:
        """Tell the caller now."""
        if self._reporter is None:
            return
        self._doing = doing
        now = time.monotonic()
        rate = 0.0
        if self._first_done is not None and self._step > self._first_done[0]:
            rate = (self._step - self._first_done[0]) / max(1e-9, now - self._first_done[1])
        loss = next((v for name, v in self._values.items() if name.endswith("loss")), math.nan)
        left = (self._steps - self._step) / rate if rate > 0 else None
        self._reporter(TrainingProgress(
            step=self._step, steps=self._steps, loss=loss, values={**self._values, **self._validation},
            seconds_left=left, steps_per_second=rate, doing=doing, note=note,
        ))  # fmt: skip

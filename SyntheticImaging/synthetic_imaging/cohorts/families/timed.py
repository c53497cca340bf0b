"""Train for a time, of the clock and of the processor, so that other programs take nothing from a training."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthetic_imaging.context import Progress, Run
from synthetic_imaging.errors import Cancelled

if TYPE_CHECKING:
    from synthetic_imaging.learning.recipe import Data
    from synthetic_imaging.learning.weights.models import Model

_ENDLESS = 10_000_000
_SPENT = "processor-seconds.txt"


def trained_for(
    seconds: float, recipe_id: str, settings: Any, folder: Path, seed: int, run: Run, *,
    models: Mapping[str, Model] | None = None, data: Data | None = None,
) -> Model:
    """As `phantom_model`, with a training that ends when clock and processor have both given it so many seconds.

    Steps do not count. What was spent is kept in the folder, so that an interrupted training gets no more.

    Raises:
        Cancelled: with a checkpoint left.
    """
    from synthetic_imaging.learning.phantom_models import phantom_model

    training = replace(settings.training, steps=_ENDLESS, checkpoint_every=_ENDLESS, time_limit_s=seconds)
    final, endless = replace(settings, training=training), replace(settings, training=replace(training, time_limit_s=0))
    if not (folder / "model.safetensors").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        clock = _Clock(seconds, folder / _SPENT)

        def report(progress: Progress) -> None:
            # A cancel that is raised here would leave no checkpoint; the training asks for itself.
            with contextlib.suppress(Cancelled):
                run.progress(clock.fraction, progress.step.removesuffix(f" of {_ENDLESS}"))

        timed = _Patient(run.seed, run.device, run.scratch, report, lambda: run.cancelled() or clock.over, run.notes)
        try:
            phantom_model(recipe_id, endless, folder, seed, timed, models=models, data=data)
        except Cancelled:
            run.check_cancel()
        finally:
            clock.keep()
    # The checkpoint has had its time: this only makes the model of it.
    return phantom_model(recipe_id, final, folder, seed, run, models=models, data=data)


class _Patient(Run):
    """A run whose progress never stops the work."""

    def progress(self, fraction: float, step: str) -> None:
        """Report only."""
        self.report(Progress(fraction, step))


class _Clock:
    """Seconds of clock and processor, with those of earlier runs."""

    def __init__(self, seconds: float, file: Path) -> None:
        self.seconds, self.file = seconds, file
        self.before = (0.0, 0.0)
        if file.is_file():
            wall, processor = file.read_text(encoding="ascii").split()
            self.before = float(wall), float(processor)
        self.started = time.monotonic(), time.process_time()

    @property
    def spent(self) -> tuple[float, float]:
        return (self.before[0] + time.monotonic() - self.started[0],
                self.before[1] + time.process_time() - self.started[1])

    @property
    def fraction(self) -> float:
        return min(1.0, min(self.spent) / self.seconds)

    @property
    def over(self) -> bool:
        return min(self.spent) >= self.seconds

    def keep(self) -> None:
        """Write what was spent."""
        self.file.write_text(f"{self.spent[0]:.3f} {self.spent[1]:.3f}", encoding="ascii")


def processor_seconds(folder: Path) -> float:
    """Processor time that the training in a folder had; NaN if it is not known."""
    try:
        return float((folder / _SPENT).read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return float("nan")

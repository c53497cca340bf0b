"""Progress on standard error: a bar in a terminal; for a training also lines in a log file."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from synthetic_imaging.context import Progress, Reporter

if TYPE_CHECKING:
    from synthetic_imaging.learning.training.progress import TrainingProgress, TrainingReporter

_SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def progress_bar(title: str) -> Iterator[Reporter]:
    """A bar with step and remaining time; nothing where standard error is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Display

    display = Display(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[left]}"),
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    )
    with display:
        task = display.add_task(title, total=1.0, left="")

        def report(progress: Progress) -> None:
            left = "" if progress.seconds_left is None else f"{duration(progress.seconds_left)} left"
            display.update(task, completed=progress.fraction, description=f"{title}: {progress.step}", left=left)

        yield report


@contextmanager
def training_bar(title: str) -> Iterator[TrainingReporter]:
    """A bar with step, loss and remaining time; where standard error is no terminal, a line every half minute."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    in_terminal = sys.stderr.isatty()
    display = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"),
        console=Console(stderr=True), transient=True, disable=not in_terminal,
    )
    last = time.monotonic()
    with display:
        task = display.add_task(title, total=1.0, said="")

        def report(progress: TrainingProgress) -> None:
            nonlocal last
            said = training_line(progress)
            display.update(task, completed=progress.step, total=max(1, progress.steps), said=said)
            if progress.note:
                display.console.print(f"note: {progress.note}", markup=False, highlight=False)
            if not in_terminal and time.monotonic() - last > _SECONDS_BETWEEN_LINES:
                last = time.monotonic()
                print(f"{title}: {said}", file=sys.stderr, flush=True)

        yield report


def training_line(progress: TrainingProgress) -> str:
    """"step 120 of 2000, loss 0.0123, 4 min left"."""
    parts = [f"step {progress.step} of {progress.steps}"]
    if progress.doing not in ("training", "done"):
        parts.insert(0, progress.doing)
    if math.isfinite(progress.loss):
        parts.append(f"loss {progress.loss:.4g}")
    validated = progress.values.get("validation.loss")
    if validated is not None:
        parts.append(f"validation {validated:.4g}")
    if progress.seconds_left is not None:
        parts.append(f"{duration(progress.seconds_left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """"40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"

"""What a tool is given to run with: its random generator, its device, a way to report and to be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from synthetic_imaging.errors import Cancelled
from synthetic_imaging.provenance import file_name


@dataclass(frozen=True)
class Progress:
    """Where a run stands: fraction 0..1, name of the step, seconds left (None until one step has passed)."""

    fraction: float
    step: str
    seconds_left: float | None = None


class Reporter(Protocol):
    """Takes progress; called in the thread that computes."""

    def __call__(self, progress: Progress) -> None:
        """Take one report."""


def _silent(progress: Progress) -> None:
    del progress


def _never() -> bool:
    return False


@dataclass
class Run:
    """The context of one run of a tool.

    Attributes:
        seed: the seed; all randomness comes from ``rng``, made from it. Nothing is seeded globally.
        device: "cpu", "cuda:0", "mps".
        scratch: a folder for this run, deleted afterwards; None where the host gave none.
        report: called with each `Progress`.
        cancelled: asked at each `progress` and `check_cancel`; true stops the run.
        notes: what `note` has said.
        weights: what `uses_weights` has named.
    """

    seed: int = 0
    device: str = "cpu"
    scratch: Path | None = None
    report: Reporter = _silent
    cancelled: Callable[[], bool] = _never
    notes: list[str] = field(default_factory=list)
    weights: dict[str, str] = field(default_factory=dict)
    _last: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def progress(self, fraction: float, step: str) -> None:
        """Report how far the run is; also the place where a cancel takes effect.

        The fraction never falls, whatever is passed.

        Raises:
            Cancelled: if the user asked to stop.
        """
        self.check_cancel()
        self._last = min(1.0, max(self._last, fraction))
        elapsed = time.monotonic() - self._started
        left = elapsed * (1 - self._last) / self._last if self._last > 0.02 else None
        self.report(Progress(self._last, step, left))

    def check_cancel(self) -> None:
        """Stop here if the user asked to.

        Raises:
            Cancelled: if so.
        """
        if self.cancelled():
            raise Cancelled

    def part(self, low: float, high: float) -> Run:
        """A context whose 0..1 is ``low``..``high`` of this one; shares generator, notes, weights and cancel."""
        outer = self

        def report(progress: Progress) -> None:
            outer.progress(low + (high - low) * progress.fraction, progress.step)

        inner = Run(self.seed, self.device, self.scratch, report, self.cancelled, self.notes, self.weights)
        inner.rng = self.rng
        return inner

    def uses_weights(self, name: str, sha256: str) -> None:
        """Name the learned weights that the run computes with (kept in the provenance record).

        Args:
            name: of the model; of a path only the file's name is kept, since folders can name patients.
            sha256: of its file.
        """
        self.weights[file_name(name)] = sha256

    def note(self, sentence: str) -> None:
        """Say something the user should know (kept in the provenance record); said once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

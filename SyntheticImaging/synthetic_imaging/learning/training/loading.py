"""Batches, made while the one before is trained on: by a thread, or by several processes.

Each case depends on (seed, step, position) alone, so both ways give the same batches.
"""

from __future__ import annotations

import queue
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from synthetic_imaging.errors import InputError, MemoryShortage, ParameterError, SyntheticImagingError
from synthetic_imaging.learning.learner import Batch, Case, CaseSource, collate
from synthetic_imaging.learning.randomness import generator_of
from synthetic_imaging.learning.training.order import CaseOrder

AHEAD = 2


@dataclass(frozen=True)
class Part:
    """What is computed at once.

    Attributes:
        step: the step it belongs to.
        positions: places of its cases in the global batch.
        batch: the cases.
    """

    step: int
    positions: tuple[int, ...]
    batch: Batch


def together(cases: Sequence[Case], indices: Sequence[int]) -> Batch:
    """A batch of cases.

    Raises:
        InputError: if they do not fit together.
    """
    for case, index in zip(cases[1:], indices[1:], strict=True):
        for name, value in cases[0].items():
            other = case.get(name)
            if other is None or np.shape(value) != np.shape(other):
                raise InputError(
                    f"Training cases {indices[0]} and {index} do not fit in one batch: '{name}' is "
                    f"{_shape(value)} in one and {_shape(other)} in the other. Bring all cases to one grid."
                )
    batch = collate(cases)
    if not batch:
        raise InputError(f"Training case {indices[0]} holds no array and no number. A case needs an 'image'.")
    return batch


def _shape(value: Any) -> str:
    if value is None:
        return "missing"
    return " x ".join(map(str, np.shape(value))) or "a number"


class _Cases:
    """A map-style data set for torch: key (step, position, index) -> case."""

    def __init__(self, source: CaseSource, seed: int) -> None:
        self.source, self.seed = source, seed

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, key: tuple[int, int, int]) -> tuple[int, Case | SyntheticImagingError]:
        step, position, index = key
        try:
            return index, self.source.case(index, generator_of(self.seed, step, position))
        except SyntheticImagingError as error:
            return index, error  # handed on as it is: torch would wrap the sentence in a traceback


def _collated(items: Sequence[tuple[int, Case | SyntheticImagingError]]) -> Batch | SyntheticImagingError:
    cases: list[Case] = []
    for _, case in items:
        if isinstance(case, SyntheticImagingError):
            return case
        cases.append(case)
    try:
        return together(cases, [index for index, _ in items])
    except SyntheticImagingError as error:
        return error


class Loader:
    """The parts of a range of steps, in order, made ahead in a thread. Use as a context manager."""

    def __init__(
        self,
        source: CaseSource,
        order: CaseOrder,
        positions: Sequence[tuple[int, ...]],
        steps: range,
        *,
        workers: int = 0,
        pin: bool = False,
    ) -> None:
        self._steps, self._positions, self._order = steps, positions, order
        self._pin = pin
        self._ready: queue.Queue[Part | BaseException] = queue.Queue(maxsize=AHEAD)
        self._stop = threading.Event()
        self._cases = _Cases(source, order.seed)
        self._batches = self._in_processes(workers) if workers else map(self._here, self._plan())
        self._thread = threading.Thread(target=self._work, name="training cases", daemon=True)

    def _plan(self) -> Iterator[list[tuple[int, int, int]]]:
        for step in self._steps:
            for part in self._positions:
                yield [(step, position, self._order.index(step, position)) for position in part]

    def _here(self, keys: list[tuple[int, int, int]]) -> Batch | SyntheticImagingError:
        return _collated([self._cases[key] for key in keys])

    def _in_processes(self, workers: int) -> Iterator[Batch | SyntheticImagingError]:
        loader: Iterable[Batch | SyntheticImagingError] = torch.utils.data.DataLoader(
            self._cases, batch_sampler=_Sampler(self._plan), num_workers=workers, collate_fn=_collated,
            generator=torch.Generator(), prefetch_factor=AHEAD,
            # Forked processes hang in compiled parallel loops that have run here before.
            multiprocessing_context="spawn",
        )  # fmt: skip
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch repeats the error below in a developer's words
                return iter(loader)
        except Exception as error:
            # What cannot be sent to another process: the name is asked for, so that its module is not needed.
            if not isinstance(error, (AttributeError, TypeError)) and type(error).__name__ != "PicklingError":
                raise
            raise ParameterError(
                f"The cases cannot be handed to loading processes ({error}). Set 'workers' to 0."
            ) from error

    def _work(self) -> None:
        try:
            for step in self._steps:
                for part in self._positions:
                    if self._stop.is_set():
                        return
                    batch = next(self._batches)
                    if isinstance(batch, SyntheticImagingError):
                        self._put(batch)
                        return
                    if self._pin:
                        batch = {k: v.pin_memory() if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
                    self._put(Part(step, part, batch))
        except BaseException as error:
            self._put(error)

    def _put(self, item: Part | BaseException) -> None:
        while not self._stop.is_set():
            try:
                self._ready.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def next_step(self, cancelled: Callable[[], bool]) -> list[Part] | None:
        """All parts of the next step; None if cancelled while waiting.

        Raises:
            SyntheticImagingError: if a case cannot be made.
        """
        parts: list[Part] = []
        while len(parts) < len(self._positions):
            try:
                item = self._ready.get(timeout=0.2)
            except queue.Empty:
                if cancelled():
                    return None
                continue
            if isinstance(item, BaseException):
                raise _sentence(item)
            parts.append(item)
        return parts

    def __enter__(self) -> Loader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while not self._ready.empty():
            self._ready.get_nowait()
        self._thread.join(timeout=0.5)  # a slow case is left to end by itself
        shut = getattr(self._batches, "_shutdown_workers", None)
        if shut is not None and not self._thread.is_alive():
            shut()


class _Sampler:
    """Tells torch's loader the keys of each part."""

    def __init__(self, plan: Callable[[], Iterator[list[tuple[int, int, int]]]]) -> None:
        self._plan = plan

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        return self._plan()


def _sentence(error: BaseException) -> BaseException:
    if isinstance(error, RuntimeError) and "worker" in str(error) and "exited" in str(error):
        lost = MemoryShortage(
            "A loading process ended unexpectedly, most likely for want of memory. Take fewer loading processes "
            "('workers'), or 0."
        )
        lost.__cause__ = error
        return lost
    return error

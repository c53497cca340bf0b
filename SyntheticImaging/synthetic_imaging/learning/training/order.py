"""Which case stands where: the order of cases without any state, from the seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Beside the streams of `synthetic_imaging.learning.randomness`.
_ORDER, _DROPOUT = 2, 3
# Added to the seed for validation, so that its numbers are none of the training's, and the same at every validation.
VALIDATION = 1 << 64


class CaseOrder:
    """The endless row of cases: all of them once in each epoch, every epoch in an order of its own.

    Position p of the batch of step s is element ``s * batch_size + p`` of the row, whatever the number of processes and
    parts; so a batch may run over the end of an epoch, and a batch may be larger than an epoch.
    """

    def __init__(self, cases: int, batch_size: int, seed: int) -> None:
        self.cases, self.batch_size, self.seed = cases, batch_size, seed

    def index(self, step: int, position: int) -> int:
        """The number of the case."""
        epoch, place = divmod(step * self.batch_size + position, self.cases)
        return int(_permutation(self.seed, epoch, self.cases)[place])


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, cases: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(cases)


def shares(batch_size: int, processes: int, process: int, parts: int) -> list[tuple[int, ...]]:
    """The positions of a process in each part of a batch: contiguous and nearly equal.

    All processes have the same number of parts, none of them empty, so that networks may talk to each other in a loss.
    """
    mine = np.array_split(np.arange(batch_size), processes)[process]
    return [tuple(part.tolist()) for part in np.array_split(mine, min(parts, batch_size // processes))]


def dropout_seed(seed: int, step: int, positions: Sequence[int], phase: int) -> int:
    """Seed for drop-out in networks, which knows no generator: the global one is set for each part of a batch."""
    state: Any = np.random.SeedSequence([seed, _DROPOUT, step, positions[0], phase]).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))

"""Training cases that are made once and kept in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthetic_imaging.learning.learner import Case, CaseSource
from synthetic_imaging.learning.randomness import generator_of

_MADE = 7


class RememberedCases:
    """Cases of a source, each made once: as with real images, a case has the same noise whenever it is seen.

    Args:
        source: where cases come from.
        seed: of what the source draws when it makes a case.
        first, count: the part of the source that is used; all from ``first`` on when ``count`` is None.
    """

    def __init__(
        self, source: CaseSource, *, seed: int = 0, first: int = 0, count: int | None = None
    ) -> None:
        self.source = source
        self.seed = seed
        self.first = first
        self.count = len(source) - first if count is None else count
        self._made: dict[int, Case] = {}

    def __len__(self) -> int:
        return self.count

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """One case; the generator is not needed."""
        del rng
        if index not in self._made:
            made = self.source.case(self.first + index, generator_of(self.seed, _MADE, self.first + index))
            self._made[index] = {name: _compact(name, value) for name, value in made.items()}
        return _unpacked(self._made[index])


def _compact(name: str, value: Any) -> Any:
    # Half precision keeps 11 bits: finer than the 8 bits of an ultrasound image, and 1.5 HU in a window of 3000 HU.
    return value.astype(np.float16) if name == "image" and value.dtype == np.float32 else value


def _unpacked(case: Case) -> Case:
    return {name: value.astype(np.float32) if name == "image" else value for name, value in case.items()}

"""Real and synthetic cases put together for training, and split for validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.learner import Case, CaseSource
from synthetic_imaging.learning.randomness import generator_of
from synthetic_imaging.segmentation.settings import Strategy

_SPLIT, _CHOOSE = 71, 72


@dataclass(frozen=True)
class Chosen:
    """Some cases of a source, by number."""

    source: CaseSource
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """The case behind the chosen number."""
        return self.source.case(int(self.numbers[index]), rng)


@dataclass(frozen=True)
class Joined:
    """The cases of several sources, one after the other: image and label alone, since not all have measurements."""

    sources: tuple[CaseSource, ...]

    def __len__(self) -> int:
        return sum(len(s) for s in self.sources)

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """One case of whichever source holds it."""
        for source in self.sources:
            if index < len(source):
                case = source.case(index, rng)
                return {name: case[name] for name in ("image", "label") if name in case}
            index -= len(source)
        raise IndexError(index)


@dataclass(frozen=True)
class Endless:
    """A source that is asked for another case each time: ``count`` is only how often it is asked in one round.

    For phantoms and generators that make as many cases as one likes.
    """

    source: CaseSource
    count: int

    def __len__(self) -> int:
        return self.count

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """A case drawn from the whole source."""
        del index
        return self.source.case(int(rng.integers(len(self.source))), rng)


def cases_for(
    strategy: Strategy,
    real: CaseSource | None,
    synthetic: CaseSource | None,
    ratio: float = 3.0,
    on_the_fly: bool = False,
) -> CaseSource:
    """The cases that a strategy learns from.

    Args:
        strategy: real only, synthetic only, or both.
        real: real cases.
        synthetic: synthetic cases.
        ratio: synthetic cases for each real one; 3 in Ikuta et al. 2024 (167 real, 501 synthetic). Where fewer
            synthetic ones exist, all of them are taken.
        on_the_fly: draw from the synthetic source anew each time.

    Raises:
        ParameterError: if the cases a strategy needs are not there.
    """
    if strategy is not Strategy.SYNTHETIC and not real:
        raise ParameterError(f"The strategy '{strategy.value}' learns from real cases; give some.")
    if strategy is Strategy.REAL:
        assert real is not None
        return real
    if not synthetic:
        raise ParameterError(f"The strategy '{strategy.value}' learns from synthetic cases; give some.")
    if strategy is Strategy.SYNTHETIC:
        return Endless(synthetic, len(synthetic)) if on_the_fly else synthetic
    assert real is not None
    wanted = round(ratio * len(real))
    if wanted == 0:
        return real
    if on_the_fly:
        return Joined((real, Endless(synthetic, wanted)))
    count = min(wanted, len(synthetic))
    return Joined((real, Chosen(synthetic, range(count))))


def split(source: CaseSource, share: float = 0.1, seed: int = 0) -> tuple[CaseSource, CaseSource]:
    """Training cases and a held-out share of at least one case, chosen at random by the seed.

    Raises:
        ParameterError: if there are fewer than two cases.
    """
    count = len(source)
    if count < 2:
        raise ParameterError("Training needs at least two cases: one to learn from and one to validate with.")
    order = generator_of(seed, _SPLIT).permutation(count)
    held = min(count - 1, max(1, round(share * count)))
    return Chosen(source, tuple(sorted(order[held:].tolist()))), Chosen(source, tuple(sorted(order[:held].tolist())))

"""Scores of several ways to train, and what they say: means with intervals, differences with tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.table import Cell, Column, Table

if TYPE_CHECKING:
    from synthetic_imaging.evaluation.paired import PairedTest
    from synthetic_imaging.evaluation.statistics import Estimate

_DRAWS_SEED = 17

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Score:
    """One trained segmenter on the test cases.

    Attributes:
        dice: (cases, structures), NaN where a structure is neither there nor found.
        steps: when its training stopped.
        best_step: of the weights that were kept.
        seconds: of training.
        cases: training cases.
    """

    dice: FloatArray
    steps: int
    best_step: int
    seconds: float
    cases: int

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON; NaN as None."""
        rows = [[None if np.isnan(v) else float(v) for v in row] for row in self.dice]
        return {"dice": rows, "steps": self.steps, "best_step": self.best_step, "seconds": self.seconds,
                "cases": self.cases}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Score:
        """The score from plain values.

        Raises:
            KeyError, ValueError, TypeError: if they are none.
        """
        rows = np.array([[np.nan if v is None else float(v) for v in row] for row in plain["dice"]], dtype=np.float64)
        if rows.ndim != 2:
            raise ValueError("no table")
        return cls(rows, int(plain["steps"]), int(plain["best_step"]), float(plain["seconds"]), int(plain["cases"]))


@dataclass(frozen=True, eq=False)
class Comparison:
    """All scores of a comparison.

    Attributes:
        arms, seeds, structures: names, in order.
        scores: (arm, seed) -> score.
        data_name: what the cases are ("phantom").
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    structures: tuple[str, ...]
    scores: Mapping[tuple[str, int], Score]
    data_name: str = ""

    @property
    def dice(self) -> FloatArray:
        """(arms, seeds, cases, structures)."""
        return np.array([[self.scores[arm, seed].dice for seed in self.seeds] for arm in self.arms])

    def mean(self, arm: str, structure: str | None = None) -> Estimate:
        """Mean Dice of an arm over cases and seeds, with a 95 % interval over both (over cases for one seed).

        Args:
            arm: its name.
            structure: one structure, or None for the mean over structures in each case.

        Raises:
            ParameterError: for an unknown name.
        """
        from synthetic_imaging.evaluation.statistics import bootstrap, over_seeds

        table, rng = self._table(arm, structure), np.random.default_rng(_DRAWS_SEED)
        table = table[:, np.isfinite(table).all(axis=0)]
        return over_seeds(table, rng) if len(table) > 1 else bootstrap(table[0], rng)

    def difference(self, arm: str, other: str, structure: str | None = None) -> Estimate:
        """How much better ``arm`` is than ``other`` on the same cases, with a 95 % interval over cases and seeds.

        Raises:
            ParameterError: for an unknown name.
        """
        from synthetic_imaging.evaluation.statistics import bootstrap, over_seeds

        apart = self._table(arm, structure) - self._table(other, structure)
        apart, rng = apart[:, np.isfinite(apart).all(axis=0)], np.random.default_rng(_DRAWS_SEED)
        return over_seeds(apart, rng) if len(apart) > 1 else bootstrap(apart[0], rng)

    def against(self, arm: str, other: str, structure: str | None = None) -> PairedTest:
        """Test two arms case by case, each case's Dice averaged over seeds.

        The test speaks about other cases, not about other seeds: `seed_spread` and `difference` show those.

        Raises:
            ParameterError: for an unknown name.
        """
        from synthetic_imaging.evaluation.paired import paired_test

        one, two = (self._table(name, structure).mean(axis=0) for name in (arm, other))
        known = np.isfinite(one) & np.isfinite(two)
        return paired_test(one[known], two[known], np.random.default_rng(_DRAWS_SEED))

    def seed_spread(self, arm: str, structure: str | None = None) -> float:
        """Standard deviation between seeds of an arm's mean Dice; NaN for one seed."""
        means = np.nanmean(self._table(arm, structure), axis=1)
        return float(means.std(ddof=1)) if len(means) > 1 else float("nan")

    def by_structure(self) -> Table:
        """Mean Dice of each arm: all structures, and each; spread between seeds, steps and training cases."""
        columns = [Column("arm", "Trained on"), Column("cases", "Training cases"), Column("best_step", "Best step"),
                   Column("dice", "Mean Dice"), Column("dice_low", "95 % from"), Column("dice_high", "95 % to"),
                   Column("seed_sd", "SD between seeds"), *(Column(f"dice_{s}", s) for s in self.structures)]
        rows: list[tuple[Cell, ...]] = []
        for arm in self.arms:
            whole, spread = self.mean(arm), self.seed_spread(arm)
            several = [self.scores[arm, seed] for seed in self.seeds]
            rows.append((
                arm, several[0].cases, int(np.median([s.best_step for s in several])),
                whole.estimate, whole.low, whole.high, None if np.isnan(spread) else spread,
                *(float(np.nanmean(self._table(arm, s))) for s in self.structures),
            ))  # fmt: skip
        return Table(tuple(columns), tuple(rows), name=f"dice ({self.data_name})" if self.data_name else "dice")

    def by_case(self) -> Table:
        """Every Dice: arm, seed, case, structure."""
        columns = (Column("arm", "Trained on"), Column("seed", "Seed"), Column("case", "Case"),
                   Column("structure", "Structure"), Column("dice", "Dice"))
        rows: list[tuple[Cell, ...]] = []
        for arm in self.arms:
            for seed in self.seeds:
                for case, values in enumerate(self.scores[arm, seed].dice):
                    rows += [(arm, seed, case, name, None if np.isnan(v) else float(v))
                             for name, v in zip(self.structures, values, strict=True)]
        return Table(columns, tuple(rows), name="dice by case")

    def _table(self, arm: str, structure: str | None) -> FloatArray:
        """(seeds, cases) of one structure, or of the mean over structures."""
        _known(arm, self.arms, "arm")
        scores = [self.scores[arm, seed].dice for seed in self.seeds]
        if structure is None:
            return np.array([np.nanmean(s, axis=1) for s in scores])
        _known(structure, self.structures, "structure")
        return np.array([s[:, self.structures.index(structure)] for s in scores])


def _known(name: str, names: Sequence[str], what: str) -> None:
    if name not in names:
        raise ParameterError(f"There is no {what} '{name}' in this comparison. There are: {', '.join(names)}.")

"""A tumour that grows: the cellular automaton of Lai et al. 2024 (Pixel2Cancer), and its death.

Every cell (1 mm) holds a population 0..10. Per step, reading the state before the step, each living cell
1. below 5 gains one and does nothing else; below 10 gains one;
2. from 5 up tries up to three times to seed one of the 27 cells around it (itself included): tissue of density
   level 1, 2, 3 accepts with probability 1.0, 0.3, 0.1; a full target does not; a barrier never does, but a full cell
   presses on it, and at the third press it turns into soft tissue.

Only the living shell is visited: a full cell whose neighbours are all full can never act again and leaves the list.
That changes no probability, and makes a step cost the tumour's surface instead of the organ's volume.

``DensityRule.RELEASED`` restates the published program, where the probabilities are cut to whole numbers and
every tissue accepts; ``INTENDED`` is what the publication describes.

The organ's surface is a wall here that is never breached: the published mask is cut at the organ in any case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from synthetic_imaging.kernels import kernel

FULL = 10
HALF = 5
PRESSES_TO_BREACH = 3
WALL, BARRIER = 0, 4  # codes of the level map; 1, 2, 3 are tissue of rising density
ACCEPTANCE = {"intended": (1.0, 0.3, 0.1), "released": (1.0, 1.0, 1.0)}


class DensityRule(str, Enum):
    """Whether dense tissue slows growth (as described) or not (as the published program does)."""

    INTENDED = "intended"
    RELEASED = "released"


@kernel
def _random(state):  # type: ignore[no-untyped-def]
    """Next number of an xorshift64* generator; ``state`` is (1,) uint64, seeded from the run's generator."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return (x * np.uint64(2685821657736338717)) >> np.uint64(32)


@kernel
def _advance(  # type: ignore[no-untyped-def]
    steps, level, population, fresh, pressure, active, count, offsets, acceptance, state, touched
):
    """Run ``steps`` steps in place; returns the new length of the active list. Arrays are flat and padded by one."""
    for _ in range(steps):
        marks = 0
        kept = 0
        for n in range(count):
            cell = active[n]
            value = population[cell]
            if value < FULL:
                if fresh[cell] == 0:
                    touched[marks] = cell
                    marks += 1
                fresh[cell] += 1
            if value < HALF:
                active[kept] = cell
                kept += 1
                continue
            acted = False
            for _try in range(3):
                target = cell + offsets[(_random(state) * np.uint64(27)) >> np.uint64(32)]
                kind = level[target]
                if kind == WALL:
                    continue
                if kind == BARRIER:
                    if value == FULL:
                        acted = True
                        pressure[target] += 1
                        if pressure[target] >= PRESSES_TO_BREACH:
                            level[target] = 1
                    continue
                if float(_random(state)) >= acceptance[kind] * 4294967296.0:
                    acted = True
                    continue
                if population[target] >= FULL:
                    continue
                if fresh[target] == 0:
                    touched[marks] = target
                    marks += 1
                fresh[target] += 1
                acted = True
                break
            if not acted and value == FULL:
                for o in range(27):
                    around = cell + offsets[o]
                    if level[around] != WALL and population[around] < FULL:
                        acted = True
                        break
                if not acted:
                    continue  # buried: it can never act again
            active[kept] = cell
            kept += 1
        count = kept
        for n in range(marks):
            cell = touched[n]
            if population[cell] == 0:
                active[count] = cell
                count += 1
            population[cell] = min(FULL, population[cell] + fresh[cell])
            fresh[cell] = 0
    return count


@kernel
def _die(rounds, population, onset, dead, count, offsets, state):  # type: ignore[no-untyped-def]
    """Death spreads: per round each dead cell kills one full neighbour (3 tries). ``onset``: the round, -1 alive."""
    for turn in range(1, rounds + 1):
        now = count
        for n in range(now):
            for _try in range(3):
                target = dead[n] + offsets[(_random(state) * np.uint64(27)) >> np.uint64(32)]
                if population[target] == FULL and onset[target] < 0:
                    onset[target] = turn
                    dead[count] = target
                    count += 1
                    break
    return count


@dataclass(eq=False)
class Growth:
    """A growing tumour on a level map.

    Args:
        level: uint8 (K, J, I): 0 wall (outside the organ), 1..3 tissue, 4 barrier (vessel). Cells of 1 mm.
        rng: the run's generator; used to seed the automaton's own.
        rule: see `DensityRule`.

    Attributes:
        steps: steps done so far.
        starts: (N, 3) start cells (K, J, I), with satellites.
    """

    level: npt.NDArray[np.uint8]
    rng: np.random.Generator
    rule: DensityRule = DensityRule.INTENDED
    steps: int = 0
    starts: list[tuple[int, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._level = np.pad(self.level, 1).astype(np.uint8)
        shape = self._level.shape
        size = self._level.size
        if size >= 2**31:
            raise ValueError("the region is too large for the automaton")
        self._population = np.zeros(size, dtype=np.uint8)
        self._fresh = np.zeros(size, dtype=np.uint8)
        self._pressure = np.zeros(size, dtype=np.uint8)
        self._active = np.empty(size, dtype=np.int32)
        self._touched = np.empty(size, dtype=np.int32)
        self._count = 0
        strides = (shape[1] * shape[2], shape[2], 1)
        steps = np.array(np.meshgrid(*([(-1, 0, 1)] * 3), indexing="ij")).reshape(3, -1).T
        self._offsets = (steps @ np.array(strides)).astype(np.int64)
        self._acceptance = np.array((0.0, *ACCEPTANCE[self.rule.value], 0.0))
        self._state = self.rng.integers(1, 2**63, size=1, dtype=np.uint64)

    def start(self, cell: Iterable[int], population: int = HALF) -> bool:
        """Put a seed; false if the cell is no tissue or outside."""
        k, j, i = (int(c) for c in cell)
        if not all(0 <= c < n for c, n in zip((k, j, i), self.level.shape, strict=True)):
            return False
        if not 1 <= self._level[k + 1, j + 1, i + 1] <= 3:
            return False
        flat = int(np.ravel_multi_index((k + 1, j + 1, i + 1), self._level.shape))
        if self._population[flat] == 0:
            self._active[self._count] = flat
            self._count += 1
        self._population[flat] = population
        self.starts.append((k, j, i))
        return True

    def advance(self, steps: int) -> None:
        """Let it grow."""
        self._count = _advance(
            steps, self._level.reshape(-1), self._population, self._fresh, self._pressure, self._active, self._count,
            self._offsets, self._acceptance, self._state, self._touched,
        )
        self.steps += steps

    @property
    def population(self) -> npt.NDArray[np.uint8]:
        """Copy of the populations 0..10 (K, J, I)."""
        return self._population.reshape(self._level.shape)[1:-1, 1:-1, 1:-1].copy()

    def die(self) -> npt.NDArray[np.int16]:
        """Necrosis: when each cell died, as a round counted from 0; -1 where it lives. Array (K, J, I).

        Each start dies and 5-19 full cells within steps/10 - 2 of it; then steps // 7 + 1 rounds of spreading.
        Only full cells die, so the rim stays alive. Populations are not changed.
        """
        shape = self._level.shape
        onset = np.full(self._population.size, -1, dtype=np.int16)
        dead = np.empty(self._population.size, dtype=np.int32)
        count = 0
        reach = max(1, self.steps // 10 - 2)
        for start in list(self.starts):
            offsets = self.rng.integers(-reach, reach + 1, size=(int(self.rng.integers(5, 20)), 3))
            for cell in np.vstack([[0, 0, 0], offsets]) + np.array(start):
                if (cell < 0).any() or (cell >= np.array(self.level.shape)).any():
                    continue
                flat = int(np.ravel_multi_index(tuple(cell + 1), shape))
                if self._population[flat] == FULL and onset[flat] < 0:
                    onset[flat] = 0
                    dead[count] = flat
                    count += 1
        _die(self.steps // 7 + 1, self._population, onset, dead, count, self._offsets, self._state)
        return onset.reshape(shape)[1:-1, 1:-1, 1:-1].copy()

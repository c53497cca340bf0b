"""The growing tumour: the active shell against a dense sweep; first and later calls."""

from __future__ import annotations

import json
import tempfile
import time

import numpy as np
from Testing.benchmarks.report import Section, ratio
from Testing.benchmarks.timing import in_own_process, measure_together, seconds

from synthetic_imaging.lesions.growth import Growth

SHAPE = (90, 120, 150)
CENTRE = (45, 60, 75)


def ours(steps: int, seed: int) -> np.ndarray:
    """Populations after ``steps`` from one seed in soft tissue; the set-up is part of the time."""
    growth = Growth(np.ones(SHAPE, dtype=np.uint8), np.random.default_rng(seed))
    growth.start(CENTRE)
    growth.advance(steps)
    return growth.population


def peer(steps: int, seed: int) -> np.ndarray:
    """The same by the dense sweep."""
    from Testing.benchmarks.growth_peer import sweep

    level, population, pressure = (np.full(SHAPE, v, dtype=np.uint8) for v in (1, 0, 0))
    population[CENTRE] = 5
    sweep(level, population, pressure, steps, seed)
    return population


def diameter_mm(population: np.ndarray) -> float:
    """Equivalent diameter of the cells with at least half the full population."""
    return float((6 / np.pi * np.count_nonzero(population >= 5)) ** (1 / 3))


def section(repeats: int) -> Section:
    """Measure and describe."""
    out = Section(
        "Tumour growth by cellular automaton",
        "150 x 120 x 90 cells of soft tissue, one seed. Peer: the same rule as a dense sweep compiled with numba, "
        "which visits every cell at every step.",
        ["steps", "ours", "peer", "ours / peer", "diameter, ours", "diameter, peer"],
    )
    for steps in (50, 150):
        a, b = measure_together(lambda n, s=steps: ours(s, n), lambda n, s=steps: peer(s, n), repeats=repeats)
        sizes = [np.mean([diameter_mm(f(steps, n)) for n in range(3)]) for f in (ours, peer)]
        out.row(str(steps), a.text, b.text, ratio(a, b), f"{sizes[0]:.1f} mm", f"{sizes[1]:.1f} mm")
    with tempfile.TemporaryDirectory() as folder:
        calls = [in_own_process("Testing.benchmarks.growth", NUMBA_CACHE_DIR=folder) for _ in range(2)]
    out.note(f"First call in a fresh process, 50 steps: {seconds(calls[0]['first'])} when nothing is compiled yet, "
             f"{seconds(calls[1]['first'])} once compiled code is cached (importing numba included); "
             f"the next call {seconds(calls[1]['later'])}.")
    return out


if __name__ == "__main__":
    taken = []
    for number in range(2):
        started = time.perf_counter()
        ours(50, number)
        taken.append(time.perf_counter() - started)
    print(json.dumps({"first": taken[0], "later": taken[1]}))

"""The cellular automaton itself: the published diameters, barriers, death."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_imaging.lesions.growth import BARRIER, WALL, DensityRule, Growth


def grown(level: np.ndarray, steps: int, seed: int = 0, rule: DensityRule = DensityRule.INTENDED) -> Growth:
    growth = Growth(level.astype(np.uint8), np.random.default_rng(seed), rule)
    assert growth.start(tuple(n // 2 for n in level.shape))
    growth.advance(steps + 1)  # one step more is run, as published
    return growth


def diameter_mm(population: np.ndarray) -> float:
    return float(2 * (3 * np.count_nonzero(population >= 5) / (4 * np.pi)) ** (1 / 3))


# Specification: single seed, 1 mm cells, homogeneous organ, cells with population 5 and more.
@pytest.mark.parametrize(
    ("level", "steps", "diameter"),
    [(1, 20, 5.8), (1, 30, 9.8), (1, 50, 18.5), (1, 80, 32.0), (1, 149, 63.6), (2, 30, 7.3), (2, 50, 13.5),
     (2, 100, 30.1), (3, 30, 4.3), (3, 50, 8.2), (3, 80, 14.5), (3, 149, 29.8)],
)
def test_diameters_match_the_published_rule_within_ten_percent(level: int, steps: int, diameter: float) -> None:
    side = int(diameter * 1.4) + 14
    found = np.mean([diameter_mm(grown(np.full((side,) * 3, level), steps, seed).population) for seed in range(6)])
    assert found == pytest.approx(diameter, rel=0.10)


def test_the_released_rule_ignores_density_and_the_intended_one_does_not() -> None:
    dense = np.full((40,) * 3, 3)
    soft = np.full((40,) * 3, 1)
    assert diameter_mm(grown(dense, 50).population) < 0.6 * diameter_mm(grown(soft, 50).population)
    released = diameter_mm(grown(dense, 50, rule=DensityRule.RELEASED).population)
    assert released == pytest.approx(diameter_mm(grown(soft, 50).population), rel=0.1)


def test_populations_stay_between_zero_and_ten_and_never_fall() -> None:
    growth = Growth(np.ones((30, 30, 30), dtype=np.uint8), np.random.default_rng(1))
    growth.start((15, 15, 15))
    before = growth.population
    for _ in range(6):
        growth.advance(10)
        now = growth.population
        assert now.max() <= 10
        assert (now >= before).all()
        before = now


def test_a_barrier_holds_at_first_and_is_breached_under_sustained_pressure() -> None:
    level = np.ones((41, 41, 41), dtype=np.uint8)
    level[26] = BARRIER
    early, late = grown(level, 20), grown(level, 80)
    assert not early.population[26:].any()
    assert late.population[:26].any()
    assert late.population[27:].any()


def test_the_organs_wall_is_never_breached() -> None:
    level = np.ones((31, 31, 31), dtype=np.uint8)
    level[:, :, 20:] = WALL
    assert not grown(level, 120).population[:, :, 20:].any()


def test_visiting_only_the_living_shell_gives_the_same_tumour_as_visiting_every_cell() -> None:
    """An independent, plain restatement of the rule over all cells; the diameters must agree."""

    def plain(side: int, steps: int, rng: np.random.Generator) -> np.ndarray:
        state = np.zeros((side,) * 3, dtype=np.int64)
        state[(side // 2,) * 3] = 5
        for _ in range(steps):
            after = state + ((state > 0) & (state < 10))
            for cell in np.argwhere(state >= 5):
                for _try in range(3):
                    target = cell + rng.integers(-1, 2, 3)
                    if (target < 0).any() or (target >= side).any() or state[tuple(target)] >= 10:
                        continue
                    after[tuple(target)] += 1
                    break
            state = np.minimum(after, 10)
        return state

    rng = np.random.default_rng(5)
    slow = np.mean([diameter_mm(plain(23, 31, rng)) for _ in range(4)])
    fast = np.mean([diameter_mm(grown(np.ones((23,) * 3), 30, seed).population) for seed in range(8)])
    assert fast == pytest.approx(slow, rel=0.06)


def test_only_full_cells_die_and_the_rim_lives() -> None:
    growth = grown(np.ones((61, 61, 61)), 90)
    onset, population = growth.die(), growth.population
    dead = onset >= 0
    assert 0.02 < dead.sum() / (population > 0).sum() < 0.9
    assert (population[dead] == 10).all()
    assert onset.max() <= 91 // 7 + 1


def test_the_same_generator_state_grows_the_same_tumour() -> None:
    level = np.random.default_rng(0).integers(1, 4, (31, 31, 31))
    assert np.array_equal(grown(level, 60, 3).population, grown(level, 60, 3).population)
    assert not np.array_equal(grown(level, 60, 3).population, grown(level, 60, 4).population)


def test_a_start_outside_the_tissue_is_refused() -> None:
    level = np.ones((9, 9, 9), dtype=np.uint8)
    level[4, 4, 4] = BARRIER
    growth = Growth(level, np.random.default_rng(0))
    assert not growth.start((4, 4, 4))
    assert not growth.start((-1, 0, 0))
    assert not growth.start((9, 0, 0))
    assert growth.start((0, 0, 0))

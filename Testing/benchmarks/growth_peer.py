"""The cellular automaton as a dense compiled sweep: every step visits every voxel of the organ's box."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def sweep(level: Any, population: Any, pressure: Any, steps: int, seed: int) -> None:
    """Grow in place; level 1..3 tissue, 4 barrier, 0 wall; populations 0..10."""
    nk, nj, ni = level.shape
    np.random.seed(seed)  # noqa: NPY002 - numba's own generator, not numpy's global one
    acceptance = np.array([0.0, 1.0, 0.3, 0.1, 0.0])
    for _ in range(steps):
        before = population.copy()
        for k in range(nk):
            for j in range(nj):
                for i in range(ni):
                    v = before[k, j, i]
                    if v == 0:
                        continue
                    if v < 10 and population[k, j, i] < 10:
                        population[k, j, i] += 1
                    if v < 5:
                        continue
                    for _ in range(3):
                        n = np.random.randint(27)  # noqa: NPY002
                        a, b, c = k + n // 9 - 1, j + n // 3 % 3 - 1, i + n % 3 - 1
                        if a < 0 or a >= nk or b < 0 or b >= nj or c < 0 or c >= ni:
                            continue
                        code = level[a, b, c]
                        if code == 4 and v == 10:
                            pressure[a, b, c] += 1
                            if pressure[a, b, c] > 2:
                                level[a, b, c] = 1
                            continue
                        if np.random.random() > acceptance[code]:  # noqa: NPY002
                            continue
                        if population[a, b, c] >= 10:
                            continue
                        population[a, b, c] += 1
                        break

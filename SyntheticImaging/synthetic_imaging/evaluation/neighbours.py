"""Nearest neighbours by Euclidean distance, block by block."""

from __future__ import annotations

import numpy as np

from synthetic_imaging.errors import InputError
from synthetic_imaging.evaluation.arrays import Array, FloatArray, IndexArray

_BLOCK_BYTES = 1 << 26


def squared_distances(one: FloatArray, other: FloatArray) -> FloatArray:
    """Squared distances (N, M), 0 or more; features best centred, so that rounding stays small."""
    apart = one @ other.T
    apart *= -2
    apart += np.einsum("nd,nd->n", one, one)[:, None]
    apart += np.einsum("nd,nd->n", other, other)
    return np.maximum(apart, 0, out=apart)


def blocks(count: int, bytes_each: int) -> list[slice]:
    """Slices over ``count`` rows that need at most 64 MiB each."""
    step = max(1, _BLOCK_BYTES // max(1, bytes_each))
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def radii(features: FloatArray, k: int) -> FloatArray:
    """Distance (N,) from each case to its k-th nearest other case.

    Raises:
        InputError: if there are not more than k cases.
    """
    count = len(features)
    if count <= k:
        raise InputError(f"{count} cases have no {k}-th nearest neighbour; at least {k + 1} are needed.")
    made = np.empty(count)
    for rows in blocks(count, 8 * count):
        apart = squared_distances(features[rows], features)
        apart[np.arange(apart.shape[0]), np.arange(rows.start, rows.stop)] = -1.0  # itself comes first
        made[rows] = np.sqrt(np.partition(apart, k, axis=1)[:, k])
    return made


def nearest(queries: Array, references: Array, k: int = 1, spare: int = 4) -> tuple[FloatArray, IndexArray]:
    """The k nearest references of each query: distances and indices (Q, k), nearest first.

    Candidates are found by a matrix product in single precision, which is fast for whole volumes but rounds; the k and
    a few spare ones are then measured exactly, so that a copy has the distance 0.

    Args:
        queries: (Q, D), any real type.
        references: (R, D), k or more.
        k: neighbours.
        spare: further candidates to measure.
    """
    middle = np.mean(references, axis=0, dtype=np.float64).astype(np.float32)
    base = np.asarray(references, dtype=np.float32) - middle
    lengths = np.einsum("nd,nd->n", base, base)
    taken = min(len(references), k + spare)
    distances, indices = np.empty((len(queries), k)), np.empty((len(queries), k), dtype=np.int64)
    for rows in blocks(len(queries), 4 * max(len(references), queries.shape[1])):
        part = np.asarray(queries[rows], dtype=np.float32) - middle
        score = part @ base.T
        score *= -2
        score += lengths
        candidates = np.argpartition(score, taken - 1, axis=1)[:, :taken]
        for at, query in enumerate(queries[rows]):
            chosen = candidates[at]
            apart = np.asarray(references[chosen], dtype=np.float64) - query
            exact = np.sqrt(np.einsum("nd,nd->n", apart, apart))
            order = np.lexsort((chosen, exact))[:k]
            distances[rows.start + at], indices[rows.start + at] = exact[order], chosen[order]
    return distances, indices

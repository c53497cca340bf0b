"""Locally linear embedding (Roweis and Saul 2000): feature vectors as points in a plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError


def locally_linear(
    features: npt.NDArray[Any], neighbours: int = 12, regularisation: float = 1e-3
) -> npt.NDArray[np.float64]:
    """Two coordinates for each row.

    Each point is written as a weighted sum of its neighbours; the plane keeps these weights as well as it can.

    Args:
        features: (N, D); more rows than ``neighbours`` + 2.
        neighbours: how many, each row's nearest.
        regularisation: of the local Gram matrix, as a part of its trace.

    Returns:
        (N, 2), each column with mean 0 and variance 1.

    Raises:
        InputError: for too few rows.
    """
    from scipy.linalg import eigh
    from scipy.spatial import cKDTree

    rows = np.asarray(features, np.float64)
    count = len(rows)
    if rows.ndim != 2 or count < neighbours + 3:
        raise InputError(f"An embedding with {neighbours} neighbours needs {neighbours + 3} cases, not {count}.")
    nearest = np.asarray(cKDTree(rows).query(rows, neighbours + 1)[1])[:, 1:]
    weights = np.zeros((count, count))
    for index, others in enumerate(nearest):
        apart = rows[others] - rows[index]
        gram = apart @ apart.T
        gram.flat[:: neighbours + 1] += regularisation * max(float(np.trace(gram)), 1e-12)
        some = np.linalg.solve(gram, np.ones(neighbours))
        weights[index, others] = some / some.sum()
    residual = np.eye(count) - weights
    _, vectors = eigh(residual.T @ residual, subset_by_index=(1, 2))
    found: npt.NDArray[np.float64] = vectors * np.sqrt(count)
    return found

"""Distances in millimetres between voxel surfaces, right on any grid.

Distances are measured in the patient (RAS), not along index axes: exact for oblique, anisotropic and sheared grids.
A voxel is a small block with its real size: the distance from a voxel's centre to the surface of the nearest voxel
of the other side is the distance between the two centres, less the part of that line inside the other voxel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from synthetic_imaging.geometry import FloatArray, Geometry
from synthetic_imaging.mask import BoolArray

_CHUNK = 200_000


def boundary_voxels(inside: BoolArray) -> npt.NDArray[np.intp]:
    """(N, 3) positions (K, J, I) of voxels of ``inside`` with a face neighbour that is not.

    The array's edge is not outside.
    """
    core = inside.copy()
    for axis in range(3):
        ahead = [slice(None)] * 3
        behind = [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        core[tuple(behind)] &= inside[tuple(ahead)]
        core[tuple(ahead)] &= inside[tuple(behind)]
    return np.argwhere(inside & ~core)


def distance_outside_mm(
    inside: BoolArray, geometry: Geometry, check: Callable[[], None] = lambda: None
) -> npt.NDArray[np.float32]:
    """Distance of each voxel's centre to the surface of ``inside``; 0 inside, infinite where nothing is inside.

    Args:
        inside: array (K, J, I).
        geometry: the grid of that array.
        check: called now and then; may raise to stop.
    """
    if not inside.any():
        return np.full(inside.shape, np.inf, dtype=np.float32)
    if geometry.sheared:
        return _outside_by_tree(inside, geometry, check)
    check()
    distance, nearest = ndimage.distance_transform_edt(
        ~inside, sampling=geometry.spacing_kji_mm, return_indices=True
    )
    steps = np.zeros(inside.shape, dtype=np.float32)
    for axis, length in enumerate(inside.shape):
        shape = [1, 1, 1]
        shape[axis] = length
        np.maximum(steps, np.abs(nearest[axis] - np.arange(length).reshape(shape)), out=steps, casting="unsafe")
    check()
    share = 1.0 - 0.5 / np.maximum(steps, 1.0)
    return np.asarray(distance * share, dtype=np.float32)


def signed_distance_mm(
    inside: BoolArray, geometry: Geometry, check: Callable[[], None] = lambda: None
) -> npt.NDArray[np.float32]:
    """Distance to the surface of ``inside``: negative inside, positive outside, zero between two voxels."""
    return distance_outside_mm(inside, geometry, check) - distance_outside_mm(~inside, geometry, check)


def _outside_by_tree(inside: BoolArray, geometry: Geometry, check: Callable[[], None]) -> npt.NDArray[np.float32]:
    # No distance transform knows oblique axes: search the nearest surface voxel in millimetres. The voxel nearest to a
    # place outside is not always a face neighbour's of the outside when axes are strongly tilted, so corners count too.
    rim = inside & ndimage.binary_dilation(~inside, structure=np.ones((3, 3, 3), dtype=np.bool_))
    places = np.argwhere(rim)
    result = np.zeros(inside.shape, dtype=np.float32)
    if places.size == 0:
        return result
    tree = cKDTree(geometry.ras_from_kji(places))
    targets = np.argwhere(~inside)
    for start in range(0, len(targets), _CHUNK):
        check()
        part = targets[start : start + _CHUNK]
        distance, index = tree.query(geometry.ras_from_kji(part))
        steps = np.abs(places[index] - part).max(axis=1)
        result[tuple(part.T)] = distance * (1.0 - 0.5 / np.maximum(steps, 1))
    return result


def gap_mm(first_kji: npt.NDArray[np.intp], second_kji: npt.NDArray[np.intp], geometry: Geometry) -> float | None:
    """Smallest distance between the surfaces of two sets of voxels; 0 when they touch, None when a set is empty."""
    if len(first_kji) == 0 or len(second_kji) == 0:
        return None
    tree = cKDTree(geometry.ras_from_kji(second_kji))
    distance, index = tree.query(geometry.ras_from_kji(first_kji))
    steps = np.abs(second_kji[index] - first_kji).max(axis=1)
    gaps = np.where(steps > 0, distance * (1.0 - 1.0 / np.maximum(steps, 1)), 0.0)
    return float(gaps.min())


def margin_voxels(geometry: Geometry, millimetres: float) -> tuple[int, int, int]:
    """Voxels along (K, J, I) that reach at least ``millimetres`` in the patient, also when the axes are tilted."""
    # Distance between neighbouring index planes: on a sheared grid less than the length of a step.
    planes: FloatArray = 1.0 / np.linalg.norm(geometry.ras_to_ijk[:3, :3], axis=1)
    i, j, k = (int(np.ceil(millimetres / p)) + 1 for p in planes)
    return (k, j, i)

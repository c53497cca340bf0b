"""Diameters of a lesion in millimetres, as a caliper finds them.

The outline of a segmented lesion runs midway between a voxel inside and its neighbour outside, as the usual surface
of a label map does: a row of n voxels is n steps long, and a single voxel is as long as its longest side. All points
are taken to RAS millimetres first, so the numbers hold on oblique, anisotropic and sheared grids.

Longest distances are found among the corners of the convex hull only: cost grows with the surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError

from synthetic_imaging.geometry import FloatArray, Geometry
from synthetic_imaging.mask import BoolArray

_PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class AxialDiameters:
    """Longest diameter in one acquired slice, over all slices, and what belongs to it.

    Attributes:
        long_mm: longest distance between two outline points in a slice.
        short_mm: longest chord of that slice's outline (its convex hull) perpendicular to the long diameter.
        slice_index: K of that slice.
        ends_ras_mm: (2, 3) ends of the long diameter.
    """

    long_mm: float
    short_mm: float
    slice_index: int
    ends_ras_mm: FloatArray


def axial_diameters(inside: BoolArray, geometry: Geometry) -> AxialDiameters:
    """RECIST-style diameters of the true voxels (K, J, I): long and perpendicular short, in the acquired (I-J) plane.

    Raises:
        ValueError: if no voxel is true.
    """
    plane = _plane_axes(geometry)
    best: tuple[float, int, FloatArray, tuple[int, int]] | None = None
    for k in np.flatnonzero(inside.any(axis=(1, 2))):
        places = _row_ends(inside[k])
        kji = np.column_stack([np.full(len(places), k), places])
        outline = _with_faces(kji, axes=(1, 2))
        flat = geometry.ras_from_kji(outline) @ plane
        hull = flat[_hull(flat)]
        length, ends = _longest(hull)
        if best is None or length > best[0] + 1e-9:
            best = (length, int(k), hull, ends)
    if best is None:
        raise ValueError("no voxel is inside")
    length, slice_index, hull, ends = best
    # Back from the slice's own plane to the patient: add the part of the slice's position off that plane.
    normal_part = geometry.ras_from_kji((slice_index, 0, 0)) @ (np.eye(3) - plane @ plane.T)
    return AxialDiameters(
        long_mm=length,
        short_mm=_longest_chord_across(hull, hull[ends[1]] - hull[ends[0]]),
        slice_index=slice_index,
        ends_ras_mm=hull[list(ends)] @ plane.T + normal_part,
    )


def three_axes_mm(inside: BoolArray, geometry: Geometry) -> tuple[float, float, float]:
    """Caliper axes: the longest 3-D diameter, the longest extent perpendicular to it, and the extent across both.

    Raises:
        ValueError: if no voxel is true.
    """
    corners = _corners_3d(inside, geometry)
    first, ends = _longest(corners)
    u = (corners[ends[1]] - corners[ends[0]]) / first
    flat_axes = np.linalg.svd(u[None])[2][1:].T
    flat = corners @ flat_axes
    flat = flat[_hull(flat)]
    second, pair = _longest(flat)
    v = (flat[pair[1]] - flat[pair[0]]) / second
    across = flat @ np.array([-v[1], v[0]])
    return first, second, float(across.max() - across.min())


def _corners_3d(inside: BoolArray, geometry: Geometry) -> FloatArray:
    """Corners (N, 3) of the convex hull of the lesion's surface, in RAS millimetres."""
    places = _extremes(inside)
    if len(places) == 0:
        raise ValueError("no voxel is inside")
    # The hull of centres first: faces are then added to its few corners only. Index space will do, as an affine map
    # keeps a hull a hull, and whole numbers are exact there.
    centres = places[_hull(places.astype(np.float64))]
    surface = _with_faces(centres, axes=(0, 1, 2))
    corners = surface[_hull(surface)]
    return geometry.ras_from_kji(corners)


def _extremes(inside: BoolArray) -> npt.NDArray[np.intp]:
    """Voxels that are first or last in their row along each axis: all corners of the hull are among them."""
    keep = inside.copy()
    for axis in range(3):
        length = inside.shape[axis]
        first = np.expand_dims(inside.argmax(axis=axis), axis)
        last = length - 1 - np.expand_dims(np.flip(inside, axis).argmax(axis=axis), axis)
        shape = [1, 1, 1]
        shape[axis] = length
        index = np.arange(length).reshape(shape)
        keep &= (index == first) | (index == last)
    return np.argwhere(keep)


def _row_ends(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """(N, 2) first and last true voxel of each row of a (J, I) slice."""
    rows = np.flatnonzero(inside.any(axis=1))
    first = inside[rows].argmax(axis=1)
    last = inside.shape[1] - 1 - inside[rows][:, ::-1].argmax(axis=1)
    return np.concatenate([np.column_stack([rows, first]), np.column_stack([rows, last])])


def _with_faces(kji: npt.NDArray[np.intp], axes: tuple[int, ...]) -> FloatArray:
    """Middle points of the voxels' faces along the given axes; (2 * len(axes) * N, 3)."""
    steps = []
    for axis in axes:
        for sign in (-0.5, 0.5):
            step = np.zeros(3)
            step[axis] = sign
            steps.append(kji + step)
    return np.asarray(np.concatenate(steps), dtype=np.float64)


def _hull(points: FloatArray) -> npt.NDArray[np.intp]:
    """Indices of the convex hull's corners; all points where they span no volume (a line, a flat lesion)."""
    if len(points) <= points.shape[1] + 1:
        return np.arange(len(points))
    try:
        return np.asarray(ConvexHull(points).vertices, dtype=np.intp)
    except QhullError:
        return np.arange(len(points))


def _longest(points: FloatArray) -> tuple[float, tuple[int, int]]:
    """Longest distance among the points and the two that have it; the first such pair, so always the same."""
    best, ends = -1.0, (0, 0)
    step = max(1, _PAIRS_AT_ONCE // max(1, len(points)))
    # Squared lengths of a product lose digits far from the origin: work around the middle.
    centred = points - points.mean(axis=0)
    squares = (centred**2).sum(axis=1)
    for start in range(0, len(points), step):
        part = centred[start : start + step]
        square = squares[start : start + step, None] + squares[None] - 2.0 * part @ centred.T
        index = int(square.argmax())
        value = float(square.flat[index])
        if value > best + 1e-9:
            best, ends = value, (start + index // len(points), index % len(points))
    a, b = points[ends[0]], points[ends[1]]
    return float(np.linalg.norm(b - a)), ends


def _longest_chord_across(hull: FloatArray, along: FloatArray) -> float:
    """Longest chord of a convex polygon perpendicular to ``along``; the polygon's corners (N, 2) in order."""
    length = float(np.linalg.norm(along))
    if length == 0 or len(hull) < 3:
        return 0.0
    u = along / length
    t, h = hull @ u, hull @ np.array([-u[1], u[0]])
    # Upper and lower outline over t; the chord is concave in between, so its maximum is at a corner.
    order = np.argsort(t, kind="stable")
    start, end = int(order[0]), int(order[-1])
    count = len(hull)
    one = [(start + s) % count for s in range((end - start) % count + 1)]
    other = [(start - s) % count for s in range((start - end) % count + 1)]
    chords = np.interp(t, t[one], h[one]) - np.interp(t, t[other], h[other])
    return float(np.abs(chords).max())


def _plane_axes(geometry: Geometry) -> FloatArray:
    """(3, 2) orthonormal directions that span the acquired slice."""
    i, j = geometry.directions_ras[:, 0], geometry.directions_ras[:, 1]
    across = j - (j @ i) * i
    return np.column_stack([i, across / np.linalg.norm(across)])

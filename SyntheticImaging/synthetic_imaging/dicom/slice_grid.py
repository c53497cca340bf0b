"""From the positions of parallel slices to one exact grid; slices shifted by a tilted gantry give a sheared one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthetic_imaging.errors import FileError
from synthetic_imaging.geometry import LPS_FROM_RAS, FloatArray, Geometry


@dataclass(frozen=True, eq=False)
class Plane:
    """Where one slice lies: LPS millimetres of its first pixel, row and column directions, spacing.

    Attributes:
        position: ImagePositionPatient, or None.
        orientation: ImageOrientationPatient as (2, 3), or None.
        spacing: between rows and between columns.
        thickness: SliceThickness or SpacingBetweenSlices, for single slices.
        shape: rows, columns.
    """

    position: FloatArray | None
    orientation: FloatArray | None
    spacing: tuple[float, float]
    thickness: float
    shape: tuple[int, int]


def plane_of(header: Any, position: Any = None, orientation: Any = None, measures: Any = None) -> Plane:
    """The plane of a slice; the arguments give the functional groups of a multi-frame image."""
    measures = header if measures is None else measures
    spacing = (measures.get("PixelSpacing") or header.get("PixelSpacing") or header.get("ImagerPixelSpacing")
               or header.get("NominalScannedPixelSpacing") or (1.0, 1.0))
    thickness = measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 1.0
    place = (header if position is None else position).get("ImagePositionPatient")
    axes = (header if orientation is None else orientation).get("ImageOrientationPatient")
    return Plane(
        _numbers(place, 3), None if (found := _numbers(axes, 6)) is None else found.reshape(2, 3),
        (float(spacing[0]), float(spacing[1])), abs(float(thickness)) or 1.0,
        (int(header.Rows), int(header.Columns)),
    )


def _numbers(values: Any, count: int) -> FloatArray | None:
    if values is None or len(values) != count:
        return None
    array = np.array([float(v) for v in values])
    return array if np.isfinite(array).all() else None


def grid_of_planes(planes: Sequence[Plane], where: str) -> tuple[list[int], Geometry]:
    """The order of the slices (K rising along the slice normal) and their grid.

    Raises:
        FileError: if sizes, orientations or spacings differ, positions repeat or are missing, or slices are missing.
    """
    first = planes[0]
    if any(p.shape != first.shape for p in planes):
        sizes = sorted({f"{p.shape[1]} x {p.shape[0]}" for p in planes})
        raise FileError(
            f"{where} mixes images of different sizes ({', '.join(sizes)}). Export one reconstruction alone."
        )
    if any(not np.allclose(p.spacing, first.spacing, rtol=1e-4, atol=0) for p in planes):
        raise FileError(f"{where} mixes images of different pixel spacing. Export one reconstruction alone.")
    if min(first.spacing) <= 0:
        raise FileError(f"{where} states a pixel spacing of zero. Its geometry is unknown; export it again.")
    if len(planes) == 1 and (first.position is None or first.orientation is None):
        return [0], _grid(np.zeros(3), np.array([[1.0, 0, 0], [0, 1.0, 0]]), first.spacing, None, first)
    if any(p.position is None or p.orientation is None for p in planes):
        raise FileError(f"{where} has images that do not say where they lie in the patient, so they form no volume.")
    positions = np.array([p.position for p in planes])
    axes = np.array([p.orientation for p in planes])
    if np.abs(axes - axes[0]).max() > 2e-3:
        raise FileError(
            f"{where} holds images in different orientations (a scout view, or several planes). Export one stack alone."
        )
    row, column = axes[0] / np.linalg.norm(axes[0], axis=1, keepdims=True)
    normal = np.cross(row, column)
    if np.linalg.norm(normal) < 0.99:
        raise FileError(f"{where} has rows and columns that are not perpendicular. Its geometry cannot be trusted.")
    depth = positions @ normal
    order = [int(n) for n in np.argsort(depth, kind="stable")]
    if len(planes) == 1:
        return order, _grid(positions[0], axes[0], first.spacing, None, first)
    step = _checked_step(positions[order], depth[order], where)
    return order, _grid(positions[order[0]], np.array([row, column]), first.spacing, step, first, len(planes))


def _checked_step(positions: FloatArray, depth: FloatArray, where: str) -> FloatArray:
    gaps = np.diff(depth)
    usual = float(np.median(gaps))
    if usual <= 1e-3 or gaps.min() < 0.01 * usual:
        repeated = int(np.count_nonzero(gaps < max(1e-3, 0.01 * usual)))
        raise FileError(
            f"{where} has {repeated + 1} or more images at the same position (phases, echoes or diffusion weights). "
            "Export one of them alone."
        )
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    expected = positions[0] + np.arange(len(positions))[:, None] * step
    tolerance = max(0.02 * usual, 0.01)
    if np.abs(expected - positions).max() <= tolerance:
        return np.asarray(step)
    holes = np.flatnonzero(gaps > 1.5 * usual)
    if holes.size and np.allclose(np.delete(gaps, holes), usual, rtol=0.02, atol=0.01):
        missing = int(np.rint(gaps[holes] / usual - 1).sum())
        at = ", ".join(f"{n + 1} and {n + 2}" for n in holes[:3])
        raise FileError(
            f"{where} lacks {missing} slice{'s' if missing > 1 else ''} (between slices {at}; others are "
            f"{usual:.2f} mm apart). Export the complete series again."
        )
    if gaps.max() - gaps.min() > tolerance:
        raise FileError(
            f"{where} has slices at unequal distances, from {gaps.min():.2f} to {gaps.max():.2f} mm. "
            "Export one stack with equal spacing, or resample it in 3D Slicer first."
        )
    raise FileError(f"{where} has slices that are shifted against each other unevenly, so they form no regular grid.")


def _grid(
    position: FloatArray, axes: FloatArray, spacing: tuple[float, float], step: FloatArray | None, plane: Plane,
    count: int = 1,
) -> Geometry:
    matrix = np.eye(4)
    # PixelSpacing is (between rows, between columns); the first direction runs along a row, from column to column.
    matrix[:3, 0] = axes[0] * spacing[1]
    matrix[:3, 1] = axes[1] * spacing[0]
    matrix[:3, 2] = np.cross(axes[0], axes[1]) * plane.thickness if step is None else step
    matrix[:3, 3] = position
    return Geometry(LPS_FROM_RAS @ matrix, (count, *plane.shape))

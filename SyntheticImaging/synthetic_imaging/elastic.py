"""Smooth elastic deformation: a coarse lattice of displacements, evaluated and applied voxel by voxel.

The deformed image is ``out(x) = image(x + u(x))`` with x in the patient (RAS millimetres) and u a uniform cubic
B-spline over a lattice of control displacements. Each voxel's displacement is summed from its 4 x 4 x 4 control
points and used at once, so no field of the volume's size is ever in memory. Images are sampled trilinearly, label maps
at the nearest voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.geometry import FloatArray, Geometry
from synthetic_imaging.kernels import REORDERED, kernel, prange
from synthetic_imaging.mask import Mask
from synthetic_imaging.volume import Volume, Voxels

# Above 0.4 of the lattice's spacing a cubic B-spline may fold space (Choi and Lee 2000).
UNFOLDED = 0.4


@dataclass(frozen=True, eq=False)
class ElasticField:
    """A smooth displacement of everything in a grid.

    Attributes:
        control_ras_mm: displacements (CK, CJ, CI, 3) of the control points, RAS millimetres.
        spacing_kji: voxels from one control point to the next along K, J, I; may be fractional, above 0.
        geometry: the grid it covers. Control point (1, 1, 1) sits on the grid's first voxel, and one row of control
            points lies beyond each face; see `lattice_shape`.

    Raises:
        InputError: if the lattice does not cover the grid or a displacement is not finite.
    """

    control_ras_mm: FloatArray
    spacing_kji: tuple[float, float, float]
    geometry: Geometry

    def __post_init__(self) -> None:
        control = np.array(self.control_ras_mm, dtype=np.float64)
        shape = (*lattice_shape(self.geometry, self.spacing_kji), 3)
        if control.shape != shape:
            raise InputError(f"The displacement lattice is {control.shape}; the grid needs {shape}.")
        if not np.isfinite(control).all():
            raise InputError("The displacement lattice holds values that are not finite.")
        control.setflags(write=False)
        object.__setattr__(self, "control_ras_mm", control)

    @classmethod
    def random(
        cls, geometry: Geometry, rng: np.random.Generator, amplitude_mm: float = 4.0, spacing_mm: float = 32.0
    ) -> ElasticField:
        """A random deformation without folds.

        Args:
            geometry: the grid to deform.
            rng: where the randomness comes from.
            amplitude_mm: largest displacement of a control point along each patient axis, 0 or more.
            spacing_mm: distance between control points, above 0: larger is smoother.

        Raises:
            ParameterError: if the amplitude is so large for the spacing that tissue could fold over itself.
        """
        if not spacing_mm > 0 or not amplitude_mm >= 0:
            raise ParameterError("The distance between control points must be above 0 mm, the amplitude 0 mm or more.")
        k, j, i = (spacing_mm / step for step in geometry.spacing_kji_mm)
        spacing = (k, j, i)
        shape = (*lattice_shape(geometry, spacing), 3)
        field = cls(rng.uniform(-amplitude_mm, amplitude_mm, shape), spacing, geometry)
        if field.may_fold:
            raise ParameterError(
                f"A displacement of {amplitude_mm:g} mm with control points every {spacing_mm:g} mm would fold tissue "
                "over itself. Choose a smaller displacement or a larger distance."
            )
        return field

    @property
    def control_kji(self) -> FloatArray:
        """The control displacements in voxels along K, J, I: exact for oblique and sheared grids."""
        ijk = self.control_ras_mm @ self.geometry.ras_to_ijk[:3, :3].T
        return np.asarray(ijk[..., ::-1])

    @property
    def may_fold(self) -> bool:
        """Whether the bound that rules out folds is exceeded."""
        largest = np.abs(self.control_kji).reshape(-1, 3).max(axis=0)
        return bool((largest > UNFOLDED * np.asarray(self.spacing_kji)).any())

    def displacement_ras_mm(self, kji: npt.ArrayLike) -> FloatArray:
        """Displacement at array positions (..., 3), RAS millimetres; positions beyond the grid take its edge's."""
        at = np.asarray(kji, dtype=np.float64)
        axes = [
            _cells(at[..., axis].reshape(-1), self.geometry.shape[axis], self.spacing_kji[axis]) for axis in range(3)
        ]
        cells, weights = [cell for cell, _ in axes], [weight for _, weight in axes]
        total = np.zeros((at[..., 0].size, 3))
        for a in range(4):
            for b in range(4):
                for c in range(4):
                    weight = weights[0][:, a] * weights[1][:, b] * weights[2][:, c]
                    points = self.control_ras_mm[cells[0] + a, cells[1] + b, cells[2] + c]
                    total += weight[:, None] * points
        return total.reshape(at.shape)


def lattice_shape(geometry: Geometry, spacing_kji: tuple[float, float, float]) -> tuple[int, int, int]:
    """Control points along K, J, I that cover a grid.

    Raises:
        InputError: if a spacing is not above 0.
    """
    if not all(np.isfinite(s) and s > 0 for s in spacing_kji):
        raise InputError(f"Control points need a spacing above 0 voxels, not {spacing_kji}.")
    k, j, i = (int(np.floor((n - 1) / s)) + 4 for n, s in zip(geometry.shape, spacing_kji, strict=True))
    return (k, j, i)


def deform_volume(volume: Volume, field: ElasticField, outside: float | None = None) -> Volume:
    """The volume deformed, on its own grid and in its own type, sampled trilinearly in single precision.

    Args:
        volume: what to deform.
        field: made for the volume's grid.
        outside: value for what comes from beyond the volume; None repeats its edge.

    Raises:
        InputError: if the field was made for another grid.
    """
    _check_grid(volume.geometry, field)
    source = volume.voxels.view(np.uint8) if volume.voxels.dtype == np.bool_ else volume.voxels
    made = np.empty(volume.shape, dtype=source.dtype.newbyteorder("="))
    fill = 0.0 if outside is None else float(outside)
    _warp_linear(*_arguments(source, field), np.float32(fill), outside is not None, source.dtype.kind in "iu", made)
    return volume.like(made.astype(volume.voxels.dtype, copy=False), dicom=None)


def deform_mask(mask: Mask, field: ElasticField) -> Mask:
    """The mask deformed, on its own grid, each voxel taken from the nearest one; nothing comes from outside.

    Raises:
        InputError: if the field was made for another grid.
    """
    _check_grid(mask.geometry, field)
    made = np.empty(mask.layers.shape, dtype=mask.layers.dtype.newbyteorder("="))
    for source, target in zip(mask.layers, made, strict=True):
        _warp_nearest(*_arguments(source, field), target)
    return Mask(made, mask.geometry, mask.segments, name=mask.name, provenance=mask.provenance)


def _check_grid(geometry: Geometry, field: ElasticField) -> None:
    if not field.geometry.same_grid(geometry):
        raise InputError("The deformation was made for another voxel grid: make one for this image.")


def _arguments(source: Voxels, field: ElasticField) -> tuple[Any, ...]:
    """What both kernels take: source (K, J, I), control (3, CK, CJ, CI), cells and weights per axis."""
    control = np.ascontiguousarray(np.moveaxis(field.control_kji, -1, 0), dtype=np.float32)
    per_axis: list[Any] = []
    for n, spacing in zip(field.geometry.shape, field.spacing_kji, strict=True):
        cells, weights = _cells(np.arange(n, dtype=np.float64), n, spacing)
        per_axis += [cells, weights.astype(np.float32)]
    if not source.dtype.isnative:
        source = source.astype(source.dtype.newbyteorder("="))
    return (np.ascontiguousarray(source), control, *per_axis)


def _cells(at: FloatArray, n: int, spacing: float) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """First control point (N,) and the weights (N, 4) of the four that act at positions ``at`` along one axis."""
    t = np.clip(at, 0, n - 1) / spacing
    cell = np.minimum(np.floor(t), np.floor((n - 1) / spacing)).astype(np.int64)
    f = t - cell
    weights = np.stack(
        [(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3], axis=-1
    )
    return cell, weights / 6


@kernel(fastmath=REORDERED, inline=True)
def _slab_control(control: Any, cell: int, weights: Any, slab: Any) -> None:
    """Control points of one slice: the lattice summed along K into ``slab`` (3, CJ, CI)."""
    for axis in range(3):
        for b in range(slab.shape[1]):
            for c in range(slab.shape[2]):
                total = np.float32(0)
                for a in range(4):
                    total += weights[a] * control[axis, cell + a, b, c]
                slab[axis, b, c] = total


@kernel(fastmath=REORDERED, inline=True)
def _row_displacements(slab: Any, cell: int, weights: Any, cells: Any, row_weights: Any, row: Any, moved: Any) -> None:
    """Displacements in voxels of one row of voxels into ``moved`` (3, I); ``row`` (3, CI) is scratch."""
    for axis in range(3):
        for c in range(row.shape[1]):
            total = np.float32(0)
            for b in range(4):
                total += weights[b] * slab[axis, cell + b, c]
            row[axis, c] = total
        for i in range(moved.shape[1]):
            c = cells[i]
            moved[axis, i] = (
                row_weights[i, 0] * row[axis, c]
                + row_weights[i, 1] * row[axis, c + 1]
                + row_weights[i, 2] * row[axis, c + 2]
                + row_weights[i, 3] * row[axis, c + 3]
            )


@kernel(parallel=True, fastmath=REORDERED)
def _warp_linear(
    source: Any, control: Any, cells_k: Any, weights_k: Any, cells_j: Any, weights_j: Any, cells_i: Any,
    weights_i: Any, fill: Any, filled: bool, rounded: bool, out: Any,
) -> None:  # fmt: skip
    nk, nj, ni = source.shape
    last_k, last_j, last_i = max(nk - 2, 0), max(nj - 2, 0), max(ni - 2, 0)
    up_k, up_j, up_i = min(nk - 1, 1), min(nj - 1, 1), min(ni - 1, 1)
    half, one = np.float32(0.5), np.float32(1)
    for k in prange(nk):
        slab = np.empty((3, control.shape[2], control.shape[3]), dtype=np.float32)
        row = np.empty((3, control.shape[3]), dtype=np.float32)
        moved = np.empty((3, ni), dtype=np.float32)
        _slab_control(control, cells_k[k], weights_k[k], slab)
        for j in range(nj):
            _row_displacements(slab, cells_j[j], weights_j[j], cells_i, weights_i, row, moved)
            for i in range(ni):
                # Whole voxels and the fraction apart: single precision then suffices on any grid.
                floor_k, floor_j, floor_i = np.floor(moved[0, i]), np.floor(moved[1, i]), np.floor(moved[2, i])
                k0, j0, i0 = k + int(floor_k), j + int(floor_j), i + int(floor_i)
                fk, fj, fi = moved[0, i] - floor_k, moved[1, i] - floor_j, moved[2, i] - floor_i
                if filled and (
                    k0 + fk < -half or k0 + fk > nk - half or j0 + fj < -half or j0 + fj > nj - half
                    or i0 + fi < -half or i0 + fi > ni - half
                ):
                    value = fill
                else:
                    if k0 < 0:
                        k0, fk = 0, np.float32(0)
                    elif k0 > last_k:
                        k0, fk = last_k, one
                    if j0 < 0:
                        j0, fj = 0, np.float32(0)
                    elif j0 > last_j:
                        j0, fj = last_j, one
                    if i0 < 0:
                        i0, fi = 0, np.float32(0)
                    elif i0 > last_i:
                        i0, fi = last_i, one
                    k1, j1, i1 = k0 + up_k, j0 + up_j, i0 + up_i
                    a = np.float32(source[k0, j0, i0])
                    a += fi * (np.float32(source[k0, j0, i1]) - a)
                    b = np.float32(source[k0, j1, i0])
                    b += fi * (np.float32(source[k0, j1, i1]) - b)
                    c = np.float32(source[k1, j0, i0])
                    c += fi * (np.float32(source[k1, j0, i1]) - c)
                    d = np.float32(source[k1, j1, i0])
                    d += fi * (np.float32(source[k1, j1, i1]) - d)
                    a += fj * (b - a)
                    c += fj * (d - c)
                    value = a + fk * (c - a)
                if rounded:
                    out[k, j, i] = np.floor(value + half)
                else:
                    out[k, j, i] = value


@kernel(parallel=True, fastmath=REORDERED)
def _warp_nearest(
    source: Any, control: Any, cells_k: Any, weights_k: Any, cells_j: Any, weights_j: Any, cells_i: Any,
    weights_i: Any, out: Any,
) -> None:  # fmt: skip
    nk, nj, ni = source.shape
    half = np.float32(0.5)
    for k in prange(nk):
        slab = np.empty((3, control.shape[2], control.shape[3]), dtype=np.float32)
        row = np.empty((3, control.shape[3]), dtype=np.float32)
        moved = np.empty((3, ni), dtype=np.float32)
        _slab_control(control, cells_k[k], weights_k[k], slab)
        for j in range(nj):
            _row_displacements(slab, cells_j[j], weights_j[j], cells_i, weights_i, row, moved)
            for i in range(ni):
                k0 = k + int(np.floor(moved[0, i] + half))
                j0 = j + int(np.floor(moved[1, i] + half))
                i0 = i + int(np.floor(moved[2, i] + half))
                if k0 < 0 or k0 >= nk or j0 < 0 or j0 >= nj or i0 < 0 or i0 >= ni:
                    out[k, j, i] = 0
                else:
                    out[k, j, i] = source[k0, j0, i0]

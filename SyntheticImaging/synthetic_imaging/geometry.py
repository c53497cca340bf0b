"""Where voxels sit in the patient: an exact 4 x 4 matrix from voxel index to millimetres.

Arrays are indexed (K, J, I); matrices act on (I, J, K, 1) and give RAS millimetres
(right, anterior, superior positive), as 3D Slicer does. Nothing here rounds, orthogonalises
or assumes orthogonal axes: oblique, anisotropic, left-handed and sheared (gantry tilt) grids
are all one case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError

FloatArray = npt.NDArray[np.float64]

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Box:
    """A half-open box of voxels in array order: ``start`` and ``stop`` are (K, J, I)."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Slices that cut the box out of a (K, J, I) array."""
        return (
            slice(self.start[0], self.stop[0]),
            slice(self.start[1], self.stop[1]),
            slice(self.start[2], self.stop[2]),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (K, J, I); never negative."""
        k, j, i = (max(0, b - a) for a, b in zip(self.start, self.stop, strict=True))
        return (k, j, i)

    @property
    def empty(self) -> bool:
        """Whether the box holds no voxel."""
        return 0 in self.shape

    def clipped(self, shape: Sequence[int]) -> Box:
        """The part of the box inside an array of ``shape`` (K, J, I)."""
        start = tuple(min(max(0, a), n) for a, n in zip(self.start, shape, strict=True))
        stop = tuple(min(max(0, b), n) for b, n in zip(self.stop, shape, strict=True))
        return Box(start, stop)  # type: ignore[arg-type]

    def shifted(self, by_kji: Sequence[int]) -> Box:
        """The box moved; an empty box stays as it is."""
        if self.empty:
            return self
        start = tuple(a + d for a, d in zip(self.start, by_kji, strict=True))
        stop = tuple(b + d for b, d in zip(self.stop, by_kji, strict=True))
        return Box(start, stop)  # type: ignore[arg-type]

    def joined(self, other: Box) -> Box:
        """The smallest box around two boxes; an empty one does not count."""
        if self.empty or other.empty:
            return other if self.empty else self
        start = tuple(min(a, b) for a, b in zip(self.start, other.start, strict=True))
        stop = tuple(max(a, b) for a, b in zip(self.stop, other.stop, strict=True))
        return Box(start, stop)  # type: ignore[arg-type]

    def grown(self, margin_kji: Sequence[int]) -> Box:
        """The box with a margin of voxels on both sides of each axis, not clipped."""
        start = tuple(a - m for a, m in zip(self.start, margin_kji, strict=True))
        stop = tuple(b + m for b, m in zip(self.stop, margin_kji, strict=True))
        return Box(start, stop)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Geometry:
    """A voxel grid in the patient.

    Attributes:
        ijk_to_ras: 4 x 4 matrix from (I, J, K, 1) to RAS millimetres (voxel centres).
        shape: voxels along (K, J, I).

    Raises:
        InputError: if the matrix is not finite, not affine or not invertible, or the shape not three-dimensional.
    """

    ijk_to_ras: FloatArray
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        matrix = np.array(self.ijk_to_ras, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or not np.allclose(matrix[3], (0, 0, 0, 1)):
            raise InputError("The image has no valid position matrix (4 x 4, finite, affine).")
        lengths = np.linalg.norm(matrix[:3, :3], axis=0)
        if (lengths == 0).any() or abs(np.linalg.det(matrix[:3, :3] / lengths)) < 1e-6:
            raise InputError("The image's axes are not independent (a spacing of zero, or two axes in one direction).")
        if len(self.shape) != 3:
            raise InputError(f"The image has {len(self.shape)} dimensions; three are needed.")
        matrix.setflags(write=False)
        object.__setattr__(self, "ijk_to_ras", matrix)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @classmethod
    def from_spacing(
        cls,
        shape: Sequence[int],
        spacing_ijk_mm: Sequence[float] = (1.0, 1.0, 1.0),
        origin_ras_mm: Sequence[float] = (0.0, 0.0, 0.0),
        directions_ras: npt.ArrayLike | None = None,
    ) -> Geometry:
        """A grid from spacing, origin and the direction of each index axis (columns, RAS)."""
        matrix = np.eye(4)
        directions = np.eye(3) if directions_ras is None else np.asarray(directions_ras, dtype=np.float64)
        matrix[:3, :3] = directions * np.asarray(spacing_ijk_mm, dtype=np.float64)
        matrix[:3, 3] = origin_ras_mm
        return cls(matrix, tuple(shape))  # type: ignore[arg-type]

    @property
    def ras_to_ijk(self) -> FloatArray:
        """Inverse of ``ijk_to_ras``."""
        return np.asarray(np.linalg.inv(self.ijk_to_ras), dtype=np.float64)

    @property
    def ijk_to_lps(self) -> FloatArray:
        """The same grid in LPS millimetres, as DICOM, ITK and most files have it."""
        return LPS_FROM_RAS @ self.ijk_to_ras

    @property
    def spacing_ijk_mm(self) -> tuple[float, float, float]:
        """Length of one step along I, J, K in millimetres."""
        i, j, k = np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)
        return (float(i), float(j), float(k))

    @property
    def spacing_kji_mm(self) -> tuple[float, float, float]:
        """Length of one step along K, J, I in millimetres: the order of the array."""
        i, j, k = self.spacing_ijk_mm
        return (k, j, i)

    @property
    def directions_ras(self) -> FloatArray:
        """Unit direction of each index axis, one per column (I, J, K)."""
        return np.asarray(self.ijk_to_ras[:3, :3] / np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0))

    @property
    def origin_ras_mm(self) -> tuple[float, float, float]:
        """Centre of the first voxel."""
        r, a, s = self.ijk_to_ras[:3, 3]
        return (float(r), float(a), float(s))

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of a voxel (a parallelepiped) in cubic millimetres."""
        return float(abs(np.linalg.det(self.ijk_to_ras[:3, :3])))

    @property
    def left_handed(self) -> bool:
        """Whether the index axes form a left-handed system in RAS."""
        return bool(np.linalg.det(self.ijk_to_ras[:3, :3]) < 0)

    @property
    def sheared(self) -> bool:
        """Whether the axes are not perpendicular (more than about 0.006 degrees), as after a tilted gantry."""
        directions = self.directions_ras
        return bool(np.abs(directions.T @ directions - np.eye(3)).max() > 1e-4)

    def ras_from_kji(self, kji: npt.ArrayLike) -> FloatArray:
        """RAS millimetres of array positions; ``kji`` is (..., 3), may be fractional."""
        ijk = np.asarray(kji, dtype=np.float64)[..., ::-1]
        return np.asarray(ijk @ self.ijk_to_ras[:3, :3].T + self.ijk_to_ras[:3, 3])

    def kji_from_ras(self, ras_mm: npt.ArrayLike) -> FloatArray:
        """Fractional array positions (K, J, I) of RAS points (..., 3)."""
        inverse = self.ras_to_ijk
        ijk = np.asarray(ras_mm, dtype=np.float64) @ inverse[:3, :3].T + inverse[:3, 3]
        return np.asarray(ijk[..., ::-1])

    def cropped(self, box: Box) -> Geometry:
        """The grid of the voxels in ``box``, at the same place in the patient."""
        matrix = self.ijk_to_ras.copy()
        matrix[:3, 3] = self.ras_from_kji(box.start)
        return Geometry(matrix, box.shape)

    def box_around_ras(self, low_ras_mm: npt.ArrayLike, high_ras_mm: npt.ArrayLike) -> Box:
        """The smallest box of voxels, clipped to the grid, that holds a RAS-aligned block of the patient."""
        low, high = np.asarray(low_ras_mm, dtype=np.float64), np.asarray(high_ras_mm, dtype=np.float64)
        corners = np.array([[(low, high)[b >> a & 1][a] for a in range(3)] for b in range(8)])
        kji = self.kji_from_ras(corners)
        start, stop = np.floor(kji.min(axis=0)).astype(int), np.ceil(kji.max(axis=0)).astype(int) + 1
        return Box(tuple(start.tolist()), tuple(stop.tolist())).clipped(self.shape)

    def same_grid(self, other: Geometry, tolerance_mm: float = 1e-3) -> bool:
        """Whether two grids have the same shape and every voxel sits at the same place within ``tolerance_mm``."""
        if self.shape != other.shape:
            return False
        corners = np.array([[(n - 1) * (b >> a & 1) for a, n in enumerate(self.shape)] for b in range(8)])
        distance = np.abs(self.ras_from_kji(corners) - other.ras_from_kji(corners)).max()
        return bool(distance <= tolerance_mm)

"""From the CT to the automaton's map of tissue, and back from its cells to the CT's voxels.

The automaton lives on a RAS-aligned grid of 1 mm cells over the part of the organ that the tumour can reach. Both
ways are evaluated at exact positions, so the CT may lie on any grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from synthetic_imaging.geometry import Box, Geometry
from synthetic_imaging.kernels import kernel, prange
from synthetic_imaging.lesions.compositing import trilinear
from synthetic_imaging.lesions.growth import BARRIER, WALL

Array = npt.NDArray[np.float64]
CELL_MM = 1.0


@kernel
def _sample_cells(voxels, inside, kji_from_cell, values, level):  # type: ignore[no-untyped-def]
    """CT value and organ membership at every cell centre."""
    m = kji_from_cell
    for r in range(values.shape[0]):
        for a in range(values.shape[1]):
            for s in range(values.shape[2]):
                k = m[0, 0] * r + m[0, 1] * a + m[0, 2] * s + m[0, 3]
                j = m[1, 0] * r + m[1, 1] * a + m[1, 2] * s + m[1, 3]
                i = m[2, 0] * r + m[2, 1] * a + m[2, 2] * s + m[2, 3]
                ck, cj, ci = int(np.rint(k)), int(np.rint(j)), int(np.rint(i))
                level[r, a, s] = 0
                if ck < 0 or cj < 0 or ci < 0 or ck >= inside.shape[0] or cj >= inside.shape[1]:
                    continue
                if ci < inside.shape[2] and inside[ck, cj, ci]:
                    level[r, a, s] = 1
                    values[r, a, s] = trilinear(voxels, k, j, i)


@dataclass(eq=False)
class Cells:
    """A RAS-aligned block of 1 mm cells.

    Attributes:
        origin_ras_mm: centre of cell (0, 0, 0).
        level: uint8 (R, A, S): see `growth`.
        tissue: float32 (R, A, S), lightly smoothed CT inside the organ.
    """

    origin_ras_mm: Array
    level: npt.NDArray[np.uint8]
    tissue: npt.NDArray[np.float32]

    @classmethod
    def over(
        cls, voxels: npt.NDArray[np.generic], inside: npt.NDArray[np.bool_], geometry: Geometry, box: Box,
        low_ras_mm: Array, high_ras_mm: Array,
    ) -> Cells:
        """Cells over a block of the patient, clipped to the organ.

        Args:
            voxels: the whole CT.
            inside: the organ within ``box``.
            geometry, box: grid of the CT and the organ's box in it.
            low_ras_mm, high_ras_mm: the block.
        """
        corners = np.array([[(box.start, box.stop)[b >> a & 1][a] - (b >> a & 1) for a in range(3)] for b in range(8)])
        organ = geometry.ras_from_kji(corners)
        # Corners are voxel centres: thick slices reach further out than a cell.
        beyond = np.maximum(1.0, 0.5 * np.abs(geometry.ijk_to_ras[:3, :3]).sum(axis=1))
        low = np.maximum(low_ras_mm, organ.min(axis=0) - beyond)
        high = np.minimum(high_ras_mm, organ.max(axis=0) + beyond)
        shape = tuple(int(n) for n in np.maximum(3, np.ceil((high - low) / CELL_MM) + 1))
        part = voxels[box.slices].astype(np.float32)
        cell_to_ras = np.eye(4)
        cell_to_ras[:3, 3] = low
        reverse = np.zeros((4, 4))
        reverse[[0, 1, 2, 3], [2, 1, 0, 3]] = 1.0
        kji_from_cell = reverse @ geometry.ras_to_ijk @ cell_to_ras
        kji_from_cell[:3, 3] -= box.start
        values, level = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.uint8)
        _sample_cells(part, inside, kji_from_cell, values, level)
        # Smoothed within the organ only: what lies outside must not pull its border into another density level.
        organ_cells = level > 0
        weight = ndimage.gaussian_filter(organ_cells.astype(np.float32), 1.0)
        tissue = ndimage.gaussian_filter(values, 1.0) / np.maximum(weight, 1e-3)
        return cls(low, level, np.where(organ_cells, tissue, 0).astype(np.float32))

    def quantify(self, low: float, vessel: float) -> None:
        """Set density levels 1, 2, 3 by thirds of [low, vessel); from ``vessel`` up a barrier. Walls stay."""
        third = (vessel - low) / 3.0
        density = 1 + np.searchsorted((low + third, low + 2 * third, vessel), self.tissue, side="right")
        self.level = np.where(self.level == WALL, WALL, np.minimum(density, BARRIER)).astype(np.uint8)

    def cell_at(self, ras_mm: Array) -> tuple[int, int, int]:
        """Cell that holds a point; may lie outside the block."""
        r, a, s = np.rint((np.asarray(ras_mm) - self.origin_ras_mm) / CELL_MM).astype(int).tolist()
        return (r, a, s)

    def ras_of(self, cell: npt.ArrayLike) -> Array:
        """Centre of a cell."""
        return np.asarray(np.asarray(cell, dtype=np.float64) * CELL_MM + self.origin_ras_mm)

    def box_of(self, living: npt.NDArray[np.bool_], geometry: Geometry, margin_mm: float) -> Box:
        """Box of voxels, clipped to the grid, around the living cells and a margin."""
        places = [np.flatnonzero(living.any(axis=tuple(b for b in range(3) if b != a))) for a in range(3)]
        low = self.ras_of([p[0] for p in places]) - margin_mm
        high = self.ras_of([p[-1] for p in places]) + margin_mm
        return geometry.box_around_ras(low, high)


@kernel(parallel=True)
def _to_voxels(  # type: ignore[no-untyped-def]
    strength, occupied, dead, tissue, inside, matrix, first, origin, samples, out_strength, out_occupied, out_dead,
    out_tissue,
):
    """Cell fields at voxels: mean over ``samples`` points along each voxel axis (partial volume of thick slices)."""
    m = matrix
    total = samples[0] * samples[1] * samples[2]
    for k in prange(inside.shape[0]):
        for j in range(inside.shape[1]):
            for i in range(inside.shape[2]):
                if not inside[k, j, i]:
                    continue
                sum_s, sum_o, sum_d, sum_t = 0.0, 0.0, 0.0, 0.0
                for c in range(samples[0]):
                    fk = k + first[0] + (c + 0.5) / samples[0] - 0.5
                    for b in range(samples[1]):
                        fj = j + first[1] + (b + 0.5) / samples[1] - 0.5
                        for a in range(samples[2]):
                            fi = i + first[2] + (a + 0.5) / samples[2] - 0.5
                            r = m[0, 0] * fi + m[0, 1] * fj + m[0, 2] * fk + m[0, 3] - origin[0]
                            s = m[1, 0] * fi + m[1, 1] * fj + m[1, 2] * fk + m[1, 3] - origin[1]
                            t = m[2, 0] * fi + m[2, 1] * fj + m[2, 2] * fk + m[2, 3] - origin[2]
                            if (
                                r < 0 or s < 0 or t < 0 or r > strength.shape[0] - 1
                                or s > strength.shape[1] - 1 or t > strength.shape[2] - 1
                            ):
                                continue
                            sum_s += trilinear(strength, r, s, t)
                            sum_o += trilinear(occupied, r, s, t)
                            sum_d += trilinear(dead, r, s, t)
                            sum_t += trilinear(tissue, r, s, t)
                out_strength[k, j, i] = sum_s / total
                out_occupied[k, j, i] = sum_o / total
                out_dead[k, j, i] = sum_d / total
                out_tissue[k, j, i] = sum_t / total


@dataclass(frozen=True, eq=False)
class Infiltration:
    """A state of the tumour at the voxels of a box; all arrays float32 (K, J, I), 0 outside the organ.

    Attributes:
        strength: population / 10, blurred: how much of a voxel's tissue is tumour.
        occupied: share of the voxel with any population; the mask is where it exceeds one half.
        dead: share that is necrotic, blurred.
        tissue: smoothed CT.
    """

    strength: npt.NDArray[np.float32]
    occupied: npt.NDArray[np.float32]
    dead: npt.NDArray[np.float32]
    tissue: npt.NDArray[np.float32]

    @classmethod
    def at_voxels(
        cls, cells: Cells, population: npt.NDArray[np.uint8], dead: npt.NDArray[np.bool_],
        inside: npt.NDArray[np.bool_], geometry: Geometry, box: Box,
    ) -> Infiltration:
        """Evaluate a state (``population`` 0..10 and ``dead`` cells) at the organ voxels of ``box``.

        ``inside``: the organ within ``box``.
        """
        strength = ndimage.gaussian_filter(population.astype(np.float32) / 10.0, 0.75)
        occupied = (population > 0).astype(np.float32)
        dead_soft = ndimage.gaussian_filter(dead.astype(np.float32), 0.9)
        samples = np.maximum(1, np.rint(np.array(geometry.spacing_kji_mm) / CELL_MM)).astype(np.int64)
        out = [np.zeros(box.shape, dtype=np.float32) for _ in range(4)]
        _to_voxels(
            strength, occupied, dead_soft, cells.tissue, inside, np.ascontiguousarray(geometry.ijk_to_ras),
            np.array(box.start, dtype=np.float64), cells.origin_ras_mm, np.minimum(samples, 8), *out,
        )
        return cls(*out)

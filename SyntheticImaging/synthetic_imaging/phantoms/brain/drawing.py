"""A brain on a grid: the atlas, pulled through a brain's map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.kernels import kernel, prange
from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.phantoms.brain.anatomy import BrainAnatomy, displacement
from synthetic_imaging.phantoms.brain.atlas import atlas

Map = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Brain:
    """Tissue fractions of one head.

    Attributes:
        fractions: tissue -> float32 (K, J, I), 0 to 1; together at most 1, less in air.
        lateral_ventricles: float32 (K, J, I), their share of a voxel.
        infratentorial: float32 (K, J, I), 1 in brainstem and cerebellum.
        geometry: the grid.
    """

    fractions: dict[str, Map]
    lateral_ventricles: Map
    infratentorial: Map
    geometry: Geometry

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """Where the brain with its CSF is at least half of the voxel, (K, J, I)."""
        return np.asarray(sum(self.fractions[name] for name in (*t.BRAIN, t.CSF)) > 0.5)


def head_grid(spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0), slab_mm: tuple[float, float] | None = None
              ) -> Geometry:
    """A grid (RAS) that holds every head of `draw_anatomy`.

    Args:
        spacing_mm: along I, J, K.
        slab_mm: from which height to which (S of RAS); all of the head when None.
    """
    low, high = np.array([-88.0, -122.0, -70.0]), np.array([88.0, 94.0, 96.0])
    if slab_mm is not None:
        low[2], high[2] = slab_mm
    shape = np.maximum(np.rint((high - low) / spacing_mm).astype(int), 1)
    matrix = np.diag([*spacing_mm, 1.0])
    matrix[:3, 3] = low + np.array(spacing_mm) / 2
    return Geometry(matrix, (int(shape[2]), int(shape[1]), int(shape[0])))


def draw_brain(anatomy: BrainAnatomy, geometry: Geometry, crispness: float = 2.0) -> Brain:
    """The brain on a grid.

    Voxels larger than the atlas's see the mean of several places in them, so that thick slices have partial volume.

    Args:
        anatomy: which brain.
        geometry: where; any orientation.
        crispness: power of the fractions, which an average of many brains has blurred; 1 leaves them.

    Raises:
        InputError: if the template is not installed.
    """
    source = atlas()
    field, coarse = displacement(anatomy)
    stack = np.concatenate([source.fractions, _byte(source.lateral_ventricles), _byte(source.infratentorial)])
    stack = np.ascontiguousarray(np.moveaxis(stack, 0, -1))
    out = np.zeros((*geometry.shape, stack.shape[-1]), np.float32)
    _pull(
        stack, np.ascontiguousarray(source.geometry.ras_to_ijk), np.ascontiguousarray(np.moveaxis(field, 0, -1)),
        np.linalg.inv(coarse), np.ascontiguousarray(geometry.ijk_to_ras), np.float32(1 / anatomy.head_scale),
        np.array(_subdivision(geometry)), np.float32(crispness), len(t.TISSUES), out,
    )
    parts = np.ascontiguousarray(np.moveaxis(out, -1, 0))
    fractions = dict(zip(t.TISSUES, parts[: len(t.TISSUES)], strict=True))
    if anatomy.atrophy:
        _atrophy(fractions, anatomy.atrophy, geometry)
    return Brain(fractions, np.minimum(parts[-2], fractions[t.CSF]), parts[-1], geometry)


def _byte(share: Map) -> npt.NDArray[np.uint8]:
    return np.rint(share[None] * 255).astype(np.uint8)


def _subdivision(geometry: Geometry) -> tuple[int, int, int]:
    """Places looked at in a voxel, along K, J, I: about one a millimetre."""
    k, j, i = (int(np.clip(round(s), 1, 8)) for s in geometry.spacing_kji_mm)
    return k, j, i


def _atrophy(fractions: dict[str, Map], amount: float, geometry: Geometry) -> None:
    """Cortex near CSF becomes CSF."""
    from scipy import ndimage

    reach = [1.8 / s for s in geometry.spacing_kji_mm]
    near = np.clip(1.6 * ndimage.gaussian_filter(fractions[t.CSF], reach), 0, 1)
    lost = fractions[t.GREY] * near * np.float32(0.8 * amount)
    fractions[t.GREY] -= lost
    fractions[t.CSF] += lost


@kernel(parallel=True)
def _pull(stack, to_atlas, field, to_coarse, to_ras, shrink, parts, power, tissues, out):  # type: ignore[no-untyped-def]
    nk, nj, ni, channels = out.shape
    ak, aj, ai, _ = stack.shape
    ck, cj, ci, _ = field.shape
    count = parts[0] * parts[1] * parts[2]
    for k in prange(nk):
        here = np.zeros(channels, np.float32)
        for j in range(nj):
            for i in range(ni):
                for s in range(count):
                    sk = k + ((s // (parts[1] * parts[2])) + 0.5) / parts[0] - 0.5
                    sj = j + ((s // parts[2]) % parts[1] + 0.5) / parts[1] - 0.5
                    si = i + (s % parts[2] + 0.5) / parts[2] - 0.5
                    x = to_ras[0, 0] * si + to_ras[0, 1] * sj + to_ras[0, 2] * sk + to_ras[0, 3]
                    y = to_ras[1, 0] * si + to_ras[1, 1] * sj + to_ras[1, 2] * sk + to_ras[1, 3]
                    z = to_ras[2, 0] * si + to_ras[2, 1] * sj + to_ras[2, 2] * sk + to_ras[2, 3]
                    x, y, z = x * shrink, y * shrink, z * shrink
                    # The displacement, linear between the points of its grid.
                    u = min(max(to_coarse[0, 0] * x + to_coarse[0, 3], 0.0), ci - 1.001)
                    v = min(max(to_coarse[1, 1] * y + to_coarse[1, 3], 0.0), cj - 1.001)
                    w = min(max(to_coarse[2, 2] * z + to_coarse[2, 3], 0.0), ck - 1.001)
                    iu, iv, iw = int(u), int(v), int(w)
                    fu, fv, fw = u - iu, v - iv, w - iw
                    for c in range(3):
                        low = (field[iw, iv, iu, c] * (1 - fu) + field[iw, iv, iu + 1, c] * fu) * (1 - fv) + (
                            field[iw, iv + 1, iu, c] * (1 - fu) + field[iw, iv + 1, iu + 1, c] * fu) * fv
                        high = (field[iw + 1, iv, iu, c] * (1 - fu) + field[iw + 1, iv, iu + 1, c] * fu) * (1 - fv) + (
                            field[iw + 1, iv + 1, iu, c] * (1 - fu) + field[iw + 1, iv + 1, iu + 1, c] * fu) * fv
                        moved = low * (1 - fw) + high * fw
                        if c == 0:
                            x += moved
                        elif c == 1:
                            y += moved
                        else:
                            z += moved
                    u = to_atlas[0, 0] * x + to_atlas[0, 3]
                    v = to_atlas[1, 1] * y + to_atlas[1, 3]
                    w = to_atlas[2, 2] * z + to_atlas[2, 3]
                    if not (0 <= u < ai - 1 and 0 <= v < aj - 1 and 0 <= w < ak - 1):
                        continue
                    iu, iv, iw = int(u), int(v), int(w)
                    fu, fv, fw = u - iu, v - iv, w - iw
                    total, sharp = np.float32(0), np.float32(0)
                    for c in range(channels):
                        low = (stack[iw, iv, iu, c] * (1 - fu) + stack[iw, iv, iu + 1, c] * fu) * (1 - fv) + (
                            stack[iw, iv + 1, iu, c] * (1 - fu) + stack[iw, iv + 1, iu + 1, c] * fu) * fv
                        high = (stack[iw + 1, iv, iu, c] * (1 - fu) + stack[iw + 1, iv, iu + 1, c] * fu) * (1 - fv) + (
                            stack[iw + 1, iv + 1, iu, c] * (1 - fu) + stack[iw + 1, iv + 1, iu + 1, c] * fu) * fv
                        value = np.float32((low * (1 - fw) + high * fw) / 255)
                        if c < tissues:
                            total += value
                            value = value**power
                            sharp += value
                        here[c] = value
                    if total > 1:
                        total = np.float32(1)
                    for c in range(channels):
                        if c >= tissues:
                            out[k, j, i, c] += here[c] / count
                        elif sharp > 0:
                            out[k, j, i, c] += here[c] * total / sharp / count

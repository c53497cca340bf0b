"""A lesion's outline, evaluated once on a coarse lattice: from it every voxel reads its depth, and boxes stay small."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.lesions.outline_kernel import sample_outline
from synthetic_imaging.lesions.shapes import Shape

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outline:
    """Depth and softness of the edge around a lesion's centre.

    Attributes:
        shape: what was sampled.
        depth_mm, sigma_mm: float32 lattices (R, A, S); depth is positive inside.
        spacing_mm: step of the lattice; its centre has index ``half`` on each axis.
        widest_mm: largest softness there can be.
        low_mm, high_mm: RAS offsets of the block outside which nothing of the lesion or its edge is left.
        outer_mm: radius of the sphere of which the same holds.
    """

    shape: Shape
    depth_mm: npt.NDArray[np.float32]
    sigma_mm: npt.NDArray[np.float32]
    spacing_mm: float
    half: int
    widest_mm: float
    low_mm: Array
    high_mm: Array
    outer_mm: float


def sampled(shape: Shape, edge_sigma_mm: float, geometry: Geometry) -> Outline:
    """Evaluate a shape for a grid: thick slices soften the edge along their normal."""
    widest = math.hypot(edge_sigma_mm, max(geometry.spacing_ijk_mm) / math.sqrt(12.0))
    edge = max(4.0 * widest, 4.0)
    farthest = shape.reach_mm + edge
    # An outline is smooth: r/5 apart, trilinear interpolation of its depth is off by less than a hundredth of r.
    # Below 3 mm a lattice of 1 mm would shave a lesion: at 2 mm it lost half its volume.
    thinnest = float(shape.semi_axes_mm.min())
    spacing = float(np.clip(thinnest / 5.0, 1.0 if thinnest >= 3.0 else 0.3, 4.5))
    half = math.ceil(farthest / spacing) + 1
    depth, sigma = (np.empty((2 * half + 1,) * 3, dtype=np.float32) for _ in range(2))
    sample_outline(
        shape.semi_axes_mm, shape.rotation, shape.displacement_mm, shape.lobe_waves, shape.lobulation, edge_sigma_mm,
        np.ascontiguousarray(geometry.ijk_to_ras[:3, :3]), spacing, half, farthest, depth, sigma,
    )
    # `reach_mm` is a bound for the worst case; what is really there is often half as far.
    near = np.argwhere(depth > -edge) - half
    low, high = (near.min(axis=0) - 1) * spacing, (near.max(axis=0) + 1) * spacing
    outer = min(farthest, (math.sqrt(float((near * near).sum(axis=1).max())) + 1.0) * spacing)
    return Outline(shape, depth, sigma, spacing, half, widest, low, high, outer)

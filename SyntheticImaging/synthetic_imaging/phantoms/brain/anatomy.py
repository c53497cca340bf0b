"""What describes one brain, and the smooth map that makes it out of the atlas."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import ParameterError

Field = npt.NDArray[np.float32]
COARSE_MM = 4.0

# Name of the number -> least, most.
LIMITS: dict[str, tuple[float, float]] = {
    "head_scale": (0.85, 1.15),
    "ventricles": (0.0, 1.0),
    "atrophy": (0.0, 1.0),
    "individuality": (0.0, 1.5),
}


@dataclass(frozen=True)
class BrainAnatomy:
    """One brain.

    Attributes:
        seed: of its shape.
        head_scale: size through that of the average brain.
        ventricles: 0 as the average, 1 about three times as large.
        atrophy: 0 none, 1 wide sulci: cortex next to CSF gives way to it.
        individuality: how far gyri and nuclei lie from where the average has them; 0 is the average, 1 usual.
    """

    seed: int = 0
    head_scale: float = 1.0
    ventricles: float = 0.0
    atrophy: float = 0.0
    individuality: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = LIMITS.get(field.name, (0, 2**63))
            if not (np.isfinite(value) and low <= value <= high):
                raise ParameterError(f"{field.name} of a brain is {value:g}; it must be from {low:g} to {high:g}.")


def draw_anatomy(rng: np.random.Generator) -> BrainAnatomy:
    """A brain of the population: most have average ventricles and little atrophy, as in early disease."""
    return BrainAnatomy(
        seed=int(rng.integers(2**31)),
        head_scale=float(np.clip(rng.normal(0.95, 0.035), 0.86, 1.06)),
        ventricles=float(np.clip(rng.beta(1.3, 3.0), 0, 1)),
        atrophy=float(np.clip(rng.beta(1.3, 3.5), 0, 1)),
        individuality=float(rng.uniform(0.75, 1.1)),
    )


def displacement(anatomy: BrainAnatomy) -> tuple[Field, npt.NDArray[np.float64]]:
    """From a place in this brain to the same place in the atlas.

    A stationary velocity field, smooth noise of three widths and a pull towards the lateral ventricles, is
    integrated by scaling and squaring (Arsigny et al. 2006): the map has an inverse, tissue neither tears nor folds.

    Returns:
        Displacement in mm, (3, K, J, I), components along RAS, on a grid of 4 mm; and that grid's ijk-to-RAS matrix,
        4 x 4. The head's size comes on top (``place in atlas = (place + displacement) / head_scale``).
    """
    shape, matrix = _coarse_grid()
    rng = np.random.default_rng([77, anatomy.seed])
    velocity = np.zeros((3, *shape), np.float32)
    deep, off_midline = _calm_places()
    for width_mm, size_mm in ((40.0, 2.6), (17.0, 1.6), (9.0, 1.2)):
        noise = anatomy.individuality * size_mm * _smooth_noise(rng, shape, width_mm / COARSE_MM)
        velocity += noise if width_mm > 30 else noise * deep
    velocity[0] *= off_midline
    if anatomy.ventricles:
        velocity += 12.0 * anatomy.ventricles * _towards_ventricles()
    return _exponential(velocity / np.float32(COARSE_MM)) * np.float32(COARSE_MM), matrix


def jacobian(field: Field, spacing_mm: float = COARSE_MM) -> Field:
    """Determinant of the map's derivative, (K, J, I): above 0 where nothing folds."""
    # Components are R, A, S, which go with I, J, K.
    rows = [np.stack(np.gradient(field[c], spacing_mm), axis=0)[::-1] for c in range(3)]
    derivative = np.moveaxis(np.stack(rows), (0, 1), (-2, -1)) + np.eye(3)
    return np.asarray(np.linalg.det(derivative), np.float32)


def _coarse_grid() -> tuple[tuple[int, int, int], npt.NDArray[np.float64]]:
    from synthetic_imaging.phantoms.brain.atlas import atlas

    fine = atlas().geometry
    k, j, i = (int(np.ceil(n / COARSE_MM)) + 1 for n in fine.shape)
    matrix = np.diag([COARSE_MM, COARSE_MM, COARSE_MM, 1.0])
    matrix[:3, 3] = fine.origin_ras_mm
    return (k, j, i), matrix


@lru_cache(maxsize=1)
def _calm_places() -> tuple[Field, Field]:
    """1 inside the brain and 0 at the skull, which is smooth; 1 at the sides, little at the flat midline."""
    from scipy import ndimage

    from synthetic_imaging.phantoms.brain import tissues as t
    from synthetic_imaging.phantoms.brain.atlas import atlas

    step = int(COARSE_MM)
    shape, matrix = _coarse_grid()
    outside = (t.BONE, t.MARROW, t.FAT, t.SKIN)
    bone = np.sum([atlas().fraction(name)[::step, ::step, ::step] for name in outside], axis=0)
    inside = np.pad(bone < 0.3, [(0, n - s) for n, s in zip(shape, bone.shape, strict=True)])
    inside = ndimage.binary_opening(inside, iterations=2)  # the air outside is not inside the brain
    labels, _ = ndimage.label(inside)
    middle = tuple(n // 2 for n in shape)
    depth = ndimage.distance_transform_edt(labels == labels[middle]) * COARSE_MM
    x = matrix[0, 3] + COARSE_MM * np.arange(shape[2])
    calm = 1 - 0.85 * np.exp(-((x / 11.0) ** 2))
    return np.clip(depth / 12.0, 0, 1).astype(np.float32), calm.astype(np.float32)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, int, int], width: float) -> Field:
    """Three components with mean square 1, correlated over ``width`` voxels, alike on both sides but not quite."""
    from scipy import ndimage

    found = rng.standard_normal((3, *shape), np.float32)
    for component in found:
        ndimage.gaussian_filter(component, width / 2, output=component, mode="constant")
        component /= max(float(component.std()), 1e-9)
    mirrored = found.copy()
    last = shape[2] - 1  # the midline lies halfway between the first point and the last but one
    mirrored[..., :last] = found[..., :last][..., ::-1] * np.array([-1, 1, 1], np.float32)[:, None, None, None]
    return np.asarray(0.8 / np.sqrt(2) * (found + mirrored) + 0.6 * found, np.float32)


@lru_cache(maxsize=1)
def _towards_ventricles() -> Field:
    """Unit-sized pull towards the middle of the lateral ventricles, fading 15 mm away."""
    from scipy import ndimage

    from synthetic_imaging.phantoms.brain.atlas import atlas

    step = int(COARSE_MM)
    shape, _ = _coarse_grid()
    share = ndimage.gaussian_filter(atlas().lateral_ventricles, 4.0)[::step, ::step, ::step]
    padded = np.pad(share, [(0, n - s) for n, s in zip(shape, share.shape, strict=True)])
    slopes: Any = np.gradient(padded)
    pull = np.stack(slopes)[::-1]
    return np.asarray(pull / np.linalg.norm(pull, axis=0).max(), np.float32)


def _exponential(velocity: Field, squarings: int = 6) -> Field:
    """Displacement in voxels of the flow of a velocity in voxels (components R, A, S = I, J, K)."""
    from scipy import ndimage

    found: Any = velocity / np.float32(2**squarings)
    grid = np.indices(velocity.shape[1:], dtype=np.float32)
    for _ in range(squarings):
        at = grid + found[::-1]
        found = found + np.stack([ndimage.map_coordinates(part, at, order=1, mode="nearest") for part in found])
    return np.asarray(found, np.float32)

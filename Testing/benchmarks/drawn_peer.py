"""The label-free liver tumours of Hu et al. 2023, restated from its description: what `lesions.handcrafted` is timed
against. Every pass runs over the organ's box, and the texture is cropped from a large field made beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

FIELD_SHAPE = (420, 300, 320)
RADIUS = {"tiny": 4, "small": 8, "medium": 16, "large": 32}
ELASTIC = {"tiny": (0.5, 1), "small": (1, 2), "medium": (3, 6), "large": (5, 10)}

Array = np.ndarray[Any, np.dtype[Any]]


def texture_field(rng: np.random.Generator, sigma_a: float, sigma_b: float, shape: tuple[int, ...]) -> Array:
    """One field in 0..1: smoothed noise, a random draw from it, smoothed again and scaled."""
    noise = ndimage.gaussian_filter(rng.random(shape), sigma_a)
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    chance = rng.uniform(0.19, 0.21) * noise + rng.uniform(0.04, 0.06)
    field = ndimage.gaussian_filter((chance > rng.random(shape)).astype(float), sigma_b)
    field *= rng.uniform(0.50, 0.55) / field[field > 0.12].mean()
    return np.clip(field, 0, 1)


def _deformed(shape: Array, plane: tuple[int, int], amplitude: float, rng: np.random.Generator) -> Array:
    """Random elastic deformation of all slices alike: 3 x 3 control points, nearest sampling."""
    sizes = [shape.shape[a] for a in plane]
    grid = np.meshgrid(*(np.linspace(0, 2, n) for n in sizes), indexing="ij")
    index = []
    for axis, n in enumerate(sizes):
        moved = ndimage.map_coordinates(rng.normal(0, amplitude, (3, 3)), grid, order=3, mode="nearest")
        place = np.arange(n).reshape((-1, 1) if axis == 0 else (1, -1)) + moved
        index.append(np.clip(np.rint(place).astype(int), 0, n - 1))
    first = np.moveaxis(shape, plane, (0, 1))
    return np.moveaxis(first[index[0], index[1]], (0, 1), plane)


def _ellipsoid(size: str, rng: np.random.Generator) -> Array:
    radius = RADIUS[size]
    axes = rng.integers(int(0.75 * radius), int(1.25 * radius) + 1, 3)
    grid = np.ogrid[tuple(slice(-2 * a, 2 * a) for a in axes)]
    shape = sum((g / a) ** 2 for g, a in zip(grid, axes, strict=True)) <= 1
    amplitude = rng.uniform(*ELASTIC[size])
    for plane in ((0, 1), (1, 2), (0, 2)):
        shape = _deformed(shape, plane, amplitude, rng)
    return shape


def _centre(organ: Array, rng: np.random.Generator) -> Array:
    """A slice in the middle 30 to 70 %, the organ in it eroded by 5 x 5, a voxel of that."""
    while True:
        k = int(rng.integers(int(0.3 * organ.shape[0]), max(int(0.7 * organ.shape[0]), 1)))
        inner = ndimage.binary_erosion(organ[k], np.ones((5, 5)))
        places = np.argwhere(inner)
        if len(places):
            return np.array([k, *places[rng.integers(len(places))]])


def draw(ct: Array, organ: Array, field: Array, sizes: list[str], rng: np.random.Generator) -> tuple[Array, Array]:
    """The CT with tumours of the given size classes, and the label map (1 organ, 2 tumour)."""
    inside = np.nonzero(organ)
    box = tuple(slice(int(a.min()), int(a.max()) + 1) for a in inside)
    part, organ_part = ct[box].astype(float), organ[box]
    start = [int(rng.integers(0, f - n + 1)) for f, n in zip(field.shape, part.shape, strict=True)]
    texture = field[tuple(slice(s, s + n) for s, n in zip(start, part.shape, strict=True))]
    tumours = np.zeros(part.shape, dtype=bool)
    for size in sizes:
        shape, centre = _ellipsoid(size, rng), _centre(organ_part, rng)
        low = centre - np.array(shape.shape) // 2
        to = tuple(slice(max(0, a), min(n, a + s)) for a, s, n in zip(low, shape.shape, tumours.shape, strict=True))
        from_ = tuple(slice(t.start - a, t.stop - a) for t, a in zip(to, low, strict=True))
        tumours[to] |= shape[from_]
    tumours &= organ_part
    soft = ndimage.gaussian_filter(tumours.astype(float), rng.uniform(1, 2))
    changed = np.where(organ_part, part - texture * soft * rng.uniform(65, 145), part)
    out, labels = ct.copy(), organ.astype(np.uint8)
    out[box] = changed.astype(ct.dtype)
    labels[box] += tumours
    return out, labels

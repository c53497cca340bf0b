"""A lesion taken out of its tissue: what it changes, and that change put elsewhere.

The change is the lesion less its own estimated background, without grain: the grain of the place where it goes stays.
It is kept as two parts, so that scaling does not blur or sharpen the edge:
- a profile over depth (distance to the outline in millimetres): the edge's own blur and the mean contrast inside;
- blotches inside the lesion (smoothed), relative to that profile.
Both are evaluated at exact patient positions, so source and target grids and any rotation are one case.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from synthetic_imaging.geometry import Box, FloatArray, Geometry
from synthetic_imaging.lesions.distances import margin_voxels
from synthetic_imaging.lesions.inpaint import Floats, smoothed_within
from synthetic_imaging.mask import BoolArray

BLUR_MM = 2.5
FADE_MM = 4.5
_BLOTCHES_MM = 2.0
_VOXELS_A_BIN = 40
_AT_ONCE = 400_000


@dataclass(frozen=True, eq=False)
class Extracted:
    """A lesion's change, on the box where it was found.

    Attributes:
        geometry: the box's grid.
        distance: signed distance to the lesion's outline, mm, negative inside.
        depths, profile: mean change over signed distance; 0 from `FADE_MM` outwards.
        blotches: change inside the lesion beyond the profile, smoothed.
        centre_ras_mm: the lesion's centroid.
        volume_mm3: the lesion's volume.
        reach_mm: largest distance of a lesion voxel's far side from the centroid.
        parts: signed distances of segments inside the lesion (necrosis), by name.
    """

    geometry: Geometry
    distance: Floats
    depths: FloatArray
    profile: FloatArray
    blotches: Floats
    centre_ras_mm: FloatArray
    volume_mm3: float
    reach_mm: float
    parts: dict[str, Floats]

    @property
    def depth_mm(self) -> float:
        """How deep the lesion's innermost voxel lies."""
        return max(1e-3, -float(self.distance.min()))


@dataclass(frozen=True)
class Placing:
    """Where a lesion goes and how: scale, rotation about the superior axis (radians), new contrast.

    ``factor`` multiplies the change, ``added`` is added inside (faded like the edge).
    """

    centre_ras_mm: tuple[float, float, float]
    scale: float = 1.0
    rotation: float = 0.0
    factor: float = 1.0
    added: float = 0.0


def extract(
    values: Floats,
    background: Floats,
    inside: BoolArray,
    valid: BoolArray,
    distance: Floats,
    geometry: Geometry,
    parts: dict[str, Floats],
    check: Callable[[], None],
) -> Extracted:
    """Take the lesion's change out of a box.

    Args:
        values: the image, array (K, J, I).
        background: the tissue as it would be without the lesion, without grain.
        inside: the lesion.
        valid: voxels whose change tells something (the organ; no other lesion).
        distance: signed distance to the lesion's outline.
        geometry: the box's grid.
        parts: signed distances of segments inside the lesion.
        check: called now and then; may raise to stop.
    """
    change = values - background
    depths, profile = _profile(change[valid | inside], distance[valid | inside])
    check()
    rest = np.where(inside, change - np.interp(distance, depths, profile).astype(np.float32), np.float32(0))
    blotches, weight = smoothed_within(rest, inside, geometry, _BLOTCHES_MM, check)
    # Known a little beyond the outline too, so that sampling between voxels does not see a cliff.
    blotches = np.where(weight > 1e-3, blotches, np.float32(0))
    places = np.argwhere(inside)
    ras = geometry.ras_from_kji(places)
    centre = ras.mean(axis=0)
    volume = len(places) * geometry.voxel_volume_mm3
    reach = float(np.linalg.norm(ras - centre, axis=1).max()) + 0.5 * max(geometry.spacing_ijk_mm)
    return Extracted(geometry, distance, depths, profile, blotches, centre, volume, reach, parts)


def _profile(change: npt.NDArray[np.float32], distance: npt.NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """Mean change over signed distance, in bins with enough voxels to average the grain away."""
    near = distance <= FADE_MM
    order = np.argsort(distance[near], kind="stable")
    d, c = distance[near][order].astype(np.float64), change[near][order].astype(np.float64)
    # Bins of 0.7 mm; those with too few voxels (the core of a small lesion) are joined from the inside out.
    edges = [0]
    limit = d[0] + 0.7
    for index in range(len(d)):
        if d[index] >= limit and index - edges[-1] >= min(_VOXELS_A_BIN, max(4, len(d) // 8)):
            edges.append(index)
            limit = d[index] + 0.7
    edges.append(len(d))
    if len(edges) > 2 and edges[-1] - edges[-2] < 4:
        del edges[-2]
    depths = np.array([d[a:b].mean() for a, b in itertools.pairwise(edges)])
    means = np.array([c[a:b].mean() for a, b in itertools.pairwise(edges)])
    # The profile is that of a blurred edge: it fades to nothing where the lesion's blur has ended.
    means *= np.clip((FADE_MM - depths) / (FADE_MM - BLUR_MM), 0, 1)
    return np.append(depths, FADE_MM), np.append(means, 0.0)


def target_box(lesion: Extracted, placing: Placing, geometry: Geometry) -> Box:
    """Voxels of ``geometry`` that the placed lesion and its blurred edge can reach (not clipped to the grid)."""
    reach = lesion.reach_mm * placing.scale + FADE_MM
    centre = geometry.kji_from_ras(placing.centre_ras_mm)
    margin = margin_voxels(geometry, reach)
    start = tuple(int(np.floor(c)) - m for c, m in zip(centre, margin, strict=True))
    stop = tuple(int(np.ceil(c)) + m + 1 for c, m in zip(centre, margin, strict=True))
    return Box(start, stop)  # type: ignore[arg-type]


def placed(
    lesion: Extracted, placing: Placing, geometry: Geometry, box: Box, check: Callable[[], None]
) -> tuple[Floats, BoolArray, dict[str, BoolArray]]:
    """Change, lesion and its parts at the new place, in the voxels of ``box`` (which may reach beyond the grid).

    Returns:
        change (box's shape), true where the lesion is, and the same for each of its parts.
    """
    distance, blotches, parts = _sampled(lesion, placing, geometry, box, check)
    inside = distance <= 0
    if not inside.any() and lesion.volume_mm3 * placing.scale**3 >= 0.5 * geometry.voxel_volume_mm3:
        # A lesion of about a voxel between two voxel centres: it takes the nearer one.
        inside.flat[int(distance.argmin())] = True
    depth = -distance
    # Near the outline depth is real millimetres, so the edge keeps its blur; deeper in it is stretched to the core.
    edge = min(BLUR_MM, lesion.depth_mm)
    source_core, target_core = lesion.depth_mm, lesion.depth_mm * placing.scale
    if target_core > edge and source_core > edge:
        stretch = (source_core - edge) / (target_core - edge)
        depth = np.where(depth > edge, edge + (depth - edge) * stretch, depth)
    change = np.interp(-depth, lesion.depths, lesion.profile)
    blend = np.clip(0.5 - distance / 2.0, 0, 1)
    change = placing.factor * (change + blotches * blend) + placing.added * blend
    change[distance >= FADE_MM] = 0.0
    return change.astype(np.float32), inside, {name: (d <= 0) & inside for name, d in parts.items()}


def _sampled(
    lesion: Extracted, placing: Placing, geometry: Geometry, box: Box, check: Callable[[], None]
) -> tuple[Floats, Floats, dict[str, Floats]]:
    """Signed distance, blotches and parts at the new place; distances in the new place's millimetres."""
    shape = box.shape
    fields = {"distance": lesion.distance, "blotches": lesion.blotches, **lesion.parts}
    results = {name: np.empty(shape, dtype=np.float32) for name in fields}
    c, s = np.cos(placing.rotation), np.sin(placing.rotation)
    back = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) / placing.scale
    per_slice = shape[1] * shape[2]
    step = max(1, _AT_ONCE // max(1, per_slice))
    last = np.array(lesion.geometry.shape) - 1.0
    for start in range(0, shape[0], step):
        check()
        stop = min(shape[0], start + step)
        grid = np.meshgrid(*(np.arange(a, b) for a, b in zip(
            (box.start[0] + start, box.start[1], box.start[2]),
            (box.start[0] + stop, box.stop[1], box.stop[2]), strict=True)), indexing="ij")
        ras = geometry.ras_from_kji(np.stack(grid, axis=-1))
        source = (ras - np.asarray(placing.centre_ras_mm)) @ back.T + lesion.centre_ras_mm
        kji = lesion.geometry.kji_from_ras(source)
        held = np.clip(kji, 0, last)
        outside = (held != kji).any(axis=-1)
        beyond = np.where(outside, np.linalg.norm(lesion.geometry.ras_from_kji(held) - source, axis=-1), 0.0)
        coordinates = np.moveaxis(held, -1, 0)
        for name, field in fields.items():
            value = np.asarray(ndimage.map_coordinates(field, coordinates, order=1, mode="nearest"), dtype=np.float64)
            if name == "blotches":
                value = np.where(outside, 0.0, value)
            else:
                # Outside the source's box the outline is at least that much further away.
                value = (np.where(outside, np.maximum(value, 0), value) + beyond) * placing.scale
            results[name][start:stop] = value
    distance, blotches = results.pop("distance"), results.pop("blotches")
    return distance, blotches, results

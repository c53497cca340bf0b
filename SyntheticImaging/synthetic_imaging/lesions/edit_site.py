"""Where an edit happens: the lesion's box, the tissue around it, and what the lesion's place would be without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Box, Geometry
from synthetic_imaging.lesions.distances import distance_outside_mm, margin_voxels, signed_distance_mm
from synthetic_imaging.lesions.inpaint import Floats, Surroundings, borrowed_grain, surroundings_of
from synthetic_imaging.lesions.roles import any_inside_box, roles_of
from synthetic_imaging.lesions.transfer import BLUR_MM, FADE_MM, Extracted, extract
from synthetic_imaging.mask import BoolArray, Mask, Segment
from synthetic_imaging.volume import Volume

_SOURCE_MARGIN_MM = 28.0
_NEAR_MM = 12.0


@dataclass(frozen=True, eq=False)
class Scene:
    """What an edit works on.

    Attributes:
        volume: the image.
        mask: lesions and organ.
        organ: the organ's segments in ``mask``; empty when there is none.
        segment: the lesion, in ``mask``.
        lesions: all lesions in ``mask``.
        run: progress, cancel, randomness.
    """

    volume: Volume
    mask: Mask
    organ: tuple[Segment, ...]
    segment: Segment
    lesions: tuple[Segment, ...]
    run: Run

    @property
    def organ_name(self) -> str:
        """What the organ is called in sentences."""
        return self.organ[0].name if len(self.organ) == 1 else "organ"

    def solid(self, box: Box) -> BoolArray:
        """The organ with all its lesions, in ``box``; everything where there is no organ.

        Label maps with one value a voxel have no organ under a lesion, so lesions always count as organ.
        """
        if not self.organ:
            return np.ones(box.shape, dtype=np.bool_)
        return any_inside_box(self.mask, (*self.organ, *self.lesions), box)


@dataclass(frozen=True, eq=False)
class Site:
    """The lesion's box and what was found there; arrays (K, J, I) of the box.

    Attributes:
        box, geometry: the box in the image, and its grid.
        values: the image.
        inside: the lesion.
        distance: signed distance to its outline, mm.
        solid: organ with its lesions.
        others: other lesions.
        around: the tissue around, with its smooth course under the lesion.
        parts: segments inside the lesion (necrosis).
        part_distance: their signed distances, by name.
    """

    box: Box
    geometry: Geometry
    values: Floats
    inside: BoolArray
    distance: Floats
    solid: BoolArray
    others: BoolArray
    around: Surroundings
    parts: tuple[Segment, ...]
    part_distance: dict[str, Floats]

    def extract(self, check: Callable[[], None]) -> Extracted:
        """The lesion's change, ready to be put elsewhere."""
        return extract(
            self.values, self.around.smooth, self.inside, self.solid & ~self.others, self.distance, self.geometry,
            self.part_distance, check,
        )


def source_box(box: Box, volume: Volume) -> Box:
    """The lesion's box with enough surroundings to learn the tissue from."""
    return box.grown(margin_voxels(volume.geometry, _SOURCE_MARGIN_MM)).clipped(volume.shape)


def site_of(scene: Scene, lesion_box: Box) -> Site:
    """Read the lesion and its surroundings.

    Raises:
        InputError: if there is no tissue around the lesion.
    """
    check = scene.run.check_cancel
    box = source_box(lesion_box, scene.volume)
    geometry = scene.volume.geometry.cropped(box)
    values = np.asarray(scene.volume.voxels[box.slices], dtype=np.float32)
    inside = scene.mask.inside(scene.segment.name, box)
    if inside.all():
        raise InputError(f"'{scene.segment.name}' fills the whole image; there is no tissue around it.")
    distance = signed_distance_mm(inside, geometry, check)
    solid = scene.solid(box)
    others = any_inside_box(scene.mask, tuple(s for s in scene.lesions if s != scene.segment), box) & ~inside
    hole = inside | ((distance < BLUR_MM) & solid & ~others)
    usable = solid & (distance >= BLUR_MM) & ~others
    if others.any():
        usable &= distance_outside_mm(others, geometry, check) >= BLUR_MM
    around = surroundings_of(values, hole, usable, distance <= BLUR_MM + _NEAR_MM, geometry, check)
    parts = []
    part_distance = {}
    for segment in roles_of(scene.mask).necrosis:
        part = scene.mask.inside(segment.name, box)
        if (part & inside).any():
            parts.append(segment)
            part_distance[segment.name] = signed_distance_mm(part & inside, geometry, check)
    return Site(box, geometry, values, inside, distance, solid, others, around, tuple(parts), part_distance)


def removal(site: Site, run: Run) -> Floats:
    """The change that takes the lesion away: smooth tissue and borrowed grain, faded into what stays."""
    # Full inside the hole, then falling to nothing: cosine and sine weights keep the grain's SD on the way.
    share = np.clip((FADE_MM - site.distance) / (FADE_MM - BLUR_MM), 0, 1)
    share[~site.inside & (~site.solid | site.others)] = 0.0
    angle = (0.5 * np.pi) * share
    wanted = share > 0
    grain, found = borrowed_grain(site.around, wanted, site.geometry, run.rng, run.check_cancel)
    if not found:
        run.note("Too little healthy tissue lies around the lesion to borrow its grain; plain noise was used.")
    own = site.values - site.around.smooth
    filled = site.around.smooth + np.cos(angle) * own + np.sin(angle) * grain
    change = np.where(wanted, filled - site.values, np.float32(0))
    return np.asarray(change, dtype=np.float32)

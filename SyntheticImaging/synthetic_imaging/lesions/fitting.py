"""Does a lesion fit at a place, and where in the organ does it fit?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Box, FloatArray, Geometry
from synthetic_imaging.lesions.edit_site import Scene
from synthetic_imaging.lesions.inpaint import Floats
from synthetic_imaging.lesions.roles import any_inside_box, segment_boxes
from synthetic_imaging.lesions.transfer import Extracted, Placing, placed, target_box
from synthetic_imaging.mask import BoolArray, Segment

_FITS = 0.9
_TRIES = 30
_SEARCH_MM = 2.0


class NoRoom(InputError):
    """The lesion cannot go to this place."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A lesion at its place: its change, outline and inner parts, in a box inside the image."""

    box: Box
    change: Floats
    inside: BoolArray
    parts: dict[str, BoolArray]


def text_of(ras_mm: FloatArray | tuple[float, float, float]) -> str:
    """A place as the viewer writes it: "R 12, A -30, S 85 mm"."""
    r, a, s = (round(float(x)) for x in ras_mm)
    return f"R {r}, A {a}, S {s} mm"


def fit(
    scene: Scene, source: Extracted, placing: Placing, blocked: tuple[Segment, ...], earlier: list[Fitted]
) -> Fitted:
    """The lesion at one place.

    Args:
        scene: image, mask, organ.
        source: the lesion's change.
        placing: where, how large, how turned.
        blocked: lesions that it must not overlap.
        earlier: copies that it must not overlap.

    Raises:
        NoRoom: if it overlaps another lesion, or reaches out of the organ or the image.
        InputError: if it would be smaller than a voxel.
    """
    grid = scene.volume.geometry
    where = f"At {text_of(placing.centre_ras_mm)} the lesion ({2 * source.reach_mm * placing.scale:.0f} mm)"
    asked = target_box(source, placing, grid)
    box = asked.clipped(grid.shape)
    change, inside, parts = placed(source, placing, grid, asked, scene.run.check_cancel)
    total = int(np.count_nonzero(inside))
    if total == 0:
        raise InputError(
            f"At {placing.scale:g} times its size '{scene.segment.name}' is smaller than a voxel. Choose a larger size."
        )
    here = tuple(slice(a - s, b - s) for a, b, s in zip(box.start, box.stop, asked.start, strict=True))
    change, inside = change[here].copy(), inside[here].copy()
    parts = {name: array[here] for name, array in parts.items()}
    if np.count_nonzero(inside) < total:
        raise NoRoom(
            f"{where} reaches beyond the edge of the image. Choose a place further inside, or a smaller size."
        )
    for segment in blocked:
        if (any_inside_box(scene.mask, (segment,), box) & inside).any():
            raise NoRoom(f"{where} overlaps '{segment.name}'. Choose another place, or a smaller size.")
    if any(_overlap(box, inside, other) for other in earlier):
        raise NoRoom(f"{where} overlaps another copy. Choose another place, or a smaller size.")
    if scene.organ:
        solid = scene.solid(box)
        share = np.count_nonzero(inside & solid) / total
        if share < _FITS:
            raise NoRoom(
                f"{where} does not fit into the {scene.organ_name}: {100 * share:.0f} % of it would lie inside. "
                "Choose a place further inside, or a smaller size."
            )
        if share < 1:
            scene.run.note(f"{where} is cut off at the border of the {scene.organ_name}.")
        change[~solid] = 0.0
        inside &= solid
    return Fitted(box, change, inside, {name: array & inside for name, array in parts.items()})


def fit_by_chance(
    scene: Scene,
    source: Extracted,
    placing: Placing,
    blocked: tuple[Segment, ...],
    earlier: list[Fitted],
    from_border_mm: float,
) -> Fitted:
    """The lesion somewhere in the organ, away from its border and from other lesions.

    Raises:
        NoRoom: if no such place is found.
    """
    centres = _free_centres(scene, source.reach_mm * placing.scale + from_border_mm, blocked, earlier)
    for index in scene.run.rng.permutation(len(centres))[:_TRIES]:
        r, a, s = (float(x) for x in centres[index])
        try:
            return fit(scene, source, replace(placing, centre_ras_mm=(r, a, s)), blocked, earlier)
        except NoRoom:
            continue
    size = 2 * source.reach_mm * placing.scale
    raise NoRoom(
        f"No place was found in the {scene.organ_name} where the lesion ({size:.0f} mm) fits, {from_border_mm:g} mm "
        "from the border and from other lesions. Choose a smaller size, or click a place."
    )


def _free_centres(
    scene: Scene, clearance_mm: float, blocked: tuple[Segment, ...], earlier: list[Fitted]
) -> FloatArray:
    """RAS centres at least ``clearance_mm`` inside the organ and from lesions, on a coarse grid (about 2 mm).

    Where the organ is nowhere that thick, the deepest places: a flat lesion may fit where its ball does not.
    """
    boxes = segment_boxes(scene.mask)
    grid = scene.volume.geometry
    organs = [boxes[s.name] for s in scene.organ if s.name in boxes]
    if not organs:
        return np.zeros((0, 3))
    start = tuple(min(b.start[a] for b in organs) for a in range(3))
    stop = tuple(max(b.stop[a] for b in organs) for a in range(3))
    box = Box(start, stop).grown((1, 1, 1)).clipped(grid.shape)  # type: ignore[arg-type]
    free = scene.solid(box)
    free &= ~any_inside_box(scene.mask, blocked, box)
    for other in earlier:
        low = np.maximum(other.box.start, box.start)
        high = np.minimum(other.box.stop, box.stop)
        if (high > low).all():
            here = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, box.start, strict=True))
            there = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, other.box.start, strict=True))
            free[here] &= ~other.inside[there]
    steps = [max(1, int(_SEARCH_MM // s)) for s in grid.spacing_kji_mm]
    coarse = free[:: steps[0], :: steps[1], :: steps[2]]
    scene.run.check_cancel()
    # The image's edge is a border too: a ring of nothing around.
    depth = ndimage.distance_transform_edt(
        np.pad(coarse, 1), sampling=[n * s for n, s in zip(steps, _plane_distances(grid), strict=True)]
    )[1:-1, 1:-1, 1:-1]
    scene.run.check_cancel()
    if not coarse.any():
        return np.zeros((0, 3))
    enough = min(clearance_mm, 0.85 * float(depth.max()))
    places = np.argwhere(depth >= enough) * steps + np.array(box.start)
    return grid.ras_from_kji(places)


def _plane_distances(grid: Geometry) -> tuple[float, float, float]:
    """Distance between neighbouring index planes along K, J, I: less than a step on a sheared grid."""
    i, j, k = (float(x) for x in 1.0 / np.linalg.norm(grid.ras_to_ijk[:3, :3], axis=1))
    return (k, j, i)


def _overlap(box: Box, inside: BoolArray, other: Fitted) -> bool:
    low = np.maximum(box.start, other.box.start)
    high = np.minimum(box.stop, other.box.stop)
    if (high <= low).any():
        return False
    mine = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, box.start, strict=True))
    theirs = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, other.box.start, strict=True))
    return bool((inside[mine] & other.inside[theirs]).any())

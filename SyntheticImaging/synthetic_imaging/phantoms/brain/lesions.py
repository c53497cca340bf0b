"""Lesions of multiple sclerosis: where they lie, how large and how severe they are, and what a year does to them.

Ventricles have long lesions that stand on them ("Dawson's fingers"), the cortex small ones along its lower border.
Sizes are log-normal. How T1 and T2 follow from severity is in ``tissues.LesionRelaxation``: it was fixed before any
detector was run on the images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.phantoms.brain.drawing import Brain, Map
from synthetic_imaging.phantoms.brain.regions import Region, Regions

Change = Literal["first visit", "stable", "grown", "shrunk", "new"]
# Share of the lesions, median diameter in mm, spread of its logarithm, length through width.
_LAW: dict[Region, tuple[float, float, float, tuple[float, float]]] = {
    "periventricular": (0.38, 6.0, 0.40, (1.2, 2.2)),
    "juxtacortical": (0.27, 4.6, 0.35, (1.0, 1.6)),
    "subcortical": (0.27, 4.8, 0.40, (1.0, 1.6)),
    "infratentorial": (0.08, 4.8, 0.35, (1.0, 1.5)),
}
DIAMETER_MM = (2.5, 22.0)
_BLACK_HOLES = 0.25


@dataclass(frozen=True)
class Lesion:
    """One lesion.

    Attributes:
        number: from 1; the same lesion has the same number at both visits.
        region: what it touches in the drawn brain.
        centre_ras_mm: where.
        half_axes_mm: of the ellipsoid that it is but for its bumps.
        axes: 3 x 3, columns are the directions of the half axes in RAS.
        bumps: 6 x 4, three for a direction and one for a phase of a wave on its surface.
        severity: 0 just visible, 1 a black hole.
        change: since the visit before.
    """

    number: int
    region: Region
    centre_ras_mm: tuple[float, float, float]
    half_axes_mm: tuple[float, float, float]
    axes: npt.NDArray[np.float64]
    bumps: npt.NDArray[np.float64]
    severity: float
    change: Change = "first visit"

    @property
    def diameter_mm(self) -> float:
        """Of the ball of the same volume."""
        return 2 * math.prod(self.half_axes_mm) ** (1 / 3)


@dataclass(frozen=True)
class LesionMap:
    """Lesions on a grid.

    Attributes:
        numbers: uint16, (K, J, I): the lesion that fills at least half of what tissue the voxel has; 0 for none.
        share: float32, (K, J, I): how much of the brain tissue of a voxel is lesion.
        severity: float32, (K, J, I): of the lesion that is there.
    """

    numbers: npt.NDArray[np.uint16]
    share: Map
    severity: Map


def draw_lesions(brain: Brain, rng: np.random.Generator, count: int | None = None) -> tuple[Lesion, ...]:
    """Lesions of one patient.

    Args:
        brain: where they go; a lesion of which no whole voxel fits in is left out.
        rng: where they come from.
        count: how many; drawn (5 to 40) when None.

    Raises:
        ParameterError: for a count below 0 or above 500.
    """
    if count is None:
        count = int(np.clip(rng.lognormal(np.log(16), 0.5), 5, 40))
    if not 0 <= count <= 500:
        raise ParameterError(f"{count} lesions were asked for; a brain takes 0 to 500.")
    return tuple(_more(brain, Regions(brain), rng, count, (), "first visit"))


def follow_up(
    lesions: Sequence[Lesion], brain: Brain, rng: np.random.Generator, new: int | None = None
) -> tuple[Lesion, ...]:
    """The same patient at the next visit: most lesions are stable, some have grown or shrunk, some are new.

    Args:
        lesions: of the visit before.
        brain: the same brain.
        rng: where the changes come from.
        new: how many are new; drawn (on average 2) when None.
    """
    then: list[Lesion] = []
    for lesion in lesions:
        luck = rng.random()
        if luck < 0.15:
            factor, change = rng.uniform(1.2, 1.5), "grown"
        elif luck < 0.27:
            factor, change = rng.uniform(0.65, 0.85), "shrunk"
        else:
            factor, change = 1.0, "stable"
        a, b, c = (float(x * factor) for x in lesion.half_axes_mm)
        then.append(replace(lesion, half_axes_mm=(a, b, c), change=change))  # type: ignore[arg-type]
    wanted = int(rng.poisson(2.0)) if new is None else new
    return (*then, *_more(brain, Regions(brain), rng, wanted, then, "new"))


def map_of(lesions: Sequence[Lesion], brain: Brain) -> LesionMap:
    """The lesions on the brain's grid; CSF, vessels and bone take none."""
    shape = brain.geometry.shape
    share, severity = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    numbers = np.zeros(shape, np.uint16)
    for lesion in lesions:
        found = _drawn(lesion, brain)
        if found is None:
            continue
        box, inside = found
        here = inside > share[box]
        share[box][here] = inside[here]
        severity[box][here] = lesion.severity
        numbers[box][here & (inside >= 0.5)] = lesion.number
    tissue = sum(brain.fractions[name] for name in t.BRAIN)
    numbers[np.asarray(tissue) < 0.25] = 0
    return LesionMap(numbers, share, severity)


def with_lesions(brain: Brain, lesions: LesionMap) -> dict[str, Map]:
    """Fractions in which lesions have taken the place of grey and white matter; `tissues.LESION` is one more."""
    found = dict(brain.fractions)
    taken = np.zeros(lesions.share.shape, np.float32)
    for name in t.BRAIN:
        # Cortex withstands more than white matter does.
        lost = found[name] * lesions.share * np.float32(0.5 if name == t.GREY else 1.0)
        found[name] = found[name] - lost
        taken += lost
    return {**found, t.LESION: taken}


def _more(
    brain: Brain, regions: Regions, rng: np.random.Generator, count: int, others: Sequence[Lesion], change: Change
) -> list[Lesion]:
    found: list[Lesion] = []
    names = list(_LAW)
    first = max((lesion.number for lesion in others), default=0) + 1
    for _ in range(count):
        wanted = names[int(rng.choice(len(names), p=[_LAW[name][0] for name in names]))]
        for _ in range(8):  # where two would touch, another place is tried
            lesion = _one(brain, regions, rng, wanted, first + len(found), change)
            if lesion is not None and not _touches(lesion, (*others, *found)):
                found.append(lesion)
                break
    return found


def _one(
    brain: Brain, regions: Regions, rng: np.random.Generator, wanted: Region, number: int, change: Change
) -> Lesion | None:
    _, median, spread, (least, most) = _LAW[wanted]
    diameter = float(np.clip(rng.lognormal(np.log(median), spread), *DIAMETER_MM))
    ratio = rng.uniform(least, most)
    flat = rng.uniform(0.85, 1.15)
    width = diameter / 2 / ratio ** (1 / 3)
    half = (width * ratio, width * flat, width / flat)
    places = np.argwhere(_candidates(brain, regions, wanted, half))
    if not len(places):
        return None
    at = places[int(rng.integers(len(places)))]
    centre = brain.geometry.ras_from_kji(at + rng.uniform(-0.5, 0.5, 3))
    along = _away_from_ventricles(brain, regions, at) if wanted == "periventricular" else rng.standard_normal(3)
    bumps = np.concatenate([rng.standard_normal((6, 3)) * 2.0, rng.uniform(0, 2 * np.pi, (6, 1))], axis=1)
    severity = rng.uniform(0.7, 1.0) if rng.random() < _BLACK_HOLES else rng.uniform(0.05, 0.7)
    x, y, z = (float(c) for c in centre)
    drawn = Lesion(number, wanted, (x, y, z), half, _frame(along, rng), bumps, float(severity), change)
    inside = map_of((drawn,), brain).numbers > 0
    return replace(drawn, region=regions.of(inside)) if inside.any() else None


def _candidates(
    brain: Brain, regions: Regions, wanted: Region, half: tuple[float, float, float]
) -> npt.NDArray[np.bool_]:
    """Where the centre of such a lesion may be."""
    slack = max(brain.geometry.spacing_kji_mm)
    white = brain.fractions[t.WHITE] > 0.6
    above = ~regions.infratentorial
    ventricle, cortex = regions.to_ventricles_mm, regions.to_cortex_mm
    if wanted == "infratentorial":
        return np.asarray(white & ~above)
    if wanted == "periventricular":
        return np.asarray(white & above & (np.abs(ventricle - 0.85 * half[0]) < slack))
    if wanted == "juxtacortical":
        return np.asarray(white & above & (np.abs(cortex - 0.75 * half[2]) < slack) & (ventricle > half[0] + 3))
    return np.asarray(white & above & (cortex > half[0] + 2.5) & (ventricle > half[0] + 3))


def _away_from_ventricles(brain: Brain, regions: Regions, at: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Direction in RAS in which the distance to the ventricles grows."""
    distance = regions.to_ventricles_mm
    step = [(np.eye(3, dtype=int)[n]) for n in range(3)]
    top = np.array(distance.shape) - 1
    slope = [float(distance[tuple(np.minimum(at + s, top))] - distance[tuple(np.maximum(at - s, 0))]) for s in step]
    spacing = brain.geometry.spacing_kji_mm
    ijk = np.array([slope[2] / spacing[2], slope[1] / spacing[1], slope[0] / spacing[0]])
    return np.asarray(brain.geometry.directions_ras @ ijk)


def _frame(along: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Three orthogonal directions as columns; the first is ``along``."""
    columns = np.column_stack([along if np.linalg.norm(along) > 1e-6 else np.eye(3)[0], rng.standard_normal((3, 2))])
    return np.asarray(np.linalg.qr(columns)[0])


def _touches(lesion: Lesion, others: Sequence[Lesion]) -> bool:
    return any(
        np.linalg.norm(np.subtract(lesion.centre_ras_mm, other.centre_ras_mm))
        < max(lesion.half_axes_mm) + max(other.half_axes_mm) + 1.5
        for other in others
    )


def _drawn(lesion: Lesion, brain: Brain) -> tuple[tuple[slice, slice, slice], Map] | None:
    """Where the lesion is, and its share of the voxels there."""
    geometry = brain.geometry
    reach = 1.35 * max(lesion.half_axes_mm) + 2.0
    box = geometry.box_around_ras(np.subtract(lesion.centre_ras_mm, reach), np.add(lesion.centre_ras_mm, reach))
    box = box.clipped(geometry.shape)
    if box.empty:
        return None
    kji = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box.slices), indexing="ij"), -1)
    from_centre = geometry.ras_from_kji(kji.reshape(-1, 3)) - np.array(lesion.centre_ras_mm)
    along = from_centre @ lesion.axes / np.array(lesion.half_axes_mm)
    radius = np.linalg.norm(along, axis=1)
    direction = along / np.maximum(radius, 1e-6)[:, None]
    bump = np.cos(direction @ lesion.bumps[:, :3].T + lesion.bumps[:, 3]).sum(axis=1)
    edge = max(1.2, *geometry.spacing_kji_mm)
    share = np.clip(0.5 + (1 + 0.06 * bump - radius) * min(lesion.half_axes_mm) / edge, 0, 1)
    return box.slices, share.reshape(box.shape).astype(np.float32)

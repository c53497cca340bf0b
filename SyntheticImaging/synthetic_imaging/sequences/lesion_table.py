"""Lesions in numbers: region, size, and how they stand out from the white matter around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.phantoms.brain.regions import REGIONS, Region
from synthetic_imaging.sequences.patient_regions import PatientRegions
from synthetic_imaging.table import Cell, Column, Table

Map = npt.NDArray[np.float32]
Inside = npt.NDArray[np.bool_]
# The blurred edge of a lesion belongs neither to it nor to what surrounds it; then white matter up to so far away.
_GAP_MM, _SHELLS_MM = 1.5, (6.0, 12.0, 25.0)
_LEAST_VOXELS = 20
# What changes over more than this is not noise.
_EVEN_MM = 6.0


@dataclass(frozen=True)
class Contrast:
    """How a lesion looks in one image.

    Attributes:
        percent: mean of the lesion less that of the white matter around it, through the latter, in %.
        to_noise: the same difference through the noise in white matter (CNR).
        ratio: mean of the lesion through that of the white matter around it (lesion to background).
    """

    percent: float
    to_noise: float
    ratio: float


@dataclass(frozen=True)
class Measured:
    """One lesion.

    Attributes:
        number: in the label map.
        region: by the McDonald criteria.
        volume_ml: of its voxels.
        diameter_mm: of the ball of the same volume.
        centre_ras_mm: middle of its voxels.
        contrasts: by image; None where there is no white matter to compare with.
        score: how sure it is, or None where it was given.
    """

    number: int
    region: Region
    volume_ml: float
    diameter_mm: float
    centre_ras_mm: tuple[float, float, float]
    contrasts: Mapping[str, Contrast | None]
    score: float | None = None


def measured_lesions(
    labels: npt.NDArray[np.integer[Any]], images: Mapping[str, Map], white: Map, brain: Inside,
    regions: PatientRegions, geometry: Geometry, scores: Mapping[int, float] | None = None,
) -> list[Measured]:
    """Every lesion of a label map.

    Args:
        labels: (K, J, I), lesions from 1.
        images: by name, (K, J, I).
        white: how probable white matter is in each voxel.
        brain: where the brain is.
        regions: of this brain.
        geometry: of the grid.
        scores: by number, where they were found by a detector.
    """
    from scipy import ndimage

    healthy = (white > 0.7) & brain & (labels == 0)
    noise = {name: _noise(image, healthy, geometry) for name, image in images.items()}
    far = [int(np.ceil(_SHELLS_MM[-1] / s)) for s in geometry.spacing_kji_mm]
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        wide = tuple(slice(max(s.start - f, 0), s.stop + f) for s, f in zip(box, far, strict=True))
        inside = labels[wide] == number
        around = _surroundings(inside, healthy[wide], geometry)
        here = np.argwhere(inside) + [s.start for s in wide]
        ml = len(here) * geometry.voxel_volume_mm3 / 1000
        x, y, z = (float(c) for c in geometry.ras_from_kji(here.mean(axis=0)))
        contrasts = {name: _contrast(image[wide], inside, around, noise[name]) for name, image in images.items()}
        found.append(Measured(number, regions.within(wide).of(inside), ml, float((6000 * ml / np.pi) ** (1 / 3)),
                              (x, y, z), contrasts, None if scores is None else scores[number]))
    return found


def _surroundings(inside: Inside, healthy: Inside, geometry: Geometry) -> Inside:
    """White matter around a lesion: as near as there is enough of it."""
    from scipy import ndimage

    away = ndimage.distance_transform_edt(~inside, sampling=geometry.spacing_kji_mm)
    gap = max(_GAP_MM, 0.75 * min(geometry.spacing_kji_mm))
    for reach in _SHELLS_MM:
        around = healthy & (away > gap) & (away <= max(reach, 2.5 * max(geometry.spacing_kji_mm)))
        if np.count_nonzero(around) >= _LEAST_VOXELS:
            break
    return np.asarray(around)


def _contrast(image: Map, inside: Inside, around: Inside, noise: float) -> Contrast | None:
    if not around.any():
        return None
    lesion, white = float(image[inside].mean()), float(np.median(image[around]))
    if white <= 0 or noise <= 0:
        return None
    return Contrast(100 * (lesion - white) / white, (lesion - white) / noise, lesion / white)


def _noise(image: Map, healthy: Inside, geometry: Geometry) -> float:
    """Standard deviation within white matter, by its absolute deviations, about a smooth mean."""
    from scipy import ndimage

    if np.count_nonzero(healthy) < _LEAST_VOXELS:
        return 0.0
    width = [_EVEN_MM / s for s in geometry.spacing_kji_mm]
    weight = ndimage.gaussian_filter(healthy.astype(np.float32), width)
    mean = ndimage.gaussian_filter(np.where(healthy, image, 0).astype(np.float32), width) / np.maximum(weight, 1e-3)
    left = (image - mean)[healthy]
    return 1.4826 * float(np.median(np.abs(left - np.median(left))))


def lesion_rows(lesions: Sequence[Measured], images: Sequence[str]) -> Table:
    """A row for each lesion, with the contrast in each image."""
    columns = [Column("number", "Lesion"), Column("region", "Region"), Column("volume_ml", "Volume", "ml"),
               Column("diameter_mm", "Diameter", "mm")]
    for name in images:
        short = name.lower()
        columns += [Column(f"{short}_contrast", f"{name} contrast", "%"), Column(f"{short}_cnr", f"{name} CNR"),
                    Column(f"{short}_ratio", f"{name} lesion to white matter")]
    columns += [Column("right_mm", "R", "mm"), Column("anterior_mm", "A", "mm"), Column("superior_mm", "S", "mm"),
                Column("score", "Score")]
    rows: list[tuple[Cell, ...]] = []
    for x in lesions:
        seen: list[Cell] = []
        for name in images:
            c = x.contrasts.get(name)
            seen += [None] * 3 if c is None else [round(c.percent, 1), round(c.to_noise, 1), round(c.ratio, 2)]
        rows.append((x.number, x.region, round(x.volume_ml, 4), round(x.diameter_mm, 1), *seen,
                     *(round(c, 1) for c in x.centre_ras_mm), None if x.score is None else round(x.score, 2)))
    return Table(tuple(columns), tuple(rows), name="lesions")


def region_counts(lesions: Sequence[Measured]) -> Table:
    """Number and volume of lesions in each region, and of all."""
    rows: list[tuple[Cell, ...]] = []
    for name in (*REGIONS, "all"):
        mine = [x for x in lesions if name in ("all", x.region)]
        rows.append((name, len(mine), round(sum(x.volume_ml for x in mine), 4)))
    return Table((Column("region", "Region"), Column("count", "Lesions"), Column("volume_ml", "Volume", "ml")),
                 tuple(rows), name="lesions by region")

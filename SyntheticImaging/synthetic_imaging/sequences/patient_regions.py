"""The regions of the McDonald criteria in a patient: where ventricles and cortex are, what lies below the tentorium.

The average brain, laid over the patient's (`atlas_fit`), says about where; the patient's own image says exactly where:
CSF in one piece with the ventricles, and grey matter by its brightness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.phantoms.brain.regions import TOUCHING_MM, Region
from synthetic_imaging.sequences.atlas_fit import FittedAtlas, fit_atlas
from synthetic_imaging.sequences.protocols import Contrast
from synthetic_imaging.sequences.tissue_classes import (
    CLASSES,
    CSF,
    GREY,
    WHITE,
    TissueClasses,
    expected_signals,
    tissue_classes,
)
from synthetic_imaging.volume import Volume

Map = npt.NDArray[np.float32]
Inside = npt.NDArray[np.bool_]
# CSF belongs to the ventricles up to here from where the atlas has them: they widen with disease.
_VENTRICLE_REACH_MM = 5.0
# Classes are told apart by an image if their means lie this many standard deviations from each other.
_TOLD_APART = 2.0
_LEAST_CHANCE = 0.12
# Cortex hangs together; smaller pieces of its brightness are the blurred rims of lesions.
_LEAST_CORTEX_ML = 1.0
# Neighbouring voxels touch: of larger voxels, the middles lie so much further from each other.
_NEIGHBOURS = 1.1


@dataclass(frozen=True)
class PatientRegions:
    """Distances in one patient.

    Attributes:
        to_ventricles_mm: distance to the lateral ventricles, (K, J, I).
        to_cortex_mm: distance to cortical grey matter above the tentorium, (K, J, I).
        infratentorial: bool, (K, J, I).
        touching_mm: a lesion touches what is no further from it.
    """

    to_ventricles_mm: Map
    to_cortex_mm: Map
    infratentorial: Inside
    touching_mm: float = TOUCHING_MM

    def within(self, box: tuple[slice, ...]) -> PatientRegions:
        """The same in a part of the grid: to ask for many lesions without looking at the whole brain each time."""
        return replace(self, to_ventricles_mm=self.to_ventricles_mm[box], to_cortex_mm=self.to_cortex_mm[box],
                       infratentorial=self.infratentorial[box])

    def of(self, inside: Inside) -> Region:
        """The region of a lesion: below the tentorium, or else what it touches, the ventricle first.

        Args:
            inside: the lesion's voxels, (K, J, I), at least one.
        """
        if self.infratentorial[inside].mean() > 0.5:
            return "infratentorial"
        if self.to_ventricles_mm[inside].min() <= self.touching_mm:
            return "periventricular"
        return "juxtacortical" if self.to_cortex_mm[inside].min() <= self.touching_mm else "subcortical"


def patient_regions(
    image: Volume, brain: Inside, contrast: Contrast, *, field_t: float = 3.0, lesions: Inside | None = None
) -> PatientRegions:
    """The regions of a brain.

    Args:
        image: one MR volume, evened out (`shading.evened`), not negative; any grid.
        brain: where the brain is, (K, J, I).
        contrast: what the image is.
        field_t: field strength.
        lesions: where lesions are known to be: they are neither cortex nor CSF, however they look.

    Raises:
        InputError: if the average brain is not installed.
    """
    fitted = fit_atlas(image, brain, contrast, field_t)
    voxels = image.voxels.astype(np.float32)[..., None]
    classes = tissue_classes(voxels, fitted.chance, brain, expected_signals(contrast, field_t)[:, None])
    shares = class_shares(voxels, brain, fitted.chance, classes)
    return regions_of_brain(shares, brain, fitted, classes, image.geometry, lesions)


def regions_of_brain(
    shares: Mapping[str, Map], brain: Inside, fitted: FittedAtlas, classes: TissueClasses, geometry: Geometry,
    lesions: Inside | None = None,
) -> PatientRegions:
    """The same from what is known already.

    Args:
        shares: by `class_shares`.
        brain: where the brain is.
        fitted: the atlas on this grid.
        classes: of its images.
        geometry: of the grid.
        lesions: as for `patient_regions`.
    """
    spacing = geometry.spacing_kji_mm
    healthy = brain if lesions is None else brain & ~lesions
    below = fitted.infratentorial > 0.5
    ventricles = _ventricles(shares[CSF], fitted.lateral_ventricles, healthy, classes, spacing)
    cortex = (shares[GREY] > 0.5) & (fitted.chance[GREY] > _LEAST_CHANCE) & healthy & ~below
    cortex = _large_pieces(cortex, _LEAST_CORTEX_ML * 1000 / geometry.voxel_volume_mm3)
    touching = max(TOUCHING_MM, _NEIGHBOURS * geometry.voxel_volume_mm3 ** (1 / 3))
    return PatientRegions(_distance(ventricles, spacing), _distance(cortex, spacing), below, touching)


def class_shares(
    images: npt.NDArray[np.float32], brain: Inside, chances: Mapping[str, Map], classes: TissueClasses
) -> dict[str, Map]:
    """How probable each class is in each voxel, (K, J, I); 0 outside the brain."""
    logits = classes.log_likelihoods(images[brain])
    logits += np.log(np.stack([chances[name][brain] for name in CLASSES], axis=-1) + np.float32(1e-3))
    logits -= logits.max(axis=-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=-1, keepdims=True)
    found = {}
    for at, name in enumerate(CLASSES):
        found[name] = np.zeros(brain.shape, np.float32)
        found[name][brain] = logits[:, at]
    return found


def _ventricles(
    csf: Map, atlas: Map, healthy: Inside, classes: TissueClasses, spacing: tuple[float, float, float]
) -> Inside:
    """CSF in one piece with the atlas's ventricles and not far from them; the atlas's own where CSF is not told."""
    from scipy import ndimage

    likely: Any = (atlas > 0.4) & healthy
    if not _apart(classes, CSF, WHITE) or not likely.any():
        return np.asarray(likely)
    fluid = (csf > 0.5) & healthy
    near = ndimage.distance_transform_edt(~likely, sampling=spacing) <= _VENTRICLE_REACH_MM
    pieces, _ = ndimage.label(fluid & near)
    held = np.unique(pieces[likely & fluid])
    return np.asarray(np.isin(pieces, held[held > 0]))


def _large_pieces(inside: Inside, least_voxels: float) -> Inside:
    from scipy import ndimage

    pieces, _ = ndimage.label(inside)
    large = np.bincount(pieces.ravel()) >= least_voxels
    large[0] = False
    return np.asarray(large[pieces])


def _apart(classes: TissueClasses, one: str, other: str) -> bool:
    a, b = CLASSES.index(one), CLASSES.index(other)
    gap = classes.means[a] - classes.means[b]
    pooled = 0.5 * (classes.covariances[a] + classes.covariances[b])
    return float(gap @ np.linalg.solve(pooled, gap)) > _TOLD_APART**2


def _distance(inside: Inside, spacing: tuple[float, float, float]) -> Map:
    from scipy import ndimage

    if not inside.any():
        return np.full(inside.shape, np.inf, np.float32)
    return np.asarray(ndimage.distance_transform_edt(~inside, sampling=spacing), np.float32)



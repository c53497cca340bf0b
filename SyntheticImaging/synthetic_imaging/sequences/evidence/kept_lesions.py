"""Whether lesions of an image are still there in a translated one, and which bright spots were not in the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.sequences.evidence.patients import Patient, Values

_LEAST_MM3 = 15.0
_AWAY_MM = 3.0
_SHARE = 0.5


@dataclass(frozen=True)
class LesionFate:
    """Of one patient.

    Attributes:
        present: lesions that can be judged.
        kept: those with at least half of their true contrast to white matter.
        contrast: mean share of the true contrast that is left; NaN without lesions.
        invented: bright spots away from lesions that the truth does not have.
        invented_ml: their volume.
    """

    present: int
    kept: int
    contrast: float
    invented: int
    invented_ml: float


def lesion_fate(found: Values, true: Values, one: Patient, slices: npt.NDArray[np.intp], step: float) -> LesionFate:
    """Compare a translated image with the truth.

    A lesion is judged in its own voxels, against the median of white matter in either image. Invented is what is
    brighter than the truth by half the typical contrast of lesions, in white and grey matter more than 3 mm from any
    lesion, and at least 15 mm3 large.

    Args:
        found: (slices, J, I), in units of the truth.
        true: the same, without noise.
        one: the patient.
        slices: which of the patient's slices these are.
        step: half of this contrast is a bright spot: mean contrast of lesions to white matter over all patients.
    """
    from scipy import ndimage

    numbers, white = one.numbers[slices], one.tissue["white matter"][slices]
    voxel_mm3 = one.geometry.voxel_volume_mm3
    ground, true_ground = float(np.median(found[white])), float(np.median(true[white]))
    shares = []
    for number in np.unique(numbers[numbers > 0]):
        held = numbers == number
        contrast = float(true[held].mean()) - true_ground
        # Too small in these slices to be seen, or as dark as white matter.
        if held.sum() * voxel_mm3 >= _LEAST_MM3 and contrast > 0.2 * step:
            shares.append((float(found[held].mean()) - ground) / contrast)
    tissue = (one.head.fractions["white matter"] + one.head.fractions["grey matter"])[slices] > 0.9
    spacing = one.geometry.spacing_kji_mm
    apart = ndimage.distance_transform_edt(numbers == 0, spacing) if numbers.any() else np.inf
    bright = ((found - ground) - (true - true_ground) > _SHARE * step) & tissue & (apart > _AWAY_MM)
    labels, _ = ndimage.label(bright)
    sizes = np.bincount(labels.ravel())[1:] * voxel_mm3
    spots = sizes[sizes >= _LEAST_MM3]
    kept = sum(share >= _SHARE for share in shares)
    return LesionFate(len(shares), kept, float(np.mean(shares)) if shares else float("nan"), len(spots),
                      float(spots.sum()) / 1000)

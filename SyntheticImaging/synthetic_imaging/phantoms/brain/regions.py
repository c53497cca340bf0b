"""Where in the brain a lesion lies, in the words of the McDonald criteria."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.phantoms.brain.drawing import Brain, Map

Region = Literal["periventricular", "juxtacortical", "infratentorial", "subcortical"]
REGIONS: tuple[Region, ...] = get_args(Region)
# A lesion touches what is no further from it; about the reach of partial volume at 1 mm.
TOUCHING_MM = 1.5


class Regions:
    """Distances to ventricles and cortex of one brain.

    Attributes:
        to_ventricles_mm: distance to the lateral ventricles, (K, J, I).
        to_cortex_mm: distance to cortical grey matter above the tentorium, (K, J, I).
        infratentorial: bool, (K, J, I).
    """

    def __init__(self, brain: Brain) -> None:
        self.infratentorial = brain.infratentorial > 0.5
        spacing = brain.geometry.spacing_kji_mm
        self.to_ventricles_mm = _distance(brain.lateral_ventricles > 0.5, spacing)
        self.to_cortex_mm = _distance((brain.fractions[t.GREY] > 0.5) & ~self.infratentorial, spacing)

    def of(self, inside: npt.NDArray[np.bool_]) -> Region:
        """The region of a lesion: below the tentorium, or else what it touches, the ventricle first.

        Args:
            inside: the lesion's voxels, (K, J, I), at least one.
        """
        if self.infratentorial[inside].mean() > 0.5:
            return "infratentorial"
        if self.to_ventricles_mm[inside].min() <= TOUCHING_MM:
            return "periventricular"
        return "juxtacortical" if self.to_cortex_mm[inside].min() <= TOUCHING_MM else "subcortical"


def _distance(inside: npt.NDArray[np.bool_], spacing: tuple[float, float, float]) -> Map:
    from scipy import ndimage

    if not inside.any():
        return np.full(inside.shape, np.inf, np.float32)
    return np.asarray(ndimage.distance_transform_edt(~inside, sampling=spacing), np.float32)

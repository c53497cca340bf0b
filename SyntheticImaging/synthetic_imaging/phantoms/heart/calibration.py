"""Makes the surfaces hold the volumes that the anatomy states: they are measured and corrected, a few times."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synthetic_imaging.phantoms.heart import surfaces
from synthetic_imaging.phantoms.heart.anatomy import HeartAnatomy
from synthetic_imaging.phantoms.heart.form import HeartForm, Scales, build_form
from synthetic_imaging.phantoms.heart.motion import moment
from synthetic_imaging.phantoms.heart.ventricle import lv_size, wall_ml

_STEP_MM = 6.0
_ROUNDS = 5
_CLOSE = 0.01
# Counted in voxels, the corners between walls lose one or two percent that the smooth measure keeps.
_CORNERS = np.array([1.024, 1.014, 1.019, 1.022, 1.022])
_LESS_OUTFLOW = 0.975  # what the outflow tract takes from the wall
_HALF_MM = (90.0, 78.0, 72.0)


@lru_cache(maxsize=512)
def heart_form(anatomy: HeartAnatomy) -> HeartForm:
    """The surfaces of a heart at its phase.

    Its chambers hold the volumes of `motion.moment`, its wall that of `myocardium_ml`, to about 1 %.
    """
    now = moment(anatomy)
    wall = myocardium_ml(anatomy)
    wanted = _CORNERS * np.array([now.la_ml, now.lv_ml, now.ra_ml, now.rv_ml, wall])
    # A chamber's volume goes with the cube of its size, the ventricle's (whose length is given) with the square.
    power = np.array([0.38, 0.5, 0.38, 0.40, 0.8])
    scales = np.array([Scales.la, Scales.lv, Scales.ra, Scales.rv, Scales.wall])
    form = build_form(anatomy, Scales(*scales))
    for _ in range(_ROUNDS):
        found = structure_volumes_ml(form)[[surfaces.LA, surfaces.LV, surfaces.RA, surfaces.RV, surfaces.MYO]]
        wrong = wanted / np.maximum(found, 1.0)
        if np.abs(wrong - 1).max() < _CLOSE:
            break
        scales = np.clip(scales * wrong**power, 0.6, 2.2)
        form = build_form(anatomy, Scales(*scales))
    return form


def myocardium_ml(anatomy: HeartAnatomy) -> float:
    """Volume of the LV's muscle in ml: that of the drawn thicknesses at end diastole, kept through the cycle."""
    return _LESS_OUTFLOW * wall_ml(*lv_size(anatomy), anatomy.free_wall_mm, anatomy.septum_mm)


def structure_volumes_ml(form: HeartForm, step_mm: float = _STEP_MM) -> npt.NDArray[np.float64]:
    """Volumes in ml of the eight structures near the heart, partial voxels counted by their share."""
    low = np.asarray(form.centre) - _HALF_MM
    count = np.array([round(2 * h / step_mm) + 1 for h in _HALF_MM])
    out = np.zeros((int(count[0]), surfaces.LABELS))
    surfaces.measure_volumes(*form.arrays, low, step_mm, count, out)
    return np.asarray(out.sum(axis=0) / 1000)

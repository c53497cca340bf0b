"""Hearts drawn at random from published ranges."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.phantoms.heart.anatomy import LIMITS, AppendageShape, HeartAnatomy

Pathology = Literal[
    "normal",
    "dilated cardiomyopathy",
    "hypertrophic cardiomyopathy",
    "concentric hypertrophy",
    "dilated left atrium",
    "pulmonary hypertension",
    "aortic aneurysm",
]
PATHOLOGIES: tuple[str, ...] = get_args(Pathology)
# Share of each where none is asked for: about what an unselected cardiac CT list holds (our choice, no source).
SHARES = (0.52, 0.08, 0.07, 0.11, 0.10, 0.06, 0.06)

# Mean and standard deviation, (female, male).
_LV_INDEX = ((74.0, 12.0), (85.0, 15.0))
_LV_EJECTION = ((61.0, 5.0), (58.0, 5.0))
_RV_INDEX = ((77.0, 13.0), (93.0, 17.0))
_RV_EJECTION = ((58.0, 6.0), (54.0, 6.0))
_LA_INDEX = ((37.0, 8.0), (37.0, 9.0))
_RA_INDEX = ((42.0, 9.0), (47.0, 11.0))
_SEPTUM = ((7.6, 0.9), (8.9, 1.0))
_ROOT = ((30.0, 3.0), (34.0, 3.0))
_ASCENDING = ((28.5, 3.2), (31.0, 3.4))
_PULMONARY = ((24.6, 2.5), (26.4, 2.7))
_APPENDAGES: tuple[AppendageShape, ...] = ("chicken wing", "cactus", "windsock", "cauliflower")
_BODY = ((1.72, 0.16), (1.97, 0.17))


def draw_anatomy(rng: np.random.Generator, pathology: str | None = None) -> HeartAnatomy:
    """A heart at end diastole with numbers of a plausible adult.

    Sources. Ventricles, their ejection fractions and the atria's largest volumes, indexed to body surface and by sex:
    Petersen et al. 2017 (UK Biobank CMR, papillary muscles counted with the cavity, J Cardiovasc Magn Reson 19:18),
    one of the cohorts of the reference ranges of Kawel-Boehm et al. 2020 (J Cardiovasc Magn Reson 22:87). Wall
    thickness and aortic root: ASE/EACVI chamber quantification (Lang et al. 2015, J Am Soc Echocardiogr 28:1).
    Ascending aorta: Lin et al. 2008 (CT); pulmonary trunk: Truong et al. 2012 (Framingham, CT: 25.1 mm, SD 2.8).
    Appendage shapes: Di Biase et al. 2012 (chicken wing 48 %, cactus 30 %, windsock 19 %, cauliflower 3 %); length:
    Veinot et al. 1997. With age the ventricles shrink slightly and the vessels widen. Rounded; the diseases' numbers
    follow their definitions (for example septum of 15 mm or more in hypertrophic cardiomyopathy, ejection fraction
    below 45 % in the dilated one, an ascending aorta of 45 mm or more in aneurysm), not a cohort.

    Args:
        rng: source of all draws.
        pathology: one of `PATHOLOGIES`; drawn by `SHARES` when None.

    Raises:
        ParameterError: if the pathology is unknown.
    """
    if pathology is None:
        pathology = PATHOLOGIES[int(rng.choice(len(PATHOLOGIES), p=SHARES))]
    elif pathology not in PATHOLOGIES:
        raise ParameterError(f"The heart's pathology '{pathology}' is unknown; there are: {', '.join(PATHOLOGIES)}.")
    male = bool(rng.random() < 0.5)

    def draw(table: tuple[tuple[float, float], tuple[float, float]]) -> float:
        mean, deviation = table[male]
        return float(mean + deviation * np.clip(rng.standard_normal(), -2.2, 2.2))

    age = float(np.clip(rng.normal(60, 13), 20, 92))
    body = float(np.clip(draw(_BODY), 1.35, 2.6))
    size = rng.normal(0, 0.05)  # all chambers of one heart lean the same way
    older = (age - 60) / 10
    numbers: dict[str, Any] = {
        "age_years": age,
        "body_surface_m2": body,
        "lv_end_diastolic_volume_ml": draw(_LV_INDEX) * body * (1 + size - 0.025 * older),
        "ejection_fraction_percent": draw(_LV_EJECTION),
        "septum_mm": draw(_SEPTUM) + 0.2 * older,
        "lv_sphericity": float(rng.normal(0.57, 0.03)),
        "la_volume_ml": draw(_LA_INDEX) * body * (1 + size),
        "ra_volume_ml": draw(_RA_INDEX) * body * (1 + size),
        "rv_end_diastolic_volume_ml": draw(_RV_INDEX) * body * (1 + size - 0.03 * older),
        "rv_ejection_fraction_percent": draw(_RV_EJECTION),
        "aortic_root_mm": draw(_ROOT) + 0.6 * older,
        "ascending_aorta_mm": draw(_ASCENDING) + 1.0 * older,
        "pulmonary_artery_mm": draw(_PULMONARY),
        "appendage_length_mm": float(np.clip(rng.normal(44, 7), 28, 62)),
        "axis_rotation_degrees": float(np.clip(rng.normal(0, 7), -16, 16)),
        "axis_tilt_degrees": float(np.clip(rng.normal(0, 6), -14, 14)),
        "axis_roll_degrees": float(np.clip(rng.normal(0, 5), -12, 12)),
        "roughness_mm": float(rng.uniform(0.4, 1.3)),
        "variation_mm": float(rng.uniform(0.8, 2.0)),
        "phase": 0.0,
    }
    # The ventricles pump the same blood: the right one's volume follows the left one's by half.
    numbers["rv_end_diastolic_volume_ml"] = 0.5 * (
        numbers["rv_end_diastolic_volume_ml"] + 1.12 * numbers["lv_end_diastolic_volume_ml"]
    )
    numbers["free_wall_mm"] = numbers["septum_mm"] * float(rng.normal(0.95, 0.05))
    _afflict(numbers, pathology, rng)
    bounded = {name: float(np.clip(value, *LIMITS[name])) for name, value in numbers.items()}
    return HeartAnatomy(
        sex="male" if male else "female",
        appendage_shape=_APPENDAGES[int(rng.choice(4, p=(0.48, 0.3, 0.19, 0.03)))],
        variation_seed=int(rng.integers(1 << 31)),
        pathology=pathology,
        **bounded,
    )


def _afflict(numbers: dict[str, Any], pathology: str, rng: np.random.Generator) -> None:
    def scale(name: str, low: float, high: float) -> None:
        numbers[name] *= rng.uniform(low, high)

    if pathology == "dilated cardiomyopathy":
        scale("lv_end_diastolic_volume_ml", 1.45, 2.1)
        numbers["ejection_fraction_percent"] = rng.uniform(17, 42)
        numbers["lv_sphericity"] += rng.uniform(0.06, 0.16)
        scale("la_volume_ml", 1.1, 1.7)
        scale("rv_end_diastolic_volume_ml", 1.0, 1.35)
        scale("rv_ejection_fraction_percent", 0.65, 0.95)
        numbers["septum_mm"] = rng.uniform(7, 9.5)
        numbers["free_wall_mm"] = rng.uniform(6.5, 9)
    elif pathology == "hypertrophic cardiomyopathy":
        numbers["septum_mm"] = rng.uniform(15, 25)
        numbers["free_wall_mm"] = rng.uniform(9, 12)
        numbers["ejection_fraction_percent"] = rng.uniform(62, 76)
        scale("lv_end_diastolic_volume_ml", 0.8, 0.98)
        scale("la_volume_ml", 1.1, 1.6)
    elif pathology == "concentric hypertrophy":
        numbers["septum_mm"] = rng.uniform(12.5, 16.5)
        numbers["free_wall_mm"] = numbers["septum_mm"] * rng.uniform(0.92, 1.04)
        scale("la_volume_ml", 1.0, 1.4)
        scale("aortic_root_mm", 1.0, 1.12)
    elif pathology == "dilated left atrium":
        scale("la_volume_ml", 1.6, 2.5)
        scale("ra_volume_ml", 1.1, 1.6)
        scale("appendage_length_mm", 1.0, 1.2)
        numbers["ejection_fraction_percent"] -= rng.uniform(0, 8)
    elif pathology == "pulmonary hypertension":
        scale("rv_end_diastolic_volume_ml", 1.25, 1.7)
        numbers["rv_ejection_fraction_percent"] = rng.uniform(28, 46)
        scale("ra_volume_ml", 1.3, 1.9)
        numbers["pulmonary_artery_mm"] = rng.uniform(31, 42)
        scale("lv_end_diastolic_volume_ml", 0.8, 0.95)
    elif pathology == "aortic aneurysm":
        numbers["ascending_aorta_mm"] = rng.uniform(45, 60)
        numbers["aortic_root_mm"] = max(numbers["aortic_root_mm"], rng.uniform(36, 52))

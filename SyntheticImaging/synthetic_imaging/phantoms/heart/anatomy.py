"""What describes a heart: volumes, thicknesses, diameters, pose, phase."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

from synthetic_imaging.errors import ParameterError

Sex = Literal["female", "male"]
AppendageShape = Literal["chicken wing", "windsock", "cactus", "cauliflower"]
MYOCARDIUM_G_PER_ML = 1.05

# Name of the number -> least, most. Wide enough for disease; outside them the surfaces no longer fit together.
LIMITS: dict[str, tuple[float, float]] = {
    "age_years": (18, 100),
    "body_surface_m2": (1.2, 2.8),
    "lv_end_diastolic_volume_ml": (60, 400),
    "ejection_fraction_percent": (10, 80),
    "septum_mm": (5, 30),
    "free_wall_mm": (5, 20),
    "lv_sphericity": (0.45, 0.9),
    "la_volume_ml": (25, 260),
    "ra_volume_ml": (30, 260),
    "rv_end_diastolic_volume_ml": (70, 400),
    "rv_ejection_fraction_percent": (15, 75),
    "aortic_root_mm": (22, 60),
    "ascending_aorta_mm": (20, 70),
    "pulmonary_artery_mm": (16, 50),
    "appendage_length_mm": (20, 65),
    "axis_rotation_degrees": (-25, 25),
    "axis_tilt_degrees": (-25, 25),
    "axis_roll_degrees": (-25, 25),
    "roughness_mm": (0, 3),
    "variation_mm": (0, 4),
    "phase": (0, 1),
}


@dataclass(frozen=True)
class HeartAnatomy:
    """One heart at one moment of its cycle.

    Volumes are what a count of voxels finds in the label map (the papillary muscles belong to the cavity).

    Attributes:
        age_years, sex, body_surface_m2: the person.
        lv_end_diastolic_volume_ml, ejection_fraction_percent: left ventricle.
        septum_mm, free_wall_mm: thickness of the LV wall at end diastole, at its thickest level.
        lv_sphericity: short diameter through long axis of the LV cavity at end diastole (0.57 normal, 1 a ball).
        la_volume_ml, ra_volume_ml: largest in the cycle (end systole); LA without appendage and veins.
        rv_end_diastolic_volume_ml, rv_ejection_fraction_percent: right ventricle.
        aortic_root_mm: diameter at the sinuses; ascending_aorta_mm: of the tubular part.
        pulmonary_artery_mm: diameter of the trunk.
        appendage_shape, appendage_length_mm: left atrial appendage.
        axis_rotation_degrees: heart turned about the head-foot axis, positive: apex further left.
        axis_tilt_degrees: positive: apex further up (a lying heart).
        axis_roll_degrees: heart turned about its own long axis.
        roughness_mm: height of the trabeculae of the LV.
        variation_mm: size of the smooth random change of all surfaces.
        phase: 0 end diastole, about 0.35 end systole, 1 end diastole again.
        variation_seed: of the surfaces' random change.
        pathology: name it was drawn for ("normal", ...).

    Raises:
        ParameterError: if a number is out of its range (`LIMITS`) or a name unknown.
    """

    age_years: float = 55.0
    sex: Sex = "male"
    body_surface_m2: float = 1.9
    lv_end_diastolic_volume_ml: float = 155.0
    ejection_fraction_percent: float = 60.0
    septum_mm: float = 9.0
    free_wall_mm: float = 8.5
    lv_sphericity: float = 0.57
    la_volume_ml: float = 72.0
    ra_volume_ml: float = 85.0
    rv_end_diastolic_volume_ml: float = 170.0
    rv_ejection_fraction_percent: float = 56.0
    aortic_root_mm: float = 34.0
    ascending_aorta_mm: float = 31.0
    pulmonary_artery_mm: float = 26.0
    appendage_shape: AppendageShape = "chicken wing"
    appendage_length_mm: float = 44.0
    axis_rotation_degrees: float = 0.0
    axis_tilt_degrees: float = 0.0
    axis_roll_degrees: float = 0.0
    roughness_mm: float = 0.8
    variation_mm: float = 1.5
    phase: float = 0.0
    variation_seed: int = 0
    pathology: str = "normal"

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and math.isfinite(value) and least <= value <= most):
                raise ParameterError(f"A heart's {name} lies between {least:g} and {most:g}; {value} was asked for.")
        if self.sex not in get_args(Sex):
            raise ParameterError(f"A heart's sex is 'female' or 'male'; '{self.sex}' was asked for.")
        if self.appendage_shape not in get_args(AppendageShape):
            known = ", ".join(f"'{s}'" for s in get_args(AppendageShape))
            raise ParameterError(f"The appendage's shape is one of {known}; '{self.appendage_shape}' was asked for.")

    @property
    def lv_end_systolic_volume_ml(self) -> float:
        """End-diastolic volume less the stroke."""
        return self.lv_end_diastolic_volume_ml * (1 - self.ejection_fraction_percent / 100)

    @property
    def stroke_volume_ml(self) -> float:
        """What the left ventricle ejects."""
        return self.lv_end_diastolic_volume_ml * self.ejection_fraction_percent / 100

    def at(self, phase: float) -> HeartAnatomy:
        """The same heart at another moment of its cycle."""
        return replace(self, phase=phase)

    def numbers(self) -> dict[str, float]:
        """All numbers by name, for tables and conditions; sex as 1 for male, 0 for female."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        found["sex"] = float(self.sex == "male")
        return {k: float(v) for k, v in found.items() if isinstance(v, (int, float)) and k != "variation_seed"}

"""Cohorts of drawn hearts: phantoms with known truth, endless and without any patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, ClassVar

import numpy as np

from synthetic_imaging.cohorts.generator import CohortCase, Measurement
from synthetic_imaging.context import Run
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within

_CHAMBERS = (
    Measurement("lv_volume_ml", "Left ventricle", "ml", (33.0, 293.0)),
    Measurement("rv_volume_ml", "Right ventricle", "ml", (47.0, 277.0)),
    Measurement("la_volume_ml", "Left atrium", "ml", (25.0, 176.0)),
    Measurement("ra_volume_ml", "Right atrium", "ml", (33.0, 171.0)),
)
_HEART = (
    Measurement("myocardium_ml", "Myocardium", "ml", (65.0, 210.0)),
    Measurement("septum_mm", "Septum", "mm", (7.0, 22.0)),
    Measurement("ejection_fraction_percent", "Ejection fraction", "%", (20.0, 74.0)),
    Measurement("age_years", "Age", "years", (29.0, 91.0)),
)


class Disease(str, Enum):
    """What the hearts have."""

    ANY = "as in a clinic"
    NORMAL = "normal"
    DILATED = "dilated cardiomyopathy"
    HYPERTROPHIC = "hypertrophic cardiomyopathy"
    CONCENTRIC = "concentric hypertrophy"
    LEFT_ATRIUM = "dilated left atrium"
    PULMONARY = "pulmonary hypertension"
    ANEURYSM = "aortic aneurysm"


class Contrast(str, Enum):
    """When the CT is taken after contrast."""

    ANY = "as in a clinic"
    NONE = "none"
    ARTERIAL = "arterial"
    TRIPLE = "triple rule-out"
    VENOUS = "venous"


@dataclass(frozen=True)
class PhantomCT:
    """Cardiac CT of a drawn heart in a drawn chest."""

    id: ClassVar[str] = "hearts.phantom-ct"
    title: ClassVar[str] = "Heart phantom, CT"
    sentence: ClassVar[str] = "A drawn four-chamber heart with great vessels as cardiac CT shows it; a phantom."
    reference: ClassVar[str] = (
        "Drawn; sizes after Petersen et al. 2017 (UK Biobank), Lang et al. 2015 (ASE/EACVI), Lin et al. 2008, Truong "
        "et al. 2012, Di Biase et al. 2012."
    )
    modality: ClassVar[str] = "CT"
    structures: ClassVar[tuple[str, ...]] = ("LA", "LV", "RA", "RV", "MYO", "AO", "PA", "LAA")
    measurements: ClassVar[tuple[Measurement, ...]] = (*_CHAMBERS, *_HEART)

    spacing_mm: Annotated[float, Label("Voxel size"), Unit("mm"), Within(0.5, 8.0),
                          Help("0.7 is about what a scanner gives, and takes many times longer.")] = 2.5
    field_mm: Annotated[float, Label("Field of view"), Unit("mm"), Within(100.0, 300.0), Advanced] = 168.0
    disease: Annotated[Disease, Label("Disease")] = Disease.ANY
    contrast: Annotated[Contrast, Label("Contrast")] = Contrast.ANY
    noise_hu: Annotated[float | None, Label("Noise"), Unit("HU"), Within(0.0, 100.0), Advanced,
                        Help("Standard deviation in soft tissue; drawn when automatic.")] = None

    @property
    def shape_kji(self) -> tuple[int, int, int]:
        """Voxels of the grid."""
        count = max(8, round(self.field_mm / self.spacing_mm))
        return (count, count, count)

    def make(self, rng: np.random.Generator, run: Run) -> CohortCase:
        """One case."""
        from synthetic_imaging.phantoms.heart.ct import ct_case

        run.progress(0.1, "heart")
        volume, mask, measured = ct_case(
            rng, shape_kji=self.shape_kji, spacing_mm=self.spacing_mm, pathology=_wanted(self.disease),
            contrast=_wanted(self.contrast), noise_hu=self.noise_hu,
        )
        run.progress(0.95, "measurements")
        return CohortCase(volume, mask, {m.name: float(measured[m.name]) for m in self.measurements})

    def draw(self, rng: np.random.Generator) -> Mapping[str, float]:
        """Volumes that the surfaces will be given; what the voxels hold differs by a few percent."""
        from synthetic_imaging.phantoms.heart.ct import drawn_at_rest
        from synthetic_imaging.phantoms.heart.motion import moment

        anatomy = drawn_at_rest(rng, _wanted(self.disease))
        now = moment(anatomy)
        return {
            "lv_volume_ml": now.lv_ml, "rv_volume_ml": now.rv_ml, "la_volume_ml": now.la_ml, "ra_volume_ml": now.ra_ml,
            "ejection_fraction_percent": anatomy.ejection_fraction_percent, "age_years": anatomy.age_years,
        }


@dataclass(frozen=True)
class PhantomEcho:
    """3-D echo of a drawn left ventricle from the apex, at end diastole or end systole."""

    id: ClassVar[str] = "hearts.phantom-echo"
    title: ClassVar[str] = "Heart phantom, 3-D echo"
    sentence: ClassVar[str] = "A drawn left ventricle as 3-D echo shows it from the apex; a phantom."
    reference: ClassVar[str] = "Drawn; sizes after Petersen et al. 2017 (UK Biobank) and Lang et al. 2015 (ASE/EACVI)."
    modality: ClassVar[str] = "US"
    structures: ClassVar[tuple[str, ...]] = ("LV myocardium", "LV cavity")
    measurements: ClassVar[tuple[Measurement, ...]] = (
        Measurement("lv_volume_ml", "Left ventricle in view", "ml", (30.0, 270.0)),
        Measurement("lv_true_volume_ml", "Left ventricle, whole", "ml", (35.0, 290.0)),
        Measurement("myocardium_ml", "Myocardium in view", "ml", (55.0, 210.0)),
        Measurement("septum_mm", "Septum", "mm", (7.0, 25.0)),
        Measurement("ejection_fraction_percent", "Ejection fraction", "%", (20.0, 74.0)),
        Measurement("age_years", "Age", "years", (29.0, 91.0)),
    )

    depth_voxels: Annotated[int, Label("Voxels in depth"), Within(16, 256),
                            Help("Others follow: as many in azimuth, four fifths in elevation.")] = 80
    disease: Annotated[Disease, Label("Disease")] = Disease.ANY

    @property
    def shape_kji(self) -> tuple[int, int, int]:
        """Voxels of the grid: depth, azimuth, elevation."""
        return (self.depth_voxels, self.depth_voxels, round(0.8 * self.depth_voxels))

    def make(self, rng: np.random.Generator, run: Run) -> CohortCase:
        """One case."""
        from synthetic_imaging.phantoms.heart.echo import echo_case

        run.progress(0.1, "heart")
        volume, mask, measured = echo_case(rng, shape_kji=self.shape_kji, pathology=_wanted(self.disease))
        run.progress(0.95, "measurements")
        return CohortCase(volume, mask, {m.name: float(measured[m.name]) for m in self.measurements})

    def draw(self, rng: np.random.Generator) -> Mapping[str, float]:
        """The ventricle's own volume; part of it may lie outside the pyramid."""
        from synthetic_imaging.phantoms.heart.drawing import draw_anatomy
        from synthetic_imaging.phantoms.heart.motion import END_SYSTOLE, moment

        # As `echo_case` draws it; a test holds the two together.
        anatomy = draw_anatomy(rng, _wanted(self.disease)).at(0.0 if rng.random() < 0.5 else END_SYSTOLE)
        volume = moment(anatomy).lv_ml
        return {
            "lv_true_volume_ml": volume, "lv_volume_ml": volume,
            "ejection_fraction_percent": anatomy.ejection_fraction_percent, "age_years": anatomy.age_years,
        }


def _wanted(choice: Disease | Contrast) -> str | None:
    return None if choice.value == Disease.ANY.value else choice.value

"""The heart in its chest as a cardiac CT sees it, before, during and after contrast."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask
from synthetic_imaging.phantoms.heart import surfaces
from synthetic_imaging.phantoms.heart import thorax_kernel as kind
from synthetic_imaging.phantoms.heart.anatomy import HeartAnatomy
from synthetic_imaging.phantoms.heart.calibration import heart_form
from synthetic_imaging.phantoms.heart.drawing import draw_anatomy
from synthetic_imaging.phantoms.heart.form import HeartForm
from synthetic_imaging.phantoms.heart.labels import ct_grid, evaluated, heart_mask, measurements
from synthetic_imaging.phantoms.heart.thorax import airways_and_lung_vessels, thorax_numbers
from synthetic_imaging.physics.ct import CtProtocol, scan
from synthetic_imaging.volume import Volume

Floats = npt.NDArray[np.float64]
Contrast = Literal["none", "arterial", "triple rule-out", "venous"]
CONTRASTS: tuple[str, ...] = get_args(Contrast)
WINDOW = (150.0, 700.0)
# Mean HU of left heart and aorta, right heart, pulmonary artery, SVC, IVC and muscle; size of the mixing on the right.
_BLOOD: dict[str, tuple[float, float, float, float, float, float, float]] = {
    "none": (42, 42, 42, 42, 42, 48, 0),
    "arterial": (400, 150, 230, 160, 95, 105, 55),
    "triple rule-out": (390, 340, 400, 1000, 100, 105, 110),
    "venous": (165, 165, 165, 165, 160, 110, 6),
}


@dataclass(frozen=True)
class CardiacCtProtocol:
    """Contrast phase, strength of the contrast, and the scanner.

    Attributes:
        contrast: "none"; "arterial" (coronary CT: left heart 350 to 450 HU, right side washed out by the saline
            chaser); "triple rule-out" (both sides bright, dense contrast in the SVC); "venous" (all blood alike).
        strength: multiplies the enhancement; 1 is typical.
        scanner: reconstruction kernel, grain, streaks.

    Raises:
        ParameterError: if the contrast is unknown or the strength out of 0.3 to 2.
    """

    contrast: Contrast = "arterial"
    strength: float = 1.0
    scanner: CtProtocol = field(default_factory=CtProtocol)

    def __post_init__(self) -> None:
        if self.contrast not in CONTRASTS:
            raise ParameterError(
                f"The contrast phase '{self.contrast}' is unknown; there are: {', '.join(CONTRASTS)}."
            )
        if not 0.3 <= self.strength <= 2:
            raise ParameterError(f"The contrast's strength lies between 0.3 and 2; {self.strength} was asked for.")


def draw_protocol(
    rng: np.random.Generator, contrast: str | None = None, noise_hu: float | None = None
) -> CardiacCtProtocol:
    """A scan as in a cardiac CT list: mostly coronary CT, some triple rule-out, venous and plain."""
    if contrast is None:
        contrast = CONTRASTS[int(rng.choice(4, p=(0.06, 0.62, 0.22, 0.10)))]
    return CardiacCtProtocol(
        contrast=cast(Contrast, contrast),
        strength=float(np.clip(rng.normal(1.0, 0.13), 0.65, 1.4)),
        scanner=CtProtocol(
            kernel=("smooth", "standard", "sharp")[int(rng.choice(3, p=(0.3, 0.55, 0.15)))],
            noise_hu=float(rng.uniform(14, 34)) if noise_hu is None else noise_hu,
            slice_mm=float(rng.choice((0.6, 1.0, 2.0))),
            streaks=float(rng.uniform(0.4, 1.5)),
        ),
    )


def tissue_values(protocol: CardiacCtProtocol, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """HU of every structure and tissue, how far contrast mixes in each, and the waves along which it does."""
    left, right, lungs, svc, ivc, muscle, mixing = _BLOOD[protocol.contrast]

    def enhanced(hounsfield: float) -> float:
        return 42 + (hounsfield - 42) * protocol.strength * float(rng.normal(1.0, 0.03))

    blood = enhanced(left)
    values = np.zeros(kind.ALL_VALUES)
    values[[surfaces.LA, surfaces.LV, surfaces.AO]] = blood + rng.normal(0, 6, 3)
    values[[surfaces.VEIN, surfaces.DESCENDING, surfaces.CORONARY]] = blood + rng.normal(0, 6, 3)
    values[surfaces.LAA] = blood - (abs(float(rng.normal(0, 25))) if protocol.contrast != "none" else 0)
    values[surfaces.RA], values[surfaces.RV] = enhanced(0.9 * right + 0.1 * ivc), enhanced(right)
    values[surfaces.PA], values[surfaces.SVC], values[surfaces.IVC] = enhanced(lungs), enhanced(svc), enhanced(ivc)
    values[surfaces.MYO] = values[surfaces.PAPILLARY] = 48 + (muscle - 48) * protocol.strength + rng.normal(0, 4)
    values[surfaces.WALL] = values[surfaces.MYO] - 12
    values[surfaces.EPICARDIAL_FAT] = rng.normal(-88, 6)
    values[kind.OUTSIDE] = -1000
    values[kind.FAT] = rng.normal(-105, 4)
    values[kind.MUSCLE] = rng.normal(56, 4)
    values[kind.LUNG] = rng.normal(-850, 22)
    values[kind.MARROW] = rng.normal(170, 25)
    values[kind.CORTEX] = rng.normal(480, 40)
    values[kind.LIVER] = rng.normal(60, 5) + (0 if protocol.contrast == "none" else 12) + (
        45 if protocol.contrast == "venous" else 0
    )
    values[kind.MEDIASTINUM] = rng.normal(-75, 8)
    values[kind.LUNG_VESSEL] = 0.5 * (values[surfaces.PA] + blood)
    values[kind.CARTILAGE] = rng.normal(95, 12)
    swirl = np.zeros(surfaces.STRUCTURES)
    swirl[[surfaces.RA, surfaces.SVC]] = mixing * protocol.strength
    swirl[surfaces.RV] = 0.35 * mixing * protocol.strength
    waves = np.empty((5, 4))
    directions = rng.standard_normal((5, 3))
    waves[:, :3] = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    waves[:, :3] /= np.geomspace(22, 60, 5)[:, None]
    waves[:, 3] = rng.uniform(0, 1, 5)
    swirl *= 2.2  # five waves of random phase add up to about a third of their sum
    return values, swirl, waves


def render_ct(
    anatomy: HeartAnatomy, protocol: CardiacCtProtocol, rng: np.random.Generator, grid: Geometry | None = None,
    grain_rng: np.random.Generator | None = None,
) -> tuple[Volume, Mask]:
    """A CT (int16 HU) of a heart in its chest, and its eight structures.

    Args:
        anatomy: the heart at its phase; the chest follows from it.
        protocol: contrast and scanner.
        rng: source of densities, mixing, streaks and grain; not of the anatomy.
        grid: voxels; `labels.ct_grid` when None.
        grain_rng: makes streaks and grain instead of ``rng``.
    """
    grid = ct_grid() if grid is None else grid
    values, swirl, waves = tissue_values(protocol, rng)
    made = evaluated(
        heart_form(anatomy), grid, values, mixing=swirl, mixing_waves=waves, thorax=thorax_numbers(anatomy),
        airways=airways_and_lung_vessels(anatomy),
    )  # fmt: skip
    assert made.painted is not None
    voxels = scan(made.painted, grid.spacing_kji_mm, protocol.scanner, rng if grain_rng is None else grain_rng)
    volume = Volume.ct(voxels, grid, name="heart phantom", window=WINDOW)
    return volume, heart_mask(made.labels, grid)


def ct_case(
    rng: np.random.Generator,
    *,
    shape_kji: tuple[int, int, int] = (48, 48, 48),
    spacing_mm: float | tuple[float, float, float] = 3.5,
    pathology: str | None = None,
    anatomy: HeartAnatomy | None = None,
    contrast: str | None = None,
    noise_hu: float | None = None,
    grain_rng: np.random.Generator | None = None,
) -> tuple[Volume, Mask, dict[str, float]]:
    """One drawn case: CT, its eight structures, and the measures of `labels.measurements`.

    Args:
        rng: source of everything that is drawn.
        shape_kji, spacing_mm: the grid, centred on the heart within a few millimetres.
        pathology: drawn when None (`drawing.PATHOLOGIES`).
        anatomy: used as it is, at its phase, instead of a drawn one.
        contrast, noise_hu: fixed instead of drawn.
        grain_rng: makes the grain and the streaks instead of ``rng``.

    Raises:
        ParameterError: if a name is unknown or the grid cannot be used.
    """
    if anatomy is None:
        anatomy = drawn_at_rest(rng, pathology)
    form = heart_form(anatomy)
    r, a, s = heart_centre(form) + rng.uniform(-5, 5, 3)
    grid = ct_grid(shape_kji, spacing_mm, (float(r), float(a), float(s)))
    volume, mask = render_ct(anatomy, draw_protocol(rng, contrast, noise_hu), rng, grid, grain_rng)
    return volume, mask, measurements(mask.layers[0], grid, anatomy, form)


def drawn_at_rest(rng: np.random.Generator, pathology: str | None = None) -> HeartAnatomy:
    """A drawn heart in mid-diastole, mostly, as gated coronary CT shows it; a fifth near end systole."""
    anatomy = draw_anatomy(rng, pathology)
    rest = rng.random() < 0.8
    phase = np.clip(rng.normal(0.74, 0.04), 0.6, 0.9) if rest else np.clip(rng.normal(0.37, 0.03), 0.28, 0.45)
    return anatomy.at(float(phase))


def heart_centre(form: HeartForm) -> Floats:
    """Middle of a field of view (RAS mm) that holds the heart and the roots of its vessels."""
    atrium = form.shapes[(form.shapes[:, 1] == surfaces.RA) & (form.shapes[:, 0] == surfaces.ELLIPSOID)][0]
    length, thick = float(form.lv[1]), float(form.lv[2] + form.lv[3])
    # Right atrium's border to the left-most of the tip and the side wall.
    right = atrium[7] + atrium[19]
    left = min(form.apex[0] - 0.6 * form.lv[3], form.mitral[0] + 0.55 * length * form.long_axis[0] - 0.9 * thick)
    _, front, up = form.centre
    return np.array([0.5 * (right + left), front - 6.0, up + 14.0])

"""The heart on a voxel grid: its label map, its grids and its measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Code, Mask, Segment, Terminology
from synthetic_imaging.phantoms.heart import surfaces
from synthetic_imaging.phantoms.heart.anatomy import HeartAnatomy
from synthetic_imaging.phantoms.heart.calibration import heart_form
from synthetic_imaging.phantoms.heart.form import HeartForm
from synthetic_imaging.phantoms.heart.thorax_kernel import ALL_VALUES

STRUCTURES = ("LA", "LV", "RA", "RV", "MYO", "AO", "PA", "LAA")
_CT_SHAPE, _CT_SPACING_MM = (48, 48, 48), 3.5
_ANATOMY = Code("SCT", "123037004", "Anatomical Structure")
# SNOMED codes and meanings; colours after Slicer's anatomy list where it has one, set apart where neighbours touch.
_NAMED: dict[str, tuple[str, str, tuple[int, int, int]]] = {
    "LA": ("82471001", "Left atrium", (230, 120, 60)),
    "LV": ("87878005", "Left ventricle", (220, 50, 47)),
    "RA": ("73829009", "Right atrium", (70, 95, 215)),
    "RV": ("53085002", "Right ventricle", (60, 175, 225)),
    "MYO": ("74281007", "Myocardium", (238, 220, 130)),
    "AO": ("15825003", "Aorta", (235, 30, 110)),
    "PA": ("81040000", "Pulmonary artery", (110, 225, 190)),
    "LAA": ("33626005", "Left auricular appendage", (150, 70, 200)),
}


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Labels (uint8) and painted values (float32, None where not asked for), both (K, J, I)."""

    labels: npt.NDArray[np.uint8]
    painted: npt.NDArray[np.float32] | None


def heart_segment(structure: str, label: int) -> Segment:
    """One of the eight structures as a coded, coloured segment."""
    code, meaning, (red, green, blue) = _NAMED[structure]
    return Segment(
        structure, label=label, colour=(red / 255, green / 255, blue / 255),
        terminology=Terminology(_ANATOMY, Code("SCT", code, meaning)),
    )  # fmt: skip


def ct_grid(
    shape_kji: tuple[int, int, int] = _CT_SHAPE,
    spacing_mm: float | tuple[float, float, float] = _CT_SPACING_MM,
    centre_ras_mm: tuple[float, float, float] = (-22.0, 8.0, 2.0),
) -> Geometry:
    """An axial grid as a scanner makes it: I to the left, J to the back, K to the head.

    Args:
        shape_kji: voxels.
        spacing_mm: edge of a voxel, or (K, J, I).
        centre_ras_mm: middle of the grid.

    Raises:
        ParameterError: if the shape or the spacing cannot be used.
    """
    spacing = (spacing_mm,) * 3 if isinstance(spacing_mm, (int, float)) else tuple(spacing_mm)
    if len(shape_kji) != 3 or min(shape_kji) < 4 or max(shape_kji) > 1024:
        raise ParameterError(f"A heart's grid has 4 to 1024 voxels along each of K, J, I; {shape_kji} were asked for.")
    if len(spacing) != 3 or not all(0.2 <= s <= 20 for s in spacing):
        raise ParameterError(f"The voxels of a heart measure 0.2 to 20 mm; {spacing_mm} was asked for.")
    directions = np.diag([-1.0, -1.0, 1.0])
    step = np.array(spacing[::-1])
    middle = directions @ (step * (np.array(shape_kji[::-1]) - 1) / 2)
    return Geometry.from_spacing(
        shape_kji, step.tolist(), (np.asarray(centre_ras_mm) - middle).tolist(), directions
    )


def evaluated(
    form: HeartForm,
    grid: Geometry,
    values: npt.NDArray[np.float64] | None = None,
    *,
    mixing: npt.NDArray[np.float64] | None = None,
    mixing_waves: npt.NDArray[np.float64] | None = None,
    thorax: npt.NDArray[np.float64] | None = None,
    airways: npt.NDArray[np.float64] | None = None,
) -> Evaluated:
    """Labels on a grid, and a painted image where ``values`` are given; slab by slab, so memory stays small."""
    labels = np.zeros(grid.shape, dtype=np.uint8)
    painted = np.zeros(grid.shape, dtype=np.float32) if values is not None else None
    size = float(np.cbrt(grid.voxel_volume_mm3))
    _, rows, columns = grid.shape
    slab = max(1, 400_000 // (rows * columns))
    matrix = grid.ijk_to_ras.astype(np.float32)
    across = np.arange(columns, dtype=np.float32)[:, None] * matrix[:3, 0]
    plane = (np.arange(rows, dtype=np.float32)[:, None, None] * matrix[:3, 1] + across).reshape(-1, 3) + matrix[:3, 3]
    for start in range(0, grid.shape[0], slab):
        stop = min(start + slab, grid.shape[0])
        points = (np.arange(start, stop, dtype=np.float32)[:, None, None] * matrix[:3, 2] + plane).reshape(-1, 3)
        made = evaluate_points(form, points, size, values, mixing, mixing_waves, thorax, airways)
        labels[start:stop] = made.labels.reshape(stop - start, rows, columns)
        if painted is not None and made.painted is not None:
            painted[start:stop] = made.painted.reshape(stop - start, rows, columns)
    return Evaluated(labels, painted)


def evaluate_points(
    form: HeartForm,
    points: npt.NDArray[np.float32],
    size_mm: float,
    values: npt.NDArray[np.float64] | None = None,
    mixing: npt.NDArray[np.float64] | None = None,
    mixing_waves: npt.NDArray[np.float64] | None = None,
    thorax: npt.NDArray[np.float64] | None = None,
    airways: npt.NDArray[np.float64] | None = None,
) -> Evaluated:
    """Labels and painted values at (N, 3) points in RAS mm; results are flat (N,)."""
    labels = np.zeros(len(points), dtype=np.uint8)
    painted = np.zeros(len(points), dtype=np.float32)
    painting = 0 if values is None else (1 if thorax is None else 2)
    surfaces.evaluate(
        *form.arrays, np.ascontiguousarray(points, dtype=np.float32), size_mm, painting,
        np.zeros(ALL_VALUES) if values is None else values,
        np.zeros(surfaces.STRUCTURES) if mixing is None else mixing,
        np.zeros((1, 4)) if mixing_waves is None else mixing_waves,
        np.zeros(10) if thorax is None else thorax,
        np.zeros((0, 11)) if airways is None else airways,
        labels, painted,
    )  # fmt: skip
    return Evaluated(labels, painted if painting else None)


def heart_mask(labels: npt.NDArray[np.uint8], grid: Geometry, name: str = "heart phantom structures") -> Mask:
    """The label map (values 1..8) as a segmentation."""
    return Mask(labels, grid, tuple(heart_segment(s, n + 1) for n, s in enumerate(STRUCTURES)), name=name)


def heart_labels(
    anatomy: HeartAnatomy,
    shape_kji: tuple[int, int, int] = _CT_SHAPE,
    spacing_mm: float | tuple[float, float, float] = _CT_SPACING_MM,
    *,
    grid: Geometry | None = None,
) -> Mask:
    """The eight structures of a heart on an axial grid, or on any other ``grid``.

    Volumes counted in voxels agree with the anatomy within 2 % plus what a voxel's size allows.

    Raises:
        ParameterError: if the grid cannot be used.
    """
    grid = ct_grid(shape_kji, spacing_mm) if grid is None else grid
    return heart_mask(evaluated(heart_form(anatomy), grid).labels, grid)


def measurements(
    labels: npt.NDArray[np.uint8], grid: Geometry, anatomy: HeartAnatomy, form: HeartForm
) -> dict[str, float]:
    """Volumes in ml counted on the label map, and thicknesses and fractions of the anatomy (phantom truth).

    ``wall_thickness_mm`` is the free wall's at this phase, ``septum_mm`` the septum's.
    """
    counts = np.bincount(labels.reshape(-1), minlength=surfaces.LABELS + 1)
    millilitres = counts * (grid.voxel_volume_mm3 / 1000)
    return {
        "la_volume_ml": float(millilitres[1]),
        "lv_volume_ml": float(millilitres[2]),
        "ra_volume_ml": float(millilitres[3]),
        "rv_volume_ml": float(millilitres[4]),
        "myocardium_ml": float(millilitres[5]),
        "aorta_ml": float(millilitres[6]),
        "pulmonary_artery_ml": float(millilitres[7]),
        "appendage_ml": float(millilitres[8]),
        "wall_thickness_mm": float(form.lv[3]),
        "septum_mm": float(form.lv[4]),
        "ejection_fraction_percent": anatomy.ejection_fraction_percent,
        "age_years": anatomy.age_years,
        "phase": anatomy.phase,
    }

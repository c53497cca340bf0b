"""The heart as a three-dimensional echocardiogram from the apex sees it, with left-ventricular labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Code, Mask, Segment, Terminology
from synthetic_imaging.phantoms.heart import surfaces
from synthetic_imaging.phantoms.heart import thorax_kernel as kind
from synthetic_imaging.phantoms.heart.anatomy import MYOCARDIUM_G_PER_ML, HeartAnatomy
from synthetic_imaging.phantoms.heart.calibration import heart_form
from synthetic_imaging.phantoms.heart.drawing import draw_anatomy
from synthetic_imaging.phantoms.heart.form import HeartForm
from synthetic_imaging.phantoms.heart.labels import evaluate_points
from synthetic_imaging.phantoms.heart.motion import END_SYSTOLE, moment
from synthetic_imaging.phantoms.heart.shapes import unit
from synthetic_imaging.physics.scan_conversion import to_cubes
from synthetic_imaging.physics.ultrasound import BeamGrid, EchoProtocol, echo_image, specular
from synthetic_imaging.volume import Volume

Floats = npt.NDArray[np.float64]
SMALL, FULL = (40, 40, 32), (160, 160, 128)
MYOCARDIUM, CAVITY = 1, 2
_ANATOMY = Code("SCT", "123037004", "Anatomical Structure")


@dataclass(frozen=True)
class ProbePose:
    """Where the probe touches the chest and how it is held, relative to the heart.

    Attributes:
        away_mm: from the cavity's apex to the probe, along the long axis.
        aside_mm: probe beside the long axis, toward the lateral and the upper wall.
        aim_degrees: long axis of the heart off the pyramid's axis, in azimuth and elevation.
        turn_degrees: probe turned about its axis; 0 has the four-chamber plane along the azimuth.
    """

    away_mm: float = 24.0
    aside_mm: tuple[float, float] = (0.0, 0.0)
    aim_degrees: tuple[float, float] = (0.0, 0.0)
    turn_degrees: float = 0.0


def draw_pose(rng: np.random.Generator) -> ProbePose:
    """A pose as a sonographer finds it: near the apex, rarely exactly on the axis."""
    return ProbePose(
        away_mm=float(rng.uniform(19, 30)),
        aside_mm=(float(rng.normal(0, 4)), float(rng.normal(0, 4))),
        aim_degrees=(float(np.clip(rng.normal(0, 5), -10, 10)), float(np.clip(rng.normal(0, 4), -8, 8))),
        turn_degrees=float(rng.normal(0, 9)),
    )


def draw_protocol(rng: np.random.Generator, form: HeartForm, pose: ProbePose) -> EchoProtocol:
    """Settings that bring the ventricle and part of the atrium into the image."""
    length = float(form.lv[1])
    return EchoProtocol(
        depth_mm=float(np.clip(pose.away_mm + length + rng.uniform(30, 55), 100, 220)),
        azimuth_degrees=float(rng.uniform(62, 76)),
        elevation_degrees=float(rng.uniform(54, 66)),
        frequency_mhz=float(rng.uniform(1.7, 3.4)),
        dynamic_range_db=float(rng.uniform(50, 66)),
        gain_db=float(rng.normal(0, 3)),
        pulse_mm=float(rng.uniform(1.0, 1.8)),
        beam_degrees=float(rng.uniform(1.8, 3.2)),
        harmonic_haze=float(rng.uniform(0.2, 1.1)),
        tgc_error=float(rng.uniform(0, 0.5)),
    )


def echo_spacing_mm(shape_kji: tuple[int, int, int], protocol: EchoProtocol) -> float:
    """Edge of the cubes so that the whole pyramid fits into the grid.

    Raises:
        ParameterError: if the grid has fewer than 8 voxels along an axis.
    """
    if len(shape_kji) != 3 or min(shape_kji) < 8 or max(shape_kji) > 1024:
        raise ParameterError(f"An echo's grid has 8 to 1024 voxels along each of K, J, I; {shape_kji} were asked for.")
    # Widest where the corner beams' depth ends: at the range's end on the axis of the other angle.
    across = 2 * protocol.depth_mm * np.sin(np.deg2rad(protocol.azimuth_degrees / 2))
    above = 2 * protocol.depth_mm * np.sin(np.deg2rad(protocol.elevation_degrees / 2))
    k, j, i = shape_kji
    return float(max(protocol.depth_mm / k, across / j, above / i))


def echo_grid(shape_kji: tuple[int, int, int], spacing_mm: float) -> Geometry:
    """K goes down from the probe, J along the azimuth (drawn to the left), I along the elevation (to the front).

    An echo has no place in the patient: the probe's point is the origin.
    """
    directions = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    first = np.array([-(shape_kji[2] - 1) / 2, -(shape_kji[1] - 1) / 2, 0.5]) * spacing_mm
    return Geometry.from_spacing(shape_kji, (spacing_mm,) * 3, (directions @ first).tolist(), directions)


def render_echo(
    anatomy: HeartAnatomy,
    rng: np.random.Generator,
    *,
    shape_kji: tuple[int, int, int] = SMALL,
    pose: ProbePose | None = None,
    protocol: EchoProtocol | None = None,
    speckle_rng: np.random.Generator | None = None,
) -> tuple[Volume, Mask]:
    """A 3-D echo (uint8) of a heart and its LV labels: 1 myocardium, 2 cavity.

    Args:
        anatomy: the heart at its phase.
        rng: source of pose, settings, echogenicity and shadows.
        shape_kji: grid: depth, azimuth, elevation; `SMALL` or `FULL` or any other.
        pose, protocol: fixed instead of drawn.
        speckle_rng: makes speckle and noise instead of ``rng``.
    """
    form = heart_form(anatomy)
    pose = draw_pose(rng) if pose is None else pose
    protocol = draw_protocol(rng, form, pose) if protocol is None else protocol
    spacing = echo_spacing_mm(shape_kji, protocol)
    grid = echo_grid(shape_kji, spacing)
    probe, axes = probe_frame(form, pose)
    labels = _labels(form, shape_kji, spacing, probe, axes)
    # Finer than a voxel, coarser than the pulse: a small grid gets coarser speckle, as a smaller image has.
    range_step = max(0.42 * protocol.pulse_mm, 0.5 * spacing)
    angle_step = max(0.42 * protocol.beam_degrees, 0.8 * float(np.rad2deg(spacing / (0.75 * protocol.depth_mm))))
    beams = BeamGrid.covering(protocol, range_step, angle_step)
    protocol = replace(
        protocol, pulse_mm=min(6.0, max(protocol.pulse_mm, 1.5 * range_step)),
        beam_degrees=min(8.0, max(protocol.beam_degrees, 1.5 * angle_step)),
    )  # fmt: skip
    points = (beams.positions().reshape(-1, 3) @ axes.astype(np.float32)) + probe.astype(np.float32)
    tissue = evaluate_points(form, points, range_step, _echogenicity(rng)).painted
    assert tissue is not None
    scatter = tissue.reshape(beams.shape)
    reflect = specular(scatter, beams)
    absorb = np.where(scatter < 0.12, 0.18, 0.55).astype(np.float32)
    grown = scatter * (0.62 + 1.1 * np.minimum(reflect * 3.0, 0.6)) * _uneven(beams, rng)
    samples = echo_image(
        grown, np.float32(rng.uniform(1.6, 3.2)) * reflect, absorb, beams, protocol,
        rng if speckle_rng is None else speckle_rng, _shadows(beams, rng),
    )  # fmt: skip
    voxels = np.rint(to_cubes(samples, beams, shape_kji, spacing) * 255).astype(np.uint8)
    volume = Volume(
        voxels, grid, modality="US", quantity="echo amplitude", name="heart phantom echo", window=(128.0, 256.0)
    )
    return volume, echo_mask(labels, grid)


def probe_frame(form: HeartForm, pose: ProbePose) -> tuple[Floats, Floats]:
    """The probe's point in RAS mm, and the rows azimuth, elevation, depth as unit vectors in RAS."""
    toward_base = -np.asarray(form.long_axis)
    lateral = -np.asarray(form.septal_axis)
    upper = np.cross(toward_base, lateral)
    probe = np.asarray(form.apex) - pose.away_mm * toward_base + pose.aside_mm[0] * lateral + pose.aside_mm[1] * upper
    first, second = np.tan(np.deg2rad(pose.aim_degrees))
    # Held aside, the probe is aimed back at the middle of the ventricle.
    middle = np.asarray(form.apex) + 0.5 * float(form.lv[1]) * toward_base
    depth = unit(unit(middle - probe) + first * lateral + second * upper)
    azimuth = unit(lateral - depth * (lateral @ depth))
    elevation = np.cross(depth, azimuth)
    turn = np.deg2rad(pose.turn_degrees)
    azimuth, elevation = (
        np.cos(turn) * azimuth + np.sin(turn) * elevation, np.cos(turn) * elevation - np.sin(turn) * azimuth
    )
    return np.asarray(probe), np.stack([azimuth, elevation, depth])


def echo_mask(labels: npt.NDArray[np.uint8], grid: Geometry) -> Mask:
    """Labels 1 (LV myocardium) and 2 (LV cavity) as a segmentation."""
    segments = (
        Segment("LV myocardium", label=MYOCARDIUM, colour=(0.93, 0.86, 0.51),
                terminology=Terminology(_ANATOMY, Code("SCT", "74281007", "Myocardium"))),
        Segment("LV cavity", label=CAVITY, colour=(0.86, 0.2, 0.18),
                terminology=Terminology(_ANATOMY, Code("SCT", "87878005", "Left ventricle"))),
    )  # fmt: skip
    return Mask(labels, grid, segments, name="heart phantom LV")


def echo_case(
    rng: np.random.Generator,
    *,
    shape_kji: tuple[int, int, int] = SMALL,
    pathology: str | None = None,
    anatomy: HeartAnatomy | None = None,
    speckle_rng: np.random.Generator | None = None,
) -> tuple[Volume, Mask, dict[str, float]]:
    """One drawn case at end diastole or end systole: echo, LV labels and measures (phantom truth).

    Measures: "lv_volume_ml" and "myocardium_ml" are counted in the label map, so a ventricle partly outside the
    pyramid counts by what lies within; "lv_true_volume_ml" is the whole cavity's; "wall_thickness_mm" the free wall's,
    "septum_mm" the septum's at this phase; "myocardium_g"; "ejection_fraction_percent"; "age_years"; "phase".

    Args:
        rng: source of everything that is drawn.
        shape_kji: grid (depth, azimuth, elevation).
        pathology: drawn when None.
        anatomy: used as it is, at its phase.
        speckle_rng: makes speckle and noise instead of ``rng``.
    """
    if anatomy is None:
        anatomy = draw_anatomy(rng, pathology).at(0.0 if rng.random() < 0.5 else END_SYSTOLE)
    volume, mask = render_echo(anatomy, rng, shape_kji=shape_kji, speckle_rng=speckle_rng)
    form = heart_form(anatomy)
    millilitres = np.bincount(mask.layers[0].reshape(-1), minlength=3) * (mask.geometry.voxel_volume_mm3 / 1000)
    return volume, mask, {
        "lv_volume_ml": float(millilitres[CAVITY]),
        "myocardium_ml": float(millilitres[MYOCARDIUM]),
        "myocardium_g": float(millilitres[MYOCARDIUM] * MYOCARDIUM_G_PER_ML),
        "lv_true_volume_ml": moment(anatomy).lv_ml,
        "wall_thickness_mm": float(form.lv[3]),
        "septum_mm": float(form.lv[4]),
        "ejection_fraction_percent": anatomy.ejection_fraction_percent,
        "age_years": anatomy.age_years,
        "phase": anatomy.phase,
        "spacing_mm": mask.geometry.spacing_kji_mm[0],
    }  # fmt: skip


def _labels(
    form: HeartForm, shape_kji: tuple[int, int, int], spacing: float, probe: Floats, axes: Floats
) -> npt.NDArray[np.uint8]:
    depth, azimuth, elevation = (
        np.asarray((np.arange(n) + 0.5 - (0 if axis == 0 else n / 2)) * spacing, dtype=np.float32)
        for axis, n in enumerate(shape_kji)
    )
    out = np.zeros(shape_kji, dtype=np.uint8)
    rows = axes.astype(np.float32)
    plane = (azimuth[:, None, None] * rows[0] + elevation[None, :, None] * rows[1]).reshape(-1, 3)
    plane += probe.astype(np.float32)
    slab = max(1, 400_000 // len(plane))
    table = np.zeros(surfaces.LABELS + 1, dtype=np.uint8)
    table[surfaces.MYO + 1], table[surfaces.LV + 1] = MYOCARDIUM, CAVITY
    for start in range(0, shape_kji[0], slab):
        stop = min(start + slab, shape_kji[0])
        points = (depth[start:stop, None, None] * rows[2] + plane).reshape(-1, 3)
        out[start:stop] = table[evaluate_points(form, points, spacing).labels].reshape(stop - start, *shape_kji[1:])
    return out


def _echogenicity(rng: np.random.Generator) -> Floats:
    """Amplitude of the speckle of every structure, 1 for myocardium."""
    values = np.zeros(kind.ALL_VALUES)
    values[: surfaces.STRUCTURES] = rng.uniform(0.006, 0.018)  # blood
    values[surfaces.MYO] = rng.uniform(0.8, 1.15)
    values[surfaces.PAPILLARY] = 0.75 * values[surfaces.MYO]
    values[surfaces.WALL] = 0.9 * values[surfaces.MYO]
    values[surfaces.VALVE] = 1.5
    values[surfaces.EPICARDIAL_FAT] = rng.uniform(0.4, 0.8)
    values[kind.OUTSIDE] = rng.uniform(0.08, 0.3)
    return values


def _uneven(beams: BeamGrid, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Smooth gain of a few dB over the pyramid, weaker toward its edges."""
    from scipy import ndimage

    coarse = rng.standard_normal((5, 5, 5)).astype(np.float32)
    smooth = ndimage.zoom(coarse, [n / 5 for n in beams.shape], order=1)
    side = (beams.elevations[:, None] / beams.elevations[-1]) ** 2 + (beams.azimuths[None, :] / beams.azimuths[-1]) ** 2
    decibel = 4.2 * smooth - 6.0 * np.clip(side, 0, 2)[None] ** 1.5
    return np.asarray(10 ** (decibel / 20), dtype=np.float32)


def _shadows(beams: BeamGrid, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Beams blocked by a rib or by lung at the pyramid's edge: (elevation, azimuth), 0..1."""
    e = beams.elevations[:, None] / beams.elevations[-1]
    a = beams.azimuths[None, :] / beams.azimuths[-1]
    blocked = np.zeros((beams.elevations.size, beams.azimuths.size))
    for chance, strength in ((0.65, rng.uniform(0.9, 1.0)), (0.5, rng.uniform(0.4, 0.85))):
        if rng.random() < chance:
            side = rng.uniform(0, 2 * np.pi)
            edge = rng.uniform(0.42, 0.95)
            off = np.cos(side) * a + np.sin(side) * e
            blocked = np.maximum(blocked, strength / (1 + np.exp(-(off - edge) / 0.07)))
    return np.asarray(blocked, dtype=np.float32)

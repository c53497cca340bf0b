"""From a heart's numbers to its surfaces: where each chamber, valve and vessel lies.

Frame: RAS millimetres. R = 0 is the body's midline; the mitral valve of an average heart at end diastole lies at
(-28, 0, 0). The long axis of the left ventricle points from there to the left, forward and down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synthetic_imaging.phantoms.heart import surfaces
from synthetic_imaging.phantoms.heart.anatomy import HeartAnatomy
from synthetic_imaging.phantoms.heart.motion import moment
from synthetic_imaging.phantoms.heart.shapes import Shapes, groups_of, unit
from synthetic_imaging.phantoms.heart.ventricle import TIP, lv_size, wall_scale
from synthetic_imaging.phantoms.heart.vessels import add_appendage, add_coronaries, add_great_vessels

Floats = npt.NDArray[np.float64]

_APEX = (-0.62, 0.60, -0.50)
_TOWARD_RIGHT_VENTRICLE = (0.70, 0.70, -0.10)
_MITRAL = (-28.0, 0.0, 0.0)
_OPEN = (
    (surfaces.LA, surfaces.LV), (surfaces.RA, surfaces.RV), (surfaces.LV, surfaces.AO), (surfaces.RV, surfaces.PA),
    (surfaces.LA, surfaces.LAA), (surfaces.LA, surfaces.VEIN), (surfaces.RA, surfaces.SVC),
    (surfaces.RA, surfaces.IVC), (surfaces.AO, surfaces.DESCENDING),
)  # fmt: skip


@dataclass(frozen=True)
class Scales:
    """Corrections of the chambers' linear sizes and of the LV's wall (`calibration`); by default an average heart's."""

    la: float = 0.92
    lv: float = 0.99
    ra: float = 1.1
    rv: float = 0.97
    wall: float = 1.0


AVERAGE = Scales()


@dataclass(frozen=True, eq=False)
class HeartForm:
    """Surfaces as the arrays that `surfaces.evaluate` reads, and landmarks in RAS mm.

    Attributes:
        frame: base centre at end diastole, then the axes toward the septum, the front-top wall and the apex.
        lv, shapes, groups, cuts, waves, walls: see `surfaces`.
        centre: middle of the heart.
        apex: tip of the LV's cavity; mitral: centre of the mitral valve at this phase.
        long_axis: unit vector from base to apex; septal_axis: from the LV toward the RV.
    """

    frame: Floats
    lv: Floats
    shapes: Floats
    groups: Floats
    cuts: Floats
    waves: Floats
    walls: Floats
    centre: tuple[float, float, float]
    apex: tuple[float, float, float]
    mitral: tuple[float, float, float]
    long_axis: tuple[float, float, float]
    septal_axis: tuple[float, float, float]

    @property
    def arrays(self) -> tuple[Floats, ...]:
        """The arrays in the order in which the kernels take them."""
        return (self.frame, self.lv, self.shapes, self.groups, self.cuts, self.waves, self.walls)


def heart_axes(anatomy: HeartAnatomy) -> Floats:
    """Rows: toward the right ventricle, toward the front-top wall, toward the apex (unit vectors, RAS)."""
    turn, tilt, roll = np.deg2rad(
        [anatomy.axis_rotation_degrees, anatomy.axis_tilt_degrees, anatomy.axis_roll_degrees]
    )
    apex, right = unit(np.array(_APEX)), np.array(_TOWARD_RIGHT_VENTRICLE)
    about_foot_head = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    apex, right = about_foot_head @ apex, about_foot_head @ right
    apex = unit(apex * np.cos(tilt) + np.array([0, 0, 1.0]) * np.sin(tilt))
    right = unit(right - apex * (right @ apex))
    top = np.cross(right, apex)
    top = top if top[2] > 0 else -top
    right = unit(right * np.cos(roll) + top * np.sin(roll))
    top = unit(np.cross(right, apex))
    return np.stack([right, top if top[2] > 0 else -top, apex])


@lru_cache(maxsize=64)
def build_form(anatomy: HeartAnatomy, scales: Scales = AVERAGE) -> HeartForm:
    """The surfaces of a heart at its phase."""
    now = moment(anatomy)
    axes = heart_axes(anatomy)
    right, top, down = axes
    whole = (anatomy.body_surface_m2 / 1.9) ** (1 / 3)
    base_at_rest = np.array(_MITRAL) * whole
    full_length, full_radius = lv_size(anatomy)
    drop = full_length * now.shortening
    length = full_length - drop
    narrower = np.sqrt(now.lv_ml / anatomy.lv_end_diastolic_volume_ml * full_length / length)
    radius = float(full_radius * narrower * scales.lv)
    base = base_at_rest + drop * down

    def place(toward_right: float, toward_top: float, toward_apex: float) -> Floats:
        """Heart coordinates, in mm from the mitral valve, to RAS."""
        return np.asarray(base + toward_right * right + toward_top * top + toward_apex * down)

    thicker = wall_scale(anatomy, length, radius) * scales.wall
    free, septum = anatomy.free_wall_mm * thicker, anatomy.septum_mm * thicker
    rng = np.random.default_rng([anatomy.variation_seed, 4])
    ridges = min(anatomy.roughness_mm * (1 + 0.3 * now.contraction), 0.05 * radius)
    lv = np.array([
        drop, length, radius, free, septum, TIP * free, ridges,
        rng.uniform(0, 2 * np.pi), rng.uniform(0.94, 1.04), rng.normal(0.15, 0.12), 1.8, 0.0,
    ])  # fmt: skip
    frame = np.concatenate([base_at_rest, right, top, down])
    made = Shapes()
    outer = radius + septum
    root = 0.5 * anatomy.aortic_root_mm
    ring = 0.80 * min(root, 0.72 * full_radius)  # an aneurysm spares the valve's ring

    # Left ventricle's outflow tract and aortic valve.
    valve = place(0.30 * radius + 0.30 * ring, 0.62 * radius, -5.0)
    aortic_axis = unit(-0.62 * down + 0.42 * right * 0.4 + np.array([0.05, 0.05, 0.62]))
    below = place(0.22 * radius, 0.40 * radius, 14.0)
    made.capsule(surfaces.LV, below, valve + 3 * aortic_axis, 0.92 * ring, ring, 5.0)
    made.cut(surfaces.LV, valve, aortic_axis)

    # Left atrium: behind and above, flattened from front to back, its mouth at the mitral valve.
    la_size = (now.la_ml / 62.0) ** (1 / 3) * scales.la
    la = base + np.array([18.0, -21.0, 9.0]) * (0.35 + 0.65 * la_size)
    upright = np.eye(3)
    made.ellipsoid(surfaces.LA, la, upright, (29 * la_size, 19.5 * la_size, 26 * la_size))
    made.capsule(surfaces.LA, la - 0.1 * (la - base), place(-3.0, -3.0, 2.0), 15 * la_size, 0.62 * full_radius, 9.0)
    made.cut(surfaces.LA, base, down)

    # Right ventricle: wrapped about the septum, open to the right atrium behind and the pulmonary trunk above.
    rv_size = (now.rv_ml / 170.0) ** (1 / 3) * scales.rv
    beside = max(outer - 6.0, 22.0)
    reach = 41.0 * rv_size
    heart_rows = np.stack([right, top, down])
    tilted = unit(0.93 * down - 0.34 * right)
    tricuspid = place(beside + 0.42 * reach, -0.30 * reach, 3.0)
    made.ellipsoid(
        surfaces.RV, place(beside - 0.22 * reach, -5.0, 0.34 * length), heart_rows,
        (reach * 1.02, 0.98 * reach + 2.0, (0.60 * full_length) * (0.5 + 0.5 * rv_size) * (length / full_length)),
    )  # fmt: skip
    trunk = 0.5 * anatomy.pulmonary_artery_mm
    at_rest = np.asarray(base_at_rest + 0.35 * drop * down)
    aortic_at_rest = at_rest + (0.30 * full_radius + 0.30 * ring) * right + 0.62 * full_radius * top - 5.0 * down
    apart = root + trunk + 2.0
    pulmonary = aortic_at_rest + apart * unit(np.array([-0.30, 0.72, 0.30])) + np.array([0, 0, 6.0])
    pulmonary_axis = unit(np.array([-0.08, -0.50, 0.80]))
    made.capsule(
        surfaces.RV, place(beside + 0.10 * reach, 0.42 * reach, 0.30 * length), pulmonary + 3 * pulmonary_axis,
        0.46 * reach, 0.98 * trunk, 14.0,
    )  # fmt: skip
    made.cut(surfaces.RV, tricuspid, -tilted)
    made.cut(surfaces.RV, pulmonary, pulmonary_axis)

    # Right atrium: the heart's right border, behind the tricuspid valve.
    ra_size = (now.ra_ml / 85.0) ** (1 / 3) * scales.ra
    ra = tricuspid + np.array([9.0, -17.0, 8.0]) * (0.35 + 0.65 * ra_size) - 0.30 * drop * down
    made.ellipsoid(surfaces.RA, ra, upright, (24 * ra_size, 25 * ra_size, 30 * ra_size))
    made.capsule(surfaces.RA, ra, tricuspid + 2 * tilted, 17 * ra_size, 0.42 * reach, 8.0)
    made.cut(surfaces.RA, tricuspid, tilted)

    add_great_vessels(
        made, anatomy, whole, ring, (valve, aortic_axis), (pulmonary, pulmonary_axis), (la, la_size), (ra, ra_size)
    )
    add_appendage(made, anatomy, la, la_size, rng)
    add_coronaries(made, valve, root, place, radius, free, length)
    for angle, level in ((2.35, 0.52), (-2.2, 0.50)):  # front-lateral and back-middle papillary muscles
        side = np.array([np.cos(angle), np.sin(angle)]) * radius
        head = place(0.52 * side[0], 0.52 * side[1], (level - 0.10) * length)
        foot = place(0.86 * side[0], 0.86 * side[1], (level + 0.16) * length)
        made.capsule(surfaces.PAPILLARY, head, foot, 0.10 * full_radius + 0.8, 0.19 * full_radius + 0.8)

    walls = np.full((surfaces.STRUCTURES, surfaces.STRUCTURES), 2.0)
    walls[surfaces.RV, :] = walls[:, surfaces.RV] = 2.6
    for one, other in _OPEN:
        walls[one, other] = walls[other, one] = 0.0
    for atrium, vein in ((surfaces.RA, surfaces.SVC), (surfaces.RA, surfaces.IVC), (surfaces.LA, surfaces.VEIN)):
        walls[atrium, vein] = -1.0  # a vein ends at its atrium, not the atrium at the vein
    apex = place(0, 0, length)
    table = made.table()
    return HeartForm(
        frame, lv, table, groups_of(table), made.cuts(), _waves(anatomy), walls,
        centre=_three(base_at_rest + 0.30 * full_length * down + 12.0 * right), apex=_three(apex), mitral=_three(base),
        long_axis=_three(down), septal_axis=_three(right),
    )  # fmt: skip


def _three(point: Floats) -> tuple[float, float, float]:
    r, a, s = point
    return (float(r), float(a), float(s))


def _waves(anatomy: HeartAnatomy) -> Floats:
    """Plane waves whose sum moves every surface smoothly: lengths 45 to 130 mm."""
    rng = np.random.default_rng([anatomy.variation_seed, 3])
    count = 6
    directions = rng.standard_normal((count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths = np.geomspace(45, 130, count)
    waves = np.empty((count, 7))
    waves[:, :3] = directions / lengths[:, None]
    waves[:, 3] = rng.uniform(0, 1, count)
    pushes = rng.standard_normal((count, 3))
    pushes /= np.linalg.norm(pushes, axis=1, keepdims=True)
    waves[:, 4:] = pushes * (anatomy.variation_mm * np.sqrt(2.0 / count) * lengths / lengths.mean())[:, None]
    return waves

"""Signed distances to the heart's surfaces, evaluated point by point in one compiled pass.

A structure is a smooth union of ellipsoids and tapered capsules, cut by the planes of its valves; the left ventricle
is a pair of half ellipsoids whose inner one is ridged. Neighbours that do not open into each other are kept a wall
apart at the surface half way between them, so no voxel belongs to two. Distances are first-order: right at a surface,
approximate away from it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from synthetic_imaging.kernels import REORDERED, kernel, prange
from synthetic_imaging.phantoms.heart.thorax_kernel import covered, paint_thorax

# Structures; the first eight are labels 1..8.
LA, LV, RA, RV, MYO, AO, PA, LAA, VEIN, SVC, IVC, DESCENDING, CORONARY, PAPILLARY = range(14)
STRUCTURES = 14
LABELS = 8
WALL, EPICARDIAL_FAT, VALVE = 14, 15, 16  # further entries of the painted values
HEART_VALUES = 17
FAR = 1000.0

# Columns of a shape: kind, structure, blend mm, bounding centre, bounding radius squared, then its own numbers.
CAPSULE, ELLIPSOID = 0.0, 1.0
SHAPE_COLUMNS = 22
# A surface further away than this is not looked at closely.
REACH_MM = 16.0


@kernel(fastmath=REORDERED)
def smooth_least(a: float, b: float, blend: float) -> Any:
    """The smaller of two distances, rounded off where they meet (polynomial of Quilez)."""
    apart = abs(a - b)
    if blend <= 0 or apart >= blend:
        return min(a, b)
    h = (blend - apart) / blend
    return min(a, b) - h * h * blend * 0.25


@kernel(fastmath=REORDERED)
def ripple(turns: float) -> Any:
    """A wave of amplitude one and period one made of parabolas: a sine to the eye, at a tenth of its cost."""
    x = turns - math.floor(turns) - 0.5
    return 16.0 * x * (0.5 - abs(x))


@kernel(fastmath=REORDERED)
def _ellipsoid(x: float, y: float, z: float, a: float, b: float, c: float) -> Any:
    xa, yb, zc = x / a, y / b, z / c
    k0 = math.sqrt(xa * xa + yb * yb + zc * zc)
    k1 = math.sqrt((xa / a) ** 2 + (yb / b) ** 2 + (zc / c) ** 2)
    if k1 < 1e-9:
        return -min(a, b, c)
    return k0 * (k0 - 1.0) / k1


@kernel(fastmath=REORDERED)
def _shape(s: Any, x: float, y: float, z: float) -> Any:
    bx, by, bz = x - s[3], y - s[4], z - s[5]
    if bx * bx + by * by + bz * bz > s[6]:
        return FAR
    x, y, z = x - s[7], y - s[8], z - s[9]
    if s[0] == CAPSULE:
        t = (x * s[10] + y * s[11] + z * s[12]) * s[15]
        t = min(max(t, 0.0), 1.0)
        dx, dy, dz = x - t * s[10], y - t * s[11], z - t * s[12]
        return math.sqrt(dx * dx + dy * dy + dz * dz) - (s[13] + t * s[14])
    return _ellipsoid(
        x * s[10] + y * s[11] + z * s[12], x * s[13] + y * s[14] + z * s[15], x * s[16] + y * s[17] + z * s[18],
        s[19], s[20], s[21],
    )  # fmt: skip


@kernel(fastmath=REORDERED)
def _ventricle(frame: Any, lv: Any, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Distances to the cavity (cut at the base), to the outer surface, and to the plane of the base."""
    wx, wy, wz = x - frame[0], y - frame[1], z - frame[2]
    p = wx * frame[3] + wy * frame[4] + wz * frame[5]
    q = wx * frame[6] + wy * frame[7] + wz * frame[8]
    depth = wx * frame[9] + wy * frame[10] + wz * frame[11] - lv[0]  # from the base toward the apex
    length, radius = lv[1], lv[2]
    bound = max(0.5 * length, 1.05 * radius) + max(lv[3], lv[4]) + 2.0 * REACH_MM
    if p * p + q * q + (depth - 0.5 * length) ** 2 > bound * bound:
        return FAR, FAR, FAR
    angle = math.atan2(q, p)
    middle = 0.3 * length
    along = depth - middle
    share = min(max(depth / length, 0.0), 1.0)
    uneven = 0.55 + 0.45 * math.cos(2 * angle + lv[7] + 4.0 * share)
    ridge = math.cos(7 * angle + lv[7] + 3.0 * share) + math.cos(11 * angle - 8.0 * share)
    ridge *= lv[6] * (0.35 + share) * uneven
    inner = radius + ridge
    half = 0.7 * length if along > 0 else 0.62 * length
    cavity = _ellipsoid(p, q, along, inner, inner * lv[8], half)
    toward_septum = min(max((0.5 + 0.5 * math.cos(angle - lv[9]) - 0.3) / 0.6, 0.0), 1.0)
    toward_septum = toward_septum * toward_septum * (3 - 2 * toward_septum)
    wall = lv[3] + (lv[4] - lv[3]) * toward_septum * (1.0 - 0.45 * share)
    wall *= 1.0 - 0.3 * share * share
    tip = lv[5]
    outer_half = half + (tip if along > 0 else wall)
    outer = _ellipsoid(p, q, along, radius + wall, radius * lv[8] + wall, outer_half)
    base = -(depth - lv[10] * math.cos(2 * angle))
    return max(cavity, base), outer, base


@kernel(fastmath=REORDERED)
def distances(
    frame: Any, lv: Any, shapes: Any, groups: Any, cuts: Any, waves: Any, walls: Any, x: float, y: float, z: float,
    raw: Any, d: Any,
) -> Any:  # fmt: skip
    """Signed distances in mm (negative inside) of one point to every structure, in ``d``; ``raw`` is scratch.

    Returns the distance to the epicardial fat's outer surface (the pericardium).
    """
    dx, dy, dz = 0.0, 0.0, 0.0
    for w in range(waves.shape[0]):
        s = ripple(waves[w, 0] * x + waves[w, 1] * y + waves[w, 2] * z + waves[w, 3])
        dx += waves[w, 4] * s
        dy += waves[w, 5] * s
        dz += waves[w, 6] * s
    x, y, z = x + dx, y + dy, z + dz
    for i in range(STRUCTURES):
        raw[i] = FAR
    cavity, outer, base = _ventricle(frame, lv, x, y, z)
    raw[LV] = cavity
    for g in range(groups.shape[0]):
        if (
            x < groups[g, 2] or y < groups[g, 3] or z < groups[g, 4]
            or x > groups[g, 5] or y > groups[g, 6] or z > groups[g, 7]
        ):  # fmt: skip
            continue
        for n in range(int(groups[g, 0]), int(groups[g, 1])):
            found = _shape(shapes[n], x, y, z)
            if found < FAR:
                i = int(shapes[n, 1])
                raw[i] = smooth_least(raw[i], found, shapes[n, 2])
    for n in range(cuts.shape[0]):
        i = int(cuts[n, 0])
        if raw[i] < REACH_MM:
            beyond = (
                (x - cuts[n, 1]) * cuts[n, 4] + (y - cuts[n, 2]) * cuts[n, 5] + (z - cuts[n, 3]) * cuts[n, 6]
            )
            raw[i] = max(raw[i], beyond)
    muscle = max(outer, base)
    for i in range(STRUCTURES):
        if i != LV and i != PAPILLARY and raw[i] < FAR:
            raw[i] = max(raw[i], 0.3 - (outer if i == RV else muscle))
    raw[MYO] = max(muscle, -raw[LV])
    for i in range(STRUCTURES):
        here = raw[i]
        if here < 4.0 and i != MYO and i != PAPILLARY:
            for j in range(CORONARY):
                if j != i and j != MYO and walls[i, j] >= 0:
                    here = max(here, 0.5 * (raw[i] - raw[j] + walls[i, j]))
        d[i] = here
    sac = smooth_least(outer, raw[RV] - 2.0, 16.0)
    sac = smooth_least(sac, raw[RA] - 1.0, 16.0)
    sac = smooth_least(sac, raw[LA] + 1.0, 12.0)
    sac = smooth_least(sac, raw[AO] + 1.0, 10.0)
    sac = smooth_least(sac, raw[PA] + 1.0, 10.0)
    sac = smooth_least(sac, raw[LAA] - 1.0, 8.0)
    return sac - 2.0


@kernel(fastmath=REORDERED)
def _label(d: Any) -> int:
    best, found = 0.0, 0
    for i in range(LABELS):
        if d[i] < best:
            best, found = d[i], i + 1
    return found


@kernel(parallel=True, fastmath=REORDERED)
def measure_volumes(
    frame: Any, lv: Any, shapes: Any, groups: Any, cuts: Any, waves: Any, walls: Any, low: Any, step: float,
    count: Any, out: Any,
) -> None:  # fmt: skip
    """Volumes in mm3 of the eight structures on a grid of ``count`` points (R, A, S) into ``out`` (rows, 8)."""
    for a in prange(count[0]):
        raw, d = np.empty(STRUCTURES), np.empty(STRUCTURES)
        x = low[0] + step * a
        for b in range(count[1]):
            for c in range(count[2]):
                distances(
                    frame, lv, shapes, groups, cuts, waves, walls, x, low[1] + step * b, low[2] + step * c, raw, d
                )
                for i in range(LABELS):
                    if d[i] < 0.5 * step:
                        out[a, i] += min(1.0, 0.5 - d[i] / step) * step**3


@kernel(parallel=True, fastmath=REORDERED)
def evaluate(
    frame: Any, lv: Any, shapes: Any, groups: Any, cuts: Any, waves: Any, walls: Any, points: Any, size: float,
    painting: int, values: Any, mixing: Any, mixing_waves: Any, thorax: Any, airways: Any, labels: Any, painted: Any,
) -> None:  # fmt: skip
    """Labels, and painted values where ``painting`` is 1 (heart alone) or 2 (heart in its thorax).

    Args:
        frame, lv, shapes, groups, cuts, waves, walls: surfaces (see `form.HeartForm`).
        points: (N, 3) positions in mm (R, A, S).
        size: edge of a voxel in mm: over this distance an edge fades (partial volume).
        values: number of each structure (`HEART_VALUES`), then of the thorax's tissues.
        mixing: how much contrast varies within each structure's blood.
        mixing_waves: (W, 4) plane waves along which it varies.
        thorax, airways: numbers and tubes of the surroundings.
        labels, painted: (N,) results, uint8 and float32.
    """
    block = 256
    blocks = (points.shape[0] + block - 1) // block
    for chunk in prange(blocks):
        raw, d = np.empty(STRUCTURES), np.empty(STRUCTURES)
        for n in range(chunk * block, min((chunk + 1) * block, points.shape[0])):
            x, y, z = float(points[n, 0]), float(points[n, 1]), float(points[n, 2])
            sac = distances(frame, lv, shapes, groups, cuts, waves, walls, x, y, z, raw, d)
            labels[n] = _label(d)
            if painting == 0:
                continue
            value = values[HEART_VALUES]
            if painting == 2:
                vessels = min(raw[AO], raw[PA] + 3.0, raw[SVC] + 1.0, raw[IVC] + 2.0, raw[DESCENDING] + 3.0)
                value = paint_thorax(thorax, airways, values, x, y, z, sac, vessels, size)
                value += (values[WALL] - value) * covered(abs(sac) - 0.7, size)
            value += (values[EPICARDIAL_FAT] - value) * covered(sac + 0.7, size)
            wall = min(d[RV] - 3.2, d[RA] - 2.0, d[LA] - 2.0, d[LAA] - 1.0, d[AO] - 1.6, d[PA] - 1.4)
            wall = min(wall, d[DESCENDING] - 1.6, d[SVC] - 1.0, d[IVC] - 1.0, d[VEIN] - 0.8)
            wall = min(wall, d[CORONARY] - 0.5)
            # The fibrous centre of the heart fills the corner between the atria, the aorta and the ventricles.
            corner = smooth_least(smooth_least(raw[LA], raw[RA], 16.0), smooth_least(raw[AO], raw[LV], 10.0), 16.0)
            wall = min(wall, corner - 0.5)
            value += (values[WALL] - value) * covered(wall, size)
            value += (values[MYO] - value) * covered(d[MYO], size)
            for i in range(PAPILLARY):
                if i != MYO and d[i] < 0.5 * size:
                    blood = values[i]
                    if mixing[i] != 0:
                        swirl = 0.0
                        for w in range(mixing_waves.shape[0]):
                            swirl += ripple(
                                mixing_waves[w, 0] * x + mixing_waves[w, 1] * y + mixing_waves[w, 2] * z
                                + mixing_waves[w, 3]
                            )  # fmt: skip
                        blood += mixing[i] * swirl / mixing_waves.shape[0]
                    value += (blood - value) * covered(d[i], size)
            value += (values[PAPILLARY] - value) * covered(max(d[PAPILLARY], d[LV]), size)
            if painting == 1:  # closed valves: thin sheets where two chambers meet
                sheet = min(max(d[LA], d[LV]), max(d[RA], d[RV]), max(d[AO], d[LV]), max(d[PA], d[RV]))
                value += (values[VALVE] - value) * covered(sheet - 0.8, size)
            painted[n] = value


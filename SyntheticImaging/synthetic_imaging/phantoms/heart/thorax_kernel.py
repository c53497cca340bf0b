"""What surrounds the heart, point by point: chest wall, lungs, mediastinum, bones, diaphragm."""

from __future__ import annotations

import math
from typing import Any

from synthetic_imaging.kernels import REORDERED, kernel

# Places of the painted values of the thorax, after the heart's own (see `surfaces.HEART_VALUES`).
OUTSIDE, FAT, MUSCLE, LUNG, MARROW, CORTEX, LIVER, MEDIASTINUM, LUNG_VESSEL, CARTILAGE = range(17, 27)
ALL_VALUES = 27


@kernel(fastmath=REORDERED)
def covered(distance: float, size: float) -> Any:
    """Share of a voxel of edge ``size`` that lies inside a surface ``distance`` away: 0 to 1."""
    return min(1.0, max(0.0, 0.5 - distance / size))


@kernel(fastmath=REORDERED)
def _oval(x: float, y: float, a: float, b: float) -> Any:
    """Distance to a rounded rectangle-like oval (exponent 2.6)."""
    k = (abs(x / a) ** 2.6 + abs(y / b) ** 2.6) ** (1.0 / 2.6)
    return (k - 1.0) * min(a, b)


@kernel(fastmath=REORDERED)
def _ball(x: float, y: float, z: float, a: float, b: float, c: float) -> Any:
    k = math.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
    return (k - 1.0) * min(a, b, c)


@kernel(fastmath=REORDERED)
def paint_thorax(
    t: Any, airways: Any, values: Any, x: float, y: float, z: float, sac: float, vessels: float, size: float
) -> Any:
    """The painted value of one point of the thorax without the heart; ``sac`` is the distance to the pericardium,
    ``vessels`` that to the great vessels.

    ``t``: half width and half depth of the inner chest, thickness of the chest wall and of the fat, height of the
    right diaphragm, spacing and slope of the ribs, their phase, places of the front and back (sternum, spine).
    """
    half_r, half_a, thick, fat = t[0], t[1], t[2], t[3]
    centre = 0.5 * (t[8] + t[9])
    inner = _oval(x, y - centre, half_r, half_a)
    body = inner - thick - fat
    value = values[OUTSIDE]
    value += (values[FAT] - value) * covered(body, size)
    skin = max(body, -(body + 2.0))
    value += (values[MUSCLE] - value) * covered(skin, size)
    value += (values[MUSCLE] - value) * covered(inner - thick, size)
    # Ribs run downward from the spine to the sternum, one every t[5] mm.
    if -1.0 < inner < thick:
        ahead = (y - t[9]) / (t[8] - t[9])
        level = (z + t[6] * ahead + t[7]) / t[5]
        off = (level - math.floor(level) - 0.5) * t[5]
        rib = math.sqrt((off * 0.9) ** 2 + (inner - 5.0) ** 2 * 1.6) - 5.0
        rib = max(rib, 22.0 - abs(x)) if y > centre else rib
        front = y > centre and abs(x) < 62.0
        value += ((values[CARTILAGE] if front else values[CORTEX]) - value) * covered(rib, size)
        if not front:
            value += (values[MARROW] - value) * covered(rib + 1.8, size)
    # Sternum.
    if y > centre:
        sternum = _oval(x, y - t[8] - 7.0, 19.0, 6.5)
        value += (values[CORTEX] - value) * covered(sternum, size)
        value += (values[MARROW] - value) * covered(sternum + 1.6, size)
    # Lungs: the inner chest less what is in it.
    spine_y = y - t[9] + 8.0
    spine = math.sqrt((x / 1.18) ** 2 + spine_y * spine_y) - 19.0
    paraspinal = math.sqrt((x / 1.7) ** 2 + (spine_y + 16.0) ** 2) - 24.0
    # The mediastinum: narrow between the lungs in front, wide before the spine, filled out by the great vessels.
    ahead = min(max((y - t[9]) / (t[8] - t[9]), 0.0), 1.0)
    breadth = 27.0 - 34.0 * ahead + 17.0 * ahead * ahead * ahead
    middle = (abs(x - 4.0 + 3.0 * math.sin(0.06 * z)) - breadth) * 0.9
    behind = vessels - 6.0
    right = _ball(x - 0.45 * half_r, y - centre - 6.0, z - t[4] + 78.0, 0.72 * half_r, half_a + 6.0, 78.0)
    left = _ball(x + 0.5 * half_r, y - centre + 4.0, z - t[4] + 94.0, 0.66 * half_r, half_a + 2.0, 80.0)
    cavity = max(inner, -spine, -paraspinal)
    abdomen = max(min(right, left), inner)
    apart = min(middle, behind)
    blend = max(10.0 - abs(middle - behind), 0.0)
    lung = max(cavity, -(apart - blend * blend * 0.025), -(sac - 1.0), -abdomen)
    if inner < size:
        value += (values[MEDIASTINUM] - value) * covered(cavity, size)
        if lung < size:
            texture = values[LUNG]
            gravity = (centre - y) / half_a
            texture += 28.0 * gravity if values[LUNG] < -300.0 else 0.0
            value += (texture - value) * covered(lung, size)
        value += (values[MUSCLE] - value) * covered(max(abdomen - 2.0, -(sac + 1.0)), size)
        value += (values[LIVER] - value) * covered(max(abdomen, -(sac - 1.0)), size)
        if left < right and left < -4.0:  # the stomach below the left dome, lying: gas above fluid
            stomach = max(left + 9.0, -(sac - 5.0))
            content = values[OUTSIDE] + 60.0 if y > centre + 4.0 else 22.0
            value += (content - value) * covered(stomach, size)
    for n in range(airways.shape[0]):
        dx, dy, dz = x - airways[n, 1], y - airways[n, 2], z - airways[n, 3]
        far = airways[n, 9]
        if dx * dx + dy * dy + dz * dz < far:
            along = (dx * airways[n, 4] + dy * airways[n, 5] + dz * airways[n, 6]) * airways[n, 10]
            along = min(max(along, 0.0), 1.0)
            dx, dy, dz = dx - along * airways[n, 4], dy - along * airways[n, 5], dz - along * airways[n, 6]
            tube = math.sqrt(dx * dx + dy * dy + dz * dz) - airways[n, 7] - along * airways[n, 8]
            kind = int(airways[n, 0])
            if kind == LUNG:  # an airway has a wall
                value += (values[MUSCLE] - value) * covered(tube - 1.5, size)
                value += (-1000.0 - value) * covered(tube, size)
            elif kind == LUNG_VESSEL:
                if lung < 0:
                    value += (values[kind] - value) * covered(tube, size)
            else:
                value += (values[kind] - value) * covered(tube, size)
    # Spine: vertebra, disc, vertebra, ... with canal and spinous process.
    if spine < 40.0 and y < centre:
        level = (z + t[7]) / 31.0
        gap = abs(level - math.floor(level) - 0.5) * 31.0
        bone = max(spine, gap - 12.5)
        value += (values[MUSCLE] + 30.0 - value) * covered(spine, size)
        value += (values[CORTEX] - value) * covered(bone, size)
        value += (values[MARROW] - value) * covered(bone + 1.8, size)
        canal = math.sqrt(x * x + (spine_y + 29.0) ** 2) - 8.5
        arch = max(_oval(x, spine_y + 29.0, 14.0, 13.0), gap - 10.0)
        process = max(math.sqrt((x * 2.6) ** 2 + (spine_y + 50.0) ** 2) - 11.0, gap - 8.0)
        wings = max(_oval(x, spine_y + 24.0, 36.0, 5.0), gap - 6.0)
        value += (values[CORTEX] - 120.0 - value) * covered(min(arch, process, wings), size)
        value += (values[MUSCLE] - 20.0 - value) * covered(canal, size)
    return value

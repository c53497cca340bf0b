"""The left ventricle's size: long axis and radius from its volume, and a wall that keeps its volume as it thickens."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from synthetic_imaging.phantoms.heart.anatomy import HeartAnatomy

# The cavity: two half ellipsoids that meet at this share of the long axis; the upper one is cut at the base.
MIDDLE, UPPER_HALF = 0.3, 0.62
TIP = 0.62  # the wall at the apex, as a share of the free wall's


def lv_size(anatomy: HeartAnatomy) -> tuple[float, float]:
    """Long axis and largest radius in mm of the LV cavity at end diastole.

    The cavity's volume is 0.742 pi r^2 L (0.467 beyond the meeting of the half ellipsoids, 0.275 before it).
    """
    radius_per_length = anatomy.lv_sphericity / 2
    length = (anatomy.lv_end_diastolic_volume_ml * 1000 / (0.742 * np.pi * radius_per_length**2)) ** (1 / 3)
    return float(length), float(length * radius_per_length)


def wall_ml(length: float, radius: float, free: float, septum: float) -> float:
    """Volume in ml between the cavity and the outer surface, below the base (before outflow tract and ridges)."""
    tip = TIP * free
    angle = (np.arange(24) + 0.5) * 2 * np.pi / 24
    depth = (np.arange(60) + 0.5)[:, None] / 60 * (length + tip)
    along, share = depth - MIDDLE * length, np.clip(depth / length, 0, 1)
    toward = np.clip((0.5 + 0.5 * np.cos(angle) - 0.3) / 0.6, 0, 1)
    toward = toward * toward * (3 - 2 * toward)
    wall = (free + (septum - free) * toward * (1 - 0.45 * share)) * (1 - 0.3 * share**2)
    half = np.where(along > 0, (1 - MIDDLE) * length, UPPER_HALF * length)
    outer_half = half + np.where(along > 0, tip, wall)
    inner = radius**2 * np.clip(1 - (along / half) ** 2, 0, None)
    outer = (radius + wall) ** 2 * np.clip(1 - (along / outer_half) ** 2, 0, None)
    return float(0.5 * (outer - inner).sum() * (length + tip) / 60 * 2 * np.pi / 24 / 1000)


@lru_cache(maxsize=512)
def wall_scale(anatomy: HeartAnatomy, length: float, radius: float) -> float:
    """By how much the wall is thicker than at end diastole when the cavity has this size: its volume stays."""
    wanted = wall_ml(*lv_size(anatomy), anatomy.free_wall_mm, anatomy.septum_mm)
    low, high = 0.4, 4.0
    for _ in range(18):
        scale = 0.5 * (low + high)
        if wall_ml(length, radius, scale * anatomy.free_wall_mm, scale * anatomy.septum_mm) < wanted:
            low = scale
        else:
            high = scale
    return 0.5 * (low + high)

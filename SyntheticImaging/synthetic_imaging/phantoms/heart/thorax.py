"""The chest around the heart: its sizes, its airways and lung vessels, drawn for one person."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_imaging.phantoms.heart import thorax_kernel as kind
from synthetic_imaging.phantoms.heart.anatomy import HeartAnatomy

Floats = npt.NDArray[np.float64]
_BRANCHES = 9


def thorax_numbers(anatomy: HeartAnatomy) -> Floats:
    """Sizes in mm as `thorax_kernel.paint_thorax` takes them; a function of the anatomy alone."""
    rng = np.random.default_rng([anatomy.variation_seed, 5])
    whole = (anatomy.body_surface_m2 / 1.9) ** (1 / 3)
    fat = float(np.clip(rng.normal(16, 6) + 40 * (whole - 1), 5, 40))
    big = max(0.0, (anatomy.lv_end_diastolic_volume_ml / 160) ** (1 / 3) - 1) * 28
    return np.array([
        128 * whole + 0.6 * big, 0.5 * (84 + 64) * whole + 0.5 * big, 15.0, fat, -34.0 + rng.normal(0, 7),
        27.0 * whole, 46.0, rng.uniform(0, 31), 82 * whole + 0.9 * big, -66 * whole,
    ])  # fmt: skip


def airways_and_lung_vessels(anatomy: HeartAnatomy) -> Floats:
    """Tubes (N, 11): trachea, main bronchi, oesophagus and branching lung vessels from both hila."""
    rng = np.random.default_rng([anatomy.variation_seed, 6])
    rows: list[Floats] = []

    def tube(what: int, start: npt.ArrayLike, stop: npt.ArrayLike, r0: float, r1: float) -> None:
        start, stop = np.asarray(start, dtype=np.float64), np.asarray(stop, dtype=np.float64)
        along = stop - start
        length2 = float(along @ along)
        reach = np.sqrt(length2) + max(r0, r1) + 8
        rows.append(np.array([what, *start, *along, r0, r1 - r0, reach**2, 1 / length2]))

    tube(kind.LUNG, (4, -30, 150), (4, -30, 84), 8.5, 8.5)
    tube(kind.LUNG, (4, -30, 84), (38, -36, 60), 7.0, 5.5)
    tube(kind.LUNG, (4, -30, 84), (-46, -42, 58), 6.5, 5.0)
    tube(kind.MUSCLE, (0, -44, 150), (-6, -50, -60), 6.5, 7.5)
    for side in (1.0, -1.0):
        hilum = np.array([side * 50.0 + (4 if side > 0 else -8), -32.0, 40.0])
        for _ in range(_BRANCHES):
            direction = rng.standard_normal(3) * (0.55, 0.8, 0.9) + (side * 0.9, 0.0, -0.45)
            direction /= np.linalg.norm(direction)
            middle = hilum + 42 * direction
            tube(kind.LUNG_VESSEL, hilum, middle, 4.0, 2.6)
            for _ in range(2):
                turn = direction + 0.5 * rng.standard_normal(3)
                tip = middle + 46 * turn / np.linalg.norm(turn)
                tube(kind.LUNG_VESSEL, middle, tip, 2.2, 1.0)
    return np.stack(rows)

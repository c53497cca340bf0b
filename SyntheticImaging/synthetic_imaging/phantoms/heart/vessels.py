"""Great vessels, veins, coronary arteries and the left atrial appendage, as tubes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from synthetic_imaging.phantoms.heart import surfaces
from synthetic_imaging.phantoms.heart.anatomy import HeartAnatomy
from synthetic_imaging.phantoms.heart.shapes import Shapes, unit

Floats = npt.NDArray[np.float64]


def add_great_vessels(
    made: Shapes,
    anatomy: HeartAnatomy,
    whole: float,
    ring: float,
    aortic: tuple[Floats, Floats],
    pulmonary: tuple[Floats, Floats],
    left_atrium: tuple[Floats, float],
    right_atrium: tuple[Floats, float],
) -> None:
    """Aorta with its arch, pulmonary trunk and branches, pulmonary veins, both venae cavae.

    Args:
        made: where the tubes go.
        anatomy: diameters.
        whole: linear size of the body, 1 for 1.9 m2.
        ring: radius of the aortic valve.
        aortic, pulmonary: centre and axis (out of the heart) of the valves.
        left_atrium, right_atrium: centre and linear size.
    """
    valve, axis = aortic
    root, tube = 0.5 * anatomy.aortic_root_mm, 0.5 * anatomy.ascending_aorta_mm

    def at(r: float, a: float, s: float) -> Floats:
        return np.array([r, a, s]) * whole

    wide = tube - 15.5  # a wide aorta bulges to the right and forward, away from the pulmonary trunk
    bulge = np.array([0.7, 0.3, 0.0]) * wide
    made.path(
        surfaces.AO,
        [
            valve - 6 * axis, valve + 9 * axis, valve + 24 * axis + np.array([2.0, 1.0, 0.0]), at(4, 14, 62) + bulge,
            at(6, 6, 84) + 0.8 * bulge, at(-3, -10, 104), at(-14, -32, 106), at(-25, -46, 90),
        ],
        [1.04 * ring, root, 0.5 * (root + tube) * 0.95, tube, tube, 0.9 * tube, 0.8 * tube, 0.75 * tube],
    )  # fmt: skip
    made.cut(surfaces.AO, valve, -axis)
    down = 12.5 * whole + 0.05 * (anatomy.age_years - 60)
    descending = [at(-25, -46, 88), at(-28, -51, 50), at(-27, -52, 0), at(-18, -54, -95)]
    made.path(surfaces.DESCENDING, descending, [down] * 4)

    valve, axis = pulmonary
    trunk = 0.5 * anatomy.pulmonary_artery_mm
    fork = valve + np.array([4.0, -26.0, 27.0]) * whole
    made.path(surfaces.PA, [valve - 5 * axis, valve + 12 * axis, fork], [trunk, trunk, 0.95 * trunk])
    to_right = np.array([[3, -5, -2], [22, -18, -4], [48, -25, -8], [72, -32, -16]])
    to_left = np.array([[-2, -4, 0], [-14, -22, 6], [-30, -38, -2], [-40, -44, -14]])
    made.path(surfaces.PA, list(fork + to_right), [0.72 * trunk, 0.70 * trunk, 0.66 * trunk, 0.45 * trunk])
    made.path(surfaces.PA, list(fork + to_left), [0.74 * trunk, 0.70 * trunk, 0.62 * trunk, 0.42 * trunk])
    made.cut(surfaces.PA, valve, -axis)

    la, size = left_atrium
    vein = 6.3 * (0.7 + 0.3 * size)
    for direction in ((-34, -10, 14), (-32, -16, -8), (32, -4, 10), (32, -16, -8)):
        out = np.array(direction, dtype=np.float64)
        mouth = la + np.array([np.sign(out[0]) * 20.0, -9.0, np.sign(out[2]) * 12.0]) * size
        made.path(surfaces.VEIN, [mouth, mouth + 0.5 * out, mouth + out], [vein * 1.15, vein, 0.7 * vein])
        # Its mouth counts as atrium.
        made.capsule(surfaces.LA, mouth, mouth + 0.18 * out, vein * 1.3, vein * 1.1, 5.0)

    ra, size = right_atrium
    top = ra + np.array([-4.0, -6.0, 22.0 * size])
    made.path(surfaces.SVC, [top, at(28, -6, 58), at(30, -2, 120)], [10.5 * whole, 10.0 * whole, 9.5 * whole])
    foot = ra + np.array([-3.0, -6.0, -24.0 * size])
    made.path(surfaces.IVC, [foot, foot + np.array([-4, -8, -22]), at(24, -14, -95)], [13.0 * whole] * 3)


def add_appendage(
    made: Shapes, anatomy: HeartAnatomy, la: Floats, la_size: float, rng: np.random.Generator
) -> None:
    """The left atrial appendage: from the atrium's left front, forward beside the pulmonary trunk.

    Chicken wing: one lobe with a sharp bend. Windsock: one long lobe. Cactus: a trunk with lobes on it. Cauliflower:
    short, wide, many knobs (Wang et al. 2010; Di Biase et al. 2012).
    """
    length = anatomy.appendage_length_mm
    mouth = la + np.array([-23.0, 8.0, 11.0]) * la_size
    out = unit(np.array([-0.72, 0.62, 0.34]) + 0.10 * rng.standard_normal(3))
    forward = unit(np.array([-0.05, 0.95, 0.10]) + 0.12 * rng.standard_normal(3))
    width = 7.6 * (length / 44) ** 0.4
    part = surfaces.LAA
    if anatomy.appendage_shape == "chicken wing":
        bend = mouth + 0.45 * length * out
        tip = bend + 0.55 * length * unit(forward + np.array([0.30, 0.0, -0.35]))
        middle = 0.5 * (bend + tip) + np.array([-1, 1, 0])
        made.path(part, [mouth, bend, middle, tip], [width, width * 1.1, width, 0.55 * width])
    elif anatomy.appendage_shape == "windsock":
        middle = mouth + 0.5 * length * unit(out + 0.3 * forward)
        tip = middle + 0.5 * length * unit(out + 1.4 * forward)
        made.path(part, [mouth, middle, tip], [width * 1.05, width * 1.1, 0.6 * width])
    elif anatomy.appendage_shape == "cactus":
        tip = mouth + 0.8 * length * unit(out + 0.7 * forward)
        made.path(part, [mouth, 0.5 * (mouth + tip), tip], [width, width * 1.05, 0.75 * width])
        for share, side in ((0.45, 1.0), (0.65, -1.0), (0.9, 0.6)):
            root = mouth + share * (tip - mouth)
            lobe = unit(np.cross(out, forward) * side + 0.35 * rng.standard_normal(3))
            made.capsule(part, root, root + 0.32 * length * lobe, 0.62 * width, 0.45 * width)
    else:
        tip = mouth + 0.6 * length * unit(out + 0.6 * forward)
        made.path(part, [mouth, 0.5 * (mouth + tip), tip], [width * 1.1, width * 1.25, width])
        for _ in range(6):
            root = mouth + rng.uniform(0.4, 1.0) * (tip - mouth)
            made.capsule(part, root, root + 0.28 * length * unit(rng.standard_normal(3)), 0.5 * width, 0.4 * width)


def add_coronaries(
    made: Shapes,
    valve: Floats,
    root: float,
    place: Callable[[float, float, float], Floats],
    radius: float,
    wall: float,
    length: float,
) -> None:
    """Left main, anterior descending, circumflex and right coronary artery, in the grooves of the heart's surface."""
    part = surfaces.CORONARY
    outer = radius + wall + 4.0

    def on_surface(degrees: float, share: float, extra: float = 0.0) -> Floats:
        angle = np.deg2rad(degrees)
        ring = (outer + extra) * np.sqrt(max(0.0, 1 - max(0.0, share - 0.3) ** 2 / 0.52))
        return place(ring * np.cos(angle), ring * np.sin(angle), share * length)

    left = valve + np.array([-root, 0.0, 13.0])
    fork = on_surface(100, 0.0, 4.0)
    made.path(part, [left, fork], [2.1, 2.0], 1.0)
    made.path(
        part, [fork, on_surface(76, 0.12, 2), on_surface(70, 0.4, 2), on_surface(66, 0.7, 1), on_surface(60, 0.95, 1)],
        [1.9, 1.8, 1.6, 1.2, 0.9], 1.0,
    )  # fmt: skip
    made.path(part, [fork, on_surface(140, -0.02, 3), on_surface(190, -0.03, 4), on_surface(230, -0.02, 3)],
              [1.8, 1.6, 1.4, 1.0], 1.0)  # fmt: skip
    made.path(
        part,
        [valve + np.array([0.6 * root, root, 12.0]), place(outer + 12, 26, 4), place(outer + 30, 2, 6),
         place(outer + 18, -26, 6), on_surface(-62, 0.05, 6)],
        [1.9, 1.9, 1.8, 1.6, 1.4], 1.0,
    )  # fmt: skip

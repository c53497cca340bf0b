"""An abdomen of ellipsoids and tubes in a portal-venous contrast phase: no patient, and exact masks.

Sizes and densities are rounded textbook values. It shows what a tool does; it proves nothing about how real a lesion
looks in a patient.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import BoolArray, Mask, Segment
from synthetic_imaging.terminology import organ_segment
from synthetic_imaging.volume import Volume

Floats = npt.NDArray[np.float32]
WINDOW = (40.0, 400.0)

_EXTENT_MM = (336.0, 252.0, 180.0)  # right-left, front-back, foot-head
_GRAIN_HU = 9.0
# Organ: centre and half-axes in mm along (right, anterior, superior), turn about the head-foot axis, HU.
_ORGANS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float], float, float]] = {
    "spleen": ((-98.0, -38.0, 28.0), (28.0, 46.0, 44.0), 25.0, 120.0),
    "kidney_right": ((58.0, -52.0, -42.0), (24.0, 29.0, 46.0), 20.0, 175.0),
    "kidney_left": ((-58.0, -52.0, -34.0), (24.0, 29.0, 46.0), -20.0, 175.0),
    "stomach": ((-52.0, 34.0, 34.0), (44.0, 34.0, 40.0), -20.0, 25.0),
    "pancreas": ((-12.0, 0.0, -18.0), (56.0, 13.0, 12.0), 14.0, 95.0),
    "gallbladder": ((48.0, 46.0, -30.0), (13.0, 20.0, 18.0), 0.0, 12.0),
}
_LIVER_HU, _VESSEL_HU = 110.0, 165.0
_AORTA, _CAVA = (-8.0, -34.0), (22.0, -30.0)


def abdomen(spacing_mm: float = 2.0, seed: int = 1) -> tuple[Volume, Mask]:
    """A CT (int16 HU) and its organs, liver first.

    Args:
        spacing_mm: edge of a voxel, 1 to 6 mm; 3 mm make 84 x 60 x 112 voxels.
        seed: of the grain.

    Raises:
        ParameterError: if the spacing is out of range.
    """
    if not 1.0 <= spacing_mm <= 6.0:
        raise ParameterError(f"The phantom's voxels measure 1 to 6 mm; {spacing_mm:g} mm were asked for.")
    shape = tuple(round(mm / spacing_mm) for mm in reversed(_EXTENT_MM))
    corner = tuple(-spacing_mm * (n - 1) / 2 for n in reversed(shape))
    grid = Geometry.from_spacing(shape, (spacing_mm,) * 3, corner)
    r, a, s = (
        np.asarray(low + spacing_mm * np.arange(n), dtype=np.float32).reshape([-1 if axis == place else 1
                                                                              for axis in range(3)])
        for low, n, place in zip(corner, reversed(shape), (2, 1, 0), strict=True)
    )
    ct, masks = _tissues(r, a, s, shape)
    grain = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape).astype(np.float32), 0.6)
    ct = ndimage.gaussian_filter(ct, 0.5) + grain * np.float32(_GRAIN_HU / grain.std())
    volume = replace(
        Volume.ct(np.rint(np.clip(ct, -1024, 3071)).astype(np.int16), grid, name="abdomen phantom"), window=WINDOW
    )
    parts: list[tuple[Segment, BoolArray]] = [(organ_segment(name), inside) for name, inside in masks.items()]
    return volume, Mask.stacked(parts, grid, name="abdomen phantom organs")


def _tissues(r: Floats, a: Floats, s: Floats, shape: tuple[int, ...]) -> tuple[Floats, dict[str, BoolArray]]:
    ct = np.full(shape, -1000.0, dtype=np.float32)
    masks: dict[str, BoolArray] = {}

    def fill(inside: BoolArray, hounsfield: float) -> BoolArray:
        ct[inside] = hounsfield
        return inside

    def round_body(half_r: float, half_a: float) -> BoolArray:
        return np.broadcast_to((r / half_r) ** 2 + (a / half_a) ** 2 < 1, shape)

    fill(round_body(160.0, 116.0), -100.0)  # skin and fat
    fill(round_body(146.0, 102.0), 55.0)  # muscle of the wall
    cavity = fill(round_body(132.0, 88.0), -95.0)
    _spine(fill, r, a, s)
    liver = _liver(r, a, s) & cavity
    veins = _veins(r, a, s) & liver
    masks["liver"] = fill(liver, _LIVER_HU)
    fill(veins, _VESSEL_HU)
    taken = liver.copy()
    for name, (centre, half, turn, hounsfield) in _ORGANS.items():
        inside = _ellipsoid(r, a, s, centre, half, turn) & cavity & ~taken
        masks[name] = fill(inside, hounsfield)
        taken |= inside
    for name, (right, front), radius in (("aorta", _AORTA, 11.0), ("inferior_vena_cava", _CAVA, 12.0)):
        tube = np.broadcast_to(np.hypot(r - right, a - front) < radius, shape) & ~taken
        masks[name] = fill(tube, _VESSEL_HU)
        taken |= tube
    masks["liver_vessels"] = veins
    return ct, masks


def _spine(fill: object, r: Floats, a: Floats, s: Floats) -> None:
    assert callable(fill)
    body = np.hypot(r / 1.15, a + 68.0)
    level = np.mod(s + 90.0, 36.0) < 29.0  # vertebra, disc, vertebra, ...
    fill((body < 21.0) & level, 330.0)
    fill((body < 17.0) & level, 190.0)
    fill((body < 20.0) & ~level, 90.0)
    fill((np.hypot(r, a + 96.0) < 9.0) & (s > -1e6), 30.0)  # spinal canal
    fill((np.hypot(r / 0.5, a + 110.0) < 10.0) & level, 300.0)  # spinous process


def _liver(r: Floats, a: Floats, s: Floats) -> BoolArray:
    right = _ellipsoid(r, a, s, (72.0, -2.0, 10.0), (62.0, 72.0, 68.0), 0.0)
    left = _ellipsoid(r, a, s, (14.0, 40.0, 34.0), (66.0, 34.0, 34.0), -12.0)
    return right | left


def _veins(r: Floats, a: Floats, s: Floats) -> BoolArray:
    """A trunk that forks twice: what grows in the liver has something to go round."""
    trunk = (24.0, 4.0, 6.0)
    fork_right, fork_left = (62.0, 4.0, 12.0), (16.0, 38.0, 30.0)
    pieces = [
        (trunk, fork_right, 6.0), (trunk, fork_left, 4.5),
        (fork_right, (104.0, 26.0, 30.0), 4.0), (fork_right, (100.0, -34.0, -18.0), 4.0),
        (fork_right, (80.0, 10.0, 70.0), 4.0), (fork_left, (-34.0, 46.0, 38.0), 3.0),
        ((22.0, -24.0, 66.0), (92.0, -10.0, 50.0), 4.0), ((22.0, -24.0, 66.0), (50.0, 40.0, 52.0), 3.5),
    ]
    shape = np.broadcast_shapes(r.shape, a.shape, s.shape)
    inside: BoolArray = np.zeros(shape, dtype=np.bool_)
    for start, stop, radius in pieces:
        inside |= _capsule(r, a, s, start, stop, radius)
    return inside


def _capsule(
    r: Floats, a: Floats, s: Floats, start: tuple[float, float, float], stop: tuple[float, float, float], radius: float
) -> BoolArray:
    along = [b - e for e, b in zip(start, stop, strict=True)]
    length = sum(x * x for x in along)
    offset = [axis - e for axis, e in zip((r, a, s), start, strict=True)]
    share = np.clip(sum(o * x for o, x in zip(offset, along, strict=True)) / length, 0.0, 1.0)
    apart = sum((o - share * x) ** 2 for o, x in zip(offset, along, strict=True))
    return np.asarray(apart < radius**2)


def _ellipsoid(
    r: Floats, a: Floats, s: Floats, centre: tuple[float, float, float], half: tuple[float, float, float], turn: float
) -> BoolArray:
    angle = np.deg2rad(turn)
    x, y = r - centre[0], a - centre[1]
    across, ahead = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    return np.asarray((across / half[0]) ** 2 + (ahead / half[1]) ** 2 + ((s - centre[2]) / half[2]) ** 2 < 1)

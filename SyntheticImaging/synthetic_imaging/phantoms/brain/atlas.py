"""The average brain as tissue fractions, with skull, scalp, deep nuclei and vessels that its maps do not have.

Grey and white matter are the maps of the ICBM 152 template (Fonov et al. 2009); CSF is what is left of its brain. Deep
nuclei are ellipsoids in the template's space, cut out of the grey matter; vessels are tubes along known courses; skull
and scalp are shells around the brain. They are simple, but where they ought to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.volume import Volume

Map = npt.NDArray[np.float32]
# Centre and half axes in mm, RAS of the template, of the right side; the left is its mirror image.
_NUCLEI = {
    t.THALAMUS: (((11.0, -19.0, 8.0), (9.5, 14.0, 10.0)),),
    t.CAUDATE: (((12.5, 13.0, 8.0), (5.5, 10.0, 10.5)), ((15.5, -2.0, 20.0), (4.0, 12.0, 5.0))),
    t.PUTAMEN: (((26.0, 4.0, 1.0), (6.5, 17.0, 11.0)),),
    t.PALLIDUM: (((19.0, -5.0, -1.0), (5.0, 9.0, 6.5)),),
}
# Courses in mm, RAS, and radius in mm.
_TUBES: tuple[tuple[tuple[tuple[float, float, float], ...], float], ...] = (
    (((0, -30, -62), (0, -27, -45), (0, -18, -24)), 2.0),  # basilar artery
    (((0, -44, 2), (0, -62, 6), (0, -88, -8)), 2.2),  # straight sinus
    (((0, -98, -12), (28, -90, -16), (50, -68, -24), (56, -50, -34)), 3.2),  # transverse sinuses
    (((0, -98, -12), (-28, -90, -16), (-50, -68, -24), (-56, -50, -34)), 3.2),
    (((6, 4, -16), (20, 4, -14), (36, 4, -10), (42, -6, 4)), 1.5),  # middle cerebral arteries
    (((-6, 4, -16), (-20, 4, -14), (-36, 4, -10), (-42, -6, 4)), 1.5),
    (((3, 14, -10), (2, 34, -4), (2, 40, 12), (2, 22, 28)), 1.3),  # anterior cerebral arteries
    (((-3, 14, -10), (-2, 34, -4), (-2, 40, 12), (-2, 22, 28)), 1.3),
)
# Thickness in mm outwards from the brain.
_SUBARACHNOID, _INNER_TABLE, _DIPLOE, _OUTER_TABLE, _FAT, _SKIN = 2.5, 2.0, 3.0, 1.5, 4.0, 2.0


@dataclass(frozen=True)
class Atlas:
    """Tissue fractions on the template's grid.

    Attributes:
        fractions: uint8, (tissue, K, J, I), 255 for a voxel full of it, in the order of ``tissues.TISSUES``.
        lateral_ventricles: float32 (K, J, I), share of a voxel.
        infratentorial: float32 (K, J, I), 1 in brainstem and cerebellum.
        geometry: 1 mm.
    """

    fractions: npt.NDArray[np.uint8]
    lateral_ventricles: Map
    infratentorial: Map
    geometry: Geometry

    def fraction(self, tissue: str) -> Map:
        """Share of each voxel, 0 to 1, (K, J, I)."""
        return np.asarray(self.fractions[t.TISSUES.index(tissue)] / np.float32(255), np.float32)


@lru_cache(maxsize=1)
def atlas() -> Atlas:
    """The atlas, made once in a process (about 5 s).

    Raises:
        InputError: if the template is not installed, with the command that gets it.
    """
    from synthetic_imaging import samples

    maps = samples.brain_maps()
    geometry = maps["t1"].geometry
    brain = _filled(maps["t1"].voxels > 0)
    grey, white = _unit(maps["gm"]), _unit(maps["wm"])
    total = np.maximum(grey + white, 1.0)
    grey, white = grey / total * brain, white / total * brain
    csf = np.where(brain, 1 - grey - white, 0).astype(np.float32)
    places = _Places(geometry)
    ventricles = _lateral_ventricles(csf, places)
    grey, white = _without_average_rim(grey, white, ventricles, places)
    parts: dict[str, Map] = {t.CSF: csf}
    for name in t.DEEP_GREY:
        # White matter mixed into the maps of these nuclei is theirs; CSF is not.
        inside = _nucleus(name, places)
        taken_white = inside * white * (0.9 if name == t.PALLIDUM else 0.6)
        taken_grey = inside * grey
        parts[name] = taken_grey + taken_white
        grey, white = grey - taken_grey, white - taken_white
    parts[t.GREY], parts[t.WHITE] = grey, white
    closed = _closed(brain)
    parts |= _shells(brain, closed, places)
    parts[t.CSF] = parts[t.CSF] + parts.pop("gap")
    vessels = _vessels(places, closed)
    rest = 1 - vessels
    stack = np.stack([parts[name] * rest if name != t.VESSEL else vessels for name in t.TISSUES])
    return Atlas(np.rint(np.clip(stack, 0, 1) * 255).astype(np.uint8), ventricles, _infratentorial(places, brain),
                 geometry)


class _Places:
    """Coordinates of the voxels in RAS mm, as three arrays that broadcast to (K, J, I): the grid is not oblique."""

    def __init__(self, geometry: Geometry) -> None:
        self.shape = geometry.shape
        at = geometry.origin_ras_mm
        k, j, i = geometry.shape
        self.x: Map = (at[0] + np.arange(i, dtype=np.float32))[None, None, :]
        self.y: Map = (at[1] + np.arange(j, dtype=np.float32))[None, :, None]
        self.z: Map = (at[2] + np.arange(k, dtype=np.float32))[:, None, None]

    def kji(self, x: float, y: float, z: float) -> tuple[int, int, int]:
        """Voxel of a place."""
        return (round(z - float(self.z.flat[0])), round(y - float(self.y.flat[0])), round(x - float(self.x.flat[0])))


def _unit(volume: Volume) -> Map:
    return volume.voxels.astype(np.float32) / np.float32(max(float(volume.voxels.max()), 1e-6))


def _filled(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    from scipy import ndimage

    return np.asarray(ndimage.binary_fill_holes(inside))


def _lateral_ventricles(csf: Map, places: _Places) -> Map:
    """CSF in one piece with the middle of either lateral ventricle."""
    from scipy import ndimage

    box = (np.abs(places.x) < 40) & (places.y > -65) & (places.y < 45) & (places.z > -22) & (places.z < 36)
    # The third ventricle, between the thalami, is not a lateral one.
    box = box & ~((np.abs(places.x) < 4) & (places.z < 14))
    pieces, _ = ndimage.label((csf > 0.5) & box)
    found = np.zeros(csf.shape, bool)
    for x in (-1, 1):
        for y, z in ((0, 20), (10, 12), (-10, 20), (-20, 20), (-35, 15)):
            k, j, i = places.kji(0, y, z)
            half = places.kji(x * 14, y, z)[2]
            around = pieces[k - 4 : k + 5, j - 3 : j + 4, min(i, half) : max(i, half) + 1]
            names, counts = np.unique(around[around > 0], return_counts=True)
            if names.size:
                found |= pieces == names[counts.argmax()]
    return np.where(ndimage.binary_dilation(found), csf, 0).astype(np.float32)


def _without_average_rim(grey: Map, white: Map, ventricles: Map, places: _Places) -> tuple[Map, Map]:
    """Where ventricle and white matter of many brains overlap, the average looks grey; it is white matter."""
    from scipy import ndimage

    around = ndimage.find_objects((ventricles > 0).astype(np.uint8))[0]
    box = tuple(slice(max(s.start - 6, 0), s.stop + 6) for s in around)
    near = np.zeros(grey.shape, bool)
    near[box] = ndimage.distance_transform_edt(ventricles[box] < 0.3) < 5.0
    nuclei = np.zeros(grey.shape, np.float32)
    for name in t.DEEP_GREY:
        nuclei = np.maximum(nuclei, _nucleus(name, places, margin_mm=2.0))
    rim = near * (1 - nuclei) * (np.abs(places.x) > 2)
    moved = grey * rim
    return grey - moved, white + moved


def _nucleus(name: str, places: _Places, margin_mm: float = 0.0) -> Map:
    """1 inside, 0 outside, with an edge of about 1 mm."""
    found: Any = np.zeros(places.shape, np.float32)
    for (x, y, z), (a, b, c) in _NUCLEI[name]:
        a, b, c = a + margin_mm, b + margin_mm, c + margin_mm
        radius = np.sqrt(((np.abs(places.x) - x) / a) ** 2 + ((places.y - y) / b) ** 2 + ((places.z - z) / c) ** 2)
        found = np.maximum(found, np.clip(0.5 + (1 - radius) * min(a, b, c), 0, 1))
    return np.asarray(found, np.float32)


def _shells(brain: npt.NDArray[np.bool_], closed: npt.NDArray[np.bool_], places: _Places) -> dict[str, Map]:
    """CSF outside the template's brain ("gap"), skull, scalp: shells around a smooth hull."""
    from scipy import ndimage

    hull = ndimage.gaussian_filter(closed.astype(np.float32), 2.5) > 0.5
    hull |= brain
    distance = ndimage.distance_transform_edt(~hull).astype(np.float32)
    shown = places.z > -66  # the neck is not drawn
    bumps = np.sin(places.x / 17 + 1) * np.cos(places.y / 23) * np.sin(places.z / 19 + 2)
    waves = np.asarray(1 + 0.18 * bumps, np.float32)
    # Under the brain there is no scalp but muscle and bone.
    below = np.clip((-30 - places.z) / 15, 0, 1) * np.ones(brain.shape, np.float32)
    edges = np.cumsum([_SUBARACHNOID, _INNER_TABLE, _DIPLOE, _OUTER_TABLE, _FAT, _SKIN])
    gap = np.where(hull & ~brain, 1, _between(distance, 0, edges[0], waves) * ~hull).astype(np.float32)
    inner, diploe, outer, fat, skin = (_between(distance, edges[n], edges[n + 1], waves) for n in range(5))
    found = {
        "gap": gap, t.BONE: inner + outer, t.MARROW: diploe,
        t.FAT: fat * (1 - below), t.SKIN: skin + fat * below,
    }
    return {name: np.asarray(part * shown * (~brain if name == "gap" else ~hull), np.float32)
            for name, part in found.items()}


def _closed(inside: npt.NDArray[np.bool_], radius_mm: float = 9.0) -> npt.NDArray[np.bool_]:
    from scipy import ndimage

    wide = ndimage.distance_transform_edt(~inside) <= radius_mm
    return np.asarray(ndimage.distance_transform_edt(wide) > radius_mm)


def _between(distance: Map, low: float, high: float, waves: Map) -> Map:
    """Share of a voxel in the shell from ``low`` to ``high``; its outer surface waves."""
    stretched = distance / waves
    return np.asarray(np.clip(stretched - low + 0.5, 0, 1) - np.clip(stretched - high + 0.5, 0, 1), np.float32)


def _vessels(places: _Places, closed: npt.NDArray[np.bool_]) -> Map:
    from scipy import ndimage

    found = np.zeros(places.shape, np.float32)
    for course, radius in _TUBES:
        found = np.maximum(found, _tube(course, radius, places))
    # The superior sagittal sinus: a wedge in the midline, just over the brain.
    over = ndimage.distance_transform_edt(~closed)
    held = (places.z > 5) | ((places.y < -60) & (places.z > -14))
    wedge = np.clip(3.5 - np.abs(places.x), 0, 1) * np.clip(4.5 - np.abs(over - 2.5) - np.abs(places.x), 0, 1)
    return np.maximum(found, (wedge * held * (over > 0)).astype(np.float32))


def _tube(course: tuple[tuple[float, float, float], ...], radius: float, places: _Places) -> Map:
    """Share of a voxel within ``radius`` of a smooth curve through the points."""
    from scipy.interpolate import make_interp_spline
    from scipy.spatial import cKDTree

    points = np.array(course, float)
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    curve = make_interp_spline(along, points, k=min(3, len(points) - 1))(np.arange(0, along[-1], 0.5))
    origin = np.array([places.x.flat[0], places.y.flat[0], places.z.flat[0]])
    low = np.maximum(np.floor(curve.min(0) - radius - 2 - origin), 0).astype(int)
    high = np.minimum(np.ceil(curve.max(0) + radius + 2 - origin) + 1, places.shape[::-1]).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), -1)
    distance, _ = cKDTree(curve).query(grid.reshape(-1, 3) + origin, distance_upper_bound=radius + 2)
    share = np.clip(radius + 0.5 - distance, 0, 1).reshape(grid.shape[:3])
    found = np.zeros(places.shape, np.float32)
    found[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = share.transpose(2, 1, 0)
    return found


def _infratentorial(places: _Places, brain: npt.NDArray[np.bool_]) -> Map:
    """Below the tentorium: a roof that falls from the midbrain to the sides and to the back."""
    roof = -12 - 0.32 * np.abs(places.x) - 0.10 * np.clip(-45 - places.y, 0, None)
    # The front border runs along the back of the temporal lobes; the brainstem lies before it, in the middle.
    front = np.where(np.abs(places.x) < 17, -8.0 + 0.25 * np.clip(places.z + 20, -20, 0), -36.0)
    return np.asarray((places.z < roof) & (places.y < front) & brain, np.float32)

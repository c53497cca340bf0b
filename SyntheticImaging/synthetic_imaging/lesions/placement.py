"""Where a lesion may sit: inside the organ, off its vessels, apart from other lesions.

The organ is read once, in its own box, into blocks of a few millimetres (mean HU and share of organ), a hundred
times fewer numbers than voxels; every candidate place is judged on those. Cost does not grow with the volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Box, Geometry
from synthetic_imaging.kernels import kernel

Array = npt.NDArray[np.float64]
BLOCK_MM = 3.0


@kernel
def _read_blocks(voxels, inside, step, totals, counts):  # type: ignore[no-untyped-def]
    """One pass over the organ's box: per block the sum of values and the number of organ voxels."""
    total = 0.0
    squares = 0.0
    number = 0
    for k in range(inside.shape[0]):
        for j in range(inside.shape[1]):
            for i in range(inside.shape[2]):
                if inside[k, j, i]:
                    value = float(voxels[k, j, i])
                    bk, bj, bi = k // step[0], j // step[1], i // step[2]
                    totals[bk, bj, bi] += value
                    counts[bk, bj, bi] += 1
                    total += value
                    squares += value * value
                    number += 1
    return total, squares, number


@kernel
def _survey(share, vessel, blocks_per_mm, centre, radius):  # type: ignore[no-untyped-def]
    """Share of organ and share of vessel blocks within a sphere around a block position."""
    seen = 0
    organ = 0.0
    vessels = 0.0
    low = np.empty(3, np.int64)
    high = np.empty(3, np.int64)
    for a in range(3):
        low[a] = int(np.floor(centre[a] - radius * blocks_per_mm[a]))
        high[a] = int(np.ceil(centre[a] + radius * blocks_per_mm[a]))
    for k in range(low[0], high[0] + 1):
        for j in range(low[1], high[1] + 1):
            for i in range(low[2], high[2] + 1):
                dk = (k - centre[0]) / blocks_per_mm[0]
                dj = (j - centre[1]) / blocks_per_mm[1]
                di = (i - centre[2]) / blocks_per_mm[2]
                if dk * dk + dj * dj + di * di > radius * radius:
                    continue
                seen += 1
                if 0 <= k < share.shape[0] and 0 <= j < share.shape[1] and 0 <= i < share.shape[2]:
                    organ += share[k, j, i]
                    if vessel[k, j, i]:
                        vessels += 1.0
    if seen == 0:
        k, j, i = int(np.rint(centre[0])), int(np.rint(centre[1])), int(np.rint(centre[2]))
        return share[k, j, i], 1.0 if vessel[k, j, i] else 0.0
    return organ / seen, vessels / seen


@dataclass(eq=False)
class OrganSurvey:
    """The organ in blocks, and what is known about it.

    Attributes:
        geometry: grid of the whole volume.
        box: the organ's box in it.
        inside: organ voxels in the box (K, J, I).
        mean, sd: of the organ's voxels.
        noise: standard deviation of the grain, from differences of near neighbours.
        median: of the organ's voxels (sampled).
        volume_mm3: of the organ.
        block_step: voxels of a block along (K, J, I).
    """

    geometry: Geometry
    box: Box
    inside: npt.NDArray[np.bool_]
    mean: float
    sd: float
    median: float
    noise: float
    volume_mm3: float
    block_step: npt.NDArray[np.int64]
    _share: npt.NDArray[np.float32]
    _vessel: npt.NDArray[np.bool_]
    _organ_blocks: npt.NDArray[np.int64]

    @classmethod
    def read(
        cls, voxels: npt.NDArray[Any], inside: npt.NDArray[np.bool_], geometry: Geometry, box: Box,
        vessel_offset: float, vessels: npt.NDArray[np.bool_] | None, rng: np.random.Generator,
    ) -> OrganSurvey:
        """Read an organ.

        Args:
            voxels: the whole volume (K, J, I).
            inside: the organ within ``box`` only.
            geometry: of the whole volume.
            box: the organ's box.
            vessel_offset: a block whose mean is this far above the organ's mean is a vessel (HU, or image units); in
                an organ whose blocks spread more than that, twice their spread.
            vessels: vessel voxels within ``box``, drawn by the user, or None.
            rng: used to sample voxels for median and noise.
        """
        step = np.maximum(1, np.rint(BLOCK_MM / np.array(geometry.spacing_kji_mm))).astype(np.int64)
        shape = tuple(int(-(-n // s)) for n, s in zip(box.shape, step, strict=True))
        totals, counts = np.zeros(shape), np.zeros(shape, dtype=np.int32)
        part = _plain(voxels[box.slices])
        total, squares, number = _read_blocks(part, inside, step, totals, counts)
        mean = total / number
        sd = float(np.sqrt(max(squares / number - mean**2, 0.0)))
        share = (counts / np.prod(step)).astype(np.float32)
        block_mean = np.divide(totals, counts, out=np.full(shape, mean), where=counts > 0)
        # In an uneven organ (cortex and medulla, lobules and fat) only what stands out of its own range is a vessel.
        whole = block_mean[counts >= 0.9 * np.prod(step)]
        spread = 1.4826 * float(np.median(np.abs(whole - np.median(whole)))) if whole.size > 20 else 0.0
        vessel = (block_mean > mean + max(vessel_offset, 2.0 * spread)) & (counts > 0)
        if vessels is not None:
            kji = np.argwhere(vessels) // step
            vessel[tuple(kji.T)] = True
        median, noise = _sampled(part, inside, rng)
        return cls(geometry, box, inside, float(mean), sd, median, noise, number * geometry.voxel_volume_mm3,
                   step, share, vessel, np.argwhere(counts > 0))

    def random_place(
        self, radius_mm: float, taken: list[tuple[Array, float]], avoid_vessels: bool, rng: np.random.Generator,
        attempts: int = 60,
    ) -> Array | None:
        """A place (RAS mm) for a lesion of that radius, or None when nothing fits.

        Wishes in order: wholly in the organ, no vessel, apart from other lesions. They are relaxed as attempts fail;
        the middle 30-70 % of the organ's slices is preferred first, then 20-80, 10-90, all (Chen et al. 2024).
        """
        blocks = self._organ_blocks
        if blocks.shape[0] == 0:
            return None
        low, high = blocks[:, 0].min(), blocks[:, 0].max()
        step_mm = self.block_step * np.array(self.geometry.spacing_kji_mm)
        best: tuple[float, Array] | None = None
        for attempt in range(attempts):
            margin = (0.3, 0.2, 0.1, 0.0)[min(3, 4 * attempt // attempts)]
            block = blocks[rng.integers(blocks.shape[0])]
            along = (block[0] - low) / max(1, high - low)
            jitter = rng.uniform(-0.5, 0.5, 3)
            if not margin <= along <= 1 - margin:
                continue
            place_kji = (block + 0.5 + jitter) * self.block_step - 0.5 + np.array(self.box.start)
            ras = self.geometry.ras_from_kji(place_kji)
            if not self.holds(ras):
                continue
            inside, _ = _survey(self._share, self._vessel, 1.0 / step_mm, block + jitter, radius_mm)
            vessel = 0.0
            if avoid_vessels:
                # A block counts by its centre: half a block further out, so that no vessel voxel reaches in.
                _, vessel = _survey(
                    self._share, self._vessel, 1.0 / step_mm, block + jitter, 1.1 * radius_mm + 0.6 * BLOCK_MM
                )
            gap = min((float(np.linalg.norm(ras - c)) - (radius_mm + r) for c, r in taken), default=np.inf)
            wanted = 0.9 if radius_mm < 12 else 0.7
            score = min(inside, wanted) - 2.0 * vessel - (5.0 if gap < 2.0 else 0.0)
            # At first well apart: several lesions spread over the organ instead of standing in a row.
            apart = 15.0 if attempt < attempts // 2 else 2.0
            if inside >= wanted and vessel == 0.0 and gap >= apart:
                return ras
            if best is None or score > best[0]:
                best = (score, ras)
        if best is None or best[0] < 0.35:
            return None
        return best[1]

    def any_place(self, rng: np.random.Generator) -> Array:
        """A random organ voxel, whatever surrounds it."""
        flat = np.flatnonzero(self.inside)
        kji = np.array(np.unravel_index(int(flat[rng.integers(flat.size)]), self.inside.shape))
        return self.geometry.ras_from_kji(kji + np.array(self.box.start))

    def movement_taper(self) -> npt.NDArray[np.float32]:
        """How freely tissue may move, per block: 1 deep in the organ, 0 from its surface outward."""
        soft = ndimage.gaussian_filter(np.pad(self._share, 2), 1.3)[2:-2, 2:-2, 2:-2]
        return np.asarray(np.clip(2.4 * soft - 1.4, 0.0, 1.0), dtype=np.float32)

    def holds(self, ras_mm: Array) -> bool:
        """Whether a point lies in an organ voxel."""
        kji = np.rint(self.geometry.kji_from_ras(ras_mm)).astype(int) - np.array(self.box.start)
        if (kji < 0).any() or (kji >= np.array(self.box.shape)).any():
            return False
        return bool(self.inside[tuple(kji)])

    def distance_mm(self, ras_mm: Array) -> float:
        """Distance from a point to the nearest organ block, for messages."""
        kji = (self._organ_blocks + 0.5) * self.block_step - 0.5 + np.array(self.box.start)
        places = self.geometry.ras_from_kji(kji)
        return float(np.linalg.norm(places - ras_mm, axis=1).min())


def _plain(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same values in a type that compiled loops read: they take foreign byte order for the machine's own."""
    if part.dtype == np.float16:
        return part.astype(np.float32)
    return part if part.dtype.isnative else part.astype(part.dtype.newbyteorder("="))


def _sampled(
    part: npt.NDArray[Any], inside: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[float, float]:
    """Median of the organ and SD of its grain, from at most some thousand voxels."""
    flat = np.flatnonzero(inside)
    chosen = flat if flat.size <= 6000 else flat[rng.integers(flat.size, size=6000)]
    k, j, i = np.unravel_index(chosen, inside.shape)
    values = part[k, j, i].astype(np.float64)
    ahead = np.minimum(i + 2, inside.shape[2] - 1)
    pair = inside[k, j, ahead] & (ahead == i + 2)
    difference = part[k[pair], j[pair], ahead[pair]].astype(np.float64) - part[k[pair], j[pair], i[pair]]
    noise = float(1.4826 * np.median(np.abs(difference)) / np.sqrt(2)) if difference.size > 20 else 0.0
    return float(np.median(values)), noise


def place_asked_for(survey: OrganSurvey, ras_mm: Array, organ_name: str) -> Array:
    """The clicked place, if it lies in the organ.

    Raises:
        InputError: saying how far outside it is.
    """
    if survey.holds(ras_mm):
        return ras_mm
    r, a, s = (float(x) for x in ras_mm)
    raise InputError(
        f"The place (R {r:.1f}, A {a:.1f}, S {s:.1f} mm) lies outside the {organ_name}, "
        f"about {survey.distance_mm(ras_mm):.0f} mm from it. Click inside the organ."
    )

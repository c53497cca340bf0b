"""What has changed between two aligned images of one head: matched brightness, a map of change, candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry

Values = npt.NDArray[np.float32]
Inside = npt.NDArray[np.bool_]
# What registration is taken to leave at an edge, in mm.
_MISALIGNED_MM = 0.25
_SHADING_MM = 18.0
# In the brain. Two visits of one sequence reach 0.95 and more; T1w with and without contrast agent 0.6, others less.
LEAST_CORRELATION = 0.7


@dataclass(frozen=True)
class Change:
    """A map of change.

    Attributes:
        difference: after - before, in the unit of before, (K, J, I).
        score: the difference through what noise and edges alone make of it.
        noise: standard deviation of the difference away from edges.
    """

    difference: Values
    score: Values
    noise: float


@dataclass(frozen=True)
class Candidate:
    """A place that has changed.

    Attributes:
        label: value in the candidates' label map, from 1, the strongest first.
        kind: "new or grown", or "faded".
        centre_ras_mm: its middle.
        volume_ml: of its voxels.
        score: largest score (absolute value) in it.
        contrast: mean difference in it through the brain's typical brightness, per cent.
    """

    label: int
    kind: str
    centre_ras_mm: tuple[float, float, float]
    volume_ml: float
    score: float
    contrast: float


def matched(before: Values, after: Values, brain: Inside, geometry: Geometry) -> Values:
    """``after`` with the brightness and the shading of ``before``.

    A robust line through brain voxels, then the smooth part of the ratio (differential bias correction, Lewis and Fox
    2004); lesions are too small to be taken for shading.

    Raises:
        InputError: if the images have nothing to do with each other in the brain.
    """
    from scipy import ndimage

    x, y = before[brain].astype(np.float64), after[brain].astype(np.float64)
    keep = np.ones(x.size, bool)
    slope, offset = 1.0, 0.0
    for _ in range(6):
        slope, offset = np.polyfit(x[keep], y[keep], 1)
        left = y - slope * x - offset
        keep = np.abs(left - np.median(left[keep])) < 2.5 * 1.4826 * np.median(np.abs(left[keep])) + 1e-9
    alike = float(np.corrcoef(x, y)[0, 1])
    if slope <= 0 or alike < LEAST_CORRELATION:
        raise InputError(f"The two images do not resemble each other in the brain (correlation {alike:.2f}; "
                         f"{LEAST_CORRELATION:.1f} is the least). Are they of the same sequence?")
    even = (after - offset) / slope
    typical = float(np.median(before[brain]))
    ratio = np.where(brain, np.log(np.maximum(even, 0.2 * typical) / np.maximum(before, 0.2 * typical)), 0.0)
    ratio = np.clip(ratio, -0.2, 0.2)
    width = [_SHADING_MM / s for s in geometry.spacing_kji_mm]
    weight = ndimage.gaussian_filter(brain.astype(np.float32), width)
    smooth = ndimage.gaussian_filter(ratio.astype(np.float32), width) / np.maximum(weight, 0.05)
    return np.asarray(even / np.exp(np.where(weight > 0.05, smooth, 0)), np.float32)


def change_between(before: Values, after: Values, brain: Inside, geometry: Geometry) -> Change:
    """The difference, and how much of it noise and edges cannot have made.

    Args:
        before, after: aligned and `matched`, (K, J, I).
        brain: where to judge noise.
        geometry: for the size of the voxels.
    """
    from scipy import ndimage

    difference = after - before
    spacing = geometry.spacing_kji_mm
    width = [min(0.7, 0.8 / s) for s in spacing]
    smooth = ndimage.gaussian_filter(difference, width)
    edge = np.sqrt(sum((g / s) ** 2 for g, s in zip(np.gradient(ndimage.gaussian_filter(before, width)), spacing,
                                                    strict=True)))
    flat = brain & (edge < np.quantile(edge[brain], 0.6))
    noise = 1.4826 * float(np.median(np.abs(smooth[flat] - np.median(smooth[flat])))) + 1e-9
    expected = np.sqrt(noise**2 + (_MISALIGNED_MM * edge) ** 2)
    return Change(np.asarray(difference, np.float32), np.asarray(smooth / expected, np.float32), noise)


def candidates(
    change: Change, before: Values, brain: Inside, geometry: Geometry, *, threshold: float = 4.5,
    least_ml: float = 0.015,
) -> tuple[npt.NDArray[np.uint16], Sequence[Candidate]]:
    """Places that have changed, the strongest first.

    Args:
        change: the map.
        before: the first visit.
        brain: where to look.
        geometry: of the grid.
        threshold: least score.
        least_ml: least volume.

    Returns:
        Label map, uint16 (K, J, I), and the list.
    """
    from scipy import ndimage

    voxel_ml = geometry.voxel_volume_mm3 / 1000
    labels = np.zeros(before.shape, np.uint16)
    typical = float(np.median(before[brain]))
    found: list[tuple[float, npt.NDArray[np.int64], str]] = []
    for sign in (1, -1):
        pieces, _ = ndimage.label((sign * change.score > threshold) & brain)
        for number, box in enumerate(ndimage.find_objects(pieces), 1):
            inside = pieces[box] == number
            if inside.sum() * voxel_ml < least_ml:
                continue
            at = np.argwhere(inside) + [s.start for s in box]
            score = float(np.abs(change.score[tuple(at.T)]).max())
            found.append((score, at, "new or grown" if sign > 0 else "faded"))
    listed = []
    for label, (score, at, kind) in enumerate(sorted(found, key=lambda f: -f[0]), 1):
        labels[tuple(at.T)] = label
        x, y, z = (float(c) for c in geometry.ras_from_kji(at.mean(axis=0)))
        contrast = 100 * float(change.difference[tuple(at.T)].mean()) / max(typical, 1e-9)
        listed.append(Candidate(label, kind, (x, y, z), len(at) * voxel_ml, score, contrast))
    return labels, listed


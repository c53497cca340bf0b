"""From evidence in voxels to lesions: a matched filter of several widths, then a rule for what cannot be a lesion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry

Map = npt.NDArray[np.float32]
Inside = npt.NDArray[np.bool_]
# Evidence of one voxel counts no more than this, for or against: noise has rare large values.
_AGAINST, _FOR = -1.5, 5.0
# Widths of the filter, in mm, and how much evidence counts at each: wide agreement is rarer by chance. Chosen on
# phantoms, where small widths find more of the small lesions.
_WIDTHS_MM = (0.6, 1.0, 1.6)
_WEIGHT_OF_WIDTH = (0.8, 1.0, 1.3)
# Outside the brain evidence is against a lesion.
_OUTSIDE = -1.0
# A voxel belongs to a lesion with at least this evidence.
_SURE = 0.5
# A place of which so much of the rim is CSF, or outside the brain, is choroid plexus, septum, a vessel or skin of the
# brain: even a lesion that stands on a ventricle has tissue round most of it.
_MOST_FLUID, _MOST_OUTSIDE = 0.65, 0.35


@dataclass(frozen=True)
class Found:
    """A lesion that was found.

    Attributes:
        label: in the label map, from 1, the surest first.
        score: largest filtered evidence in it.
        voxels: how many.
    """

    label: int
    score: float
    voxels: int


def filtered(evidence: Map, brain: Inside, geometry: Geometry) -> Map:
    """The best answer of the filters, (K, J, I); 0 outside the brain."""
    from scipy import ndimage

    cut = np.where(brain, np.clip(evidence, _AGAINST, _FOR), np.float32(_OUTSIDE)).astype(np.float32)
    best = np.full(cut.shape, -np.inf, np.float32)
    for width, weight in zip(_WIDTHS_MM, _WEIGHT_OF_WIDTH, strict=True):
        sigmas = [max(width / s, 0.0) if width > 0.35 * s else 0.0 for s in geometry.spacing_kji_mm]
        best = np.maximum(best, np.float32(weight) * ndimage.gaussian_filter(cut, sigmas, truncate=3.0))
    return np.where(brain, best, 0).astype(np.float32)


def lesions_in(
    evidence: Map, brain: Inside, fluid: Map, geometry: Geometry, *, threshold: float, least_ml: float
) -> tuple[npt.NDArray[np.uint16], list[Found]]:
    """Lesions, the surest first.

    Args:
        evidence: by `lesion_evidence`, (K, J, I).
        brain: where the brain is.
        fluid: how probable CSF is in each voxel.
        geometry: of the grid.
        threshold: least filtered evidence.
        least_ml: least volume.

    Returns:
        Label map, uint16 (K, J, I), and the list.
    """
    from scipy import ndimage

    score = filtered(evidence, brain, geometry)
    # A lesion reaches as far as evidence speaks for it, around a place that is sure enough.
    pieces, count = ndimage.label((score > 0) & (evidence > _SURE) & brain, structure=np.ones((3, 3, 3)))
    labels = np.zeros(brain.shape, np.uint16)
    if not count:
        return labels, []
    numbers = np.arange(1, count + 1)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    tops = np.asarray(ndimage.maximum(score, pieces, numbers))
    large = sizes * geometry.voxel_volume_mm3 / 1000 >= least_ml
    boxes = ndimage.find_objects(pieces)
    kept: list[tuple[float, int]] = []
    for n in np.flatnonzero((tops > threshold) & large).tolist():
        if _may_be_lesion(pieces, n + 1, boxes[n], brain, fluid):
            kept.append((float(tops[n]), n))
    found = []
    for label, (top, n) in enumerate(sorted(kept, key=lambda k: (-k[0], k[1])), 1):
        box = boxes[n]
        labels[box][pieces[box] == n + 1] = label
        found.append(Found(label, top, int(sizes[n])))
    return labels, found


def _may_be_lesion(pieces: npt.NDArray[Any], number: int, box: tuple[slice, ...], brain: Inside, fluid: Map
                   ) -> bool:
    from scipy import ndimage

    wide = tuple(slice(max(s.start - 2, 0), s.stop + 2) for s in box)
    inside = pieces[wide] == number
    rim = ndimage.binary_dilation(inside, iterations=2) & ~ndimage.binary_dilation(inside)
    if not rim.any():
        return True
    outside = ~brain[wide][rim]
    wet = fluid[wide][rim] > 0.5
    return bool(np.mean(outside) <= _MOST_OUTSIDE and np.mean(outside | wet) <= _MOST_FLUID)

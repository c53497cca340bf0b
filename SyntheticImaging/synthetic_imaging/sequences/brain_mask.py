"""The brain in an MR image of a head, by brightness and shape: skull and CSF are a dark or a bright gap around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry

Inside = npt.NDArray[np.bool_]
_WORK_MM = 2.0
_SKIN_MM = 6.0
# A brain and what is left of it in a slab of a few centimetres, in ml.
_LEAST_ML, _MOST_ML = 60.0, 2500.0


def brain_mask(voxels: npt.NDArray[np.float32], geometry: Geometry) -> Inside:
    """Where the brain is, with the CSF inside it.

    The tissue deep in the head gives the brightness; what is as bright, more than 6 mm under the skin, and stays in one
    piece when bridges of less than a centimetre are cut (to eyes, scalp, neck) is the brain. For T1w, FLAIR, PD,
    T2w and DIR; in T2w and PD the CSF around the brain comes along.

    Args:
        voxels: (K, J, I), evened out (`shading.evened`), not negative.
        geometry: for the size of the voxels.

    Raises:
        InputError: if there is nothing of the size of a brain.
    """
    from scipy import ndimage

    spacing = np.array(geometry.spacing_kji_mm)
    work = np.maximum(spacing, _WORK_MM)
    image = ndimage.zoom(voxels, spacing / work, order=1) if np.any(spacing < work) else voxels
    spacing_found = spacing * np.array(voxels.shape) / np.array(image.shape)
    head = _head(image)
    depth = depth_mm(head, spacing_found)
    deep = head & (depth > min(35.0, 0.55 * float(depth.max())))
    if np.count_nonzero(deep) < 100:
        raise InputError("No brain was found: there is hardly any head in the image.")
    typical = float(np.median(image[deep & (image > 0.2 * np.quantile(image[deep], 0.9))]))
    tissue = (image > 0.55 * typical) & (image < 1.9 * typical) & (depth > _SKIN_MM)
    # Where white matter is dark (DIR), the cortex is all there is, and thin: then thinner bridges are kept.
    enough = 0.6 * np.count_nonzero(depth > 18.0)
    closed_mm = 5.0 if float(np.mean(tissue[deep])) > 0.6 else 14.0
    for bridge_mm in (5.0, 2.4):
        brain = _in_one_piece(tissue, deep, spacing_found, bridge_mm, closed_mm)
        if np.count_nonzero(brain) >= enough:
            break
    volume_ml = float(brain.sum() * np.prod(spacing_found)) / 1000
    if not _LEAST_ML < volume_ml < _MOST_ML:
        raise InputError(f"No brain was found: the largest piece of its brightness has {volume_ml:.0f} ml.")
    if brain.shape == voxels.shape:
        return brain
    share = ndimage.zoom(brain.astype(np.float32), np.array(voxels.shape) / np.array(brain.shape), order=1)
    return np.asarray(share > 0.5)


def _head(image: npt.NDArray[np.float32]) -> Inside:
    from scipy import ndimage

    # Skin is faint where fat is suppressed and echoes are long: all that is above the air counts.
    top = float(np.quantile(image, 0.98))
    even = ndimage.gaussian_filter(image, 0.8)
    air = even[even < 0.10 * top]
    middle = float(np.median(air)) if air.size else 0.0
    noise = 1.4826 * float(np.median(np.abs(air - middle))) if air.size else 0.0
    bright = even > min(max(middle + 6.0 * noise, 0.03 * top), 0.10 * top)
    closed = ndimage.binary_closing(np.pad(bright, 3), iterations=2)[3:-3, 3:-3, 3:-3]
    filled = np.stack([ndimage.binary_fill_holes(part) for part in closed])
    return _largest(ndimage.binary_opening(filled))


def depth_mm(inside: Inside, spacing: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Distance to the outside in mm; the first and last slice are cuts, not skin."""
    from scipy import ndimage

    padded = np.pad(inside, 1)
    padded[0], padded[-1] = padded[1], padded[-2]
    return np.asarray(ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1, 1:-1])


def _in_one_piece(
    tissue: Inside, deep: Inside, spacing: npt.NDArray[np.float64], bridge_mm: float, closed_mm: float
) -> Inside:
    """Thin bridges cut, the piece round the middle kept, its surface and its holes given back."""
    from scipy import ndimage

    core = depth_mm(tissue, spacing) > bridge_mm
    pieces, _ = ndimage.label(core)
    names, counts = np.unique(pieces[deep & core], return_counts=True)
    if not names.size:
        return np.zeros(tissue.shape, bool)
    kept = pieces == names[counts.argmax()]
    reach = ndimage.distance_transform_edt(~kept, sampling=spacing)
    brain = tissue & (reach <= bridge_mm + 1.2)
    # Ventricles and sulci, and white matter where it is dark.
    pad = int(np.ceil(closed_mm / spacing.min())) + 1
    wide = ndimage.distance_transform_edt(~np.pad(brain, pad), sampling=spacing) <= closed_mm
    closed: Any = ndimage.distance_transform_edt(wide, sampling=spacing) > closed_mm
    closed = np.asarray(closed[pad:-pad, pad:-pad, pad:-pad]) | brain
    return np.stack([ndimage.binary_fill_holes(part) for part in closed])


def _largest(inside: Inside) -> Inside:
    from scipy import ndimage

    pieces, count = ndimage.label(inside)
    if not count:
        return inside
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray(pieces == sizes.argmax())

"""A mask drawn on another volume's voxels, carried over to the voxels at hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask


def carry_over(mask: Mask, grid: Geometry) -> Mask:
    """The mask on another grid: each voxel takes the label of the nearest voxel at its place in the patient.

    Args:
        mask: layers (K, J, I) on its own grid.
        grid: the grid wanted; any spacing, direction and shear.

    Returns:
        The mask on ``grid``; voxels outside the mask's own grid are empty.
    """
    layers = np.zeros((mask.layers.shape[0], *grid.shape), dtype=mask.layers.dtype)
    step = mask.geometry.ras_to_ijk @ grid.ijk_to_ras  # grid's I, J, K to the mask's I, J, K
    size = mask.geometry.shape[::-1]
    j, i = np.meshgrid(np.arange(grid.shape[1]), np.arange(grid.shape[2]), indexing="ij")
    for k in range(grid.shape[0]):  # slice by slice: index arrays of a whole CT would take gigabytes
        source = [np.rint(row[0] * i + row[1] * j + row[2] * k + row[3]).astype(np.intp) for row in step[:3]]
        inside = np.logical_and.reduce([(s >= 0) & (s < n) for s, n in zip(source, size, strict=True)])
        if inside.any():
            at = tuple(s[inside] for s in source[::-1])
            for layer, target in zip(mask.layers, layers, strict=True):
                target[k][inside] = layer[at]
    return replace(mask, layers=layers, geometry=grid, dicom=None)

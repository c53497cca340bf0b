"""An abdomen for timing: body, liver with vessels, noise. 256 x 256 x 128 voxels of 1 mm."""

from __future__ import annotations

import numpy as np

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask
from synthetic_imaging.volume import Volume

SHAPE = (128, 256, 256)


def abdomen() -> tuple[Volume, Mask]:
    """CT (int16 HU) and liver of about a litre."""
    rng = np.random.default_rng(2023)
    k, j, i = (np.arange(n, dtype=np.float32).reshape([-1 if a == b else 1 for b in range(3)])
               for a, n in enumerate(SHAPE))
    body = ((j - 128) / 90) ** 2 + ((i - 128) / 120) ** 2 < 1
    liver = ((k - 64) / 50) ** 2 + ((j - 120) / 60) ** 2 + ((i - 95) / 80) ** 2 < 1
    vessel = liver & (np.hypot((j - 120) - 6 * np.sin(k / 14), (i - 95) - 0.4 * (k - 64)) < 4)
    voxels = np.full(SHAPE, -1000, dtype=np.float32)
    voxels[np.broadcast_to(body, SHAPE)] = 40
    voxels[liver] = 110
    voxels[vessel] = 165
    voxels += rng.normal(0, 12, SHAPE).astype(np.float32)
    geometry = Geometry.from_spacing(SHAPE)
    return Volume.ct(voxels.astype(np.int16), geometry), Mask.single(liver, geometry, "liver")

"""From a pyramid of beams to a grid of cubes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.kernels import REORDERED, kernel, prange
from synthetic_imaging.physics.ultrasound import BeamGrid

Floats = npt.NDArray[np.float32]


def to_cubes(samples: Floats, beams: BeamGrid, shape_kji: tuple[int, int, int], spacing_mm: float) -> Floats:
    """Interpolate samples on a Cartesian grid: K is depth from the probe, J azimuth and I elevation, both centred.

    Args:
        samples: (range, elevation, azimuth).
        beams: where they lie.
        shape_kji, spacing_mm: the grid; its first slice touches the probe.

    Returns:
        (K, J, I) float32; 0 outside the pyramid.
    """
    out = np.zeros(shape_kji, dtype=np.float32)
    first = [float(a[0]) for a in (beams.ranges_mm, beams.elevations, beams.azimuths)]
    _resample(np.ascontiguousarray(samples), np.array(first), np.array(beams.steps), float(spacing_mm), out)
    return out


@kernel(parallel=True, fastmath=REORDERED)
def _resample(samples: Any, first: Any, steps: Any, spacing: float, out: Any) -> None:
    nr, ne, na = samples.shape
    for k in prange(out.shape[0]):
        z = (k + 0.5) * spacing
        for j in range(out.shape[1]):
            y = (j - 0.5 * (out.shape[1] - 1)) * spacing
            azimuth = (np.arctan(y / z) - first[2]) / steps[2]
            for i in range(out.shape[2]):
                x = (i - 0.5 * (out.shape[2] - 1)) * spacing
                r = (np.sqrt(x * x + y * y + z * z) - first[0]) / steps[0]
                e = (np.arctan(x / z) - first[1]) / steps[1]
                if r < 0 or e < 0 or azimuth < 0 or r > nr - 1 or e > ne - 1 or azimuth > na - 1:
                    continue
                r0, e0, a0 = min(int(r), nr - 2), min(int(e), ne - 2), min(int(azimuth), na - 2)
                fr, fe, fa = r - r0, e - e0, azimuth - a0
                total = 0.0
                for a in range(2):
                    for b in range(2):
                        for c in range(2):
                            weight = (fr if a else 1 - fr) * (fe if b else 1 - fe) * (fa if c else 1 - fa)
                            total += weight * samples[r0 + a, e0 + b, a0 + c]
                out[k, j, i] = total

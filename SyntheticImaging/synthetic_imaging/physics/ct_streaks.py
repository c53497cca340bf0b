"""Streaks and beam hardening from dense matter, by way of its projections.

Dense voxels of a slice are projected; what a polychromatic beam and moving contrast do to the projections (a part that
grows with the square of the path, and a part that differs from view to view) is filtered with the ramp and projected
back (De Man et al. 1999 name these causes). Views are few, as streaks are wide.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.kernels import REORDERED, kernel, prange

Floats = npt.NDArray[np.float32]
_DENSE_HU = 380.0
_VIEWS = 60
_SQUARE = 0.30
_UNSTEADY = 1.6


def streaks(hounsfield: Floats, spacing_kji_mm: tuple[float, float, float], rng: np.random.Generator) -> Floats:
    """What to add to the image, in HU; zero in slices without matter above 380 HU."""
    from scipy import fft

    dense: Floats = np.clip(hounsfield.astype(np.float32) - _DENSE_HU, 0, 1500) / np.float32(1000)
    out: Floats = np.zeros(dense.shape, dtype=np.float32)
    slices = np.flatnonzero(dense.any(axis=(1, 2)))
    if slices.size == 0:
        return out
    step = float(min(spacing_kji_mm[1:]))
    j, i = dense.shape[1:]
    half_width = 0.5 * math.hypot(j * spacing_kji_mm[1], i * spacing_kji_mm[2])
    bins = int(2 * half_width / step) + 4
    sinograms = np.zeros((slices.size, _VIEWS, bins), dtype=np.float32)
    angles = (np.arange(_VIEWS) + rng.uniform()) * np.pi / _VIEWS
    _project(dense, slices, np.cos(angles), np.sin(angles), spacing_kji_mm[1], spacing_kji_mm[2], step, sinograms)
    # Path in units of cm of water; adjacent slices share the views' unsteadiness (contrast moves slowly).
    path = sinograms * np.float32(step / 10)
    unsteady = rng.standard_normal((1, _VIEWS, 1), dtype=np.float32)
    change = path * path * np.float32(-_SQUARE) + path * unsteady * np.float32(_UNSTEADY)
    size = fft.next_fast_len(2 * bins, real=True)
    ramp = (np.fft.rfftfreq(size) * np.exp2(-((np.fft.rfftfreq(size) / 0.42) ** 2))).astype(np.float32)
    filtered = fft.irfft(fft.rfft(change, size, axis=2) * ramp, size, axis=2)[:, :, :bins]
    filtered *= np.float32(1000 * np.pi / _VIEWS * 10 / step)
    _project_back(
        np.ascontiguousarray(filtered), slices, np.cos(angles), np.sin(angles), spacing_kji_mm[1], spacing_kji_mm[2],
        step, out,
    )  # fmt: skip
    return out


@kernel(parallel=True, fastmath=REORDERED)
def _project(
    dense: Any, slices: Any, cosines: Any, sines: Any, step_j: float, step_i: float, step: float, out: Any
) -> None:
    middle = 0.5 * (out.shape[2] - 1)
    area = step_j * step_i / step / step
    for s in prange(slices.size):
        k = slices[s]
        for j in range(dense.shape[1]):
            y = (j - 0.5 * (dense.shape[1] - 1)) * step_j
            for i in range(dense.shape[2]):
                value = dense[k, j, i]
                if value > 0:
                    x = (i - 0.5 * (dense.shape[2] - 1)) * step_i
                    for view in range(cosines.size):
                        at = (x * cosines[view] + y * sines[view]) / step + middle
                        b = int(at)
                        share = at - b
                        out[s, view, b] += (1 - share) * value * area
                        out[s, view, b + 1] += share * value * area


@kernel(parallel=True, fastmath=REORDERED)
def _project_back(
    rows: Any, slices: Any, cosines: Any, sines: Any, step_j: float, step_i: float, step: float, out: Any
) -> None:
    middle = 0.5 * (rows.shape[2] - 1)
    for s in prange(slices.size):
        k = slices[s]
        for j in range(out.shape[1]):
            y = (j - 0.5 * (out.shape[1] - 1)) * step_j
            for i in range(out.shape[2]):
                x = (i - 0.5 * (out.shape[2] - 1)) * step_i
                total = 0.0
                for view in range(cosines.size):
                    at = (x * cosines[view] + y * sines[view]) / step + middle
                    b = int(at)
                    share = at - b
                    total += (1 - share) * rows[s, view, b] + share * rows[s, view, b + 1]
                out[k, j, i] = total

"""The inner texture of a drawn lesion, made only where the lesion is.

Hu et al. 2023 smooth a thresholded noise field of 420 x 300 x 320 voxels made beforehand and cut a random piece out
of it for each case. A lesion sees only a few centimetres of it, so here the same field is drawn on a coarse grid
around the lesion alone. What the large field contributes (its extremes, its conditional mean) is known in closed form:

1. a0 = smoothed uniform noise, min-max scaled: Gaussian with the extremes expected for that many independent cells;
2. a = U(0.19, 0.21) a0 + U(0.04, 0.06): the probability of a grain;
3. grains smoothed with sigma_b, scaled so that the mean over values above 0.12 is U(0.50, 0.55), clipped to 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage, stats

FULL_FIELD_VOXELS = 420 * 300 * 320
PADDING_SIGMAS = 3.0
SIGMA_A_MM = (3.0, 6.0, 9.0, 12.0, 15.0)
SIGMA_B_MM = (4.0, 7.0)


@dataclass(frozen=True, eq=False)
class Texture:
    """A field on a coarse RAS-aligned grid.

    Attributes:
        values: float32 (R, A, S) array in 0..1; mean about 0.5.
        spacing_mm: grid step, the same on all axes.
        origin_ras_mm: position of ``values[0, 0, 0]``.
        mean: mean that the endless field would have; dividing by it gives a factor around one.
    """

    values: npt.NDArray[np.float32]
    spacing_mm: float
    origin_ras_mm: npt.NDArray[np.float64]
    mean: float

    def centred(self) -> Texture:
        """The texture measured against its own mean here: for a contrast that was asked for, not drawn."""
        return replace(self, mean=float(self.values.mean()))

    def centred_on(self, ras_mm: npt.NDArray[np.float64]) -> Texture:
        """The texture measured against its mean at the given points (N, 3)."""
        places = (ras_mm - self.origin_ras_mm) / self.spacing_mm
        values = ndimage.map_coordinates(self.values, places.T, order=1, mode="nearest")
        return replace(self, mean=float(values.mean()))


def make_texture(
    low_ras_mm: npt.NDArray[np.float64], high_ras_mm: npt.NDArray[np.float64], rng: np.random.Generator,
    sigma_a_mm: float | None = None, sigma_b_mm: float | None = None,
) -> Texture:
    """Texture over a RAS-aligned block of the patient.

    Args:
        low_ras_mm, high_ras_mm: corners of the block.
        rng: the run's generator.
        sigma_a_mm, sigma_b_mm: width of the blotches and of the grains; drawn from the published sets when None.
    """
    sigma_a = float(rng.choice(SIGMA_A_MM)) if sigma_a_mm is None else sigma_a_mm
    sigma_b = float(rng.choice(SIGMA_B_MM)) if sigma_b_mm is None else sigma_b_mm
    step = sigma_b / 1.5
    shape = tuple(int(np.ceil(d / step)) + 2 for d in (high_ras_mm - low_ras_mm))
    pad = int(np.ceil(PADDING_SIGMAS * sigma_b / step))
    padded = tuple(n + 2 * pad for n in shape)

    blotches = _unit_gaussian_field(padded, sigma_a / step, rng)
    extreme = _expected_extreme(FULL_FIELD_VOXELS / (2 * np.sqrt(np.pi) * sigma_a) ** 3)
    gain, offset = rng.uniform(0.19, 0.21), rng.uniform(0.04, 0.06)
    probability = np.clip(gain * (0.5 + blotches / (2 * extreme)) + offset, 0.0, 1.0).astype(np.float32)

    # A coarse cell holds step**3 voxels of 1 mm, each a grain with that probability: the mean of a cell is binomial,
    # and after smoothing over some sixty cells not to be told from a normal one, which is drawn much faster.
    shot_noise = rng.standard_normal(padded, dtype=np.float32) * np.float32(step**-1.5)
    grains = probability + np.sqrt(probability * (1 - probability)) * shot_noise
    width = np.sqrt(max(sigma_b**2 - step**2 / 12, 0.25)) / step
    smooth = ndimage.gaussian_filter(grains, width, mode="nearest", truncate=PADDING_SIGMAS)
    field = smooth[pad : pad + shape[0], pad : pad + shape[1], pad : pad + shape[2]]

    mean_probability = gain * 0.5 + offset
    shot = mean_probability * (1 - mean_probability) / (2 * np.sqrt(np.pi) * sigma_b) ** 3
    spread = np.sqrt(shot + (gain / (2 * extreme)) ** 2 * (sigma_a**2 / (sigma_a**2 + sigma_b**2)) ** 1.5)
    scale = rng.uniform(0.50, 0.55) / _mean_above(0.12, mean_probability, spread)
    values = np.clip(field * scale, 0.0, 1.0).astype(np.float32)
    return Texture(np.ascontiguousarray(values), step, np.asarray(low_ras_mm, dtype=np.float64) - step / 2,
                   float(scale * mean_probability))


def _unit_gaussian_field(
    shape: tuple[int, ...], sigma_cells: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Gaussian field of mean 0 and variance 1 with a Gaussian kernel of ``sigma_cells``, made on a coarser grid."""
    coarse_step = max(1.0, sigma_cells / 2.0)
    pad = 2.0 * PADDING_SIGMAS  # in coarse cells: the kernel there is two cells wide
    sigma = sigma_cells / coarse_step
    coarse_shape = tuple(int(np.ceil(n / coarse_step + 2 * pad)) + 2 for n in shape)
    noise = rng.standard_normal(coarse_shape)
    smooth = ndimage.gaussian_filter(noise, sigma, mode="nearest", truncate=PADDING_SIGMAS)
    smooth *= (2 * np.sqrt(np.pi) * sigma) ** 1.5
    if coarse_step == 1.0:
        start = int(pad)
        return np.asarray(smooth[tuple(slice(start, start + n) for n in shape)])
    for axis, n in enumerate(shape):
        smooth = _stretched(smooth, axis, pad + np.arange(n) / coarse_step)
    return smooth


def _stretched(
    array: npt.NDArray[np.float64], axis: int, places: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Linear interpolation along one axis; the field varies over two cells, so the error is small."""
    low = np.floor(places).astype(np.intp)
    weight_shape = [1] * array.ndim
    weight_shape[axis] = -1
    weight = (places - low).reshape(weight_shape)
    return np.take(array, low, axis=axis) * (1 - weight) + np.take(array, low + 1, axis=axis) * weight


def _expected_extreme(cells: float) -> float:
    """Expected maximum of ``cells`` independent standard normal values (extreme value theory)."""
    root = np.sqrt(2 * np.log(max(cells, 3.0)))
    return float(root - (np.log(np.log(max(cells, 3.0))) + np.log(4 * np.pi)) / (2 * root) + 0.5772 / root)


def _mean_above(threshold: float, mean: float, spread: float) -> float:
    """Mean of a normal variable, given that it is above a threshold."""
    z = (threshold - mean) / max(spread, 1e-9)
    return float(mean + spread * stats.norm.pdf(z) / max(float(stats.norm.sf(z)), 1e-9))

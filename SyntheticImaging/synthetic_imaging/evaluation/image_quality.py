"""How far an image is from its reference, voxel by voxel.

The reference comes second and gives the range or the norm; MAE and RMSE are the same with the two exchanged. A region
(``mask``) restricts every measure to its voxels.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.evaluation.arrays import Array, FloatArray, above_zero, image_pair, region_of


def mae(image: npt.ArrayLike, reference: npt.ArrayLike, mask: npt.ArrayLike | None = None) -> float:
    """Mean absolute error, in the images' unit.

    Args:
        image: any shape.
        reference: of the same shape.
        mask: average only where this is not zero.

    Raises:
        InputError: for different shapes, an empty region, or values that are not finite.
    """
    one, other = _pair(image, reference, mask)
    return float(np.abs(_difference(one, other)).mean())


def rmse(image: npt.ArrayLike, reference: npt.ArrayLike, mask: npt.ArrayLike | None = None) -> float:
    """Root of the mean squared error, in the images' unit. Arguments and errors as `mae`."""
    one, other = _pair(image, reference, mask)
    return math.sqrt(_mean_square(_difference(one, other)))


def nmse(image: npt.ArrayLike, reference: npt.ArrayLike, mask: npt.ArrayLike | None = None) -> float:
    """Squared error through the squared norm of the reference: ``|x - r|^2 / |r|^2`` (as in fastMRI, Zbontar 2018).

    Raises:
        InputError: as `mae`, or if the reference is zero everywhere.
    """
    one, other = _pair(image, reference, mask)
    norm = _mean_square(other.astype(np.float64))
    if norm == 0:
        raise InputError("The reference is zero everywhere: an error relative to it has no meaning.")
    return _mean_square(_difference(one, other)) / norm


def psnr(
    image: npt.ArrayLike,
    reference: npt.ArrayLike,
    data_range: float | None = None,
    mask: npt.ArrayLike | None = None,
) -> float:
    """Peak signal-to-noise ratio in dB, ``10 log10(L^2 / MSE)``; infinite for equal images.

    Args:
        image: any shape.
        reference: of the same shape.
        data_range: L, span of the values that can occur, above 0; None takes the reference's largest minus smallest
            (inside the mask).
        mask: average only where this is not zero.

    Raises:
        InputError: as `mae`, or if the reference is constant and no range is given.
    """
    one, other = _pair(image, reference, mask)
    if data_range is None:
        low, high = float(other.min()), float(other.max())
        if low == high:
            raise InputError(f"The reference is constant ({low:g}), so it has no range: give data_range.")
        span = high - low
    else:
        span = above_zero(data_range, "The range of the data")
    error = _mean_square(_difference(one, other))
    return math.inf if error == 0 else 20 * math.log10(span) - 10 * math.log10(error)


def _pair(image: npt.ArrayLike, reference: npt.ArrayLike, mask: npt.ArrayLike | None) -> tuple[Array, Array]:
    one, other = image_pair(image, reference)
    region = region_of(mask, one.shape)
    return (one, other) if region is None else (one[region], other[region])


def _difference(one: Array, other: Array) -> FloatArray:
    return np.asarray(np.subtract(one, other, dtype=np.float64))


def _mean_square(values: FloatArray) -> float:
    flat = values.reshape(-1)
    return float(np.dot(flat, flat)) / flat.size

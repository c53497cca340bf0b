"""What arrays the metrics take: checks that end in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def plain(given: npt.ArrayLike, what: str) -> Array:
    """An array of real numbers.

    Raises:
        InputError: if it is empty, or holds text, objects or complex numbers.
    """
    array = np.asarray(given)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{what} must hold real numbers, not {array.dtype}.")
    if array.size == 0:
        raise InputError(f"{what} is empty.")
    return array


def finite(given: npt.ArrayLike, what: str) -> Array:
    """An array of finite real numbers.

    Raises:
        InputError: as `plain`, or if something is NaN or infinite.
    """
    array = plain(given, what)
    # A sum or extreme of finite numbers may overflow; only then is it worth looking at each.
    if array.dtype.kind == "f" and not np.isfinite(array.min() + array.max()) and not np.isfinite(array).all():
        bad = int(array.size - np.count_nonzero(np.isfinite(array)))
        raise InputError(f"{what} has {bad:,} values that are not numbers (NaN or infinite). Repair it first.")
    return array


def image_pair(image: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[Array, Array]:
    """Two finite images of one shape.

    Raises:
        InputError: if they differ in shape or hold something that is not a finite number.
    """
    one, other = finite(image, "The image"), finite(reference, "The reference image")
    same_shape(one, other, "The image", "the reference")
    return one, other


def same_shape(one: Array, other: Array, what: str, partner: str) -> None:
    """Refuse two arrays of different shapes.

    Raises:
        InputError: naming both.
    """
    if one.shape != other.shape:
        shapes = f"{what} is {times(one.shape)}, {partner} {times(other.shape)}"
        raise InputError(f"{shapes}: resample one to the other first.")


def region_of(mask: npt.ArrayLike | None, shape: tuple[int, ...]) -> BoolArray | None:
    """A region of interest as truth values, or None.

    Raises:
        InputError: if it has another shape or holds nothing.
    """
    if mask is None:
        return None
    region: BoolArray = np.asarray(np.asarray(mask) != 0)
    if region.shape != shape:
        raise InputError(f"The region is {times(region.shape)}, the image {times(shape)}: they must lie on one grid.")
    if not region.any():
        raise InputError("The region holds no voxel. Draw it, or give none.")
    return region


def feature_set(given: npt.ArrayLike, what: str, at_least: int = 2) -> FloatArray:
    """Features (N, D) in double precision.

    Raises:
        InputError: if they are not a finite table with at least ``at_least`` rows.
    """
    array = finite(given, what)
    if array.ndim != 2:
        raise InputError(f"{what} must be a table of cases by features (N, D), not of shape {times(array.shape)}.")
    if array.shape[0] < at_least:
        raise InputError(f"{what} are of {array.shape[0]} cases; at least {at_least} are needed.")
    return np.ascontiguousarray(array, dtype=np.float64)


def feature_pair(
    real: npt.ArrayLike, generated: npt.ArrayLike, at_least: int = 2
) -> tuple[FloatArray, FloatArray]:
    """Features of real and of generated images, from one network.

    Raises:
        InputError: as `feature_set`, or if their lengths differ.
    """
    one = feature_set(real, "The features of the real images", at_least)
    other = feature_set(generated, "The features of the generated images", at_least)
    if one.shape[1] != other.shape[1]:
        raise InputError(
            f"Real images have {one.shape[1]} features, generated ones {other.shape[1]}: take both from one network."
        )
    return one, other


def measured(given: npt.ArrayLike, what: str, at_least: int = 2) -> FloatArray:
    """A list (N,) of finite measurements in double precision.

    Raises:
        InputError: if it is no list, has fewer than ``at_least`` values, or one is not finite.
    """
    array = finite(given, what)
    if array.ndim != 1:
        raise InputError(f"{what} must be a list of numbers, not of shape {times(array.shape)}.")
    if array.size < at_least:
        cases = "1 case" if array.size == 1 else f"{array.size} cases"
        raise InputError(f"{what} holds {cases}; at least {at_least} are needed.")
    return np.asarray(array, dtype=np.float64)


def above_zero(value: float, what: str) -> float:
    """A finite number above 0.

    Raises:
        ParameterError: if it is not.
    """
    if not (np.isfinite(value) and value > 0):
        raise ParameterError(f"{what} must be a number above 0, not {value:g}.")
    return float(value)


def times(shape: tuple[int, ...]) -> str:
    """A shape in words: ``2 x 3``."""
    return " x ".join(str(n) for n in shape) or "a single number"

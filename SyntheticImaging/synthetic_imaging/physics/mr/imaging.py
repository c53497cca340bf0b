"""From a signal to an image: thick slices, uneven coils, noise, in this order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.physics.mr.tissue import Values


def thick_slices(signal: Values, factor: int, *, gap: int = 0, axis: int = 0) -> Values:
    """Mean of the signed signal over the thickness of each slice; magnitude comes after.

    Args:
        signal: (K, J, I) on thin slices.
        factor: thin slices in a thick one.
        gap: thin slices left out between two thick ones.
        axis: 0 for K.

    Returns:
        Fewer slices along ``axis``; thin ones at the end that fill no slice are left out.

    Raises:
        ParameterError: for a factor below 1, a gap below 0, or an image with fewer slices.
    """
    if factor < 1 or gap < 0:
        raise ParameterError("A slice is at least one thin slice thick, and a gap is not negative.")
    step, length = factor + gap, signal.shape[axis]
    count = (length + gap) // step
    if count < 1:
        raise ParameterError(f"The image has {length} slices; a slice of {factor} does not fit in.")
    moved = np.moveaxis(signal, axis, 0)
    kept = [moved[n * step : n * step + factor].mean(axis=0) for n in range(count)]
    return np.moveaxis(np.stack(kept), 0, axis).astype(np.float32)


def coil_shading(
    shape_kji: tuple[int, ...], rng: np.random.Generator, strength: float = 0.2, waves: int = 2
) -> Values:
    """A smooth factor with mean 1: what a receiver coil makes of an even object (a "bias field").

    A sum of cosines of up to ``waves`` half-waves along each axis, with random weights that fall with frequency, as an
    exponent; so it is above 0 everywhere.

    Args:
        shape_kji: of the image.
        rng: where the weights come from.
        strength: largest deviation of the exponent; 0.2 is from about -18 to +22 %.
        waves: half-waves.

    Raises:
        ParameterError: for a strength outside 0 to 2, or waves outside 1 to 8.
    """
    if not 0 <= strength <= 2 or not 1 <= waves <= 8:
        raise ParameterError("A coil's shading has a strength of 0 to 2 and 1 to 8 half-waves.")
    axes = [np.cos(np.pi * np.outer(np.arange(waves + 1), (np.arange(n) + 0.5) / n)) for n in shape_kji]
    order = np.add.outer(np.add.outer(np.arange(waves + 1) ** 2, np.arange(waves + 1) ** 2), np.arange(waves + 1) ** 2)
    weights = rng.standard_normal(order.shape) / np.maximum(order, 1)
    weights[0, 0, 0] = 0.0
    field = np.einsum("abc,ak,bj,ci->kji", weights, *axes, optimize=True)
    exponent = strength * field / max(float(np.abs(field).max()), 1e-12)
    factor = np.exp(exponent)
    return np.asarray(factor / factor.mean(), np.float32)


def with_noise(signal: Values, sigma: float, rng: np.random.Generator) -> Values:
    """Magnitude of a signal with complex Gaussian noise: Rician (Gudbjartsson and Patz 1995, MRM 34).

    Args:
        signal: signed or magnitude, any shape.
        sigma: standard deviation of the noise in each of the two channels, in the signal's unit.
        rng: where the noise comes from.

    Raises:
        ParameterError: for a sigma below 0.
        InputError: for a signal that holds values that are not finite.
    """
    if not (np.isfinite(sigma) and sigma >= 0):
        raise ParameterError(f"The noise is {sigma:g}; it must be 0 or more.")
    if not np.isfinite(signal).all():
        raise InputError("The signal holds values that are not finite numbers.")
    real: npt.NDArray[np.float32] = signal + sigma * rng.standard_normal(signal.shape, np.float32)
    imaginary = sigma * rng.standard_normal(signal.shape, np.float32)
    return np.asarray(np.hypot(real, imaginary), np.float32)

"""From images to states of tissue: what the images say about each voxel, and what they leave open.

Each image is a gain times the signal of the voxel's state, with an error. Gains and errors are found by expectation
maximisation over voxels of the brain; then each voxel's states are weighed by Bayes' rule. Whatever is wanted, another
contrast or a relaxation time, is its mean over the states, and its standard deviation says how far the images leave it
open. Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.sequences.products import product
from synthetic_imaging.sequences.states import TissueStates, Values

_LEVELS = 160  # grey levels of an image that are told apart
_LEAST_ERROR = 0.03  # of the gain times the usual signal: protocols are never known exactly
_BLOCK = 8192
_SETTLED = 1e-3  # gain of log-likelihood in a round below which the maximisation ends


@dataclass(frozen=True)
class Calibration:
    """How images and signals belong together.

    Attributes:
        gains: image value of a signal of 1, one for each image.
        errors: standard deviation of an image about what its state predicts, in the image's unit.
        log_likelihood: mean over the voxels, with images in units of their own errors' scale; higher fits better.
    """

    gains: npt.NDArray[np.float64]
    errors: npt.NDArray[np.float64]
    log_likelihood: float


def calibrate(images: Values, signals: Values, weight: Values, rounds: int = 40) -> Calibration:
    """Gains and errors by expectation maximisation.

    Args:
        images: (voxels, images), of the brain; some thousands are enough.
        signals: (states, images): of each state, for the same sequences.
        weight: (states,).
        rounds: of the maximisation.
    """
    images64, signals64 = images.astype(np.float64), signals.astype(np.float64)
    best: Calibration | None = None
    # Two starts: where the bright voxels are, and where the middle ones are.
    for level in (0.5, 0.9):
        start = np.quantile(images64, level, axis=0) / np.maximum(_weighted_quantile(signals64, weight, level), 1e-6)
        found = _maximised(images64, signals64, weight.astype(np.float64), start, rounds)
        if best is None or found.log_likelihood > best.log_likelihood:
            best = found
    assert best is not None
    return best


def _maximised(
    images: npt.NDArray[np.float64], signals: npt.NDArray[np.float64], weight: npt.NDArray[np.float64],
    gains: npt.NDArray[np.float64], rounds: int,
) -> Calibration:
    typical = np.median(images, axis=0)
    floor = np.maximum(_LEAST_ERROR * typical, 1e-9)
    errors = np.maximum(0.15 * typical, floor)
    likelihood = -np.inf
    for _ in range(rounds):
        before = likelihood
        share, evidence = _responsibilities(images, signals * gains, errors, np.log(weight))
        # Evidence per voxel in units of the typical value, so that another gain or unit of an image changes nothing.
        likelihood = float(np.mean(evidence) - np.log(errors / typical).sum())
        total = share.sum(axis=0)
        power = np.maximum((total[:, None] * signals**2).sum(axis=0), 1e-12)
        shared = product(images.T, share)
        gains = (shared * signals.T).sum(axis=1) / power
        predicted = signals * gains
        square = ((images**2).sum(axis=0) - 2 * (shared.T * predicted).sum(axis=0)
                  + (total[:, None] * predicted**2).sum(axis=0))
        errors = np.maximum(np.sqrt(np.maximum(square, 0) / len(images)), floor)
        if likelihood - before < _SETTLED:
            break
    # Single precision: the last digits of sums depend on the processor.
    return Calibration(gains.astype(np.float32).astype(np.float64), errors.astype(np.float32).astype(np.float64),
                       likelihood)


def _responsibilities(
    images: npt.NDArray[np.float64], predicted: npt.NDArray[np.float64], errors: npt.NDArray[np.float64],
    log_weight: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(voxels, states) shares, and the logarithm of what they were divided by, without the normal's constant."""
    scaled, states = images / errors, predicted / errors
    # Exponentials take the time: float32 is enough for shares.
    logits = product(scaled.astype(np.float32), states.T.astype(np.float32))
    logits += (log_weight - 0.5 * (states**2).sum(axis=1)).astype(np.float32)[None]
    top = logits.max(axis=1, keepdims=True)
    np.exp(logits - top, out=logits)
    total = logits.sum(axis=1, keepdims=True)
    logits /= total
    return logits.astype(np.float64), (top + np.log(total))[:, 0] - 0.5 * (scaled**2).sum(axis=1)


@dataclass(frozen=True)
class Posterior:
    """Mean and standard deviation of each wanted quantity in each voxel.

    Attributes:
        mean, deviation: (wanted, voxels), in the quantities' units.
        misfit: (voxels,): how many of its errors an image lies from what the best states predict, mean square root
            over the images.
    """

    mean: Values
    deviation: Values
    misfit: Values


def posterior(
    images: Values, calibration: Calibration, states: TissueStates, signals: Values, wanted: Many[Values], run: Run
) -> Posterior:
    """What the images say about each voxel.

    Voxels with the same grey levels (160 of them) have the same answer, which is computed once.

    Args:
        images: (voxels, images).
        calibration: of these images.
        states: what a voxel may hold.
        signals: (states, images).
        wanted: quantities of the states, (states,) each.
        run: progress and cancel.
    """
    top = np.maximum(np.quantile(images, 0.999, axis=0), 1e-9)
    step = top / _LEVELS
    levels = np.clip(np.rint(images / step), 0, 2 * _LEVELS).astype(np.int64)
    base = 2 * _LEVELS + 1
    key = np.zeros(len(images), np.int64)
    for column in levels.T:
        key = key * base + column
    _, first, back = np.unique(key, return_index=True, return_inverse=True)
    seen = levels[first] * step
    quantities = np.stack([*wanted, *(w.astype(np.float64) ** 2 for w in wanted)], axis=1).astype(np.float32)
    predicted = signals * calibration.gains
    scaled = (predicted / calibration.errors).astype(np.float32)
    constant = (np.log(states.weight) - 0.5 * (scaled.astype(np.float64) ** 2).sum(axis=1)).astype(np.float32)
    found = np.empty((len(seen), quantities.shape[1]), np.float32)
    misfit = np.empty(len(seen), np.float32)
    for at in range(0, len(seen), _BLOCK):
        run.progress(at / len(seen), "weigh the states of tissue")
        here = (seen[at : at + _BLOCK] / calibration.errors).astype(np.float32)
        logits = product(here, scaled.T) + constant
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        found[at : at + _BLOCK] = product(logits, quantities)
        misfit[at : at + _BLOCK] = np.sqrt(((product(logits, scaled) - here) ** 2).mean(axis=1))
    count = len(wanted)
    mean = found[:, :count]
    deviation = np.sqrt(np.maximum(found[:, count:] - mean**2, 0))
    return Posterior(mean[back].T, deviation[back].T, misfit[back])


def _weighted_quantile(values: npt.NDArray[np.float64], weight: Values, level: float) -> npt.NDArray[np.float64]:
    """Of each column."""
    found = []
    for column in values.T:
        order = np.argsort(column)
        along = np.cumsum(weight[order])
        found.append(column[order][np.searchsorted(along, level * along[-1])])
    return np.array(found)

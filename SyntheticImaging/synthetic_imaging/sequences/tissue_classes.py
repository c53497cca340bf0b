"""How bright each class of tissue is in a patient's own images, found by expectation maximisation under an atlas.

After Van Leemput et al. (IEEE TMI 1999; lesions as outliers: TMI 2001): Gaussian classes whose chances the atlas gives
voxel by voxel, and one even class for what is none of them. Nothing of the scanner need be known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.sequences.protocols import Contrast, sequence_of

Map = npt.NDArray[np.float32]
Table = npt.NDArray[np.float64]
WHITE, GREY, CSF, DEEP = "white matter", "grey matter", "CSF", "deep grey matter"
CLASSES = (WHITE, GREY, CSF, DEEP)
_SAMPLE = 60_000
_ROUNDS = 25
_STRANGE_SHARE = 0.03
# A class's spread is at least this share of the range of the means: else few alike voxels become a class of their own.
_LEAST_SPREAD = 0.03
# And at most this share of what is bright in the brain; CSF shares its voxels with tissue more often than not.
_MOST_SPREAD, _MOST_SPREAD_CSF = 0.12, 0.25
# How far CSF may lie from where it was expected, as a share of its distance to white matter, and any class, as a share
# of what is bright in the brain.
_CSF_SLACK, _SLACK = 0.4, 0.1
# Squared Mahalanobis distance beyond which a voxel is of no class: a chance of 1 in 1000 at one image.
_FAR = 10.8


@dataclass(frozen=True)
class TissueClasses:
    """Brightness of the classes, in the order of `CLASSES`.

    Attributes:
        means: (classes, images).
        covariances: (classes, images, images).
    """

    means: Table
    covariances: Table

    def mean_of(self, name: str) -> Table:
        """(images,) of one class."""
        return np.asarray(self.means[CLASSES.index(name)])

    def log_likelihoods(self, images: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """(..., classes) of voxels (..., images)."""
        return np.stack([log_normal(images, m, c) for m, c in zip(self.means, self.covariances, strict=True)], axis=-1)

    def strange(self, images: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
        """(...,): which voxels are far from all classes and from the lines between them; for one image."""
        low, high = self.means.min(axis=0), self.means.max(axis=0)
        spread = np.sqrt(np.array([np.diag(c) for c in self.covariances]))
        lowest, highest = self.means.argmin(axis=0), self.means.argmax(axis=0)
        reach = np.sqrt(_FAR)
        column = np.arange(self.means.shape[1])
        below = images < low - reach * spread[lowest, column]
        above = images > high + reach * spread[highest, column]
        return np.asarray((below | above).any(axis=-1))


def tissue_classes(
    images: npt.NDArray[np.floating], chances: Mapping[str, Map], inside: npt.NDArray[np.bool_],
    expected: Table | None = None,
) -> TissueClasses:
    """Means and covariances of the classes.

    Args:
        images: (K, J, I, images).
        chances: of each class, (K, J, I); what is left to 1 is no tissue.
        inside: the brain; every so manieth voxel of it is looked at, so that the result is not random.
        expected: (classes, images), `expected_signals`: where to start; by the atlas alone when None, which takes one
            that fits well.
    """
    flat = np.flatnonzero(inside)
    flat = flat[:: max(1, len(flat) // _SAMPLE)]
    values = images.reshape(-1, images.shape[-1])[flat].astype(np.float64)
    prior = np.stack([chances[name].ravel()[flat] for name in CLASSES], axis=1).astype(np.float64) + 1e-3
    prior /= np.maximum(prior.sum(axis=1, keepdims=True), 1e-6)
    span = np.maximum(np.quantile(values, 0.99, axis=0) - np.quantile(values, 0.01, axis=0), 1e-9)
    even = _STRANGE_SHARE / np.prod(1.5 * span)
    start, covariances = _start(values, prior, span, expected)
    means = start
    bright = np.quantile(values, 0.9, axis=0)
    widest = np.array([(_MOST_SPREAD_CSF if name == CSF else _MOST_SPREAD) * bright for name in CLASSES])
    floor = np.diag((_LEAST_SPREAD * span) ** 2)
    for _ in range(_ROUNDS):
        found = TissueClasses(means, covariances)
        joint = (1 - _STRANGE_SHARE) * prior * np.exp(found.log_likelihoods(values).astype(np.float64))
        share = joint / (joint.sum(axis=1, keepdims=True) + even)
        total = np.maximum(share.sum(axis=0), 1e-6)
        before, means = means, _in_order((share.T @ values) / total[:, None], start, bright)
        apart = values[:, None] - means[None]
        covariances = np.einsum("vc,vci,vcj->cij", share, apart, apart) / total[:, None, None] + floor
        spread = np.sqrt(np.einsum("cii->ci", covariances))
        narrowed = np.minimum(1.0, np.maximum(widest, np.sqrt(np.diag(floor))) / spread)
        covariances = covariances * narrowed[:, :, None] * narrowed[:, None, :]
        if np.abs(means - before).max() < 1e-3 * span.max():
            break
    # Single precision: the last digits of these sums depend on how many threads a library takes.
    return TissueClasses(means.astype(np.float32).astype(np.float64), covariances.astype(np.float32).astype(np.float64))


def expected_signals(contrast: Contrast, field_t: float = 3.0) -> Table:
    """(classes,): how bright the classes are to each other in a sequence, by its equation."""
    sequence, mean = sequence_of(contrast, field_t=field_t), t.mean_relaxation(field_t)
    deep = np.mean([abs(float(sequence.signal(mean[name]))) for name in t.DEEP_GREY])
    return np.array([*(abs(float(sequence.signal(mean[name]))) for name in (t.WHITE, t.GREY, t.CSF)), float(deep)])


def _in_order(means: Table, start: Table, bright: Table) -> Table:
    """CSF not far from where it was expected, deep grey matter not far from white and grey: the atlas puts much else
    under their names, which would else draw them away.
    """
    white, grey, csf, deep = (CLASSES.index(name) for name in (WHITE, GREY, CSF, DEEP))
    found = means.copy()
    slack = np.maximum(_CSF_SLACK * np.abs(start[white] - start[csf]), _SLACK * bright)
    found[csf] = np.clip(means[csf], start[csf] - slack, start[csf] + slack)
    low, high = np.minimum(found[white], found[grey]), np.maximum(found[white], found[grey])
    found[deep] = np.clip(means[deep], low - _SLACK * bright, high + _SLACK * bright)
    return found


def _start(values: Table, prior: Table, span: Table, expected: Table | None) -> tuple[Table, Table]:
    """What is expected, in the image's unit; else medians where the atlas is surest of a class."""
    if expected is not None:
        # White and grey matter are about equally frequent: their mean is the middle of what is not CSF.
        tissue = prior[:, CLASSES.index(CSF)] < 0.3
        middle = np.mean(values[tissue if tissue.any() else slice(None)], axis=0)
        first = expected * (middle / np.maximum(expected[:2].mean(axis=0), 1e-9))
        return first, np.repeat(np.diag((0.12 * span) ** 2)[None], len(first), axis=0)
    means = []
    for column in prior.T:
        sure = column >= min(0.9, float(np.quantile(column, 0.97)))
        means.append(np.median(values[sure], axis=0))
    covariance = np.diag((0.12 * span) ** 2)
    return np.array(means), np.repeat(covariance[None], len(means), axis=0)


def log_normal(values: npt.NDArray[np.floating], mean: Table, covariance: Table) -> npt.NDArray[np.float32]:
    """Logarithm of a normal density, (...), of values (..., images)."""
    root = np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32)
    apart = values.astype(np.float32) - mean.astype(np.float32)
    # Written out: a matrix product's last digits depend on how many threads a library takes.
    square = np.zeros(apart.shape[:-1], np.float32)
    for column in range(root.shape[1]):
        part = apart[..., 0] * root[0, column]
        for row in range(1, root.shape[0]):
            part = part + apart[..., row] * root[row, column]
        square += part * part
    constant = 0.5 * (len(mean) * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1])
    return np.asarray(-0.5 * square - np.float32(constant))

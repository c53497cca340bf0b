"""How far an image lies from those that a model was trained on.

Three distances, each 0 inside and 1 where the training cases end; more is outside. They do not say that a result is
wrong, only that nobody has seen the model at work on such an image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 64
# The limits: an image a quarter longer or shorter than any in training; voxels twice as coarse as the model's.
_EXTENT_RATIO, _SPACING_RATIO = 1.25, 2.0
_LEAST_LIMIT = 0.01

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Domain:
    """What a model's training cases had in common.

    Attributes:
        cumulative: mean share of voxels at or below each of `BINS` intensities of 0..1.
        limit: distance between histograms that 95 % of the training cases keep from the mean.
        shortest_mm, longest_mm: extent (K, J, I) of the training images.
        cases: how many cases were looked at; 0 where nothing is known.
    """

    cumulative: FloatArray
    limit: float
    shortest_mm: tuple[float, float, float]
    longest_mm: tuple[float, float, float]
    cases: int


@dataclass(frozen=True)
class Distances:
    """How far an image lies from a domain; above 1 is outside. NaN where nothing is known.

    Attributes:
        intensities: earth mover's distance between histograms of 0..1, over the domain's limit.
        voxel_size: 0 for voxels as fine as the model's grid, 1 for twice as coarse.
        field_of_view: 0 for an extent seen in training, 1 for a quarter more or less.
    """

    intensities: float
    voxel_size: float
    field_of_view: float

    @property
    def largest(self) -> float:
        """The worst of the three that are known; NaN where none is."""
        known = [v for v in (self.intensities, self.voxel_size, self.field_of_view) if np.isfinite(v)]
        return max(known, default=float("nan"))

    @property
    def sentence(self) -> str:
        """What a person should know."""
        parts = [f"{name} {value:.1f}" for name, value in (
            ("intensities", self.intensities), ("voxel size", self.voxel_size), ("field of view", self.field_of_view))
            if np.isfinite(value)]
        if not parts:
            return "It is not known on what images this model was trained."
        listed = f"{', '.join(parts)} (1 is the limit)"
        if self.largest > 1:
            return f"The image lies outside what the model was trained on: {listed}. Check the result with care."
        return f"The image lies within what the model was trained on: {listed}."


def cumulative_histogram(image: npt.NDArray[np.floating]) -> FloatArray:
    """Share of voxels at or below each of `BINS` even steps of 0..1, (BINS,)."""
    steps = np.clip((np.asarray(image).ravel() * BINS).astype(np.int64), 0, BINS - 1)
    counts = np.bincount(steps, minlength=BINS)
    return np.asarray(np.cumsum(counts) / max(1, counts.sum()), dtype=np.float64)


def domain_of(images: Iterable[npt.NDArray[np.floating]], spacing_kji_mm: Sequence[float]) -> Domain:
    """The domain of training images on a model's grid, (K, J, I) in 0..1."""
    curves, extents = [], []
    for image in images:
        curves.append(cumulative_histogram(image))
        extents.append(np.array(image.shape) * np.array(spacing_kji_mm))
    if not curves:
        return unknown()
    table = np.array(curves)
    mean = table.mean(axis=0)
    limit = float(np.quantile(np.abs(table - mean).mean(axis=1), 0.95))
    low, high = np.min(extents, axis=0), np.max(extents, axis=0)
    return Domain(mean, max(limit, _LEAST_LIMIT), tuple(low.tolist()), tuple(high.tolist()), len(curves))


def unknown() -> Domain:
    """The domain of a model about whose training nothing is known."""
    return Domain(np.zeros(BINS), 0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0)


def distances(
    domain: Domain,
    image: npt.NDArray[np.floating],
    extent_kji_mm: Sequence[float],
    spacing_kji_mm: Sequence[float],
    model_spacing_kji_mm: Sequence[float],
) -> Distances:
    """How far an image lies from a domain.

    Args:
        domain: of the model.
        image: on the model's grid, 0..1; only voxels inside the scanned volume.
        extent_kji_mm: of the image as it was scanned.
        spacing_kji_mm: of its voxels as they were scanned.
        model_spacing_kji_mm: of the model's grid; 0 where it shrinks every image to its grid, whatever its size.
    """
    if not all(model_spacing_kji_mm):
        known = domain.cases > 0
        return Distances(_intensities(domain, image) if known else float("nan"), float("nan"), float("nan"))
    coarse = max(np.log(s / m) for s, m in zip(spacing_kji_mm, model_spacing_kji_mm, strict=True))
    voxel_size = max(0.0, float(coarse) / np.log(_SPACING_RATIO))
    if domain.cases == 0:
        return Distances(float("nan"), voxel_size, float("nan"))
    beyond = 0.0
    for extent, low, high in zip(extent_kji_mm, domain.shortest_mm, domain.longest_mm, strict=True):
        beyond = max(beyond, float(np.log(extent / high)), float(np.log(low / extent)))
    return Distances(_intensities(domain, image), voxel_size, beyond / float(np.log(_EXTENT_RATIO)))


def _intensities(domain: Domain, image: npt.NDArray[np.floating]) -> float:
    return float(np.abs(cumulative_histogram(image) - domain.cumulative).mean()) / domain.limit

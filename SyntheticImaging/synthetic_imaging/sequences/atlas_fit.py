"""The atlas of the phantoms over a patient's brain: an affine map by mutual information, then a warp by brightness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.sequences.average_brain import CoarseBrain, Overlay, overlay, places_in, sampled
from synthetic_imaging.sequences.protocols import Contrast
from synthetic_imaging.sequences.tissue_classes import (
    CLASSES,
    CSF,
    DEEP,
    GREY,
    WHITE,
    TissueClasses,
    expected_signals,
    tissue_classes,
)
from synthetic_imaging.volume import Volume

Map = npt.NDArray[np.float32]
Inside = npt.NDArray[np.bool_]
# How far, in mm, the atlas may be wrong after the warp: its tissue maps are blurred by this much.
_DOUBT_MM = 1.8
_WARPS, _STIFFNESS = 40, 1.5
VENTRICLES, BELOW = "lateral ventricles", "infratentorial"


@dataclass(frozen=True)
class FittedAtlas:
    """The atlas on a patient's grid.

    Attributes:
        chance: class of tissue -> float32 (K, J, I), how probable it is there before the image is looked at; 0 outside
            the brain.
        lateral_ventricles: float32 (K, J, I), their share of a voxel by the atlas.
        infratentorial: float32 (K, J, I), 1 in brainstem and cerebellum.
        overlap: Dice of both brains after the affine map, 0 to 1.
    """

    chance: Mapping[str, Map]
    lateral_ventricles: Map
    infratentorial: Map
    overlap: float


def fit_atlas(
    image: Volume, brain: Inside, contrast: Contrast, field_t: float = 3.0, laid: Overlay | None = None
) -> FittedAtlas:
    """Lay the atlas over a brain.

    Args:
        image: evened out (`shading.evened`), not negative; any grid.
        brain: where the brain is, (K, J, I), with its CSF (`brain_mask.brain_mask`).
        contrast: what the image is.
        field_t: field strength.
        laid: the affine map, where it is known already.

    Returns:
        The same on every machine and for every number of threads.

    Raises:
        InputError: if the average brain is not installed, with the command that gets it.
    """
    work = CoarseBrain(image, brain)
    laid = overlay(work, contrast, field_t) if laid is None else laid
    chances = _on(work.grid, laid, None)
    classes = tissue_classes(work.array[..., None], chances, work.inside, expected_signals(contrast, field_t)[:, None])
    warp = _warp(work, chances, classes)
    found = _on(image.geometry, laid, warp, brain)
    return FittedAtlas({name: found[name] for name in CLASSES}, found[VENTRICLES], found[BELOW], laid.overlap)


@lru_cache(maxsize=1)
def _parts() -> tuple[dict[str, Map], Geometry]:
    """Of the atlas: chances of the classes, blurred; ventricles; what lies below the tentorium."""
    from scipy import ndimage

    from synthetic_imaging.phantoms.brain.atlas import atlas

    source = atlas()
    summed = {WHITE: source.fraction(t.WHITE), GREY: source.fraction(t.GREY), CSF: source.fraction(t.CSF),
              DEEP: np.sum([source.fraction(name) for name in t.DEEP_GREY], axis=0)}
    found = {name: np.asarray(ndimage.gaussian_filter(part, _DOUBT_MM, truncate=3.0), np.float32)
             for name, part in summed.items()}
    found[VENTRICLES], found[BELOW] = source.lateral_ventricles, source.infratentorial
    return found, source.geometry


def _warp(work: CoarseBrain, chances: Mapping[str, Map], classes: TissueClasses) -> tuple[Map, Geometry]:
    """Displacement in RAS mm, (K, J, I, 3), from the patient into the affinely moved atlas (demons, Thirion 1998)."""
    import SimpleITK as sitk  # noqa: N813

    means = {name: float(classes.means[at][0]) for at, name in enumerate(CLASSES)}
    span = max(means.values()) - min(means.values()) or 1.0
    rendered = sum(chances[name] * np.float32(means[name]) for name in CLASSES)
    rest = 1 - sum(chances[name] for name in CLASSES)
    other = (np.asarray(rendered) + np.maximum(rest, 0) * np.float32(means[CSF]) - means[CSF]) / span
    # What is unlike all tissue is a lesion or a vessel: it must not pull.
    own = np.where(classes.strange(work.array[..., None]), rendered, work.array)
    own = np.where(work.inside, (own - means[CSF]) / span, 0)
    method = sitk.FastSymmetricForcesDemonsRegistrationFilter()
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)
    method.SetNumberOfIterations(_WARPS)
    method.SmoothDisplacementFieldOn()
    method.SetStandardDeviations(_STIFFNESS)
    method.SetMaximumUpdateStepLength(1.0)
    field = method.Execute(work.sitk(np.asarray(own, np.float32)), work.sitk(np.asarray(other, np.float32)))
    return np.asarray(sitk.GetArrayFromImage(field) * np.array([-1, -1, 1]), np.float32), work.grid


def _on(grid: Geometry, laid: Overlay, warp: tuple[Map, Geometry] | None, where: Inside | None = None
        ) -> dict[str, Map]:
    """All parts of the atlas on a grid, 0 outside ``where``."""
    parts, source = _parts()
    at = places_in(source, grid, laid.to_average, warp, where)
    return {name: sampled(part, at, grid.shape, where) for name, part in parts.items()}

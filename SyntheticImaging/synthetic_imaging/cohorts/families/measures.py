"""What families are compared by, beyond `evidence.likeness`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run

if TYPE_CHECKING:
    from synthetic_imaging.cohorts.families.comparison import Scale
    from synthetic_imaging.cohorts.families.hearts import HeartSets
    from synthetic_imaging.evaluation.features import FeatureExtractor
    from synthetic_imaging.evaluation.frechet import FrechetCurve

Images = npt.NDArray[np.float32]
FEATURES = "encoder of a U-Net trained on other phantom hearts"


def gradient_energy(images: Images) -> npt.NDArray[np.float64]:
    """Mean squared difference of neighbouring voxels, (N,), of images (N, C, K, J, I); blurring lowers it."""
    wide = images.astype(np.float64)
    parts = [np.square(np.diff(wide, axis=axis)).mean((1, 2, 3, 4)) for axis in (2, 3, 4)]
    energy: npt.NDArray[np.float64] = np.sum(parts, axis=0)
    return energy


def features_of_hearts(sets: HeartSets, scale: Scale, work: Path, run: Run) -> FeatureExtractor:
    """Features of a U-Net that has learned to segment phantom hearts which nothing else uses."""
    from dataclasses import replace

    from synthetic_imaging.cohorts.families.settings import FIELD_MM, STRUCTURES
    from synthetic_imaging.learning.settings import Precision
    from synthetic_imaging.segmentation.features import encoder_features
    from synthetic_imaging.segmentation.settings import SMALL

    k, j, i = scale.cases.shape_kji
    settings = replace(
        SMALL, shape=(k, j, i), spacing_mm=FIELD_MM / max(k, j, i),
        # In single precision: with two slices at the coarsest level, gradients in bfloat16 are wrong on a processor.
        training=replace(SMALL.training, steps=scale.ruler_steps, validate_every=scale.ruler_steps, patience=0,
                         precision=Precision.FLOAT32),
    )
    return encoder_features(sets.ruler, sets.ruler_validation, settings, STRUCTURES, work / "features", run,
                            name=FEATURES)


def by_size(
    reference: Images, sets: dict[str, Images], features: FeatureExtractor, rng: np.random.Generator
) -> dict[str, FrechetCurve]:
    """Fréchet distance at several numbers of cases, for each set."""
    from synthetic_imaging.evaluation.frechet import frechet_curve

    theirs = features.features(reference)
    most = min(len(reference), *(len(images) for images in sets.values()))
    sizes = sorted({max(2, round(most * part)) for part in (0.125, 0.25, 0.5, 0.75, 1.0)})
    return {name: frechet_curve(theirs, features.features(images), features.name, rng, sizes)
            for name, images in sets.items()}

"""Features of a segmenter's encoder: what tells hearts apart, for Fréchet distances and the like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthetic_imaging.context import Run
from synthetic_imaging.learning.learner import CaseSource
from synthetic_imaging.segmentation.settings import SegmentationSettings

if TYPE_CHECKING:
    from synthetic_imaging.evaluation.features import FeatureExtractor


def encoder_features(
    cases: CaseSource, validation: CaseSource, settings: SegmentationSettings, structures: Sequence[str], folder: Path,
    run: Run, *, name: str, seed: int = 0,
) -> FeatureExtractor:
    """Train a U-Net to segment cases that nothing else uses; the mean and the deviation over space of what its encoder
    gives at every level are the features.

    Args:
        cases: training cases, apart from all that is compared by these features.
        validation: of the same kind.
        settings: of the segmenter, a U-Net.
        structures: names of label values 1, 2, ...
        folder: for the training, which is gone on with or taken as it is when it ended.
        run: progress and cancel.
        name: what the features are called beside every figure; says what they were trained on.
        seed: of the training.

    Raises:
        Cancelled: if so.
    """
    from synthetic_imaging.evaluation.features import NetworkFeatures
    from synthetic_imaging.segmentation.encoder_levels import EncoderLevels
    from synthetic_imaging.segmentation.learners import SEGMENTER
    from synthetic_imaging.segmentation.strategies import train_segmenter

    trained = train_segmenter(cases, None, settings, structures, folder, run, seed=seed, validation=validation,
                              device=run.device)
    return NetworkFeatures(EncoderLevels(trained.networks[SEGMENTER]), name, batch=16)

"""Train a segmenter on real cases, synthetic ones or both, with or without filling in blocks first."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthetic_imaging.context import Run
from synthetic_imaging.errors import Cancelled, ParameterError
from synthetic_imaging.learning.learner import CaseSource, Learner
from synthetic_imaging.segmentation.augmentation import Augmented
from synthetic_imaging.segmentation.recipe import segmenter_networks
from synthetic_imaging.segmentation.settings import SegmentationSettings
from synthetic_imaging.segmentation.sources import cases_for, split

if TYPE_CHECKING:
    import torch

    from synthetic_imaging.learning.training import TrainingResult


@dataclass(frozen=True, eq=False)
class TrainedSegmenter:
    """A segmenter that was just trained.

    Attributes:
        networks: as the recipe's: the segmenter and its domain.
        training: how the training went.
        cases: how many cases it learned from, those for validation not counted.
    """

    networks: torch.nn.ModuleDict
    training: TrainingResult
    cases: int


def train_segmenter(
    real: CaseSource | None,
    synthetic: CaseSource | None,
    settings: SegmentationSettings,
    structures: Sequence[str],
    out: Path,
    run: Run,
    *,
    seed: int,
    start: torch.nn.ModuleDict | None = None,
    validation: CaseSource | None = None,
    device: str = "auto",
) -> TrainedSegmenter:
    """Train a segmenter by the strategy of the settings; goes on where an earlier call in ``out`` was stopped.

    Args:
        real: real cases; None for synthetic ones alone.
        synthetic: synthetic cases; None for real ones alone.
        settings: strategy, ratio, network, augmentation, training.
        structures: names of label values 1, 2, ...
        out: folder for checkpoints.
        run: progress and cancel.
        seed: of first weights, order, augmentation and split.
        start: networks of `fill_in_blocks`, whose encoder is kept; the decoder starts anew and all of it learns.
        validation: held-out cases; None takes a tenth of the training cases (Ikuta et al. 2024).
        device: where it trains.

    Raises:
        Cancelled: if so; what was reached is kept in ``out``.
        ParameterError, InputError: if cases a strategy needs are missing.
    """
    from synthetic_imaging.segmentation.learners import SEGMENTER, SegmentationLearner

    cases = cases_for(settings.strategy, real, synthetic, settings.ratio, settings.on_the_fly)
    held = validation
    if held is None:
        cases, held = split(cases, seed=seed)
    networks = segmenter_networks(settings, len(structures) + 1, seed)
    if start is not None:
        from synthetic_imaging.learning.networks.segmenters import transfer_encoder

        transfer_encoder(start[SEGMENTER], networks[SEGMENTER])
    learner = SegmentationLearner(networks, Augmented(cases, settings.augment), held, settings)
    return _trained(learner, settings, out, run, seed, device, "train the segmenter")


def fill_in_blocks(
    images: CaseSource | None,
    settings: SegmentationSettings,
    out: Path,
    run: Run,
    *,
    seed: int,
    device: str = "auto",
) -> TrainedSegmenter:
    """Train the same network to fill in zeroed blocks of images (synthetic ones, in the publication).

    Labels are not used. A tenth of the cases is held out, and the weights that are best on it are kept.

    Raises:
        Cancelled, ParameterError, InputError: as `train_segmenter`.
    """
    from synthetic_imaging.segmentation.learners import MaskedReconstructionLearner

    if not images:
        raise ParameterError("Filling in blocks learns from synthetic images; give some.")
    cases, held = split(images, seed=seed)
    networks = segmenter_networks(settings, 1, seed)
    learner = MaskedReconstructionLearner(networks, Augmented(cases, settings.augment), held, settings)
    return _trained(learner, settings, out, run, seed, device, "learn to fill in blocks")


def _trained(
    learner: Learner, settings: SegmentationSettings, out: Path, run: Run, seed: int, device: str, step: str
) -> TrainedSegmenter:
    from synthetic_imaging.learning.training import Stopped, TrainingProgress, train

    def report(progress: TrainingProgress) -> None:
        # A cancel is left to the training, which first writes what it has reached.
        with contextlib.suppress(Cancelled):
            run.progress(progress.step / max(1, progress.steps), f"{step}, {progress.step} of {progress.steps}")
        if progress.note:
            run.note(progress.note)

    result = train(
        learner, settings.training, out, seed=seed, device=device, report=report, cancelled=run.cancelled
    )
    if result.stopped_because is Stopped.CANCELLED:
        raise Cancelled("Cancelled. The training goes on from here when it is started again with the same folder.")
    return TrainedSegmenter(learner.networks, result, len(learner.training))

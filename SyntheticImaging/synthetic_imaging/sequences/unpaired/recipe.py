"""The recipe of unpaired translation, with the methods that it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthetic_imaging.context import Run
from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.learner import Learner
from synthetic_imaging.learning.recipe import Data, DataShape, Recipe
from synthetic_imaging.sequences.learned.recipe import VALIDATION_FROM
from synthetic_imaging.sequences.protocols import Contrast
from synthetic_imaging.sequences.unpaired.settings import PUBLISHED, REFERENCE, Method, Pair, UnpairedSettings

if TYPE_CHECKING:
    import torch

CONTRASTS: Mapping[Pair, tuple[Contrast, Contrast]] = {
    Pair.T2W_FLAIR: (Contrast.T2W, Contrast.FLAIR), Pair.T1W_T2W: (Contrast.T1W, Contrast.T2W),
    Pair.T2W_PD: (Contrast.T2W, Contrast.PD),
}
_UNPAIRED = (Method.SYNDIFF, Method.CYCLE_GAN)


def _networks(settings: UnpairedSettings) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.learners.syndiff import SIDES
    from synthetic_imaging.learning.networks.few_step import FewStepGenerator, ImageJudge, NoisyTranslator, PairJudge
    from synthetic_imaging.learning.networks.translator import Translator

    width, judged = settings.patients.side, (settings.judge_width, settings.judge_levels)
    if settings.method in _UNPAIRED and width < 2 ** (settings.judge_levels + 1):
        raise ParameterError(f"Patches of {width} voxels are too small for discriminators that halve them "
                             f"{settings.judge_levels} times; at least {2 ** (settings.judge_levels + 1)} are needed.")
    found: dict[str, torch.nn.Module] = {}
    for side in SIDES:
        if settings.method is Method.DIFFUSION:
            found[f"walk {side}"] = NoisyTranslator(settings.noise_steps, settings.widths)
            continue
        found[f"to {side}"] = Translator(1, 1, 1, settings.widths, dropout=0.0)
        if settings.method in _UNPAIRED:
            found[f"judge {side}"] = ImageJudge(*judged)
        if settings.method is Method.SYNDIFF:
            found[f"walk {side}"] = FewStepGenerator(settings.jumps, settings.widths)
            found[f"pairs {side}"] = PairJudge(settings.jumps, *judged)
    return torch.nn.ModuleDict(found)


def _learner(
    settings: UnpairedSettings, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.diffusion.few_steps import FewSteps
    from synthetic_imaging.learning.diffusion.losses import DiffusionLoss
    from synthetic_imaging.learning.diffusion.schedules import schedule
    from synthetic_imaging.learning.learners.paired_translation import PairedDiffusionLearner, PairedTranslationLearner
    from synthetic_imaging.learning.learners.syndiff import SynDiffLearner, SynDiffWeights

    del models
    if settings.method is Method.PAIRED:
        return PairedTranslationLearner(networks, data, settings.training)
    if settings.method is Method.DIFFUSION:
        loss = DiffusionLoss(schedule("linear", settings.noise_steps), "noise", "l2")
        return PairedDiffusionLearner(networks, data, settings.training, loss)
    steps = FewSteps(settings.jumps) if settings.method is Method.SYNDIFF else None
    weights = SynDiffWeights(settings.cycle, settings.denoised, judge_rate=settings.judge_rate,
                             judge_turns=settings.judge_turns, identity=settings.identity)
    return SynDiffLearner(networks, data, settings.training, weights, steps)


def _phantom(settings: UnpairedSettings) -> Data:
    from synthetic_imaging.sequences.unpaired.cases import SlicePairs

    contrasts, patients = CONTRASTS[settings.pair], settings.patients
    # Unpaired training sees half as many patients in each sequence: as many images in all.
    unpaired = settings.method in _UNPAIRED
    training = SlicePairs(patients, contrasts, 0, max(1, patients.training // (2 if unpaired else 1)),
                          paired=not unpaired, slices=settings.slices)
    validation = SlicePairs(patients, contrasts, VALIDATION_FROM, patients.validation, paired=True)
    return Data(training, validation, None, "phantom")


def _read(settings: UnpairedSettings, place: Path, seed: int, run: Run) -> Data:
    from synthetic_imaging.sequences.unpaired.visits import read_pairs_or_not

    return read_pairs_or_not(settings.patients, CONTRASTS[settings.pair], place, seed, run,
                             paired=settings.method not in _UNPAIRED)


def _data_shape(settings: UnpairedSettings) -> DataShape:
    side = settings.patients.side
    return DataShape((1, side, side), (3.0, 1.0, 1.0), "MR", None)


UNPAIRED = Recipe(
    id="sequences.unpaired",
    title="MR translation without pairs",
    sentence="Learns to turn one MR sequence of a brain into another from patients none of whom had both (SynDiff), or "
    "by the methods that it is compared with.",
    reference=REFERENCE,
    settings=UnpairedSettings,
    presets={"small": UnpairedSettings(), "published": PUBLISHED},
    data_shape=_data_shape,
    phantom=_phantom,
    networks=_networks,
    learner=_learner,
    read=_read,
    known_failures=("Nothing but resemblance ties its lesions to the patient's: it can invent and lose them.",),
)

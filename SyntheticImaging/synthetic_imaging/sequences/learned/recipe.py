"""The recipe of the generator of missing sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.learner import Learner
from synthetic_imaging.learning.recipe import Data, DataShape, Recipe
from synthetic_imaging.sequences.learned.settings import GIVEN, MADE, PUBLISHED, REFERENCE, SynthesisSettings

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from synthetic_imaging.context import Run

# First numbers of the splits: no phantom patient is in two of them, whatever the sizes up to here.
VALIDATION_FROM, TEST_FROM = 1_000_000, 2_000_000
TUMOURS = ("It has seen lesions of multiple sclerosis only: a tumour, blood or contrast agent comes out as something "
           "else.")


def _networks(settings: SynthesisSettings) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.discriminators import PatchJudge
    from synthetic_imaging.learning.networks.flow_translator import FlowTranslator
    from synthetic_imaging.learning.networks.translator import Translator
    from synthetic_imaging.sequences.learned.knowledge import Knowledge

    before = len(GIVEN) * (settings.slices if settings.dims == 2 else 1)
    generator: torch.nn.Module
    if settings.flow_steps:
        if settings.dims != 2:
            raise ParameterError("A flow works in 2 dimensions. Set 'dims' to 2, or 'flow_steps' to 0.")
        generator = FlowTranslator(before, len(MADE), len(GIVEN), settings.widths, steps=settings.flow_steps)
    else:
        generator = Translator(before, len(MADE), len(GIVEN), settings.widths, dims=settings.dims,
                               dropout=settings.dropout)
    networks = {"generator": generator, "knowledge": Knowledge()}
    if settings.weights.adversarial and not settings.flow_steps:
        networks["judge"] = PatchJudge(len(MADE), settings.judge_width, 3, 2)
    return torch.nn.ModuleDict(networks)


def _learner(
    settings: SynthesisSettings, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.learning.learners.translation import TranslationWeights
    from synthetic_imaging.sequences.learned.learner import FlowSynthesisLearner, SynthesisLearner

    del models
    w = settings.weights
    kind = FlowSynthesisLearner if settings.flow_steps else SynthesisLearner
    return kind(networks, data, settings.training, TranslationWeights(
        w.reconstruction, w.structure, w.lesions, w.adversarial, w.sequences))


def _phantom(settings: SynthesisSettings) -> Data:
    from synthetic_imaging.sequences.learned.slabs import SlabCases

    def part(first: int, count: int) -> SlabCases:
        return SlabCases(settings.patients, settings.slices, settings.slices if settings.dims == 3 else 1, first, count)

    return Data(part(0, settings.patients.training), part(VALIDATION_FROM, settings.patients.validation), None,
                "phantom")


def _read(settings: SynthesisSettings, place: Path, seed: int, run: Run) -> Data:
    from synthetic_imaging.sequences.learned.visits_folder import read_visits

    return read_visits(settings, place, seed, run)


def _data_shape(settings: SynthesisSettings) -> DataShape:
    side = settings.patients.side
    return DataShape((settings.slices, side, side), (3.0, 1.0, 1.0), "MR", None)


SYNTHESIS = Recipe(
    id="sequences.synthesis",
    title="Missing MR sequences",
    sentence="Learns to make DIR, FLAIR, T1w, T2w and PD of a brain from any of FLAIR, T1w, T2w and PD.",
    reference=REFERENCE,
    settings=SynthesisSettings,
    presets={"small": SynthesisSettings(), "published": PUBLISHED},
    data_shape=_data_shape,
    phantom=_phantom,
    networks=_networks,
    learner=_learner,
    parts=("generator", "knowledge"),
    known_failures=(TUMOURS,),
    read=_read,
)

"""The recipe of the lesion detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthetic_imaging.learning.learner import Learner
from synthetic_imaging.learning.recipe import Data, DataShape, Recipe, phantoms_only
from synthetic_imaging.sequences.detector.settings import PUBLISHED, REFERENCE, SEEN, DetectorSettings
from synthetic_imaging.sequences.learned.recipe import SYNTHESIS, VALIDATION_FROM

if TYPE_CHECKING:
    import torch

_SLICES = 3  # what the generator looks at


def _networks(settings: DetectorSettings) -> torch.nn.ModuleDict:
    import torch

    from synthetic_imaging.learning.networks.translator import Translator

    return torch.nn.ModuleDict({"detector": Translator(
        len(SEEN), 2, len(SEEN), settings.widths, dropout=settings.dropout, bounded=False)})


def _learner(
    settings: DetectorSettings, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
) -> Learner:
    from synthetic_imaging.sequences.detector.learner import DetectorLearner

    return DetectorLearner(networks, models["generator"].networks["generator"], data, settings)


def _phantom(settings: DetectorSettings) -> Data:
    from synthetic_imaging.sequences.learned.slabs import SlabCases

    def part(first: int, count: int) -> SlabCases:
        return SlabCases(settings.patients, _SLICES, 1, first, count)

    return Data(part(0, settings.patients.training), part(VALIDATION_FROM, settings.patients.validation), None,
                "phantom")


def _data_shape(settings: DetectorSettings) -> DataShape:
    side = settings.patients.side
    return DataShape((_SLICES, side, side), (3.0, 1.0, 1.0), "MR", None)


DETECTION = Recipe(
    id="sequences.lesion-detector",
    title="MS lesion detector",
    sentence="Learns to find lesions of multiple sclerosis in FLAIR, T1w, DIR or several of them.",
    reference=REFERENCE,
    settings=DetectorSettings,
    presets={"small": DetectorSettings(), "published": PUBLISHED},
    data_shape=_data_shape,
    phantom=_phantom,
    networks=_networks,
    learner=_learner,
    read=phantoms_only,
    parts=("detector",),
    needs={"generator": SYNTHESIS.id},
    known_failures=("Everything bright in white matter that is no lesion of multiple sclerosis can be taken for one.",),
)

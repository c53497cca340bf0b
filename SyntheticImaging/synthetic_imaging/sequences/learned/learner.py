"""The learner of missing sequences: before the first step it notes what its images have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthetic_imaging.learning.learner import Learner
from synthetic_imaging.learning.learners.flow_translation import FlowTranslationLearner
from synthetic_imaging.learning.learners.translation import TranslationLearner
from synthetic_imaging.learning.randomness import generator_of
from synthetic_imaging.sequences.learned.knowledge import keep
from synthetic_imaging.sequences.learned.slabs import SlabCases
from synthetic_imaging.sequences.learned.visits_folder import VisitCases

KNOWLEDGE = "knowledge"
_SEED = 17
_SCANS = 3  # of each patient


class _Knowing(Learner):
    """The model can say when an image is unlike those it was trained on."""

    def before_training(self, device: str) -> None:
        """Look at voxels of brains; nothing where the cases are not phantoms, or there are none for comparison."""
        del device
        training, validation = self.training, self.validation
        kinds = (SlabCases, VisitCases)
        if not isinstance(training, kinds) or not isinstance(validation, kinds):
            return

        def scans(source: SlabCases | VisitCases, most: int) -> list[Any]:
            return [source.brain_voxels(n, generator_of(_SEED, n, scan)) for n in range(min(len(source), most))
                    for scan in range(_SCANS)]

        knowledge: Any = self.networks[KNOWLEDGE]
        keep(knowledge, np.concatenate(scans(training, 24)), scans(validation, 16), np.random.default_rng(_SEED),
             training.available)


class SynthesisLearner(_Knowing, TranslationLearner):
    """A generator that answers at once."""


class FlowSynthesisLearner(_Knowing, FlowTranslationLearner):
    """A flow, which has many answers."""

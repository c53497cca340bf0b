"""Train translation between two sequences on patients who have both: what unpaired training is measured against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch.nn import functional

from synthetic_imaging.learning.diffusion.losses import DiffusionLoss
from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.learners.syndiff import SIDES, Losses
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.learning.settings import Training


class PairedTranslationLearner(Learner):
    """Two translators and the absolute difference to the truth.

    Args:
        networks: "to a", "to b".
        data: cases with "a" and "b", (1, J, I) in -1..1, of the same place of the same patient.
        training: of the loop.
    """

    prefix = "to"

    def __init__(self, networks: torch.nn.ModuleDict, data: Data, training: Training) -> None:
        self.networks = networks
        self.training, self.validation = data.training, data.validation
        self.rate = training.learning_rate
        self.averaged = tuple(f"{self.prefix} {side}" for side in SIDES)

    def phases(self) -> Sequence[Phase]:
        """One phase with Adam."""
        return [Phase("generators", self.averaged, self._optimiser, self._loss)]

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.rate)

    def _loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del step
        values = {f"l1 {side}": self._apart(batch, side, other, random) for side, other in (SIDES, SIDES[::-1])}
        return torch.stack(list(values.values())).mean(), {name: v.detach() for name, v in values.items()}

    def _apart(self, batch: Batch, side: str, other: str, random: BatchRandom) -> torch.Tensor:
        del random
        source = batch[other]
        made = self.networks[f"to {side}"](source, source.new_zeros(len(source), 1))
        return functional.l1_loss(made.float(), batch[side])

    def validate(self, batch: Batch, random: BatchRandom) -> Mapping[str, torch.Tensor | float]:
        """The training's loss."""
        loss, values = self._loss(batch, random, 0)
        return {"loss": loss, **values}


class PairedDiffusionLearner(PairedTranslationLearner):
    """Two conditional diffusion models (Ho et al. 2020), each given the other sequence.

    Args:
        networks: "walk a", "walk b" (`NoisyTranslator`).
        data, training: see `PairedTranslationLearner`.
        diffusion: schedule and target.
    """

    prefix = "walk"

    def __init__(self, networks: torch.nn.ModuleDict, data: Data, training: Training, diffusion: DiffusionLoss) -> None:
        super().__init__(networks, data, training)
        self.diffusion = diffusion

    def _apart(self, batch: Batch, side: str, other: str, random: BatchRandom) -> torch.Tensor:
        return self.diffusion(self.networks[f"walk {side}"], batch[side], random, {"source": batch[other]})

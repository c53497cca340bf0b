"""Train a flow from images to images: at a drawn time of the walk the network learns to tell its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from synthetic_imaging.learning.learner import Batch, Phase
from synthetic_imaging.learning.learners.translation import GENERATOR, Losses, TranslationLearner
from synthetic_imaging.learning.randomness import BatchRandom


class FlowTranslationLearner(TranslationLearner):
    """Squared difference, lesions weighted as in `TranslationLearner`; no discriminator.

    Args:
        networks: "generator", a `FlowTranslator`.
        data, training, weights: see `TranslationLearner`; the reconstruction and lesion weights count.
    """

    def phases(self) -> Sequence[Phase]:
        """One phase."""
        return [Phase("generator", (GENERATOR,), self._optimiser, self._generator_loss)]

    def _generator_loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del step
        return self._at(batch, random.uniform(0.0, 1.0), random)

    def _at(self, batch: Batch, time: torch.Tensor, random: BatchRandom) -> Losses:
        network: Any = self.networks[GENERATOR]
        true = batch["image"][:, :, 0]
        share = time.view(-1, 1, 1, 1)
        noisy = (1 - share) * random.like(true) + share * true
        end = network.end(noisy, batch["given"].flatten(1, 2), batch["present"], time).float()
        channels = self._channels(batch)
        apart = (end - true).square() * channels.view(*channels.shape, 1, 1)
        inside = batch["lesion"]
        everywhere, in_lesions = apart.sum(1).mean(), (apart * inside).sum() / (inside.sum() + 1)
        loss = self.weights.reconstruction * everywhere + self.weights.lesions * in_lesions
        return loss, {"l2": everywhere.detach(), "lesion l2": in_lesions.detach()}

    def validate(self, batch: Batch, random: BatchRandom) -> Mapping[str, torch.Tensor | float]:
        """The loss at four times."""
        losses = [self._at(batch, torch.full((len(batch["image"]),), t, device=batch["image"].device), random)[0]
                  for t in (0.0, 0.25, 0.5, 0.75)]
        return {"loss": torch.stack(losses).mean()}

    def pictures(self, device: str) -> Mapping[str, np.ndarray[Any, Any]]:
        """None."""
        del device
        return {}

"""Train an autoencoder of an image and its label map."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.learners.pictures import middle_slices
from synthetic_imaging.learning.networks.autoencoder import PairedAutoencoder
from synthetic_imaging.learning.networks.autoencoder_losses import LossWeights, autoencoder_loss
from synthetic_imaging.learning.networks.perceptual import gradient_difference
from synthetic_imaging.learning.randomness import BatchRandom, generator_of
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.learning.settings import Training

NAME = "autoencoder"


class PairedAutoencoderLearner(Learner):
    """L1 of the image, label loss, KL and, from a step on, what stands in for LPIPS (differences of gradients).

    Args:
        networks: with "autoencoder", a `PairedAutoencoder`.
        data: cases with "image" and "label".
        training: of the loop.
        weights: of the loss in the first stage.
        late: weights from step ``late_from`` on.
        late_from: first step of the second stage.
        betas: of Adam.
    """

    averaged = (NAME,)

    def __init__(
        self, networks: torch.nn.ModuleDict, data: Data, training: Training, weights: LossWeights, *,
        late: LossWeights | None = None, late_from: int = 0, betas: tuple[float, float] = (0.5, 0.9),
    ) -> None:
        self.networks = networks
        self.training = data.training
        self.validation = data.validation
        self.rate = training.learning_rate
        self.weights, self.late, self.late_from, self.betas = weights, late, late_from, betas

    @property
    def network(self) -> PairedAutoencoder:
        """The autoencoder."""
        network = self.networks[NAME]
        assert isinstance(network, PairedAutoencoder)
        return network

    def phases(self) -> Sequence[Phase]:
        """One phase with Adam."""
        return [Phase("autoencoder", (NAME,), self._optimiser, self._loss)]

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.rate, betas=self.betas)

    def _loss(
        self, batch: Batch, random: BatchRandom, step: int
    ) -> tuple[torch.Tensor, Mapping[str, torch.Tensor | float]]:
        late = self.late is not None and step >= self.late_from
        weights = self.late if late and self.late is not None else self.weights
        return self._compare(batch, random.like, weights)

    def _compare(
        self, batch: Batch, draw: Callable[[torch.Tensor], torch.Tensor] | None, weights: LossWeights
    ) -> tuple[torch.Tensor, Mapping[str, torch.Tensor | float]]:
        image, label = batch["image"], batch.get("label")
        decoded, mean, std = self.networks[NAME](image, label, draw)
        return autoencoder_loss(decoded, mean, std, image, label, self.network.settings, weights,
                                perceptual=gradient_difference if weights.perceptual > 0 else None)

    def validate(self, batch: Batch, random: BatchRandom) -> Mapping[str, torch.Tensor | float]:
        """Reconstruction loss from the posterior's mean, L1 of the image, and mean Dice of the structures."""
        del random
        image, label = batch["image"], batch.get("label")
        weights = replace(self.weights, perceptual=0.0)
        decoded, mean, std = self.networks[NAME](image, label, None)
        _, parts = autoencoder_loss(decoded, mean, std, image, label, self.network.settings, weights)
        values: dict[str, torch.Tensor | float] = {"loss": parts["reconstruction"], "l1": parts["image"]}
        if label is not None and decoded.label is not None:
            values["dice"] = mean_dice(self.network.labels_of(decoded), label, self.network.settings.classes)
        return values

    def pictures(self, device: str) -> Mapping[str, np.ndarray[Any, Any]]:
        """Middle slices of a case and of its reconstruction."""
        source = self.validation or self.training
        case = source.case(0, generator_of(0, 0))
        image = torch.from_numpy(np.asarray(case["image"])[None]).to(device)
        label = torch.from_numpy(np.asarray(case["label"])[None]).to(device) if "label" in case else None
        decoded, _, _ = self.networks[NAME](image, label, None)
        shown, _ = self.network.finished(decoded)
        return {"case and reconstruction": middle_slices([case["image"][0], shown[0, 0].float().cpu().numpy()])}


def mean_dice(given: torch.Tensor, true: torch.Tensor, classes: int) -> torch.Tensor:
    """Dice averaged over structures 1..classes - 1 that occur in the truth, and over the batch."""
    dice = []
    for value in range(1, classes):
        a, b = given == value, true == value
        size_b = b.flatten(1).sum(1)
        score = 2 * (a & b).flatten(1).sum(1) / (a.flatten(1).sum(1) + size_b).clamp(min=1)
        dice.append(torch.where(size_b > 0, score, torch.nan))
    return torch.nanmean(torch.stack(dice))

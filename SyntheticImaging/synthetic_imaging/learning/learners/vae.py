"""Train a variational autoencoder with one latent vector for a volume (Kingma and Welling 2014)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch.nn import functional

from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.learners.label_term import label_entropy
from synthetic_imaging.learning.networks.autoencoder_losses import kl_divergence
from synthetic_imaging.learning.networks.vae import VectorVae
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.learning.settings import Training

NAME = "autoencoder"
Losses = tuple[torch.Tensor, Mapping[str, "torch.Tensor | float"]]


class VaeLearner(Learner):
    """Squared error of the image, cross-entropy of the label if there is one, and KL, all per voxel of the image.

    Args:
        networks: with "autoencoder", a `VectorVae`.
        data: cases with "image", and "label" where the network has labels.
        training: of the loop.
        kl: weight of the divergence; 2 s^2 stands for noise of standard deviation s in the images.
        label: weight of the label term.
    """

    averaged = (NAME,)

    def __init__(
        self, networks: torch.nn.ModuleDict, data: Data, training: Training, *, kl: float = 1.0, label: float = 1.0
    ) -> None:
        self.networks = networks
        self.training = data.training
        self.validation = data.validation
        self.rate = training.learning_rate
        self.kl, self.label = kl, label

    def phases(self) -> Sequence[Phase]:
        """One phase with Adam."""
        return [Phase("autoencoder", (NAME,), self._optimiser, self._loss)]

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.rate)

    def _loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del step
        return self._terms(batch, random.like)

    def _terms(self, batch: Batch, draw: Callable[[torch.Tensor], torch.Tensor] | None) -> Losses:
        network = self.networks[NAME]
        assert isinstance(network, VectorVae)
        image, label = batch["image"], batch.get("label")
        decoded, mean, std = network(image, label if network.settings.classes else None, draw)
        apart = functional.mse_loss(decoded.image.float(), image)
        divergence = kl_divergence(mean, std) / float(image[0, 0].numel())
        loss = apart + self.kl * divergence
        values: dict[str, torch.Tensor | float] = {"image": apart.detach(), "kl": divergence.detach()}
        if decoded.label is not None and label is not None:
            entropy = label_entropy(decoded.label, label, network.settings)
            loss = loss + self.label * entropy
            values["label"] = entropy.detach()
        return loss, values

    def validate(self, batch: Batch, random: BatchRandom) -> Mapping[str, torch.Tensor | float]:
        """The training's loss, from drawn latents: without the draw it would favour latents without a spread."""
        loss, values = self._terms(batch, random.like)
        return {"loss": loss, **values}

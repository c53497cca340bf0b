"""Train a vector-quantised autoencoder, with judges of its volumes a VQ-GAN (van den Oord 2017, Esser et al. 2021)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.learners.label_term import label_entropy
from synthetic_imaging.learning.learners.pictures import middle_slices
from synthetic_imaging.learning.networks.discriminators import PatchJudge
from synthetic_imaging.learning.networks.gan_losses import discriminator_loss, feature_matching, generator_loss
from synthetic_imaging.learning.networks.paired import Decoded
from synthetic_imaging.learning.networks.perceptual import gradient_difference
from synthetic_imaging.learning.networks.settings import Adversarial
from synthetic_imaging.learning.networks.slice_judge import SliceJudge
from synthetic_imaging.learning.networks.vq import PairedVq
from synthetic_imaging.learning.randomness import BatchRandom, generator_of
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.learning.settings import Training

NAME, JUDGE, SLICE_JUDGE = "autoencoder", "judge", "slice judge"
Losses = tuple[torch.Tensor, Mapping[str, "torch.Tensor | float"]]


@dataclass(frozen=True)
class VqWeights:
    """Weights of the terms; the commitment has its weight in the network.

    Attributes:
        image: of the L1 of the image.
        label: of the cross-entropy of the label.
        perceptual: of the difference of gradients, which stands in for LPIPS.
        judge: of the adversarial loss of whole volumes.
        slice_judge: of the adversarial loss of slices.
        matching: of feature matching.
        judged_from: step from which the judges learn and are listened to.
    """

    image: float = 1.0
    label: float = 1.0
    perceptual: float = 0.0
    judge: float = 0.0
    slice_judge: float = 0.0
    matching: float = 0.0
    judged_from: int = 0


class VqLearner(Learner):
    """An autoencoder with a code book; without judges among the networks a VQ-VAE, with them a VQ-GAN.

    Args:
        networks: "autoencoder", a `PairedVq`; perhaps "judge", a `PatchJudge`, and "slice judge", a `SliceJudge`.
        data: cases with "image", and "label" where the network has labels.
        training: of the loop.
        weights: of the loss.
    """

    # The code book is a moving average of its own, and fits the encoder of the moment.
    averaged = ()

    def __init__(self, networks: torch.nn.ModuleDict, data: Data, training: Training, weights: VqWeights) -> None:
        self.networks = networks
        self.training = data.training
        self.validation = data.validation
        self.rate = training.learning_rate
        self.weights = weights

    @property
    def network(self) -> PairedVq:
        """The autoencoder."""
        network = self.networks[NAME]
        assert isinstance(network, PairedVq)
        return network

    def phases(self) -> Sequence[Phase]:
        """The autoencoder, then its judges, once they are wanted."""
        found = [Phase("autoencoder", (NAME,), self._optimiser, self._loss)]
        judges = tuple(name for name in (JUDGE, SLICE_JUDGE) if name in self.networks)
        if judges:
            found.append(Phase("judge", judges, self._optimiser, self._judge_loss, active=self._judged))
        return found

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.rate, betas=(0.5, 0.9))

    def _judged(self, step: int) -> bool:
        return step >= self.weights.judged_from

    def _loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        image, weights = batch["image"], self.weights
        given, loss, values = self._reconstruction(batch)
        if weights.perceptual > 0:
            texture = gradient_difference(given, image)
            loss = loss + weights.perceptual * texture
            values["perceptual"] = texture.detach()
        if self._judged(step):
            for name, weight, at in self._judges(image, random):
                judge: Any = self.networks[name]
                loss = loss + weight * generator_loss(Adversarial.NON_SATURATING, judge(given, *at))
                if weights.matching > 0:
                    with torch.no_grad():
                        real = judge.features(image, *at)
                    loss = loss + weights.matching * feature_matching(real, judge.features(given, *at))
        return loss, values

    def _reconstruction(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor | float]]:
        network, image, label = self.network, batch["image"], batch.get("label")
        decoded, commitment = self.networks[NAME](image, label if network.settings.classes else None)
        given = decoded.image.float()
        apart = functional.l1_loss(given, image)
        loss = self.weights.image * apart + commitment
        values: dict[str, torch.Tensor | float] = {"l1": apart.detach(), "codes in use": network.codes_in_use}
        if decoded.label is not None and label is not None:
            entropy = label_entropy(decoded.label, label, network.settings)
            loss = loss + self.weights.label * entropy
            values["label"] = entropy.detach()
        return given, loss, values

    def _judges(
        self, image: torch.Tensor, random: BatchRandom
    ) -> list[tuple[str, float, tuple[torch.Tensor, ...]]]:
        found: list[tuple[str, float, tuple[torch.Tensor, ...]]] = []
        if JUDGE in self.networks:
            found.append((JUDGE, self.weights.judge, ()))
        if SLICE_JUDGE in self.networks:
            found.append((SLICE_JUDGE, self.weights.slice_judge, (random.integers(image.shape[2]),)))
        return found

    def _judge_loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del step
        image, network = batch["image"], self.network
        with torch.no_grad():
            # By the codes' numbers: the code book learns from the autoencoder's own step only.
            label = batch.get("label") if network.settings.classes else None
            fake = network.decode_indices(network.indices(image, label)).image.float()
        loss = image.new_zeros(())
        for name, _, at in self._judges(image, random):
            judge: PatchJudge | SliceJudge | Any = self.networks[name]
            loss = loss + discriminator_loss(Adversarial.NON_SATURATING, judge(image, *at), judge(fake, *at))
        return loss, {}

    def validate(self, batch: Batch, random: BatchRandom) -> Mapping[str, torch.Tensor | float]:
        """Reconstruction and commitment, without the judges, whose scale changes as they learn."""
        del random
        _, loss, values = self._reconstruction(batch)
        return {"loss": loss, **values}

    def pictures(self, device: str) -> Mapping[str, np.ndarray[Any, Any]]:
        """Middle slices of a case and of its reconstruction."""
        case = (self.validation or self.training).case(0, generator_of(0, 0))
        image = torch.from_numpy(np.asarray(case["image"])[None]).to(device)
        label = torch.from_numpy(np.asarray(case["label"])[None]).to(device) if self.network.settings.classes else None
        decoded, _ = self.network(image, label)
        shown, _ = self.network.finished(decoded)
        return {"case and reconstruction": middle_slices([case["image"][0], shown[0, 0].float().cpu().numpy()])}


class CodesAsLatents(nn.Module):
    """A vector-quantised autoencoder as `LatentDiffusionLearner` wants one: its codes are latents without a spread.

    Args:
        network: the trained autoencoder.
    """

    def __init__(self, network: PairedVq) -> None:
        super().__init__()
        self.network = network.eval()

    def encode(self, image: torch.Tensor, label: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """The codes' vectors (B, code channels, ...), and zeros."""
        z = self.network.encode(image, label if self.network.settings.classes else None)
        codes, _ = self.network.quantised(z)
        return codes, torch.zeros_like(codes)

    def decode(self, z: torch.Tensor) -> Decoded:
        """Image and label of latents: of the codes nearest to them."""
        codes, _ = self.network.quantised(z)
        decoded: Decoded = self.network.decode(codes)
        return decoded

    def finished(self, decoded: Decoded) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See `Paired.finished`."""
        found: tuple[torch.Tensor, torch.Tensor | None] = self.network.finished(decoded)
        return found

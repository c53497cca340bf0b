"""Train a generator from images to images against a patch discriminator, with an eye on lesions.

Li and Wiestler (2025): ``r |T - G| + s (1 - SSIM) + l |M (T - G)| / (voxels of M + 1) + a (-log D(G))``; the
discriminator learns ``-log D(T) - log(1 - D(G))``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.networks.gan_losses import discriminator_loss, generator_loss
from synthetic_imaging.learning.networks.settings import Adversarial
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.learning.settings import Training

GENERATOR, JUDGE = "generator", "judge"
Losses = tuple[torch.Tensor, Mapping[str, "torch.Tensor | float"]]
_BETAS, _GAN_BETAS = (0.9, 0.99), (0.5, 0.99)
# The discriminator sees easily what a generator leaves out that has just begun: it learns more slowly.
_JUDGE_RATE = 0.25


@dataclass(frozen=True)
class TranslationWeights:
    """Weights of the terms; ``channels`` weighs the made channels against each other."""

    reconstruction: float
    structure: float
    lesions: float
    adversarial: float
    channels: tuple[float, ...]


class TranslationLearner(Learner):
    """A generator and its discriminator.

    Args:
        networks: "generator" (a `Translator`) and "judge" (a `PatchJudge` of slices).
        data: cases with "given" (sequences, K, J, I), "present" (sequences,), "image" (made, K', J, I) and "lesion"
            (K', J, I); images in -1..1. Also "wanted" (made,), where some have no truth.
        training: of the loop; the learning rate is the generator's.
        weights: of the loss; without adversarial weight no discriminator is trained.
    """

    averaged = (GENERATOR,)

    def __init__(
        self, networks: torch.nn.ModuleDict, data: Data, training: Training, weights: TranslationWeights
    ) -> None:
        self.networks = networks
        self.training, self.validation = data.training, data.validation
        self.rate, self.weights = training.learning_rate, weights

    def phases(self) -> Sequence[Phase]:
        """The discriminator, then the generator."""
        found = [Phase("generator", (GENERATOR,), self._optimiser, self._generator_loss)]
        if self.weights.adversarial:
            found.insert(0, Phase("judge", (JUDGE,), self._judge_optimiser, self._judge_loss))
        return found

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.rate, betas=_GAN_BETAS if self.weights.adversarial else _BETAS)

    def _judge_optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=_JUDGE_RATE * self.rate, betas=_GAN_BETAS)

    def _made(self, batch: Batch) -> torch.Tensor:
        return translated(self.networks[GENERATOR], batch["given"], batch["present"])

    def _judge_loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del random, step
        with torch.no_grad():
            fake = self._judged(self._made(batch), batch)
        judge = self.networks[JUDGE]
        real = judge(self._judged(batch["image"], batch))
        return discriminator_loss(Adversarial.NON_SATURATING, real, judge(fake)), {}

    def _judged(self, image: torch.Tensor, batch: Batch) -> torch.Tensor:
        """What the discriminator sees: slices, each for itself; channels without a truth are dark in both."""
        if "wanted" in batch:
            wanted = batch["wanted"].view(*batch["wanted"].shape, 1, 1, 1) > 0
            image = torch.where(wanted, image, image.new_tensor(-1.0))
        return image.transpose(1, 2).flatten(0, 1)

    def _generator_loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del random, step
        made = self._made(batch)
        loss, values = self._supervised(made, batch)
        if self.weights.adversarial:
            fooled = generator_loss(Adversarial.NON_SATURATING, self.networks[JUDGE](self._judged(made, batch)))
            loss = loss + self.weights.adversarial * fooled
            values["adversarial"] = fooled.detach()
        return loss, values

    def _supervised(self, made: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor | float]]:
        made, true = made.float(), batch["image"]
        channels = self._channels(batch)
        apart = (made - true).abs() * channels.view(*channels.shape, 1, 1, 1)
        reconstruction = apart.sum(1).mean()
        inside = batch["lesion"].unsqueeze(1)
        in_lesions = (apart * inside).sum() / (inside.sum() + 1)
        loss = self.weights.reconstruction * reconstruction + self.weights.lesions * in_lesions
        values: dict[str, torch.Tensor | float] = {"l1": reconstruction.detach(), "lesion l1": in_lesions.detach()}
        if self.weights.structure:
            used = [n for n, weight in enumerate(self.weights.channels) if weight]
            there = (channels[:, used] > 0).float()
            alike = slice_ssim(made[:, used], true[:, used]).mean(dim=(2, 3, 4))
            structure = 1 - (alike * there).sum() / there.sum().clamp_min(1)
            loss = loss + self.weights.structure * structure
            values["1 - ssim"] = structure.detach()
        return loss, values

    def _channels(self, batch: Batch) -> torch.Tensor:
        """How much each made channel of each case counts, (B, channels), sum 1: nothing where there is no truth."""
        weights = batch["image"].new_tensor(self.weights.channels).expand(len(batch["image"]), -1)
        if "wanted" in batch:
            weights = weights * batch["wanted"]
        return weights / weights.sum(1, keepdim=True).clamp_min(1e-6)

    def validate(self, batch: Batch, random: BatchRandom) -> Mapping[str, torch.Tensor | float]:
        """The supervised terms."""
        del random
        loss, values = self._supervised(self._made(batch), batch)
        return {"loss": loss, **values}

    def pictures(self, device: str) -> Mapping[str, np.ndarray[Any, Any]]:
        """What was given, made and true in one validation case."""
        from synthetic_imaging.learning.learner import collate
        from synthetic_imaging.learning.randomness import generator_of

        source = self.validation or self.training
        batch = collate([source.case(0, generator_of(0, 0))])
        on_device = {key: value.to(device) for key, value in batch.items()}
        with torch.no_grad():
            made = self._made(on_device)[0].float().cpu().numpy()
        middle, at = batch["given"].shape[2] // 2, made.shape[1] // 2
        rows = [*batch["given"][0, :, middle].numpy(), made[0, at], batch["image"][0, 0, at].numpy()]
        return {"given, made, true": 0.5 + 0.5 * np.concatenate(rows, axis=1)}


def translated(network: torch.nn.Module, given: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    """What a `Translator` makes, (B, made, K', J, I); a two-dimensional one makes the middle slice."""
    if network.dims == 3:
        volume: torch.Tensor = network(given, present)
        return volume
    made: torch.Tensor = network(given.flatten(1, 2), present)
    return made.unsqueeze(2)


def slice_ssim(one: torch.Tensor, other: torch.Tensor, window: int = 11) -> torch.Tensor:
    """Structural similarity of slices in -1..1, (B, C, K, J', I'): a square window, biased moments, data range 2.

    The window is flat (as scikit-image's default), which costs a fraction of a Gaussian one on a CPU.

    Args:
        one, other: (B, C, K, J, I).
        window: side in voxels; at most J and I.
    """
    flat_one, flat_other = (x.reshape(1, -1, *x.shape[-2:]) for x in (one, other))

    def mean(x: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(x, window, stride=1)

    a, b = mean(flat_one), mean(flat_other)
    variance_a, variance_b = mean(flat_one.square()) - a * a, mean(flat_other.square()) - b * b
    shared = mean(flat_one * flat_other) - a * b
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    found = ((2 * a * b + c1) * (2 * shared + c2)) / ((a * a + b * b + c1) * (variance_a + variance_b + c2))
    return found.reshape(*one.shape[:3], *found.shape[-2:])

"""Train generators against discriminators: whole volumes, or at two scales after HA-GAN (Sun et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.learners.pictures import middle_slices
from synthetic_imaging.learning.networks.gan import Generator, TwoScaleGenerator
from synthetic_imaging.learning.networks.gan_losses import discriminator_loss, generator_loss, gradient_penalty
from synthetic_imaging.learning.networks.settings import Adversarial, GanSettings
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.learning.settings import Training

GENERATOR, JUDGE, SMALL_JUDGE, ENCODER = "generator", "judge", "small judge", "encoder"
_PENALTY = 10.0
Losses = tuple[torch.Tensor, Mapping[str, "torch.Tensor | float"]]


class GanLearner(Learner):
    """A generator of whole volumes and one discriminator.

    Args:
        networks: "generator" and "judge".
        data: cases with "image", and "label" where labels are generated too.
        training: of the loop; its learning rate is the generator's, the discriminator's is four times that.
        settings: which adversarial loss.
    """

    averaged = (GENERATOR,)

    def __init__(self, networks: torch.nn.ModuleDict, data: Data, training: Training, settings: GanSettings) -> None:
        self.networks = networks
        self.training = data.training
        # No loss of a GAN says when it is best.
        self.validation = None
        self.rate = training.learning_rate
        self.settings = settings

    def phases(self) -> Sequence[Phase]:
        """The discriminator, then the generator."""
        return [Phase("judge", (JUDGE,), self._judge_optimiser, self._judge_loss),
                Phase("generator", (GENERATOR,), self._optimiser, self._generator_loss)]

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.rate, betas=(0.0, 0.999))

    def _judge_optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=4 * self.rate, betas=(0.0, 0.999))

    def _real(self, batch: Batch) -> torch.Tensor:
        generator = self.networks[GENERATOR]
        assert isinstance(generator, (Generator, TwoScaleGenerator))
        return generator.as_judged(batch["image"], batch.get("label") if self.settings.classes else None)

    def _judge_loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del step
        real = self._real(batch)
        with torch.no_grad():
            fake = self.networks[GENERATOR](random.normal(self.settings.latent))
        judge = self.networks[JUDGE]
        loss = discriminator_loss(self.settings.loss, judge(real), judge(fake))
        if self.settings.loss is Adversarial.WGAN_GP:
            loss = loss + _PENALTY * gradient_penalty(judge, real, fake, random.uniform())
        return loss, {}

    def _generator_loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del batch, step
        fake = self.networks[GENERATOR](random.normal(self.settings.latent))
        return generator_loss(self.settings.loss, self.networks[JUDGE](fake)), {}

    def pictures(self, device: str) -> Mapping[str, np.ndarray[Any, Any]]:
        """Two generated volumes."""
        noise = BatchRandom(0, 0, (0, 1), device).normal(self.settings.latent)
        return {"generated": middle_slices(list(generated(self.networks[GENERATOR], noise)[:, 0].cpu().numpy()))}


class TwoScaleGanLearner(GanLearner):
    """A small whole volume and a large slab in each step, each with a discriminator; an encoder reconstructs slabs.

    Args:
        networks: "generator" (a `TwoScaleGenerator`), "judge" of slabs, "small judge", "encoder".
        data, training, settings: see `GanLearner`.
        reconstruction: weight of the L1 reconstruction.
    """

    def __init__(
        self, networks: torch.nn.ModuleDict, data: Data, training: Training, settings: GanSettings,
        reconstruction: float = 5.0,
    ) -> None:
        super().__init__(networks, data, training, settings)
        self.reconstruction = reconstruction

    def phases(self) -> Sequence[Phase]:
        """Both discriminators, then generator and encoder."""
        return [Phase("judge", (JUDGE, SMALL_JUDGE), self._judge_optimiser, self._judge_loss),
                Phase("generator", (GENERATOR, ENCODER), self._optimiser, self._generator_loss)]

    def _start(self, random: BatchRandom) -> int:
        # One slab for the whole batch: the first sample's draw.
        generator = self.networks[GENERATOR]
        assert isinstance(generator, TwoScaleGenerator)
        return int(random.integers(generator.starts)[0])

    def _judge_loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del step
        real, generator = self._real(batch), self.networks[GENERATOR]
        start = self._start(random)
        with torch.no_grad():
            small, slab = generator(random.normal(self.settings.latent), start)
        kind = self.settings.loss
        large = discriminator_loss(kind, self.networks[JUDGE](generator.slab_of(real, start)),
                                   self.networks[JUDGE](slab))
        whole = discriminator_loss(kind, self.networks[SMALL_JUDGE](generator.small_of(real)),
                                   self.networks[SMALL_JUDGE](small))
        return 0.5 * (large + whole), {"slab": large.detach(), "small": whole.detach()}

    def _generator_loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del step
        generator, real = self.networks[GENERATOR], self._real(batch)
        start = self._start(random)
        small, slab = generator(random.normal(self.settings.latent), start)
        kind = self.settings.loss
        adversarial = 0.5 * (generator_loss(kind, self.networks[JUDGE](slab))
                             + generator_loss(kind, self.networks[SMALL_JUDGE](small)))
        small, slab = generator(self.networks[ENCODER](real), start)
        apart = (functional.l1_loss(slab.float(), generator.slab_of(real, start))
                 + functional.l1_loss(small.float(), generator.small_of(real)))
        return adversarial + self.reconstruction * apart, {"adversarial": adversarial.detach(), "l1": apart.detach()}


def generated(generator: torch.nn.Module, noise: torch.Tensor) -> torch.Tensor:
    """Volumes (B, channels, K, J, I) of noise (B, latent), as judged."""
    with torch.no_grad():
        made = generator(noise)
    volume: torch.Tensor = made[1] if isinstance(made, tuple) else made
    return volume.float()

"""Train a diffusion or flow model on the latents of a frozen autoencoder (Rombach et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from synthetic_imaging.learning.diffusion.losses import DiffusionLoss
from synthetic_imaging.learning.latents import encode_cases
from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.networks.latent_scale import LatentScale
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.learning.settings import Training

DENOISER, SCALE = "denoiser", "scale"


class LatentDiffusionLearner(Learner):
    """At each step a fresh latent is drawn from the posterior, scaled, and noise is added.

    Args:
        networks: with "denoiser" and "scale" (a `LatentScale`).
        autoencoder: frozen, with ``encode(image, label) -> (mean, std)``.
        data: cases with "image" and "label".
        training: of the loop.
        loss: how noise is added, and what is predicted.
        copies: how often each training case is encoded, with an augmentation of its own each time.
        betas: of Adam.
        weight_decay: above 0 takes AdamW.
        seed: of the augmentation before encoding.
    """

    averaged = (DENOISER,)

    def __init__(
        self, networks: torch.nn.ModuleDict, autoencoder: torch.nn.Module, data: Data, training: Training,
        loss: DiffusionLoss, *, copies: int = 1, betas: tuple[float, float] = (0.9, 0.99), weight_decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        self.networks = networks
        self.autoencoder = autoencoder
        self.training = data.training
        self.validation = data.validation
        self.rate, self.betas, self.weight_decay = training.learning_rate, betas, weight_decay
        self.loss, self.copies, self.seed = loss, copies, seed

    @property
    def scale(self) -> LatentScale:
        """The scale of the latents."""
        scale = self.networks[SCALE]
        assert isinstance(scale, LatentScale)
        return scale

    def before_training(self, device: str) -> None:
        """Encode all cases; measure the scale unless a checkpoint brought it."""
        network = self.autoencoder.to(device)
        latents = encode_cases(network, self.training, device=device, copies=self.copies, seed=self.seed)
        if not bool(self.scale.measured):
            means, stds = torch.from_numpy(latents.means).to(device), torch.from_numpy(latents.stds).to(device)
            self.scale.to(device).measure([(means, stds)])
        self.training = latents
        if self.validation is not None:
            self.validation = encode_cases(network, self.validation, device=device, seed=self.seed)

    def phases(self) -> Sequence[Phase]:
        """One phase with Adam or AdamW."""
        return [Phase("denoiser", (DENOISER,), self._optimiser, self._loss)]

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        if self.weight_decay:
            return torch.optim.AdamW(parameters, lr=self.rate, betas=self.betas, weight_decay=self.weight_decay)
        return torch.optim.Adam(parameters, lr=self.rate, betas=self.betas)

    def _loss(
        self, batch: Batch, random: BatchRandom, step: int
    ) -> tuple[torch.Tensor, Mapping[str, torch.Tensor | float]]:
        del step
        mean, std = batch["mean"], batch["std"]
        clean = self.scale(mean + std * random.like(mean))
        return self.loss(self.networks[DENOISER], clean, random), {}

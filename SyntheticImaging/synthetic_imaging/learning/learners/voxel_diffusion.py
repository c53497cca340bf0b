"""Train a diffusion or flow model on the voxels themselves (Ho et al. 2020)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from synthetic_imaging.learning.diffusion.losses import DiffusionLoss
from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.learning.settings import Training

DENOISER = "denoiser"


class VoxelSpace:
    """Images in -1..1, label maps as a channel for each structure.

    Args:
        classes: of a conditioning label map, with the background; 0 for none.
    """

    def __init__(self, classes: int = 0) -> None:
        self.classes = classes

    def clean(self, image: torch.Tensor) -> torch.Tensor:
        """What is diffused, of images (B, C, K, J, I) in 0..1."""
        return 2 * image - 1

    def image(self, clean: torch.Tensor) -> torch.Tensor:
        """Images in 0..1."""
        return ((clean.float() + 1) / 2).clamp(0, 1)

    def shape(self, channels: int, shape_kji: Sequence[int]) -> tuple[int, ...]:
        """Of what is diffused, without the batch."""
        return (channels, *shape_kji)

    def condition(self, label: torch.Tensor) -> torch.Tensor:
        """Conditioning channels of label maps (B, K, J, I)."""
        return functional.one_hot(label.long(), self.classes).movedim(-1, 1)[:, 1:].float()

    def condition_channels(self) -> int:
        """How many."""
        return max(0, self.classes - 1)

    def sampling(self) -> dict[str, Any]:
        """Options of `Sampler.sample`: the range that images are kept in."""
        return {"clip": (-1.0, 1.0)}


class VoxelDiffusionLearner(Learner):
    """Adds noise to whole volumes.

    Args:
        networks: with "denoiser".
        data: cases with "image", and "label" where it is the condition.
        training: of the loop.
        loss: how noise is added, and what is predicted.
        space: how images become what is diffused.
        weight_decay: above 0 takes AdamW.
    """

    averaged = (DENOISER,)

    def __init__(
        self, networks: torch.nn.ModuleDict, data: Data, training: Training, loss: DiffusionLoss,
        space: VoxelSpace | None = None, *, weight_decay: float = 0.0,
    ) -> None:
        self.networks = networks
        self.training = data.training
        self.validation = data.validation
        self.rate, self.weight_decay = training.learning_rate, weight_decay
        self.loss = loss
        self.space = space or VoxelSpace()

    def phases(self) -> Sequence[Phase]:
        """One phase with Adam or AdamW."""
        return [Phase("denoiser", (DENOISER,), self._optimiser, self._loss)]

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        if self.weight_decay:
            return torch.optim.AdamW(parameters, lr=self.rate, weight_decay=self.weight_decay)
        return torch.optim.Adam(parameters, lr=self.rate)

    def _loss(
        self, batch: Batch, random: BatchRandom, step: int
    ) -> tuple[torch.Tensor, Mapping[str, torch.Tensor | float]]:
        del step
        space = self.space
        conditions = {"condition": space.condition(batch["label"])} if space.classes else None
        return self.loss(self.networks[DENOISER], space.clean(batch["image"]), random, conditions,
                         {"condition": 0.0}), {}

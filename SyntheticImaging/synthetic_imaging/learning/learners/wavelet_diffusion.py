"""Train a diffusion model on the eight Haar sub-bands of volumes (Friedrich et al. 2024, WDM)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from synthetic_imaging.learning.diffusion.losses import DiffusionLoss
from synthetic_imaging.learning.learners.voxel_diffusion import VoxelDiffusionLearner, VoxelSpace
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.learning.settings import Training
from synthetic_imaging.learning.wavelets import WDM_DIVISOR, dwt, idwt, in_image_range


class WaveletSpace(VoxelSpace):
    """Sub-bands of images in -1..1, LLL divided by 3; a conditioning label map as sub-bands of its channels."""

    def clean(self, image: torch.Tensor) -> torch.Tensor:
        """The sub-bands (B, 8 C, K / 2, J / 2, I / 2)."""
        return dwt(super().clean(image), WDM_DIVISOR)

    def image(self, clean: torch.Tensor) -> torch.Tensor:
        """Images in 0..1."""
        return super().image(idwt(clean.float(), WDM_DIVISOR))

    def shape(self, channels: int, shape_kji: Sequence[int]) -> tuple[int, ...]:
        """Of the sub-bands, without the batch."""
        return (8 * channels, *(n // 2 for n in shape_kji))

    def condition(self, label: torch.Tensor) -> torch.Tensor:
        """Sub-bands of the label map's channels."""
        return dwt(super().condition(label), WDM_DIVISOR)

    def condition_channels(self) -> int:
        """Eight for each structure."""
        return 8 * super().condition_channels()

    def sampling(self) -> dict[str, Any]:
        """Clean predictions go to the image, are clipped there, and come back."""
        return {"correct": in_image_range(-1.0, 1.0, WDM_DIVISOR)}


class WaveletDiffusionLearner(VoxelDiffusionLearner):
    """Adds noise to sub-bands; all eight weigh alike.

    Args:
        networks, data, training, loss, weight_decay: see `VoxelDiffusionLearner`; the loss predicts the clean bands.
        classes: of a conditioning label map; 0 for none.
    """

    def __init__(
        self, networks: torch.nn.ModuleDict, data: Data, training: Training, loss: DiffusionLoss, *,
        classes: int = 0, weight_decay: float = 0.0,
    ) -> None:
        super().__init__(networks, data, training, loss, WaveletSpace(classes), weight_decay=weight_decay)

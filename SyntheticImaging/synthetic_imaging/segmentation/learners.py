"""What the training loop needs to train a segmenter, and to prepare one by filling in zeroed blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from synthetic_imaging.learning.learner import Batch, CaseSource, Learner, Phase
from synthetic_imaging.learning.randomness import BatchRandom, generator_of
from synthetic_imaging.segmentation.domain import domain_of
from synthetic_imaging.segmentation.losses import dice_and_cross_entropy, hard_dice
from synthetic_imaging.segmentation.settings import SegmentationSettings
from synthetic_imaging.segmentation.zero_blocks import with_zero_blocks

SEGMENTER, DOMAIN = "segmenter", "domain"
_DOMAIN_CASES, _DOMAIN_SEED = 32, 9


class _OnePhase(Learner):
    """One network, one AdamW."""

    def __init__(
        self,
        networks: torch.nn.ModuleDict,
        training: CaseSource,
        validation: CaseSource | None,
        settings: SegmentationSettings,
    ) -> None:
        self.networks = networks
        self.training = training
        self.validation = validation
        self.settings = settings

    def phases(self) -> Sequence[Phase]:
        """AdamW (Ikuta et al. 2024: learning rate 0.001)."""
        rate = self.settings.training.learning_rate
        return [Phase("segmenter", (SEGMENTER,), lambda p: torch.optim.AdamW(p, lr=rate), self.loss)]

    def loss(
        self, batch: Batch, random: BatchRandom, step: int
    ) -> tuple[torch.Tensor, Mapping[str, torch.Tensor | float]]:
        """The loss of a batch, and values for the log."""
        raise NotImplementedError

    def predicted(self, images: torch.Tensor) -> torch.Tensor:
        """What the network makes of images (B, C, K, J, I)."""
        result: torch.Tensor = self.networks[SEGMENTER](images)
        return result


class SegmentationLearner(_OnePhase):
    """Learns to label structures by soft Dice and cross-entropy; validated by the same, and by Dice."""

    def loss(
        self, batch: Batch, random: BatchRandom, step: int
    ) -> tuple[torch.Tensor, Mapping[str, torch.Tensor | float]]:
        """Soft Dice plus cross-entropy of a batch with "image" and "label"."""
        del random, step
        return dice_and_cross_entropy(self.predicted(batch["image"]), batch["label"]), {}

    def validate(self, batch: Batch, random: BatchRandom) -> Mapping[str, torch.Tensor | float]:
        """The loss, and the mean Dice of the structures that occur."""
        del random
        logits = self.predicted(batch["image"])
        return {
            "loss": dice_and_cross_entropy(logits, batch["label"]),
            "dice": torch.nanmean(hard_dice(logits.float(), batch["label"])),
        }

    def before_training(self, device: str) -> None:
        """Note what the training cases have in common, so that the model can say when an image is unlike them."""
        del device
        count = min(_DOMAIN_CASES, len(self.training))
        numbers = np.unique(np.linspace(0, len(self.training) - 1, count).astype(int))
        images = (self.training.case(int(n), generator_of(_DOMAIN_SEED, int(n)))["image"][0] for n in numbers)
        spacing = (self.settings.spacing_mm,) * 3
        domain: Any = self.networks[DOMAIN]
        domain.keep(domain_of(images, spacing))

    def pictures(self, device: str) -> Mapping[str, npt.NDArray[Any]]:
        """The middle slice of the first validation case: image, truth and result side by side."""
        if self.validation is None:
            return {}
        case = self.validation.case(0, generator_of(_DOMAIN_SEED, 0))
        image = torch.from_numpy(np.ascontiguousarray(case["image"]))[None].to(device)
        with torch.no_grad():
            found = self.predicted(image).argmax(1)[0].cpu().numpy()
        middle = found.shape[0] // 2
        top = max(1, int(np.max(case["label"])), int(found.max()))
        row = [case["image"][0][middle], case["label"][middle] / top, found[middle] / top]
        return {"segmentation": np.concatenate([np.asarray(part, dtype=np.float32) for part in row], axis=1)}


class MaskedReconstructionLearner(_OnePhase):
    """Learns to fill in zeroed blocks, from images alone.

    The loss is ``||x - f(x~)||_2`` over the whole volume (Ikuta et al. 2024), divided by the root of the number of
    voxels so that it is in the image's own units; x~ is the image with blocks set to zero.
    """

    def loss(
        self, batch: Batch, random: BatchRandom, step: int
    ) -> tuple[torch.Tensor, Mapping[str, torch.Tensor | float]]:
        """Root mean square error of the filled-in image."""
        del step
        images = batch["image"].float()
        filled = self.predicted(with_zero_blocks(images, self.settings.blocks, random)).float()
        return (filled - images).square().flatten(1).mean(1).add(1e-12).sqrt().mean(), {}

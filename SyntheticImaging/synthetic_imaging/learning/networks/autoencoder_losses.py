"""Losses of the paired autoencoders: image, label, latent, and what stands in for LPIPS.

LPIPS with its published weights is not part of this package: its weights are not ours to ship. In its place stand the
difference of image gradients, or of features of a frozen encoder with random weights or one trained on the same data
(`perceptual`). What is reported names which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import torch
from torch.nn import functional

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.networks import palette
from synthetic_imaging.learning.networks.autoencoder import Decoded
from synthetic_imaging.learning.networks.settings import AutoencoderSettings, LabelCode

Perceptual = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class LabelLoss(str, Enum):
    """How a decoded label map is compared."""

    CROSS_ENTROPY = "cross-entropy"
    CROSS_ENTROPY_DICE = "cross-entropy and Dice"
    COLOURS = "colours"
    BALANCED_COLOURS = "balanced colours"

    @classmethod
    def of(cls, code: LabelCode, balanced: bool) -> LabelLoss:
        """The loss that fits how labels are coded; balanced ones do not lose small structures."""
        if code is LabelCode.COLOURS:
            return cls.BALANCED_COLOURS if balanced else cls.COLOURS
        return cls.CROSS_ENTROPY_DICE if balanced else cls.CROSS_ENTROPY


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms.

    Attributes:
        label: of the label term.
        kl: of the Kullback-Leibler divergence.
        perceptual: of what stands in for LPIPS.
        per_voxel: divide all sums by the number of voxels of the volume. DIFF-3 sums |x - x'| and cross-entropy over
            voxels, and the divergence over the latent; dividing all by the same number keeps their balance, so its
            weights hold, while losses no longer grow with the volume.
        balanced: small structures count more: their colours by the inverse root of their share of the voxels, class
            probabilities with Dice beside cross-entropy. The plain L1 of colours leaves out a structure of a thousandth
            of the voxels, since the background is its median.
    """

    label: float = 1.0
    kl: float = 1e-6
    perceptual: float = 0.0
    per_voxel: bool = True
    balanced: bool = False


def autoencoder_loss(
    decoded: Decoded,
    mean: torch.Tensor,
    std: torch.Tensor,
    image: torch.Tensor,
    label: torch.Tensor | None,
    settings: AutoencoderSettings,
    weights: LossWeights,
    *,
    label_loss: LabelLoss | None = None,
    perceptual: Perceptual | None = None,
) -> tuple[torch.Tensor, Mapping[str, torch.Tensor]]:
    """The loss of a batch: L1(image) + label + perceptual + KL, sums over voxels and means over the batch.

    Args:
        decoded, mean, std: from the autoencoder's forward.
        image: (B, C, K, J, I), 0 to 1.
        label: (B, K, J, I), or None.
        settings: of the autoencoder.
        weights: of the terms.
        label_loss: None takes what fits the label code and ``weights.balanced``.
        perceptual: (given, true) -> mean difference per voxel.

    Returns:
        The loss, and its parts before weighting ("image", "label", "kl", "perceptual") together with "reconstruction",
        their weighted sum without KL.
    """
    voxels = float(image.shape[2] * image.shape[3] * image.shape[4])
    scale = 1.0 if weights.per_voxel else voxels
    parts = {"image": (decoded.image.float() - image).abs().sum((1, 2, 3, 4)).mean() / voxels * scale}
    reconstruction = parts["image"]
    if label is not None and decoded.label is not None:
        kind = label_loss or LabelLoss.of(settings.label_code, weights.balanced)
        parts["label"] = _label_loss(decoded.label.float(), label, settings, kind) * scale
        reconstruction = reconstruction + weights.label * parts["label"]
    if perceptual is not None and weights.perceptual > 0:
        parts["perceptual"] = perceptual(decoded.image.float(), image) * scale
        reconstruction = reconstruction + weights.perceptual * parts["perceptual"]
    parts["kl"] = kl_divergence(mean, std) / voxels * scale
    parts["reconstruction"] = reconstruction
    return reconstruction + weights.kl * parts["kl"], {name: part.detach() for name, part in parts.items()}


def kl_divergence(mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """KL(N(mean, std) || N(0, 1)), summed over the latent, mean over the batch."""
    variance = std * std
    return 0.5 * (mean * mean + variance - 1 - torch.log(variance)).flatten(1).sum(1).mean()


def soft_dice_loss(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """1 - Dice of soft-max probabilities, mean over the batch and over the structures (without the background).

    Args:
        logits: (B, classes, K, J, I).
        label: (B, K, J, I), whole numbers.
    """
    chances = torch.softmax(logits, 1)[:, 1:]
    truth = functional.one_hot(label.long(), logits.shape[1]).movedim(-1, 1)[:, 1:].to(chances.dtype)
    space = (2, 3, 4)
    overlap = (chances * truth).sum(space)
    # One voxel each keeps the ratio defined, and near 1, for a structure that is nowhere.
    return 1 - ((2 * overlap + 1) / (chances.sum(space) + truth.sum(space) + 1)).mean()


def balance(label: torch.Tensor, classes: int) -> torch.Tensor:
    """Weights of voxels, mean 1 in each case: the inverse root of the share that their class has in the case.

    Args:
        label: (B, K, J, I), whole numbers.
        classes: how many there can be.

    Returns:
        (B, K, J, I) float32.
    """
    flat = label.flatten(1).long()
    counts = torch.zeros(len(flat), classes, device=label.device)
    counts.scatter_add_(1, flat, torch.ones_like(flat, dtype=counts.dtype))
    weights = counts.clamp(min=1).rsqrt().gather(1, flat)
    return (weights / weights.mean(1, keepdim=True)).reshape(label.shape)


def _label_loss(
    given: torch.Tensor, label: torch.Tensor, settings: AutoencoderSettings, kind: LabelLoss
) -> torch.Tensor:
    coloured = settings.label_code is LabelCode.COLOURS
    if coloured != (kind in (LabelLoss.COLOURS, LabelLoss.BALANCED_COLOURS)):
        raise ParameterError(f"A label map as '{settings.label_code.value}' has no loss '{kind.value}'.")
    if coloured:
        truth = palette.to_colours(label, settings.classes, settings.palette)
        far = (given - truth).abs()
        if kind is LabelLoss.BALANCED_COLOURS:
            far = far * balance(label, settings.classes)[:, None]
        return far.mean()
    entropy = functional.cross_entropy(given, label.long())
    return entropy if kind is LabelLoss.CROSS_ENTROPY else entropy + soft_dice_loss(given, label)

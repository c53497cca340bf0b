"""What a segmenter's output costs: soft Dice and cross-entropy in equal parts; and the overlap that results."""

from __future__ import annotations

import torch
from torch.nn import functional


def dice_and_cross_entropy(logits: torch.Tensor, labels: torch.Tensor, smooth: float = 1.0) -> torch.Tensor:
    """Mean of 1 - soft Dice over the structures, plus cross-entropy.

    Soft Dice of each structure in each case, ``(2 sum(p y) + s) / (sum(p) + sum(y) + s)`` (Milletari et al. 2016, with
    sums instead of sums of squares as in nnU-Net); the background counts in the cross-entropy only. Computed in single
    precision whatever the network's.

    Args:
        logits: (B, n + 1, K, J, I), background first.
        labels: (B, K, J, I), whole numbers 0..n.
        smooth: keeps a structure that is not in the case from counting as wrong.

    Returns:
        A number between 0 and about 1 + log(n + 1) for an untrained network.
    """
    logits = logits.float()
    target = labels.long()
    logs = functional.log_softmax(logits, dim=1)
    entropy = functional.nll_loss(logs, target)
    shares = logs.exp().flatten(2)
    index = target.flatten(1).unsqueeze(1)
    # Sums by label without a one-hot copy of the labels.
    hits = shares.gather(1, index).squeeze(1)
    count = logits.shape[1]
    both = torch.zeros(len(logits), count, device=logits.device).scatter_add(1, index.squeeze(1), hits)
    true = torch.zeros_like(both).scatter_add(1, index.squeeze(1), torch.ones_like(hits))
    overlap = (2 * both + smooth) / (shares.sum(2) + true + smooth)
    return entropy + (1 - overlap[:, 1:]).mean()


def hard_dice(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Dice of the most likely structures, (B, n) without the background; NaN where a structure is in neither."""
    count, target = logits.shape[1], labels.long().flatten(1)
    found = logits.argmax(1).flatten(1)
    rows = torch.arange(len(found), device=found.device)[:, None] * count
    size = len(found) * count

    def per_case(values: torch.Tensor) -> torch.Tensor:
        return torch.bincount(values, minlength=size)[:size].reshape(len(found), count)[:, 1:].float()

    one, other = per_case((rows + found).flatten()), per_case((rows + target).flatten())
    both = per_case((rows + found)[found == target])
    return 2 * both / (one + other)

"""The label term of losses of networks that give class logits."""

from __future__ import annotations

import torch
from torch.nn import functional

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.networks.settings import LabelCode, PairedSettings


def label_entropy(logits: torch.Tensor, label: torch.Tensor, settings: PairedSettings) -> torch.Tensor:
    """Mean cross-entropy of class logits (B, classes, K, J, I) and a label map (B, K, J, I).

    Raises:
        ParameterError: for a network that gives its label map in colours.
    """
    if settings.label_code is LabelCode.COLOURS:
        raise ParameterError("This training takes label maps as classes. Choose 'one-hot' or 'number' for them.")
    return functional.cross_entropy(logits.float(), label.long())

"""How a class and numbers reach a denoiser. What is unknown is None or NaN: the same way guidance leaves it out."""

from __future__ import annotations

import torch
from torch import nn

from synthetic_imaging.errors import InputError


class ConditionEmbedding(nn.Module):
    """A class and numbers as one vector, which is added to the embedding of time.

    Args:
        classes: 0 for none; one more embedding stands for an unknown class.
        numbers: 0 for none.
        width: of the vector.
    """

    def __init__(self, classes: int, numbers: int, width: int) -> None:
        super().__init__()
        self.classes, self.numbers = classes, numbers
        self.of_class = nn.Embedding(classes + 1, width) if classes else None
        self.of_numbers = (
            nn.Sequential(nn.Linear(2 * numbers, width), nn.SiLU(), nn.Linear(width, width)) if numbers else None
        )

    def pack(
        self, batch: int, device: torch.device, class_labels: torch.Tensor | None, numbers: torch.Tensor | None
    ) -> torch.Tensor:
        """Class and numbers as one tensor (B, 1 + numbers), NaN where unknown.

        Raises:
            InputError: for a class or numbers that do not fit, or that the network does not know.
        """
        packed = torch.full((batch, 1 + self.numbers), torch.nan, device=device)
        if class_labels is not None:
            if not self.classes:
                raise InputError("This network was made without conditioning by class.")
            packed[:, 0] = class_labels.to(packed)
        if numbers is not None:
            packed[:, 1:] = checked_numbers(numbers, batch, self.numbers)
        return packed

    def forward(self, packed: torch.Tensor) -> torch.Tensor:
        """The vector (B, width) of what `pack` gave."""
        total: torch.Tensor | None = None
        if self.of_class is not None:
            known = torch.where(torch.isnan(packed[:, 0]), float(self.classes), packed[:, 0]).long()
            total = self.of_class(known)
        if self.of_numbers is not None:
            values = self.of_numbers(with_known(packed[:, 1:]).flatten(1).to(self.of_numbers[0].weight.dtype))
            total = values if total is None else total + values
        if total is None:
            raise InputError("A conditioning embedding needs a class or numbers.")
        return total


class NumberTokens(nn.Module):
    """Numbers as tokens for cross-attention: (B, numbers) to (B, numbers, width)."""

    def __init__(self, numbers: int, width: int) -> None:
        super().__init__()
        self.numbers = numbers
        self.place = nn.Parameter(torch.randn(numbers, width) * 0.02)
        self.value = nn.Sequential(nn.Linear(2, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Tokens; NaN is unknown."""
        return self.value(with_known(numbers).to(self.place.dtype)) + self.place


def with_known(numbers: torch.Tensor) -> torch.Tensor:
    """Each number beside whether it is known: (B, N) with NaN to (B, N, 2)."""
    known = ~torch.isnan(numbers)
    return torch.stack((torch.nan_to_num(numbers), known.to(numbers.dtype)), -1)


def checked_numbers(numbers: torch.Tensor, batch: int, expected: int) -> torch.Tensor:
    """Numbers (B, N), float32.

    Raises:
        InputError: if there are not as many as the network takes.
    """
    if numbers.shape != (batch, expected):
        raise InputError(f"This network takes {expected} numbers for each of {batch} samples, "
                         f"not a tensor of {tuple(numbers.shape)}.")
    return numbers.float()

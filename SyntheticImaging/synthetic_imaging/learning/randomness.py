"""Random numbers for training, drawn for each sample of a batch by its place in the whole training.

A sample's numbers depend on the seed, the step and the sample's position in the global batch, on nothing else. So two
processes with half a batch each draw what one process with the whole batch draws, and a run that was killed and resumed
draws what an unbroken one draws; no state of a generator has to be kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

_TORCH, _NUMPY = 0, 1


def generator_of(seed: int, *place: int) -> np.random.Generator:
    """A numpy generator for a place (step, position, ...) of a seeded run."""
    return np.random.default_rng([seed, _NUMPY, *place])


class BatchRandom:
    """The random numbers of one batch.

    Successive calls go on in each sample's own stream. All results have the batch as first axis and lie on ``device``;
    they are drawn on the CPU, so that a GPU gets the same numbers.
    """

    def __init__(self, seed: int, step: int, positions: Sequence[int], device: str | torch.device = "cpu") -> None:
        import torch

        self.device = device
        self._generators = []
        for position in positions:
            state = np.random.SeedSequence([seed, _TORCH, step, position]).generate_state(1, np.uint64)[0]
            self._generators.append(torch.Generator().manual_seed(int(state >> np.uint64(1))))

    def __len__(self) -> int:
        return len(self._generators)

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal numbers, (B, *shape), float32."""
        import torch

        return torch.stack([torch.randn(shape, generator=g) for g in self._generators]).to(self.device)

    def like(self, tensor: torch.Tensor) -> torch.Tensor:
        """Standard normal numbers of the shape of a batch."""
        return self.normal(*tensor.shape[1:]).to(tensor.dtype)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """One number for each sample, (B,), float32."""
        import torch

        draws = torch.cat([torch.rand(1, generator=g) for g in self._generators])
        return (low + (high - low) * draws).to(self.device)

    def integers(self, high: int, low: int = 0) -> torch.Tensor:
        """One whole number low <= n < high for each sample, (B,), int64."""
        import torch

        return torch.cat([torch.randint(low, high, (1,), generator=g) for g in self._generators]).to(self.device)

    def chance(self, probability: float) -> torch.Tensor:
        """True with a probability for each sample, (B,), bool."""
        return self.uniform() < probability

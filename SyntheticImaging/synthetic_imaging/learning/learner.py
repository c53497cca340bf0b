"""What the training loop trains: networks, where their cases come from, and the losses.

Most learners have one phase. A GAN has two: in each step the loop goes through the phases in order, and each updates
only its own networks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from synthetic_imaging.learning.randomness import BatchRandom

if TYPE_CHECKING:
    import torch

Case = Mapping[str, Any]
Batch = dict[str, Any]


class CaseSource(Protocol):
    """Training cases by number."""

    def __len__(self) -> int:
        """How many cases there are."""
        ...

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """One case.

        Args:
            index: 0 to len - 1.
            rng: for augmentation; the anatomy depends on the index alone.

        Returns:
            "image": float32 (C, K, J, I) in 0..1; "label": uint8 (K, J, I); numbers under their own names.
        """
        ...


def _always(step: int) -> bool:
    del step
    return True


@dataclass(frozen=True)
class Phase:
    """One optimiser and its loss.

    Attributes:
        name: for logs and checkpoints.
        networks: names in ``Learner.networks`` whose parameters the optimiser updates; all others are frozen meanwhile.
        optimiser: makes the optimiser from the parameters.
        loss: (batch, random numbers, step) -> loss to minimise (mean over the batch), and values to log.
        schedule: makes a learning-rate schedule, stepped once a step, or None.
        active: whether the phase takes part at a step (a discriminator may start late).
    """

    name: str
    networks: tuple[str, ...]
    optimiser: Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]
    loss: Callable[[Batch, BatchRandom, int], tuple[torch.Tensor, Mapping[str, torch.Tensor | float]]]
    schedule: Callable[[torch.optim.Optimizer], Any] | None = None
    active: Callable[[int], bool] = _always


class Learner(ABC):
    """Networks with cases and losses.

    Attributes:
        networks: torch.nn.ModuleDict of all networks, also frozen ones that belong to the model. What must be kept
            beside weights (a latent scale) is a buffer of one of them.
        training: the training cases.
        validation: cases for validation, or None for none.
        averaged: names of networks whose exponential moving average is kept and is what the model becomes.
        watch: the value of `validate` that early stopping and the best checkpoint look at; lower is better.
    """

    networks: torch.nn.ModuleDict
    training: CaseSource
    validation: CaseSource | None = None
    averaged: tuple[str, ...] = ()
    watch: str = "loss"

    @abstractmethod
    def phases(self) -> Sequence[Phase]:
        """The phases, in the order of one step."""

    def validate(self, batch: Batch, random: BatchRandom) -> Mapping[str, torch.Tensor | float]:
        """Values of one batch of validation cases, averaged over the batches; networks are in eval mode, no gradient.

        By default the loss of the first phase.
        """
        loss, values = self.phases()[0].loss(batch, random, 0)
        return {"loss": loss, **values}

    def before_training(self, device: str) -> None:
        """Once before the first step, with a checkpoint's state in place: measure a latent scale, encode latents."""

    def pictures(self, device: str) -> Mapping[str, np.ndarray[Any, Any]]:
        """Pictures for the log, name -> (rows, columns) in 0..1; after each validation, in the first process only."""
        del device
        return {}


def collate(cases: Sequence[Case]) -> Batch:
    """Cases to a batch of tensors: arrays are stacked, numbers become float32 vectors; other things are left out."""
    import torch

    batch: Batch = {}
    for name, first in cases[0].items():
        if isinstance(first, np.ndarray):
            batch[name] = torch.from_numpy(np.stack([np.ascontiguousarray(c[name]) for c in cases]))
        elif isinstance(first, (int, float, np.floating, np.integer)):
            batch[name] = torch.tensor([float(c[name]) for c in cases], dtype=torch.float32)
    return batch

"""Networks whose weights depend on a seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def built(seed: int) -> Iterator[None]:
    """Networks made inside get the weights of this seed; torch's own random state is as before afterwards.

        with built(7):
            network = PairedAutoencoder(settings)

    Networks are built on the CPU and moved, so that all devices start from the same weights.
    """
    kept = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(kept)


def parameter_count(network: torch.nn.Module) -> int:
    """How many numbers training can change."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)

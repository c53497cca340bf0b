"""The exponential moving average of weights, which is steadier than the weights themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import torch


class Averages:
    """Moving averages of some networks' weights.

    After update n the decay is min(decay, (1 + n) / (10 + n)), so that the first random weights are soon forgotten in a
    short training. Buffers (statistics, scales) are not averaged: the model takes the latest.
    """

    def __init__(self, networks: torch.nn.ModuleDict, names: Sequence[str], decay: float) -> None:
        self.decay, self.updates = decay, 0
        self._live: dict[str, torch.nn.Parameter] = {}
        if decay > 0:
            for name in names:
                for key, parameter in networks[name].named_parameters():
                    if parameter.is_floating_point():
                        self._live[f"{name}.{key}"] = parameter
        self.tensors = {key: parameter.detach().clone() for key, parameter in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        if not self.tensors:
            return
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(list(self.tensors.values()), [p.detach() for p in self._live.values()], 1 - decay)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, torch.Tensor], updates: int) -> None:
        """Go on from kept averages."""
        self.updates = updates
        for key, tensor in self.tensors.items():
            tensor.copy_(tensors[key])

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """In this block the networks have the averaged weights; nothing is copied."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for key, parameter in self._live.items():
            self.tensors[key], parameter.data = parameter.data, self.tensors[key]

    @torch.no_grad()
    def make_final(self) -> None:
        """Leave the averaged weights in the networks for good."""
        for key, parameter in self._live.items():
            parameter.copy_(self.tensors[key])

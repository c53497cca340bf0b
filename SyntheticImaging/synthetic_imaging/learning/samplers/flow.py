"""Rectified flow: straight steps along the velocity (Liu et al. 2023)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from synthetic_imaging.learning.samplers.sampler import Sampler, Walk, mixed, only_flow
from synthetic_imaging.learning.samplers.spacing import Spacing

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class FlowEuler(Sampler):
    """Euler's method: one network call a step."""

    name: ClassVar[str] = "flow-euler"
    own_spacing: ClassVar[Spacing] = Spacing.EVEN

    def __post_init__(self) -> None:
        super().__post_init__()
        only_flow(self)

    def _walk(self, walk: Walk) -> Iterator[torch.Tensor]:
        x = walk.start
        for here, there in walk.steps():
            kept = there.sigma / here.sigma
            x = walk.step(x, here, kept, 1 - kept)
            yield x


@dataclass(frozen=True)
class FlowHeun(Sampler):
    """Heun's method: two network calls a step, one in the last, where nothing is left to ask."""

    name: ClassVar[str] = "flow-heun"
    own_spacing: ClassVar[Spacing] = Spacing.EVEN

    def __post_init__(self) -> None:
        super().__post_init__()
        only_flow(self)

    def network_calls(self, steps: int) -> int:
        """2 steps - 1."""
        return 2 * steps - 1

    def steps_for(self, calls: int) -> int:
        """The most steps with at most so many calls."""
        return max(1, (calls + 1) // 2)

    def _walk(self, walk: Walk) -> Iterator[torch.Tensor]:
        x = walk.start
        for here, there in walk.steps():
            clean = walk.clean(x, here)
            kept = there.sigma / here.sigma
            ahead = mixed((kept, x), (1 - kept, clean))
            if there.sigma > 0:
                # The velocity is (clean - x) / sigma: half of it from here, half from where Euler's step led.
                step = (here.sigma - there.sigma) / 2
                half, half_ahead = step / here.sigma, step / there.sigma
                x = mixed((1 - half, x), (half, clean), (half_ahead, walk.clean(ahead, there)), (-half_ahead, ahead))
            else:
                x = ahead
            yield x

"""Classifier-free guidance: away from what the network would make without its conditions (Ho and Salimans 2022)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.diffusion.losses import without_some

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Guided:
    """A network with conditions, as a sampler asks it: ``guided(x, t)``.

    Attributes:
        denoise: the network, called as ``denoise(x, t, **conditions)``.
        conditions: by name, each (B, ...).
        empty: what stands for "no condition", by name, as in training; not needed at scale 1.
        scale: 1 follows the conditions as they are (one call), above 1 more strongly, 0 ignores them.
        batched: ask once with the batch doubled, or twice with less memory.
        rescale: 0 to 1, how much of the contrast that guidance adds is taken back (Lin et al. 2024, section 3.4).

    Raises:
        ParameterError: for a scale or rescale out of range.
        InputError: if guidance needs an "empty" that is missing.
    """

    denoise: Callable[..., Any]
    conditions: Mapping[str, Any]
    empty: Mapping[str, Any] | None = None
    scale: float = 1.0
    batched: bool = True
    rescale: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.scale < float("inf"):
            raise ParameterError(f"The scale of guidance is 0 or above, not {self.scale:g}.")
        if not 0 <= self.rescale <= 1:
            raise ParameterError(f"Rescaling of guidance is 0 to 1, not {self.rescale:g}.")
        missing = [name for name in self.conditions if name not in (self.empty or {})]
        if self.scale != 1 and missing:
            raise InputError(f"Say what stands for no condition '{missing[0]}': guidance compares with and without it.")

    @property
    def network_calls(self) -> int:
        """How often one prediction asks the network, a doubled batch counting twice."""
        return 1 if self.scale in (0.0, 1.0) or not self.conditions else 2

    def __call__(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The guided prediction (B, C, ...) for ``x`` (B, C, ...) at times ``t`` (B,)."""
        if self.scale == 1 or not self.conditions:
            return self.denoise(x, t, **self.conditions)
        import torch

        nothing = without_some(self.conditions, self.empty or {}, torch.ones_like(t, dtype=torch.bool))
        if self.scale == 0:
            return self.denoise(x, t, **nothing)
        if self.batched:
            both = {name: torch.cat([value, nothing[name]]) for name, value in self.conditions.items()}
            told, untold = self.denoise(torch.cat([x, x]), torch.cat([t, t]), **both).chunk(2)
        else:
            told, untold = self.denoise(x, t, **self.conditions), self.denoise(x, t, **nothing)
        guided = torch.lerp(untold, told, self.scale)
        if self.rescale == 0:
            return guided
        axes = tuple(range(1, x.ndim))
        contrast = told.std(axes, keepdim=True) / guided.std(axes, keepdim=True).clamp(min=1e-8)
        return guided * (1 + self.rescale * (contrast - 1))

"""DDPM and DDIM: each step uses the last prediction only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.diffusion.choices import chosen
from synthetic_imaging.learning.samplers.sampler import Level, Sampler, Walk
from synthetic_imaging.learning.samplers.spacing import Spacing

if TYPE_CHECKING:
    import torch


class Variance(str, Enum):
    """How much noise a DDPM step adds: that of the posterior of a known image, or beta, that of the forward step."""

    POSTERIOR = "posterior"
    BETA = "beta"


def _added(here: Level, there: Level) -> float:
    """Variance of the noise that the forward process adds between two levels; beta for neighbouring ones."""
    return here.sigma**2 - (here.alpha / there.alpha * there.sigma) ** 2


@dataclass(frozen=True)
class DDPM(Sampler):
    """Ancestral sampling (Ho et al. 2020, algorithm 2).

    With fewer steps than levels, it is respaced (Nichol and Dhariwal 2021).

    Attributes:
        variance: of the noise that each step adds.
    """

    variance: Variance | str = Variance.POSTERIOR

    name: ClassVar[str] = "ddpm"
    own_spacing: ClassVar[Spacing] = Spacing.TRAILING

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "variance", chosen(Variance, self.variance, "variance"))

    def _walk(self, walk: Walk) -> Iterator[torch.Tensor]:
        x = walk.start
        for here, there in walk.steps():
            added, total = _added(here, there), here.sigma**2
            x = walk.step(x, here, here.alpha / there.alpha * there.sigma**2 / total, there.alpha * added / total)
            if there.sigma > 0:
                variance = added if self.variance is Variance.BETA else added * there.sigma**2 / total
                x = x.add_(walk.noise(), alpha=math.sqrt(variance))
            yield x


@dataclass(frozen=True)
class DDIM(Sampler):
    """Denoising diffusion implicit models (Song et al. 2021, equations 12 and 16).

    Attributes:
        eta: 0 for the deterministic path, 1 for as much noise as DDPM adds.
    """

    eta: float = 0.0

    name: ClassVar[str] = "ddim"
    own_spacing: ClassVar[Spacing] = Spacing.TRAILING

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.eta <= 1:
            raise ParameterError(f"Eta of DDIM is 0 to 1, not {self.eta:g}.")

    def _walk(self, walk: Walk) -> Iterator[torch.Tensor]:
        x = walk.start
        for here, there in walk.steps():
            fresh = self.eta * there.sigma / here.sigma * math.sqrt(max(_added(here, there), 0.0))
            kept = math.sqrt(max(there.sigma**2 - fresh**2, 0.0)) / here.sigma
            x = walk.step(x, here, kept, there.alpha - kept * here.alpha)
            if fresh > 0:
                x = x.add_(walk.noise(), alpha=fresh)
            yield x

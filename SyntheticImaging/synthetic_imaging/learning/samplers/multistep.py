"""DPM-Solver++ and UniPC: each step also uses earlier predictions, at no further network call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.diffusion.schedules import FloatArray
from synthetic_imaging.learning.samplers.sampler import Level, Sampler, Walk, mixed

if TYPE_CHECKING:
    import torch


# A level and the clean prediction made there.
Seen = tuple[Level, Any]


def _first_order(here: Level, there: Level) -> tuple[float, float]:
    """Weights of x and of the clean prediction in a step that takes the prediction for constant; exact then."""
    kept = there.sigma / here.sigma
    return kept, there.alpha - kept * here.alpha


@dataclass(frozen=True)
class DPMSolver(Sampler):
    """DPM-Solver++(2M), multistep, in the clean prediction (Lu et al. 2022b, algorithm 2).

    Attributes:
        order: 2, or 1 (which is DDIM).
    """

    order: int = 2

    name: ClassVar[str] = "dpm-solver++"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order not in (1, 2):
            raise ParameterError(f"DPM-Solver++ has order 1 or 2, not {self.order}.")

    def _walk(self, walk: Walk) -> Iterator[torch.Tensor]:
        x = walk.start
        earlier: torch.Tensor | None = None
        step_before = 0.0
        for here, there in walk.steps():
            clean = walk.clean(x, here)
            kept, new = _first_order(here, there)
            # To the clean image the step in lambda is infinite: first order there, as the publication has it.
            if earlier is None or self.order == 1 or there.sigma == 0:
                x = mixed((kept, x), (new, clean))
            else:
                slope = (there.half_log_snr - here.half_log_snr) / step_before / 2
                x = mixed((kept, x), (new * (1 + slope), clean), (-new * slope, earlier))
            earlier, step_before = clean, there.half_log_snr - here.half_log_snr
            yield x


@dataclass(frozen=True)
class UniPC(Sampler):
    """Unified predictor and corrector, B(h) = exp(h) - 1, in the clean prediction (Zhao et al. 2023).

    The corrector uses the network call of the next step, so it is free.

    Attributes:
        order: 1 to 3; 2 is the publication's for guided sampling.
    """

    order: int = 2

    name: ClassVar[str] = "unipc"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order not in (1, 2, 3):
            raise ParameterError(f"UniPC has order 1 to 3, not {self.order}.")

    def _walk(self, walk: Walk) -> Iterator[torch.Tensor]:
        x = walk.start  # after the predictor
        before: torch.Tensor | None = None  # the corrected image one level back
        seen: list[Seen] = []  # clean predictions, newest first
        order = 0
        for number, (here, there) in enumerate(walk.steps()):
            clean = walk.clean(x, here)
            if before is not None:
                x = _stepped(before, seen[:order], here, (here, clean))
            seen = [(here, clean), *seen[: self.order - 1]]
            order = min(self.order, number + 1, len(walk.levels) - 1 - number)
            before = x
            x = _stepped(before, seen[:order], there)
            yield x


def _stepped(
    x: torch.Tensor, seen: list[Seen], there: Level, ahead: Seen | None = None
) -> torch.Tensor:
    """A step of UniP, or of UniC if the prediction ``ahead``, at the step's end, is known.

    Args:
        x: the image at the level of the newest of ``seen``.
        seen: clean predictions at the step's start and before, newest first; their number is the order.
        there: the level at the step's end.
        ahead: the clean prediction there.
    """
    here, clean = seen[0]
    kept, new = _first_order(here, there)
    others = seen[1:] if ahead is None else [*seen[1:], ahead]
    if not others:
        return mixed((kept, x), (new, clean))
    step = there.half_log_snr - here.half_log_snr
    # Where the other predictions are, in units of the step: negative before it, 1 at its end.
    places = np.array([(level.half_log_snr - here.half_log_snr) / step for level, _ in others])
    slopes = new * _weights(places, step) / places
    parts = [(float(slope), other) for slope, (_, other) in zip(slopes, others, strict=True)]
    return mixed((kept, x), (new - float(slopes.sum()), clean), *parts)


def _weights(places: FloatArray, step: float) -> FloatArray:
    """Weights of the differences to the other predictions (equation 5 of the publication, for data prediction)."""
    if len(places) == 1:
        # The publication's choice for UniP-2 and UniC-1: any weight keeps their order, and one half needs no solving.
        return np.array([0.5])
    h = -step
    size = len(places)
    phi, factorial = np.expm1(h) / h - 1, 1.0
    wanted = np.empty(size)
    for power in range(size):
        wanted[power] = phi * factorial / np.expm1(h)
        factorial *= power + 2
        phi = phi / h - 1 / factorial
    return np.asarray(np.linalg.solve(np.vander(places, size, increasing=True).T, wanted), dtype=np.float64)

"""Quality against network calls: how few calls a sampler can do with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.samplers.sampler import Predict, Progress, Sampler

if TYPE_CHECKING:
    import torch

CALLS = (4, 6, 8, 10, 15, 20, 30, 50)


@dataclass(frozen=True)
class CurvePoint:
    """One sampling.

    Attributes:
        name: of the arm.
        steps: steps of the sampler.
        calls: network calls, at most what was asked for.
        quality: what the measure said.
        seconds: wall-clock time of the sampling, measure not included.
    """

    name: str
    steps: int
    calls: int
    quality: float
    seconds: float


def calls_curve(
    arms: Mapping[str, tuple[Sampler, Predict]], noise: torch.Tensor, quality: Callable[[Any], float], *,
    calls: Sequence[int] = CALLS, seed: int = 0, progress: Progress | None = None, **options: Any,
) -> list[CurvePoint]:  # fmt: skip
    """Sample with several samplers at several numbers of network calls, and measure.

    Args:
        arms: name -> sampler, and the network it asks. All start from the same noise.
        noise: standard normal (B, C, ...).
        quality: images (B, C, ...) -> a number.
        calls: numbers of network calls; a sampler with two calls a step gets half the steps.
        seed: of the noise that samplers add on their way.
        progress: called with 0..1, by network calls; may raise Cancelled.
        options: ``clip`` and ``correct`` of `Sampler.sample`.

    Returns:
        One point for each arm and number of calls, in that order.

    Raises:
        ParameterError: for no arms, or a number of calls below 1.
    """
    import torch

    if not arms or not calls or min(calls) < 1:
        raise ParameterError("A curve needs at least one sampler, and numbers of network calls of at least 1.")
    plan = [(name, *arm, arm[0].steps_for(number)) for name, arm in arms.items() for number in calls]
    total, done, points = sum(kind.network_calls(steps) for _, kind, _, steps in plan), 0, []
    for name, kind, predict, steps in plan:
        asked = kind.network_calls(steps)

        def part(fraction: float, before: int = done, asked: int = asked) -> None:
            if progress is not None:
                progress((before + fraction * asked) / total)

        random = torch.Generator().manual_seed(seed)
        started = time.perf_counter()
        images = kind.sample(predict, noise, steps=steps, random=random, progress=part, **options)
        if images.is_cuda:
            torch.cuda.synchronize()
        taken = time.perf_counter() - started
        points.append(CurvePoint(name, steps, asked, float(quality(images)), taken))
        done += asked
    return points

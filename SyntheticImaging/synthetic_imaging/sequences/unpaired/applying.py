"""A trained translation between two sequences on a whole volume, slice by slice, with several answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.sequences.learned.applying import one_thread_on_a_processor
from synthetic_imaging.sequences.unpaired.settings import Method

if TYPE_CHECKING:
    import torch

    from synthetic_imaging.learning.weights.models import Model

Values = npt.NDArray[np.float32]
_TOGETHER = 4  # slices in one call
CALLS = 50  # of paired diffusion


@dataclass(frozen=True)
class Answers:
    """How often noise is walked to an image.

    Attributes:
        number: of answers; methods without noise always give the same one.
        seed: of the noise.
        calls: network calls of an answer by paired diffusion; SynDiff takes as many as it was trained with.
    """

    number: int = 1
    seed: int = 0
    calls: int = CALLS


def translated(
    model: Model, given: Values, side: str, answers: Answers, device: str, run: Run
) -> tuple[Values, Values]:
    """The other sequence of a volume.

    All slices start from the same noise, so that neighbours fit together.

    Args:
        model: of the recipe ``sequences.unpaired``.
        given: (K, J, I) in -1..1, slices of the sequence that is there.
        side: "a" or "b", which is wanted.
        answers: how many, and their seed.
        device: "cpu", "cuda:0".
        run: progress and cancel.

    Returns:
        Mean and variance over the answers, each (K, J, I), float32.
    """
    import torch

    factor = int(model.networks[_named(model.settings.method, side)].factor)
    count, rows, columns = given.shape
    padded = np.pad(given, ((0, 0), (0, -rows % factor), (0, -columns % factor)), constant_values=-1)
    number = answers.number if model.settings.method in (Method.SYNDIFF, Method.DIFFUSION) else 1
    mean, variance = np.zeros((2, *given.shape), np.float32)
    answer = _answer_of(model, side, answers)
    with torch.inference_mode(), one_thread_on_a_processor():
        for first in range(0, count, _TOGETHER):
            source = torch.from_numpy(padded[first : first + _TOGETHER, None]).to(device)
            kept = []
            for at in range(number):
                run.progress((first + at / number * _TOGETHER) / (count + _TOGETHER), f"slice {first + 1} of {count}")
                kept.append(answer(source, answers.seed * 1009 + at, run).double())
            found = torch.stack(kept)[:, :, 0, :rows, :columns]
            mean[first : first + _TOGETHER] = found.mean(0).cpu().numpy()
            variance[first : first + _TOGETHER] = found.var(0, unbiased=False).cpu().numpy()
    run.progress(1.0, "all slices")
    return mean, variance


def _named(method: Method, side: str) -> str:
    return f"{'walk' if method in (Method.SYNDIFF, Method.DIFFUSION) else 'to'} {side}"


class _SharedNoise:
    """Standard normal numbers, the same for every image of a batch and for every batch."""

    def __init__(self, seed: int) -> None:
        import torch

        self.random = torch.Generator().manual_seed(seed)

    def like(self, images: torch.Tensor) -> torch.Tensor:
        """Of (B, 1, J, I)."""
        import torch

        one = torch.randn((1, *images.shape[1:]), generator=self.random)
        return one.to(images.device).expand_as(images).clone()

    def vectors(self, count: int) -> Callable[[int], torch.Tensor]:
        """size -> (count, size)."""
        import torch

        return lambda size: torch.randn((1, size), generator=self.random).expand(count, -1)


def _answer_of(model: Model, side: str, answers: Answers) -> Callable[[torch.Tensor, int, Run], torch.Tensor]:
    from synthetic_imaging.learning.diffusion.few_steps import FewSteps
    from synthetic_imaging.learning.diffusion.schedules import schedule
    from synthetic_imaging.learning.learners.syndiff import walked
    from synthetic_imaging.learning.samplers.by_name import sampler

    settings: Any = model.settings
    network: Any = model.networks[_named(settings.method, side)]

    def few_steps(source: torch.Tensor, seed: int, run: Run) -> torch.Tensor:
        del run
        noise = _SharedNoise(seed)
        latents = noise.vectors(len(source))
        return walked(network, source, FewSteps(settings.jumps), noise.like, lambda n: latents(n).to(source.device))

    def many_steps(source: torch.Tensor, seed: int, run: Run) -> torch.Tensor:
        walk = sampler("ddim", schedule("linear", settings.noise_steps), "noise")
        steps = walk.steps_for(min(answers.calls, settings.noise_steps))
        return walk.sample(lambda x, t: network(x, t, source), _SharedNoise(seed).like(source), steps=steps,
                           clip=(-1.0, 1.0), progress=lambda done: run.check_cancel())

    def at_once(source: torch.Tensor, seed: int, run: Run) -> torch.Tensor:
        del seed, run
        made: torch.Tensor = network(source, source.new_zeros(len(source), 1))
        return made

    return {Method.SYNDIFF: few_steps, Method.DIFFUSION: many_steps}.get(settings.method, at_once)

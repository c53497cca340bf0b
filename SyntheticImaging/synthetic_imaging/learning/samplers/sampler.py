"""What all samplers share: levels of noise, the way from network output to clean image, progress, cancel."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.diffusion.choices import Target, chosen
from synthetic_imaging.learning.diffusion.schedules import NO_SIGNAL, FlowSchedule, Schedule
from synthetic_imaging.learning.diffusion.targets import clean_weights
from synthetic_imaging.learning.samplers.spacing import Spacing, times

if TYPE_CHECKING:
    import torch

# predict(x, t) -> output: x (B, C, ...), t (B,) single precision in the schedule's times.
Predict = Callable[[Any, Any], Any]
# A clean prediction (B, C, ...) and where it was made -> the corrected one.
Correct = Callable[[Any, "Level"], Any]
# Called with 0..1; raises `errors.Cancelled` to stop.
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Level:
    """How noisy an image is while it is sampled: ``x = alpha clean + sigma noise`` at time t."""

    t: float
    alpha: float
    sigma: float

    @property
    def half_log_snr(self) -> float:
        """log(alpha / sigma), lambda in the publications; +inf where clean, finite where nothing but noise is left."""
        with np.errstate(divide="ignore"):
            return max(float(np.log(self.alpha) - np.log(self.sigma)), NO_SIGNAL / 2)


CLEAN = Level(0.0, 1.0, 0.0)


class Walk:
    """One sampling under way; given to the sampler's own part."""

    def __init__(
        self, levels: Sequence[Level], target: Target, predict: Predict, start: torch.Tensor,
        random: torch.Generator | Sequence[torch.Generator] | None, clip: tuple[float, float] | None,
        correct: Correct | None,
    ) -> None:  # fmt: skip
        self.levels = levels
        self.start = start
        self._target, self._predict, self._random, self._clip, self._correct = target, predict, random, clip, correct

    def steps(self) -> Iterator[tuple[Level, Level]]:
        """Pairs of levels: from, to; the last one goes to the clean image."""
        return itertools.pairwise(self.levels)

    def clean(self, x: torch.Tensor, at: Level) -> torch.Tensor:
        """The clean image the network sees in ``x``, clipped and corrected; one network call."""
        output = self._ask(x, at)
        if self._target is Target.CLEAN:
            clean = output.to(x.dtype)
        else:
            of_x, of_output = clean_weights(self._target, at.alpha, at.sigma)
            clean = mixed((of_x, x), (of_output, output)).to(x.dtype)
        if self._clip is not None:
            clean = clean.clamp(*self._clip)
        return clean if self._correct is None else self._correct(clean, at).to(x.dtype)

    def step(self, x: torch.Tensor, at: Level, kept: float, new: float) -> torch.Tensor:
        """``kept x + new clean``; one network call, and no clean image in memory where nobody asked for it."""
        if self._target is Target.CLEAN or self._clip is not None or self._correct is not None:
            return mixed((kept, x), (new, self.clean(x, at)))
        of_x, of_output = clean_weights(self._target, at.alpha, at.sigma)
        return mixed((kept + new * of_x, x), (new * of_output, self._ask(x, at))).to(x.dtype)

    def _ask(self, x: torch.Tensor, at: Level) -> torch.Tensor:
        import torch

        t = torch.full((x.shape[0],), at.t, dtype=torch.float32, device=x.device)
        output = self._predict(x, t)
        if output.shape != x.shape:
            raise InputError(
                f"The network returned {tuple(output.shape)} for {tuple(x.shape)}: they must be the same shape."
            )
        return output

    def noise(self) -> torch.Tensor:
        """Fresh noise of the image's shape."""
        import torch

        if self._random is None:
            raise ParameterError("This sampler adds noise on its way: give it a random generator.")
        x = self.start
        if isinstance(self._random, Sequence):
            each = [torch.randn(x.shape[1:], generator=g, dtype=x.dtype, device=g.device) for g in self._random]
            return torch.stack(each).to(x.device)
        return torch.randn(x.shape, generator=self._random, dtype=x.dtype, device=self._random.device).to(x.device)


def mixed(*parts: tuple[float, torch.Tensor]) -> torch.Tensor:
    """The sum of tensors times numbers, with one new tensor; parts of weight 0 are not looked at."""
    total: torch.Tensor | None = None
    for weight, tensor in parts:
        if weight != 0:
            total = tensor * weight if total is None else total.add_(tensor, alpha=weight)
    if total is None:
        raise ParameterError("Nothing to mix.")
    return total


@dataclass(frozen=True)
class Sampler(ABC):
    """A way from noise to images.

    Attributes:
        schedule: the schedule of the training.
        target: what the network predicts.
        spacing: where the steps are; None for the sampler's own choice.
        whole_steps: ask the network only at whole times, the ones it was trained at; a flow has none.

    Raises:
        ParameterError: for choices that do not go together.
    """

    schedule: Schedule
    target: Target | str
    spacing: Spacing | str | None = None
    whole_steps: bool = True

    name: ClassVar[str]
    own_spacing: ClassVar[Spacing] = Spacing.LOG_SNR

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", chosen(Target, self.target, "target"))
        spacing = self.own_spacing if self.spacing is None else self.spacing
        object.__setattr__(self, "spacing", chosen(Spacing, spacing, "spacing of steps"))
        clean_weights(self.target, float(self.schedule.alpha(self.schedule.last)), 1.0)

    def network_calls(self, steps: int) -> int:
        """How often a sampling of ``steps`` asks the network (guidance with two calls counts twice that)."""
        return steps

    def steps_for(self, calls: int) -> int:
        """The most steps with at most so many network calls, at least 1."""
        return max(1, calls)

    def levels(self, steps: int) -> list[Level]:
        """The levels of a sampling, from noise to clean, steps + 1 of them."""
        assert self.spacing is not None  # set in __post_init__
        found = times(self.schedule, steps, self.spacing, whole=self.whole_steps)
        alphas, sigmas = self.schedule.alpha(found), self.schedule.sigma(found)
        return [*(Level(float(t), float(a), float(s)) for t, a, s in zip(found, alphas, sigmas, strict=True)), CLEAN]

    def sample(
        self, predict: Predict, noise: torch.Tensor, *, steps: int,
        random: torch.Generator | Sequence[torch.Generator] | None = None, progress: Progress | None = None,
        clip: tuple[float, float] | None = None, correct: Correct | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Images from noise.

        Args:
            predict: the network, without gradient: (x, t) -> the target, both (B, C, ...); t (B,) may be fractions.
            noise: standard normal, (B, C, ...).
            steps: how many; see `network_calls`.
            random: for samplers that add noise on the way: one generator, or one for each sample, which makes a sample
                independent of the others in its batch. Drawn on the generator's device: one on the CPU gives the same
                numbers everywhere.
            progress: called before the first step and after each with the fraction done; may raise Cancelled.
            clip: (low, high) of the clean image, applied to each prediction of it.
            correct: changes each prediction of the clean image after the clip (`wavelets.in_image_range`, measured
                data, known parts).

        Returns:
            Images (B, C, ...), of the type of ``noise``.

        Raises:
            InputError: for noise that is not finite, or a network whose output does not fit or is not finite.
            ParameterError: for steps or a clip that cannot be.
            Cancelled: if ``progress`` raises it.
        """
        import torch

        if noise.ndim < 2 or noise.numel() == 0 or not noise.is_floating_point():
            raise InputError(f"Sampling starts from noise (B, C, ...), not from {tuple(noise.shape)} of {noise.dtype}.")
        if isinstance(random, Sequence) and len(random) != noise.shape[0]:
            raise InputError(f"{len(random)} random generators for {noise.shape[0]} samples: they must be the same.")
        if clip is not None and not clip[0] < clip[1]:
            raise ParameterError(f"Clipping needs a low end below its high end, not {clip[0]:g} and {clip[1]:g}.")
        if not bool(torch.isfinite(noise).all()):
            raise InputError("The noise to start from holds values that are not finite.")
        half = noise.dtype in (torch.float16, torch.bfloat16)
        with torch.no_grad():
            # Small steps would be lost in a half-precision image; the network still gets its own type.
            start = noise.float() if half else noise
            ask: Predict = (lambda x, t: predict(x.to(noise.dtype), t)) if half else predict
            walk = Walk(self.levels(steps), Target(self.target), ask, start, random, clip, correct)
            if progress is not None:
                progress(0.0)
            x = start
            for number, reached in enumerate(self._walk(walk), 1):
                x = reached
                if progress is not None:
                    progress(number / steps)
            if not bool(torch.isfinite(x).all()):
                raise InputError(
                    "Sampling ended in values that are not finite: the network's weights or its number format are not "
                    "fit for this. Try single precision."
                )
            return x.to(noise.dtype)

    @abstractmethod
    def _walk(self, walk: Walk) -> Iterator[torch.Tensor]:
        """The image after each step, the last one clean."""


def only_flow(sampler: Sampler) -> None:
    """Check that a sampler has the straight path it needs.

    Raises:
        ParameterError: if not.
    """
    if not isinstance(sampler.schedule, FlowSchedule):
        raise ParameterError(
            f"{sampler.name} follows the straight path of a flow: train with the 'flow' schedule, or choose "
            "ddim, dpm-solver++ or unipc."
        )

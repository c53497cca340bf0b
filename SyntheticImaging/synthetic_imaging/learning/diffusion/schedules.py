"""Noise schedules: how much of the image is left, and how much noise is in it, at each time.

A schedule says alpha(t) and sigma(t) of ``x = alpha clean + sigma noise``. Times run from 0 (nearly clean) to
``last`` (nearly or wholly noise) and are what the network is told; they may be fractions.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.diffusion.choices import ScheduleName, chosen

if TYPE_CHECKING:
    import torch

FloatArray = npt.NDArray[np.float64]

# Where logarithms of a signal-to-noise ratio of nothing end: exp(-60) is nothing in single and double precision.
NO_SIGNAL = -60.0


class Schedule(ABC):
    """From clean to noise.

    Attributes:
        name: one of `ScheduleName`.
        steps: the scale of time, T; 1000 in most publications.
    """

    name: ScheduleName
    steps: int

    @property
    @abstractmethod
    def first(self) -> float:
        """The time nearest to the clean image that training meets."""

    @property
    @abstractmethod
    def last(self) -> float:
        """The time of most noise, where sampling starts."""

    @abstractmethod
    def alpha(self, t: npt.ArrayLike) -> FloatArray:
        """Weight of the clean image at times ``t``, any shape; double precision.

        Raises:
            ParameterError: for a time outside the schedule.
        """

    @abstractmethod
    def sigma(self, t: npt.ArrayLike) -> FloatArray:
        """Weight of the noise at times ``t``, any shape; double precision.

        Raises:
            ParameterError: for a time outside the schedule.
        """

    @abstractmethod
    def time_at(self, log_snr: npt.ArrayLike) -> FloatArray:
        """The time with that log signal-to-noise ratio, at most `last` and at least `first`."""

    @abstractmethod
    def weights(self, t: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Alpha and sigma for a batch.

        Args:
            t: times (B,), whole numbers or fractions.
            like: a tensor (B, ...) whose device, type and number of axes the weights get.

        Returns:
            Two tensors (B, 1, 1, ...).
        """

    def log_snr(self, t: npt.ArrayLike) -> FloatArray:
        """log(alpha^2 / sigma^2) at times ``t``; -inf where only noise is left, +inf where there is none."""
        with np.errstate(divide="ignore"):
            ratio: FloatArray = 2 * (np.log(self.alpha(t)) - np.log(self.sigma(t)))
        return ratio

    def _inside(self, t: npt.ArrayLike, low: float) -> FloatArray:
        times = np.asarray(t, dtype=np.float64)
        if not (np.isfinite(times).all() and (times >= low).all() and (times <= self.last).all()):
            raise ParameterError(f"Times of this noise schedule are {low:g} to {self.last:g}.")
        return times


@dataclass(frozen=True, eq=False)
class NoiseSchedule(Schedule):
    """A variance-preserving schedule: alpha^2 + sigma^2 = 1 (Ho et al. 2020).

    Attributes:
        name: one of `ScheduleName`.
        alphas_bar: alpha^2 at times 0, 1, ... T - 1; falling, in 0..1, double precision. Between two times the log
            signal-to-noise ratio is linear.

    Raises:
        ParameterError: if they are fewer than two, do not fall, or leave 0..1.
    """

    name: ScheduleName
    alphas_bar: FloatArray

    def __post_init__(self) -> None:
        kept = np.array(self.alphas_bar, dtype=np.float64)
        fine = kept.ndim == 1 and kept.size >= 2 and np.isfinite(kept).all()
        if not (fine and (np.diff(kept) < 0).all() and kept[-1] >= 0 and kept[0] < 1):
            raise ParameterError("A noise schedule needs at least two levels that fall from below 1 to 0 or above.")
        kept.setflags(write=False)
        object.__setattr__(self, "alphas_bar", kept)

    @property
    def steps(self) -> int:  # type: ignore[override]
        """The number of levels, T."""
        return len(self.alphas_bar)

    @property
    def first(self) -> float:
        """0."""
        return 0.0

    @property
    def last(self) -> float:
        """T - 1."""
        return self.steps - 1.0

    def _levels(self) -> FloatArray:
        with np.errstate(divide="ignore"):
            levels: FloatArray = np.log(self.alphas_bar) - np.log1p(-self.alphas_bar)
        return np.maximum(levels, NO_SIGNAL)

    def _remaining(self, t: npt.ArrayLike) -> FloatArray:
        times = self._inside(t, self.first)
        known = self.alphas_bar[np.round(times).astype(np.int64)]
        between = 1 / (1 + np.exp(-np.interp(times, np.arange(self.steps), self._levels())))
        return np.where(times == np.round(times), known, between)

    def alpha(self, t: npt.ArrayLike) -> FloatArray:
        """sqrt(alphas_bar)."""
        return np.sqrt(self._remaining(t))

    def sigma(self, t: npt.ArrayLike) -> FloatArray:
        """sqrt(1 - alphas_bar)."""
        return np.sqrt(1 - self._remaining(t))

    def time_at(self, log_snr: npt.ArrayLike) -> FloatArray:
        """The time, a fraction, with that log signal-to-noise ratio."""
        return np.interp(np.negative(log_snr), -self._levels(), np.arange(self.steps, dtype=np.float64))

    def weights(self, t: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Alpha and sigma (B, 1, ...) for times (B,)."""
        import torch

        shape = (-1,) + (1,) * (like.ndim - 1)
        if not t.is_floating_point():
            remaining = torch.from_numpy(np.array(self.alphas_bar)).to(t.device)[t]
        else:
            remaining = torch.from_numpy(self._remaining(t.detach().double().cpu().numpy())).to(t.device)
        alpha, sigma = remaining.sqrt(), (1 - remaining).sqrt()
        return alpha.to(like).reshape(shape), sigma.to(like).reshape(shape)


@dataclass(frozen=True)
class FlowSchedule(Schedule):
    """The straight line of rectified flow: alpha = 1 - t/T, sigma = t/T (Liu et al. 2023).

    Attributes:
        steps: T, the scale of the times that the network is told.
        shift: above 1 spends more of training and sampling on noisy times, as large volumes need (Esser et al. 2024);
            see `shift_for`.

    Raises:
        ParameterError: for T below 1 or a shift that is not above 0.
    """

    steps: int = 1000
    shift: float = 1.0
    name: ScheduleName = ScheduleName.FLOW

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ParameterError("A flow needs a time scale of at least 1.")
        if not (np.isfinite(self.shift) and self.shift > 0):
            raise ParameterError(f"The shift of a flow is a number above 0, not {self.shift:g}.")

    @property
    def first(self) -> float:
        """T/1000: nearer to the clean image nothing is left to remove."""
        return self.steps / 1000

    @property
    def last(self) -> float:
        """T."""
        return float(self.steps)

    def alpha(self, t: npt.ArrayLike) -> FloatArray:
        """1 - t/T."""
        return 1 - self.sigma(t)

    def sigma(self, t: npt.ArrayLike) -> FloatArray:
        """t/T."""
        return self._inside(t, 0.0) / self.steps

    def time_at(self, log_snr: npt.ArrayLike) -> FloatArray:
        """The time with that log signal-to-noise ratio."""
        sigma = 1 / (1 + np.exp(np.clip(np.asarray(log_snr, dtype=np.float64), NO_SIGNAL, -NO_SIGNAL) / 2))
        return np.clip(self.steps * sigma, self.first, self.last)

    def shifted(self, fraction: Any) -> Any:
        """Times of evenly spread fractions 0..1 (array, tensor or number), after the shift."""
        return self.steps * self.shift * fraction / (1 + (self.shift - 1) * fraction)

    def weights(self, t: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Alpha and sigma (B, 1, ...) for times (B,)."""
        sigma = (t.double() / self.steps).to(like).reshape((-1,) + (1,) * (like.ndim - 1))
        return 1 - sigma, sigma


def shift_for(voxels: int, reference: int = 32**3, axes: int = 3) -> float:
    """The shift for images of ``voxels``: the side's ratio to the reference's, as in MONAI's rectified flow."""
    if voxels < 1 or reference < 1:
        raise ParameterError("The size of an image is at least one voxel.")
    return float((voxels / reference) ** (1 / axes))


def _from_betas(betas: FloatArray) -> FloatArray:
    return np.asarray(np.cumprod(1 - np.clip(betas, 0, 0.999)), dtype=np.float64)


def _ends(
    beta_start: float | None, beta_end: float | None, usual: tuple[float, float], steps: int
) -> tuple[float, float]:
    # The usual values are for 1000 steps; fewer steps must each add more noise to end at the same level.
    start = usual[0] * 1000 / steps if beta_start is None else beta_start
    end = usual[1] * 1000 / steps if beta_end is None else beta_end
    if not 0 < start <= end:
        raise ParameterError(f"The noise of a step grows from above 0: not from {start:g} to {end:g}.")
    return start, end


def _linear(steps: int, beta_start: float | None = None, beta_end: float | None = None) -> FloatArray:
    """Ho et al. 2020."""
    start, end = _ends(beta_start, beta_end, (1e-4, 0.02), steps)
    return _from_betas(np.linspace(start, end, steps))


def _scaled_linear(steps: int, beta_start: float | None = None, beta_end: float | None = None) -> FloatArray:
    """Rombach et al. 2022; the end 0.0195 is that of MONAI's bundles, Pinaya et al. 2022 have 0.0205."""
    start, end = _ends(beta_start, beta_end, (0.0015, 0.0195), steps)
    return _from_betas(np.linspace(start**0.5, end**0.5, steps) ** 2)


def _cosine(steps: int, offset: float = 0.008) -> FloatArray:
    """Nichol and Dhariwal 2021, equation 17."""
    t = np.linspace(0, 1, steps + 1)
    return _of_levels(np.cos((t + offset) / (1 + offset) * np.pi / 2) ** 2)


def _sigmoid(steps: int, start: float = -3.0, end: float = 3.0, tau: float = 1.0) -> FloatArray:
    """Jabri et al. 2022; start -3, end 3, tau 1 as in DIFF-3."""
    if not (end > start and tau > 0):
        raise ParameterError("A sigmoid schedule needs an end above its start, and tau above 0.")
    t = np.linspace(0, 1, steps + 1)
    low, here, high = (1 / (1 + np.exp(-v / tau)) for v in (start, start + t * (end - start), end))
    return _of_levels((high - here) / (high - low))


def _of_levels(levels: FloatArray) -> FloatArray:
    return _from_betas(1 - levels[1:] / levels[:-1])


_MAKERS: dict[ScheduleName, Callable[..., FloatArray]] = {
    ScheduleName.LINEAR: _linear,
    ScheduleName.SCALED_LINEAR: _scaled_linear,
    ScheduleName.COSINE: _cosine,
    ScheduleName.SIGMOID: _sigmoid,
}


def _ending_in_noise(alphas_bar: FloatArray) -> FloatArray:
    """Shifted and scaled so that nothing of the image is left at the end (Lin et al. 2024, algorithm 1)."""
    root = np.sqrt(alphas_bar)
    return np.asarray(((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2)


def schedule(
    name: ScheduleName | str, steps: int = 1000, *, zero_terminal_snr: bool = False, **options: float
) -> Schedule:
    """A schedule by name.

    Args:
        name: "linear", "scaled_linear", "cosine", "sigmoid" or "flow".
        steps: T, 2 or more.
        zero_terminal_snr: end in pure noise, so that sampling starts where training ended; the network must then
            predict "v" or "clean". A flow always does.
        options: linear, scaled_linear: beta_start, beta_end (by default 0.0001, 0.02 and 0.0015, 0.0195 at 1000 steps,
            inversely proportional to the number of steps otherwise); cosine: offset; sigmoid: start, end, tau;
            flow: shift.

    Raises:
        ParameterError: for an unknown name or option, or a value out of range.
    """
    name = chosen(ScheduleName, name, "noise schedule")
    if steps < 2:
        raise ParameterError(f"A noise schedule has at least 2 steps, not {steps}.")
    make = _MAKERS.get(name)
    allowed = ["shift"] if make is None else list(inspect.signature(make).parameters)[1:]
    for option in options:
        if option not in allowed:
            raise ParameterError(f"The {name.value} schedule has no option '{option}'. Options: {', '.join(allowed)}.")
    if make is None:
        return FlowSchedule(steps, options.get("shift", 1.0))
    alphas_bar = make(steps, **options)
    return NoiseSchedule(name, _ending_in_noise(alphas_bar) if zero_terminal_snr else alphas_bar)

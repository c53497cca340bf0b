"""Training losses of diffusion and rectified flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.diffusion.choices import Distance, FlowTimes, Target, chosen
from synthetic_imaging.learning.diffusion.schedules import FlowSchedule, Schedule
from synthetic_imaging.learning.diffusion.targets import target_of

if TYPE_CHECKING:
    import torch

    from synthetic_imaging.learning.randomness import BatchRandom

# denoise(x, t, **conditions) -> output: x (B, C, K, J, I), t (B,) in the schedule's times.
Denoise = Callable[..., Any]
# Named conditions, each with the batch as first axis.
Conditions = Mapping[str, Any]


@dataclass(frozen=True)
class DiffusionLoss:
    """Add noise at a random time, ask the network what it was.

    Attributes:
        schedule: a `NoiseSchedule` (whole times, all equally likely) or a `FlowSchedule`.
        target: what the network predicts.
        distance: "l2" (Ho et al. 2020), "l1" (DIFF-3) or "huber" with its corner at 1.
        min_snr: gamma of the weighting that keeps easy, nearly clean times from ruling (Hang et al. 2023, gamma 5);
            None for none, as published systems have it.
        drop_conditions: probability with which a sample goes without its conditions, for classifier-free guidance
            (Ho and Salimans 2022).
        times: how times of a flow are drawn.
        location: mean of the logit-normal times, in logits; above 0 favours noise.
        spread: their standard deviation, in logits.

    Raises:
        ParameterError: for choices that do not go together.
    """

    schedule: Schedule
    target: Target | str = Target.NOISE
    distance: Distance | str = Distance.L2
    min_snr: float | None = None
    drop_conditions: float = 0.0
    times: FlowTimes | str = FlowTimes.UNIFORM
    location: float = 0.0
    spread: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", chosen(Target, self.target, "target"))
        object.__setattr__(self, "distance", chosen(Distance, self.distance, "distance"))
        object.__setattr__(self, "times", chosen(FlowTimes, self.times, "way to draw times"))
        flow = isinstance(self.schedule, FlowSchedule)
        if self.target is Target.NOISE and not flow and float(self.schedule.alpha(self.schedule.last)) == 0:
            raise ParameterError(
                "A schedule that ends in pure noise cannot train a network that predicts noise: choose 'v' or 'clean'."
            )
        if self.times is FlowTimes.LOGIT_NORMAL and not flow:
            raise ParameterError("Logit-normal times are for the flow schedule; other schedules draw all times alike.")
        if self.min_snr is not None and (flow or not self.min_snr > 0):
            raise ParameterError("Min-SNR weighting takes a number above 0, and is not for the flow schedule.")
        if not 0 <= self.drop_conditions < 1:
            raise ParameterError("The probability of going without conditions is at least 0 and below 1.")
        if not self.spread > 0:
            raise ParameterError("The spread of logit-normal times is above 0.")

    def __call__(
        self, denoise: Denoise, clean: torch.Tensor, random: BatchRandom,
        conditions: Conditions | None = None, empty: Conditions | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Mean loss of a batch, a scalar; see `per_sample`."""
        return self.per_sample(denoise, clean, random, conditions, empty).mean()

    def per_sample(
        self, denoise: Denoise, clean: torch.Tensor, random: BatchRandom,
        conditions: Conditions | None = None, empty: Conditions | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """Loss of each sample.

        Args:
            denoise: called once as ``denoise(x, t, **conditions)``.
            clean: clean images or latents (B, C, ...), about -1..1 or of unit deviation.
            random: the batch's random numbers; draws, in this order: times, noise, dropped conditions.
            conditions: what the network is told besides, by name, each (B, ...).
            empty: what stands for "no condition", by name: a number, or a tensor that broadcasts against it.

        Returns:
            Loss (B,), single precision, averaged over channels and voxels, weighted.

        Raises:
            InputError: if batch, random numbers, conditions and output do not fit each other.
        """
        if clean.ndim < 2 or not clean.is_floating_point() or clean.numel() == 0:
            raise InputError(f"Training images are batches (B, C, ...) of fractions, not {tuple(clean.shape)}.")
        if len(random) != clean.shape[0]:
            raise InputError(f"{clean.shape[0]} images but random numbers for {len(random)}: they must be the same.")
        t = self.draw_times(random)
        noise = random.like(clean)
        alpha, sigma = self.schedule.weights(t, clean)
        conditions = dict(conditions or {})
        if conditions and self.drop_conditions > 0:
            conditions = without_some(conditions, empty or {}, random.chance(self.drop_conditions))
        output = denoise(alpha * clean + sigma * noise, t, **conditions)
        if output.shape != clean.shape:
            raise InputError(
                f"The network returned {tuple(output.shape)} for {tuple(clean.shape)}: they must be the same shape."
            )
        wanted = target_of(self.target, clean, noise, alpha, sigma)
        apart = self._apart(output.float(), wanted.float()).flatten(1).mean(1)
        return apart if self.min_snr is None else apart * self._weight(alpha.flatten(), sigma.flatten())

    def draw_times(self, random: BatchRandom) -> torch.Tensor:
        """Times of a batch (B,): whole numbers of a noise schedule, fractions of a flow."""
        if not isinstance(self.schedule, FlowSchedule):
            return random.integers(self.schedule.steps)
        if self.times is FlowTimes.UNIFORM:
            return self.schedule.shifted(random.uniform())
        return self.schedule.shifted((self.location + self.spread * random.normal()).sigmoid())

    def _apart(self, output: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        if self.distance is Distance.L1:
            return functional.l1_loss(output, wanted, reduction="none")
        if self.distance is Distance.L2:
            return functional.mse_loss(output, wanted, reduction="none")
        return functional.huber_loss(output, wanted, reduction="none")

    def _weight(self, alpha: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        snr = (alpha.double() / sigma.double()) ** 2
        if self.target is Target.NOISE:
            weight = (self.min_snr / snr).clamp(max=1)
        elif self.target is Target.V:
            weight = snr.clamp(max=self.min_snr) / (snr + 1)
        else:
            weight = snr.clamp(max=self.min_snr)
        return weight.float()


def without_some(conditions: Conditions, empty: Conditions, dropped: torch.Tensor) -> dict[str, Any]:
    """Conditions, with those of some samples replaced by "no condition", all of a sample together.

    Args:
        conditions: by name, each (B, ...).
        empty: by name, a number or a tensor that broadcasts against the condition.
        dropped: (B,), bool.

    Raises:
        InputError: if it is not said what stands for "no condition".
    """
    import torch

    kept = {}
    for name, condition in conditions.items():
        if name not in empty:
            raise InputError(f"Say what stands for no condition '{name}': guidance needs to train without it.")
        nothing = torch.as_tensor(empty[name], dtype=condition.dtype, device=condition.device)
        mask = dropped.to(condition.device).reshape((-1,) + (1,) * (condition.ndim - 1))
        kept[name] = torch.where(mask, nothing, condition)
    return kept

"""Train translation between two sequences without a patient who has both: SynDiff (Oezbey et al. 2023), or its half.

Two translators in a cycle estimate, for every image, how the other sequence would show it. Two few-step diffusion
generators learn each sequence given that estimate; when used, they get the real image of the other sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from synthetic_imaging.learning.diffusion.few_steps import FewSteps
from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.networks.few_step import LATENT
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.learning.settings import Training

Losses = tuple[torch.Tensor, Mapping[str, "torch.Tensor | float"]]
SIDES = ("a", "b")
_BETAS = (0.5, 0.9)
_PENALTY_EVERY, _PENALTY = 10, 0.5


@dataclass(frozen=True)
class SynDiffWeights:
    """Published: 0.5 for both absolute differences, 1 for both adversarial terms.

    Attributes:
        cycle: of the absolute difference after translation there and back.
        denoised: of that between the image and what is believed to be under the noise.
        translators, generators: of their adversarial terms.
        identity: of the absolute difference to an image that is translated to what it is already (Zhu et al. 2017):
            holds the order of tissues where both sequences have the same. Not in SynDiff; 0 leaves it out.
        judge_rate: learning rate of the discriminators, of the generators'; published 1e-4 beside 1.6e-4.
        judge_turns: the generators learn in one of so many steps, the discriminators in each; published 1.
    """

    cycle: float = 0.5
    denoised: float = 0.5
    translators: float = 1.0
    generators: float = 1.0
    judge_rate: float = 0.625
    judge_turns: int = 1
    identity: float = 0.0


class SynDiffLearner(Learner):
    """Both halves, or the translators alone (a cycle-GAN).

    Args:
        networks: "to a", "to b" (translators), "judge a", "judge b"; with diffusion also "walk a", "walk b", "pairs a",
            "pairs b".
        data: cases with "a" and "b", (1, J, I) in -1..1, of different patients; validation cases of the same patient.
        training: of the loop.
        weights: of the loss.
        steps: of the walk; None for the cycle-GAN.
    """

    def __init__(
        self, networks: torch.nn.ModuleDict, data: Data, training: Training, weights: SynDiffWeights,
        steps: FewSteps | None,
    ) -> None:
        self.networks = networks
        self.training, self.validation = data.training, data.validation
        self.rate, self.weights, self.steps = training.learning_rate, weights, steps
        names = ("to", "walk") if steps else ("to",)
        self.averaged = tuple(f"{name} {side}" for name in names for side in SIDES)
        judges = ("judge", "pairs") if steps else ("judge",)
        self._judges = tuple(f"{name} {side}" for name in judges for side in SIDES)

    def phases(self) -> Sequence[Phase]:
        """All discriminators, then in its turn all that generates."""
        turns = self.weights.judge_turns
        return [Phase("judges", self._judges, self._judge_optimiser, self._judge_loss),
                Phase("generators", self.averaged, self._optimiser, self._generator_loss,
                      active=lambda step: step % turns == turns - 1)]

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.rate, betas=_BETAS)

    def _judge_optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.weights.judge_rate * self.rate, betas=_BETAS)

    def _translated(self, to: str, image: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.networks[f"to {to}"](image, image.new_zeros(len(image), 1))
        return made

    def _judge_loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        total = batch["a"].new_zeros(())
        for side, other in (SIDES, SIDES[::-1]):
            real = batch[side]
            with torch.no_grad():
                fake = self._translated(side, batch[other])
            judge = self.networks[f"judge {side}"]
            total = total + self.weights.translators * _told_apart(judge(real), judge(fake))
            if self.steps:
                total = total + self.weights.generators * self._pair_loss(side, other, real, random, step)
        return total, {}

    def _pair_loss(
        self, side: str, other: str, real: torch.Tensor, random: BatchRandom, step: int
    ) -> torch.Tensor:
        with torch.no_grad():
            level, before, noisy = self._noised(real, random)
            drawn, _ = self._drawn(side, noisy, self._translated(other, real), level, random)
        judge = self.networks[f"pairs {side}"]
        loss = _told_apart(judge(before, noisy, level), judge(drawn, noisy, level))
        if step % _PENALTY_EVERY == 0 and torch.is_grad_enabled():
            loss = loss + _PENALTY * _steepness(judge, before, noisy, level)
        return loss

    def _noised(self, real: torch.Tensor, random: BatchRandom) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """A level, the image at the level before, and at the level."""
        assert self.steps is not None
        level = random.integers(self.steps.count + 1, 1)
        before = self.steps.at_level(real, level - 1, random.like(real))
        return level, before, self.steps.jump(before, level, random.like(real))

    def _drawn(
        self, side: str, noisy: torch.Tensor, source: torch.Tensor, level: torch.Tensor, random: BatchRandom
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A draw one level nearer to the image, and the image that the generator believes in."""
        assert self.steps is not None
        believed = self.networks[f"walk {side}"](noisy, source, level, random.normal(LATENT)).to(noisy.dtype)
        return self.steps.back(noisy, believed, level, random.like(noisy)), believed

    def _generator_loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del step
        total = batch["a"].new_zeros(())
        values: dict[str, torch.Tensor | float] = {}
        for side, other in (SIDES, SIDES[::-1]):
            real = batch[side]
            estimated = self._translated(other, real)
            cycled = self._translated(side, estimated)
            apart = functional.l1_loss(cycled.float(), real)
            fooled = functional.softplus(-self.networks[f"judge {other}"](estimated).float()).mean()
            total = total + self.weights.cycle * apart + self.weights.translators * fooled
            values[f"cycle {side}"] = apart.detach()
            if self.weights.identity:
                kept = functional.l1_loss(self._translated(side, real).float(), real)
                total = total + self.weights.identity * kept
                values[f"identity {side}"] = kept.detach()
            if self.steps:
                level, _, noisy = self._noised(real, random)
                drawn, believed = self._drawn(side, noisy, estimated, level, random)
                denoised = functional.l1_loss(believed.float(), real)
                judged = self.networks[f"pairs {side}"](drawn, noisy, level).float()
                total = (total + self.weights.denoised * denoised
                         + self.weights.generators * functional.softplus(-judged).mean())
                values[f"denoised {side}"] = denoised.detach()
        return total, values

    def validate(self, batch: Batch, random: BatchRandom) -> Mapping[str, torch.Tensor | float]:
        """Mean absolute difference to the truth, which validation cases have: of the walk where there is one."""
        losses = {}
        for side, other in (SIDES, SIDES[::-1]):
            if self.steps:
                made = walked(self.networks[f"walk {side}"], batch[other], self.steps, random.like, random.normal)
            else:
                made = self._translated(side, batch[other])
            losses[f"l1 {side}"] = functional.l1_loss(made.float(), batch[side])
        return {"loss": sum(losses.values()) / len(losses), **losses}


def walked(
    generator: torch.nn.Module, source: torch.Tensor, steps: FewSteps, noise_like: Any, latents: Any
) -> torch.Tensor:
    """One answer to (B, 1, J, I) of the other sequence, from noise in ``steps.count`` calls.

    Args:
        generator: a `FewStepGenerator`.
        source: the other sequence.
        steps: of the walk.
        noise_like: tensor -> standard normal noise of its shape.
        latents: size -> (B, size), standard normal.
    """
    x = noise_like(source)
    for number in range(steps.count, 0, -1):
        level = torch.full((len(source),), number, device=source.device)
        believed = generator(x, source, level, latents(LATENT)).to(source.dtype)
        x = steps.back(x, believed, level, noise_like(source))
    return x


def _told_apart(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    return functional.softplus(-real.float()).mean() + functional.softplus(fake.float()).mean()


def _steepness(
    judge: torch.nn.Module, before: torch.Tensor, noisy: torch.Tensor, level: torch.Tensor
) -> torch.Tensor:
    """Squared slope of the judgement of real pairs (R1)."""
    with torch.autocast(before.device.type, enabled=False):
        at = before.detach().float().requires_grad_(True)
        slope = torch.autograd.grad(judge(at, noisy.float(), level).sum(), at, create_graph=True)[0]
    return slope.flatten(1).square().sum(1).mean()

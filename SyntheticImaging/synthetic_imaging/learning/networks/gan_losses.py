"""Losses of generators and discriminators, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from synthetic_imaging.learning.networks.settings import Adversarial


def discriminator_loss(kind: Adversarial, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """What a discriminator minimises, from its judgements of real and generated volumes; means over all of them."""
    real, fake = real.float(), fake.float()
    if kind is Adversarial.NON_SATURATING:
        return functional.softplus(-real).mean() + functional.softplus(fake).mean()
    if kind is Adversarial.LEAST_SQUARES:
        return 0.5 * ((real - 1).square().mean() + fake.square().mean())
    return fake.mean() - real.mean()


def generator_loss(kind: Adversarial, fake: torch.Tensor) -> torch.Tensor:
    """What a generator minimises, from the judgements of what it made."""
    fake = fake.float()
    if kind is Adversarial.NON_SATURATING:
        return functional.softplus(-fake).mean()
    if kind is Adversarial.LEAST_SQUARES:
        return 0.5 * (fake - 1).square().mean()
    return -fake.mean()


def gradient_penalty(
    judge: Callable[[torch.Tensor], torch.Tensor], real: torch.Tensor, fake: torch.Tensor, mix: torch.Tensor
) -> torch.Tensor:
    """How far the discriminator's slope is from 1 between real and generated (Gulrajani 2017); its weight is 10.

    Args:
        judge: the discriminator.
        real: (B, C, K, J, I).
        fake: the same shape.
        mix: (B,), 0 to 1: where between them.
    """
    share = mix.view(-1, 1, 1, 1, 1)
    between = (share * real.detach() + (1 - share) * fake.detach()).requires_grad_(True)
    # Second derivatives in bfloat16 are too coarse for a penalty on a norm.
    with torch.autocast(between.device.type, enabled=False), torch.enable_grad():
        slope = torch.autograd.grad(judge(between.float()).sum(), between, create_graph=True)[0]
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def clip_weights(network: torch.nn.Module, limit: float = 0.01) -> None:
    """Clip all weights, after each step of the discriminator of a plain WGAN (Arjovsky 2017)."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.clamp_(-limit, limit)


def feature_matching(real: Sequence[torch.Tensor], fake: Sequence[torch.Tensor]) -> torch.Tensor:
    """Mean absolute difference of a discriminator's features, mean over layers; real ones get no gradient."""
    return torch.stack([(f.float() - r.detach().float()).abs().mean() for r, f in zip(real, fake, strict=True)]).mean()

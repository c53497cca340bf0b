"""What a network predicts, and how to get the clean image and the noise back from it.

All of ``x = alpha clean + sigma noise``. Weights are numbers, or tensors that broadcast against the image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.diffusion.choices import Target, chosen

if TYPE_CHECKING:
    import torch


def target_of(
    target: Target | str, clean: torch.Tensor, noise: torch.Tensor, alpha: Any, sigma: Any
) -> torch.Tensor:
    """What the network should have said.

    Args:
        target: "noise", "v", "clean" or "velocity".
        clean: the clean image (B, ...).
        noise: the noise in it, same shape.
        alpha: weight of the clean image.
        sigma: weight of the noise.
    """
    target = chosen(Target, target, "target")
    if target is Target.NOISE:
        return noise
    if target is Target.CLEAN:
        return clean
    if target is Target.VELOCITY:
        return clean - noise
    return alpha * noise - sigma * clean


def clean_weights(target: Target | str, alpha: float, sigma: float) -> tuple[float, float]:
    """Weights (a, b) with which ``clean = a x + b output``.

    Raises:
        ParameterError: for predicted noise where nothing of the image is left.
    """
    target = chosen(Target, target, "target")
    if target is Target.CLEAN:
        return 0.0, 1.0
    if target is Target.VELOCITY:
        return 1 / (alpha + sigma), sigma / (alpha + sigma)
    if target is Target.V:
        total = alpha**2 + sigma**2
        return alpha / total, -sigma / total
    if alpha == 0:
        raise ParameterError(
            "Where only noise is left, predicted noise does not tell the image. "
            "Train the network to predict 'v' or 'clean', or use a schedule that leaves some of the image."
        )
    return 1 / alpha, -sigma / alpha


def clean_from(target: Target | str, output: torch.Tensor, x: torch.Tensor, alpha: float, sigma: float) -> torch.Tensor:
    """The clean image that an output of the network stands for, (B, ...)."""
    of_x, of_output = clean_weights(target, alpha, sigma)
    return of_x * x + of_output * output


def noise_from(clean: torch.Tensor, x: torch.Tensor, alpha: float, sigma: float) -> torch.Tensor:
    """The noise that is in ``x`` if the clean image is right.

    Raises:
        ParameterError: where there is no noise (sigma 0).
    """
    if sigma == 0:
        raise ParameterError("A clean image has no noise to ask for.")
    return (x - alpha * clean) / sigma

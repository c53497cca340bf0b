"""The latents of a frozen autoencoder as training cases for a diffusion model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from synthetic_imaging.learning.learner import Case, CaseSource, collate
from synthetic_imaging.learning.randomness import generator_of

if TYPE_CHECKING:
    import torch


class LatentCases:
    """Posterior means and deviations of cases, encoded once: {"mean": (C, k, j, i), "std": (C, k, j, i)}.

    A fresh latent is drawn from them at each step of the training (Ferdian et al., DIFF-3). With ``copies`` above one,
    each case is encoded so many times, with an augmentation of its own each.
    """

    def __init__(self, means: np.ndarray[Any, Any], stds: np.ndarray[Any, Any]) -> None:
        self.means = means
        self.stds = stds

    def __len__(self) -> int:
        return len(self.means)

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """One case; the generator is not needed."""
        del rng
        return {"mean": self.means[index], "std": self.stds[index]}


def encode_cases(
    autoencoder: torch.nn.Module, cases: CaseSource, *, device: str = "cpu", batch_size: int = 8, copies: int = 1,
    seed: int = 0,
) -> LatentCases:
    """Encode all cases of a source.

    Args:
        autoencoder: has ``encode(image, label) -> (mean, std)``.
        cases: "image" and "label".
        device: where to compute.
        batch_size: cases at a time.
        copies: how often each case is encoded, with another augmentation each time.
        seed: of the augmentation.
    """
    import torch

    autoencoder.eval()
    means, stds = [], []
    places = [(index, copy) for copy in range(copies) for index in range(len(cases))]
    with torch.no_grad():
        for start in range(0, len(places), batch_size):
            part = places[start:start + batch_size]
            batch = collate([cases.case(index, generator_of(seed, index, copy)) for index, copy in part])
            mean, std = autoencoder.encode(batch["image"].to(device), batch["label"].to(device))
            means.append(mean.float().cpu().numpy())
            stds.append(std.float().cpu().numpy())
    return LatentCases(np.concatenate(means), np.concatenate(stds))

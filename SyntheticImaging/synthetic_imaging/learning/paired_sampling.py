"""New pairs of image and label map from a trained autoencoder and a model of its latents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from synthetic_imaging.learning.samplers import Sampler


@dataclass(frozen=True, eq=False)
class PairSampler:
    """Draws pairs.

    Attributes:
        autoencoder: decodes latents (`PairedAutoencoder`).
        denoiser: predicts in latents.
        scale: of the latents (`LatentScale`).
        sampler: how noise becomes a latent.
        steps: of the sampler.
        latent_shape: (C, k, j, i).
        clip: what clean latents are clipped to while sampling, or None.
        device: where to compute.
        bfloat16: whether networks compute in bfloat16.
    """

    autoencoder: torch.nn.Module
    denoiser: torch.nn.Module
    scale: torch.nn.Module
    sampler: Sampler
    steps: int
    latent_shape: tuple[int, int, int, int]
    clip: tuple[float, float] | None = None
    device: str = "cpu"
    bfloat16: bool = False

    def latents(
        self, generators: Sequence[np.random.Generator], progress: Callable[[float], None] | None = None
    ) -> torch.Tensor:
        """Latents (B, C, k, j, i) at the autoencoder's scale; each from its own generator, whatever the batch."""
        import torch

        streams = [torch.Generator().manual_seed(int(g.integers(2**63))) for g in generators]
        noise = torch.stack([torch.randn(self.latent_shape, generator=s) for s in streams]).to(self.device)
        with torch.no_grad(), self._precision():
            scaled = self.sampler.sample(self.denoiser, noise, steps=self.steps, random=streams, progress=progress,
                                         clip=self.clip)
        latents: torch.Tensor = self.scale.inverse(scaled.float())
        return latents

    def pairs(
        self, generators: Sequence[np.random.Generator], progress: Callable[[float], None] | None = None
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Images (B, C, K, J, I) float32 in 0..1, and label maps (B, K, J, I) uint8."""
        import torch

        z = self.latents(generators, progress)
        with torch.no_grad(), self._precision():
            image, label = self.autoencoder.finished(self.autoencoder.decode(z))
        return image.float().cpu().numpy(), label.cpu().numpy()

    def many(
        self, seed: int, count: int, *, batch_size: int = 16, first: int = 0,
        progress: Callable[[float], None] | None = None,
    ) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
        """Pairs one by one: case i comes from the generator of (seed, first + i)."""
        for start in range(0, count, batch_size):
            numbers = range(start, min(start + batch_size, count))
            generators = [np.random.default_rng([seed, first + number]) for number in numbers]
            images, labels = self.pairs(generators)
            yield from zip(images, labels, strict=True)
            if progress is not None:
                progress(numbers[-1] / count)

    def _precision(self) -> Any:
        import torch

        return torch.autocast(self.device.split(":")[0], dtype=torch.bfloat16, enabled=self.bfloat16)

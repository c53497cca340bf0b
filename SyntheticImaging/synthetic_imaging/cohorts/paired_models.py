"""Cohort cases from a trained autoencoder and a trained model of its latents."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.errors import ParameterError

if TYPE_CHECKING:
    from synthetic_imaging.learning.diffusion.schedules import Schedule
    from synthetic_imaging.learning.paired_sampling import PairSampler
    from synthetic_imaging.learning.weights.models import Model


@lru_cache(maxsize=4)
def loaded(name: str, device: str) -> Model:
    """A trained model, kept for the next case.

    Raises:
        FileError: if it is not there or cannot be read.
    """
    from synthetic_imaging.learning.weights.models import load_model

    return load_model(name, device)


def pair_sampler(
    autoencoder: Model, diffusion: Model, schedule: Schedule, *, sampler_name: str, steps: int, device: str
) -> PairSampler:
    """What draws pairs from two trained models.

    Raises:
        FileError: if the one was trained with another autoencoder.
        ParameterError: if their latents differ, or there is no such sampler.
    """
    from synthetic_imaging.learning.diffusion.choices import Target
    from synthetic_imaging.learning.networks.latent_scale import Scaling
    from synthetic_imaging.learning.paired_sampling import PairSampler
    from synthetic_imaging.learning.samplers import sampler
    from synthetic_imaging.learning.weights.models import check_partners

    check_partners(diffusion, {"autoencoder": autoencoder})
    # DIFF-3 has no such setting: it predicts noise.
    target: Target = getattr(diffusion.settings, "target", Target.NOISE)
    coder, scale = autoencoder.networks["autoencoder"], diffusion.networks["scale"]
    if diffusion.settings.network.channels != autoencoder.settings.network.latent_channels:
        raise ParameterError("The two models do not belong together: their latents have different numbers of channels.")
    return PairSampler(
        coder, diffusion.networks["denoiser"], scale, sampler(sampler_name, schedule, target.value), steps,
        autoencoder.settings.network.latent_shape(autoencoder.settings.cases.shape_kji),
        clip=(-1.0, 1.0) if scale.scaling is Scaling.RANGE else None, device=device,
    )


def one_pair(
    sampler: PairSampler, rng: np.random.Generator, run: Run
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Image (K, J, I) in 0..1 and label map (K, J, I), with progress from 0 to 1 and cancel."""
    images, labels = sampler.pairs([rng], lambda done: run.progress(0.9 * done, "diffusion"))
    run.progress(1.0, "decoding")
    return images[0, 0], labels[0]


def volume_ml(labels: np.ndarray[Any, Any], value: int, spacing_mm: tuple[float, float, float]) -> float:
    """Volume of a structure."""
    return float(np.count_nonzero(labels == value) * np.prod(spacing_mm) / 1000.0)

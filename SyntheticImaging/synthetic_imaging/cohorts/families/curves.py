"""Quality against network calls: each sampler on the latent diffusion and the latent flow model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthetic_imaging.cohorts.families import drawing
from synthetic_imaging.cohorts.families.comparison import SEED, Scale, model_of
from synthetic_imaging.cohorts.families.model import MODEL
from synthetic_imaging.cohorts.families.recipes import noise_schedule
from synthetic_imaging.context import Run

if TYPE_CHECKING:
    from synthetic_imaging.cohorts.families.hearts import HeartSets
    from synthetic_imaging.evaluation.features import FeatureExtractor
    from synthetic_imaging.learning.samplers.curve import CurvePoint

# name -> sampler and its options.
ARMS: dict[str, tuple[tuple[str, str, dict[str, Any]], ...]] = {
    "latent": (
        ("DDPM, respaced", "ddpm", {}),
        ("DDIM", "ddim", {}),
        ("DPM-Solver++", "dpm-solver++", {}),
        ("UniPC", "unipc", {}),
    ),
    "flow": (("Flow, Euler", "flow-euler", {}), ("Flow, Heun", "flow-heun", {})),
}


def sampler_curves(
    scale: Scale, sets: HeartSets, features: FeatureExtractor, reference: Any, work: Path, run: Run
) -> list[CurvePoint]:
    """Fréchet distance to the reference of newly drawn volumes, for each sampler and number of calls.

    The models are the comparison's own, taken from the work folder.
    """
    import torch

    from synthetic_imaging.evaluation.frechet import frechet_distance
    from synthetic_imaging.learning.networks.speed import computing
    from synthetic_imaging.learning.samplers import sampler
    from synthetic_imaging.learning.samplers.curve import calls_curve

    theirs, points = features.features(reference), []
    for number, (name, arms) in enumerate(ARMS.items()):
        part = run.part(number / len(ARMS), (number + 1) / len(ARMS))
        model = model_of(name, scale, run.device).fit(sets.data, work, SEED, time_limit_s=scale.seconds)
        decode, latent_scale = drawing.decoder(model.models)
        settings, network = model.models[MODEL].settings, model.models[MODEL].networks["denoiser"]
        random = torch.Generator().manual_seed(SEED)
        noise = torch.randn((scale.curve_samples, *drawing.latent_shape(model.models)), generator=random).to(run.device)

        def quality(latents: Any, decode: Any = decode) -> float:
            with torch.no_grad(), computing(run.device):
                parts = [decode(latents[at:at + 8])[0].float().cpu().numpy() for at in range(0, len(latents), 8)]
            found = features.features(np.concatenate(parts))
            return frechet_distance(theirs, found, features.name).value

        made = {title: (sampler(kind, noise_schedule(settings.noising), settings.noising.target, **options), network)
                for title, kind, options in arms}
        with torch.no_grad(), computing(run.device):
            points += calls_curve(made, noise, quality, calls=scale.calls, seed=SEED,
                                  progress=lambda f, part=part: part.progress(f, "samplers"),  # type: ignore[misc]
                                  **_options(drawing.latent_clip(latent_scale)))
    return points


def _options(clip: tuple[float, float] | None) -> dict[str, Any]:
    return {} if clip is None else {"clip": clip}

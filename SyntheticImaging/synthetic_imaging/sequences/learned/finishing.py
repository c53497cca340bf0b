"""After the training: how much larger true errors are than the spread over passes, measured on other phantoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.sequences.evidence.patients import Patient
from synthetic_imaging.sequences.learned.applying import Passes, made_volume
from synthetic_imaging.sequences.learned.brightness import scaled_by_brain
from synthetic_imaging.sequences.learned.generating import for_network
from synthetic_imaging.sequences.learned.settings import GIVEN, MADE
from synthetic_imaging.sequences.protocols import sequence_of

if TYPE_CHECKING:
    from synthetic_imaging.learning.weights.models import Model

PASSES = 10
# Of a normal distribution: nine of ten errors are within so many standard deviations.
_NINE_OF_TEN = 1.645
_CHOICES = ((True, True, False, False), (True, False, False, False), (True, True, True, False))
Values = npt.NDArray[np.float32]


def measure_spread(model: Model, patients: list[Patient], device: str, run: Run) -> dict[str, float]:
    """Set ``knowledge.spread`` so that nine of ten errors in these brains are within 1.645 standard deviations.

    Args:
        model: of the recipe ``sequences.synthesis``; its knowledge is changed.
        patients: phantoms that are in no evidence page.
        device: "cpu", "cuda:0".
        run: progress.

    Returns:
        Sequence -> factor.
    """
    ratios: list[list[Values]] = [[] for _ in MADE]
    for n, one in enumerate(patients):
        images = {contrast: one.image(sequence_of(contrast)) for contrast in GIVEN}
        for at, present in enumerate(_CHOICES):
            run.progress((n + at / len(_CHOICES)) / len(patients), "compare spread and error")
            chosen = {c: images[c] for c, there in zip(GIVEN, present, strict=True) if there}
            ready = for_network(chosen, one.inside, one.geometry, np.random.default_rng(n), Run())
            network: Any = model.networks["generator"]
            mean, variance = made_volume(network, ready.given, ready.present, model.settings.slices,
                                         Passes(PASSES, seed=n), device, Run())
            inside = ready.placing.image(one.inside.astype(np.float32)) > 0.99
            for channel, contrast in enumerate(MADE):
                true = one.image(sequence_of(contrast), noise=0.0)
                scaled = ready.placing.image(scaled_by_brain(true, one.inside, contrast))
                error = np.abs(mean[channel] - scaled)[inside]
                ratios[channel].append(error / np.maximum(np.sqrt(variance[channel][inside]), 1e-4))
    knowledge: Any = model.networks["knowledge"]
    for channel in range(len(MADE)):
        knowledge.spread[channel] = float(np.quantile(np.concatenate(ratios[channel]), 0.9)) / _NINE_OF_TEN
    return {contrast.value: float(knowledge.spread[at]) for at, contrast in enumerate(MADE)}


def write_finished(model: Model, path: Path, metrics: Mapping[str, float], training_data: str) -> str:
    """Write a model with what was measured since its training; returns the file's sha256."""
    from synthetic_imaging.learning.weights.models import save_model

    card = replace(model.card, metrics={**model.card.metrics, **metrics}, training_data=training_data)
    return save_model(path, model.recipe.id, model.settings, model.networks, card, tuple(model.networks), "float16",
                      overwrite=True)

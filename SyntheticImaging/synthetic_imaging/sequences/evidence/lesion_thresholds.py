"""How sure the trained detector must be: found on phantoms that no page of evidence shows and nothing was trained with.

``operating_thresholds(Run())`` gives what `lesion_methods.OPERATING` holds.
"""

from __future__ import annotations

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.sequences.brain_mask import brain_mask
from synthetic_imaging.sequences.detector.on_image import MODEL, lesions_on_image
from synthetic_imaging.sequences.detector.settings import SEEN
from synthetic_imaging.sequences.evidence.lesion_matching import Matched, matched, truth_of
from synthetic_imaging.sequences.evidence.patients import NOISE, patient
from synthetic_imaging.sequences.lesion_methods import OPERATING
from synthetic_imaging.sequences.protocols import Contrast, sequence_of
from synthetic_imaging.sequences.shading import evened

# Seed and voxel size, in mm along I, J, K.
_PATIENTS: tuple[tuple[int, tuple[float, float, float]], ...] = (
    (5200, (1.1, 1.1, 3.0)), (5201, (1.1, 1.1, 3.0)), (5202, (1.1, 1.1, 3.0)), (5203, (1.0, 1.0, 1.0)))
_SHADING, _LEAST_ML = 0.05, 0.01
_TRIED = np.arange(0.26, 0.99, 0.02)


def operating_thresholds(run: Run) -> dict[frozenset[Contrast], float]:
    """The score with the highest F1 over all patients, for each choice of acquired sequences.

    F1 is twice the lesions found, through twice them, the missed and the false findings together.
    """
    from synthetic_imaging.learning.weights.models import load_model

    model = load_model(MODEL, run.device)
    seen: dict[frozenset[Contrast], list[Matched]] = {choice: [] for choice in OPERATING}
    for n, (seed, spacing) in enumerate(_PATIENTS):
        run.progress(n / len(_PATIENTS), f"patient {n + 1} of {len(_PATIENTS)}")
        one = patient(seed, spacing, 3.0, Run())
        images = {c: evened(one.image(sequence_of(c), NOISE, _SHADING), one.geometry) for c in SEEN}
        truth = truth_of(one.numbers, one.regions, one.geometry.voxel_volume_mm3)
        brain = brain_mask(images[Contrast.FLAIR], one.geometry)
        for choice, kept in seen.items():
            labels, found = lesions_on_image(
                model, {c: images[c] for c in SEEN if c in choice}, brain, one.geometry, threshold=0.0,
                least_ml=_LEAST_ML, device=run.device, run=Run())
            kept.append(matched(labels, found, truth))
    return {choice: best_threshold(kept) for choice, kept in seen.items()}


def best_threshold(seen: list[Matched]) -> float:
    """Of the thresholds tried, the one with the highest F1; of equals the middle."""
    hits = np.array([[len(one.hit(t)) for one in seen] for t in _TRIED]).sum(axis=1)
    false = np.array([[one.wrong(t) for one in seen] for t in _TRIED]).sum(axis=1)
    present = sum(len(one.scores) for one in seen)
    score = 2 * hits / (hits + present + false)
    return round(float(np.median(_TRIED[score >= score.max() - 1e-9])), 2)

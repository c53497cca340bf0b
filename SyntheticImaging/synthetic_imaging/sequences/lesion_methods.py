"""The ways of looking for lesions, and how sure each must be at a sensitivity from 0 to 1."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.sequences.examination import Examination
from synthetic_imaging.sequences.lesion_search import Found, lesions_in
from synthetic_imaging.sequences.protocols import Contrast
from synthetic_imaging.sequences.tissue_classes import CSF

if TYPE_CHECKING:
    from synthetic_imaging.learning.weights.models import Model

Labels = npt.NDArray[np.uint16]
# Filtered evidence of a lesion that is asked for at sensitivity 0 and at sensitivity 1.
_STRICT, _LENIENT = 2.8, 0.4
# The trained detector's score at sensitivity 0 and 1.
_SUREST, _LEAST_SURE = 0.99, 0.25
# And at 0.5, by what it is given; found by `evidence.lesion_thresholds.operating_thresholds` on phantoms of its own.
OPERATING: dict[frozenset[Contrast], float] = {
    frozenset({Contrast.FLAIR}): 0.52,
    frozenset({Contrast.FLAIR, Contrast.T1W}): 0.52,
    frozenset({Contrast.DIR}): 0.31,
    frozenset({Contrast.FLAIR, Contrast.DIR}): 0.56,
}


class Method(str, Enum):
    """How lesions are looked for."""

    CLASSICAL = "classical"
    TRAINED = "trained detector"


def threshold_of(method: Method, contrasts: Collection[Contrast], sensitivity: float) -> float:
    """Least score of a lesion at a sensitivity from 0 to 1: of evidence, or of the trained detector (0 to 1)."""
    if method is Method.CLASSICAL:
        return _STRICT + sensitivity * (_LENIENT - _STRICT)
    usual = OPERATING[frozenset(contrasts)]
    return float(np.interp(sensitivity, (0.0, 0.5, 1.0), (_SUREST, usual, _LEAST_SURE)))


def lesions_by(
    method: Method, exam: Examination, *, sensitivity: float, least_ml: float, run: Run, model: Model | None = None
) -> tuple[Labels, list[Found]]:
    """Lesions of a brain.

    Args:
        method: which.
        exam: of the brain, with FLAIR or DIR.
        sensitivity: 0 to 1; more of it adds lesions and changes none.
        least_ml: least volume.
        run: progress and cancel.
        model: the detector, for the trained method.

    Returns:
        Label map (K, J, I), the surest 1, and the list.

    Raises:
        InputError: if the detector was not trained with these sequences.
    """
    if method is Method.CLASSICAL:
        run.progress(0.0, "weigh each voxel")
        evidence = exam.evidence()
        run.progress(0.6, "search for lesions")
        return lesions_in(evidence, exam.brain, exam.shares[CSF], exam.geometry,
                          threshold=threshold_of(method, exam.contrasts, sensitivity), least_ml=least_ml)
    from synthetic_imaging.learning.weights.models import load_model
    from synthetic_imaging.sequences.detector.on_image import MODEL, check_trained_with, lesions_on_image

    check_trained_with(exam.contrasts)
    return lesions_on_image(
        model or load_model(MODEL, run.device), {c: exam.image(c) for c in exam.contrasts}, exam.brain, exam.geometry,
        threshold=threshold_of(method, exam.contrasts, sensitivity), least_ml=least_ml, device=run.device, run=run)

"""The ways of looking for lesions, and how sure each must be at a sensitivity from 0 to 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_imaging.sequences.examination import Examination
from synthetic_imaging.sequences.lesion_search import Found, lesions_in
from synthetic_imaging.sequences.tissue_classes import CSF

Labels = npt.NDArray[np.uint16]
# Filtered evidence of a lesion that is asked for at sensitivity 0 and at sensitivity 1.
_STRICT, _LENIENT = 2.8, 0.4


def classical_threshold(sensitivity: float) -> float:
    """Least filtered evidence at a sensitivity from 0 to 1."""
    return _STRICT + sensitivity * (_LENIENT - _STRICT)


def classical_lesions(exam: Examination, *, sensitivity: float, least_ml: float) -> tuple[Labels, list[Found]]:
    """Lesions by evidence and matched filters, without training.

    Args:
        exam: of the brain, with FLAIR or DIR.
        sensitivity: 0 to 1.
        least_ml: least volume.

    Returns:
        Label map (K, J, I), the surest 1, and the list; more sensitivity adds lesions and changes none.
    """
    return lesions_in(exam.evidence(), exam.brain, exam.shares[CSF], exam.geometry,
                      threshold=classical_threshold(sensitivity), least_ml=least_ml)

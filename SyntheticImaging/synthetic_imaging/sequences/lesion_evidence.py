"""How much the images speak for a lesion in each voxel: against all that a healthy brain may show there.

For each voxel two explanations are weighed: healthy tissue, whose chances the atlas gives and whose brightness the
image itself has told (`tissue_classes`), and a lesion of multiple sclerosis of any severity, alone or sharing the voxel
with white or grey matter. How much brighter than white matter a lesion is, in steps from white to grey matter, comes
from the signal equations. Several images are weighed together, with what their noise has in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.physics.mr.tissue import Tissue
from synthetic_imaging.sequences.protocols import Contrast, Timing, sequence_of
from synthetic_imaging.sequences.tissue_classes import CLASSES, GREY, WHITE, TissueClasses, log_normal

Map = npt.NDArray[np.float32]
Table = npt.NDArray[np.float64]
Inside = npt.NDArray[np.bool_]
_SEVERITIES = (0.05, 0.35, 0.65, 0.95)
_SHARES = (0.45, 0.7, 1.0)
# A share of white and of grey matter under lesions that do not fill their voxel.
_UNDER = ((WHITE, 0.7), (GREY, 0.3))
# Steps from white to grey matter: no sequence is known well enough to believe more.
_LEAST_STEPS, _MOST_STEPS = 0.3, 6.0
# The step from white to grey matter is at least this share of what the equations give.
_LEAST_OF_USUAL = 0.5
# A healthy voxel may look like any class, wherever it is: the atlas is not that sure of gyri. Chosen on phantoms, as is
# the next one.
_ANYWHERE = 0.2
# Lesions are rare: so much evidence is taken off.
_RARE = 1.0


def lesion_steps(contrast: Contrast, timing: Timing | None = None, field_t: float = 3.0) -> Table:
    """(severities + 1,): lesions' signals less that of white matter, in steps from white to grey matter.

    The last number is that step itself, through the brighter of the two.
    """
    known = timing or Timing()
    if contrast is Contrast.DIR:  # headers have one of its two inversion times
        known = Timing(known.repetition_time_ms, known.echo_time_ms)
    sequence, mean, law = sequence_of(contrast, known, field_t), t.mean_relaxation(field_t), t.LesionRelaxation()
    white, grey = (abs(float(sequence.signal(mean[name]))) for name in (t.WHITE, t.GREY))
    step = grey - white
    if abs(step) < 1e-3:
        return np.array([*np.full(len(_SEVERITIES), _MOST_STEPS), 0.0])
    found = [(abs(float(sequence.signal(Tissue(*law.at(s, field_t))))) - white) / step for s in _SEVERITIES]
    return np.array([*np.clip(found, _LEAST_STEPS, _MOST_STEPS), step / max(grey, white)])


def lesion_evidence(
    images: Map, brain: Inside, chances: Mapping[str, Map], classes: TissueClasses, steps: Sequence[Table]
) -> Map:
    """Logarithm of how much more probable the images are with a lesion than without, (K, J, I); 0 outside the brain.

    Args:
        images: (K, J, I, images), float32.
        brain: where the brain is.
        chances: of each class of tissue, (K, J, I).
        classes: their brightness in these images.
        steps: of each image, by `lesion_steps`.
    """
    voxels = images[brain]
    prior = np.stack([chances[name][brain] for name in CLASSES], axis=-1) + np.float32(_ANYWHERE)
    prior /= prior.sum(axis=-1, keepdims=True)
    healthy = _log_sum(classes.log_likelihoods(voxels) + np.log(prior))
    white, grey = classes.mean_of(WHITE), classes.mean_of(GREY)
    spread = 0.5 * (classes.covariances[CLASSES.index(WHITE)] + classes.covariances[CLASSES.index(GREY)])
    table = np.stack(list(steps), axis=1)
    # In many a patient grey matter is hardly brighter than white, or was not told from it: then the equations count.
    usual = table[-1] * np.maximum(grey, white)
    step = np.where(np.abs(grey - white) * np.sign(usual * (grey - white)) < _LEAST_OF_USUAL * np.abs(usual),
                    _LEAST_OF_USUAL * usual, grey - white)
    full = white + table[:-1] * step
    total: Map | None = None
    for lesion in full:
        for share in _SHARES:
            for name, often in _UNDER if share < 1 else ((WHITE, 1.0),):
                mean = share * lesion + (1 - share) * classes.mean_of(name)
                # Lesions are less even than tissue, the more so the more of the voxel they fill.
                wide = spread + np.diag((0.12 * share * (lesion - white)) ** 2)
                part = log_normal(voxels, mean, wide) + np.float32(np.log(often / (len(full) * len(_SHARES))))
                total = part if total is None else np.logaddexp(total, part)
    assert total is not None
    found = np.zeros(brain.shape, np.float32)
    found[brain] = total - healthy - np.float32(_RARE)
    return found


def _log_sum(logits: Map) -> Map:
    top = logits.max(axis=-1)
    return np.asarray(top + np.log(np.exp(logits - top[..., None]).sum(axis=-1)), np.float32)

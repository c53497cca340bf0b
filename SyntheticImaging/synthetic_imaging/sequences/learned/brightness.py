"""Brightness of MR images, which has no unit, to -1..1 and back.

One number for a whole volume, never for a slice: else slices would not fit together.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_imaging.sequences.protocols import Contrast

Values = npt.NDArray[np.float32]

# Which quantile of the brain is its typical brightness, and how many times that is 1. In DIR white matter, half the
# brain, is dark, so that grey matter is taken. CSF in T2w and severe lesions in FLAIR and DIR stay below 1.
_SCALE: dict[Contrast, tuple[float, float]] = {
    Contrast.DIR: (0.95, 2.5), Contrast.FLAIR: (0.5, 3.0), Contrast.T1W: (0.5, 2.5), Contrast.T1W_SPIN_ECHO: (0.5, 2.5),
    Contrast.T2W: (0.5, 5.0), Contrast.PD: (0.5, 2.2),
}


def typical(brain: Values, contrast: Contrast) -> float:
    """Typical brightness of a brain's voxels, (voxels,), in that contrast; above 0."""
    return max(float(np.quantile(brain, _SCALE[contrast][0])), 1e-9)


def to_network(image: Values, level: float, contrast: Contrast) -> Values:
    """Brightness to -1..1.

    Args:
        image: any shape, not negative.
        level: `typical` brightness of its brain.
        contrast: what it is.
    """
    return np.asarray(2 * np.clip(image / (_SCALE[contrast][1] * level), 0, 1) - 1, np.float32)


def scaled_by_brain(image: Values, brain: npt.NDArray[np.bool_], contrast: Contrast) -> Values:
    """An image of a head to -1..1 by the `typical` brightness of its brain.

    Args:
        image: (K, J, I), not negative.
        brain: where the brain is, (K, J, I).
        contrast: what it is.
    """
    return to_network(image, typical(image[brain], contrast), contrast)


def from_network(made: Values, contrast: Contrast, level: float = 1.0) -> Values:
    """-1..1 to brightness, where the brain's typical one is ``level``; what was cut off at 1 stays cut off."""
    return np.asarray((made + 1) * (0.5 * _SCALE[contrast][1] * level), np.float32)

"""The sequences of one visit, brought together: on one grid, moved onto each other, evened out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.sequences.alignment import LEAST_LIKENESS, aligned
from synthetic_imaging.sequences.shading import evened
from synthetic_imaging.tool import Image
from synthetic_imaging.volume import Volume

Foreground = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float32]
# What the tools that make a missing sequence take: of one visit, any of these.
VISIT = [
    Image("flair", "FLAIR", modality="MR", required=False, help="The result lies on its grid when it is given."),
    Image("t1w", "T1w", modality="MR", required=False, help="Without contrast agent."),
    Image("t2w", "T2w", modality="MR", required=False),
    Image("pd", "PD", modality="MR", required=False),
]
LABELS = {"flair": "FLAIR", "t1w": "T1w", "t2w": "T2w", "pd": "PD"}


def brought_together(
    given: Mapping[str, Volume], target: Volume, run: Run, *, align: bool, even_brightness: bool
) -> tuple[Values, Foreground]:
    """All sequences on one grid.

    Args:
        given: by input name.
        target: one of them, whose grid is taken.
        run: progress, notes, cancel.
        align: move the others as rigid bodies until they fit.
        even_brightness: take off the coil's shading.

    Returns:
        (K, J, I, images), float32, not negative; and where there is a head in all of them.

    Raises:
        InputError: if one does not fit the target.
    """
    parts, inside = [], np.ones(target.shape, bool)
    for number, (name, volume) in enumerate(given.items()):
        run.progress(number / len(given), f"{LABELS[name]}: align and even out")
        voxels = volume.voxels.astype(np.float32)
        if volume is not target:
            moved = aligned(volume, target, register=align)
            voxels = moved.voxels
            inside &= moved.inside
            if align:
                run.note(f"{LABELS[name]} was moved by {moved.shift_mm:.1f} mm and turned by {moved.turn_degrees:.1f} "
                         "degrees.")
            if align and moved.likeness < LEAST_LIKENESS:
                raise InputError(
                    f"The {LABELS[name]} does not fit the {LABELS[next(iter(given))]} (likeness "
                    f"{moved.likeness:.2f}; {LEAST_LIKENESS:.2f} is the least). Are they of one patient and "
                    "one part of the body? To go on regardless, switch off 'Align'."
                )
        if voxels.min() < 0:
            voxels = np.maximum(voxels, 0)
        parts.append(evened(voxels, target.geometry) if even_brightness else voxels)
    stack = np.stack(parts, axis=-1)
    bright = stack > 0.08 * np.quantile(stack.reshape(-1, len(parts)), 0.98, axis=0)
    return stack, np.asarray(_filled(np.asarray(bright.any(axis=-1))) & inside)


def _filled(inside: Foreground) -> Foreground:
    from scipy import ndimage

    return np.stack([ndimage.binary_fill_holes(part) for part in inside])

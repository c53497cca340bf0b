"""Lesions in a volume: the detector's share of each voxel, and the pieces in which it is high."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.sequences.lesion_search import Found

if TYPE_CHECKING:
    from synthetic_imaging.learning.networks.translator import Translator

Values = npt.NDArray[np.float32]
_TOGETHER = 8
# Where a piece begins; which pieces count as lesions is decided by their score.
PIECE = 0.25


def lesion_share(
    network: Translator, seen: Values, present: Sequence[bool], device: str, run: Run
) -> Values:
    """How likely each voxel is a lesion, (K, J, I), 0 to 1.

    Args:
        network: the detector, in eval mode.
        seen: (3, K, J, I) in -1..1, sequences of `settings.SEEN`; what is not there is not read.
        present: which are there.
        device: "cpu", "cuda:0".
        run: progress and cancel.
    """
    import torch

    _, count, rows, columns = seen.shape
    there = np.array(present)[:, None, None, None]
    more = [(0, -n % network.factor) for n in (rows, columns)]
    padded = np.pad(np.where(there, seen, np.float32(-1)), ((0, 0), (0, 0), *more), constant_values=-1)
    told = torch.tensor([[float(p) for p in present]], device=device)
    share = np.empty((count, rows, columns), np.float32)
    with torch.inference_mode():
        for first in range(0, count, _TOGETHER):
            run.progress(first / count, f"slice {first + 1} of {count}")
            batch = torch.from_numpy(np.ascontiguousarray(padded[:, first : first + _TOGETHER].swapaxes(0, 1)))
            logits = network(batch.to(device), told.expand(len(batch), -1)).float()
            share[first : first + len(batch)] = logits.softmax(1)[:, 1, :rows, :columns].cpu().numpy()
    return share


def certainty(share: Values) -> Values:
    """Mean share of each voxel with its neighbours in the slice, (K, J, I), K along the slices."""
    from scipy import ndimage

    return np.asarray(ndimage.uniform_filter(share, (1, 3, 3), mode="nearest"), np.float32)


def pieces(
    share: Values, inside: npt.NDArray[np.bool_], least_voxels: int = 2, sure: Values | None = None
) -> tuple[npt.NDArray[np.uint16], list[Found]]:
    """Pieces of high share inside the brain, the surest first.

    Args:
        share: (K, J, I).
        inside: where to look.
        least_voxels: of a piece.
        sure: `certainty` of the share, (K, J, I); worked out when None, which takes slices along K.

    Returns:
        Label map, uint16 (K, J, I), and the list; a piece's score, 0 to 1, is its highest certainty.
    """
    from scipy import ndimage

    high = (share > PIECE) & inside
    labels, _ = ndimage.label(high, np.ones((3, 3, 3)))
    smooth = certainty(share) if sure is None else sure
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        here = labels[box] == number
        voxels = int(here.sum())
        if voxels >= least_voxels:
            found.append((float(smooth[box][here].max()), number, voxels))
    lut = np.zeros(int(labels.max()) + 1, np.uint16)
    listed = []
    for label, (score, number, voxels) in enumerate(sorted(found, key=lambda f: (-f[0], f[1])), 1):
        lut[number] = label
        listed.append(Found(label, score, voxels))
    return lut[labels], listed

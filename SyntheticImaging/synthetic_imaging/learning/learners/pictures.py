"""Pictures for the training log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def middle_slices(volumes: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """The middle slice of each axis of each volume (K, J, I), a row a volume, on black; 0..1."""
    rows = []
    for volume in volumes:
        cuts = [np.take(volume, volume.shape[axis] // 2, axis) for axis in range(3)]
        height = max(cut.shape[0] for cut in cuts)
        rows.append(np.concatenate([np.pad(cut, ((0, height - cut.shape[0]), (0, 2))) for cut in cuts], axis=1))
    joined: np.ndarray[Any, Any] = np.clip(np.concatenate(rows), 0, 1).astype(np.float32)
    return joined

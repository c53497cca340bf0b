"""Cases that are there already, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.learning.learner import Case


class ArrayCases:
    """Images and label maps in memory as a `CaseSource`.

    Args:
        images: (N, C, K, J, I), 0..1; kept in half precision.
        labels: (N, K, J, I), or None.

    Raises:
        InputError: if their numbers differ.
    """

    def __init__(self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None = None) -> None:
        if labels is not None and len(images) != len(labels):
            raise InputError(f"There are {len(images)} images but {len(labels)} label maps.")
        self.images = images.astype(np.float16)
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """One case; the generator is not needed."""
        del rng
        image = {"image": self.images[index].astype(np.float32)}
        return image if self.labels is None else {**image, "label": self.labels[index]}

"""Small random changes of a training case: size, place, brightness, grain. In one pass over the voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.kernels import kernel, prange
from synthetic_imaging.learning.learner import Case, CaseSource
from synthetic_imaging.segmentation.settings import Augmentation

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Augmented:
    """Cases of a source, changed a little each time they are asked for."""

    source: CaseSource
    changes: Augmentation

    def __len__(self) -> int:
        return len(self.source)

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """One case, changed."""
        case = self.source.case(index, rng)
        return augmented(case, self.changes, rng)


def augmented(case: Case, changes: Augmentation, rng: np.random.Generator) -> Case:
    """A case with its "image" and "label" changed together; the given arrays are not written to.

    Args:
        case: "image" float32 (C, K, J, I) in 0..1, "label" (K, J, I).
        changes: how much.
        rng: of all draws.
    """
    if rng.random() >= changes.chance:
        return case
    image, label = np.asarray(case["image"], dtype=np.float32), np.asarray(case["label"])
    if changes.scale_percent or changes.shift_percent or changes.turn_degrees:
        image, label = _moved(image, label, changes, rng)
    for axis, flips in ((3, changes.flip_left_right), (2, changes.flip_front_back), (1, changes.flip_up_down)):
        if flips and rng.random() < 0.5:
            image, label = np.flip(image, axis), np.flip(label, axis - 1)
    image = regrained(image, changes, rng)
    return {**case, "image": np.ascontiguousarray(image), "label": np.ascontiguousarray(label)}


def regrained(image: FloatArray, changes: Augmentation, rng: np.random.Generator) -> FloatArray:
    """The image with another gamma, brightness and noise, cut to 0..1."""
    gamma = (1 + changes.gamma) ** rng.uniform(-1, 1)
    offset = rng.uniform(-changes.brightness, changes.brightness)
    result = np.power(np.clip(image, 0, 1), np.float32(gamma)) + np.float32(offset)
    grain = rng.uniform(0, changes.noise)
    if grain > 0:
        result += np.float32(grain) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(result, 0, 1, out=result)


def _moved(
    image: FloatArray, label: npt.NDArray[Any], changes: Augmentation, rng: np.random.Generator
) -> tuple[FloatArray, npt.NDArray[Any]]:
    size = np.array(label.shape, dtype=np.float64)
    scale = 1 + rng.uniform(-1, 1) * changes.scale_percent / 100
    shift = rng.uniform(-1, 1, 3) * changes.shift_percent / 100 * size
    matrix = _rotation(np.deg2rad(rng.uniform(-1, 1, 3) * changes.turn_degrees)) / scale
    middle = (size - 1) / 2
    offset = middle - matrix @ (middle + shift)
    new_image, new_label = np.empty_like(image, order="C"), np.empty_like(label, order="C")
    _sample(np.ascontiguousarray(image), np.ascontiguousarray(label), matrix, offset, new_image, new_label)
    return new_image, new_label


def _rotation(angles: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    result = np.eye(3)
    for axis, angle in enumerate(angles):
        a, b = (n for n in range(3) if n != axis)
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        result = turn @ result
    return result


@kernel(parallel=True)
def _sample(image: Any, label: Any, matrix: Any, offset: Any, new_image: Any, new_label: Any) -> None:
    """Linear for the image, nearest for the label; beyond the edge the edge's own voxels go on."""
    channels, nk, nj, ni = image.shape
    for k in prange(nk):
        for j in range(nj):
            for i in range(ni):
                z = min(max(matrix[0, 0] * k + matrix[0, 1] * j + matrix[0, 2] * i + offset[0], 0.0), nk - 1.0)
                y = min(max(matrix[1, 0] * k + matrix[1, 1] * j + matrix[1, 2] * i + offset[1], 0.0), nj - 1.0)
                x = min(max(matrix[2, 0] * k + matrix[2, 1] * j + matrix[2, 2] * i + offset[2], 0.0), ni - 1.0)
                new_label[k, j, i] = label[int(z + 0.5), int(y + 0.5), int(x + 0.5)]
                z0, y0, x0 = int(z), int(y), int(x)
                z1, y1, x1 = min(z0 + 1, nk - 1), min(y0 + 1, nj - 1), min(x0 + 1, ni - 1)
                w, v, u = np.float32(z - z0), np.float32(y - y0), np.float32(x - x0)
                for c in range(channels):
                    low = (image[c, z0, y0, x0] * (1 - u) + image[c, z0, y0, x1] * u) * (1 - v) + (
                        image[c, z0, y1, x0] * (1 - u) + image[c, z0, y1, x1] * u) * v
                    high = (image[c, z1, y0, x0] * (1 - u) + image[c, z1, y0, x1] * u) * (1 - v) + (
                        image[c, z1, y1, x0] * (1 - u) + image[c, z1, y1, x1] * u) * v
                    new_image[c, k, j, i] = low * (1 - w) + high * w

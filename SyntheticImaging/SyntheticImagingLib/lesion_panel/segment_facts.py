"""What can be said about a segment at once: its volume, its size, whether a place lies in it. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.mask import bounding_box
from SyntheticImagingLib.mrml import array_from_image, matrix_from_vtk, placed
from SyntheticImagingLib.segmentations import LABELMAP

# Counted voxels by (image, its time of change, label): the panel asks at each move of the mouse while a place is set.
_COUNTED: dict[tuple[str, int, int], int] = {}
_MOST_COUNTED = 64


def segment_name(node: Any, segment_id: str) -> str:
    """The segment's name; "" if there is no such segment."""
    segment = node.GetSegmentation().GetSegment(segment_id) if node is not None and segment_id else None
    return str(segment.GetName()) if segment is not None else ""


def volume_ml(node: Any, segment_id: str) -> float | None:
    """Volume in millilitres; 0 for an empty segment, None where it is no label map or has no place."""
    found = _labels(node, segment_id)
    if found is None:
        return None
    return found.count() * abs(float(np.linalg.det(found.matrix[:3, :3]))) / 1000.0


def diameter_mm(node: Any, segment_id: str) -> float | None:
    """Diameter of the sphere with the segment's volume; None where that is not known or the segment is empty."""
    volume = volume_ml(node, segment_id)
    return (6000.0 * volume / np.pi) ** (1.0 / 3.0) if volume else None


def holds(node: Any, segment_id: str, ras_mm: Sequence[float]) -> bool | None:
    """Whether the place lies in the segment; None where that cannot be said."""
    found = _labels(node, segment_id)
    if found is None:
        return None
    i, j, k = np.rint(np.linalg.solve(found.matrix, [*ras_mm, 1.0])[:3]).astype(int)
    within = all(0 <= n < size for n, size in zip((k, j, i), found.array.shape, strict=True))
    return bool(within and found.array[k, j, i] == found.label)


def inner_place(node: Any, segment_id: str) -> tuple[float, float, float] | None:
    """A place well inside the segment (RAS mm), to look at; None for an empty one."""
    from scipy import ndimage

    found = _labels(node, segment_id)
    if found is None or not found.count():
        return None
    inside, matrix = found.array == found.label, found.matrix
    box = bounding_box(inside)
    depth = ndimage.distance_transform_edt(np.pad(inside[box.slices][::2, ::2, ::2], 1))
    kji = 2 * (np.array(np.unravel_index(int(depth.argmax()), depth.shape)) - 1) + np.array(box.start)
    r, a, s = (float(x) for x in (matrix @ [*kji[::-1], 1.0])[:3])
    return (r, a, s)


@dataclass(frozen=True)
class _Labels:
    """A label map, shared with other segments perhaps: the segment is where it holds ``label``; I, J, K to RAS."""

    image: Any
    array: npt.NDArray[Any]
    label: int
    matrix: npt.NDArray[np.float64]

    def count(self) -> int:
        """Voxels of the segment."""
        key = (self.image.GetAddressAsString(""), self.image.GetMTime(), self.label)
        if key not in _COUNTED:
            if len(_COUNTED) >= _MOST_COUNTED:
                _COUNTED.clear()
            _COUNTED[key] = int(np.count_nonzero(self.array == self.label))
        return _COUNTED[key]


def _labels(node: Any, segment_id: str) -> _Labels | None:
    segment = node.GetSegmentation().GetSegment(segment_id) if node is not None and segment_id else None
    if segment is None:
        return None
    image = segment.GetRepresentation(LABELMAP)
    if image is None:
        return None
    extent = image.GetExtent()
    matrix = _new_matrix()
    image.GetImageToWorldMatrix(matrix)
    label = int(segment.GetLabelValue())
    try:
        place = placed(node) @ matrix_from_vtk(matrix)
        if extent[1] < extent[0]:
            return _Labels(image, np.zeros((0, 0, 0), dtype=np.uint8), label, place)
        array = array_from_image(image, node.GetName())
    except InputError:
        return None
    place[:3, 3] += place[:3, :3] @ np.array([extent[0], extent[2], extent[4]], dtype=float)
    return _Labels(image, array, label, place)


def _new_matrix() -> Any:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    return vtkMatrix4x4()

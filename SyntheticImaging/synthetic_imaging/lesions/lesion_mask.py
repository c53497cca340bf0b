"""The segmentation that comes out of an edit: same segments, one lesion gone or moved, copies added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Box
from synthetic_imaging.mask import BoolArray, Mask, Segment


class MaskEditor:
    """Works on a copy of a mask's label maps, in boxes only; labels without a segment are dropped."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._segments = list(mask.segments)
        self._layers: list[npt.NDArray[Any]] = []
        for index in range(mask.layers.shape[0]):
            layer = mask.layers[index]
            kept = [s.label for s in mask.segments if s.layer == index]
            size = max(int(layer.max(initial=0)), *kept, 0) + 1 if kept else int(layer.max(initial=0)) + 1
            table = np.zeros(size, dtype=np.uint16 if size > 250 else np.uint8)
            table[kept] = kept
            self._layers.append(table[np.maximum(layer, 0) if layer.dtype.kind == "i" else layer])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the segments so far."""
        return tuple(s.name for s in self._segments)

    def free_name(self, word: str, first: int = 1) -> str:
        """"lesion 1", or the next number that no segment has."""
        taken = {n.casefold() for n in self.names}
        number = first
        while f"{word} {number}".casefold() in taken:
            number += 1
        return f"{word} {number}"

    def clear(self, segment: Segment, box: Box) -> None:
        """Take the segment's voxels in ``box`` away."""
        layer = self._layers[segment.layer][box.slices]
        layer[layer == segment.label] = 0

    def remove(self, segment: Segment) -> None:
        """Strike the segment off the list; its voxels must have been cleared."""
        self._segments.remove(segment)

    def fill(self, segment: Segment, box: Box, inside: BoolArray) -> None:
        """Give free voxels of the segment's label map to the segment."""
        layer = self._layers[segment.layer][box.slices]
        layer[inside & (layer == 0)] = segment.label

    def add(self, like: Segment, name: str, box: Box, inside: BoolArray) -> None:
        """Give the voxels to a segment of that name, made like another one, where it overlaps nothing in its label map.

        A segment that has the name already is replaced.
        """
        index = self._free_layer(box, inside)
        old = next((s for s in self._segments if s.name == name), None)
        label = max((s.label for s in self._segments if s.layer == index and s is not old), default=0) + 1
        if label > np.iinfo(self._layers[index].dtype).max:
            self._layers[index] = self._layers[index].astype(np.uint16)
        self._layers[index][box.slices][inside] = label
        made = replace(like, name=name, label=label, layer=index, id=old.id if old is not None else "")
        if old is not None:
            self._segments[self._segments.index(old)] = made
        else:
            self._segments.append(made)

    def _free_layer(self, box: Box, inside: BoolArray) -> int:
        for index, layer in enumerate(self._layers):
            if not layer[box.slices][inside].any():
                return index
        self._layers.append(np.zeros(self._mask.shape, dtype=np.uint8))
        return len(self._layers) - 1

    def finished(self, first: Iterable[str], name: str) -> Mask:
        """The new mask, with the segments named in ``first`` at the head."""
        head = [s for n in first for s in self._segments if s.name == n]
        segments = (*head, *(s for s in self._segments if s not in head))
        kind = np.result_type(*self._layers) if self._layers else np.dtype(np.uint8)
        return Mask(np.stack(self._layers).astype(kind, copy=False), self._mask.geometry, segments, name=name)


def with_organ(lesions: Mask, organ: Mask | None) -> Mask:
    """One mask of lesions and organ; a segment of the organ's name in the lesions' mask gives way to the organ."""
    if organ is None:
        return lesions
    names = {s.name for s in organ.segments}
    offset = lesions.layers.shape[0]
    kept = tuple(s for s in lesions.segments if s.name not in names)
    moved = tuple(replace(s, layer=s.layer + offset) for s in organ.segments)
    kind = np.result_type(lesions.layers, organ.layers)
    layers = np.concatenate([lesions.layers.astype(kind, copy=False), organ.layers.astype(kind, copy=False)])
    return Mask(layers, lesions.geometry, (*moved, *kept), name=lesions.name)

"""Which segments of a mask are lesions, and which say something about their surroundings.

A mask that a tool or a reader made often holds the organ, several lesions and necrosis together. Names decide
first; where no name tells, the segment that contains the others is the organ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from synthetic_imaging.geometry import Box
from synthetic_imaging.mask import BoolArray, Mask, Segment

_LESION = re.compile(
    r"lesion|tumou?r|nodule|metasta|carcinoma|cancer|adenoma|lymphoma|neoplas|\bmass\b|cyst|plaque|hyperintens|\bhcc\b",
    re.IGNORECASE,
)
_NECROSIS = re.compile(r"necro", re.IGNORECASE)
_VESSEL = re.compile(r"vessel|vein|artery|arteries|\baorta\b|vena|vasc", re.IGNORECASE)
_CONTAINED = 0.5


@dataclass(frozen=True)
class Roles:
    """Segments of a mask by what they are for.

    Attributes:
        lesions: what is measured or edited, in the mask's order; segments without a voxel are left out.
        empty: names of lesion segments without a voxel.
        necrosis: dead parts of lesions.
        organ: the segment around the lesions, or None.
        vessels: vessel segments.
        boxes: smallest box of each segment, by name; segments without a voxel have none.
    """

    lesions: tuple[Segment, ...]
    empty: tuple[str, ...]
    necrosis: tuple[Segment, ...]
    organ: Segment | None
    vessels: tuple[Segment, ...]
    boxes: dict[str, Box]


def roles_of(mask: Mask) -> Roles:
    """Sort the segments of ``mask`` into lesions and context; one pass over each label map."""
    boxes = segment_boxes(mask)
    necrosis = tuple(s for s in mask.segments if _NECROSIS.search(s.name))
    others = [s for s in mask.segments if s not in necrosis]
    named = [s for s in others if _LESION.search(s.name)]
    rest = [s for s in others if s not in named]
    vessels = tuple(s for s in rest if _VESSEL.search(s.name))
    candidates = [s for s in rest if s not in vessels and s.name in boxes]
    if named:
        lesions = named
        organ = _container(mask, boxes, candidates, [s for s in lesions if s.name in boxes])
    else:
        # No name tells: what contains all others is the organ, the others are the lesions.
        organ = None
        if len(candidates) > 1:
            largest = max(candidates, key=lambda s: _voxels(boxes[s.name]))
            inner = [s for s in candidates if s is not largest]
            organ = _container(mask, boxes, [largest], inner)
        lesions = [s for s in others if s is not organ and s not in vessels] or list(vessels)
        vessels = () if lesions == list(vessels) else vessels
    return Roles(
        lesions=tuple(s for s in lesions if s.name in boxes),
        empty=tuple(s.name for s in lesions if s.name not in boxes),
        necrosis=tuple(s for s in necrosis if s.name in boxes),
        organ=organ,
        vessels=tuple(s for s in vessels if s.name in boxes),
        boxes=boxes,
    )


def segment_boxes(mask: Mask) -> dict[str, Box]:
    """Smallest box of each segment that has a voxel, by name."""
    boxes: dict[str, Box] = {}
    for index in range(mask.layers.shape[0]):
        layer = mask.layers[index]
        labels = {s.label: s.name for s in mask.segments if s.layer == index}
        if not labels:
            continue
        if layer.dtype.kind == "i" and int(layer.min()) < 0:
            layer = np.maximum(layer, 0)
        for label, place in enumerate(ndimage.find_objects(layer, max(labels)), start=1):
            if place is not None and label in labels:
                k, j, i = place
                boxes[labels[label]] = Box((k.start, j.start, i.start), (k.stop, j.stop, i.stop))
    return boxes


def any_inside_box(mask: Mask, segments: tuple[Segment, ...], box: Box) -> BoolArray:
    """True where any of the segments is, in the voxels of ``box`` only."""
    result = np.zeros(box.shape, dtype=np.bool_)
    for segment in segments:
        result |= mask.inside(segment.name, box)
    return result


def _container(mask: Mask, boxes: dict[str, Box], candidates: list[Segment], inner: list[Segment]) -> Segment | None:
    """The candidate that surrounds most of the inner segments: holds their voxels or most of what lies around them."""
    best: tuple[float, Segment] | None = None
    for candidate in candidates:
        shares = []
        for segment in inner:
            box = boxes[segment.name].grown((1, 1, 1)).clipped(mask.shape)
            lesion = mask.inside(segment.name, box)
            around = mask.inside(candidate.name, box)
            rim = ndimage.binary_dilation(lesion, iterations=1) & ~lesion
            held = np.count_nonzero(around & lesion) / max(1, int(np.count_nonzero(lesion)))
            wrapped = np.count_nonzero(around & rim) / max(1, int(np.count_nonzero(rim)))
            shares.append(max(held, wrapped))
        share = float(np.mean(shares)) if shares else 0.0
        if share >= _CONTAINED and (best is None or share > best[0]):
            best = (share, candidate)
    return best[1] if best else None


def _voxels(box: Box) -> int:
    k, j, i = box.shape
    return k * j * i

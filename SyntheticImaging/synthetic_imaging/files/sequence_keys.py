"""Sequences as 3D Slicer keeps them in .seq.nrrd: four axes, the index in the header.

A sequence of segmentations is stored as label maps; where segments overlap, each combination that occurs gets its own
label and the header lists which segments it stands for.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.meaning import PREFIX, Meaning
from synthetic_imaging.files.nrrd_format import NrrdImage
from synthetic_imaging.files.segment_keys import segment_keys, segments_from_keys
from synthetic_imaging.files.voxel_types import storable
from synthetic_imaging.mask import Mask, Segment
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.volume import Volume, Voxels


def sequence_array_and_keys(sequence: Sequence) -> tuple[Voxels, dict[str, str]]:
    """Array (T, K, J, I) and header keys.

    Raises:
        FileError: if the frames of a segmentation sequence do not have the same segments.
    """
    masks = [frame for frame in sequence.frames if isinstance(frame, Mask)]
    keys = {
        "DataNodeClassName": "vtkMRMLLabelMapVolumeNode" if masks else "vtkMRMLScalarVolumeNode",
        "axis 3 index type": "numeric",
        "axis 3 index values": " ".join(repr(value) for value in sequence.index),
    }
    if masks:
        array, more = _label_maps(sequence, masks)
        keys |= more
    else:
        volumes = [frame.voxels for frame in sequence.frames if isinstance(frame, Volume)]
        array = storable(np.stack(volumes), sequence.name)
    return array, {**keys, **Meaning.of(sequence).keys()}


def sequence_from_nrrd(path: Path, image: NrrdImage, name: str, meaning: Meaning) -> Sequence:
    """The sequence of a file with a list axis.

    Raises:
        FileError: if it has none.
    """
    if image.list_axis is None:
        raise FileError(f"'{path}' holds a single volume, not a sequence. Read it as a volume.")
    axis, count = image.list_axis, image.voxels.shape[0]
    index = _index(image.keys.get(f"axis {axis} index values", ""), count)
    label = image.labels[axis] if len(image.labels) > axis else ""
    unit = image.units[axis] if len(image.units) > axis else ""
    meaning = Meaning.from_keys(image.keys).over(meaning)
    frames: tuple[Volume | Mask, ...]
    if any(re.match(r"Segment\d+_", key) for key in image.keys):
        frames = _masks(path, image, meaning)
    else:
        more = meaning.for_volume(name)
        frames = tuple(Volume(voxels, image.geometry, **more) for voxels in image.voxels)
    return Sequence(frames, index, label or "frame", unit, meaning.name or name, meaning.provenance)


def _index(text: str, count: int) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split())
    except ValueError:
        values = ()
    rising = len(values) == count and all(b > a for a, b in itertools.pairwise(values))
    return values if rising else tuple(float(n) for n in range(count))


def _label_maps(sequence: Sequence, masks: list[Mask]) -> tuple[Voxels, dict[str, str]]:
    first = masks[0]
    names = list(dict.fromkeys(name for mask in masks for name in mask.names))
    known: dict[str, Segment] = {s.name: s for mask in reversed(masks) for s in mask.segments}
    combinations: dict[tuple[int, ...], int] = {(): 0, **{(n,): n + 1 for n in range(len(names))}}
    array = np.zeros((len(masks), *first.shape), dtype=np.uint16)
    for frame, mask in zip(array, masks, strict=True):
        # Work only where something is: a growing tumour fills a small part.
        box = mask.box.slices
        code = np.zeros(frame[box].shape, dtype=np.int64)
        members: list[tuple[int, ...]] = [()]
        for name in mask.names:
            inside = mask.inside(name)[box]
            pairs, code_flat = np.unique((code * 2 + inside).ravel(), return_inverse=True)
            members = [members[int(p) // 2] + ((names.index(name),) if p % 2 else ()) for p in pairs]
            code = code_flat.reshape(code.shape)
        table = np.array([combinations.setdefault(tuple(sorted(m)), len(combinations)) for m in members])
        if len(combinations) > np.iinfo(np.uint16).max:
            raise FileError(f"'{sequence.name}' has too many overlapping segments to be stored as a sequence.")
        frame[box] = table[code]
    if len(combinations) <= 256:
        array = array.astype(np.uint8)
    single = Mask(
        np.zeros((1, 1, 1), np.uint8), replace(first.geometry, shape=(1, 1, 1)),
        tuple(replace(known[name], label=n + 1, layer=0) for n, name in enumerate(names)),
    )
    keys = {key: value for key, value in segment_keys(single).items()
            if not key.startswith("Segmentation_") and not key.endswith(("_Extent", "_Layer"))}
    overlaps = {str(label): list(members) for members, label in combinations.items() if len(members) > 1}
    return array, {**keys, PREFIX + "overlaps": json.dumps(overlaps)}


def _masks(path: Path, image: NrrdImage, meaning: Meaning) -> tuple[Mask, ...]:
    segments = segments_from_keys(image.keys, image.voxels[:1])
    try:
        overlaps = json.loads(image.keys.get(PREFIX + "overlaps", "{}"))
        combined = {n: [int(label) for label, members in overlaps.items() if n in members]
                    for n in range(len(segments))}
    except (ValueError, TypeError, AttributeError):
        raise FileError(f"'{path}' is damaged: its list of overlapping segments makes no sense.") from None
    name, provenance = meaning.name or "segmentation", meaning.provenance
    if not any(combined.values()):
        return tuple(Mask(layer, image.geometry, segments, name, provenance) for layer in image.voxels)
    # The same layers in every frame: a segment goes where it overlaps no other that is there already.
    layer_of: list[int] = []
    for n in range(len(segments)):
        taken = {layer_of[m] for m in range(n) if any(label in combined[m] for label in combined[n])}
        layer_of.append(next(layer for layer in range(n + 1) if layer not in taken))
    tables = np.zeros((max(layer_of) + 1, int(image.voxels.max()) + 1), dtype=np.uint8 if len(segments) < 256
                      else np.uint16)
    placed = []
    for n, segment in enumerate(segments):
        labels = [label for label in [segment.label, *combined[n]] if label < tables.shape[1]]
        tables[layer_of[n], labels] = segment.label
        placed.append(replace(segment, layer=layer_of[n]))
    return tuple(
        Mask(np.stack([table[frame] for table in tables]), image.geometry, tuple(placed), name, provenance)
        for frame in image.voxels
    )

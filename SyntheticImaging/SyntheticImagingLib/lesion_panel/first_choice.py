"""What to work on when nothing has been chosen yet: the CT that is open, and an organ in it. No Qt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from SyntheticImagingLib import attributes
from SyntheticImagingLib.mrml import matrix_from_vtk
from SyntheticImagingLib.task.modality import is_ct
from SyntheticImagingLib.task.origins import source_of

# The organs that the tools know best, first.
ORGANS = ("liver", "pancrea", "kidney", "renal", "lung", "spleen", "prostate", "breast", "brain", "uterus", "bladder")
_INSIDE_AN_ORGAN = re.compile(
    r"lesion|tumou?r|nodule|metasta|carcinoma|cancer|necro|cyst|vessel|vein|vena|arter|aorta|trunk", re.IGNORECASE
)
_LESION = re.compile(r"lesion|tumou?r|nodule|metasta|carcinoma|cancer|\bmass\b", re.IGNORECASE)


def first_volume(scene: Any) -> Any:
    """The volume to start with: the one in the views if it is a real CT, else the first CT, else the first volume."""
    volumes = [v for v in _nodes(scene, "vtkMRMLScalarVolumeNode") if _usable(v)]
    real = [v for v in volumes if v.GetAttribute(attributes.SYNTHETIC) is None] or volumes
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    active = selection.GetActiveVolumeID() if selection is not None else None
    shown = [v for v in real if v.GetID() == active]
    for candidates in (shown, real):
        for volume in candidates:
            if is_ct(volume):
                return volume
    return (shown or real or [None])[0]


def first_organ(scene: Any, volume: Any) -> tuple[Any, str] | None:
    """(segmentation node, segment id) of an organ by its name, of those drawn on this volume first; None if none."""
    ranked: list[tuple[tuple[int, ...], Any, str]] = []
    for order, node in enumerate(_nodes(scene, "vtkMRMLSegmentationNode")):
        ours = int(node.GetAttribute(attributes.SYNTHETIC) is not None)
        elsewhere = int(not _drawn_on(node, volume))
        ranked += [((ours, elsewhere, known, order, number), node, i) for known, number, i in _organs(node)]
    if not ranked:
        return None
    _, node, segment_id = min(ranked, key=lambda item: item[0])
    return node, segment_id


def organ_in(node: Any) -> str:
    """Id of the organ to begin with in one segmentation node; "" if it holds none."""
    return min(_organs(node), default=(0, 0, ""))[2]


def _organs(node: Any) -> list[tuple[int, int, str]]:
    """(how far down in our list, place in the segmentation, id) of each segment that may be an organ."""
    return [
        (next((n for n, word in enumerate(ORGANS) if word in name.casefold()), len(ORGANS)), number, segment_id)
        for number, (segment_id, name) in enumerate(_segments(node))
        if not _INSIDE_AN_ORGAN.search(name)
    ]


def first_lesion(scene: Any, volume: Any) -> tuple[Any, str] | None:
    """(segmentation node, segment id) of a lesion to edit: one in this volume, else the newest; None if none."""
    found = [
        (node, segment_id)
        for node in reversed(list(_nodes(scene, "vtkMRMLSegmentationNode")))
        for segment_id, name in _segments(node)
        if _LESION.search(name)
    ]
    # Not the frames of a growth sequence: they belong to no volume.
    found = [item for item in found if volume_of(item[0]) is not None] or found
    here = [item for item in found if volume is not None and volume_of(item[0]) is volume]
    return next(iter(here or found), None)


def lesion_in(node: Any) -> str:
    """Id of the lesion to begin with in one segmentation node; "" if it holds none."""
    return next((segment_id for segment_id, name in _segments(node) if _LESION.search(name)), "")


def volume_of(segmentation: Any) -> Any:
    """The volume node that a segmentation was made on, or None."""
    if segmentation is None:
        return None
    source = source_of(segmentation)
    if source is not None:
        return source
    role = segmentation.GetReferenceImageGeometryReferenceRole()
    return segmentation.GetNodeReference(role)


def _nodes(scene: Any, kind: str) -> Iterator[Any]:
    nodes = scene.GetNodesByClass(kind)
    for position in range(nodes.GetNumberOfItems()):
        node = nodes.GetItemAsObject(position)
        if not node.GetHideFromEditors():
            yield node


def _segments(node: Any) -> list[tuple[str, str]]:
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    return [(i, segmentation.GetSegment(i).GetName() or "") for i in ids]


def _usable(volume: Any) -> bool:
    image = volume.GetImageData()
    return image is not None and not volume.IsA("vtkMRMLLabelMapVolumeNode") and min(image.GetDimensions()) > 1


def _drawn_on(segmentation: Any, volume: Any) -> bool:
    made_on = volume_of(segmentation)
    if made_on is not None or volume is None:
        return made_on is volume
    # A file says nothing of its volume: then whether the two lie together decides.
    bounds, own = [0.0] * 6, [0.0] * 6
    volume.GetRASBounds(bounds)
    segmentation.GetRASBounds(own)
    return all(own[2 * a] < bounds[2 * a + 1] and own[2 * a + 1] > bounds[2 * a] for a in range(3))


def centre_of(volume: Any) -> tuple[float, float, float]:
    """Middle of a volume (RAS mm)."""
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    middle = [(n - 1) / 2 for n in volume.GetImageData().GetDimensions()]
    r, a, s = (float(x) for x in (matrix_from_vtk(matrix) @ [*middle, 1.0])[:3])
    return (r, a, s)

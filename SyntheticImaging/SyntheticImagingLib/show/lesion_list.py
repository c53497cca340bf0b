"""The lesions of a result: number, name, place, size, contrast. For a list that jumps to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import BoolArray, Mask
from synthetic_imaging.volume import Volume
from SyntheticImagingLib.mrml import volume_from_node
from SyntheticImagingLib.segmentations import mask_from_node
from SyntheticImagingLib.task.inputs import SegmentChoice

# Beyond the shell of organ that a lesion's contrast is taken against.
_SURROUNDINGS_MM = 15.0

Point = tuple[float, float, float]


@dataclass(frozen=True)
class LesionRow:
    """One lesion.

    Attributes:
        number: 1, 2, ... in the order of the segmentation.
        name: of its segment.
        segment_id: of its segment.
        centre_ras: a point in the lesion, as near to its centroid as can be; world RAS mm.
        diameter_mm: longest diameter in one slice, as RECIST measures.
        volume_ml: its volume.
        contrast: mean of the lesion less the mean of the organ around it; None without organ or image.
        unit: of the contrast: "HU" or "".
    """

    number: int
    name: str
    segment_id: str
    centre_ras: Point
    diameter_mm: float
    volume_ml: float
    contrast: float | None
    unit: str

    def sentence(self) -> str:
        """The row as one line: "lesion 1, 15.2 mm, 1.8 ml, -52 HU"."""
        parts = [self.name, f"{self.diameter_mm:.1f} mm", f"{self.volume_ml:.2g} ml" if self.volume_ml < 1
                 else f"{self.volume_ml:.1f} ml"]
        if self.contrast is not None:
            parts.append(f"{self.contrast:+.0f} {self.unit}".strip())
        return ", ".join(parts)


def lesion_rows(of: Any, volume_node: Any = None, organ_node: Any = None) -> list[LesionRow]:
    """The lesions of a result, measured as the tool "Measure lesions" does; empty where there are none.

    A grown tumour with its dead core is one row. Works on nodes of a reloaded scene just as on a fresh result.

    Args:
        of: what a run made (with ``lesions`` and ``volume``), or a segmentation node.
        volume_node: the image the lesions are in, for contrast and grid; without it contrasts are left out.
        organ_node: segmentation node of the organ, where the segmentation itself does not hold it.
    """
    from synthetic_imaging.lesions.distances import margin_voxels

    segmentation_node, context = of, organ_names(getattr(of, "inputs", {}))
    if of is not None and not hasattr(of, "GetClassName"):
        segmentation_node, volume_node = of.lesions, of.volume if volume_node is None else volume_node
    if segmentation_node is None or not segmentation_node.IsA("vtkMRMLSegmentationNode"):
        return []
    segmentation = segmentation_node.GetSegmentation()
    if segmentation is None or segmentation.GetNumberOfSegments() == 0:
        return []
    volume = _volume(volume_node)
    try:
        mask, volume = _on_one_grid(segmentation_node, volume)
        organ = mask_from_node(organ_node, grid=mask.geometry) if organ_node is not None else None
    except InputError:
        return []
    # What follows looks at every voxel several times: most of them lie far from any lesion.
    box = mask.box.grown(margin_voxels(mask.geometry, _SURROUNDINGS_MM)).clipped(mask.shape)
    if mask.box.empty:
        return []
    return _rows(
        mask.cropped(box), volume.cropped(box) if volume is not None else None,
        organ.cropped(box) if organ is not None else None, context,
    )


def organ_names(inputs: Any) -> frozenset[str]:
    """Names of the segments that went into a run as its organ: whatever remains of them is no lesion."""
    choice = inputs.get("organ")
    if not isinstance(choice, SegmentChoice) or choice.node is None or choice.node.GetSegmentation() is None:
        return frozenset()
    segmentation = choice.node.GetSegmentation()
    known = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    names = {i: segmentation.GetSegment(i).GetName() for i in known}
    return frozenset(names.get(i, i) for i in choice.ids or known)


def centre_in(inside: BoolArray, grid: Geometry) -> Point:
    """The centroid of some voxels, or the voxel nearest to it where it lies outside them (a ring, a bow)."""
    found = np.argwhere(inside)
    centroid = found.mean(axis=0)
    nearest = tuple(int(x) for x in np.clip(np.rint(centroid), 0, np.array(inside.shape) - 1))
    if not inside[nearest]:
        points = grid.ras_from_kji(found)
        away = np.linalg.norm(points - grid.ras_from_kji(centroid), axis=1)
        centroid = found[int(away.argmin())].astype(float)
    r, a, s = (float(x) for x in grid.ras_from_kji(centroid))
    return (r, a, s)


def _volume(node: Any) -> Volume | None:
    if node is None:
        return None
    try:
        return volume_from_node(node)
    except InputError:
        return None


def _on_one_grid(node: Any, volume: Volume | None) -> tuple[Mask, Volume | None]:
    """The segments on the image's grid; on their own, without the image, where they do not lie on it."""
    if volume is not None:
        try:
            return mask_from_node(node, grid=volume.geometry), volume
        except InputError:
            # A file format may have turned the axes round.
            turned = mask_from_node(node).turned_onto(volume.geometry)
            if turned is not None:
                return turned, volume
    return mask_from_node(node), None


def _rows(mask: Mask, volume: Volume | None, organ: Mask | None, context: frozenset[str]) -> list[LesionRow]:
    from synthetic_imaging.context import Run
    from synthetic_imaging.lesions.measure import MeasureLesions, measure
    from synthetic_imaging.lesions.roles import roles_of

    roles = roles_of(mask)
    if all(segment.name in context for segment in roles.lesions):
        return []  # the only lesion was removed, and its organ is all there is
    image = volume
    if image is None:
        # Sizes need no image: an empty one that costs no memory takes its place.
        image = Volume(np.broadcast_to(np.uint8(0), mask.shape), mask.geometry)
    outputs = measure.function(image, mask, organ, None, MeasureLesions(), Run())
    contrast = "contrast_hu" if image.unit == "HU" else "contrast"
    rows = []
    for number, (segment, measured) in enumerate(zip(roles.lesions, outputs["measurements"], strict=True), start=1):
        box = roles.boxes[segment.name]
        centre = centre_in(mask.inside(segment.name, box), mask.geometry.cropped(box))
        value = measured[contrast] if volume is not None else None
        rows.append(LesionRow(
            number, segment.name, segment.id, centre, float(measured["axial_long_mm"]), float(measured["volume_ml"]),
            None if value is None else float(value), image.unit if volume is not None else "",
        ))
    return rows

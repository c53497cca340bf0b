"""Masks to segmentation nodes and back: segments, colours, terminology, overlapping layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask, Segment
from synthetic_imaging.terminology import parse_terminology_entry, terminology_entry
from SyntheticImagingLib import attributes
from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.mrml import array_from_image, image_from_array, matrix_from_vtk, matrix_to_vtk, placed

LABELMAP = "Binary labelmap"
SURFACE = "Closed surface"
_TERMINOLOGY_TAG = "TerminologyEntry"


def add_segmentation(scene: Any, mask: Mask, reference: Any = None, name: str | None = None) -> Any:
    """A new ``vtkMRMLSegmentationNode``, its layers as shared label maps, with a display node.

    Args:
        scene: the MRML scene.
        mask: what to show.
        reference: volume node it was drawn on; becomes the reference geometry and a node reference.
        name: name of the node; the mask's when None.
    """
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", scene.GenerateUniqueName(name or mask.name))
    node.CreateDefaultDisplayNodes()
    fill_segmentation_node(node, mask)
    if reference is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
    return node


def fill_segmentation_node(node: Any, mask: Mask) -> None:
    """Replace the segments of a segmentation node by those of a mask."""
    segmentation = import_slicer().vtkSegmentation()
    segmentation.SetSourceRepresentationName(LABELMAP)
    for segment, vtk_segment in _segments(mask):
        segmentation.AddSegment(vtk_segment, segment.id or segment.name)
    node.SetAndObserveSegmentation(segmentation)
    attributes.mark(node, mask.provenance)


def mask_from_node(node: Any, names: tuple[str, ...] = (), grid: Geometry | None = None) -> Mask:
    """The segments of a segmentation node; layers that share a label map stay one layer.

    Args:
        node: ``vtkMRMLSegmentationNode``.
        names: names or ids of the segments wanted, in order; all when empty.
        grid: the grid the mask is wanted on, usually the volume's; where a label map lies on it up to
            whole voxels it is copied exactly. The smallest box around all label maps when None.

    Raises:
        InputError: if a segment does not exist, a label map lies on another grid, or the parent
            transform is not linear.
    """
    name = node.GetName() or "segmentation"
    segmentation = node.GetSegmentation()
    if LABELMAP not in _representations(segmentation) and not segmentation.CreateRepresentation(LABELMAP):
        raise InputError(f"'{name}' holds no label map and none can be made. Paint or import a segment first.")
    world = placed(node)
    chosen = _chosen(segmentation, names, name)
    pieces: dict[int, tuple[npt.NDArray[Any] | None, Geometry | None]] = {}
    keys: list[int] = []
    for segment_id in chosen:
        image = segmentation.GetSegment(segment_id).GetRepresentation(LABELMAP)
        key = hash(image.GetAddressAsString("vtkObject"))
        keys.append(key)
        pieces.setdefault(key, _piece(image, world, name))
    known = [g for _, g in pieces.values() if g is not None]
    target = grid or (_union(known, name) if known else Geometry.from_spacing((1, 1, 1)))
    order = list(dict.fromkeys(keys))
    kind = np.result_type(np.uint8, *(a.dtype for a, _ in pieces.values() if a is not None))
    layers = np.zeros((max(1, len(order)), *target.shape), dtype=kind if kind.kind in "iu" else np.int32)
    for index, key in enumerate(order):
        array, geometry = pieces[key]
        if array is not None and geometry is not None:
            _paste(layers[index], target, array, geometry, name)
    segments = tuple(
        _segment_from(segmentation, segment_id, order.index(key))
        for segment_id, key in zip(chosen, keys, strict=True)
    )
    return Mask(layers, target, segments, name=name, provenance=attributes.provenance_of(node))


def _segments(mask: Mask) -> list[tuple[Segment, Any]]:
    slicer = import_slicer()
    layers = []
    for layer in mask.layers:
        kind = layer.dtype if layer.dtype.name in ("uint8", "int16", "uint16", "int32") else np.dtype(np.int32)
        image = image_from_array(np.ascontiguousarray(layer, dtype=kind), slicer.vtkOrientedImageData())
        image.SetGeometryFromImageToWorldMatrix(matrix_to_vtk(mask.geometry.ijk_to_ras))
        layers.append(image)
    result = []
    for segment in mask.segments:
        item = slicer.vtkSegment()
        item.SetName(segment.name)
        item.SetColor(*segment.colour)
        item.SetLabelValue(segment.label)
        item.AddRepresentation(LABELMAP, layers[segment.layer])
        if segment.terminology is not None:
            item.SetTag(_TERMINOLOGY_TAG, terminology_entry(segment.terminology))
        result.append((segment, item))
    return result


def _segment_from(segmentation: Any, segment_id: str, layer: int) -> Segment:
    item = segmentation.GetSegment(segment_id)
    entry = _tag(item, _TERMINOLOGY_TAG)
    terminology = parse_terminology_entry(entry) if entry else None
    red, green, blue = item.GetColor()
    return Segment(item.GetName(), item.GetLabelValue(), layer, (red, green, blue), terminology, segment_id)


def _tag(item: Any, name: str) -> str:
    from vtkmodules.vtkCommonCore import reference

    value: Any = reference("")
    return str(value.get()) if item.GetTag(name, value) else ""


def _chosen(segmentation: Any, names: tuple[str, ...], title: str) -> list[str]:
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    if not names:
        return ids
    titles = [segmentation.GetSegment(i).GetName() for i in ids]
    result = []
    for name in names:
        if name in ids:
            result.append(name)
        elif name in titles:
            result.append(ids[titles.index(name)])
        else:
            raise InputError(f"'{title}' has no segment '{name}'. It has: {', '.join(titles) or 'none'}.")
    return result


def _representations(segmentation: Any) -> list[str]:
    names: list[str] = []
    segmentation.GetContainedRepresentationNames(names)
    return names


def _piece(image: Any, world: npt.NDArray[np.float64], name: str) -> tuple[npt.NDArray[Any] | None, Geometry | None]:
    """Array and place of a label map whose extent may start anywhere; (None, None) when it is empty."""
    extent = image.GetExtent()
    if extent[1] < extent[0] or extent[3] < extent[2] or extent[5] < extent[4]:
        return None, None
    array = array_from_image(image, name)
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    matrix = vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    place = world @ matrix_from_vtk(matrix)
    place[:3, 3] += place[:3, :3] @ np.array([extent[0], extent[2], extent[4]], dtype=float)
    return array, Geometry(place, array.shape)  # type: ignore[arg-type]


def _offset(target: Geometry, piece: Geometry, name: str) -> tuple[int, int, int]:
    """Where a label map starts in the target's array, in whole voxels (K, J, I)."""
    corners = np.array([[(n - 1) * (b >> a & 1) for a, n in enumerate(piece.shape)] for b in range(8)])
    where = target.kji_from_ras(piece.ras_from_kji(corners)) - corners
    start = np.rint(where[0])
    if np.abs(where - start).max() > 1e-3:
        raise InputError(
            f"'{name}' lies on another voxel grid than the volume. Export and re-import it with the volume "
            "as reference, or set its source geometry to the volume in the Segment Editor."
        )
    k, j, i = (int(x) for x in start)
    return (k, j, i)


def _union(grids: list[Geometry], name: str) -> Geometry:
    first = grids[0]
    if all(g.same_grid(first) for g in grids):
        return first
    starts = np.array([_offset(first, g, name) for g in grids])
    stops = starts + np.array([g.shape for g in grids])
    low, high = starts.min(axis=0), stops.max(axis=0)
    matrix = first.ijk_to_ras.copy()
    matrix[:3, 3] = first.ras_from_kji(low)
    return Geometry(matrix, tuple(int(n) for n in high - low))  # type: ignore[arg-type]


def _paste(layer: npt.NDArray[Any], target: Geometry, array: npt.NDArray[Any], piece: Geometry, name: str) -> None:
    start = _offset(target, piece, name)
    into, source = [], []
    for first, size, room in zip(start, array.shape, target.shape, strict=True):
        low, high = max(0, first), min(room, first + size)
        if high <= low:
            return
        into.append(slice(low, high))
        source.append(slice(low - first, high - first))
    layer[tuple(into)] = array[tuple(source)]

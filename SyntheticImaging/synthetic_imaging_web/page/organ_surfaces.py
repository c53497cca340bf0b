"""Surfaces of organs for the 3-D view, computed in a thread on copies so that the page stays quick meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthetic_imaging.mask import Mask, Segment
from SyntheticImagingLib.mrml import image_from_array, matrix_to_vtk
from SyntheticImagingLib.segmentations import SURFACE

_MOST_VOXELS = 400_000
_FEWER_TRIANGLES = 0.75


@dataclass(frozen=True)
class Surface:
    """The surface of one segment, in patient coordinates."""

    segment: str
    polydata: Any


def surfaces_of(mask: Mask, names: Iterable[str]) -> list[Surface]:
    """One surface for each named segment; may run in any thread."""
    from scipy.ndimage import find_objects

    boxes = [find_objects(layer) for layer in mask.layers]
    found = []
    for name in names:
        segment = mask.segment(name)
        known = boxes[segment.layer]
        place = known[segment.label - 1] if segment.label <= len(known) else None
        made = _surface(mask, segment, place) if place is not None else None
        if made is not None:
            found.append(Surface(name, made))
    return found


def put_into(node: Any, surfaces: Iterable[Surface]) -> None:
    """Give a segmentation node surfaces computed elsewhere; on the main thread."""
    from vtkmodules.vtkCommonDataModel import vtkPolyData

    segmentation = node.GetSegmentation()
    made = {surface.segment: surface.polydata for surface in surfaces}
    for position in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(position)
        # All segments have a representation or none: those that are not shown get an empty one.
        segment.AddRepresentation(SURFACE, made.get(segment.GetName()) or vtkPolyData())
    node.GetDisplayNode().SetPreferredDisplayRepresentationName3D(SURFACE)
    node.Modified()


def _surface(mask: Mask, segment: Segment, place: tuple[slice, ...]) -> Any:
    from vtkmodules.vtkCommonTransforms import vtkMatrixToLinearTransform
    from vtkmodules.vtkFiltersCore import (
        vtkFlyingEdges3D,
        vtkPolyDataNormals,
        vtkQuadricDecimation,
        vtkWindowedSincPolyDataFilter,
    )
    from vtkmodules.vtkFiltersGeneral import vtkTransformPolyDataFilter

    stride = [1, 1, 1]
    while np.prod([(s.stop - s.start) // n + 1 for s, n in zip(place, stride, strict=True)]) > _MOST_VOXELS:
        spacing = np.array(mask.geometry.spacing_kji_mm) * stride
        stride[int(np.argmin(spacing))] *= 2
    thinned = tuple(slice(s.start, s.stop, n) for s, n in zip(place, stride, strict=True))
    # One empty voxel all round closes the surface where the organ touches the edge of the image.
    padded = np.pad(mask.layers[segment.layer][thinned] == segment.label, 1).astype(np.uint8)
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image_from_array(padded))
    edges.SetValue(0, 0.5)
    edges.ComputeNormalsOff()
    smooth = vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(edges.GetOutputPort())
    smooth.SetNumberOfIterations(18)
    smooth.SetPassBand(0.06)
    smooth.NonManifoldSmoothingOn()
    smooth.NormalizeCoordinatesOn()
    fewer = vtkQuadricDecimation()
    fewer.SetInputConnection(smooth.GetOutputPort())
    fewer.SetTargetReduction(_FEWER_TRIANGLES)
    placed = vtkTransformPolyDataFilter()
    transform = vtkMatrixToLinearTransform()
    transform.SetInput(matrix_to_vtk(_matrix(mask, place, stride)))
    placed.SetTransform(transform)
    placed.SetInputConnection(fewer.GetOutputPort())
    normals = vtkPolyDataNormals()
    normals.SetInputConnection(placed.GetOutputPort())
    normals.SplittingOff()
    normals.AutoOrientNormalsOn()
    normals.Update()
    return normals.GetOutput()


def _matrix(mask: Mask, place: tuple[slice, ...], stride: list[int]) -> Any:
    """Index (I, J, K) in the padded, thinned-out part -> patient."""
    step = np.diag([float(s) for s in stride[::-1]] + [1.0])
    step[:3, 3] = [s.start - n for s, n in zip(place[::-1], stride[::-1], strict=True)]
    return mask.geometry.ijk_to_ras @ step

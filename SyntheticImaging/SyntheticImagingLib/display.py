"""Showing what was made: signed difference, overlay, segment colours and opacities, first view of a scene."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from synthetic_imaging.errors import InputError
from synthetic_imaging.volume import Volume
from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.mrml import add_volume
from SyntheticImagingLib.segmentations import SURFACE

DIVERGING = "SyntheticImaging difference"
# Darker than before: blue to cyan. Brighter: red to yellow.
# No change is black, not white: in a dark viewer, and when added to an image, black is nothing.
_COLD = np.array([(0.0, 0.0, 0.0), (0.05, 0.35, 0.95), (0.50, 0.95, 1.0)])
_HOT = np.array([(0.0, 0.0, 0.0), (0.95, 0.25, 0.05), (1.0, 0.95, 0.45)])


def signed_difference(before: Volume, after: Volume, name: str = "difference") -> Volume:
    """After minus before, with its sign; window symmetric about zero.

    Slicer's Subtract blend clips at zero, so that a bright inserted lesion vanishes: hence a volume.

    Raises:
        InputError: if the two lie on different grids.
    """
    if not before.geometry.same_grid(after.geometry):
        raise InputError(f"'{after.name}' and '{before.name}' lie on different grids; no difference can be shown.")
    if before.voxels.dtype.kind == "f" or after.voxels.dtype.kind == "f":
        change: Any = after.voxels.astype(np.float32) - before.voxels.astype(np.float32)
    elif max(before.voxels.dtype.itemsize, after.voxels.dtype.itemsize) <= 2:
        # Difference as 32-bit only where something changed: a CT is 35 million voxels, a lesion some thousands.
        change = np.zeros(before.shape, dtype=np.int16)
        where = np.not_equal(before.voxels, after.voxels)
        values = after.voxels[where].astype(np.int32) - before.voxels[where].astype(np.int32)
        if values.size and np.abs(values).max() > np.iinfo(np.int16).max:
            change = change.astype(np.int32)
        change[where] = values
    else:
        change = after.voxels.astype(np.float64) - before.voxels.astype(np.float64)
    return Volume(
        change, after.geometry, modality=after.modality, quantity=after.quantity, unit=after.unit, name=name,
        window=(0.0, 2.0 * symmetric_limit(change)), provenance=after.provenance,
    )


def symmetric_limit(change: Any) -> float:
    """A round number that nearly all changed voxels stay below: 99 % of them."""
    values = np.abs(change[change != 0])
    if values.size == 0:
        return 1.0
    limit = float(np.percentile(values, 99))
    step = 10.0 ** np.floor(np.log10(limit)) / 2 if limit > 0 else 1.0
    return max(step, float(np.ceil(limit / step) * step))


def diverging_table(scene: Any) -> Any:
    """The scene's diverging colour table: black in the middle, cold below, hot above; saved with the scene."""
    nodes = scene.GetNodesByClass("vtkMRMLColorTableNode")
    for position in range(nodes.GetNumberOfItems()):
        if nodes.GetItemAsObject(position).GetName() == DIVERGING:
            return nodes.GetItemAsObject(position)
    table = import_slicer().vtkMRMLColorTableNode()
    table.SetName(DIVERGING)
    table.SetTypeToUser()
    table.SetNumberOfColors(256)
    table.SetNamesFromColors()
    for index in range(256):
        value = (index - 127.5) / 127.5
        ramp = _COLD if value < 0 else _HOT
        red, green, blue = (np.interp(abs(value), (0.0, 0.5, 1.0), ramp[:, c]) for c in range(3))
        table.SetColor(index, f"{value:+.2f}", float(red), float(green), float(blue), 1.0)
    scene.AddNode(table)
    return table


def add_difference(scene: Any, before: Volume, after: Volume, name: str = "difference") -> Any:
    """A new volume node of the signed difference with the diverging table and a symmetric window."""
    node = add_volume(scene, signed_difference(before, after, name))
    node.GetDisplayNode().SetAndObserveColorNodeID(diverging_table(scene).GetID())
    node.GetDisplayNode().SetInterpolate(True)
    return node


def show_segments(
    node: Any, fill: float = 0.0, outline: float = 1.0, opacity_3d: Mapping[str, float] | None = None,
    thickness: int = 2,
) -> None:
    """How a segmentation looks: outlines in slices; opacity of each segment in 3-D by name (1 for others)."""
    display = node.GetDisplayNode()
    display.SetVisibility2DFill(fill > 0)
    display.SetVisibility2DOutline(outline > 0)
    display.SetOpacity2DFill(max(fill, 0.0))
    display.SetOpacity2DOutline(outline)
    display.SetSliceIntersectionThickness(thickness)
    segmentation = node.GetSegmentation()
    for position in range(segmentation.GetNumberOfSegments()):
        identifier = segmentation.GetNthSegmentID(position)
        name = segmentation.GetSegment(identifier).GetName()
        display.SetSegmentOpacity3D(identifier, (opacity_3d or {}).get(name, 1.0))


def hide_in_slices(node: Any) -> None:
    """Show a segmentation in 3-D only."""
    display = node.GetDisplayNode()
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(False)
    display.SetVisibility2D(False)


def make_surfaces(node: Any, smoothing: float = 0.5) -> None:
    """Make the closed surfaces that 3-D views show."""
    segmentation = node.GetSegmentation()
    segmentation.SetConversionParameter("Smoothing factor", f"{smoothing:g}")
    segmentation.CreateRepresentation(SURFACE)
    node.GetDisplayNode().SetPreferredDisplayRepresentationName3D(SURFACE)


def layer_volumes(composite: Any, background: Any, foreground: Any = None, opacity: float = 0.0) -> None:
    """Put volumes into the layers of a slice view."""
    composite.SetBackgroundVolumeID(background.GetID() if background is not None else None)
    composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
    composite.SetForegroundOpacity(opacity if foreground is not None else 0.0)


def visible(nodes: Iterable[Any], shown: bool) -> None:
    """Show or hide segmentations."""
    for node in nodes:
        node.GetDisplayNode().SetVisibility(shown)

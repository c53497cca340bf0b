"""What a view shows, and whether any of it is synthetic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from SyntheticImagingLib.attributes import SYNTHETIC
from SyntheticImagingLib.segmentations import SURFACE
from SyntheticImagingLib.show.view_state import FIRST_ADDITIONAL_LAYER


def is_synthetic(node: Any) -> bool:
    """Whether a node says of itself that it is synthetic."""
    return node is not None and node.GetAttribute(SYNTHETIC) not in (None, "", "no")


def layer_nodes(scene: Any, composite: Any) -> list[Any]:
    """The volumes in the layers of a slice view; a layer of no opacity is not shown and does not count."""
    layers = [
        (composite.GetBackgroundVolumeID(), 1.0),
        (composite.GetForegroundVolumeID(), composite.GetForegroundOpacity()),
        (composite.GetLabelVolumeID(), composite.GetLabelOpacity()),
    ]
    for n in range(FIRST_ADDITIONAL_LAYER, FIRST_ADDITIONAL_LAYER + composite.GetNumberOfAdditionalLayers()):
        layers.append((composite.GetNthLayerVolumeID(n), composite.GetNthLayerOpacity(n)))
    nodes = (scene.GetNodeByID(identifier) for identifier, opacity in layers if identifier and opacity > 0)
    return [node for node in nodes if node is not None]


def shows_synthetic(scene: Any, composite: Any) -> bool:
    """Whether a slice view shows a synthetic volume in any layer."""
    return any(is_synthetic(node) for node in layer_nodes(scene, composite))


_SEEN = ("vtkMRMLVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLModelNode")


def can_be_seen(node: Any) -> bool:
    """Whether a node is of a kind that can be synthetic and be seen."""
    return any(node.IsA(kind) for kind in _SEEN)


def displayable_nodes(scene: Any) -> Iterator[Any]:
    """All volumes, segmentations and models: what can be synthetic and be seen."""
    for kind in _SEEN:
        nodes = scene.GetNodesByClass(kind)
        for position in range(nodes.GetNumberOfItems()):
            yield nodes.GetItemAsObject(position)


def visible_in_3d(node: Any) -> bool:
    """Whether a segmentation, a volume (by volume rendering) or a model is drawn in 3-D views."""
    if node.IsA("vtkMRMLSegmentationNode"):
        display = node.GetDisplayNode()
        segmentation = node.GetSegmentation()
        if display is None or segmentation is None or not (display.GetVisibility() and display.GetVisibility3D()):
            return False
        if not segmentation.ContainsRepresentation(SURFACE):
            return False
        ids = (segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments()))
        return any(display.GetSegmentVisibility(i) and display.GetSegmentVisibility3D(i) for i in ids)
    displays = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    if node.IsA("vtkMRMLVolumeNode"):
        displays = [d for d in displays if d is not None and d.IsA("vtkMRMLVolumeRenderingDisplayNode")]
    return any(d is not None and d.GetVisibility() and d.GetVisibility3D() for d in displays)

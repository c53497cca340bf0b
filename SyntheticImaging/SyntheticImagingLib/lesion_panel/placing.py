"""Places that were clicked in the slice views, as a point list. No Qt."""

from __future__ import annotations

from typing import Any

from SyntheticImagingLib import attributes

PLACES = "Lesion places"
_ROLE = attributes.PREFIX + "places"


def new_places(scene: Any) -> Any:
    """An empty point list for lesions, with points that are small and numbered."""
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", scene.GenerateUniqueName(PLACES))
    node.SetAttribute(_ROLE, "yes")
    node.SetControlPointLabelFormat("%d")
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetGlyphScale(1.6)
    display.SetTextScale(2.6)
    display.SetSelectedColor(1.0, 1.0, 1.0)
    return node


def loose_places(points: Any) -> Any:
    """A point list outside every scene, from anything like (N, 3) RAS millimetres.

    Raises:
        InputError: if these are no points.
    """
    from synthetic_imaging.points import Points
    from SyntheticImagingLib.headless import import_slicer

    node = import_slicer().vtkMRMLMarkupsFiducialNode()
    node.SetName("places")
    for ras in Points.of(points).ras_mm:
        node.AddControlPoint(*(float(x) for x in ras))
    return node

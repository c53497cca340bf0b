"""A colour bar beside a volume, in every view that shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from SyntheticImagingLib.headless import import_slicer

_LEGEND = "vtkMRMLColorLegendDisplayNode"


def show_legend(volume_node: Any, title: str, view_ids: Iterable[str] = ()) -> Any:
    """Show a colour bar with numbers for a volume in some views; None where the host has no colour legends."""
    slicer, scene = import_slicer(), volume_node.GetScene()
    logic = getattr(slicer, "vtkSlicerColorLogic", None)
    if logic is None or scene is None:
        return None
    if not scene.IsNodeClassRegistered(_LEGEND):  # without Slicer nobody may have made it known
        scene.RegisterNodeClass(getattr(slicer, _LEGEND)())
    legend = logic.GetColorLegendDisplayNode(volume_node)
    if legend is None:
        legend = logic.AddDefaultColorLegendDisplayNode(volume_node)
        if legend is None:
            return None
        # Made anew when needed; a program that does not know the kind could not open the scene.
        legend.SetSaveWithScene(False)
        legend.SetTitleText(title)
        legend.SetNumberOfLabels(5)
        legend.SetLabelFormat("%+.0f")
        legend.SetSize(0.045, 0.3)  # letters are made to fit its width
        legend.SetPosition(0.985, 0.5)
        for style, size in ((legend.GetTitleTextProperty(), 12), (legend.GetLabelTextProperty(), 11)):
            style.SetFontSize(size)
            style.SetShadow(True)
    legend.RemoveAllViewNodeIDs()
    for identifier in view_ids:
        legend.AddViewNodeID(identifier)
    legend.SetVisibility(True)
    return legend


def hide_legend(volume_node: Any) -> None:
    """Take a volume's colour bar away, if it has one."""
    logic = getattr(import_slicer(), "vtkSlicerColorLogic", None)
    scene = volume_node.GetScene() if volume_node is not None else None
    if logic is None or scene is None:
        return
    legend = logic.GetColorLegendDisplayNode(volume_node)
    if legend is not None:
        scene.RemoveNode(legend)

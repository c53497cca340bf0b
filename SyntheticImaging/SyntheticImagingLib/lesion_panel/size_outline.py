"""A circle drawn to scale where a lesion will be: a sphere whose outline the slice views show. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from SyntheticImagingLib import attributes
from SyntheticImagingLib.headless import import_slicer

_COLOUR = (1.0, 1.0, 1.0)  # no lesion and no organ is white


class SizeOutline:
    """Spheres of the lesion's diameter at the clicked places, shown as thin outlines in slices only.

    The model is not saved with the scene and is hidden from lists.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._node: Any = None

    def show(self, places: Sequence[Sequence[float]], diameter_mm: float | None) -> None:
        """Draw one sphere a place; none without places or a diameter."""
        if not places or not diameter_mm:
            self.hide()
            return
        node = self._model()
        node.SetAndObservePolyData(_spheres(places, diameter_mm / 2.0))
        node.GetDisplayNode().SetVisibility(True)

    def hide(self) -> None:
        """Show nothing."""
        if self._alive():
            self._node.GetDisplayNode().SetVisibility(False)

    def close(self) -> None:
        """Take the model out of the scene."""
        if self._alive():
            display = self._node.GetDisplayNode()
            self._scene.RemoveNode(self._node)
            if display is not None and self._scene.IsNodePresent(display):
                self._scene.RemoveNode(display)
        self._node = None

    @property
    def node(self) -> Any:
        """The model node, or None while nothing has been shown."""
        return self._node if self._alive() else None

    def _alive(self) -> bool:
        return self._node is not None and bool(self._scene.IsNodePresent(self._node))

    def _model(self) -> Any:
        if self._alive():
            return self._node
        node = import_slicer().vtkMRMLModelNode()
        node.SetName("Size of the lesion")
        node.SetAttribute(attributes.PREFIX + "sizeOutline", "yes")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        node.SetSelectable(False)
        self._scene.AddNode(node)  # only now: lists and trees pass over what is hidden from the start
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetColor(*_COLOUR)
        display.SetVisibility2D(True)
        display.SetVisibility3D(False)
        display.SetSliceIntersectionThickness(2)
        self._node = node
        return node


def _spheres(places: Sequence[Sequence[float]], radius_mm: float) -> Any:
    from vtkmodules.vtkFiltersCore import vtkAppendPolyData
    from vtkmodules.vtkFiltersSources import vtkSphereSource

    together = vtkAppendPolyData()
    for place in places:
        sphere = vtkSphereSource()
        sphere.SetCenter(*(float(x) for x in place))
        sphere.SetRadius(radius_mm)
        sphere.SetThetaResolution(48)
        sphere.SetPhiResolution(32)
        sphere.Update()
        together.AddInputData(sphere.GetOutput())
    together.Update()
    return together.GetOutput()

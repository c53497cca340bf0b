"""Where a result is unsure, laid over the image in colours; what is surer than a limit stays clear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.show.host import SliceView, ViewHost
from SyntheticImagingLib.show.view_state import KeptViews

TABLE = "SyntheticImaging uncertainty"
OPACITY = 0.65
FIRST_LIMIT = 0.25
_RAMP = np.array([(0.35, 0.05, 0.45), (0.90, 0.25, 0.20), (1.00, 0.95, 0.45)])


class DoubtOverlay:
    """Shows a map of uncertainty over an image.

    Attributes:
        shown: whether it is shown now.
    """

    def __init__(
        self, views: ViewHost, image: Any, doubt: Any, limit: float = FIRST_LIMIT, largest: float = 1.0,
        wanted: Callable[[SliceView], bool] = lambda view: True,
    ) -> None:
        """Prepare it; nothing is shown yet.

        Args:
            views: the views.
            image: volume node under it.
            doubt: volume node of the map: 0 is sure, the larger the less.
            limit: less uncertain voxels are clear.
            largest: from here on the colour is the last one; 1 for a map that ends there.
            wanted: asked with each slice view whether it is to be shown there.
        """
        self._views, self._image, self._doubt, self._wanted = views, image, doubt, wanted
        self._kept = KeptViews(views)
        self._largest = largest
        self._limit = limit
        self.shown = False

    @property
    def limit(self) -> float:
        """Less uncertain voxels are clear."""
        return self._limit

    @limit.setter
    def limit(self, limit: float) -> None:
        self._limit = min(max(float(limit), 0.0), self._largest)
        if self.shown:
            self._colour()

    def show(self) -> None:
        """Lay it over the image in the wanted slice views."""
        self.shown = True
        self._colour()
        for view in filter(self._wanted, self._views.slice_views()):
            self._kept.keep(view)
            view.composite_node.SetBackgroundVolumeID(self._image.GetID())
            view.composite_node.SetForegroundVolumeID(self._doubt.GetID())
            view.composite_node.SetForegroundOpacity(OPACITY)
            view.render()

    def hide(self) -> None:
        """The views' own layers come back; slices stay where they are."""
        if self.shown:
            self.shown = False
            ours = self._doubt.GetID()
            self._kept.give_back(lambda node: node.GetForegroundVolumeID() == ours, places=False)

    def _colour(self) -> None:
        display = self._doubt.GetDisplayNode()
        display.SetAndObserveColorNodeID(uncertainty_table(self._views.scene).GetID())
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(0.0, self._largest)
        display.SetAutoThreshold(False)
        display.SetThreshold(max(self._limit, 1e-6 * self._largest), 1e6 * self._largest)
        display.SetApplyThreshold(True)


def uncertainty_table(scene: Any) -> Any:
    """The scene's colour table of uncertainty, violet to yellow; saved with the scene."""
    nodes = scene.GetNodesByClass("vtkMRMLColorTableNode")
    for position in range(nodes.GetNumberOfItems()):
        if nodes.GetItemAsObject(position).GetName() == TABLE:
            return nodes.GetItemAsObject(position)
    table = import_slicer().vtkMRMLColorTableNode()
    table.SetName(TABLE)
    table.SetTypeToUser()
    table.SetNumberOfColors(256)
    table.SetNamesFromColors()
    for index in range(256):
        value = index / 255
        red, green, blue = (float(np.interp(value, (0.0, 0.5, 1.0), _RAMP[:, c])) for c in range(3))
        table.SetColor(index, f"{value:.2f}", red, green, blue, 1.0)
    scene.AddNode(table)
    return table

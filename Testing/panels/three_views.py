"""Three slice views without a window, for tests of what shows results."""

from __future__ import annotations

from typing import Any


class Views:
    """Three slice views without a window, and the layout that is shown."""

    def __init__(self, scene: Any) -> None:
        import slicer

        from SyntheticImagingLib.show import SliceView

        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
        self.scene, self._layout, self.drawn, self.known = scene, 3, 0, {3: ""}
        self._views = []
        for name, orientation in (("Red", "Axial"), ("Yellow", "Sagittal"), ("Green", "Coronal")):
            node = scene.AddNewNodeByClass("vtkMRMLSliceNode", name)
            node.SetLayoutName(name)
            node.SetOrientation(orientation)
            composite = scene.AddNode(slicer.vtkMRMLSliceCompositeNode())
            composite.SetLayoutName(name)
            self._views.append(SliceView(name, orientation, node, composite, None, self._draw))

    def _draw(self) -> None:
        self.drawn += 1

    def slice_views(self) -> list[Any]:
        return list(self._views)

    def renderers_3d(self) -> list[Any]:
        return []

    def layout(self) -> int:
        return self._layout

    def set_layout(self, layout: int) -> None:
        assert layout in self.known
        self._layout = layout

    def add_layout(self, layout: int, xml: str) -> None:
        self.known[layout] = xml

    def layers(self) -> tuple[Any, Any, float]:
        """Nodes and opacity of the red view."""
        composite = self._views[0].composite_node
        nodes = [
            self.scene.GetNodeByID(node_id) if node_id else None
            for node_id in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
        ]
        return nodes[0], nodes[1], composite.GetForegroundOpacity()

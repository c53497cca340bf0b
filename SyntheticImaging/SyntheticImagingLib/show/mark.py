"""The words "Synthetic, research use" in the corner of every view that shows something synthetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.pictures import SYNTHETIC_LABEL
from SyntheticImagingLib.show.corner_text import CornerText
from SyntheticImagingLib.show.host import ViewHost
from SyntheticImagingLib.show.observing import Watch, weakly
from SyntheticImagingLib.show.shown import can_be_seen, displayable_nodes, is_synthetic, shows_synthetic, visible_in_3d


class SyntheticMark:
    """Marks the views of a host for as long as it is open.

    It follows by itself what views show and what comes into the scene; call `update` when views were added or
    removed (hosts that tell of such changes are listened to).
    """

    def __init__(self, host: ViewHost) -> None:
        self.host = host
        self._texts: dict[int, CornerText] = {}
        self._standing: dict[str, bool] = {}
        self._views, self._nodes, self._scene = Watch(), Watch(), Watch()
        scene = host.scene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
            self._scene.on_node(scene, event, self._node_came_or_went)
        for event in (scene.EndBatchProcessEvent, scene.EndCloseEvent, scene.EndImportEvent):
            self._scene.on(scene, event, self._scene_changed)
        tell: Any = getattr(host, "on_views_changed", None)
        self._untell: Callable[[], None] = tell(weakly(self.update)) if tell is not None else (lambda: None)
        self.update()

    def update(self) -> None:
        """Look at all views anew: those that came get a mark, those that went lose it."""
        slices, spaces = self.host.slice_views(), self.host.renderers_3d()
        present = {id(r): r for r in [*(v.renderer for v in slices), *(r for r, _ in spaces)]}
        for key in [k for k in self._texts if k not in present]:
            self._texts.pop(key).close()
        for key, renderer in present.items():
            if key not in self._texts:
                self._texts[key] = CornerText(renderer, SYNTHETIC_LABEL)
        self._views.close()
        for view in slices:
            self._views.on(view.composite_node, "ModifiedEvent", self._look)
            self._views.on(view.slice_node, "ModifiedEvent", self._slice_changed)
        self._follow_nodes()
        self._look()

    def shown_in(self, renderer: Any) -> bool:
        """Whether a view's mark is shown now."""
        text = self._texts.get(id(renderer))
        return text is not None and text.visible

    def close(self) -> None:
        """Take all marks away and stop following."""
        self._untell()
        for watch in (self._views, self._nodes, self._scene):
            watch.close()
        for text in self._texts.values():
            text.close()
        self._texts.clear()

    def _node_came_or_went(self, node: Any) -> None:
        if node is None or can_be_seen(node) or node.IsA("vtkMRMLSliceCompositeNode"):
            self._scene_changed()

    def _scene_changed(self, *_: Any) -> None:
        scene = self.host.scene
        if not scene.IsBatchProcessing() and not scene.IsClosing():
            self.update()

    def _slice_changed(self, node: Any, _event: str) -> None:
        # A slice moves with every turn of the wheel; only whether it stands in 3-D views matters here.
        name, standing = node.GetID(), bool(node.GetSliceVisible())
        if self._standing.get(name) != standing:
            self._standing[name] = standing
            self._look_in_3d()

    def _follow_nodes(self) -> None:
        """Hear of nodes that begin or cease to be seen, or to be synthetic."""
        scene = self.host.scene
        self._nodes.close()
        # All of them, since a node may be told that it is synthetic long after it came into the scene.
        for node in displayable_nodes(scene):
            self._nodes.on(node, "ModifiedEvent", self._look)
            self._nodes.on(node, node.DisplayModifiedEvent, self._look)
            if node.IsA("vtkMRMLSegmentationNode"):
                surfaces_made = import_slicer().vtkSegmentation.ContainedRepresentationNamesModified
                self._nodes.on(node, surfaces_made, self._look)

    def _look(self, *_: Any) -> None:
        scene = self.host.scene
        if scene.IsBatchProcessing() or scene.IsClosing():
            return
        for view in self.host.slice_views():
            self._set(view.renderer, shows_synthetic(scene, view.composite_node), view.render)
        self._look_in_3d()

    def _look_in_3d(self, *_: Any) -> None:
        scene = self.host.scene
        if scene.IsBatchProcessing() or scene.IsClosing():
            return
        views = self.host.slice_views()
        standing = [v for v in views if v.slice_node.GetSliceVisible()]
        shown = any(is_synthetic(node) and visible_in_3d(node) for node in displayable_nodes(scene)) or any(
            shows_synthetic(scene, v.composite_node) for v in standing
        )
        for renderer, render in self.host.renderers_3d():
            self._set(renderer, shown, render)

    def _set(self, renderer: Any, shown: bool, render: Callable[[], None]) -> None:
        text = self._texts.get(id(renderer))
        if text is not None and text.visible != shown:
            text.visible = shown
            render()

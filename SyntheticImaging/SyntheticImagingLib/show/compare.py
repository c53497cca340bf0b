"""Before and after by eye: flicker, overlay, side by side, difference, checkerboard; and the user's views back."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from SyntheticImagingLib.mrml import volume_from_node
from SyntheticImagingLib.show.corner_text import CornerText
from SyntheticImagingLib.show.derived import (
    checkerboard_node,
    derived_nodes,
    difference_node,
    grids_differ,
    remove_derived,
)
from SyntheticImagingLib.show.host import SliceView, ViewHost
from SyntheticImagingLib.show.layouts import AFTER_VIEW, BEFORE_VIEW, SIDE_BY_SIDE_LAYOUT, side_by_side_xml
from SyntheticImagingLib.show.legend import hide_legend, show_legend
from SyntheticImagingLib.show.observing import Watch
from SyntheticImagingLib.show.outlines import Outlines
from SyntheticImagingLib.show.slice_link import SliceLink
from SyntheticImagingLib.show.view_state import KeptViews, at_once, copy_place, show_whole
from SyntheticImagingLib.show.window_link import WindowLink, own_display, unshare_display


class Mode(str, Enum):
    """How before and after are shown."""

    BEFORE = "before"
    AFTER = "after"
    OVERLAY = "overlay"
    SIDE_BY_SIDE = "side by side"
    DIFFERENCE = "difference"
    CHECKERBOARD = "checkerboard"


_VOXEL_BY_VOXEL = (Mode.DIFFERENCE, Mode.CHECKERBOARD)
_WHITE = (0.92, 0.92, 0.92)
_OUTLINED = (Mode.OVERLAY, Mode.SIDE_BY_SIDE)


class Comparison:
    """Shows two volumes against each other in the host's slice views.

    Nothing changes before the first `mode` is set; `restore` brings back the user's layout, layers, links and slice
    positions. Window and level are copied from before to after once, and kept the same from then on.

    Args:
        host: the views.
        before_node, after_node: scalar volume nodes.
        segmentation_node: lesions, outlined in the overlay and beside "before"; or None.
        difference_node: the change from before to after where it is known; else it is made when first asked for.

    Raises:
        InputError: if a volume holds no image or is not in the scene, or before and after are the same.
    """

    def __init__(
        self, host: ViewHost, before_node: Any, after_node: Any, segmentation_node: Any = None,
        difference_node: Any = None,
    ) -> None:
        if before_node is None or after_node is None or before_node is after_node:
            raise InputError("Choose two different volumes to compare.")
        self.host, self.scene = host, host.scene
        self.before, self.after, self.segmentation = before_node, after_node, segmentation_node
        self._different = ""
        gone = self.why_not(Mode.AFTER)
        if gone:
            raise InputError(gone)
        self._grid, self._different = self._read_grids()
        self._mode: Mode | None = None
        self._last: Mode = Mode.OVERLAY
        self._opacities = {Mode.OVERLAY: 1.0, Mode.DIFFERENCE: 1.0}
        self._checker_mm, self._alone, self._side = 20.0, False, "Axial"
        self._kept: KeptViews | None = None
        self._captions: dict[str, CornerText] = {}
        self._hung: dict[str, str] = {}
        self._layout = 0
        self._outline: bool | None = None
        self._outlines = Outlines(segmentation_node)
        self._difference: Any = difference_node
        self._board: Any = None
        self._corner: tuple[float, float, float] | None = None
        self._board_is: tuple[Any, ...] = ()
        self._windows, self._pair, self._watch = WindowLink(), SliceLink(), Watch()
        self._pending = False
        self._windows.add(own_display(before_node))
        self._windows.add(unshare_display(after_node, before_node))
        self._watch.on_node(self.scene, self.scene.NodeRemovedEvent, self._node_removed)
        for event in (self.scene.EndBatchProcessEvent, self.scene.EndCloseEvent):
            self._watch.on(self.scene, event, self._scene_settled)

    # What is shown

    @property
    def mode(self) -> Mode | None:
        """What the views show now; None before the first and after `restore`. Setting it changes the views.

        Raises:
            InputError: if the two lie on different grids, or a volume was removed; the views stay as they are.
        """
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        mode = Mode(mode)
        reason = self.why_not(mode)
        if reason:
            raise InputError(reason)
        self._derive(mode)
        if self._mode is not None and self._mode not in (mode, Mode.DIFFERENCE):
            self._last = self._mode
        self._mode = mode
        self._show()

    @property
    def opacity(self) -> float:
        """Of what is laid over: "after" in the overlay, the colours in the difference; 0 to 1, each its own."""
        return self._opacities[self._over]

    @opacity.setter
    def opacity(self, value: float) -> None:
        self._opacities[self._over] = min(1.0, max(0.0, float(value)))
        if self._mode is Mode.OVERLAY or (self._mode is Mode.DIFFERENCE and not self._alone):
            for view in self._user_views():
                view.composite_node.SetForegroundOpacity(self.opacity)
                view.render()

    @property
    def _over(self) -> Mode:
        return Mode.DIFFERENCE if self._mode is Mode.DIFFERENCE else Mode.OVERLAY

    @property
    def checker_mm(self) -> float:
        """Width of the checkerboard's blocks in millimetres of the patient."""
        return self._checker_mm

    @checker_mm.setter
    def checker_mm(self, value: float) -> None:
        self._checker_mm = max(1.0, float(value))
        self._refresh(Mode.CHECKERBOARD)

    @property
    def difference_alone(self) -> bool:
        """Whether the difference is shown without the image under it."""
        return self._alone

    @difference_alone.setter
    def difference_alone(self, alone: bool) -> None:
        self._alone = bool(alone)
        self._refresh(Mode.DIFFERENCE)

    @property
    def outlines(self) -> bool:
        """Whether lesions are outlined in the mode shown now; setting it holds until the mode changes."""
        return self._mode in _OUTLINED if self._outline is None else self._outline

    @outlines.setter
    def outlines(self, shown: bool) -> None:
        self._outline = bool(shown)
        if self._mode is not None:
            self._show_outlines()

    @property
    def side_orientation(self) -> str:
        """Plane of the two views side by side: "Axial", "Coronal" or "Sagittal"."""
        return self._side

    @side_orientation.setter
    def side_orientation(self, orientation: str) -> None:
        self._side = orientation
        self._refresh(Mode.SIDE_BY_SIDE)

    @property
    def difference_node(self) -> Any:
        """The volume node of the signed difference, once it has been made."""
        return self._difference

    def why_not(self, mode: Mode) -> str:
        """A sentence on why a mode cannot be shown now; "" if it can."""
        for node, what in ((self.before, "before"), (self.after, "after")):
            if not self.scene.IsNodePresent(node):
                return f"The image {what} is no longer in the scene."
        return self._different if mode in _VOXEL_BY_VOXEL else ""

    def flicker(self) -> None:
        """Before, after, before, ... in the same views."""
        self.mode = Mode.AFTER if self._mode is Mode.BEFORE else Mode.BEFORE

    def toggle(self, mode: Mode) -> None:
        """Show a mode, or what was shown before it if it is shown already."""
        self.mode = self._last if self._mode is mode and self._last is not mode else mode

    def jump_to(self, ras: Sequence[float]) -> None:
        """Centre all slice views on a point (RAS mm); zoom stays. The checkerboard's blocks meet there."""
        r, a, s = (float(x) for x in ras)
        self._corner = (r, a, s)
        self._refresh(Mode.CHECKERBOARD)
        for view in self.host.slice_views():
            view.slice_node.JumpSliceByCentering(r, a, s)
            view.render()

    def update(self) -> None:
        """Show the mode in views that have come up meanwhile; a layout that the user has left is not forced on him."""
        left = self._mode is Mode.SIDE_BY_SIDE and self.host.layout() != SIDE_BY_SIDE_LAYOUT
        if self._mode is not None and not left and not self.why_not(self._mode):
            self._show()

    def restore(self, places: bool = True) -> None:
        """The user's layout, layers, links and slice positions as they were; the comparison can be used again.

        Args:
            places: whether slices go back to where they were; if not, they stay where the user looks now.
        """
        if self._mode is None:
            return
        self._mode, self._outline = None, None
        self._leave_pair()
        hide_legend(self._difference)
        self._outlines.give_back()
        if self.host.layout() == SIDE_BY_SIDE_LAYOUT:
            self.host.set_layout(self._layout)
        if self._kept is not None:
            self._kept.give_back(places=places)
            self._kept = None
        remove_derived(self.scene, self._board)
        self._board = None
        for view in self.host.slice_views():
            view.render()

    def close(self, places: bool = True) -> None:
        """`restore`, and stop following the two volumes."""
        self.restore(places)
        self._windows.close()
        self._watch.close()

    # How it is shown

    def _read_grids(self) -> tuple[Geometry, str]:
        before, after = volume_from_node(self.before), volume_from_node(self.after)
        return after.geometry, grids_differ(before.name, before.geometry, after.name, after.geometry)

    def _derive(self, mode: Mode) -> None:
        """Make what a mode shows, before any view is touched."""
        if mode is Mode.DIFFERENCE and not self._present(self._difference):
            self._difference = difference_node(self.scene, self.before, self.after)
        wanted = (self._checker_mm, self._corner)
        if mode is Mode.CHECKERBOARD and not (self._present(self._board) and self._board_is == wanted):
            known = self._board if self._present(self._board) else None
            self._board = checkerboard_node(self.scene, self.before, self.after, *wanted, known)
            self._board_is = wanted
            self._windows.add(self._board.GetDisplayNode())

    def _refresh(self, mode: Mode) -> None:
        if self._mode is mode and not self.why_not(mode):
            self._derive(mode)
            self._show()

    def _show(self) -> None:
        if self._kept is None:
            self._kept, self._layout = KeptViews(self.host), self.host.layout()
        side = self._mode is Mode.SIDE_BY_SIDE
        if not side and self.host.layout() == SIDE_BY_SIDE_LAYOUT:
            self._leave_pair()
            self.host.set_layout(self._layout)
        user_views = self._user_views()
        for view in user_views:
            if self._kept.keep(view):
                self._hung[view.name] = view.orientation
                self._align(view)
        if side:
            self._show_pair(user_views)
        else:
            for view in user_views:
                self._lay(view)
                view.render()
        self._show_outlines()
        if self._mode is Mode.DIFFERENCE:
            unit = volume_from_node(self.after).unit
            ids = [v.slice_node.GetID() for v in user_views]
            show_legend(self._difference, f"Change ({unit})" if unit else "Change", ids)
        else:
            hide_legend(self._difference)

    def _user_views(self) -> list[SliceView]:
        return [v for v in self.host.slice_views() if v.name not in (BEFORE_VIEW, AFTER_VIEW)]

    def _lay(self, view: SliceView) -> None:
        under, over, opacity = self.before, None, 0.0
        if self._mode is Mode.AFTER:
            under = self.after
        elif self._mode is Mode.OVERLAY:
            over, opacity = self.after, self.opacity
        elif self._mode is Mode.CHECKERBOARD:
            # Over the image before: a scene that is saved now and opened again shows that, the board being left out.
            over, opacity = self._board, 1.0
        elif self._mode is Mode.DIFFERENCE:
            # Over the image before: the change is what came to it.
            under, over, opacity = (self._difference, None, 0.0) if self._alone else (
                self.before, self._difference, self.opacity
            )
        _set_layers(view.composite_node, under, over, opacity)

    def _show_pair(self, user_views: list[SliceView]) -> None:
        like = next((v for v in user_views if self._hung.get(v.name) == self._side), None)
        fresh = self.host.layout() != SIDE_BY_SIDE_LAYOUT
        if fresh:
            self._layout = self.host.layout()
            self.host.add_layout(SIDE_BY_SIDE_LAYOUT, side_by_side_xml())
            self.host.set_layout(SIDE_BY_SIDE_LAYOUT)
        views = {v.name: v for v in self.host.slice_views()}
        pair = [views[name] for name in (BEFORE_VIEW, AFTER_VIEW) if name in views]
        for view, volume in zip(pair, (self.before, self.after), strict=False):
            if self._kept is not None:
                self._kept.keep(view)
            _set_layers(view.composite_node, volume, None, 0.0)
            view.composite_node.SetLinkedControl(True)
            view.composite_node.SetHotLinkedControl(True)
            turned = view.slice_node.GetOrientation() not in (self._side, "Reformat")
            if fresh or turned:
                view.slice_node.SetOrientation(self._side)
                self._align(view)
                if like is not None:
                    copy_place(like.slice_node, view.slice_node)
                else:
                    show_whole(view.slice_node, self.after)
            view.render()
            if view.name not in self._captions:
                self._captions[view.name] = CornerText(view.renderer, view.name.capitalize(), True, _WHITE)
                self._captions[view.name].visible = True
        if len(pair) == 2:
            self._pair.link(pair[0].slice_node, pair[1].slice_node)

    def _leave_pair(self) -> None:
        self._pair.close()
        for caption in self._captions.values():
            caption.close()
        self._captions.clear()

    def _align(self, view: SliceView) -> None:
        """Turn a standard view into the plane of an oblique image, so that voxels are shown as they are."""
        in_plane = np.abs(self._grid.directions_ras[:, :2])
        oblique = bool((in_plane.max(axis=0) < 1 - 1e-4).any())
        if oblique and view.slice_node.GetOrientation() in ("Axial", "Coronal", "Sagittal"):
            view.slice_node.RotateToVolumePlane(self.after)

    def _show_outlines(self) -> None:
        beside = [v.slice_node.GetID() for v in self.host.slice_views() if v.name == AFTER_VIEW]
        self._outlines.show(self.outlines, beside if self._mode is Mode.SIDE_BY_SIDE else ())

    # What else happens in the scene

    def _present(self, node: Any) -> bool:
        return node is not None and bool(self.scene.IsNodePresent(node))

    def _node_removed(self, node: Any) -> None:
        if node is None or self.scene.IsClosing():
            return
        if node is self.after or node is self.before:
            for derived in derived_nodes(self.scene, node):
                remove_derived(self.scene, derived)
        if node in (self.after, self.before, self._difference, self._board):
            self._pending = True
            if not self.scene.IsBatchProcessing():
                self._scene_settled()

    def _scene_settled(self, *_: Any) -> None:
        """What the views showed is gone: give them back, once the scene is at rest."""
        gone = self._pending or not (self._present(self.before) and self._present(self.after))
        self._pending = False
        shown = {Mode.DIFFERENCE: self._difference, Mode.CHECKERBOARD: self._board}
        if gone and self._mode is not None:
            needed = (self.before, self.after, shown.get(self._mode, self.before))
            if not all(self._present(node) for node in needed):
                self.restore()


def _set_layers(composite: Any, under: Any, over: Any, opacity: float) -> None:
    with at_once(composite):
        composite.SetBackgroundVolumeID(under.GetID())
        composite.SetForegroundVolumeID(over.GetID() if over is not None else None)
        composite.SetForegroundOpacity(opacity)
        composite.SetCompositing(composite.Alpha)

"""A layout for a computed sequence: inputs, result and uncertainty, in views that move together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from SyntheticImagingLib.show.corner_text import CornerText
from SyntheticImagingLib.show.host import SliceView, ViewHost
from SyntheticImagingLib.show.slice_link import SliceLink
from SyntheticImagingLib.show.view_state import KeptViews, at_once, fit_in_plane, show_whole

FIRST_LAYOUT = 6220  # Slicer's own layouts end below 100; before and after side by side is 6210
MOST_INPUTS = 4
GIVEN_VIEWS = tuple(f"given{number}" for number in range(1, MOST_INPUTS + 1))
COMPUTED_VIEW, UNSURE_VIEW = "computed", "unsure"
ROW_VIEWS = (*GIVEN_VIEWS, COMPUTED_VIEW, UNSURE_VIEW)
_FOUR_UP = 3  # Slicer's vtkMRMLLayoutNode.SlicerLayoutFourUpView
_GROUP = 622  # a view group of their own: moving them does not move the user's views
_WHITE = (0.92, 0.92, 0.92)
_COLOURS = {"given": "#8C959D", COMPUTED_VIEW: "#F2C55C", UNSURE_VIEW: "#B072C8"}
_VIEW = """<item><view class="vtkMRMLSliceNode" singletontag="{name}">
 <property name="orientation" action="default">Axial</property>
 <property name="viewlabel" action="default">{label}</property>
 <property name="viewcolor" action="default">{colour}</property>
 <property name="viewgroup" action="default">{group}</property>
</view></item>"""


def row_layout(inputs: int, unsure: bool) -> int:
    """Number of the layout for so many inputs, with or without a view of the uncertainty."""
    return FIRST_LAYOUT + 2 * inputs + unsure


def row_xml(inputs: int, unsure: bool) -> str:
    """Inputs above each other at the left, the result and its uncertainty beside them, for Slicer's layout node."""
    given = "".join(_view(name, f"input {n}") for n, name in enumerate(GIVEN_VIEWS[:inputs], start=1))
    left = f'<item><layout type="vertical" split="true">{given}</layout></item>'
    right = _view(COMPUTED_VIEW, "result") + (_view(UNSURE_VIEW, "uncertainty") if unsure else "")
    return f'<layout type="horizontal" split="true">{left}{right}</layout>'


def is_row(layout: int) -> bool:
    """Whether a layout is one of these."""
    return FIRST_LAYOUT < layout <= row_layout(MOST_INPUTS, True)


def leave_row(host: ViewHost) -> None:
    """Slicer's usual views, where a scene that was saved in the row was opened: nobody knows the user's own."""
    if is_row(host.layout()):
        host.set_layout(_FOUR_UP)


class LinkedRow:
    """Shows inputs, result and uncertainty beside each other.

    Args:
        host: the views.
        given: (what it is, volume node) of each input, four at most.
        result: (what it is, volume node).
        unsure: whether there is a view for the uncertainty; it shows the result, for colours to be laid over.
    """

    def __init__(
        self, host: ViewHost, given: Sequence[tuple[str, Any]], result: tuple[str, Any], unsure: bool
    ) -> None:
        self._host, self._given, self._result, self._unsure = host, tuple(given)[:MOST_INPUTS], result, unsure
        self._link = SliceLink()
        self._kept = KeptViews(host)
        self._captions: dict[str, CornerText] = {}
        self._before = 0
        self._plane = "Axial"
        self.shown = False

    @property
    def plane(self) -> str:
        """"Axial", "Coronal" or "Sagittal"."""
        return self._plane

    @plane.setter
    def plane(self, plane: str) -> None:
        self._plane = plane
        if self.shown:
            self._link.close()
            views = self._views()
            for view, _words, _node in views:
                view.slice_node.SetOrientation(plane)
                self._align(view)
            self._fit(views)

    def show(self) -> None:
        """The layout of the row, at the place that the user's own view of this plane shows."""
        layout = row_layout(len(self._given), self._unsure)
        if self._host.layout() != layout:
            self._before = self._host.layout()
            self._host.add_layout(layout, row_xml(len(self._given), self._unsure))
            self._host.set_layout(layout)
        self.shown = True
        views = self._views()
        for view, words, node in views:
            self._kept.keep(view)
            with at_once(view.composite_node):
                view.composite_node.SetBackgroundVolumeID(node.GetID())
                view.composite_node.SetForegroundVolumeID(None)
                view.composite_node.SetLabelVolumeID(None)
                view.composite_node.SetLinkedControl(True)
                view.composite_node.SetHotLinkedControl(True)
            view.slice_node.SetOrientation(self._plane)
            self._align(view)
            if view.name not in self._captions:
                self._captions[view.name] = CornerText(view.renderer, words, True, _WHITE, 1)
                self._captions[view.name].visible = True
        self._fit(views)

    def fit(self) -> None:
        """Show the whole slice in each view again, once the host has given the views their sizes."""
        if self.shown:
            self._link.close()  # it would take this for a zoom of the user
            views = self._views()
            for view, _words, _node in views:
                self._fit_one(view.slice_node)
                # A view that is given its size and another zoom at once goes on drawing with the zoom before.
                view.slice_node.Modified()
                view.render()
            self._move_together(views)

    def leave(self) -> None:
        """The user's own layout."""
        if not self.shown:
            return
        self.shown = False
        self._link.close()
        for caption in self._captions.values():
            caption.close()
        self._captions.clear()
        if is_row(self._host.layout()):
            self._host.set_layout(self._before or _FOUR_UP)
        self._kept.give_back()

    def _views(self) -> list[tuple[SliceView, str, Any]]:
        """The views of the row with what each shows, from the left."""
        named = {view.name: view for view in self._host.slice_views()}
        shown = [*zip(GIVEN_VIEWS, self._given, strict=False), (COMPUTED_VIEW, self._result)]
        if self._unsure:
            shown.append((UNSURE_VIEW, ("Uncertainty", self._result[1])))
        return [(named[name], words, node) for name, (words, node) in shown if name in named]

    def _fit(self, views: list[tuple[SliceView, str, Any]]) -> None:
        own = [v for v in self._host.slice_views() if v.name not in ROW_VIEWS and v.orientation == self._plane]
        shows = own[0].composite_node.GetBackgroundVolumeID() if own else None
        for view, _words, _node in views:
            show_whole(view.slice_node, self._result[1])
            # In the slice that the user looks at, if he looks at one of these images already.
            if own and shows in {node.GetID() for _, node in (*self._given, self._result)}:
                view.slice_node.SetSliceOffset(own[0].slice_node.GetSliceOffset())
            self._fit_one(view.slice_node)
            view.render()
        self._move_together(views)

    def _move_together(self, views: list[tuple[SliceView, str, Any]]) -> None:
        if len(views) > 1:
            self._link.link(*(view.slice_node for view, _words, _node in views), fit=self._fit_one)

    def _fit_one(self, slice_node: Any) -> None:
        fit_in_plane(slice_node, self._result[1])

    def _align(self, view: SliceView) -> None:
        """Turn the view into the plane of an oblique result, so that voxels are shown as they are."""
        view.slice_node.RotateToVolumePlane(self._result[1])


def _view(name: str, label: str) -> str:
    colour = _COLOURS.get(name, _COLOURS["given"])
    return _VIEW.format(name=name, label=label, colour=colour, group=_GROUP)

"""A computed sequence in the views: beside its inputs or in all of them, with its uncertainty in colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from SyntheticImagingLib import attributes
from SyntheticImagingLib.mr.linked_row import MOST_INPUTS, ROW_VIEWS, UNSURE_VIEW, LinkedRow
from SyntheticImagingLib.mr.methods import GIVEN
from SyntheticImagingLib.show.doubt_overlay import DoubtOverlay
from SyntheticImagingLib.show.host import SliceView, ViewHost
from SyntheticImagingLib.show.view_state import KeptViews, at_once
from SyntheticImagingLib.task import Made

LABELS = {"flair": "FLAIR", "t1w": "T1w", "t2w": "T2w", "pd": "PD"}
FIRST_PERCENT = 10.0
_USUAL_WINDOW = 1000.0


class ResultViews:
    """Shows one result; `close` gives the user's views back.

    Args:
        host: the views.
        made: the result of a method.
        percent: from which uncertainty on it is shown, in % of the grey scale that the result is shown with.
    """

    def __init__(self, host: ViewHost, made: Made, percent: float = FIRST_PERCENT) -> None:
        self._host, self._made = host, made
        self._given = given_of(made)
        self._volume: Any = made.volume
        self._doubt: Any = made.nodes.get("uncertainty")
        self._percent_is = _window_width(self._volume) / 100.0
        self._row: LinkedRow | None = None
        if self._given:
            self._row = LinkedRow(host, self._given, (_short(self._volume), self._volume), self._doubt is not None)
        self._kept = KeptViews(host)
        self._overlay: DoubtOverlay | None = None
        if self._doubt is not None:
            limit = percent * self._percent_is
            self._overlay = DoubtOverlay(host, self._volume, self._doubt, limit, self._largest(), self._is_for_doubt)
        self.shown = False

    @property
    def has_doubt(self) -> bool:
        """Whether there is a map of uncertainty."""
        return self._overlay is not None

    @property
    def has_row(self) -> bool:
        """Whether the inputs are known and still there, to be shown beside it."""
        return self._row is not None

    @property
    def beside(self) -> bool:
        """Whether inputs, result and uncertainty stand beside each other now."""
        return self._row is not None and self._row.shown

    @property
    def doubt_shown(self) -> bool:
        """Whether the uncertainty lies over the result."""
        return self._overlay is not None and self._overlay.shown

    @doubt_shown.setter
    def doubt_shown(self, shown: bool) -> None:
        if self._overlay is None or shown == self._overlay.shown:
            return
        if shown:
            self._overlay.show()
        else:
            self._overlay.hide()
        self._render()

    @property
    def most_percent(self) -> float:
        """The largest uncertainty that a slider offers, in % of the grey scale."""
        return round(self._largest() / self._percent_is, 1) if self._doubt is not None else 100.0

    @property
    def percent(self) -> float:
        """From which uncertainty on it is shown, in % of the grey scale."""
        return self._overlay.limit / self._percent_is if self._overlay is not None else 0.0

    @percent.setter
    def percent(self, percent: float) -> None:
        if self._overlay is not None:
            self._overlay.limit = percent * self._percent_is
            self._render()

    @property
    def plane(self) -> str:
        """Of the views beside each other: "Axial", "Coronal" or "Sagittal"."""
        return self._row.plane if self._row is not None else "Axial"

    @plane.setter
    def plane(self, plane: str) -> None:
        if self._row is not None:
            self._row.plane = plane

    def show(self, beside: bool = True) -> None:
        """Bring it into the views: beside its inputs, or in all views of the user."""
        colours = self.doubt_shown
        self.doubt_shown = False
        if beside and self._row is not None:
            self._row.show()
        else:
            if self._row is not None:
                self._row.leave()
            self._show_in_all()
        self.shown = True
        self.doubt_shown = colours

    def fit(self) -> None:
        """Whole slices in the views beside each other, once the host has given them their sizes."""
        if self._row is not None:
            self._row.fit()

    def jump_to(self, ras: Sequence[float]) -> None:
        """Centre all slice views on a place (RAS mm); zoom stays."""
        for view in self._host.slice_views():
            view.slice_node.JumpSliceByCentering(*(float(x) for x in ras))
            view.render()

    def close(self) -> None:
        """The user's own layout and images; slices stay where they are."""
        self.doubt_shown = False
        if self._row is not None:
            self._row.leave()
        ours = self._volume.GetID()
        self._kept.give_back(lambda node: node.GetBackgroundVolumeID() == ours, places=False)
        self.shown = False
        self._render()

    def _show_in_all(self) -> None:
        for view in self._host.slice_views():
            if view.name in ROW_VIEWS:
                continue
            self._kept.keep(view)
            with at_once(view.composite_node):
                view.composite_node.SetBackgroundVolumeID(self._volume.GetID())
                view.composite_node.SetForegroundVolumeID(None)
                view.composite_node.SetLabelVolumeID(None)
            view.render()

    def _is_for_doubt(self, view: SliceView) -> bool:
        return view.name == UNSURE_VIEW if self.beside else view.name not in ROW_VIEWS

    def _largest(self) -> float:
        """Where the colours of the map end: the upper end of the window that it was made with."""
        window = attributes.read_meaning(self._doubt).get("window")
        if window:
            return float(window[0]) + float(window[1]) / 2
        return float(self._doubt.GetImageData().GetScalarRange()[1]) or 1.0

    def _render(self) -> None:
        for view in self._host.slice_views():
            view.render()


def given_of(made: Made) -> list[tuple[str, Any]]:
    """(what it is, volume node) of the inputs of a result that are still in the scene."""
    found = [(LABELS[name], made.inputs.get(name)) for name in GIVEN]
    return [(words, node) for words, node in found if node is not None and node.GetScene() is not None][:MOST_INPUTS]


def _window_width(volume: Any) -> float:
    window = attributes.read_meaning(volume).get("window")
    return float(window[1]) if window else _USUAL_WINDOW


def _short(volume: Any) -> str:
    """"Synthetic DIR" of "Synthetic DIR_1": the number that makes a name unique says nothing in a view."""
    name = str(volume.GetName() or "")
    return name.rsplit("_", 1)[0] if name.rpartition("_")[2].isdigit() else name

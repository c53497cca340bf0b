"""Where a segmenter or a computed sequence is unsure, over the image; switched and limited in the tab of results."""

from __future__ import annotations

from typing import Any

from synthetic_imaging_web.page.sequences import Sequences
from synthetic_imaging_web.page.session import Session
from synthetic_imaging_web.page.view_host import PageViewHost
from SyntheticImagingLib.mr.result_views import FIRST_PERCENT, ResultViews
from SyntheticImagingLib.show.doubt_overlay import FIRST_LIMIT, DoubtOverlay
from SyntheticImagingLib.task import Made

# A segmenter's map goes from 0 to 1.
_SHARE = {"doubt_most": 1.0, "doubt_step": 0.01, "doubt_unit": ""}


class Doubt:
    """The map of uncertainty of the shown result.

    The state ``doubt`` says whether there is one, ``doubt_shown`` whether it lies over the image, ``doubt_limit`` from
    which value on; ``doubt_most``, ``doubt_step`` and ``doubt_unit`` are those of its slider.
    """

    def __init__(self, session: Session, host: PageViewHost, sequences: Sequences) -> None:
        self._session, self._host, self._sequences = session, host, sequences
        self._overlay: DoubtOverlay | ResultViews | None = None
        session.state.update({"doubt": False, "doubt_shown": False, "doubt_limit": FIRST_LIMIT, **_SHARE})
        session.state.change("doubt_shown")(self._switched)
        session.state.change("doubt_limit")(self._limited)

    def show(self, made: Made | None) -> None:
        """Another result is shown, or none."""
        if isinstance(self._overlay, DoubtOverlay):
            self._overlay.hide()
        views = self._sequences.views
        if views is not None:
            self._overlay = views if views.has_doubt else None
            self._session.push(doubt=views.has_doubt, doubt_shown=False, doubt_limit=FIRST_PERCENT,
                               doubt_most=views.most_percent, doubt_step=0.5, doubt_unit=" %")
            return
        found = made.nodes.get("uncertainty") if made is not None else None
        source = made.source if made is not None else None
        there = found is not None and source is not None
        limit = min(float(self._session.state.doubt_limit), 1.0)
        self._overlay = DoubtOverlay(self._host, source, found, limit) if there else None
        self._session.push(doubt=there, doubt_shown=False, doubt_limit=limit, **_SHARE)

    def toggle(self) -> None:
        """Over the image, or not."""
        if self._overlay is not None:
            self._session.push(doubt_shown=not self._session.state.doubt_shown)

    def _switched(self, doubt_shown: bool, **_: Any) -> None:
        if isinstance(self._overlay, ResultViews):
            self._overlay.doubt_shown = bool(doubt_shown)
        elif self._overlay is not None and bool(doubt_shown) != self._overlay.shown:
            if doubt_shown:
                self._overlay.show()
            else:
                self._overlay.hide()

    def _limited(self, doubt_limit: float, **_: Any) -> None:
        if isinstance(self._overlay, ResultViews):
            self._overlay.percent = float(doubt_limit)
        elif self._overlay is not None:
            self._overlay.limit = float(doubt_limit)
        self._session.views.render()

"""Where a segmenter was unsure, over the image; switched and limited in the tab of results."""

from __future__ import annotations

from typing import Any

from synthetic_imaging_web.page.session import Session
from synthetic_imaging_web.page.view_host import PageViewHost
from SyntheticImagingLib.show.doubt_overlay import FIRST_LIMIT, DoubtOverlay
from SyntheticImagingLib.task import Made


class Doubt:
    """The map of uncertainty of the shown result.

    The state ``doubt`` says whether there is one, ``doubt_shown`` whether it lies over the image, ``doubt_limit`` from
    which value on.
    """

    def __init__(self, session: Session, host: PageViewHost) -> None:
        self._session, self._host = session, host
        self._overlay: DoubtOverlay | None = None
        session.state.update({"doubt": False, "doubt_shown": False, "doubt_limit": FIRST_LIMIT})
        session.state.change("doubt_shown")(self._switched)
        session.state.change("doubt_limit")(self._limited)

    def show(self, made: Made | None) -> None:
        """Another result is shown, or none."""
        if self._overlay is not None:
            self._overlay.hide()
        found = made.nodes.get("uncertainty") if made is not None else None
        source = made.source if made is not None else None
        there = found is not None and source is not None
        limit = float(self._session.state.doubt_limit)
        self._overlay = DoubtOverlay(self._host, source, found, limit) if there else None
        self._session.push(doubt=there, doubt_shown=False)

    def toggle(self) -> None:
        """Over the image, or not."""
        if self._overlay is not None:
            self._session.push(doubt_shown=not self._session.state.doubt_shown)

    def _switched(self, doubt_shown: bool, **_: Any) -> None:
        if self._overlay is not None and bool(doubt_shown) != self._overlay.shown:
            if doubt_shown:
                self._overlay.show()
            else:
                self._overlay.hide()

    def _limited(self, doubt_limit: float, **_: Any) -> None:
        if self._overlay is not None:
            self._overlay.limit = float(doubt_limit)
            self._session.views.render()

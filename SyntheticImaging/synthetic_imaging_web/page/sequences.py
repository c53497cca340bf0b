"""A computed MR sequence on the page: beside its inputs, and what the images tell of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from synthetic_imaging_web.page.session import Session
from synthetic_imaging_web.page.view_host import PageViewHost
from SyntheticImagingLib.mr.fit_words import Fit, told_of_fit
from SyntheticImagingLib.mr.knowledge_words import in_words
from SyntheticImagingLib.mr.methods import methods
from SyntheticImagingLib.mr.result_views import ResultViews
from SyntheticImagingLib.tables import table_from_node
from SyntheticImagingLib.task import Made

_LOOKS, _LOOK_SECONDS = 60, 0.1
_NOTHING: dict[str, Any] = {"headline": "", "trust": "", "lines": [], "warnings": []}


class Sequences:
    """The shown result, where it is a computed sequence.

    The state ``row`` says whether it can stand beside its inputs, ``row_shown`` whether it does, ``row_plane`` in which
    plane; ``told`` is what the images tell: headline, trust, lines, warnings.

    Attributes:
        views: how it is shown; None for other results.
        before_show: called before the views are changed.
    """

    def __init__(self, session: Session, host: PageViewHost) -> None:
        self._session, self._host = session, host
        self._ids = frozenset(method.tool.id for method in methods())
        self.views: ResultViews | None = None
        self.before_show: Callable[[], None] = lambda: None
        session.state.update({"row": False, "row_shown": False, "row_plane": "Axial", "told": _NOTHING})
        session.state.change("row_plane")(self._plane)

    def is_one(self, made: Made) -> bool:
        """Whether a result is a computed sequence."""
        return made.tool_id in self._ids

    def close(self) -> None:
        """Another result is to be shown: the views are as they were before this one."""
        if self.views is not None:
            self.views.close()
            self.views = None
        self._session.push(row=False, row_shown=False)

    def show(self, made: Made | None) -> None:
        """Another result is shown, or none."""
        if made is None or not self.is_one(made):
            self._session.push(told=_NOTHING)
            return
        self.views = ResultViews(self._host, made)
        self.views.plane = str(self._session.state.row_plane)
        self.views.show()
        self._session.spawn(self._fit(self.views))
        fit = _fit_of(made)
        self._session.push(told=told_of(made), result_notes=[n for n in made.notes if fit is None or n != fit.sentence])
        self._push()

    def toggle(self) -> bool:
        """Beside its inputs, or in all views; returns whether a computed sequence is shown."""
        if self.views is None:
            return False
        self.before_show()
        self.views.show(self.views.has_row and not self.views.beside)
        self._session.spawn(self._fit(self.views))
        self._push()
        return True

    def leave(self) -> None:
        """Something else wants the views: they are as they were before."""
        if self.views is not None and self.views.shown:
            self.views.close()
            self._push()

    async def _fit(self, views: ResultViews) -> None:
        """The browser gives new views their sizes only once they are shown."""
        known = None
        for _ in range(_LOOKS):
            sizes = [tuple(view.get_view_node().GetDimensions()) for view in self._session.views.all_slices()]
            if sizes != known and views is self.views and views.beside:
                known = sizes
                views.fit()
            await asyncio.sleep(_LOOK_SECONDS)

    def _push(self) -> None:
        views = self.views
        self._session.push(row=views is not None and views.has_row, row_shown=views is not None and views.beside)
        self._session.views.render()

    def _plane(self, row_plane: str, **_: Any) -> None:
        if self.views is not None:
            self.views.plane = row_plane
            self._session.views.render()


def _fit_of(made: Made) -> Fit | None:
    return told_of_fit(table_from_node(made.nodes["domain"])) if "domain" in made.nodes else None


def told_of(made: Made) -> dict[str, Any]:
    """How far to rely on a computed sequence: headline, trust, lines, warnings."""
    known = in_words(table_from_node(made.nodes["knowledge"])) if "knowledge" in made.nodes else None
    fit = _fit_of(made)
    return {
        "headline": known.headline if known is not None else "",
        "trust": known.trust.name.lower() if known is not None and known.trust is not None else "",
        "lines": list(known.lines) if known is not None else list(fit.lines) if fit is not None else [],
        "warnings": [fit.warning] if fit is not None and fit.warning else [],
    }

"""Before and after by eye: the bar under the views and the keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging_web.page.session import Session
from synthetic_imaging_web.page.view_host import PageViewHost
from SyntheticImagingLib.show import AFTER_VIEW, BEFORE_VIEW, Comparison, Mode
from SyntheticImagingLib.show.view_state import copy_place

MODES = (
    (Mode.BEFORE, "Before", "B"), (Mode.AFTER, "After", "A"), (Mode.OVERLAY, "Overlay", "O"),
    (Mode.SIDE_BY_SIDE, "Side by side", "S"), (Mode.DIFFERENCE, "Difference", "D"),
    (Mode.CHECKERBOARD, "Checkerboard", "C"),
)  # fmt: skip


class Comparing:
    """Shows two volumes against each other; one comparison at a time.

    The state ``mode`` is "" where there is nothing to compare and "off" where the views show something else;
    ``opacity`` (0 to 100) belongs to overlay and difference.
    """

    def __init__(self, session: Session, host: PageViewHost) -> None:
        self._session, self._host = session, host
        self.comparison: Comparison | None = None
        self._paired = False
        self.before_change: Callable[[], None] = lambda: None
        session.state.update({"mode": "", "opacity": 100, "refused_modes": [], "side": "Axial"})
        session.state.change("opacity")(self._opacity)
        session.state.change("side")(self._side)

    def compare(self, before: Any, after: Any, lesions: Any, mode: Mode = Mode.OVERLAY) -> None:
        """Begin to compare two volumes; what was compared before is let go."""
        self.begin(lambda: Comparison(self._host, before, after, lesions), mode)

    def begin(self, make: Callable[[], Comparison], mode: Mode = Mode.OVERLAY) -> None:
        """Begin a comparison that is made by ``make``; what was compared before is let go."""
        self.close()
        try:
            self.comparison = make()
        except SyntheticImagingError as error:
            self._session.fail(error)
            return
        self.comparison.opacity = self._session.state.opacity / 100.0
        refused = [m.value for m in Mode if self.comparison.why_not(m)]
        self._session.push(refused_modes=refused)
        self.show(mode)

    def show(self, mode: Mode | str) -> None:
        """Show a mode in the views."""
        self._do(lambda comparison: setattr(comparison, "mode", Mode(mode)))

    def toggle(self, mode: Mode | str) -> None:
        """Show a mode, or what was shown before it."""
        self._do(lambda comparison: comparison.toggle(Mode(mode)))

    def jump_to(self, ras: tuple[float, float, float]) -> None:
        """All slice views to a point; blocks of the checkerboard meet there."""
        if self.comparison is not None:
            self.comparison.jump_to(ras)
        else:
            self._session.views.jump_to(ras)

    def flicker(self) -> None:
        """Before, after, before, ..."""
        self._do(lambda comparison: comparison.flicker())

    def make_room(self) -> None:
        """End what growth cannot be played in: other views, and colours and a colour bar of a difference."""
        comparison = self.comparison
        if comparison is not None and comparison.mode in (Mode.SIDE_BY_SIDE, Mode.DIFFERENCE):
            comparison.mode = Mode.OVERLAY
            self._session.push(mode=Mode.OVERLAY.value)

    def toggle_outlines(self) -> None:
        """Outlines of the lesions on or off."""
        self._do(lambda comparison: setattr(comparison, "outlines", not comparison.outlines))

    def leave(self) -> None:
        """Give the views back, for another image; the comparison can be taken up again."""
        if self.comparison is not None and self.comparison.mode is not None:
            self.before_change()
            self.comparison.restore()
            self._session.push(mode="off")

    def close(self) -> None:
        """Let go of the comparison; the views are as they were before it."""
        if self.comparison is not None:
            self.comparison.close()
            self.comparison = None
        self._session.push(mode="")

    def _do(self, change: Any) -> None:
        if self.comparison is None:
            return
        self.before_change()
        try:
            change(self.comparison)
        except SyntheticImagingError as error:
            self._session.fail(error)
        mode = self.comparison.mode
        self._session.push(mode=mode.value if mode is not None else "off")
        if mode is Mode.SIDE_BY_SIDE and not self._paired:
            self._paired = True
            self._session.spawn(self._fit_pair())

    async def _fit_pair(self) -> None:
        """The two views are sized by the browser only once they are shown: then the place is taken over again."""
        views = {view.name: view for view in self._session.views.all_slices()}
        pair = [views[name] for name in (BEFORE_VIEW, AFTER_VIEW) if name in views]
        side = self._session.state.side
        like = next((v for v in views.values() if v not in pair and v.get_orientation() == side), None)
        known = None
        for _ in range(25):
            sizes = [tuple(view.render_window().GetSize()) for view in pair]
            if like is not None and sizes != known:
                known = sizes
                for view in pair:
                    copy_place(like.get_view_node(), view.get_view_node())
            await asyncio.sleep(0.1)

    def _opacity(self, opacity: Any, **_: Any) -> None:
        if self.comparison is not None:
            self.comparison.opacity = float(opacity) / 100.0

    def _side(self, side: str, **_: Any) -> None:
        if self.comparison is not None:
            self._do(lambda comparison: setattr(comparison, "side_orientation", side))

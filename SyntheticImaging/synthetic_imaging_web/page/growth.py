"""Growth over time: the play bar under the views."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from synthetic_imaging_web.page.session import Session
from SyntheticImagingLib.show import GrowthPlay, ViewHost

_FRAMES_A_SECOND = 4.0


class Growth:
    """Plays the sequences of a result, in their place in the whole image.

    The state ``growth_frames`` is 0 without a sequence; ``growth_index`` is the frame shown, ``growth_label`` its
    words ("day 120"), ``growth_playing`` whether it plays, ``growth_shown`` whether the views show it.
    """

    def __init__(self, session: Session, host: ViewHost) -> None:
        self._session, self._host = session, host
        self._play: GrowthPlay | None = None
        self.before_show: Callable[[], None] = lambda: None
        self._background: Any = None
        self._hidden: list[Any] = []
        self._playing: asyncio.Task[Any] | None = None
        session.state.update(
            {"growth_frames": 0, "growth_index": 0, "growth_label": "", "growth_playing": False, "growth_shown": False}
        )
        session.state.change("growth_index")(self._moved)

    def open(self, browser: Any, background: Any = None, hidden: Sequence[Any] = ()) -> None:
        """Offer what a browser plays, if there is one.

        Args:
            browser: sequence browser node, or None.
            background: the whole image that the frames are a piece of; None where they stand alone.
            hidden: segmentations not to be seen meanwhile: the full-grown tumour.
        """
        self.close()
        if browser is None:
            return
        self._background, self._hidden = background, list(hidden)
        self._play = GrowthPlay(self._session.scene.scene, browser)
        self._session.push(
            growth_frames=self._play.frames, growth_index=self._play.index, growth_label=self._play.label()
        )

    def close(self) -> None:
        """No growth to play."""
        self.hide()
        self._play = self._background = None
        self._session.push(growth_frames=0, growth_index=0, growth_label="")

    def hide(self) -> None:
        """Take the growth out of the views; what was compared is seen again."""
        if self._play is not None:
            self._play.hide()
        self._session.push(growth_playing=False, growth_shown=False)

    def toggle(self) -> None:
        """Play or pause."""
        if self._play is None:
            return
        if self._play.playing:
            self._play.pause()
            self._session.push(growth_playing=False)
            return
        self._show()
        self._play.play()
        self._session.push(growth_playing=True)
        if self._playing is None or self._playing.done():
            self._playing = self._session.spawn(self._run(self._play))

    def step(self, by: int) -> None:
        """A frame on or back."""
        if self._play is not None:
            self._play.pause()
            self._session.push(growth_playing=False)
            self._go((self._play.index + by) % self._play.frames)

    async def _run(self, play: GrowthPlay) -> None:
        while play.playing and play is self._play:
            index = play.tick()
            self._session.push(growth_index=index, growth_label=play.label(index))
            await asyncio.sleep(1.0 / _FRAMES_A_SECOND)

    def _moved(self, growth_index: Any, **_: Any) -> None:
        if self._play is not None and int(growth_index) != self._play.index:
            self._go(int(growth_index))

    def _go(self, index: int) -> None:
        play = self._play
        if play is None:
            return
        self._show()
        play.index = index
        self._session.push(growth_index=play.index, growth_label=play.label())

    def _show(self) -> None:
        """The growth in all slice views, in place of what was compared."""
        if self._play is not None and not self._session.state.growth_shown:
            self.before_show()
            self._play.show(self._host, self._background, self._hidden)
            self._session.push(growth_shown=True)

"""Watch it grow: first, play, last, and a slider over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

_FRAME_MS = 250


class GrowthBar:
    """Plays a ``GrowthPlay``; hidden where nothing grows.

    Attributes:
        widget: to be put into a layout.
        play: what is played, or None.
        on_use: called before the user moves in time, so that the views show the growth.
    """

    def __init__(self) -> None:
        self.play: Any = None
        self.on_use: Callable[[], None] | None = None
        self._playing = False
        self._showing = False
        self.widget: Any = qt.QWidget()
        layout = qt.QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.title: Any = qt.QLabel(_("Growth"))
        self.first = self._button("SP_MediaSkipBackward", _("First picture"), self._to_first)
        self.play_button = self._button("SP_MediaPlay", _("Play or pause"), self._toggle)
        self.last = self._button("SP_MediaSkipForward", _("Last picture"), self._to_last)
        self.slider: Any = qt.QSlider(qt.Qt.Horizontal)
        self.slider.toolTip = _("Age of the tumour")
        self.slider.connect("valueChanged(int)", self._moved)
        self.label: Any = qt.QLabel()
        for item in (self.title, self.first, self.play_button, self.last, self.slider, self.label):
            layout.addWidget(item)
        layout.setStretch(4, 1)
        self._layout = layout
        self.timer: Any = qt.QTimer()
        self.timer.interval = _FRAME_MS
        self.timer.connect("timeout()", self._tick)
        self.widget.visible = False

    @property
    def playing(self) -> bool:
        """Whether it runs."""
        return self._playing

    def show(self, play: Any) -> None:
        """Show a ``GrowthPlay``, or nothing for None; the one before it is taken out of the views."""
        self.stop()
        if self.play is not None:
            self.play.hide()
        self.play = play
        self.widget.visible = play is not None
        if play is None:
            return
        self._showing = True
        self.slider.minimum, self.slider.maximum = 0, play.frames - 1
        self._showing = False
        widest = max((play.label(n) for n in range(play.frames)), key=len)
        self.label.minimumWidth = self.label.fontMetrics().boundingRect(widest).width() + 8
        self._follow()

    def stop(self) -> None:
        """Pause."""
        self.timer.stop()
        if self._playing:
            self._playing = False
            self.play.pause()
        self._draw_button()

    def _toggle(self, *_args: Any) -> None:
        if self._playing:
            self.stop()
        elif self.play is not None:
            self._use()
            self._playing = True
            self.play.play()
            self.timer.start()
            self._draw_button()

    def _tick(self) -> None:
        if self._playing:
            self.play.tick()
            if not self.play.playing:  # the sequence has gone
                self.stop()
            self._follow()

    def _to_first(self, *_args: Any) -> None:
        self._go(0)

    def _to_last(self, *_args: Any) -> None:
        self._go(self.play.frames - 1)

    def _go(self, index: int) -> None:
        self.stop()
        self._use()
        self.play.index = index
        self._follow()

    def _moved(self, index: int) -> None:
        if not self._showing and self.play is not None and index != self.play.index:
            self._go(index)

    def _use(self) -> None:
        if self.on_use is not None:
            self.on_use()

    def _follow(self) -> None:
        self._showing = True
        self.slider.value = self.play.index
        self.label.text = self.play.label(self.play.index)
        self._showing = False

    def _draw_button(self) -> None:
        self._draw(self.play_button, "SP_MediaPause" if self._playing else "SP_MediaPlay")

    def _button(self, icon: str, tip: str, slot: Any) -> Any:
        button = qt.QToolButton()
        self._draw(button, icon)
        button.toolTip = tip
        button.accessibleName = tip
        button.connect("clicked(bool)", slot)
        return button

    @staticmethod
    def _draw(button: Any, icon: str) -> None:
        button.setIcon(button.style().standardIcon(getattr(qt.QStyle, icon)))

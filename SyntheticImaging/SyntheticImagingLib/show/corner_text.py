"""Words in the corner of a view."""

from __future__ import annotations

from typing import Any

from SyntheticImagingLib.show.observing import Watch

AMBER = (1.0, 0.78, 0.35)
_LARGEST, _SMALLEST = 15, 8
_LINE = 1.6  # from line to line, in letter heights
_WIDTHS = 17  # a view is at least this many letter heights wide: then the words fit


class CornerText:
    """A line of text in an upper corner of a renderer, legible on bright and dark.

    An actor of our own: Slicer's corner annotation belongs to its Data Probe, which writes over it.

    Args:
        renderer: of the view.
        text: what it says; hidden at first.
        left: in the left corner; else in the right one.
        colour: of the letters.
        line: how many lines below the corner: two texts side by side do not fit into a narrow view.
    """

    def __init__(
        self, renderer: Any, text: str, left: bool = False, colour: tuple[float, float, float] = AMBER, line: int = 0
    ) -> None:
        from vtkmodules.vtkRenderingCore import vtkTextActor

        self.renderer = renderer
        self._x, self._line = 0.015 if left else 0.985, line
        self.actor = vtkTextActor()
        self.actor.SetInput(f" {text} ")
        self.actor.SetVisibility(False)
        self.actor.PickableOff()
        self.actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        style = self.actor.GetTextProperty()
        style.SetColor(*colour)
        style.SetJustificationToLeft() if left else style.SetJustificationToRight()
        style.SetVerticalJustificationToTop()
        # A plate behind the words: neither air nor bone nor a colour map may hide them.
        style.SetBackgroundColor(0.05, 0.05, 0.05)
        style.SetBackgroundOpacity(0.65)
        self._fit()
        renderer.AddViewProp(self.actor)
        self._watch = Watch()
        self._watch.on(renderer, "StartEvent", self._before_drawing)

    @property
    def visible(self) -> bool:
        """Whether the words are shown."""
        return bool(self.actor.GetVisibility())

    @visible.setter
    def visible(self, shown: bool) -> None:
        self.actor.SetVisibility(shown)

    def close(self) -> None:
        """Take the words out of the view."""
        self._watch.close()
        self.renderer.RemoveViewProp(self.actor)

    def _before_drawing(self, *_: Any) -> None:
        if not self.visible:
            return
        self._fit()
        # What was added last is drawn last: outlines that came later must not run through the words.
        last = self.renderer.GetViewProps().GetLastProp()
        if last is not None and not last.IsA("vtkTextActor"):
            self.renderer.RemoveViewProp(self.actor)
            self.renderer.AddViewProp(self.actor)

    def _fit(self, *_: Any) -> None:
        width, height = self.renderer.GetSize()
        window = self.renderer.GetVTKWindow()
        # Twice the pixels an inch is twice the letters' height already; the limit is in points.
        points = width * 72.0 / max(72, window.GetDPI() if window is not None else 72)
        size = int(max(_SMALLEST, min(_LARGEST, points / _WIDTHS))) if width > 0 else _LARGEST
        if self.actor.GetTextProperty().GetFontSize() != size:
            self.actor.GetTextProperty().SetFontSize(size)
        dots = window.GetDPI() / 72.0 if window is not None else 1.0
        below = self._line * _LINE * size * dots / height if height > 0 else 0.0
        self.actor.GetPositionCoordinate().SetValue(self._x, 0.985 - below)

"""The box "Ranges": what every case must keep, over a histogram of what the model makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from slicer.i18n import tr as _

from synthetic_imaging.cohorts.ranges import in_words
from SyntheticImagingLib.cohort.draws import Draws, decimals_of
from SyntheticImagingLib.cohort_panel.histogram_picture import histogram_picture

Ranges = dict[str, tuple[float, float]]
_FEW = 0.01


class RangesPart:
    """One measurement at a time; the ranges of all of them stand below.

    An end of the slider's axis is an open end.
    """

    def __init__(self, ui: Any, edited: Callable[[Ranges], None]) -> None:
        """Connect the widgets.

        Args:
            ui: the widgets by name.
            edited: called with all ranges when the user changes one.
        """
        self._ui, self._edited = ui, edited
        self._draws: Draws | None = None
        self._ranges: Ranges = {}
        self._showing = False
        ui.histogramLabel.scaledContents = True
        ui.measurementSelector.connect("currentIndexChanged(int)", self._chosen)
        ui.rangeWidget.connect("valuesChanged(double,double)", self._moved)
        ui.anyButton.connect("clicked(bool)", self._lift)

    @property
    def name(self) -> str:
        """The measurement that is shown; "" for none."""
        measured = self._draws.measurements if self._draws is not None else ()
        index = self._ui.measurementSelector.currentIndex
        return measured[index].name if 0 <= index < len(measured) else ""

    def choose(self, name: str) -> None:
        """Show a measurement."""
        names = [m.name for m in self._draws.measurements] if self._draws is not None else []
        if name in names:
            self._ui.measurementSelector.currentIndex = names.index(name)

    def show(self, draws: Draws | None, ranges: Mapping[str, tuple[float, float]]) -> None:
        """Show a model's measurements and the ranges."""
        self._showing = True
        try:
            other = self._draws is None or draws is None or draws.measurements != self._draws.measurements
            self._draws, self._ranges = draws, dict(ranges)
            if other:
                self._list()
        finally:
            self._showing = False
        self.redraw()

    def redraw(self) -> None:
        """Show the histogram and the sentence anew, after more was drawn."""
        ui, draws, name = self._ui, self._draws, self.name
        shown = bool(draws is not None and name)
        ui.rangeWidget.enabled = shown
        if draws is None or not name:
            ui.histogramLabel.visible = False
            ui.rangesLabel.text = ""
            return
        found = draws.histogram(name, self._ranges)
        ui.histogramLabel.visible = found is not None
        if found is not None:
            ui.histogramLabel.pixmap = histogram_picture(found, self._ranges.get(name))
        self._show_range(name)
        ui.anyButton.enabled = name in self._ranges
        ui.rangesLabel.text = self._sentence()

    def _list(self) -> None:
        selector, draws = self._ui.measurementSelector, self._draws
        before = selector.currentIndex
        selector.clear()
        for measurement in draws.measurements if draws is not None else ():
            unit = f" ({measurement.unit})" if measurement.unit else ""
            selector.addItem(f"{measurement.title}{unit}")
        if draws is not None:
            names = [m.name for m in draws.measurements]
            limited = next((names.index(n) for n in self._ranges if n in names), 0)
            selector.currentIndex = before if 0 <= before < len(names) and not self._ranges else limited

    def _show_range(self, name: str) -> None:
        assert self._draws is not None
        low, high, step = self._draws.axis(name)
        unit = next(m.unit for m in self._draws.measurements if m.name == name)
        first, last = self._ranges.get(name, (-math.inf, math.inf))
        widget = self._ui.rangeWidget
        self._showing = True
        try:
            widget.decimals = decimals_of(step)
            widget.suffix = f" {unit}" if unit else ""
            # A low end above the widget's own high end would be refused, and the other way round.
            if low > widget.maximum:
                widget.maximum, widget.minimum = high, low
            else:
                widget.minimum, widget.maximum = low, high
            widget.singleStep = step
            widget.setValues(max(low, min(first, high)), min(high, max(last, low)))
        finally:
            self._showing = False

    def _sentence(self) -> str:
        draws = self._draws
        assert draws is not None
        if not self._ranges:
            how = "" if draws.can else " " + _("This model tells its measurements only once a case is made.")
            return _("No range is set: cases as the model makes them.") + how
        known = {m.name: m for m in draws.measurements}
        parts = [f"{known[n].title} {in_words(known[n], *limits)}" for n, limits in self._ranges.items() if n in known]
        share = draws.share({n: limits for n, limits in self._ranges.items() if draws.told(n)})
        return "; ".join(parts) + ". " + self._share_in_words(share)

    def _share_in_words(self, share: float | None) -> str:
        if share is None or self._draws is None or not any(self._draws.told(n) for n in self._ranges):
            return _("How many cases keep this is seen once they are made: narrow ranges take long.")
        if share == 0:
            return _("No case of this model does. Widen the ranges.")
        if share < _FEW:
            return _("Fewer than 1 in 100 cases do, which takes long. Widen the ranges.")
        return _("About {number} of 100 cases do.").format(number=max(1, round(100 * share)))

    def _chosen(self, *_args: Any) -> None:
        if not self._showing:
            self.redraw()

    def _moved(self, first: float, last: float) -> None:
        name = self.name
        if self._showing or not name or self._draws is None:
            return
        low, high, step = self._draws.axis(name)
        close = step / 2
        limits = (
            -math.inf if first <= low + close else float(first), math.inf if last >= high - close else float(last)
        )
        ranges = {n: r for n, r in self._ranges.items() if n != name}
        if not all(math.isinf(end) for end in limits):
            ranges[name] = limits
        if ranges != self._ranges:
            self._edited(ranges)

    def _lift(self, *_args: Any) -> None:
        self._edited({n: r for n, r in self._ranges.items() if n != self.name})

"""A histogram as a picture: what the model makes in grey, what keeps the ranges in colour."""

from __future__ import annotations

from typing import Any

import qt

from SyntheticImagingLib.cohort.draws import Histogram

WIDTH, HEIGHT = 420, 56
# Both read on Slicer's light and dark background.
_ALL, _KEPT, _LINE = (140, 148, 156), (47, 143, 184), (217, 119, 6)


def histogram_picture(found: Histogram, limits: tuple[float, float] | None) -> Any:
    """A pixmap with a clear background; ``limits`` are drawn as two lines."""
    picture = qt.QPixmap(WIDTH, HEIGHT)
    picture.fill(qt.QColor(0, 0, 0, 0))
    painter = qt.QPainter()
    painter.begin(picture)
    most = max(*found.everything, 1)
    bins = len(found.everything)
    for position in range(bins):
        left = position * WIDTH // bins
        width = (position + 1) * WIDTH // bins - left - 1
        for counts, colour in ((found.everything, _ALL), (found.kept, _KEPT)):
            if counts[position]:
                height = max(1, round((HEIGHT - 2) * counts[position] / most))
                painter.fillRect(left, HEIGHT - height, width, height, qt.QColor(*colour))
    for end in limits or ():
        if found.low < end < found.high:
            place = round((end - found.low) / (found.high - found.low) * WIDTH)
            painter.fillRect(place - 1, 0, 2, HEIGHT, qt.QColor(*_LINE))
    painter.end()
    return picture

"""The seed of a run: new each time, or kept so that the next run repeats the last one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from synthetic_imaging.errors import InputError
from synthetic_imaging.running import check_seed


class SeedRow:
    """Label, number and "New each time".

    Attributes:
        label, widget: the two cells of the row.
        seed: what is shown; None for new each time.
    """

    def __init__(self, edited: Callable[[int | None], None]) -> None:
        self.seed: int | None = None
        self._edited = edited
        self._last = 1
        self._showing = False
        tip = _("The same seed, images and settings give exactly the same result")
        self.label: Any = qt.QLabel(_("Seed"))
        self.label.toolTip = tip
        self.widget: Any = qt.QWidget()
        layout = qt.QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self.number: Any = qt.QLineEdit()
        self.number.placeholderText = _("drawn for each run")
        self.number.toolTip = tip
        self.number.connect("editingFinished()", self._number_edited)
        self.new: Any = qt.QCheckBox(_("New each time"))
        self.new.toolTip = _("Each run draws another seed, so each result differs. Untick it to keep the last one.")
        self.new.connect("toggled(bool)", self._new_toggled)
        layout.addWidget(self.number)
        layout.addWidget(self.new)
        layout.setStretch(0, 1)
        self.show(None)

    def show(self, seed: int | None) -> None:
        """Show a seed, or None for new each time; nobody is told."""
        self.seed = seed
        if seed is not None:
            self._last = seed
        self._showing = True
        self.new.checked = seed is None
        self.number.enabled = seed is not None
        self.number.text = "" if seed is None else str(seed)
        self._showing = False

    def note(self, seed: int) -> None:
        """The seed of the last run: what "keep" keeps."""
        self._last = seed
        if self.seed is None:
            self.number.placeholderText = _("last: {seed}").format(seed=seed)

    def _new_toggled(self, new: bool) -> None:
        if not self._showing:
            self._edited(None if new else self._last)

    def _number_edited(self) -> None:
        if self._showing or self.seed is None:
            return
        try:
            seed = check_seed(int(self.number.text.strip()))
        except (ValueError, InputError):
            self.show(self.seed)
            return
        if seed != self.seed:
            self._edited(seed)

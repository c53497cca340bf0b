"""How before and after are compared: one button a view, and how strongly the overlay shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ctk
import qt
from slicer.i18n import tr as _

from SyntheticImagingLib.panel.field_row import LESS_WEIGHT
from SyntheticImagingLib.show import Mode

_COLUMNS = 3


class ViewButtons:
    """Buttons of which one is down, and the slider.

    Attributes:
        widget: to be put into a layout.
        buttons: mode -> button.
        on_mode: called with the mode that the user chose.
        on_opacity: called with 0 to 1.
    """

    def __init__(self, words: Mapping[Mode, tuple[str, str]] | None = None) -> None:
        """Build them.

        Args:
            words: text and tool tip of each mode that is offered; all modes, of an image before and after a synthesis,
                when None.
        """
        self._words = dict(_words() if words is None else words)
        self.on_mode: Callable[[Mode], None] | None = None
        self.on_opacity: Callable[[float], None] | None = None
        self._showing = False
        self.widget: Any = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        grid = qt.QGridLayout()
        grid.setSpacing(4)
        self.buttons: dict[Mode, Any] = {}
        for position, (mode, (text, tip)) in enumerate(self._words.items()):
            button = qt.QPushButton(text)
            button.checkable = True
            button.toolTip = tip
            button.connect("clicked(bool)", self._slot_of(mode))
            grid.addWidget(button, position // _COLUMNS, position % _COLUMNS)
            self.buttons[mode] = button
        layout.addLayout(grid)
        row = qt.QHBoxLayout()
        self.opacity_label: Any = qt.QLabel(_("Overlay"))
        self.opacity: Any = ctk.ctkSliderWidget()
        self.opacity.decimals = 0
        self.opacity.minimum, self.opacity.maximum = 0, 100
        self.opacity.singleStep = 5
        self.opacity.suffix = _(" %")
        self.opacity.toolTip = _("How strongly the image after, or the difference, covers the image before")
        self.opacity.connect("valueChanged(double)", self._opacity_changed)
        row.addWidget(self.opacity_label)
        row.addWidget(self.opacity)
        layout.addLayout(row)
        self.keys: Any = qt.QLabel(_("Keys: X before / after, D difference, O overlay"))
        self.keys.styleSheet = LESS_WEIGHT
        layout.addWidget(self.keys)
        self._layouts = (layout, grid, row)

    def show(self, mode: Mode | None, opacity: float) -> None:
        """Show what is on (None for the user's own views); nobody is told."""
        self._showing = True
        for known, button in self.buttons.items():
            button.checked = known is mode
        if abs(self.opacity.value - 100.0 * opacity) > 0.5:
            self.opacity.value = 100.0 * opacity
        self.opacity.enabled = mode in (Mode.OVERLAY, Mode.DIFFERENCE)
        self._showing = False

    def allow(self, mode: Mode, reason: str) -> None:
        """Switch a button off for a reason, which its tool tip tells; "" switches it on."""
        if mode in self.buttons:
            self.buttons[mode].enabled = not reason
            self.buttons[mode].toolTip = reason or self._words[mode][1]

    def _slot_of(self, mode: Mode) -> Callable[..., None]:
        def chosen(*_args: Any) -> None:
            if self.on_mode is not None:
                self.on_mode(mode)

        return chosen

    def _opacity_changed(self, percent: float) -> None:
        if not self._showing and self.on_opacity is not None:
            self.on_opacity(percent / 100.0)


def _words() -> dict[Mode, tuple[str, str]]:
    return {
        Mode.BEFORE: (_("Before"), _("The image as it was (key X)")),
        Mode.AFTER: (_("After"), _("The synthetic image (key X)")),
        Mode.OVERLAY: (_("Overlay"), _("The image after over the image before, lesions outlined (key O)")),
        Mode.SIDE_BY_SIDE: (_("Side by side"), _("Both, in views that move together")),
        Mode.DIFFERENCE: (_("Difference"), _("What was added or taken away, in colours (key D)")),
        Mode.CHECKERBOARD: (_("Checkerboard"), _("Fields of both in turn")),
    }

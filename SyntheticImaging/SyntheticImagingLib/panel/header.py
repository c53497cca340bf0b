"""The line that every panel begins with."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _


def research_header(title: str = "") -> Any:
    """A label: the title at the left, "research use, not for diagnosis" at the right."""
    widget = qt.QWidget()
    layout = qt.QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    name = qt.QLabel(title)
    name.styleSheet = "font-weight: bold"
    purpose = qt.QLabel(_("Research use, not for diagnosis"))
    purpose.styleSheet = "font-style: italic"
    layout.addWidget(name)
    layout.addStretch(1)
    layout.addWidget(purpose)
    return widget

"""Keys that work only while a panel is entered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt
import slicer


class Shortcuts:
    """One-key shortcuts of a panel.

    They hang on the main window, so that they work wherever the focus is, except in fields that take text.

    Attributes:
        keys: key -> shortcut.
    """

    def __init__(self, fallback: Any, actions: Mapping[str, Callable[[], None]]) -> None:
        """Make them, switched off.

        Args:
            fallback: the widget they hang on where there is no main window.
            actions: key, such as "X" -> what it does.
        """
        parent = slicer.util.mainWindow() or fallback
        self._actions = dict(actions)
        self.keys: dict[str, Any] = {}
        for key, action in self._actions.items():
            shortcut = qt.QShortcut(qt.QKeySequence(key), parent)
            shortcut.enabled = False
            shortcut.autoRepeat = False
            shortcut.connect("activated()", action)
            self.keys[key] = shortcut

    def enable(self, on: bool) -> None:
        """Switch all on or off."""
        for shortcut in self.keys.values():
            shortcut.enabled = on

    def close(self) -> None:
        """Take them from the window for good."""
        for shortcut in self.keys.values():
            shortcut.enabled = False
            shortcut.setParent(None)
            shortcut.deleteLater()
        self.keys = {}

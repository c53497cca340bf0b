"""Observers of MRML and VTK objects that end with the Qt object they serve."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import shiboken6


class Watch:
    """Observers that call a method of a Qt object while that object lives."""

    def __init__(self, owner: Any) -> None:
        self._owner = weakref.ref(owner)
        self._tags: list[tuple[Any, int]] = []
        owner.destroyed.connect(self.clear)

    def add(self, subject: Any, events: Iterable[Any], method: Callable[[Any], None]) -> None:
        """Call ``method(owner)`` (a function of the class, not bound) when one of the events comes."""
        owner = self._owner

        def call(_caller: Any, _event: str) -> None:
            alive = owner()
            if alive is not None and shiboken6.isValid(alive):
                method(alive)

        for event in events:
            self._tags.append((subject, subject.AddObserver(event, call)))

    def clear(self, *_: Any) -> None:
        """End all."""
        tags, self._tags = self._tags, []
        for subject, tag in tags:
            subject.RemoveObserver(tag)

"""Watching MRML and VTK objects without being kept alive by them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any


class Watch:
    """Observers that are removed together.

    Only a weak reference to the listener is handed to VTK: whoever is dropped without `close` is not called again.
    """

    def __init__(self) -> None:
        self._tags: list[tuple[Any, int]] = []

    def on(self, subject: Any, event: Any, method: Callable[..., None]) -> None:
        """Call a bound method with (subject, event) at each event."""
        listener = weakref.WeakMethod(method)

        def call(caller: Any, name: str) -> None:
            heard = listener()
            if heard is not None:
                heard(caller, name)

        self._tags.append((subject, subject.AddObserver(event, call)))

    def on_node(self, scene: Any, event: Any, method: Callable[..., None]) -> None:
        """Call a bound method with the node that a scene event is about."""
        listener = weakref.WeakMethod(method)

        def call(_caller: Any, _event: str, node: Any = None) -> None:
            heard = listener()
            if heard is not None:
                heard(node)

        # VTK hands the node over only if it is told what kind of thing the call carries.
        from vtkmodules.util.vtkConstants import VTK_OBJECT

        call.CallDataType = VTK_OBJECT  # type: ignore[attr-defined]
        self._tags.append((scene, scene.AddObserver(event, call)))

    def close(self) -> None:
        """Remove all observers."""
        for subject, tag in self._tags:
            subject.RemoveObserver(tag)
        self._tags.clear()

    def __del__(self) -> None:
        # If VTK's wrappers and these calls are garbage together, the collector would empty calls that VTK still makes.
        self.close()


def weakly(method: Callable[[], None]) -> Callable[[], None]:
    """A call of a bound method that does not keep its object alive; nothing once that is gone."""
    listener = weakref.WeakMethod(method)

    def call() -> None:
        heard = listener()
        if heard is not None:
            heard()

    return call

"""What the parts of the page share: the server's state, the scene, the views and the message line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging_web.page.scene import SessionScene
from synthetic_imaging_web.page.views import Views

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Session:
    """One user's session.

    Attributes:
        server: the trame server.
        scene: scene and logics.
        views: views and layouts.
        folder: where uploads arrive (``incoming``) and downloads leave (``outgoing``).
        changed: called when nodes came or went.
    """

    server: Any
    scene: SessionScene
    views: Views
    folder: Path
    changed: list[Callable[[], None]] = field(default_factory=list)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.state.update({"message": "", "message_kind": "", "message_details": ""})

    @property
    def state(self) -> Any:
        """trame's state: what the browser sees."""
        return self.server.state

    def push(self, **values: Any) -> None:
        """Set state and send it now, also from outside a call of the browser."""
        with self.state:
            self.state.update(values)

    def note(self, sentence: str) -> None:
        """Say something in the message line."""
        self.push(message=sentence, message_kind="note" if sentence else "", message_details="")

    def fail(self, error: BaseException | str) -> None:
        """Say what went wrong and what to do; details can be copied."""
        if isinstance(error, (SyntheticImagingError, str)):
            details = getattr(error, "details", "") or ""
            self.push(message=str(error), message_kind="error", message_details=details)
            return
        import traceback

        log.error("unexpected", exc_info=error)
        self.push(
            message="Something went wrong in the program. Nothing of yours was changed; please try again.",
            message_kind="error",
            message_details="".join(traceback.format_exception(error)),
        )

    def announce(self) -> None:
        """Tell all parts that nodes came or went."""
        for listener in self.changed:
            listener()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine on the server's loop; what it raises is shown."""
        task = asyncio.get_running_loop().create_task(self._watched(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _watched(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.fail(error)
            return None

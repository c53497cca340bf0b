"""Work on copies, in a thread: writing files while the views keep answering. Never MRML, never Qt."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from synthetic_imaging.errors import JobFailed, SyntheticImagingError

# Of each turn of a timer (50 ms): two thirds for the thread, the rest for the views.
_GIVEN_SECONDS = 0.03


class Background:
    """A function in a thread.

    Attributes:
        result: what it returned, when `done`.
        error: the sentence, when it failed.
    """

    def __init__(self, function: Callable[[], Any], what: str) -> None:
        """Start it; ``what`` names the work in the sentence of an unexpected failure."""
        self.result: Any = None
        self.error: SyntheticImagingError | None = None
        self._function, self._what = function, what
        # Not a daemon: a file that is being written is finished when the program ends.
        self._thread = threading.Thread(target=self._work, daemon=False)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not; asked from a timer, it lets the thread work."""
        if _program_keeps_python():
            self._thread.join(_GIVEN_SECONDS)
        return not self._thread.is_alive()

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end; for scripts and tests."""
        self._thread.join(seconds)

    def _work(self) -> None:
        try:
            self.result = self._function()
        except SyntheticImagingError as error:
            self.error = error
        except Exception:
            self.error = JobFailed(f"{self._what} failed unexpectedly. The details say why.")
            self.error.details = traceback.format_exc()
        finally:
            self._function = _nothing  # lets go of the copies


def _program_keeps_python() -> bool:
    """Whether this is 3D Slicer: its event loop keeps Python's lock while it waits, so that threads stand still."""
    return getattr(sys.modules.get("slicer"), "app", None) is not None


def _nothing() -> None:
    return None

"""Looking for a graphics card takes seconds the first time, because it loads torch: done in the background."""

from __future__ import annotations

import contextlib
import importlib
import sys
from importlib.util import find_spec

from SyntheticImagingLib.task.background import Background

SENTENCE = "Looking for a graphics card…"


def looked() -> bool:
    """Whether it is known already what there is to compute on, or there is nothing to look with."""
    return "torch" in sys.modules or find_spec("torch") is None


def look() -> None:
    """Load what knows it; may run in any thread."""
    with contextlib.suppress(ImportError, OSError):
        importlib.import_module("torch").cuda.is_available()


def look_in_background() -> Background | None:
    """Begin to look; None where that is not needed."""
    return None if looked() else Background(look, SENTENCE)

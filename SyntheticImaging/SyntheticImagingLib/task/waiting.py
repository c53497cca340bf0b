"""Staying until a task has ended: for scripts and self-tests, never for a panel."""

from __future__ import annotations

import time
from collections.abc import Callable

from synthetic_imaging.context import Progress
from synthetic_imaging.errors import Cancelled
from SyntheticImagingLib.task.results import Made
from SyntheticImagingLib.task.scene_task import SceneTask
from SyntheticImagingLib.task.state import TaskState

_POLL_SECONDS = 0.03


def wait_for(task: SceneTask, on_progress: Callable[[Progress], None] | None = None) -> Made:
    """Start a task and stay until it has ended.

    Args:
        task: a new task.
        on_progress: called with each new progress, in this thread.

    Raises:
        SyntheticImagingError: the sentence, if it failed.
        Cancelled: if it was cancelled, or the scene was closed.
    """
    heard: Progress | None = None
    try:
        if task.state is TaskState.NEW:
            task.start()
        while not task.finished:
            task.poll()
            if on_progress is not None and task.progress != heard:
                heard = task.progress
                on_progress(heard)
            time.sleep(_POLL_SECONDS)
    finally:
        task.close()
    if task.made is None:
        raise task.error or Cancelled("The scene was closed. Nothing was kept.")
    return task.made

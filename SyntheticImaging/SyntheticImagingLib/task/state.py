"""Where a task stands."""

from __future__ import annotations

from enum import Enum


class TaskState(str, Enum):
    """Where a task stands; DROPPED: the scene was closed while it ran, and its results were thrown away."""

    NEW = "new"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DROPPED = "dropped"

    @property
    def final(self) -> bool:
        """Whether nothing more will come."""
        return self not in (TaskState.NEW, TaskState.RUNNING, TaskState.STOPPING)

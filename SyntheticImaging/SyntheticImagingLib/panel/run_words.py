"""What a run says about itself: steps, remaining time, the ending."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _


def remaining(seconds: float | None) -> str:
    """Seconds left as a person says it; "" when nobody knows yet."""
    if seconds is None:
        return ""
    if seconds < 1.0:
        return _("less than 1 s left")
    if seconds < 90.0:
        return _("{seconds} s left").format(seconds=round(seconds))
    return _("{minutes} min left").format(minutes=round(seconds / 60.0))


def step_line(progress: Any) -> str:
    """Step and remaining time: "texture, 1 s left"."""
    if not progress.fraction:  # the child process has not spoken yet, or has just begun
        return _("starting")
    return ", ".join(part for part in (str(progress.step), remaining(progress.seconds_left)) if part)


def title_of(task: Any) -> str:
    """What the task does, in its tool's words; "" when it does not say."""
    tool = getattr(task, "tool", None)
    return str(getattr(tool, "title", None) or getattr(task, "title", ""))


def summary(task: Any) -> str:
    """One line after a good end: "Draw a lesion · 2.1 s · seed 123"."""
    parts = [title_of(task)]
    done = getattr(task, "done", None)
    if isinstance(done, int) and not isinstance(done, bool):
        parts.append(_("{count} cases made").format(count=done))
    failed = getattr(task, "failed", 0)
    if failed:
        parts.append(_("{count} gave no result").format(count=failed))
    files = getattr(task, "files", None)
    if files:
        parts.append(_("{count} files written").format(count=len(files)))
    folder = getattr(task, "folder", None)
    if folder is not None:
        parts.append(_("in '{folder}'").format(folder=folder))
    seconds = getattr(task, "seconds", None)
    if seconds:
        parts.append(_("{seconds:.1f} s").format(seconds=seconds))
    seed = getattr(task, "seed", None)
    if seed is not None:
        parts.append(_("seed {seed}").format(seed=seed))
    return " · ".join(part for part in parts if part)


def notes_of(task: Any) -> tuple[str, ...]:
    """What the run wants the user to know."""
    return tuple(getattr(task, "notes", ()) or ())


def cancelled(task: Any) -> str:
    """What a cancelled task leaves behind."""
    done = getattr(task, "done", 0)
    if done and not isinstance(done, bool):
        return _("Cancelled. {count} finished cases stay in '{folder}'.").format(count=done, folder=task.folder)
    return _("Cancelled. Nothing was changed.")


def started(task: Any) -> str:
    """The first line of the log."""
    return _("{title}: started").format(title=title_of(task)) if title_of(task) else _("started")

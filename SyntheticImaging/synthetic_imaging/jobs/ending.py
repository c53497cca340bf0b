"""How a job ended, as an error with a sentence."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from synthetic_imaging import errors
from synthetic_imaging.errors import Cancelled, JobFailed, MemoryShortage, SyntheticImagingError

_KILLED = {-9, 137}
_WINDOWS = {0xC0000017: "memory", 0xC000012D: "memory", 0xC0000005: "crashed (access violation)",
            0xC00000FD: "crashed (stack overflow)", 0xC000013A: "was interrupted"}


def reported_error(line: Mapping[str, Any]) -> SyntheticImagingError:
    """The error that a worker reported in its last line; ``details`` holds the traceback for a report."""
    kind = getattr(errors, str(line.get("error")), JobFailed)
    if not (isinstance(kind, type) and issubclass(kind, SyntheticImagingError)):
        kind = JobFailed
    return with_details(kind(str(line.get("sentence", "The job failed."))), str(line.get("details", "")))


def with_details(error: SyntheticImagingError, details: str) -> SyntheticImagingError:
    """The error with text for "details to copy"."""
    error.details = details
    return error


def silent_end(title: str, code: int, log: str) -> SyntheticImagingError:
    """The error for a worker that ended without saying how."""
    unsigned = code & 0xFFFFFFFF
    windows = _WINDOWS.get(unsigned) if unsigned >= 0xC0000000 and code not in _KILLED and code > 0 else None
    if code in _KILLED or windows == "memory":
        return with_details(MemoryShortage(
            f"'{title}' was ended by the system, most likely because memory ran out. Nothing was changed. "
            "Close other volumes or programs, or crop the volume."), log)
    if windows:
        how = windows
    elif code < 0:
        try:
            how = f"crashed ({signal.Signals(-code).name})"
        except ValueError:
            how = f"crashed (signal {-code})"
    else:
        how = f"ended with exit code {code}"
    return with_details(JobFailed(
        f"'{title}' {how} before it had a result. Nothing was changed. Try again; if it happens again, please report "
        "it with the details."), log)


def died_before_start(error: OSError, command: str) -> JobFailed:
    """The error for a worker that could not be started."""
    return JobFailed(f"The job could not be started with '{command}': {error.strerror or error}. "
                     "Check that this Python exists and has synthetic-imaging installed.")


def cancelled() -> Cancelled:
    """The user's own wish."""
    return Cancelled()

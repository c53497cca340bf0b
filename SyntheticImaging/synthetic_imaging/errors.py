"""What can go wrong, in sentences that a clinician can act on."""

from __future__ import annotations


class SyntheticImagingError(Exception):
    """Base of all errors whose text is meant for the user: what is wrong, where, and what to do.

    Attributes:
        details: more text for a report, such as a traceback; "" where there is none.
    """

    details: str = ""


class InputError(SyntheticImagingError):
    """An input volume, mask, point or file cannot be used; the text says which and why."""


class ParameterError(SyntheticImagingError):
    """A parameter is unknown, of the wrong type or out of its range."""


class FileError(SyntheticImagingError):
    """A file or folder cannot be read or written."""


class MemoryShortage(SyntheticImagingError):
    """There is, or would be, too little memory."""


class JobFailed(SyntheticImagingError):
    """A job in another process ended without a result (crash, kill, out of memory)."""


class Cancelled(SyntheticImagingError):
    """The user asked to stop; nothing was changed."""

    def __init__(self, message: str = "Cancelled. Nothing was changed.") -> None:
        super().__init__(message)

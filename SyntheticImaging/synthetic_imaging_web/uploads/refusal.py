"""Why an upload is not taken."""

from __future__ import annotations

from synthetic_imaging.errors import InputError

TOO_LARGE = 413
WRONG_KIND = 415
BAD_NAME = 400
BROKEN = 422
NO_ROOM = 507


class UploadRefused(InputError):
    """A file is not taken; the text says why and what to do.

    Attributes:
        status: the HTTP status that goes with it.
        foreign: a file that is simply no image (a read-me, a DICOMDIR): left out when images lie beside it.
    """

    def __init__(self, sentence: str, status: int = BROKEN, *, foreign: bool = False) -> None:
        super().__init__(sentence)
        self.status = status
        self.foreign = foreign

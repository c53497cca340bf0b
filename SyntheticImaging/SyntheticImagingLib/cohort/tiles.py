"""Small pictures of cases, one for each, made in the background while the views keep answering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.cohorts.contact_sheet import PLANES, plane_picture
from synthetic_imaging.cohorts.layouts import read_case
from synthetic_imaging.cohorts.records import CaseRecord
from synthetic_imaging.errors import SyntheticImagingError
from SyntheticImagingLib.task.background import Background

Picture = npt.NDArray[np.uint8]
PLANE_NAMES = tuple(PLANES)
PIXELS = 132
_REJECTED = (235, 87, 87)
_MOST_KEPT = 200


@dataclass(frozen=True)
class Tile:
    """A case and its picture, (pixels, pixels, 3); crossed out where the case is rejected."""

    record: CaseRecord
    picture: Picture


class Tiles:
    """Makes the pictures of a page; those made before are kept.

    Attributes:
        error: why a page could not be made, or None.
    """

    def __init__(self, pixels: int = PIXELS) -> None:
        self._pixels = pixels
        self._kept: dict[tuple[str, int, int, str], Picture] = {}
        self._work: Background | None = None
        self._next: tuple[Path, list[CaseRecord], str] | None = None
        self.error: SyntheticImagingError | None = None

    @property
    def busy(self) -> bool:
        """Whether pictures are being made."""
        return self._work is not None or self._next is not None

    def ask(self, folder: Path, records: Sequence[CaseRecord], plane: str) -> None:
        """Have pictures of these cases made; what was asked before and not begun is forgotten."""
        self._next = (folder, list(records), plane)
        self.poll()

    def poll(self) -> bool:
        """Go on; returns whether new pictures are there."""
        came = False
        if self._work is not None and self._work.done:
            self.error = self._work.error
            if self.error is None:
                self._kept.update(self._work.result)
                for key in list(self._kept)[: max(0, len(self._kept) - _MOST_KEPT)]:
                    del self._kept[key]
            self._work = None
            came = True
        if self._work is None and self._next is not None:
            folder, records, plane = self._next
            self._next = None
            missing = [r for r in records if self._key(folder, r, plane) not in self._kept]
            if missing:
                self._work = Background(lambda: self._make(folder, missing, plane), "Reading the cases")
            else:
                came = True
        return came

    def tiles(self, folder: Path, records: Sequence[CaseRecord], plane: str) -> list[Tile]:
        """The pictures of these cases, as far as they are there."""
        found = []
        for record in records:
            picture = self._kept.get(self._key(folder, record, plane))
            if picture is not None:
                found.append(Tile(record, crossed_out(picture) if record.rejected else picture))
        return found

    def wait(self) -> None:
        """Until what was begun has ended; for scripts and tests."""
        if self._work is not None:
            self._work.wait()

    def _make(self, folder: Path, records: list[CaseRecord], plane: str) -> dict[Any, Picture]:
        return {
            self._key(folder, record, plane): plane_picture(*read_case(folder, record), plane, self._pixels)
            for record in records
        }

    @staticmethod
    def _key(folder: Path, record: CaseRecord, plane: str) -> tuple[str, int, int, str]:
        return (str(folder), record.number, record.attempt, plane)


def crossed_out(picture: Picture) -> Picture:
    """The picture darkened, with a red frame and a line from corner to corner."""
    shown = (picture * 0.45).astype(np.uint8)
    rows, columns = shown.shape[:2]
    line = np.arange(rows)
    for offset in (-1, 0, 1):
        across = np.clip(((rows - 1 - line) * (columns - 1)) // max(rows - 1, 1) + offset, 0, columns - 1)
        shown[line, across] = _REJECTED
    shown[:3], shown[-3:], shown[:, :3], shown[:, -3:] = _REJECTED, _REJECTED, _REJECTED, _REJECTED
    return shown


def write_png(picture: Picture, path: Path) -> Path:
    """Write a picture as PNG."""
    from PIL import Image

    Image.fromarray(picture).save(path, format="PNG")
    return path

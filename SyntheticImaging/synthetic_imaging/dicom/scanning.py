"""Which DICOM series lie in a folder, and which files belong to them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.staging import why

SEGMENTATION_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_FORCED = (".dcm", ".ima")


@dataclass(frozen=True, eq=False)
class SeriesSummary:
    """One series of images.

    Attributes:
        series_uid: SeriesInstanceUID.
        modality: "CT", "MR", ...
        description: SeriesDescription.
        number: SeriesNumber as text.
        images: how many images (frames of multi-frame objects are counted).
        rows, columns: size of an image.
        files: the files, in the order of their names.
        headers: their attributes without pixels.
    """

    series_uid: str
    modality: str
    description: str
    number: str
    images: int
    rows: int
    columns: int
    files: tuple[Path, ...]
    headers: tuple[Any, ...]

    def __str__(self) -> str:
        title = self.description or "no description"
        return f"{self.modality} '{title}', {self.images} images of {self.columns} x {self.rows}"


def header_of(path: Path) -> Any:
    """Attributes of a DICOM file without its pixels, or None if it is no DICOM file.

    Raises:
        FileError: if it cannot be opened.
    """
    import pydicom

    try:
        forced = path.suffix.lower() in _FORCED
        header = pydicom.dcmread(path, stop_before_pixels=True, force=forced)
        return header if "SOPClassUID" in header else None
    except OSError as error:
        raise why(error, path, "read") from None
    except Exception:
        # pydicom raises many kinds on foreign bytes; a folder of DICOM files often holds others too.
        return None


def series_in(folder: Path, recursive: bool = True) -> list[SeriesSummary]:
    """The image series in a folder, in the order of their numbers; other files are passed over.

    The same image twice (a copied file) counts once.

    Raises:
        FileError: if the folder does not exist or cannot be read.
    """
    if not folder.is_dir():
        raise FileError(f"The folder '{folder}' does not exist. Check the path.")
    try:
        names = sorted(_walk(folder)) if recursive else sorted(p for p in folder.iterdir() if p.is_file())
    except OSError as error:
        raise why(error, folder, "read") from None
    groups: dict[str, list[tuple[Path, Any]]] = {}
    seen: set[str] = set()
    for path in names:
        header = header_of(path)
        if header is None or is_segmentation(header) or not _is_image(header):
            continue
        instance = str(header.get("SOPInstanceUID") or path)
        if instance not in seen:
            seen.add(instance)
            groups.setdefault(str(header.get("SeriesInstanceUID", "")), []).append((path, header))
    found = [summary(uid, members) for uid, members in groups.items()]
    return sorted(found, key=lambda s: (int(s.number) if s.number.lstrip("-").isdigit() else 0, s.series_uid))


def is_segmentation(header: Any) -> bool:
    """Whether it is a DICOM segmentation object."""
    return str(header.get("SOPClassUID", "")) in SEGMENTATION_CLASSES


def _is_image(header: Any) -> bool:
    try:
        return int(header.Rows) > 0 and int(header.Columns) > 0 and int(header.get("NumberOfFrames") or 1) > 0
    except (AttributeError, ValueError, TypeError):
        return False


def _walk(folder: Path) -> list[Path]:
    return [Path(root) / name for root, _, files in os.walk(folder) for name in files if not name.startswith(".")]


def summary(uid: str, members: list[tuple[Path, Any]]) -> SeriesSummary:
    """The summary of files that share a SeriesInstanceUID."""
    first = members[0][1]
    return SeriesSummary(
        uid, str(first.get("Modality", "")), str(first.get("SeriesDescription") or ""),
        "" if first.get("SeriesNumber") is None else str(first.SeriesNumber),
        sum(int(header.get("NumberOfFrames") or 1) for _, header in members), int(first.Rows), int(first.Columns),
        tuple(path for path, _ in members), tuple(header for _, header in members),
    )

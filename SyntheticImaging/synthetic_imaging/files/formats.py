"""Which format a file has, by its content, and which one a name asks for."""

from __future__ import annotations

import gzip
import zlib
from enum import Enum
from pathlib import Path

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.staging import why


class Format(Enum):
    """A file format that can be read."""

    NRRD = "NRRD"
    METAIMAGE = "MetaImage"
    NIFTI = "NIfTI"
    DICOM = "DICOM"


ENDINGS = {
    ".seg.nrrd": Format.NRRD, ".seq.nrrd": Format.NRRD, ".nrrd": Format.NRRD, ".mha": Format.METAIMAGE,
    ".mhd": Format.METAIMAGE, ".nii.gz": Format.NIFTI, ".nii": Format.NIFTI,
}
KNOWN = ".nrrd, .seg.nrrd, .seq.nrrd, .mha, .mhd, .nii, .nii.gz, or a DICOM folder"


def format_of_content(path: Path) -> Format:
    """The format of an existing file or folder, from its first bytes.

    Raises:
        FileError: if there is no such file, it is empty, or none of the known formats.
    """
    try:
        if path.is_dir():
            return Format.DICOM
        with path.open("rb") as file:
            start = file.read(400)
    except OSError as error:
        raise why(error, path, "read") from None
    if not start:
        raise FileError(f"'{path}' is empty (0 bytes). Copy or export it again.")
    if start.startswith(b"NRRD0"):
        return Format.NRRD
    if start[128:132] == b"DICM":
        return Format.DICOM
    if start.startswith(b"\x1f\x8b"):
        start = _unzipped(path)
    if start[344:348] in (b"n+1\0", b"ni1\0") or start[4:8] in (b"n+2\0", b"ni2\0"):
        return Format.NIFTI
    if any(key in start for key in (b"ObjectType", b"NDims")):
        return Format.METAIMAGE
    if path.suffix.lower() in (".dcm", ".ima"):
        return Format.DICOM
    ending = ending_of(path)
    if ending is not None:
        raise FileError(f"'{path}' ends in {ending} but holds no {ENDINGS[ending].value} image. Export it again.")
    raise FileError(f"'{path}' is in no format that can be read ({KNOWN}).")


def ending_of(path: Path) -> str | None:
    """The known ending of a name, longest first, or None."""
    return next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), None)


def name_of(path: Path) -> str:
    """What to call an image whose file gives no name: the file's name without its ending."""
    ending = ending_of(path)
    return (path.name[: -len(ending)] if ending else path.stem) or "volume"


def _unzipped(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(400)
    except (OSError, EOFError, zlib.error):
        return b""

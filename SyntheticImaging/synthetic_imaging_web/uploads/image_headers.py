"""What the headers of image files announce, read with bounds and without the libraries that read the images later."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from synthetic_imaging_web.uploads.inflating import GZIP, ZLIB, Damaged, head_of
from synthetic_imaging_web.uploads.kinds import Kind
from synthetic_imaging_web.uploads.refusal import WRONG_KIND, UploadRefused

_MOST_NRRD = 8 << 20
_MOST_META = 1 << 20
_MOST_AXES = 8
_NRRD_BYTES = {
    "char": 1, "short": 2, "int": 4, "longlong": 8, "long long": 8, "float": 4, "double": 8, "int8": 1, "int16": 2,
    "int32": 4, "int64": 8, "unsigned char": 1, "uchar": 1, "unsigned short": 2, "ushort": 2, "unsigned int": 4,
    "uint": 4, "unsigned long long": 8, "ulonglong": 8, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
}  # fmt: skip
_META_BYTES = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_LONG": 8,
    "MET_ULONG": 8, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8, "MET_FLOAT": 4, "MET_DOUBLE": 8,
}  # fmt: skip


class Unreadable(Exception):
    """A header makes no sense; the text says where, for a sentence."""


@dataclass(frozen=True)
class Announced:
    """What a header announces.

    Attributes:
        kind: what the file holds.
        start: where its voxels begin.
        voxels: bytes of voxels when unpacked.
        form: how they are compressed (`inflating.GZIP`, `ZLIB`), or None.
    """

    kind: Kind
    start: int
    voxels: int
    form: int | None


def nrrd(name: str, file: BinaryIO) -> Announced:
    """The header of an NRRD file.

    Raises:
        UploadRefused: if its voxels lie in another file or are packed in an unusual way.
        Unreadable: if it is damaged.
    """
    fields, keys, start = _nrrd_lines(file)
    if "data file" in fields or "datafile" in fields:
        raise UploadRefused(f"'{name}' keeps its voxels in another file. Save it as one .nrrd file.", WRONG_KIND)
    encoding = fields.get("encoding", "raw").lower()
    if encoding not in ("raw", "gzip", "gz"):
        raise UploadRefused(
            f"'{name}' is packed as '{encoding[:20]}', which is not taken. Save it raw or as gzip.", WRONG_KIND
        )
    voxel_type = fields.get("type", "").lower().removesuffix("_t").removeprefix("signed ")
    size = _NRRD_BYTES.get(voxel_type) or _NRRD_BYTES.get(voxel_type.removesuffix(" int"))
    if size is None:
        raise Unreadable("its header names no usual type of voxels")
    voxels = _product(fields.get("sizes", "").split()) * size
    kinds = fields.get("kinds", "").lower().split()
    if any(re.match(r"axis \d index", key) for key in keys):
        kind = Kind.SEQUENCE
    elif name.lower().endswith(".seg.nrrd") or any(re.match(r"Segment\d+_", key) for key in keys):
        kind = Kind.SEGMENTATION
    else:
        kind = Kind.SEQUENCE if len(kinds) > 3 and "list" in kinds else Kind.VOLUME
    return Announced(kind, start, voxels, None if encoding == "raw" else GZIP)


def metaimage(name: str, file: BinaryIO) -> Announced:
    """The header of a MetaImage file; raises as `nrrd` does."""
    keys: dict[str, str] = {}
    while "ElementDataFile" not in keys:
        key, found, value = file.readline(1 << 16).decode("utf-8", errors="replace").partition("=")
        if not found or file.tell() > _MOST_META:
            raise Unreadable("its header is not complete")
        keys[key.strip()] = value.strip()
    if keys["ElementDataFile"] != "LOCAL":
        raise UploadRefused(f"'{name}' keeps its voxels in another file. Save it as one .mha file.", WRONG_KIND)
    size = _META_BYTES.get(keys.get("ElementType", ""))
    if size is None:
        raise Unreadable("its header names no usual type of voxels")
    channels = _product([keys.get("ElementNumberOfChannels", "1")])
    voxels = _product(keys.get("DimSize", "").split()) * size * channels
    packed = keys.get("CompressedData", "False").lower() == "true"
    return Announced(Kind.VOLUME, file.tell(), voxels, ZLIB if packed else None)


def nifti(name: str, file: BinaryIO, packed: bool) -> Announced:
    """The header of a NIfTI file; raises as `nrrd` does."""
    try:
        head = head_of(file, 544) if packed else file.read(544)
    except Damaged:
        raise Unreadable("it cannot be unpacked") from None
    if len(head) < 348:
        raise Unreadable("its header is not complete")
    order = next((o for o in "<>" if struct.unpack_from(f"{o}i", head)[0] in (348, 540)), None)
    if order is None:
        raise Unreadable("it does not begin like a NIfTI file")
    if struct.unpack_from(f"{order}i", head)[0] == 348:
        magic, dim = head[344:348], struct.unpack_from(f"{order}8h", head, 40)
        bits, offset = struct.unpack_from(f"{order}h", head, 72)[0], struct.unpack_from(f"{order}f", head, 108)[0]
    else:
        if len(head) < 540:
            raise Unreadable("its header is not complete")
        magic, dim = head[4:8], struct.unpack_from(f"{order}8q", head, 16)
        bits, offset = struct.unpack_from(f"{order}h", head, 14)[0], struct.unpack_from(f"{order}q", head, 168)[0]
    if magic in (b"ni1\0", b"ni2\0"):
        raise UploadRefused(f"'{name}' keeps its voxels in another file. Save it as one .nii.gz file.", WRONG_KIND)
    if magic not in (b"n+1\0", b"n+2\0"):
        raise Unreadable("it does not begin like a NIfTI file")
    if not 1 <= dim[0] <= 7 or not 1 <= bits <= 256 or not (math.isfinite(offset) and 0 <= offset <= 1 << 28):
        raise Unreadable("its header makes no sense")
    voxels = _product([str(max(n, 1) if i >= 3 else n) for i, n in enumerate(dim[1 : dim[0] + 1])]) * ((bits + 7) // 8)
    return Announced(Kind.VOLUME, int(offset), voxels, GZIP if packed else None)


def _nrrd_lines(file: BinaryIO) -> tuple[dict[str, str], set[str], int]:
    fields: dict[str, str] = {}
    keys: set[str] = set()
    file.readline(100)
    while True:
        line = file.readline(_MOST_NRRD)
        if file.tell() > _MOST_NRRD or not line:
            raise Unreadable("its header has no end")
        text = line.decode("utf-8", errors="replace").strip("\r\n")
        if not text:
            return fields, keys, file.tell()
        if text.startswith("#"):
            continue
        key, mark, value = text.partition(":")
        if not mark:
            raise Unreadable("its header makes no sense")
        if value.startswith("="):
            keys.add(key)
        else:
            fields[key.strip().lower()] = value.strip()


def _product(numbers: list[str]) -> int:
    if not 1 <= len(numbers) <= _MOST_AXES or not all(re.fullmatch(r"[0-9]{1,12}", n) and int(n) > 0 for n in numbers):
        raise Unreadable("its header names no sensible size")
    return math.prod(int(n) for n in numbers)

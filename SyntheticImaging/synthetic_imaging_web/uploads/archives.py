"""Zip archives: looked through before anything is unpacked, and counted while it is."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from synthetic_imaging.memory import readable_bytes
from synthetic_imaging_web.uploads import sentences
from synthetic_imaging_web.uploads.kinds import is_clutter
from synthetic_imaging_web.uploads.limits import UploadLimits
from synthetic_imaging_web.uploads.names import suffix_of
from synthetic_imaging_web.uploads.refusal import BAD_NAME, BROKEN, TOO_LARGE, WRONG_KIND, UploadRefused

_PIECE = 1 << 18
_MOST_DIRECTORY = 64 << 20
_SMALL = 32 << 20
_NESTED = {".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".mrb", ".jar", ".iso", ".zst"}
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def unpack(path: Path, name: str, limits: UploadLimits, room: int, take: Callable[[str, BinaryIO], None]) -> int:
    """Look an archive through, then hand its files over one by one.

    Args:
        path: the archive.
        name: what the user calls it.
        limits: how many files, how many bytes, how much smaller than what it holds.
        room: bytes that may still be unpacked.
        take: called with the name of each file and a stream of what it holds, which ends with an error after as many
            bytes as the archive announces for it.

    Returns:
        how many bytes it held.

    Raises:
        UploadRefused: if it is damaged, encrypted, too large, nested, or tries to write outside its folder.
    """
    damaged = UploadRefused(sentences.broken(name, "the archive cannot be unpacked"), BROKEN)
    try:
        _check_directory(path, name, limits)
        with zipfile.ZipFile(path) as archive:
            members = _checked(archive, path, name, limits, room)
            for member in members:
                with archive.open(member) as stream:
                    take(member.filename, _Counted(stream, member.file_size, name))  # type: ignore[arg-type]
            return sum(m.file_size for m in members)
    except (UploadRefused, OSError):  # the latter is the disk's, not the archive's
        raise
    except Exception:
        # zipfile, zlib and struct raise half a dozen kinds; all mean that the bytes make no sense.
        raise damaged from None


class _Counted:
    """A stream that gives no more than it has announced."""

    def __init__(self, stream: BinaryIO, announced: int, name: str) -> None:
        self._stream, self._left, self._name = stream, announced, name

    def read(self, count: int = _PIECE) -> bytes:
        """The next bytes."""
        piece = self._stream.read(min(count, _PIECE) if count >= 0 else _PIECE)
        self._left -= len(piece)
        if self._left < 0:
            raise UploadRefused(f"'{self._name}' holds more than it announces, and is refused.", BROKEN)
        return piece


def _check_directory(path: Path, name: str, limits: UploadLimits) -> None:
    # The whole list of contents is read into memory at once: its size and length are looked at before.
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - (1 << 16) - 22))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < 22:
            raise zipfile.BadZipFile
        count, length = struct.unpack_from("<HI", tail, at + 10)
        large = tail.rfind(b"PK\x06\x07", 0, at)
        if large >= 0 and at - large == 20:
            file.seek(struct.unpack_from("<Q", tail, large + 8)[0])
            end = file.read(56)
            if end[:4] != b"PK\x06\x06":
                raise zipfile.BadZipFile
            count, length = struct.unpack_from("<QQ", end, 32)
    if count > 2 * limits.files or length > min(_MOST_DIRECTORY, size):
        raise UploadRefused(f"'{name}': {sentences.too_many(limits)}", TOO_LARGE)


def _checked(archive: zipfile.ZipFile, path: Path, name: str, limits: UploadLimits, room: int) -> list[zipfile.ZipInfo]:
    members = []
    for member in archive.infolist():
        _check_member(member, name)
        parts = member.filename.replace("\\", "/").split("/")
        if not member.is_dir() and not is_clutter(parts):
            members.append(member)
    if len(members) > limits.files:
        raise UploadRefused(f"'{name}': {sentences.too_many(limits)}", TOO_LARGE)
    if not members:
        raise UploadRefused(f"'{name}' holds no files.", BROKEN)
    announced, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if announced > room:
        raise UploadRefused(
            f"'{name}' holds {readable_bytes(announced)} when unpacked; at most {readable_bytes(max(room, 0))} "
            "are taken.", TOO_LARGE)
    size = path.stat().st_size
    if packed > size:  # entries that overlap: few bytes, counted many times
        raise UploadRefused(f"'{name}' holds more than it announces, and is refused.", BROKEN)
    if announced > _SMALL and announced > limits.ratio * max(size, 1):
        raise UploadRefused(
            f"'{name}' is {announced // max(size, 1)} times smaller than what it holds: no image shrinks that much, "
            "and it is refused. Send the files without an archive.", TOO_LARGE)
    return members


def _check_member(member: zipfile.ZipInfo, name: str) -> None:
    path = member.filename.replace("\\", "/")
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or "\0" in member.orig_filename or re.match("[A-Za-z]:", path):
        raise UploadRefused(f"'{name}' tries to write outside its own folder, and is refused.", BAD_NAME)
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UploadRefused(f"'{name}' holds links or special files, and is refused.", BAD_NAME)
    if member.flag_bits & 0x41:
        raise UploadRefused(f"'{name}' is protected by a password. Unpack it, then send the files.", WRONG_KIND)
    if member.compress_type not in _METHODS:
        raise UploadRefused(f"'{name}' is packed in an unusual way. Pack it as an ordinary .zip.", WRONG_KIND)
    if suffix_of(path) in _NESTED and not is_clutter(parts):
        raise UploadRefused(f"'{name}' holds archives inside. Unpack them first.", WRONG_KIND)

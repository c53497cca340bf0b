"""One upload: files come in piece by piece, and either all are fit to be read or nothing stays."""

from __future__ import annotations

import errno
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from synthetic_imaging_web.uploads import archives, sentences
from synthetic_imaging_web.uploads.image_checks import check_image
from synthetic_imaging_web.uploads.kinds import HEAD_BYTES, Container, Kind, container_of, is_clutter
from synthetic_imaging_web.uploads.limits import MB, UploadLimits
from synthetic_imaging_web.uploads.names import FALLBACK, parts_of, stem_of, unused
from synthetic_imaging_web.uploads.refusal import NO_ROOM, TOO_LARGE, UploadRefused

_LOOK_EVERY = 64 * MB
_PIECE = 1 << 18
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Arrived:
    """What an upload brought.

    Attributes:
        name: what to call it: the file's, folder's or archive's name without ending.
        kind: of the first image.
        files: how many images lie in the folder.
        ignored: how many files were no images and were left out.
        bytes: how much was sent.
    """

    name: str
    kind: Kind
    files: int
    ignored: int
    bytes: int


class _File:
    """A file on its way in."""

    def __init__(self, sent: str) -> None:
        self.parts = parts_of(sent)
        self.clutter = is_clutter(re.split(r"[/\\]", sent))
        self.head = b""
        self.container: Container | None = None
        self.path: Path | None = None
        self.out: BinaryIO | None = None


class Receiving:
    """Takes files into a new folder.

    Call `open`, for each file `begin`, `write` and `end_file`, then `finish`; and `close` in any case. All but `begin`
    may take a while. The caller removes the folder when any of them raises.
    """

    def __init__(self, folder: Path, limits: UploadLimits) -> None:
        self._folder, self._limits = folder, limits
        self._names: set[str] = set()
        self._kinds: list[Kind] = []
        self._archives: list[tuple[Path, str]] = []
        self._title = ""
        self._sent = self._unpacked = self._since_look = 0
        self._count = self._foreign = self._dicom = 0
        self._first_foreign: UploadRefused | None = None
        self._file: _File | None = None

    def open(self, expected_bytes: int = 0) -> None:
        """Make the folder, and see whether there is room.

        Raises:
            UploadRefused: if there is not.
        """
        self._folder.mkdir(mode=0o700)
        self._look_for_room(expected_bytes)

    def begin(self, sent_name: str) -> None:
        """A file of that name begins.

        Raises:
            UploadRefused: if it is one too many.
        """
        self._count += 1
        if self._count > self._limits.files:
            raise UploadRefused(sentences.too_many(self._limits), TOO_LARGE)
        self._file = _File(sent_name)

    @property
    def undecided(self) -> bool:
        """Whether the kind of the file is not known yet: then the next bytes should be given at once."""
        file = self._file
        return file is not None and file.container is None and not file.clutter and len(file.head) < HEAD_BYTES

    def write(self, piece: bytes) -> None:
        """The next bytes of the file.

        Raises:
            UploadRefused: if there are too many, the disk is full, or they do not fit the file's name.
        """
        self._sent += len(piece)
        if self._sent > self._limits.upload_bytes:
            raise UploadRefused(sentences.too_large(self._limits), TOO_LARGE)
        self._put(piece)

    def end_file(self, piece: bytes = b"") -> None:
        """The last bytes of the file; it is checked, or kept for unpacking.

        Raises:
            UploadRefused: as `write`, or if the file is damaged.
        """
        if piece:
            self.write(piece)
        self._end(in_archive=False)

    def finish(self) -> Arrived:
        """All files are there: unpack archives, and say what has arrived.

        Raises:
            UploadRefused: if there is nothing to read, or an archive is not fit.
        """
        for path, name in self._archives:
            room = self._limits.most_unpacked - self._unpacked
            try:
                self._unpacked += archives.unpack(path, name, self._limits, room, self._take)
            except OSError as error:
                raise _disk(error) from None
            finally:
                self.close()
                path.unlink(missing_ok=True)
        if not self._kinds:
            nothing = "None of these files is an image." if self._foreign else "No files were sent."
            raise self._first_foreign or UploadRefused(f"{nothing} What is taken: {sentences.TAKEN}.")
        return Arrived(self._title or FALLBACK, self._kinds[0], len(self._kinds), self._foreign, self._sent)

    def close(self) -> None:
        """Give open files back; can be called at any time, more than once."""
        file, self._file = self._file, None
        if file is not None and file.out is not None:
            file.out.close()

    def _take(self, name: str, stream: BinaryIO) -> None:
        """A file of an archive."""
        self._count += 1
        if self._count > self._limits.files:
            raise UploadRefused(sentences.too_many(self._limits), TOO_LARGE)
        self._file = _File(name)
        while piece := stream.read(_PIECE):
            self._put(piece)
        self._end(in_archive=True)

    def _put(self, piece: bytes) -> None:
        file = self._file
        assert file is not None
        if file.clutter:
            return
        if file.out is not None:
            self._write_out(file.out, piece)
            return
        if file.container is None and len(file.head) < HEAD_BYTES:
            file.head += piece
            if len(file.head) >= HEAD_BYTES:
                self._decide(file)

    def _end(self, in_archive: bool) -> None:
        file = self._file
        assert file is not None
        if file.clutter:
            self._foreign += 1
        elif file.container is None and len(file.head) < HEAD_BYTES:
            self._decide(file)
        self.close()
        if file.path is None or file.container is None:
            return
        name = file.parts[-1]
        if file.container is Container.ZIP:
            if in_archive:
                raise UploadRefused("The archive holds archives inside. Unpack them first.")
            self._archives.append((file.path, name))
            self._title = self._title or stem_of(name)
            return
        self._kinds.append(check_image(file.path, name, file.container, self._limits))
        self._title = self._title or (file.parts[0] if len(file.parts) > 1 else stem_of(name))

    def _decide(self, file: _File) -> None:
        """By its first bytes: where to write it, or that it is none of ours."""
        try:
            file.container = container_of(file.parts[-1], file.head)
        except UploadRefused as refused:
            if not refused.foreign:
                raise
            self._foreign += 1
            self._first_foreign = self._first_foreign or refused
            file.head = file.head.ljust(HEAD_BYTES, b"\0")  # decided: the rest is passed over
            return
        file.path = self._folder / self._name_for(file)
        try:
            file.out = file.path.open("xb")
        except OSError as error:
            raise _disk(error) from None
        self._write_out(file.out, file.head)

    def _name_for(self, file: _File) -> str:
        if file.container is Container.DICOM:
            # Their names say nothing that their contents do not; and series of one folder may share names.
            self._dicom += 1
            name = f"{self._dicom:05d}.dcm"
        elif file.container is Container.ZIP:
            name = f"archive-{len(self._archives) + 1}.part"
        else:
            name = file.parts[-1]
        name = unused(name, self._names)
        self._names.add(name.casefold())
        return name

    def _write_out(self, out: BinaryIO, piece: bytes) -> None:
        self._since_look += len(piece)
        if self._since_look > _LOOK_EVERY:
            self._look_for_room(0)
        try:
            out.write(piece)
        except OSError as error:
            raise _disk(error) from None

    def _look_for_room(self, expected: int) -> None:
        self._since_look = 0
        if shutil.disk_usage(self._folder).free < expected + self._limits.free_bytes:
            raise UploadRefused(sentences.no_room(), NO_ROOM)


def _disk(error: OSError) -> UploadRefused:
    if error.errno in _FULL:
        return UploadRefused(sentences.no_room(), NO_ROOM)
    return UploadRefused("The files cannot be written on the computer that runs this program.", NO_ROOM)

"""Scratch folders of jobs: made for one run, removed after it, and swept when their owner died."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import socket
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from synthetic_imaging.errors import FileError
from synthetic_imaging.memory import readable_bytes

VARIABLE = "SYNTHETIC_IMAGING_SCRATCH"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NAME = re.compile(r"synthetic-imaging-([0-9a-f]{8})-(\d+)-(\d+)-")


def base_folder() -> Path:
    """Where scratch folders are made: the variable SYNTHETIC_IMAGING_SCRATCH, or the system's temporary folder."""
    return Path(os.environ.get(VARIABLE) or tempfile.gettempdir())


def make_scratch() -> Path:
    """A new folder that only this user can read, named after this process so that it can be swept later.

    Raises:
        FileError: if it cannot be made.
    """
    base = base_folder()
    prefix = f"synthetic-imaging-{_host()}-{os.getpid()}-{_born(os.getpid())}-"
    try:
        return Path(tempfile.mkdtemp(prefix=prefix, dir=base))
    except OSError as error:
        raise scratch_error(error, base) from None


def remove_scratch(folder: Path) -> None:
    """Remove a scratch folder with all that is in it; does nothing when it is gone, or is no scratch folder."""
    # A worker started by hand with a job file elsewhere must not delete what lies beside that file.
    if _NAME.match(folder.name):
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A scratch folder for the duration of a block."""
    folder = make_scratch()
    try:
        yield folder
    finally:
        remove_scratch(folder)


def sweep() -> int:
    """Remove the scratch folders on this machine whose processes are gone; returns how many."""
    import psutil

    removed = 0
    with contextlib.suppress(OSError):
        for folder in base_folder().glob("synthetic-imaging-*"):
            match = _NAME.match(folder.name)
            if not match or match[1] != _host():
                continue
            pid, born = int(match[2]), int(match[3])
            if not psutil.pid_exists(pid) or abs(_born(pid) - born) > 2:
                remove_scratch(folder)
                removed += not folder.exists()
    return removed


def check_room(bytes_needed: int) -> None:
    """Refuse before writing what cannot fit.

    Raises:
        FileError: if the disk of the scratch folder has too little room.
    """
    base = base_folder()
    try:
        free = shutil.disk_usage(base).free
    except OSError:
        return
    if free < bytes_needed:
        raise FileError(
            f"The disk with the scratch folder '{base}' has {readable_bytes(free)} free, and "
            f"{readable_bytes(bytes_needed)} are needed. Free some space, or set {VARIABLE} to another folder."
        )


def scratch_error(error: OSError, folder: Path) -> FileError:
    """The sentence for an error of the operating system in a scratch folder."""
    advice = f"Free some space, or set {VARIABLE} to another folder."
    if error.errno in _FULL:
        return FileError(f"The disk with the scratch folder '{folder}' is full. {advice}")
    return FileError(f"The scratch folder '{folder}' cannot be used: {error.strerror or error}. {advice}")


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _born(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0

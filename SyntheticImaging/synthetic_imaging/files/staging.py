"""Write beside the target, then rename: a failure leaves the old file as it was and no rubbish behind."""

from __future__ import annotations

import contextlib
import errno
import secrets
from collections.abc import Iterator
from pathlib import Path

from synthetic_imaging.errors import FileError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def why(error: OSError, path: Path, doing: str = "written") -> FileError:
    """The sentence for an error of the operating system; ``doing`` is "written" or "read"."""
    if error.errno in _FULL:
        return FileError(f"'{path}' could not be written: the disk is full. Free some space, or choose another folder.")
    if error.errno in _FORBIDDEN:
        return FileError(f"'{path}' may not be {doing}: permission denied. Choose another folder, or ask for access.")
    if error.errno == errno.ENOENT and doing == "read":
        return FileError(f"'{path}' does not exist. Check the path.")
    return FileError(f"'{path}' could not be {doing}: {error.strerror or error}.")


class Staging:
    """Temporary files that take their final names together, when everything has been written."""

    def __init__(self, overwrite: bool) -> None:
        self.overwrite = overwrite
        self._pairs: list[tuple[Path, Path]] = []
        self._obsolete: list[Path] = []

    def beside(self, target: Path) -> Path:
        """A temporary name in the target's folder.

        Raises:
            FileError: if the target exists and may not be overwritten, is a folder, or its folder does not exist.
        """
        if target.is_dir():
            raise FileError(f"'{target}' is a folder. Give the name of a file in it.")
        if not target.parent.is_dir():
            raise FileError(f"The folder '{target.parent}' does not exist. Create it first, or choose another.")
        if not self.overwrite and target.exists():
            raise FileError(f"'{target}' exists already. Choose another name, or allow overwriting.")
        temporary = target.with_name(f".{target.name[-80:]}.{secrets.token_hex(4)}.part")
        self._pairs.append((temporary, target))
        return temporary

    def obsolete(self, path: Path) -> None:
        """A file that no longer belongs to what is written now; removed at the end when overwriting."""
        self._obsolete.append(path)

    def commit(self) -> None:
        """Give every file its final name."""
        for temporary, target in self._pairs:
            if not self.overwrite and target.exists():
                raise FileError(f"'{target}' has appeared meanwhile. Choose another name, or allow overwriting.")
            temporary.replace(target)
        if self.overwrite:
            for path in self._obsolete:
                path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove whatever was written under a temporary name."""
        for temporary, _ in self._pairs:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def staged(path: Path, overwrite: bool) -> Iterator[Staging]:
    """Write files in this block through `Staging.beside`; they appear when it ends well, and vanish when not.

    Raises:
        FileError: for every error of the operating system, as a sentence about ``path``.
    """
    stage = Staging(overwrite)
    try:
        yield stage
        stage.commit()
    except OSError as error:
        raise why(error, path) from None
    finally:
        stage.discard()

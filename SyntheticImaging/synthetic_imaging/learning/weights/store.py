"""The user's weights of learned tools: one folder for each user, what lies in it, and deleting it safely.

A folder counts as a store only when it holds the store's own mark, which is set where the folder was new or empty.
Pointing the variable at a folder of other things therefore lists nothing and deletes nothing.
"""

from __future__ import annotations

import contextlib
import os
import platform
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from synthetic_imaging.errors import FileError
from synthetic_imaging.memory import readable_bytes

VARIABLE = "SYNTHETIC_IMAGING_WEIGHTS"
MARK = "SyntheticImaging-weights.txt"
_MARK_TEXT = (
    "Weights that SyntheticImaging downloaded after asking. The set-up page lists and deletes them.\n"
    "Keep nothing else in this folder: 'Delete all' empties it.\n"
)


def weights_folder() -> Path:
    """The folder: the variable SYNTHETIC_IMAGING_WEIGHTS, or the platform's place for an application's data."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    home = Path.home()
    system = platform.system()
    if system == "Windows":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "SyntheticImaging" / "weights"
    if system == "Darwin":
        return home / "Library" / "Application Support" / "SyntheticImaging" / "weights"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "synthetic-imaging" / "weights"


@dataclass(frozen=True)
class WeightsFile:
    """One file of the store.

    Attributes:
        name: its path inside the store, with /.
        bytes: its size.
        last_used: seconds since 1970; also the time it was downloaded if it was not used since.
    """

    name: str
    bytes: int
    last_used: float

    @property
    def used_on(self) -> str:
        """The day it was last used, "2026-08-14"."""
        return time.strftime("%Y-%m-%d", time.localtime(self.last_used))


class WeightsStore:
    """The weights on this computer."""

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = (weights_folder() if folder is None else Path(folder)).absolute()

    @property
    def is_store(self) -> bool:
        """Whether the folder is one of ours."""
        return (self.folder / MARK).is_file()

    def files(self) -> list[WeightsFile]:
        """Its files by name; links are neither listed nor followed."""
        if not self.is_store:
            return []
        found = []
        for place, _, names in os.walk(self.folder, followlinks=False):
            for name in names:
                path = Path(place) / name
                relative = path.relative_to(self.folder).as_posix()
                with contextlib.suppress(OSError):
                    facts = path.lstat()
                    if stat.S_ISREG(facts.st_mode) and relative != MARK:
                        found.append(WeightsFile(relative, facts.st_size, max(facts.st_atime, facts.st_mtime)))
        return sorted(found, key=lambda f: f.name)

    @property
    def bytes_used(self) -> int:
        """Bytes of all files."""
        return sum(f.bytes for f in self.files())

    @property
    def sentence(self) -> str:
        """What there is, for a panel."""
        if self.folder.exists() and not self.is_store and self.holds_anything():
            return f"The folder set by {VARIABLE} holds other files. Choose an empty folder for weights."
        files = self.files()
        if not files:
            return "No weights have been downloaded. What is shipped needs no download."
        count = "1 file" if len(files) == 1 else f"{len(files)} files"
        return f"{count}, {readable_bytes(sum(f.bytes for f in files))} on disk."

    def prepare(self) -> Path:
        """Make the folder, marked as a store.

        Raises:
            FileError: if it holds other things or cannot be made.
        """
        if self.is_store:
            return self.folder
        try:
            if self.folder.exists() and self.holds_anything():
                raise FileError(f"'{self.folder}' holds other files. Set {VARIABLE} to an empty folder.")
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / MARK).write_text(_MARK_TEXT, encoding="utf-8")
        except OSError as error:
            raise FileError(
                f"The folder for weights '{self.folder}' cannot be made: {error.strerror or error}. "
                f"Set {VARIABLE} to another folder."
            ) from None
        return self.folder

    def use(self, name: str) -> Path:
        """The path of a file that is about to be read; notes the time.

        Raises:
            FileError: if there is no such file in the store.
        """
        path = self._inside(name)
        with contextlib.suppress(OSError):
            os.utime(path, (time.time(), path.stat().st_mtime))
        return path

    def delete(self, name: str) -> int:
        """Delete one file; returns the bytes freed.

        Raises:
            FileError: if it is not a file of the store, or cannot be deleted.
        """
        path = self._inside(name)
        try:
            size = path.lstat().st_size
            path.unlink()
        except OSError as error:
            raise FileError(
                f"'{name}' could not be deleted: {error.strerror or error}. Close programs that use it, and try again."
            ) from None
        self._drop_empty_folders(path.parent)
        return size

    def delete_all(self) -> int:
        """Delete every file of the store; returns the bytes freed.

        Raises:
            FileError: if one cannot be deleted; the others are gone then.
        """
        freed, problem = 0, None
        for file in self.files():
            try:
                freed += self.delete(file.name)
            except FileError as error:
                problem = error
        if problem is not None:
            raise problem
        return freed

    def _inside(self, name: str) -> Path:
        refused = FileError(f"'{name}' is not a file of the weights folder.")
        parts = name.split("/")
        if not self.is_store or name == MARK or any(p in ("", ".", "..") or "\\" in p or ":" in p for p in parts):
            raise refused
        path = self.folder
        for part in parts:
            path = path / part
            if path.is_symlink():
                raise refused
        # Junctions of Windows are no symbolic links, but lead elsewhere all the same.
        if not path.is_file() or not path.resolve().is_relative_to(self.folder.resolve()):
            raise refused
        return path

    def _drop_empty_folders(self, folder: Path) -> None:
        with contextlib.suppress(OSError):
            while folder != self.folder and folder.is_relative_to(self.folder):
                folder.rmdir()
                folder = folder.parent

    def holds_anything(self) -> bool:
        """Whether there is anything in the folder, or it cannot be looked into."""
        try:
            return any(self.folder.iterdir())
        except OSError:
            return True

"""A MONAI bundle as a folder on disk: the folder itself, or the needed files of a .zip, unpacked with care."""

from __future__ import annotations

import contextlib
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.staging import why

_MOST_FILES = 10_000
_MOST_BYTES = 16 * 10**9
# Weights hardly shrink in an archive; only a bomb grows a thousandfold.
_MOST_GROWTH = 1000


@contextlib.contextmanager
def opened_bundle(source: Path) -> Iterator[Path]:
    """The folder of a bundle, the one that holds ``configs``.

    Raises:
        FileError: if it is no bundle, or an archive that writes outside its folder, is damaged or absurdly large.
    """
    if source.is_dir():
        yield _root(source, source)
        return
    if not source.is_file():
        raise FileError(f"'{source}' does not exist. Check the path.")
    if not zipfile.is_zipfile(source):
        raise FileError(f"'{source.name}' is neither a folder nor a .zip file; a MONAI bundle is one of them.")
    with tempfile.TemporaryDirectory(prefix="synthetic-imaging-bundle-") as place:
        try:
            _unpack(source, Path(place))
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
            raise FileError(f"'{source.name}' is damaged or encrypted. Download it again.") from None
        except OSError as error:
            raise why(error, source, "read") from None
        yield _root(Path(place), source)


def _root(place: Path, source: Path) -> Path:
    for folder in (place, *sorted(p for p in place.iterdir() if p.is_dir())):
        if (folder / "configs").is_dir():
            return folder
    raise FileError(f"'{source.name}' is no MONAI bundle: it has no folder 'configs'.")


def _unpack(source: Path, place: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        if len(members) > _MOST_FILES:
            raise FileError(f"'{source.name}' holds {len(members)} files; a bundle has a few. It is not opened.")
        wanted = []
        for member in members:
            parts = _safe_parts(source, member)
            if parts and len(parts) > 1 and not member.is_dir() and _needed(parts):
                wanted.append((member, parts))
        total = sum(member.file_size for member, _ in wanted)
        packed = sum(member.compress_size for member, _ in wanted)
        if total > _MOST_BYTES or total > _MOST_GROWTH * max(packed, 100_000):
            raise FileError(f"'{source.name}' would unpack to {total / 1e9:.1f} GB. It is not opened.")
        for member, parts in wanted:
            target = place.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as packed_file, target.open("wb") as file:
                left = member.file_size
                # The header's size may lie: no more than it says is written.
                while left > 0 and (block := packed_file.read(min(left, 1 << 20))):
                    file.write(block)
                    left -= len(block)


def _safe_parts(source: Path, member: zipfile.ZipInfo) -> tuple[str, ...]:
    name = member.filename
    path = PurePosixPath(name)
    link = stat.S_ISLNK(member.external_attr >> 16)
    if path.is_absolute() or "\\" in name or link or any(p == ".." or ":" in p or "\0" in p for p in path.parts):
        raise FileError(f"'{source.name}' is not opened: it holds a link, or a file that would be written outside its "
                        f"folder ('{name[:80]}').")
    return path.parts


def _needed(parts: tuple[str, ...]) -> bool:
    return parts[-2] in ("configs", "models") and parts[-1].lower().endswith((".json", ".pt", ".pth", ".safetensors"))

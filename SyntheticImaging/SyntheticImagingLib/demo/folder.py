"""An output folder that appears complete or not at all."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from synthetic_imaging.errors import FileError

MARKER = ".synthetic-imaging-demo.json"


def check_replaceable(target: Path) -> None:
    """Refuse a folder that holds anything but an earlier demonstration.

    Raises:
        FileError: with what to do.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise FileError(f"'{target.name}' exists and is no folder. Choose another name with --out.")
    if target.is_dir() and any(target.iterdir()) and not (target / MARKER).is_file():
        raise FileError(
            f"The folder '{target.name}' exists and was not made by this demonstration; nothing in it was touched. "
            "Choose another name with --out, or move it away."
        )


@contextlib.contextmanager
def complete_or_nothing(target: Path) -> Iterator[Path]:
    """A temporary folder beside ``target`` that takes its place when the block ends without an error.

    An earlier demonstration there is replaced in one step, and stays as it was on failure.

    Raises:
        FileError: if the place cannot be written or holds something else.
    """
    check_replaceable(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise FileError(f"'{target.parent.name}' cannot be written: {error.strerror or error}.") from None
    try:
        (work / MARKER).write_text(json.dumps({"made_by": "SyntheticImaging demonstration"}) + "\n", encoding="utf-8")
        yield work
        work.chmod(0o755)
        check_replaceable(target)
        _swap(work, target)
    except OSError as error:
        raise FileError(f"'{target.name}' cannot be written: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _swap(work: Path, target: Path) -> None:
    if not target.exists():
        work.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    target.rename(old / target.name)
    try:
        work.rename(target)
    except OSError:
        (old / target.name).rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)

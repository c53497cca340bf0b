"""Checkpoints on disk: a folder each, with tensors in safetensors and numbers in JSON; nothing is pickled.

A checkpoint is written under a temporary name, brought to the disk, then renamed; the one before is removed only after
the next one is whole, so two are kept. A checksum tells a damaged one, and then the one before is taken.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from synthetic_imaging.errors import FileError, SyntheticImagingError

FORMAT = 1
_TENSORS, _NUMBERS = "state.safetensors", "state.json"
_NAME = re.compile(r"step-(\d{8,})$")


@dataclass(frozen=True)
class Saved:
    """A checkpoint as read."""

    step: int
    tensors: dict[str, torch.Tensor]
    numbers: dict[str, Any]
    folder: Path


class Checkpoints:
    """The checkpoints of one training, in a folder."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder, self._keep = folder, keep

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step is, or would be."""
        return self.folder / f"step-{step:08d}"

    def steps(self) -> list[int]:
        """Steps of all checkpoints there, damaged ones too, the newest first."""
        if not self.folder.is_dir():
            return []
        found = (_NAME.match(entry.name) for entry in self.folder.iterdir() if entry.is_dir())
        return sorted((int(match[1]) for match in found if match), reverse=True)

    def write(self, step: int, tensors: Mapping[str, torch.Tensor], numbers: Mapping[str, Any]) -> Path:
        """Write a checkpoint; if that fails, those before are as they were.

        Raises:
            FileError: if the disk is full or may not be written.
        """
        target = self.path(step)
        part = self.folder / f".step-{step:08d}.part"
        aside = self.folder / f".step-{step:08d}.old"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            part.mkdir()
            write_tensors(part / _TENSORS, tensors)
            text = json.dumps({"format": FORMAT, "step": step, "crc32": _crc32(part / _TENSORS), **numbers}, indent=1)
            with (part / _NUMBERS).open("w", encoding="utf-8") as file:
                file.write(json.dumps({"crc32": zlib.crc32(text.encode()), "numbers": text}))
                _to_disk(file.fileno())
            if target.exists():  # written before, by a run that was resumed from further back
                target.rename(aside)
            part.rename(target)
        except (OSError, SafetensorError) as error:
            if aside.exists() and not target.exists():
                aside.rename(target)
            shutil.rmtree(part, ignore_errors=True)
            raise unwritable(error, target) from error
        shutil.rmtree(aside, ignore_errors=True)
        for old in self.steps()[self._keep :]:
            shutil.rmtree(self.path(old), ignore_errors=True)
        return target

    def newest(self) -> tuple[Saved | None, list[str]]:
        """The newest whole checkpoint, or None if there is none; and sentences about damaged ones.

        Raises:
            FileError: if there are checkpoints and all are damaged.
        """
        notes: list[str] = []
        steps = self.steps()
        for step in steps:
            try:
                saved = self.read(step)
            except FileError as error:
                notes.append(f"{error} The one before it was taken.")
                continue
            return saved, notes
        if steps:
            raise FileError(f"No checkpoint in '{self.folder}' can be read. Choose another folder, or start anew.")
        return None, notes

    def read(self, step: int) -> Saved:
        """A checkpoint.

        Raises:
            FileError: if it is damaged or was written by a newer version.
        """
        folder = self.path(step)
        try:
            outer = json.loads((folder / _NUMBERS).read_text(encoding="utf-8"))
            text = outer["numbers"]
            if zlib.crc32(text.encode()) != outer["crc32"]:
                raise ValueError("its numbers have changed")
            numbers = json.loads(text)
            if numbers["format"] > FORMAT:
                raise FileError(f"The checkpoint '{folder}' was written by a newer version.")
            if _crc32(folder / _TENSORS) != numbers["crc32"]:
                raise ValueError("its tensors have changed")
            tensors = load_file(folder / _TENSORS)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            raise FileError(f"The checkpoint '{folder}' is damaged.") from error
        return Saved(step, tensors, numbers, folder)

    def _sweep(self) -> None:
        """Remove what a killed run left half written."""
        for entry in self.folder.glob(".step-*"):
            whole = self.folder / entry.name.removesuffix(".old").lstrip(".")
            if entry.suffix == ".old" and not whole.exists():
                entry.rename(whole)
            else:
                shutil.rmtree(entry, ignore_errors=True)


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors, in row-major order, and bring them to the disk."""
    separate: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for key, tensor in tensors.items():
        rows = tensor.detach().to("cpu").contiguous()
        place = rows.untyped_storage().data_ptr()
        separate[key] = rows.clone() if place in seen else rows  # the format holds no two names for one memory
        seen.add(place)
    save_file(separate, path, metadata=dict(metadata or {}))
    with path.open("rb+") as file:
        _to_disk(file.fileno())


def write_model(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write weights under a temporary name, then rename.

    Raises:
        FileError: if the disk is full or may not be written; the file that was there is kept.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        write_tensors(part, tensors, metadata)
        part.replace(path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise unwritable(error, path) from error


def unwritable(error: Exception, path: Path) -> SyntheticImagingError:
    """The sentence for a failed writing."""
    code = error.errno if isinstance(error, OSError) else None
    found = re.search(r"os error (\d+)", str(error))  # safetensors hides the number in its text
    code = int(found[1]) if code is None and found else code
    kept = "The checkpoint before it is kept, and training can go on from there."
    if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return FileError(f"'{path}' could not be written: the disk is full. Free some space and start again. {kept}")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return FileError(f"'{path}' may not be written: permission denied. Choose another folder, or ask for access.")
    return FileError(f"'{path}' could not be written: {error}. {kept}")


def _to_disk(file: int) -> None:
    with contextlib.suppress(OSError):  # some network disks cannot
        os.fsync(file)


def _crc32(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            value = zlib.crc32(block, value)
    return value

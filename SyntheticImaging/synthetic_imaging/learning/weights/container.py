"""The model file: one safetensors file whose header holds card, settings and recipe.

The header is read here with the standard library, so that a list of models needs no torch, and so that a damaged or
foreign file is refused before any library parses it. A safetensors file is: 8 bytes with the header's length (little
endian), the header as JSON (tensor name -> type, shape, byte range; "__metadata__" -> texts), then the numbers.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.staging import why
from synthetic_imaging.learning.weights.card import Card

FORMAT = "synthetic-imaging/1"
_FAMILY, _NEWEST = FORMAT.split("/")
# A header of many thousands of tensors has some megabytes.
_LONGEST_HEADER = 50_000_000
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
          "U16": 2, "U32": 4, "U64": 8}
_PICKLES = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")


@dataclass(frozen=True)
class Header:
    """What stands in front of the numbers.

    Attributes:
        path: the file.
        recipe: id of the recipe.
        card: the card.
        settings: the recipe's settings as plain values.
        parts: names of the networks in the file.
        shapes: tensor name -> shape.
        data_sha256: sha256 of the numbers, as it was when the file was written.
        data_start: where the numbers begin, bytes.
        needs: role -> sha256 of the models that it was trained on.
    """

    path: Path
    recipe: str
    card: Card
    settings: Mapping[str, Any]
    parts: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]
    data_sha256: str
    data_start: int
    needs: Mapping[str, str]


def read_header(path: Path) -> Header:
    """Card, settings and tensor list of a model file; the numbers are not read.

    Raises:
        FileError: if it is missing, damaged, pickled, of another product or of a newer version.
    """
    tensors, metadata, start = _parts_of(path)
    _check_format(path, metadata)
    try:
        settings = json.loads(metadata["settings"])
        parts = tuple(str(name) for name in json.loads(metadata["parts"]))
        recipe, digest = metadata["recipe"], metadata["data_sha256"]
        card = Card.from_json(metadata["card"])
        needs = {str(k): str(v) for k, v in dict(json.loads(metadata.get("needs", "{}"))).items()}
        if not isinstance(settings, dict):
            raise ValueError
    except (KeyError, ValueError, TypeError):
        raise FileError(f"'{path.name}' lacks a part of its description (card, settings or recipe). "
                        "Copy or download it again.") from None
    shapes = {name: tuple(int(n) for n in facts["shape"]) for name, facts in tensors.items()}
    return Header(path, recipe, card, settings, parts, shapes, digest, start, needs)


def hashes_of(path: Path, data_start: int) -> tuple[str, str]:
    """(sha256 of the whole file, sha256 of the numbers), read once.

    Raises:
        FileError: if it cannot be read.
    """
    whole, numbers = hashlib.sha256(), hashlib.sha256()
    try:
        with path.open("rb") as file:
            whole.update(file.read(data_start))
            while block := file.read(1 << 22):
                whole.update(block)
                numbers.update(block)
    except OSError as error:
        raise why(error, path, "read") from None
    return whole.hexdigest(), numbers.hexdigest()


def seal(path: Path) -> None:
    """Write the hash of the numbers into the header of a file that was just written with a hash of zeros."""
    with path.open("r+b") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = file.read(length)
        digest = hashlib.sha256()
        while block := file.read(1 << 22):
            digest.update(block)
        place = header.index(UNSEALED.encode())
        file.seek(8 + place)
        file.write(digest.hexdigest().encode())


UNSEALED = "0" * 64


def _parts_of(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str], int]:
    damaged = f"'{path.name}' is damaged or was not copied completely. Copy or download it again."
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise FileError(f"'{path.name}' is a folder, not a model file (.safetensors).")
        with path.open("rb") as file:
            start = file.read(8)
            _refuse_pickle(path, start)
            if len(start) < 8:
                raise FileError(damaged)
            (length,) = struct.unpack("<Q", start)
            # Any other file read as a length gives a huge one.
            if length > min(_LONGEST_HEADER, size - 8) or length < 2:
                raise FileError(f"'{path.name}' is no model file, or damaged: a .safetensors file is needed.")
            text = file.read(length)
    except OSError as error:
        raise why(error, path, "read") from None
    try:
        header = json.loads(text.decode("utf-8"))
        metadata = header.pop("__metadata__", {})
        end = 0
        for facts in sorted(header.values(), key=lambda f: f["data_offsets"]):
            first, last = facts["data_offsets"]
            if facts["dtype"] not in _BYTES or any(n < 0 for n in facts["shape"]) or first != end \
                    or last - first != prod(facts["shape"]) * _BYTES[facts["dtype"]]:
                raise ValueError
            end = last
        if end != size - 8 - length or not all(isinstance(v, str) for v in metadata.values()):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FileError(damaged) from None
    return header, metadata, 8 + length


def _refuse_pickle(path: Path, start: bytes) -> None:
    if path.suffix.lower() in _PICKLES or start[:4] == b"PK\x03\x04" or start[:2] in (b"\x80\x02", b"\x80\x04"):
        raise FileError(
            f"'{path.name}' is not read: files of this kind (pickles and archives) can run programs when they are "
            "opened. Ask for the weights as .safetensors, or import a MONAI bundle as a folder or .zip."
        )


def _check_format(path: Path, metadata: Mapping[str, str]) -> None:
    family, _, version = metadata.get("format", "").partition("/")
    if family != _FAMILY:
        raise FileError(f"'{path.name}' holds weights of another program: it has no card and no recipe of this one. "
                        "Import it as part of a MONAI bundle, or train a model with `synthetic-imaging train`.")
    if not version.isdigit() or int(version) > int(_NEWEST):
        raise FileError(f"'{path.name}' was written by a newer version (format {version or '?'}). "
                        "Update SyntheticImaging.")

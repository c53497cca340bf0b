"""Names of files as users send them, made into names that can do no harm on any system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

MOST_BYTES = 100
_SUFFIXES = (".seg.nrrd", ".seq.nrrd", ".nii.gz")
_FORBIDDEN = re.compile(r'[<>:"|?*\\/]')
_DEVICES = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.I)
_DRIVE = re.compile(r"^[A-Za-z]:")
FALLBACK = "file"


def parts_of(name: str) -> list[str]:
    """The folders and the file name of a sent path, cleaned; never absolute, never upward, never empty."""
    pieces = re.split(r"[/\\]", unicodedata.normalize("NFC", name))
    if pieces and _DRIVE.match(pieces[0]):
        pieces[0] = pieces[0][2:]
    cleaned = [clean(piece) for piece in pieces if piece.strip() not in ("", ".", "..")]
    return [piece for piece in cleaned if piece] or [FALLBACK]


def clean(piece: str) -> str:
    """One component: no separators, no control or direction marks, no reserved names; "" if nothing is left."""
    # Category C: control, format (direction marks that disguise an ending), surrogates, private use.
    text = "".join(c for c in unicodedata.normalize("NFC", piece) if unicodedata.category(c)[0] != "C")
    text = _FORBIDDEN.sub("_", text).strip(" .\u00a0\u2000\u2001\u2002\u2003\u3000")
    if _DEVICES.match(text):
        text = f"_{text}"
    return _shortened(text)


def suffix_of(name: str) -> str:
    """The ending in lower case, the double ones (.seg.nrrd, .seq.nrrd, .nii.gz) as one; "" without one."""
    lower = name.lower()
    for suffix in _SUFFIXES:
        if lower.endswith(suffix):
            return suffix
    stem, dot, end = lower.rpartition(".")
    # "1.2.840.113" is a DICOM UID, not a file of type ".113".
    return f".{end}" if dot and stem and end and not end.isdigit() and len(end) <= 8 else ""


def stem_of(name: str) -> str:
    """The name without its ending."""
    suffix = suffix_of(name)
    return (name[: -len(suffix)] if suffix else name) or FALLBACK


def unused(name: str, taken: Container[str]) -> str:
    """The name, numbered if one that differs at most by upper and lower case is taken (names there: case-folded)."""
    if name.casefold() not in taken:
        return name
    suffix = name[len(stem_of(name)) :]
    number = 2
    while (numbered := f"{_shortened(stem_of(name), 12)} ({number}){suffix}").casefold() in taken:
        number += 1
    return numbered


def _shortened(text: str, spare: int = 0) -> str:
    most = MOST_BYTES - spare
    if len(text.encode()) <= most:
        return text
    suffix = text[len(stem_of(text)) :]
    room = max(most - len(suffix.encode()), 1)
    stem = stem_of(text).encode()[:room].decode(errors="ignore").rstrip(" .")
    return (stem or FALLBACK) + suffix

"""Compressed voxels, unpacked in small pieces and thrown away: to know that they are whole, and no bomb."""

from __future__ import annotations

import zlib
from typing import BinaryIO

GZIP = 31
ZLIB = 15
_IN = 1 << 18
_OUT = 1 << 20
# What may follow the voxels that a header announces: padding, not another image.
SLACK = 1 << 20


class Damaged(Exception):
    """The compressed bytes make no sense, or end too early."""


class TooMuch(Exception):
    """They hold more than was announced."""


def head_of(file: BinaryIO, count: int, form: int = GZIP) -> bytes:
    """The first bytes of what is compressed; fewer if there are fewer.

    Raises:
        Damaged: if they cannot be unpacked.
    """
    unpacker = zlib.decompressobj(form)
    found = b""
    try:
        while len(found) < count and not unpacker.eof and (piece := file.read(4096)):
            found += unpacker.decompress(piece, count - len(found))
    except zlib.error:
        raise Damaged from None
    return found


def check_inflated(file: BinaryIO, announced: int, form: int = GZIP) -> None:
    """Unpack the rest of the file and count.

    Raises:
        Damaged: if there is less than announced, or the bytes make no sense.
        TooMuch: if there is more.
    """
    count = 0
    unpacker = zlib.decompressobj(form)
    rest = b""
    while True:
        piece = rest or file.read(_IN)
        rest = b""
        if not piece:
            break
        try:
            count += len(unpacker.decompress(piece, _OUT))
        except zlib.error:
            # After the announced bytes: padding that some programs leave behind.
            if count >= announced:
                return
            raise Damaged from None
        if count > announced + SLACK:
            raise TooMuch
        if unpacker.eof:
            # A gzip file may consist of several streams, one after the other.
            rest = unpacker.unused_data.lstrip(b"\0") if form == GZIP else b""
            if not rest and form != GZIP:
                break
            unpacker = zlib.decompressobj(form)
        else:
            rest = unpacker.unconsumed_tail
    if count < announced:
        raise Damaged

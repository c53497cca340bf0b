"""Files that a page has laid out for its user."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from aiohttp import web

from synthetic_imaging_web.uploads.names import parts_of

_PIECE = 1 << 20


def opened(folder: Path, name: str) -> tuple[BinaryIO, int] | None:
    """The file of that name right in the folder, open, and its size; None for anything else: links, folders, hidden."""
    if not name or name.startswith(".") or parts_of(name) != [name]:
        return None
    path = folder / name
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if path.is_symlink():  # where O_NOFOLLOW is unknown
            return None
        file = os.fdopen(os.open(path, flags), "rb")
    except OSError:
        return None
    known = os.fstat(file.fileno())
    if not stat.S_ISREG(known.st_mode):
        file.close()
        return None
    return file, known.st_size


async def download(request: web.Request, folder: Path) -> web.StreamResponse:
    """Send a file as an attachment, a piece at a time; one range is honoured."""
    name = request.match_info["name"]
    found = await asyncio.to_thread(opened, folder, name)
    if found is None:
        raise web.HTTPNotFound
    file, size = found
    with file:
        start, stop = _range(request, size)
        partial = (start, stop) != (0, size)
        response = web.StreamResponse(status=206 if partial else 200)
        response.content_length = stop - start
        response.headers.update(
            {
                "Content-Type": "application/octet-stream",
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
                "Accept-Ranges": "bytes",
                "Cache-Control": "no-store",
            }
        )
        if partial:
            response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        await asyncio.to_thread(file.seek, start)
        left = stop - start
        while left > 0:
            piece = await asyncio.to_thread(file.read, min(_PIECE, left))
            if not piece:  # it became shorter meanwhile: cut off, so that the browser sees it
                if request.transport is not None:
                    request.transport.abort()
                break
            left -= len(piece)
            await response.write(piece)
        return response


def _range(request: web.Request, size: int) -> tuple[int, int]:
    try:
        wanted = request.http_range
    except ValueError:
        return 0, size
    if wanted.start is None and wanted.stop is None:
        return 0, size
    start, stop, _ = wanted.indices(size)
    if start >= stop:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return start, stop

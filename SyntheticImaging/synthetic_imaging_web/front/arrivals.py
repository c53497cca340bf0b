"""Uploads: streamed to the folder of the session, checked, then told to its page."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import aiohttp
from aiohttp import BodyPartReader, web

from synthetic_imaging.memory import readable_bytes
from synthetic_imaging_web.front.log import say
from synthetic_imaging_web.front.page_process import SECRET_HEADER, PageProcess
from synthetic_imaging_web.front.sessions import Session
from synthetic_imaging_web.uploads import sentences
from synthetic_imaging_web.uploads.limits import UploadLimits
from synthetic_imaging_web.uploads.receiving import Arrived, Receiving
from synthetic_imaging_web.uploads.refusal import BROKEN, TOO_LARGE, WRONG_KIND, UploadRefused

_PIECE = 1 << 18
_BATCH = 1 << 20
SILENCE_SECONDS = 120.0
READING_SECONDS = 600.0
FORM_BYTES = 1 << 16
_T = TypeVar("_T")


async def upload(
    request: web.Request, session: Session, client: aiohttp.ClientSession, limits: UploadLimits
) -> web.Response:
    """Take what is sent, or say why not; nothing is left behind when it is not taken."""
    page, base = session.page, session.folder
    if page is None or base is None:
        return answer("The session has ended.", 409)
    if session.uploading.locked():
        return answer("Another upload of this session is still running. Wait until it is done.", 409)
    async with session.uploading:
        number = secrets.token_hex(8)
        folder = base / "incoming" / number
        try:
            arrived = await _received(request, folder, limits)
        except UploadRefused as refused:
            await _removed(folder)
            say(f"session {session.number}: an upload was refused ({refused.status})")
            return answer(str(refused), refused.status)
        except BaseException:
            await asyncio.shield(_removed(folder))
            raise
        say(f"session {session.number}: {arrived.files} files uploaded, {readable_bytes(arrived.bytes)}")
        session.touch()
        return await _told(page, client, number, arrived)


def answer(message: str, status: int, details: str = "") -> web.Response:
    """A refusal as JSON."""
    return web.json_response({"ok": False, "message": message, "details": details}, status=status)


async def _received(request: web.Request, folder: Path, limits: UploadLimits) -> Arrived:
    if not request.content_type.startswith("multipart/form-data"):
        raise UploadRefused("This is no upload of files.", WRONG_KIND)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UploadRefused("Uploads are not taken in compressed form; a .zip archive is.", WRONG_KIND)
    if (request.content_length or 0) > limits.upload_bytes + FORM_BYTES + 1024 * limits.files:
        raise UploadRefused(sentences.too_large(limits), TOO_LARGE)
    receiving = Receiving(folder, limits)
    await asyncio.to_thread(receiving.open, request.content_length or 0)
    try:
        reader = await request.multipart()
        while (part := await _patient(reader.next())) is not None:
            if not isinstance(part, BodyPartReader):
                raise UploadRefused("This upload is broken: send the files again.")
            if part.filename is None:
                await _skipped(part)
            else:
                await _one_file(receiving, part)
        return await asyncio.to_thread(receiving.finish)
    except (ValueError, AssertionError):
        raise UploadRefused("This upload is broken: send the files again.", BROKEN) from None
    except asyncio.TimeoutError:
        raise UploadRefused("The upload came to a standstill and was given up. Send the files again.", 408) from None
    finally:
        receiving.close()


async def _one_file(receiving: Receiving, part: BodyPartReader) -> None:
    receiving.begin(part.filename or "")
    batch = bytearray()
    while piece := await _patient(part.read_chunk(_PIECE)):
        batch += piece
        if len(batch) >= _BATCH or receiving.undecided:
            await asyncio.to_thread(receiving.write, bytes(batch))
            batch.clear()
    await asyncio.to_thread(receiving.end_file, bytes(batch))


async def _skipped(part: BodyPartReader) -> None:
    size = 0
    while piece := await _patient(part.read_chunk(_PIECE)):
        size += len(piece)
        if size > FORM_BYTES:
            raise UploadRefused("This upload is broken: a field of its form is too long.")


async def _patient(coming: Awaitable[_T]) -> _T:
    return await asyncio.wait_for(coming, SILENCE_SECONDS)


async def _removed(folder: Path) -> None:
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _told(page: PageProcess, client: aiohttp.ClientSession, number: str, arrived: Arrived) -> web.Response:
    """Tell the page; its answer is the browser's answer."""
    left_out = sentences.left_out(arrived.ignored) if arrived.ignored else ""
    news = {
        "id": number, "name": arrived.name, "kind": arrived.kind.value, "files": arrived.files,
        "ignored": arrived.ignored, "left_out": left_out,
    }  # fmt: skip
    try:
        async with client.post(
            f"http://127.0.0.1:{page.port}/arrived", json=news, headers={SECRET_HEADER: page.secret},
            timeout=aiohttp.ClientTimeout(total=READING_SECONDS), auto_decompress=True,
        ) as reply:
            said = await reply.json(content_type=None)
            ok, message = bool(said["ok"]) and reply.status == 200, str(said["message"])
            details = str(said.get("details", ""))
    except asyncio.TimeoutError:
        return answer("The viewer has not read the files within ten minutes. Send fewer or smaller files.", 504)
    except (aiohttp.ClientError, ValueError, KeyError, TypeError):
        return answer("The viewer could not take the files over. Load the page again, then send them once more.", 502)
    if ok and left_out not in message:
        message = f"{message.rstrip('.')}. {left_out}"
    status = 200 if ok else (reply.status if 400 <= reply.status < 600 else BROKEN)
    return web.json_response({"ok": ok, "message": message, "details": details}, status=status)

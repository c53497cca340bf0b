"""Websockets carried between a browser and its page process."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
from aiohttp import WSMsgType, web

from synthetic_imaging_web.front import pages
from synthetic_imaging_web.front.proxy import address, to_page
from synthetic_imaging_web.front.sessions import Session

FROM_BROWSER = 16 << 20
FROM_PAGE = 64 << 20
HEARTBEAT_SECONDS = 30.0
_ENDED = 4001
_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def relay(request: web.Request, session: Session, client: aiohttp.ClientSession) -> web.StreamResponse:
    """Carry one websocket until either side, or the session, ends."""
    page = session.page
    assert page is not None
    wanted = [p.strip() for p in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if p.strip()]
    headers = to_page(request.headers, page)
    for name in [n for n in headers if n.lower().startswith("sec-websocket-")]:
        headers.popall(name, None)
    try:
        there = await client.ws_connect(
            address(page, request), headers=headers, protocols=wanted, max_msg_size=FROM_PAGE, compress=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
        )
    except aiohttp.ClientError:
        return pages.failed("The viewer does not answer. Load this page again in a moment.", 502)
    # The heartbeat finds browsers that went away without a word; the page's own reaches no further than to here.
    here = web.WebSocketResponse(
        protocols=[there.protocol] if there.protocol else (), max_msg_size=FROM_BROWSER, compress=False,
        heartbeat=HEARTBEAT_SECONDS, timeout=2.0,
    )
    async with contextlib.AsyncExitStack() as closing:
        closing.push_async_callback(there.close)
        await here.prepare(request)
        session.sockets += 1
        session.touch()
        try:
            await _until_one_ends(here, there, session)
        finally:
            session.sockets -= 1
            session.touch()
    return here


async def _until_one_ends(
    here: web.WebSocketResponse, there: aiohttp.ClientWebSocketResponse, session: Session
) -> None:
    tasks = [
        asyncio.create_task(_pass_on(here, there, session)),
        asyncio.create_task(_pass_on(there, here, None)),
        asyncio.create_task(_ended(session)),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if session.living:
        await here.close(code=_code(there.close_code))
    else:
        await here.close(code=_ENDED, message=b"session ended")


async def _pass_on(source: _Socket, target: _Socket, session: Session | None) -> None:
    # One message is read when the last one is sent: a slow reader slows the sender down, and nothing piles up here.
    while True:
        message = await source.receive()
        try:
            if message.type is WSMsgType.BINARY:
                await target.send_bytes(message.data)
            elif message.type is WSMsgType.TEXT:
                await target.send_str(message.data)
            else:
                return
        except (ConnectionError, RuntimeError, aiohttp.ClientError):
            return
        if session is not None:
            session.touch()


async def _ended(session: Session) -> None:
    await session.changed.wait()


def _code(code: int | None) -> int:
    # The others are never sent (RFC 6455, 7.4); 1001: the other side went away.
    sendable = code is not None and (code in (*range(1000, 1004), *range(1007, 1012)) or 3000 <= code < 5000)
    return code if sendable and code is not None else 1001

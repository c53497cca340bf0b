"""A front on a free port in a thread of its own, and a browser-like visitor, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from synthetic_imaging_web.front.server import Front
from synthetic_imaging_web.front.settings import FrontSettings

STANDIN = (sys.executable, str(Path(__file__).with_name("standin_page.py")))
DOCUMENT = {"Accept": "text/html", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


class Visitor:
    """One browser: its own cookies, its own origin header."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.base = f"http://127.0.0.1:{front.port}"
        self.own = {"Origin": self.base, "Sec-Fetch-Site": "same-origin"}
        self.client = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> Visitor:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def open(self, path: str, **options: Any) -> tuple[int, str, Any]:
        """GET as a browser opens a page: status, text, headers."""
        options.setdefault("headers", DOCUMENT)
        async with self.client.get(self.base + path, **options) as answer:
            return answer.status, await answer.text(), answer.headers

    async def post(self, path: str, data: Any = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
        sent = self.own if headers is None else headers
        async with self.client.post(self.base + path, data=data, headers=sent) as answer:
            return answer.status, await answer.text()

    async def enter(self) -> str:
        """Open the printed address and wait for the page."""
        await self.open(f"/?token={self.front.tokens.token}")
        return await self.ready()

    async def ready(self) -> str:
        """Wait for the page, as the waiting page does."""
        for _ in range(600):
            async with self.client.get(self.base + "/front/state") as answer:
                state = (await answer.json())["state"]
            if state != "starting":
                return str(state)
            await asyncio.sleep(0.05)
        raise AssertionError("it does not start")

    async def until(self, wanted: str) -> bool:
        """Wait until the session is in that state."""
        for _ in range(200):
            if await self.ready() == wanted:
                return True
            await asyncio.sleep(0.05)
        return False

    async def who(self) -> dict[str, Any]:
        async with self.client.get(self.base + "/who") as answer:
            return dict(await answer.json())

    def socket(self, path: str = "/ws", **options: Any) -> Any:
        headers = options.pop("headers", self.own)
        return self.client.ws_connect(self.base + path, headers=headers, max_msg_size=1 << 28, **options)

    async def upload(self, *files: tuple[str, bytes]) -> tuple[int, dict[str, Any]]:
        form = aiohttp.FormData(quote_fields=False)
        for name, content in files:
            form.add_field("files", content, filename=name, content_type="application/octet-stream")
        async with self.client.post(self.base + "/upload", data=form, headers=self.own) as answer:
            return answer.status, await answer.json()


@contextlib.asynccontextmanager
async def front_at_work(**settings: Any):
    """A front in this event loop."""
    settings.setdefault("command", STANDIN)
    settings.setdefault("session_bytes", 0)
    front = Front(FrontSettings(**settings))
    runner = await front.listen()
    try:
        yield front
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def front_in_a_thread(**settings: Any) -> Iterator[Front]:
    """A front beside a test that has no event loop (a browser's)."""
    ready, done = threading.Event(), threading.Event()
    found: list[Front] = []

    async def serve() -> None:
        async with front_at_work(**settings) as front:
            found.append(front)
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        done.set()
        thread.join(30)

"""The front itself: addresses and what answers them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from synthetic_imaging_web.front import arrivals, downloads, pages, relay
from synthetic_imaging_web.front.guard import add_headers, guard
from synthetic_imaging_web.front.log import say
from synthetic_imaging_web.front.proxy import forward, new_client
from synthetic_imaging_web.front.sessions import NoPlace, Session, Sessions, State
from synthetic_imaging_web.front.settings import FrontSettings
from synthetic_imaging_web.front.tokens import Tokens, WrongTokens

_STATIC = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
NEEDS_TOKEN = (
    "The address needs its token. Copy the whole address, with what stands after the question mark, from the window in "
    "which the program was started."
)
WRONG_TOKEN = (
    "The token in this address is wrong or belongs to a program that has ended. Copy the address again from the window "
    "in which the program was started."
)
TOO_MANY = "There were too many wrong tokens. Wait a minute, then open the printed address again."


class Front:
    """One front: its settings, its token, its sessions."""

    def __init__(self, settings: FrontSettings) -> None:
        settings.check()
        self.settings = settings
        self.tokens = Tokens()
        self.sessions = Sessions(settings)
        self.port = settings.port
        self._wrong = WrongTokens()
        self._client: aiohttp.ClientSession | None = None

    def application(self) -> web.Application:
        """The web application, not yet listening."""
        app = web.Application(middlewares=[guard(self.settings)])
        app.on_response_prepare.append(add_headers)
        app.on_startup.append(self._begin)
        app.on_shutdown.append(self._stop)
        app.on_cleanup.append(self._close)
        app.add_routes(
            [
                web.get("/front/{name}", self._front_get),
                web.post("/front/{name}", self._front_post),
                web.post("/upload", self._upload),
                web.get("/download/{name}", self._download),
                web.route("*", "/{path:.*}", self._visit),
            ]
        )
        return app

    async def listen(self, access_lines: type[Any] | None = None) -> web.AppRunner:
        """Listen; returns the runner, whose ``cleanup`` ends everything.

        Raises:
            OSError: if the port is taken or the address is none of this computer.
        """
        options: dict[str, Any] = {"access_log_class": access_lines} if access_lines else {"access_log": None}
        runner = web.AppRunner(
            self.application(), handle_signals=False, shutdown_timeout=2.0, auto_decompress=False, **options
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self.settings.host.strip("[]"), self.settings.port).start()
        except BaseException:
            await runner.cleanup()
            raise
        self.port = int(runner.addresses[0][1])
        return runner

    def address(self, token: str | None = None) -> str:
        """The address to open, with the token."""
        host = self.settings.host.strip("[]")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/?token={token or self.tokens.token}"

    @property
    def cookie(self) -> str:
        """The cookie's name; with the port, because browsers share cookies between the ports of a host."""
        return f"synthetic_imaging_{self.port}"

    async def _begin(self, _: web.Application) -> None:
        self._client = new_client()
        self.sessions.watch()

    async def _stop(self, _: web.Application) -> None:
        await self.sessions.end_all()

    async def _close(self, _: web.Application) -> None:
        if self._client is not None:
            await self._client.close()

    def _session(self, request: web.Request) -> Session | None:
        return self.sessions.find(request.cookies.get(self.cookie))

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        """Take a token, give a cookie, lead to the address without the token."""
        remote = request.remote or ""
        if self._wrong.too_many(remote):
            return pages.not_let_in(TOO_MANY, 429)
        if not self.tokens.accepts(request.query.get("token", "")):
            self._wrong.add(remote)
            say("a wrong token was refused")
            return pages.not_let_in(WRONG_TOKEN)
        session = self._session(request)
        try:
            if session is None:
                session = self.sessions.new()
            elif session.state is State.ENDED:
                await self.sessions.again(session)
        except NoPlace as error:
            return pages.full(str(error), again=False)
        # After a redirect from another site or program, a strict cookie would not be sent; from a page of ours it is.
        direct = request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
        response = web.Response(status=303, headers={"Location": "/"}) if direct else pages.onward()
        response.set_cookie(self.cookie, session.key, httponly=True, samesite="Strict", path="/")
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _visit(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/" and "token" in request.query and request.method == "GET":
            return await self._enter(request)
        session = self._session(request)
        if session is None:
            return pages.not_let_in(NEEDS_TOKEN)
        document = "text/html" in request.headers.get("Accept", "")
        if session.state is State.ENDED:
            return pages.ended(session.sentence, session.details) if document else _nothing(410)
        if session.state is State.STARTING or session.page is None:
            return pages.waiting() if document else _nothing(503)
        assert self._client is not None
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await relay.relay(request, session, self._client)
        session.touch()
        return await forward(request, session.page, self._client)

    async def _front_get(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name in ("style.css", "wait.js", "session.js", "icon.svg"):
            path = _STATIC / name
            text = await asyncio.to_thread(path.read_text, "utf-8")
            return web.Response(text=text, content_type=_TYPES[path.suffix], charset="utf-8")
        session = self._session(request)
        if session is None:
            return pages.not_let_in(NEEDS_TOKEN)
        if name == "state":
            # Asked every few seconds by every open page: this alone does not keep a session.
            limits = self.settings.limits
            return web.json_response(
                {"state": session.state.value, "max_upload_bytes": limits.upload_bytes, "max_files": limits.files},
                headers={"Cache-Control": "no-store"},
            )
        if name == "invite":
            token = self.tokens.token
            return pages.invite(f"{request.scheme}://{request.headers['Host']}/?token={token}")
        raise web.HTTPNotFound

    async def _front_post(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        if session is None:
            return pages.not_let_in(NEEDS_TOKEN)
        name = request.match_info["name"]
        if name == "again":
            try:
                await self.sessions.again(session)
            except NoPlace as error:
                return pages.full(str(error), again=True)
        elif name == "end":
            await self.sessions.end(session, "You have ended this session. Its images are deleted.")
        else:
            raise web.HTTPNotFound
        return web.Response(status=303, headers={"Location": "/"})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        if session is None:
            return arrivals.answer(NEEDS_TOKEN, 403)
        if session.state is not State.READY:
            return arrivals.answer("The session is not ready. Load the page again, then send the files once more.", 409)
        assert self._client is not None
        session.touch()
        try:
            return await arrivals.upload(request, session, self._client, self.settings.limits)
        finally:
            session.touch()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        session = self._session(request)
        if session is None:
            return pages.not_let_in(NEEDS_TOKEN)
        if session.folder is None:
            raise web.HTTPNotFound
        session.touch()
        return await downloads.download(request, session.folder / "outgoing")


def _nothing(status: int) -> web.Response:
    return web.Response(status=status, headers={"Cache-Control": "no-store"})

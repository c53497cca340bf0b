"""What this process answers beside the page itself: uploads that arrived, whether it lives, and, alone, files."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging_web.page.loading import Loading
from synthetic_imaging_web.page.session import Session

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")


class Routes:
    """Handlers for aiohttp; they run on the main thread, as the page does."""

    def __init__(self, session: Session, loading: Loading) -> None:
        self._session, self._loading = session, loading

    def add_to(self, app: Any, stand_alone: bool) -> None:
        """Add the routes; uploads and downloads only where no server in front serves them."""
        app.router.add_get("/alive", self.alive)
        app.router.add_post("/arrived", self.arrived)
        app.router.add_post("/paraview/", self.where)
        if stand_alone:
            app.router.add_post("/upload", self.upload)
            app.router.add_get("/download/{name}", self.download)

    async def alive(self, _request: Any) -> Any:
        """Whether the session answers, and whether something runs."""
        state = self._session.state
        return _answer({"ok": True, "busy": bool(state.running or state.busy)})

    async def where(self, _request: Any) -> Any:
        """Where the websocket is: trame's page asks for it under this name before it connects."""
        return _answer({"sessionURL": "ws://USE_HOST/ws"})

    async def arrived(self, request: Any) -> Any:
        """The server in front has put checked files into ``incoming/ID``."""
        try:
            told = await request.json()
            name = str(told["id"])
        except (ValueError, KeyError, TypeError):
            return _answer({"ok": False, "message": "The upload was not understood."})
        folder = self._session.folder / "incoming" / name
        if not _NAME.fullmatch(name) or not folder.is_dir():
            return _answer({"ok": False, "message": "The upload did not arrive completely. Please try again."})
        left_out = str(told.get("left_out") or "")
        return await self._take_in(folder, str(told.get("name") or "the upload"), str(told.get("kind") or ""), left_out)

    async def upload(self, request: Any) -> Any:
        """Files straight from a browser; without the checks that the server in front makes."""
        folder = self._session.folder / "incoming" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        title = ""
        async for part in await request.multipart():
            if part.filename:
                name = re.sub(r"[^A-Za-z0-9._-]", "_", Path(part.filename).name).lstrip(".") or "file"
                title = title or name
                with (folder / name).open("wb") as file:
                    while chunk := await part.read_chunk(1 << 20):
                        file.write(chunk)
        return await self._take_in(folder, title, "")

    async def download(self, request: Any) -> Any:
        """A finished file."""
        from aiohttp import web

        name = request.match_info["name"]
        path = self._session.folder / "outgoing" / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    async def _take_in(self, folder: Path, title: str, kind: str, left_out: str = "") -> Any:
        try:
            sentence = f"{await self._loading.take_in(folder, title, kind)} {left_out}".strip()
        except SyntheticImagingError as error:
            self._session.fail(error)
            return _answer({"ok": False, "message": str(error), "details": error.details})
        except Exception as error:
            self._session.fail(error)
            return _answer({"ok": False, "message": self._session.state.message, "details": repr(error)})
        self._session.note(sentence)
        return _answer({"ok": True, "message": sentence})


def _answer(content: dict[str, Any]) -> Any:
    from aiohttp import web

    return web.Response(text=json.dumps(content), content_type="application/json")

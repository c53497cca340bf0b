"""A page process for tests of the front: real process, real server, no images. Started as the real one is.

``/big`` streams, ``/echo`` and ``/headers`` tell what came through, ``/ws`` echoes or sends what it is asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from aiohttp import WSMsgType, web

INDEX = """<!doctype html><html><head><title>stand-in</title></head><body><p id="who"></p>
<script>document.getElementById("who").textContent = "session page";</script></body></html>"""


def application(folder: Path, secret: str) -> web.Application:
    @web.middleware
    async def guard(request: web.Request, handler):
        if request.headers.get("X-Page-Secret") != secret:
            return web.Response(status=403, text="no secret")
        return await handler(request)

    app = web.Application(middlewares=[guard], client_max_size=1 << 30)
    note = {"text": ""}

    async def index(_: web.Request) -> web.Response:
        return web.Response(text=INDEX, content_type="text/html", headers={"Set-Cookie": "inner=1", "ETag": '"x"'})

    async def who(_: web.Request) -> web.Response:
        return web.json_response({"pid": os.getpid(), "folder": str(folder), "note": note["text"]})

    async def remember(request: web.Request) -> web.Response:
        note["text"] = await request.text()
        return web.json_response({"ok": True})

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read(), headers={"X-Query": request.rel_url.raw_query_string})

    async def headers(request: web.Request) -> web.Response:
        return web.json_response(dict(request.headers))

    async def big(request: web.Request) -> web.StreamResponse:
        count = int(request.query["mb"])
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(count):
            await response.write(b"x" * (1 << 20))
        return response

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000000"})
        await response.prepare(request)
        await response.write(b"x" * 1000)
        os._exit(3)

    async def elsewhere(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://example.org/"})

    async def socket(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(max_msg_size=1 << 27, protocols=("standin",))
        await ws.prepare(request)
        async for message in ws:
            if message.type is WSMsgType.BINARY:
                await ws.send_bytes(message.data)
            elif message.data == "flood":
                sent = folder / "sent"
                for number in range(400):
                    await ws.send_bytes(b"f" * (1 << 20))
                    sent.write_text(str(number + 1))
            elif message.data.startswith("size "):
                await ws.send_bytes(bytes(int(message.data.split()[1])))
            elif message.data == "die":
                print("Traceback: the stand-in was told to die", file=sys.stderr, flush=True)
                os._exit(7)
            else:
                await ws.send_str(f"{os.getpid()} {message.data}")
        return ws

    async def arrived(request: web.Request) -> web.Response:
        news = await request.json()
        files = sorted(p.name for p in (folder / "incoming" / news["id"]).iterdir())
        if news["name"] == "unreadable":
            return web.json_response({"ok": False, "message": "It cannot be read.", "details": "why"})
        for path in (folder / "incoming" / news["id"]).iterdir():
            (folder / "outgoing" / path.name).write_bytes(path.read_bytes())
        return web.json_response({"ok": True, "message": json.dumps({**news, "found": files})})

    async def child(_: web.Request) -> web.Response:
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        return web.json_response({"pid": process.pid})

    app.add_routes([
        web.get("/", index), web.get("/who", who), web.post("/remember", remember), web.post("/echo", echo),
        web.get("/headers", headers), web.get("/big", big), web.get("/cut", cut), web.get("/elsewhere", elsewhere),
        web.get("/ws", socket), web.post("/arrived", arrived), web.get("/child", child),
    ])  # fmt: skip
    return app


def follow_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--host")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--with-parent", action="store_true")
    chosen = parser.parse_args()
    if os.environ.get("STANDIN") == "broken":
        print("the stand-in cannot start", file=sys.stderr)
        raise SystemExit(5)
    if chosen.with_parent:
        threading.Thread(target=follow_parent, daemon=True).start()
    runner = web.AppRunner(application(chosen.folder, os.environ.pop("SYNTHETIC_IMAGING_PAGE_SECRET")))
    await runner.setup()
    await web.TCPSite(runner, chosen.host, chosen.port).start()
    await asyncio.sleep(float(os.environ.get("STANDIN_DELAY", "0")))
    print(json.dumps({"port": runner.addresses[0][1], "pid": os.getpid()}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

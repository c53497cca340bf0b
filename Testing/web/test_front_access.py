"""Who is let in: the token, the cookie, the Host and Origin headers; and what every answer carries."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys

import aiohttp
import pytest
from front_at_work import DOCUMENT, Visitor, front_at_work

import synthetic_imaging as si
from synthetic_imaging_web.__main__ import settings_from
from synthetic_imaging_web.front.guard import allowed_hosts, host_name
from synthetic_imaging_web.front.settings import FrontSettings
from synthetic_imaging_web.front.tokens import Tokens, WrongTokens


def test_without_the_token_there_is_a_sentence_and_no_session():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            for path in ("/", "/who", "/ws", "/download/a.nrrd", "/front/state", "/front/invite", "/index.html"):
                status, text, headers = await visitor.open(path)
                assert status == 403, path
                assert "token" in text and "Set-Cookie" not in headers
            assert (await visitor.upload(("a.nrrd", b"NRRD0004\n")))[0] == 403
            assert (await visitor.post("/front/again"))[0] == 403
            assert front.sessions.living == 0

    asyncio.run(visit())


def test_a_wrong_token_is_refused_and_the_right_one_leads_to_an_address_without_it():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            status, text, _ = await visitor.open("/?token=wrong")
            assert status == 403 and "wrong" in text
            for offered in ("", front.tokens.token[:-1], front.tokens.token + "x", "\udcff", "ü"):
                assert not front.tokens.accepts(offered)
            status, _, headers = await visitor.open(f"/?token={front.tokens.token}", allow_redirects=False)
            assert (status, headers["Location"]) == (303, "/")
            cookie = headers["Set-Cookie"]
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and front.tokens.token not in cookie
            assert cookie.startswith(f"synthetic_imaging_{front.port}=")
            assert await visitor.ready() == "ready"
            assert (await visitor.open("/"))[0] == 200
            # The same browser with the same address again keeps its session.
            await visitor.open(f"/?token={front.tokens.token}")
            assert front.sessions.living == 1

    asyncio.run(visit())


def test_coming_from_elsewhere_a_page_of_ours_leads_on_because_a_redirect_would_lose_the_cookie():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            headers = {**DOCUMENT, "Sec-Fetch-Site": "cross-site"}
            status, text, answered = await visitor.open(f"/?token={front.tokens.token}", headers=headers)
            assert status == 200 and 'content="0; url=/"' in text and "Set-Cookie" in answered
            assert front.tokens.token not in text

    asyncio.run(visit())


def test_many_wrong_tokens_are_no_longer_listened_to_for_a_minute():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            for _ in range(20):
                assert (await visitor.open("/?token=guess"))[0] == 403
            assert (await visitor.open("/?token=guess"))[0] == 429
            assert (await visitor.open(f"/?token={front.tokens.token}"))[0] == 429

    asyncio.run(visit())
    now = [0.0]
    wrong = WrongTokens(most=2, clock=lambda: now[0])
    wrong.add("a"), wrong.add("a")
    assert wrong.too_many("a") and not wrong.too_many("b")
    now[0] = 61.0
    assert not wrong.too_many("a")


def test_a_token_for_a_single_use_is_good_once_and_not_for_long():
    now = [0.0]
    tokens = Tokens(clock=lambda: now[0])
    once, late = tokens.once(), tokens.once(seconds=10)
    assert tokens.accepts(once) and not tokens.accepts(once)
    now[0] = 11.0
    assert not tokens.accepts(late)
    assert tokens.accepts(tokens.token) and tokens.accepts(tokens.token)


STRANGE = ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::2]", "localhost.x")


@pytest.mark.parametrize("host", STRANGE)
def test_another_name_in_the_host_header_is_refused(host: str):
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            status, text, _ = await visitor.open(f"/?token={front.tokens.token}", headers={**DOCUMENT, "Host": host})
            assert status in (400, 421) and front.sessions.living == 0
            assert "Set-Cookie" not in text

    asyncio.run(visit())


def test_the_names_of_this_computer_are_known_by_any_port():
    own = allowed_hosts(FrontSettings())
    for header in ("127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"):
        assert host_name(header) in own
    network = allowed_hosts(FrontSettings(host="0.0.0.0", allow_network=True))
    assert socket.gethostname().lower() in network and "evil.example" not in network


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
        {"Origin": "file://"},
    ],
    ids=str,
)
def test_posts_and_websockets_of_other_pages_are_refused(headers: dict[str, str]):
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            for path in ("/remember", "/upload", "/front/again", "/front/end"):
                assert (await visitor.post(path, b"x", headers))[0] == 403, path
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                async with visitor.socket(headers=headers):
                    pass
            assert caught.value.status == 403
            assert (await visitor.who())["note"] == ""
            own_form = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
            assert (await visitor.post("/remember", b"x", own_form))[0] == 200

    asyncio.run(visit())


def test_other_pages_cannot_draw_ours_into_themselves():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            for mode, destination in (("no-cors", "image"), ("no-cors", "script"), ("navigate", "iframe")):
                headers = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
                assert (await visitor.open("/who", headers=headers))[0] == 403
            # A link to it may be followed.
            headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
            assert (await visitor.open("/", headers={**headers, "Accept": "text/html"}))[0] == 200

    asyncio.run(visit())


def test_every_answer_carries_the_headers():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            refused = await visitor.open("/")
            await visitor.enter()
            paths = ("/", "/who", "/nothing", "/front/state", "/front/style.css", "/front/nothing", "/download/nothing")
            answers = [refused, *[await visitor.open(path) for path in paths]]
            for _, _, headers in answers:
                assert headers["X-Content-Type-Options"] == "nosniff"
                assert headers["Referrer-Policy"] == "no-referrer"
                assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
                assert headers["X-Frame-Options"] == "DENY"
                assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
                assert headers["Server"] == "synthetic-imaging"
                assert "Access-Control-Allow-Origin" not in headers
            async with visitor.client.request("DELETE", visitor.base + "/") as answer:
                assert answer.status == 405

    asyncio.run(visit())


def test_a_page_may_run_its_own_scripts_and_load_nothing_from_elsewhere():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            _, html, headers = await visitor.open("/")
            policy = headers["Content-Security-Policy"]
            assert "'sha256-" in policy and "'unsafe-inline'" not in policy.split("style-src")[0]
            assert "default-src 'none'" in policy and not re.search(r"https?:", policy)
            assert 'src="front/session.js"' in html and headers["Cache-Control"] == "no-store"

    asyncio.run(visit())


def test_the_network_needs_an_explicit_consent():
    for host in ("0.0.0.0", "192.0.2.1", "::", "some-name"):
        with pytest.raises(si.SyntheticImagingError, match="--allow-network"):
            settings_from(["--host", host]).check()
        settings_from(["--host", host, "--allow-network"]).check()
    for host in ("127.0.0.1", "::1", "localhost", "127.9.9.9"):
        settings_from(["--host", host]).check()
    for wrong in (["--port", "70000"], ["--sessions", "0"], ["--idle-minutes", "0"], ["--max-upload-mb", "0"]):
        with pytest.raises(si.SyntheticImagingError, match="choose"):
            settings_from(wrong).check()


def test_it_stands_at_once_and_loads_nothing_heavy():
    code = (
        "import time, sys; t = time.perf_counter(); import numpy; n = time.perf_counter();"
        "import synthetic_imaging_web.__main__, synthetic_imaging_web.front.running;"
        "print(time.perf_counter() - n);"
        "heavy = ('trame', 'wslink', 'vtk', 'slicer', 'torch', 'SimpleITK', 'numba', 'pydicom');"
        "print([m for m in heavy if m in sys.modules])"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert runs[0].stdout.splitlines()[1] == "[]"
    assert min(float(r.stdout.splitlines()[0]) for r in runs) < 1.0

"""What passes between a browser and its page process, and how: whole, streamed, at the reader's pace."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import resource
import time
from pathlib import Path

import aiohttp
import pytest
from front_at_work import Visitor, front_at_work
from yarl import URL

from synthetic_imaging_web.front.content_policy import script_hashes, with_session_script
from synthetic_imaging_web.front.proxy import to_browser


def test_requests_pass_with_their_query_and_without_what_is_not_for_the_page():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            body = bytes(range(256)) * 4000
            address = URL(visitor.base + "/echo?a=1&b=%2F%20x", encoded=True)
            async with visitor.client.post(address, data=body, headers=visitor.own) as answer:
                assert await answer.read() == body
                assert answer.headers["X-Query"] == "a=1&b=%2F%20x"
            sent = {"X-Forwarded-For": "1.2.3.4", "Authorization": "Basic eA==", "X-Mine": "kept", "X-Drop": "1",
                    "Connection": "x-drop"}  # fmt: skip
            async with visitor.client.get(visitor.base + "/headers", headers=sent) as answer:
                passed = {k.lower(): v for k, v in (await answer.json()).items()}
            assert passed["x-mine"] == "kept"
            assert not passed.keys() & {"cookie", "authorization", "x-forwarded-for", "x-drop", "origin", "referer"}
            async with visitor.client.get(visitor.base + "/") as answer:
                assert "inner" not in answer.cookies
            async with visitor.client.head(visitor.base + "/who") as answer:
                assert answer.status == 200 and await answer.read() == b""
            async with visitor.client.get(visitor.base + "/elsewhere", allow_redirects=False) as answer:
                assert "Location" not in answer.headers, "a page process leads nowhere else"

    asyncio.run(visit())


ELSEWHERE = ("http://192.0.2.1:1/who", "//192.0.2.1:1/../who", "http://u@192.0.2.1/who", "/@192.0.2.1/", "*")


@pytest.mark.parametrize("target", ELSEWHERE)
def test_whatever_the_first_line_says_a_request_goes_to_its_own_page(target: str):
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            cookie = next(iter(visitor.client.cookie_jar))
            reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
            head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie.key}={cookie.value}\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode())
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            status = int(answer.split()[1])
            assert status in (200, 400, 404, 421), answer
            assert status != 200 or b'"pid"' in answer

    asyncio.run(visit())


def test_headers_of_the_page_that_would_open_it_to_others_are_taken_away():
    headers = {"Access-Control-Allow-Origin": "*", "Set-Cookie": "a=1", "Content-Security-Policy": "none",
               "Transfer-Encoding": "chunked", "ETag": '"1"', "Location": "index.html?a=http://b"}  # fmt: skip
    assert set(to_browser(headers)) == {"ETag", "Location"}
    for away in ("//evil.example", "http://evil.example", "\\\\evil", "/\\evil.example"):
        assert "Location" not in to_browser({"Location": away})


def test_large_answers_are_streamed_and_not_gathered():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            size = 0
            async with visitor.client.get(visitor.base + "/big?mb=300") as answer:
                async for piece in answer.content.iter_chunked(1 << 16):
                    size += len(piece)
            assert size == 300 << 20
            assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 60

    asyncio.run(visit())


def test_an_answer_that_is_cut_off_is_seen_to_be():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            with pytest.raises(aiohttp.ClientError):
                async with visitor.client.get(visitor.base + "/cut") as answer:
                    await answer.read()

    asyncio.run(visit())


def test_websockets_carry_text_and_large_binary_both_ways():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            async with visitor.socket(protocols=("standin", "other")) as socket:
                assert socket.protocol == "standin"
                await socket.send_str("héllo")
                assert (await socket.receive_str()).endswith(" héllo")
                for size in (0, 1, 125, 126, 65536, 10 << 20):
                    piece = bytes([size % 251]) * size
                    await socket.send_bytes(piece)
                    assert await socket.receive_bytes() == piece
                await socket.send_str(f"size {40 << 20}")
                assert len(await socket.receive_bytes()) == 40 << 20

    asyncio.run(visit())


def test_a_message_that_is_too_large_closes_that_socket_only():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            async with visitor.socket() as socket:
                with contextlib.suppress(ConnectionError):  # closed while it is sent
                    await socket.send_bytes(bytes((16 << 20) + 1))
                message = await socket.receive(timeout=10)
                assert message.type is not aiohttp.WSMsgType.BINARY
            assert (await visitor.who())["pid"]

    asyncio.run(visit())


def test_a_slow_reader_slows_the_page_down_and_nothing_piles_up():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            sent = Path((await visitor.who())["folder"]) / "sent"
            async with visitor.socket() as socket:
                await socket.send_str("flood")  # 400 MB as fast as they go
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                count = last = -1
                for _ in range(60):
                    await asyncio.sleep(0.1)
                    last, count = count, int(sent.read_text() or "0") if sent.exists() else 0
                    if count and count == last:
                        break
                assert 0 < count < 100, "the page waits for its reader"
                assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 120
                for _ in range(400):
                    assert len(await socket.receive_bytes()) == 1 << 20

    asyncio.run(visit())


def test_other_requests_are_answered_while_much_is_sent():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as busy, Visitor(front) as other:
            await asyncio.gather(busy.enter(), other.enter())

            async def load() -> None:
                async with busy.client.get(busy.base + "/big?mb=400") as answer:
                    async for _ in answer.content.iter_chunked(1 << 18):
                        pass

            loading = asyncio.create_task(load())
            slowest = 0.0
            async with other.socket() as socket:
                while not loading.done():
                    begun = time.perf_counter()
                    await socket.send_str("ping")
                    await socket.receive_str()
                    slowest = max(slowest, time.perf_counter() - begun)
                    await asyncio.sleep(0.01)
            assert slowest < 1.5

    asyncio.run(visit())


def test_the_hashes_are_of_the_scripts_written_into_the_page():
    html = b'<html><head></head><script>one()</script><script src="a.js"></script>'
    html += b'<SCRIPT type="x">\ntwo\n</SCRIPT></html>'
    digests = [hashlib.sha256(text).digest() for text in (b"one()", b"\ntwo\n")]
    assert script_hashes(html) == [f"sha256-{base64.b64encode(digest).decode()}" for digest in digests]
    assert with_session_script(html).count(b"front/session.js") == 1
    assert with_session_script(b"plain text") == b"plain text"

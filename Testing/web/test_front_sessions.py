"""Sessions: one process and one folder for each browser, apart from all others, gone when it is over."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from front_at_work import STANDIN, Visitor, front_at_work

from synthetic_imaging.jobs import scratch

NRRD = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n\n" + bytes(range(16))


@pytest.fixture(autouse=True)
def own_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNTHETIC_IMAGING_SCRATCH", str(tmp_path))
    return tmp_path


async def gone(pid: int, seconds: float = 8.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.05)
    return False


def test_two_sessions_at_once_see_nothing_of_each_other():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as one, Visitor(front) as two:
            assert await asyncio.gather(one.enter(), two.enter()) == ["ready", "ready"]
            first, second = await one.who(), await two.who()
            assert first["pid"] != second["pid"] and first["folder"] != second["folder"]
            await one.post("/remember", b"a secret of one")
            assert (await two.who())["note"] == ""
            status, told = await one.upload(("patient.nrrd", NRRD))
            assert status == 200, told
            assert (await one.open("/download/patient.nrrd"))[0] == 200
            assert (await two.open("/download/patient.nrrd"))[0] == 404
            async with one.socket() as here, two.socket() as there:
                await here.send_str("who")
                await there.send_str("who")
                assert (await here.receive_str()).startswith(str(first["pid"]))
                assert (await there.receive_str()).startswith(str(second["pid"]))
            # Both files of the other's folder by name lead nowhere either.
            name = Path(first["folder"]).name
            assert (await two.open(f"/download/..%2F..%2F{name}%2Foutgoing%2Fpatient.nrrd"))[0] == 404

    asyncio.run(visit())


def test_only_the_front_can_talk_to_a_page_process():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            session = next(iter(front.sessions._sessions.values()))
            async with visitor.client.get(f"http://127.0.0.1:{session.page.port}/who") as answer:
                assert answer.status == 403
            async with visitor.client.get(visitor.base + "/headers", headers={"X-Page-Secret": "mine"}) as answer:
                assert (await answer.json())["X-Page-Secret"] == session.page.secret
            assert "SYNTHETIC_IMAGING_PAGE_SECRET" not in os.environ

    asyncio.run(visit())


def test_there_is_a_waiting_page_while_it_starts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STANDIN_DELAY", "2.0")

    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            begun = time.monotonic()
            status, text, _ = await visitor.open(f"/?token={front.tokens.token}")
            assert status == 200 and "Starting, a few seconds" in text and time.monotonic() - begun < 1.8
            assert (await visitor.open("/who", headers={"Accept": "*/*"}))[0] == 503
            assert (await visitor.upload(("a.nrrd", NRRD)))[0] == 409
            assert await visitor.ready() == "ready"
            assert "session page" in (await visitor.open("/"))[1]

    asyncio.run(visit())


def test_no_more_sessions_than_allowed_and_a_place_that_becomes_free_can_be_taken():
    async def visit() -> None:
        async with front_at_work(sessions=1) as front, Visitor(front) as one, Visitor(front) as two:
            await one.enter()
            status, text, headers = await two.open(f"/?token={front.tokens.token}")
            assert status == 503 and "in use" in text and "Set-Cookie" not in headers
            await one.post("/front/end")
            assert await two.enter() == "ready"
            status, text = await one.post("/front/again")
            assert status == 503 and "in use" in text

    asyncio.run(visit())


def test_no_session_is_started_when_memory_is_short():
    async def visit() -> None:
        async with front_at_work(session_bytes=1 << 60) as front, Visitor(front) as visitor:
            status, text, _ = await visitor.open(f"/?token={front.tokens.token}")
            assert status == 503 and "too little memory" in text and front.sessions.living == 0

    asyncio.run(visit())


def test_a_page_that_dies_is_told_and_can_be_started_again(own_scratch: Path):
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as one, Visitor(front) as other:
            await asyncio.gather(one.enter(), other.enter())
            before = await one.who()
            async with one.socket() as socket:
                await socket.send_str("die")
                message = await socket.receive()
                assert message.type.name in ("CLOSE", "CLOSED", "CLOSING")
            assert await one.until("ended")
            status, text, _ = await one.open("/")
            assert status == 200 and "ended unexpectedly" in text and "Start again" in text
            assert "told to die" in text, "the end of its log, for its own user"
            for _ in range(100):
                if not Path(before["folder"]).exists():
                    break
                await asyncio.sleep(0.05)
            assert not Path(before["folder"]).exists()
            assert (await other.who())["pid"] != before["pid"], "the others go on"
            await one.open(f"/?token={front.tokens.token}", headers={"Sec-Fetch-Site": "none"})
            assert await one.ready() == "ready", "the printed address starts it again, too"
            await one.post("/front/again")
            assert await one.ready() == "ready"
            after = await one.who()
            assert after["pid"] != before["pid"] and after["folder"] != before["folder"]

    asyncio.run(visit())


def test_a_page_that_cannot_start_is_told_with_details(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STANDIN", "broken")

    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            assert await visitor.enter() == "ended"
            text = (await visitor.open("/"))[1]
            assert "could not be started" in text and "exit code 5" in text and "the stand-in cannot start" in text
        async with front_at_work(command=("no-such-program-anywhere",)) as front, Visitor(front) as visitor:
            assert await visitor.enter() == "ended"
            assert "could not be started" in (await visitor.open("/"))[1]

    asyncio.run(visit())


def test_a_page_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch, own_scratch: Path):
    monkeypatch.setenv("STANDIN_DELAY", "60")

    async def visit() -> None:
        async with front_at_work(start_seconds=0.7) as front, Visitor(front) as visitor:
            assert await visitor.enter() == "ended"
            assert "took over 0.7 seconds" in (await visitor.open("/"))[1]
        assert not list(own_scratch.iterdir())

    asyncio.run(visit())


def test_ending_a_session_ends_everything_it_started_and_deletes_its_data():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            known = await visitor.who()
            async with visitor.client.get(visitor.base + "/child") as answer:
                child = (await answer.json())["pid"]
            assert psutil.pid_exists(child)
            async with visitor.socket() as socket:
                await visitor.post("/front/end")
                assert (await socket.receive()).data == 4001
            assert await gone(known["pid"]) and await gone(child)
            assert not Path(known["folder"]).exists()
            assert "ended this session" in (await visitor.open("/"))[1]

    asyncio.run(visit())


def test_what_outlived_its_page_is_found_by_its_scratch_folder():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            async with visitor.client.get(visitor.base + "/child") as answer:
                child = (await answer.json())["pid"]
            async with visitor.socket() as socket:
                await socket.send_str("die")  # the child is nobody's now
                await socket.receive()
            assert await visitor.until("ended")
            assert await gone(child)

    asyncio.run(visit())


def test_a_session_that_nobody_uses_ends():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            session = next(iter(front.sessions._sessions.values()))
            assert not session.idle(30)
            session.seen -= 31 * 60
            assert session.idle(30)
            async with visitor.socket():
                session.seen -= 31 * 60
                assert not session.idle(30), "somebody has it open"
                session.seen -= 12 * 3600
                assert session.idle(30), "but not for ever"
            while session.sockets:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0)
            session.seen -= 31 * 60
            assert await visitor.ready() == "ready", "asking for the state alone does not keep it"
            front.sessions._reaper.cancel()
            front.sessions.watch(every=0.05)
            assert await visitor.until("ended") and "not used for 30 minutes" in (await visitor.open("/"))[1]

    asyncio.run(visit())


def test_the_address_for_a_second_session_works_in_another_browser():
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as one, Visitor(front) as two:
            await one.enter()
            text = (await one.open("/front/invite"))[1]
            found = re.search(r">http://[^/]+(/\?token=[^<]+)<", text)
            assert found
            await two.open(found[1])
            assert await two.ready() == "ready"
            assert (await one.who())["pid"] != (await two.who())["pid"]

    asyncio.run(visit())


def started(folder: Path, *more: str) -> tuple[subprocess.Popen[str], str]:
    """The real program with the stand-in as its page; the process and the address it prints."""
    code = (
        "import sys; from synthetic_imaging_web.front import running, settings;"
        "from synthetic_imaging_web.__main__ import settings_from; from dataclasses import replace;"
        f"sys.exit(running.run(replace(settings_from({list(more)!r}), command={STANDIN!r})))"
    )
    environment = {**os.environ, "SYNTHETIC_IMAGING_SCRATCH": str(folder)}
    program = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert program.stdout is not None
    for line in program.stdout:
        if found := re.search(r"http://\S+", line):
            return program, found[0]
    raise AssertionError(program.communicate()[1])


async def enter_at(address: str) -> dict[str, object]:
    import aiohttp

    base = address.partition("/?")[0]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        async with client.get(address, headers={"Accept": "text/html"}) as answer:
            assert answer.status == 200
        for _ in range(200):
            async with client.get(base + "/who") as answer:
                if answer.status == 200:
                    return json.loads(await answer.text())
            await asyncio.sleep(0.05)
    raise AssertionError("it does not start")


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_signal_end_all_sessions_and_leave_nothing(number: int, own_scratch: Path):
    program, address = started(own_scratch)
    known = asyncio.run(enter_at(address))
    program.send_signal(number)
    _, log = program.communicate(timeout=20)
    assert program.returncode == 0, log
    assert asyncio.run(gone(int(str(known["pid"]))))
    assert not list(own_scratch.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_after_a_killed_program_pages_end_and_the_next_start_removes_what_was_left(own_scratch: Path):
    program, address = started(own_scratch)
    known = asyncio.run(enter_at(address))
    program.kill()
    program.communicate(timeout=20)
    assert asyncio.run(gone(int(str(known["pid"])))), "a page ends when its front is gone"
    assert list(own_scratch.iterdir())
    assert scratch.sweep() == 1
    assert not list(own_scratch.iterdir())


def test_the_log_names_no_files_no_tokens_and_no_queries(own_scratch: Path):
    program, address = started(own_scratch, "--verbose")
    base, _, token = address.partition("/?token=")

    async def visit() -> None:
        import aiohttp

        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            await client.get(address)
            for _ in range(200):
                async with client.get(base + "/who?name=Mustermann") as answer:
                    if answer.status == 200:
                        break
                await asyncio.sleep(0.05)
            form = aiohttp.FormData()
            form.add_field("files", NRRD, filename="Mustermann.nrrd")
            await client.post(base + "/upload", data=form, headers={"Origin": base})
            form = aiohttp.FormData()
            form.add_field("files", b"x", filename="Mustermann.nrrd")
            await client.post(base + "/upload", data=form, headers={"Origin": base})
            await client.get(base + "/download/Mustermann.nrrd")
            await client.get(base + "/Mustermann")
            await client.get(base + "/?token=Mustermann")

    asyncio.run(visit())
    program.terminate()
    out, log = program.communicate(timeout=20)
    assert "/upload 200" in log and "/download/... 200" in log and "/upload 415" in log, log
    assert "Mustermann" not in log + out and token not in log


def test_a_port_that_is_taken_gets_a_sentence(own_scratch: Path):
    program, address = started(own_scratch)
    try:
        port = address.partition("/?")[0].rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "synthetic_imaging_web", "--port", port], capture_output=True, text=True, timeout=30,
            check=False,
        )  # fmt: skip
        assert done.returncode == 2 and "--port" in done.stderr and "Traceback" not in done.stderr
    finally:
        program.terminate()
        program.communicate(timeout=20)

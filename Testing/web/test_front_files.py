"""Files on their way in and out through the front."""

from __future__ import annotations

import asyncio
import io
import json
import os
import resource
import zipfile
from pathlib import Path

import aiohttp
import pytest
from front_at_work import Visitor, front_at_work
from yarl import URL

from synthetic_imaging_web.uploads.limits import MB, UploadLimits

DICOM = bytes(128) + b"DICM" + bytes(600)
NRRD = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n\n" + bytes(range(16))


@pytest.fixture(autouse=True)
def own_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNTHETIC_IMAGING_SCRATCH", str(tmp_path))
    return tmp_path


async def arrived(visitor: Visitor, *files: tuple[str, bytes]) -> dict[str, object]:
    status, told = await visitor.upload(*files)
    assert status == 200 and told["ok"], told
    return dict(json.loads(told["message"].partition("}")[0] + "}"))


async def incoming(visitor: Visitor) -> Path:
    return Path((await visitor.who())["folder"]) / "incoming"


def test_files_folders_and_archives_reach_the_page():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("study/IM1", DICOM)

    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            told = await arrived(visitor, ("Leber ä.nrrd", NRRD))
            assert (told["name"], told["kind"], told["found"]) == ("Leber ä", "volume", ["Leber ä.nrrd"])
            series = [(f"study/series/IM{n}", DICOM) for n in range(300)]
            told = await arrived(visitor, *series, ("study/a.txt", b"hello"))
            assert (told["name"], told["kind"], told["files"], told["ignored"]) == ("study", "dicom", 300, 1)
            told = await arrived(visitor, ("May.zip", made.getvalue()))
            assert (told["name"], told["found"]) == ("May", ["00001.dcm"])
            await arrived(visitor, ("../../../../tmp/evil.nrrd", NRRD))
            assert not (await incoming(visitor)).parent.parent.joinpath("evil.nrrd").exists()

    asyncio.run(visit())


def test_what_is_refused_leaves_nothing_and_what_the_page_says_is_passed_on():
    async def visit() -> None:
        async with front_at_work(limits=UploadLimits(upload_bytes=2 * MB)) as front, Visitor(front) as visitor:
            await visitor.enter()
            for content, status in ((NRRD[:-1], 422), (DICOM, 415), (b"", 422), (NRRD + bytes(3 * MB), 413)):
                answered, told = await visitor.upload(("a.nrrd", content))
                assert (answered, told["ok"]) == (status, False) and told["message"].endswith(".")
            assert (await visitor.upload())[0] in (415, 422)
            assert not list((await incoming(visitor)).iterdir())
            answered, told = await visitor.upload(("unreadable.nrrd", NRRD))
            assert answered == 422 and told == {"ok": False, "message": "It cannot be read.", "details": "why"}

    asyncio.run(visit())


def test_an_upload_without_a_length_is_counted_as_it_comes():
    async def endless():
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.nrrd"\r\n\r\n' + NRRD
        for _ in range(200):
            yield bytes(1 << 16)

    async def visit() -> None:
        async with front_at_work(limits=UploadLimits(upload_bytes=2 * MB)) as front, Visitor(front) as visitor:
            await visitor.enter()
            headers = {**visitor.own, "Content-Type": "multipart/form-data; boundary=b"}
            status, text = await visitor.post("/upload", endless(), headers)
            assert status == 413 and "at most 2 MB" in text
            for body, kind in ((b"x", "text/plain"), (b"--b\r\n", "multipart/form-data; boundary=b"),
                               (b"x", "multipart/form-data"), (b"", "multipart/form-data; boundary=b")):  # fmt: skip
                status, text = await visitor.post("/upload", body, {**visitor.own, "Content-Type": kind})
                assert status in (415, 422) and json.loads(text)["message"]
            packed = {**headers, "Content-Encoding": "gzip"}
            assert (await visitor.post("/upload", b"x", packed))[0] == 415
            assert not list((await incoming(visitor)).iterdir())

    asyncio.run(visit())


def test_an_upload_that_breaks_off_leaves_nothing():
    async def broken():
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.nrrd"\r\n\r\n' + NRRD + bytes(MB)
        await asyncio.sleep(0.5)
        raise RuntimeError("the cable was pulled")

    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            headers = {**visitor.own, "Content-Type": "multipart/form-data; boundary=b"}
            sending = asyncio.create_task(visitor.post("/upload", broken(), headers))
            await asyncio.sleep(0.3)
            assert list((await incoming(visitor)).iterdir())
            status, told = await visitor.upload(("b.nrrd", NRRD))
            assert status == 409 and "still running" in told["message"], "one at a time"
            with pytest.raises((RuntimeError, aiohttp.ClientError)):
                await sending
            for _ in range(100):
                if not list((await incoming(visitor)).iterdir()):
                    break
                await asyncio.sleep(0.05)
            assert not list((await incoming(visitor)).iterdir())
            assert (await visitor.upload(("b.nrrd", NRRD)))[0] == 200

    asyncio.run(visit())


def test_a_large_upload_is_not_held_in_memory_and_others_are_answered_meanwhile():
    header = f"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 1024 1024 {200}\nencoding: raw\n\n".encode()

    async def body():
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.nrrd"\r\n\r\n' + header
        for _ in range(200):
            yield bytes(1 << 20)
        yield b"\r\n--b--\r\n"

    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as busy, Visitor(front) as other:
            await asyncio.gather(busy.enter(), other.enter())
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            headers = {**busy.own, "Content-Type": "multipart/form-data; boundary=b"}
            sending = asyncio.create_task(busy.post("/upload", body(), headers))
            while not sending.done():
                assert (await other.who())["pid"]
                await asyncio.sleep(0.05)
            status, text = await sending
            assert status == 200, text
            assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 60

    asyncio.run(visit())


def test_downloads_are_whole_attachments_from_the_outgoing_folder_alone(tmp_path: Path):
    async def visit() -> None:
        async with front_at_work() as front, Visitor(front) as visitor:
            await visitor.enter()
            folder = Path((await visitor.who())["folder"])
            content = os.urandom(3 << 20)
            out = folder / "outgoing"
            (out / "result ä.nrrd").write_bytes(content)
            (out / ".half.nrrd").write_bytes(b"half")
            (out / "inner").mkdir()
            (out / "inner" / "a").write_bytes(b"a")
            (folder / "secret").write_bytes(b"s")
            (out / "link").symlink_to(folder / "secret")
            address = visitor.base + "/download/result ä.nrrd"
            async with visitor.client.get(address) as answer:
                assert await answer.read() == content
                assert answer.headers["Content-Type"] == "application/octet-stream"
                assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''result%20%C3%A4.nrrd"
            ranges = {"bytes=10-19": content[10:20], "bytes=-5": content[-5:], "bytes=5-": content[5:]}
            for asked, wanted in ranges.items():
                async with visitor.client.get(address, headers={"Range": asked}) as answer:
                    assert answer.status == 206 and await answer.read() == wanted
            async with visitor.client.get(address, headers={"Range": "bytes=99999999-"}) as answer:
                assert answer.status == 416
            async with visitor.client.head(address) as answer:
                assert answer.headers["Content-Length"] == str(len(content))
            os.mkfifo(out / "pipe")
            for name in (".half.nrrd", "inner", "inner%2Fa", "link", "..%2Fsecret", "%2e%2e%2fsecret", "pipe", "none",
                         "%2Fetc%2Fpasswd", "..%5Csecret", "a%00b"):  # fmt: skip
                asked = URL(f"{visitor.base}/download/{name}", encoded=True)
                async with visitor.client.get(asked) as answer:
                    assert answer.status in (400, 404), name
                    assert (await answer.read())[:1] not in (b"h", b"a", b"s")

    asyncio.run(visit())

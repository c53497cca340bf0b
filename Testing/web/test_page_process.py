"""The process of a page: who may talk to it, what it takes in and gives out, when it ends."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from Testing.web.conftest import SECRET, PageProcess, end_page, missing_packages, start_page, wait_until

import synthetic_imaging as si

pytestmark = pytest.mark.skipif(bool(missing_packages()), reason=missing_packages() or "all is there")


def ask(page: PageProcess, path: str, secret: str = SECRET, told: Any = None, cookie: bool = False) -> tuple[int, str]:
    given = {"Cookie": f"page_secret={secret}"} if cookie else {"X-Page-Secret": secret}
    headers = {"Content-Type": "application/json", **(given if secret else {})}
    data = json.dumps(told).encode() if told is not None else None
    request = urllib.request.Request(f"{page.address}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")


@pytest.mark.parametrize("path", ["/", "/index.html", "/ws", "/alive", "/download/x.nrrd"])
@pytest.mark.parametrize("secret", ["", "wrong"])
def test_nothing_is_answered_without_the_secret(page_process: PageProcess, path: str, secret: str):
    assert ask(page_process, path, secret)[0] == 403
    assert ask(page_process, path, secret, cookie=True)[0] == 403


def test_with_the_secret_the_page_is_served(page_process: PageProcess):
    assert ask(page_process, "/index.html")[0] == 200
    assert json.loads(ask(page_process, "/alive", cookie=True)[1])["ok"] is True


@pytest.mark.parametrize("name", ["../outgoing", "..", ".", "", "a/b", "missing", "%2e%2e"])
def test_only_what_lies_in_incoming_is_read(page_process: PageProcess, name: str):
    status, text = ask(page_process, "/arrived", told={"id": name, "name": "x"})
    assert status == 200
    assert json.loads(text)["ok"] is False
    assert (page_process.folder / "outgoing").is_dir()


def test_what_arrived_is_loaded_and_taken_away(page_process: PageProcess, abdomen: Any):
    folder = page_process.folder / "incoming" / "one"
    folder.mkdir()
    si.write_volume(abdomen.ct, folder / "00001.nrrd")
    status, text = ask(page_process, "/arrived", told={"id": "one", "name": "ct", "kind": "volume"})
    assert status == 200
    answer = json.loads(text)
    assert answer["ok"] is True, answer
    assert "64 x 64 x 48" in answer["message"]
    assert not folder.exists()


def test_a_broken_arrival_is_a_sentence(page_process: PageProcess):
    folder = page_process.folder / "incoming" / "two"
    folder.mkdir()
    (folder / "ct.nrrd").write_bytes(b"NRRD0005\nnonsense")
    answer = json.loads(ask(page_process, "/arrived", told={"id": "two", "name": "ct"})[1])
    assert answer["ok"] is False
    assert str(page_process.folder) not in answer["message"]
    assert not folder.exists()


@pytest.mark.parametrize("name", ["..%2Fpage.log", "%2e%2e/page.log", ".hidden"])
def test_downloads_come_from_one_folder_only(page_process: PageProcess, name: str):
    assert ask(page_process, f"/download/{name}")[0] in (403, 404)


def test_without_a_secret_it_does_not_start(tmp_path: Path):
    with pytest.raises((AssertionError, ValueError)):
        start_page(tmp_path, secret="")
    assert "secret" in (tmp_path / "page.log").read_text(encoding="utf-8")


def test_it_ends_when_the_server_in_front_is_gone(tmp_path: Path):
    page = start_page(tmp_path, "none", with_parent=True)
    assert page.process.stdin is not None
    page.process.stdin.close()
    try:
        wait_until(lambda: page.process.poll() is not None, 15)
    finally:
        with contextlib.suppress(OSError):
            end_page(page)

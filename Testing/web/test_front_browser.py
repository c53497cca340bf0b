"""The whole program in a real browser: the front, with the real page behind it."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from front_at_work import front_in_a_thread

import synthetic_imaging as si
from synthetic_imaging_web.front.server import Front

pytestmark = pytest.mark.slow
PAGE = (sys.executable, "-m", "synthetic_imaging_web.page", "--sample", "phantom")
READY = "[data-test=run]:not([disabled])"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A front with the real page, on a small phantom."""
    if any(importlib.util.find_spec(name) is None for name in ("trame_slicer", "trame_vuetify", "slicer")):
        pytest.skip("the browser program's packages are not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNTHETIC_IMAGING_SCRATCH", str(tmp_path_factory.mktemp("scratch")))
        with front_in_a_thread(command=PAGE) as running:
            yield running


def entered(chromium: Any, front: Front) -> Any:
    """A browser of its own, at the viewer; ``tab.told`` lists what its console said."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    tab.told = []
    tab.on("console", lambda message: tab.told.append(message.text))
    tab.goto(front.address())
    tab.wait_for_selector(READY)
    return tab


@pytest.fixture(scope="module")
def one(chromium: Any, front: Front) -> Iterator[Any]:
    """A user."""
    tab = entered(chromium, front)
    yield tab
    tab.context.close()


@pytest.fixture(scope="module")
def two(chromium: Any, front: Front, one: Any) -> Iterator[Any]:
    """Another user, at the same time."""
    tab = entered(chromium, front)
    yield tab
    tab.context.close()


def until(true: Callable[[], Any], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def volumes(tab: Any) -> list[str]:
    return [str(item["title"]) for item in tab.evaluate("trame.state.get('volume_items')")]


def send(tab: Any, *paths: Path, folder: bool = False) -> None:
    with tab.expect_file_chooser() as chooser:
        tab.evaluate(f"syntheticPage.choose({'true' if folder else 'false'})")
    chooser.value.set_files([str(path) for path in paths] if not folder else str(paths[0]))


def test_a_wrong_token_gets_a_sentence_and_no_viewer(chromium: Any, front: Front, tmp_path: Path):
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    tab = context.new_page()
    for address in (front.address("wrong"), front.address().partition("?")[0]):
        answer = tab.goto(address)
        assert answer.status == 403
        assert "does not open the viewer" in tab.inner_text("h1")
        assert "window in which the program was started" in " ".join(tab.inner_text("main").split())
        assert not context.cookies()
    context.close()


def test_the_address_loses_its_token_and_nothing_of_the_page_is_blocked(one: Any, front: Front):
    assert "token" not in one.url and one.url.startswith(f"http://127.0.0.1:{front.port}/")
    assert one.evaluate("document.cookie") == "", "scripts cannot read the cookie"
    until(lambda: one.locator("img").count() >= 4)
    assert not [line for line in one.told if "Content Security Policy" in line]


def test_two_users_at_once_see_nothing_of_each_other(one: Any, two: Any, tmp_path: Path):
    voxels = np.full((20, 30, 30), -50, np.int16)
    voxels[5:15, 8:22, 8:22] = 60
    volume = si.Volume.ct(voxels, si.Geometry.from_spacing(voxels.shape, (2.0, 2.0, 3.0)), name="of one")
    before = volumes(two)
    send(one, si.write_volume(volume, tmp_path / "of one.nrrd"))
    one.wait_for_selector(".message.note:has-text('Loaded')")
    assert "of one" in volumes(one)
    time.sleep(1.0)
    assert volumes(two) == before


def test_a_dicom_folder_can_be_sent(one: Any, tmp_path: Path):
    from synthetic_imaging.dicom.writing import write_series

    voxels = np.random.default_rng(0).integers(-100, 100, (8, 16, 16)).astype(np.int16)
    volume = si.Volume.ct(voxels, si.Geometry.from_spacing(voxels.shape, (2.0, 2.0, 3.0)), name="a series")
    write_series(volume, tmp_path / "patient")
    (tmp_path / "patient" / "readme.txt").write_text("no image")
    one.evaluate("trame.state.set('message', '')")
    send(one, tmp_path / "patient", folder=True)
    one.wait_for_selector(".message:has-text('Loaded')")
    assert "16 x 16 x 8" in one.inner_text(".message")


def test_a_broken_file_is_a_sentence_and_nothing_is_lost(one: Any, tmp_path: Path):
    before = volumes(one)
    for name, content, says in (
        ("cut off.nrrd", b"NRRD0005\ntype: short\nsizes: 9 9 9\nencoding: raw\n\n1234", "voxels are missing"),
        ("letter.docx", b"PK\x03\x04" + bytes(600), "kind that is not taken"),
        ("wrong.nrrd", bytes(600), "not what its name says"),
    ):  # fmt: skip
        path = tmp_path / name
        path.write_bytes(content)
        one.evaluate("trame.state.set('message', '')")
        send(one, path)
        one.wait_for_selector(f".message.error:has-text('{says}')")
    assert volumes(one) == before


def test_what_was_made_can_be_downloaded_and_read_again_by_nobody_else(one: Any, two: Any, tmp_path: Path):
    two.click(READY)
    two.wait_for_selector("[data-test=tab-result].chosen")
    with two.expect_download() as waiting:
        two.click("[data-test=image]")
    waiting.value.save_as(tmp_path / waiting.value.suggested_filename)
    image = si.read_volume(tmp_path / waiting.value.suggested_filename)
    assert image.provenance is not None and image.voxels.std() > 0
    address = waiting.value.url
    assert two.request.get(address).status == 200
    assert one.request.get(address).status == 404


def test_a_viewer_that_dies_says_so_by_itself_and_starts_again(two: Any, front: Front, one: Any):
    cookie = two.context.cookies()[0]["value"]
    session = front.sessions.find(cookie)
    assert session is not None and session.page is not None
    psutil.Process(session.page._process.pid).kill()
    two.wait_for_selector("body[data-page=ended]", timeout=15_000)
    assert "ended unexpectedly" in two.inner_text("main")
    assert one.locator("[data-test=run]").count(), "the other goes on"
    two.click("text=Start again")
    two.wait_for_selector(READY)
    assert volumes(two)


def test_a_session_is_ended_by_its_user(two: Any, front: Front):
    two.evaluate("() => { window.syntheticImaging.end(); }")
    two.wait_for_selector("body[data-page=ended]")
    assert "images are deleted" in two.inner_text("main")

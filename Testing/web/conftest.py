"""What the tests of the page share: a page process on a small phantom, and one browser for each module."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # front_at_work.py lies here

SECRET = "only-for-this-test"
_SOURCE = Path(__file__).parents[2] / "SyntheticImaging"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class PageProcess:
    """A page that was started as the server in front starts it."""

    process: subprocess.Popen[str]
    port: int
    folder: Path
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def missing_packages() -> str:
    """What the page needs and is not installed, in words; "" if all is there."""
    missing = [name for name in ("trame_slicer", "trame_vuetify", "aiohttp", "slicer") if not _there(name)]
    return f"not installed: {', '.join(missing)}" if missing else ""


def _there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def start_page(
    folder: Path, sample: str = "phantom", *, secret: str = SECRET, with_parent: bool = False
) -> PageProcess:
    """Start a page and wait until it can be reached."""
    log = folder / "page.log"
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(_SOURCE), "SYNTHETIC_IMAGING_PAGE_SECRET": secret}
    command = [sys.executable, "-m", "synthetic_imaging_web.page", "--folder", str(folder), "--sample", sample,
               "--stand-alone", *(["--with-parent"] if with_parent else [])]  # fmt: skip
    with log.open("w", encoding="utf-8") as err:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE if with_parent else None, stdout=subprocess.PIPE, stderr=err, text=True,
            env=environment,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, log.read_text(encoding="utf-8")[-2000:]
    return PageProcess(process, int(json.loads(line)["port"]), folder, log)


def end_page(page: PageProcess) -> None:
    page.process.send_signal(signal.SIGTERM)
    try:
        page.process.wait(15)
    except subprocess.TimeoutExpired:
        page.process.kill()
        page.process.wait(5)


@pytest.fixture(scope="module")
def page_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageProcess]:
    """A page on the phantom, for one module."""
    missing = missing_packages()
    if missing:
        pytest.skip(missing)
    page = start_page(tmp_path_factory.mktemp("page"))
    yield page
    end_page(page)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser without a window; skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("CHROMIUM") or next((p for p in map(shutil.which, _BROWSERS) if p), None)
    if path is None:
        pytest.skip("no Chromium is installed; CHROMIUM names one")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(page_process: PageProcess, chromium: Any) -> Iterator[Any]:
    """The page in the browser, 1280 x 720, with the phantom loaded. Its ``asked`` lists what was requested."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    context.add_cookies([{"name": "page_secret", "value": SECRET, "url": page_process.address}])
    tab = context.new_page()
    tab.set_default_timeout(30_000)
    tab.asked = []
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.goto(f"{page_process.address}/index.html")
    tab.wait_for_selector("[data-test=run]:not([disabled])")
    wait_until(lambda: tab.locator(".layout-grid-item img").count() == 4)
    yield tab
    context.close()


def wait_until(true: Callable[[], Any], seconds: float = 30.0, every: float = 0.1) -> Any:
    """Wait for something to become true; fails after a while."""
    end = time.monotonic() + seconds
    while True:
        result = true()
        if result:
            return result
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(every)


def settled(read: Callable[[], Any], still_s: float = 0.6, seconds: float = 30.0) -> Any:
    """What is read once it has stayed the same for a while; fails if it never does."""
    end = time.monotonic() + seconds
    last, since = read(), time.monotonic()
    while time.monotonic() - since < still_s:
        assert time.monotonic() < end, "it never settled"
        time.sleep(0.1)
        now = read()
        if now != last:
            last, since = now, time.monotonic()
    return last

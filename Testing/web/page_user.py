"""A user of the page: what is looked at and pressed in the browser, for several test files."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from Testing.web.conftest import wait_until


def picture(page: Any, view: int = 0) -> np.ndarray[Any, Any]:
    """What a view shows, as grey values."""
    from PIL import Image

    shot = page.locator(".layout-grid-item").nth(view).screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("L"), dtype=np.int16)


def yellow_points(page: Any, view: int = 0) -> np.ndarray[Any, Any]:
    """(row, column) of the points of a view in the colour that outlines a lesion."""
    from PIL import Image

    shot = page.locator(".layout-grid-item").nth(view).screenshot()
    colour = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=np.int16)
    return np.argwhere((colour[..., 0] > 180) & (colour[..., 1] > 150) & (colour[..., 2] < 90))


def changed(page: Any, before: np.ndarray[Any, Any], view: int = 0, least: float = 30.0) -> bool:
    now = picture(page, view)
    return now.shape != before.shape or float(np.abs(now - before).max()) > least


def idle(page: Any) -> bool:
    return not state(page, "running") and not state(page, "busy")


def choose_tool(page: Any, title: str) -> None:
    page.click("[data-test=tab-make]")
    page.click(".tool-choice")
    page.click(f".v-overlay--active .v-list-item:has-text('{title}')")
    wanted = next(item["value"] for item in state(page, "tool_items") if item["title"] == title)
    wait_until(lambda: state(page, "tool") == wanted)


def run(page: Any) -> None:
    """Press the button and wait for the result."""
    page.click("[data-test=run]:not([disabled])")
    page.wait_for_selector("[data-test=tab-result].chosen", timeout=60_000)
    wait_until(lambda: idle(page))


def mode(page: Any) -> str:
    chosen = page.locator("[data-test=compare] .modes .v-btn--variant-flat")
    return str(chosen.first.inner_text()) if chosen.count() else ""


def press(page: Any, key: str) -> None:
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(key)


def state(page: Any, name: str) -> Any:
    return page.evaluate("name => window.trame.state.get(name)", name)


def show_result_of(page: Any, title: str) -> None:
    """Have a result of that tool on the page, made now if there is none; in the overlay."""
    wait_until(lambda: idle(page))
    if state(page, "result_title") != title:
        choose_tool(page, title)
        if title == "Grow a tumour":
            fill_growth(page, 24, 6)
        run(page)
    page.click("[data-test=tab-result]")
    page.click("[data-test=mode-OVERLAY]")
    wait_until(lambda: mode(page) == "Overlay")


def fill_growth(page: Any, steps: int, frames: int) -> None:
    for name, value in (("steps", steps), ("frames", frames)):
        field = page.locator(f"[data-test='lesions.automaton.{name}']")
        field.fill(str(value))
        field.press("Tab")
    time.sleep(0.5)


def upload(page: Any, *paths: Path) -> None:
    page.click("[data-test=open]")
    with page.expect_file_chooser() as waiting:
        page.click(".v-overlay--active .v-list-item:has-text('Files')")
    waiting.value.set_files([str(p) for p in paths])

"""What people do without thinking: double clicks, keys in the wrong mode, another patient's image, a result edited."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from Testing.web.conftest import PageProcess, wait_until
from Testing.web.page_user import choose_tool, idle, run, state

import synthetic_imaging as si

pytestmark = pytest.mark.timeout(150)


def test_no_request_fails_while_the_page_opens(page: Any, page_process: PageProcess):
    tab = page.context.new_page()
    failed: list[str] = []
    tab.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    tab.goto(f"{page_process.address}/index.html")
    wait_until(lambda: tab.locator(".layout-grid-item img").count() == 4)
    tab.close()
    assert failed == []


def test_only_parameters_that_mean_something_are_shown(page: Any):
    size, diameter = page.get_by_text("Size class", exact=True), "p_lesions_handcrafted_diameter_mm_auto"
    assert not size.is_visible(), "a diameter is set: it overrides the size class"
    assert not page.get_by_text("Contrast to organ, MR", exact=True).is_visible(), "the image is a CT"
    page.evaluate("name => window.trame.state.set(name, true)", diameter)
    size.wait_for(state="visible")
    page.evaluate("name => window.trame.state.set(name, false)", diameter)
    size.wait_for(state="hidden")


def test_a_double_click_does_not_cancel_what_it_began(page: Any):
    box = page.locator("[data-test=run]").bounding_box()
    place = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(*place)
    page.wait_for_selector("[data-test=cancel]")
    page.mouse.click(*place)
    page.wait_for_selector("[data-test=tab-result].chosen", timeout=60_000)
    assert state(page, "result") is True


def test_an_edit_begins_with_the_lesion_of_the_result_and_shows_what_is_new(page: Any):
    wait_until(lambda: idle(page))
    if not state(page, "result"):
        run(page)
    choose_tool(page, "Edit a lesion")
    wait_until(lambda: (state(page, "in_lesion") or "").endswith("|lesion 1"))
    wait_until(lambda: state(page, "estimate_ok"))
    run(page)
    names = [row["name"] for row in state(page, "lesions")]
    assert len(names) == 2
    chosen = page.locator(".lesion.chosen").inner_text()
    assert "lesion 2" in chosen, "a copy is looked at, not its original"


def test_growth_takes_colours_and_pairs_of_views_away(page: Any):
    choose_tool(page, "Grow a tumour")
    run(page)
    for key, mode in (("d", "difference"), ("s", "side by side")):
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press(key)
        wait_until(lambda mode=mode: state(page, "mode") == mode)
        page.keyboard.press("g")
        wait_until(lambda: state(page, "growth_shown") and state(page, "growth_playing"))
        assert state(page, "mode") == "overlay"
        assert page.locator(".layout-grid-item:visible").count() == 4
        page.keyboard.press("g")
        wait_until(lambda: not state(page, "growth_playing"))


def test_points_of_another_tool_are_not_shown(page: Any):
    choose_tool(page, "Draw a lesion")
    page.click("[data-test=place]:visible")
    choose_tool(page, "Grow a tumour")
    wait_until(lambda: state(page, "placing") == "")


def test_long_names_stay_in_the_panel(page: Any, tmp_path: Any):
    voxels = np.zeros((8, 9, 10), np.int16)
    volume = si.Volume(voxels, si.Geometry(np.eye(4), voxels.shape), modality="CT", unit="HU", name="x" * 150)
    si.write_volume(volume, tmp_path / "long.nrrd")
    with page.expect_file_chooser() as chooser:
        page.evaluate("window.syntheticPage.choose(false)")
    chooser.value.set_files(str(tmp_path / "long.nrrd"))
    page.wait_for_selector(".message:has-text('Loaded')")
    time.sleep(0.3)
    wide = page.evaluate("(e => [e.scrollWidth, e.clientWidth])(document.querySelector('.message'))")
    assert wide[0] <= wide[1]

"""Cohorts, segmentation and MR sequences on the page: what is offered, refused before the start, shown afterwards."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.web.conftest import PageProcess, wait_until
from Testing.web.page_user import choose_tool, idle, press, run, state, upload

import synthetic_imaging as si

pytestmark = pytest.mark.timeout(150)


def fill(page: Any, label: str, text: str) -> None:
    field = page.get_by_label(label).locator("visible=true").first
    field.fill(text)
    field.press("Tab")


def choose_cohort(page: Any) -> None:
    wait_until(lambda: idle(page))
    choose_tool(page, "Generate a cohort")
    advanced = page.locator("details.advanced:visible").first
    if advanced.get_attribute("open") is None:
        advanced.locator("summary").click()
    fill(page, "Settings of the model", "spacing_mm=8")
    fill(page, "Ranges", "")


@pytest.fixture
def cohort(page: Any) -> Any:
    """The page with four coarse hearts as its result, whatever was done on it before."""
    wait_until(lambda: idle(page))
    if len(state(page, "tiles")) != 4 or state(page, "cohort_rejected"):
        choose_cohort(page)
        run(page)
        wait_until(lambda: len(state(page, "tiles")) == 4)
    page.click("[data-test=tab-result]")
    return page


def test_models_are_named_in_words(page: Any):
    choose_cohort(page)
    titles = [item["title"] for item in state(page, "choices_p_cohorts_generate_model")]
    assert "Heart phantom, CT" in titles
    assert not [title for title in titles if title.startswith("Hearts.")]


def test_a_range_that_cannot_be_read_is_refused_before_the_start(page: Any):
    choose_cohort(page)
    fill(page, "Ranges", "large hearts")
    wait_until(lambda: not state(page, "estimate_ok"))
    assert "'large hearts' cannot be read" in state(page, "estimate")
    fill(page, "Ranges", "")
    wait_until(lambda: state(page, "estimate_ok"))


def test_a_contact_sheet_is_shown_and_a_case_of_it_is_in_the_views(cohort: Any):
    page = cohort
    pictures = page.locator("[data-test=case] img")
    assert pictures.count() == 4
    assert all(pictures.nth(n).evaluate("e => e.complete && e.naturalWidth > 100") for n in range(4))
    title = next(i["title"] for i in state(page, "volume_items") if i["value"] == state(page, "in_volume"))
    assert title.endswith(f"{state(page, 'tile'):04d}")
    assert state(page, "table")["headings"][:2] == ["Case", "Attempt"]
    assert state(page, "lesions") == []
    page.locator("[data-test=case]").nth(2).click()
    wait_until(lambda: state(page, "tile") == 3)
    volumes = [i["title"] for i in state(page, "volume_items") if i["title"].startswith("Heart phantom")]
    assert volumes == ["Heart phantom, CT 0003"], "the case before made room"


def test_a_rejected_case_is_replaced(cohort: Any):
    page = cohort
    before = state(page, "tiles")
    page.locator("[data-test=case]").nth(1).click()
    wait_until(lambda: state(page, "tile") == 2)
    page.click("[data-test=reject]")
    wait_until(lambda: state(page, "cohort_rejected") == 1)
    page.click("[data-test=cohort]")
    wait_until(lambda: "Replace them first" in state(page, "message"))
    page.click("[data-test=replace]")
    wait_until(lambda: idle(page) and state(page, "cohort_rejected") == 0 and state(page, "tiles")[1] != before[1])
    after = state(page, "tiles")
    assert [a["facts"] == b["facts"] for a, b in zip(after, before, strict=True)] == [True, False, True, True]


def test_the_whole_cohort_can_be_downloaded(cohort: Any, page_process: PageProcess):
    page = cohort
    page.click("[data-test=cohort]")
    wait_until(lambda: list((page_process.folder / "outgoing").glob("cohort*.zip")))
    wait_until(lambda: idle(page))
    file = max((page_process.folder / "outgoing").glob("cohort*.zip"), key=lambda p: p.stat().st_mtime)
    with zipfile.ZipFile(file) as bundle:
        names = [name.partition("/")[2] for name in bundle.namelist()]
    assert {"manifest.csv", "plan.json", "cases/0004/image.nrrd", "cases/0004/segments.seg.nrrd"} <= set(names)
    assert not [name for name in names if name.startswith(".")]


def test_undo_takes_the_case_and_its_sheet_away(cohort: Any):
    page = cohort
    page.click("[data-test=undo]")
    wait_until(lambda: state(page, "tiles") == [])
    # The page hears of the sheet and of the volumes one after the other.
    wait_until(lambda: not [i for i in state(page, "volume_items") if i["title"].startswith("Heart phantom")])


def test_a_segmenter_refuses_what_it_cannot_take_before_the_start(page: Any):
    wait_until(lambda: idle(page))
    choose_tool(page, "Segment structures")
    wait_until(lambda: page.locator("[data-test=run]").inner_text() == "Segment")
    fill(page, "Model", "no-such-model")
    wait_until(lambda: "There is no model 'no-such-model'" in state(page, "estimate"))
    assert not state(page, "estimate_ok")


def head(folder: Path, name: str, grey: float, white: float) -> Path:
    """A small ball of grey around white matter, as a sequence shows them."""
    shape = (26, 28, 26)
    away = np.sqrt(sum(((i - (n - 1) / 2) / (0.46 * n)) ** 2 for i, n in zip(np.indices(shape), shape, strict=True)))
    voxels = np.where(away < 0.7, white, np.where(away < 1, grey, 0.0)) + np.random.default_rng(0).normal(0, 8, shape)
    volume = si.Volume(np.maximum(voxels, 0).astype(np.float32), si.Geometry.from_spacing(shape, (6.0, 6.0, 6.0)),
                       name=name, modality="MR")
    return si.write_volume(volume, folder / f"{name}.nrrd")


def test_a_computed_sequence_stands_beside_its_inputs(page: Any, tmp_path: Path):
    wait_until(lambda: idle(page))
    for name, grey, white in (("FLAIR", 700.0, 500.0), ("T1w", 450.0, 700.0)):
        upload(page, head(tmp_path, name, grey, white))
        wait_until(lambda wanted=name: wanted in [item["title"] for item in state(page, "volume_items")])
    wait_until(lambda: idle(page))
    choose_tool(page, "Compute a missing MR sequence")
    titles = {item["value"]: item["title"] for item in state(page, "volume_items")}
    assert titles[state(page, "in_volume_flair")] == "FLAIR", "chosen by its name"
    assert titles[state(page, "in_volume_t1w")] == "T1w"
    assert state(page, "in_volume_pd") is None
    for label in ("Align", "Even out brightness"):
        page.get_by_label(label).locator("visible=true").first.uncheck()
    run(page)
    wait_until(lambda: state(page, "row_shown"))
    assert state(page, "told")["headline"].startswith("DIR: ")
    wait_until(lambda: page.locator(".layout-grid-item:visible").count() == 4)
    assert not state(page, "doubt_shown")
    press(page, "u")
    wait_until(lambda: state(page, "doubt_shown"))
    press(page, "s")
    wait_until(lambda: not state(page, "row_shown"))
    page.click("[data-test=undo]:visible")
    wait_until(lambda: not state(page, "row"))
    assert titles[state(page, "in_volume_flair")] == "FLAIR"

"""Cohorts and segmentation on the page: a contact sheet, keep and reject, what is refused before the start."""

from __future__ import annotations

import zipfile
from typing import Any

import pytest
from Testing.web.conftest import PageProcess, wait_until
from Testing.web.page_user import choose_tool, idle, run, state

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

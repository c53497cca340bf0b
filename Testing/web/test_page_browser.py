"""The page of one session, used as a radiologist uses it: in a browser, on a small phantom."""

from __future__ import annotations

import json
import re
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.web.conftest import PageProcess, settled, wait_until
from Testing.web.page_user import (
    changed,
    choose_tool,
    fill_growth,
    idle,
    mode,
    picture,
    press,
    run,
    show_result_of,
    state,
    upload,
    yellow_points,
)

pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def drawn(page: Any) -> Any:
    """The page with a drawn lesion as its result, whatever was done on it before."""
    show_result_of(page, "Draw a lesion")
    return page


@pytest.fixture
def grown(page: Any) -> Any:
    """The page with a grown tumour as its result."""
    show_result_of(page, "Grow a tumour")
    return page


def test_it_opens_with_four_views_and_says_what_it_is_for(page: Any):
    names = page.locator(".view-name").all_inner_texts()
    assert names == ["Axial", "Coronal", "3-D", "Sagittal"] or sorted(names) == ["3-D", "Axial", "Coronal", "Sagittal"]
    assert page.locator(".research").inner_text() == "Research use, not for diagnosis"
    wait_until(lambda: picture(page).max() > 200)
    assert page.inner_text(".estimate").startswith(("CPU", "GPU"))


def test_nothing_comes_from_elsewhere(page: Any, page_process: PageProcess):
    assert page.asked
    assert all(url.startswith((page_process.address, "data:", "blob:")) for url in page.asked)


def test_nothing_is_cut_off_at_1280_by_720(page: Any):
    size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [1280, 720]
    cut = page.evaluate(
        """[...document.querySelectorAll('.bar .v-btn__content, .foot .v-btn__content, .label,.title,.tab,.research')]
        .filter(e => e.offsetParent && (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline'
                 || e.getBoundingClientRect().right > 1280)).map(e => e.textContent)"""
    )
    assert cut == []


def test_everything_can_be_reached_by_tab(page: Any):
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(
            "(e => e.dataset.test || e.getAttribute('aria-label') || e.textContent.trim().slice(0, 20))"
            "(document.activeElement)"
        ))
    assert {"open", "save", "tab-make", "tab-result", "place", "run"} <= reached, reached


def test_a_lesion_is_placed_by_click_and_drawn_there(page: Any):
    page.click("[data-test=place]:visible")
    page.wait_for_selector("[data-test=place]:has-text('Click in a slice view')")
    box = page.locator(".layout-grid-item").first.bounding_box()
    # In the liver, which lies left of the middle of an axial picture.
    x, y = box["x"] + box["width"] * 0.42, box["y"] + box["height"] * 0.5
    page.mouse.move(x - 8, y - 5)
    page.mouse.move(x, y)
    time.sleep(0.3)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_selector("[data-test=points]:visible:has-text('1 point')")
    run(page)
    rows = page.locator("[data-test=lesion]")
    assert rows.count() == 1
    text = rows.first.inner_text().replace("\n", " ")
    diameter = float(re.search(r"([\d.]+) mm", text)[1])  # type: ignore[index]
    assert 12 <= diameter <= 22, text
    assert mode(page) == "Overlay"
    # The outline of the lesion is yellow, and lies where the click was; the picture comes a moment after the list.
    wait_until(lambda: len(yellow_points(page)) > 10)
    yellow = yellow_points(page)
    now = page.locator(".layout-grid-item").first.bounding_box()
    assert abs(np.median(yellow[:, 1]) - now["width"] / 2) < 25, "jumped to: the lesion is in the middle"


def test_keys_change_what_is_compared(drawn: Any):
    for key, shown in (("d", "Difference"), ("d", "Overlay"), ("c", "Checkerboard"), ("b", "Before"), ("a", "After"),
                       ("x", "Before"), ("x", "After"), ("o", "Overlay")):  # fmt: skip
        press(drawn, key)
        wait_until(lambda wanted=shown: mode(drawn) == wanted, 10)


def test_before_and_after_differ_and_the_difference_is_coloured(drawn: Any):
    page = drawn
    page.click("[data-test=mode-BEFORE]")
    wait_until(lambda: mode(page) == "Before")
    time.sleep(0.6)
    before = picture(page)
    page.click("[data-test=mode-AFTER]")
    wait_until(lambda: changed(page, before, least=15))
    page.click("[data-test=mode-OVERLAY]")


def test_side_by_side_shows_two_views_and_gives_the_four_back(drawn: Any):
    page = drawn
    press(page, "s")
    wait_until(lambda: page.locator(".layout-grid-item").count() == 2)
    wait_until(lambda: picture(page, 0).max() > 150 and picture(page, 1).max() > 150)
    press(page, "s")
    wait_until(lambda: page.locator(".layout-grid-item").count() == 4)
    assert mode(page) == "Overlay"


def test_measurements_stand_beside_the_result(drawn: Any):
    page = drawn
    page.click("[data-test=measure]")
    page.wait_for_selector("[data-test=table]", timeout=60_000)
    wait_until(lambda: idle(page))
    table = page.inner_text("[data-test=table]")
    assert "Volume (ml)" in table
    assert "lesion 1" in table


def test_downloads_can_be_read_again(drawn: Any, tmp_path: Path):
    import synthetic_imaging as si
    from synthetic_imaging.dicom.reading import read_series

    page = drawn
    if not page.locator("[data-test=csv]").count():
        page.click("[data-test=measure]")
        page.wait_for_selector("[data-test=csv]", timeout=60_000)
        wait_until(lambda: idle(page))
    got: dict[str, Path] = {}
    for name in ("image", "lesions", "csv", "record", "dicom", "scene"):
        with page.expect_download(timeout=60_000) as waiting:
            page.click(f"[data-test={name}]")
        got[name] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(got[name])
        wait_until(lambda: idle(page))
    image = si.read_volume(got["image"])
    assert image.provenance is not None
    lesions = si.read_mask(got["lesions"])
    assert lesions.volume_ml("lesion 1") > 0.5
    assert got["csv"].read_text(encoding="utf-8").count("\n") == 2
    assert json.loads(got["record"].read_text(encoding="utf-8"))
    with zipfile.ZipFile(got["dicom"]) as bundle:
        bundle.extractall(tmp_path / "dicom")
    again = read_series(tmp_path / "dicom" / "DICOM" / "series")
    assert again.shape == image.shape
    assert (tmp_path / "dicom" / "DICOM" / "segmentation.dcm").is_file()
    assert zipfile.is_zipfile(got["scene"])
    from SyntheticImagingLib.headless import open_scene

    with open_scene(got["scene"]) as reopened:
        names = [reopened.scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode").GetName() for n in range(2)]
    assert "abdomen phantom" in names


def test_another_keeps_the_first_and_undo_takes_it_away(drawn: Any):
    before = len(state(drawn, "result_items"))
    drawn.click("[data-test=another]")
    wait_until(lambda: len(state(drawn, "result_items")) == before + 1, 60)
    wait_until(lambda: idle(drawn))
    drawn.click("[data-test=undo]")
    drawn.wait_for_selector(".message:has-text('was undone')")
    wait_until(lambda: len(state(drawn, "result_items")) == before)
    wait_until(lambda: drawn.locator("[data-test=lesion]").count() == 1)


def test_a_run_is_cancelled_without_a_trace(page: Any):
    choose_tool(page, "Grow a tumour")
    fill_growth(page, 300, 60)
    volumes = page.evaluate("trame.state.get('volume_items').length")
    page.click("[data-test=run]:not([disabled])")
    page.click("[data-test=cancel]")
    page.wait_for_selector(".message:has-text('Cancelled')")
    wait_until(lambda: idle(page))
    assert page.evaluate("trame.state.get('volume_items').length") == volumes


def test_views_answer_while_a_job_runs(page: Any):
    choose_tool(page, "Grow a tumour")
    fill_growth(page, 120, 20)
    page.click("[data-test=run]:not([disabled])")
    page.wait_for_selector("[data-test=cancel]")
    box = page.locator(".layout-grid-item").first.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 150)
    waits = []
    while page.locator("[data-test=cancel]").count() and len(waits) < 6:
        source = "document.querySelector('.layout-grid-item img').src"
        before, start = page.evaluate(source), time.monotonic()
        page.mouse.wheel(0, 100 if len(waits) % 2 else -100)
        page.wait_for_function(f"{source} !== {json.dumps(before)}", timeout=5_000)
        waits.append(time.monotonic() - start)
    print("answer in", [round(w, 2) for w in waits])
    assert waits
    assert np.median(waits) < 1.0
    page.wait_for_selector("[data-test=tab-result].chosen", timeout=90_000)
    wait_until(lambda: idle(page))


def test_growth_plays_and_steps(grown: Any):
    page = grown

    def label() -> str:
        return str(page.inner_text("[data-test=growth] .frame-label"))

    first = label()
    assert first.startswith("step")
    press(page, "g")
    wait_until(lambda: label() != first, 10)
    press(page, "g")
    stopped = settled(label, still_s=1.0)
    page.click("[data-test=growth] [aria-label='Next frame']")
    wait_until(lambda: label() != stopped, 10)


def test_the_list_jumps_to_a_lesion(drawn: Any):
    page = drawn
    press(page, "n")
    wait_until(lambda: page.locator("[data-test=lesion].chosen").count() == 1)
    offset = ".layout-grid-item >> nth=0 >> .view-offset"
    at_lesion = settled(lambda: str(page.inner_text(offset)))
    box = page.locator(".layout-grid-item").first.bounding_box()
    page.mouse.move(box["x"] + 150, box["y"] + 100)
    for _ in range(4):
        page.mouse.wheel(0, -100)
    wait_until(lambda: page.inner_text(offset) != at_lesion, 10)
    settled(lambda: str(page.inner_text(offset)))  # a turn of the wheel that comes after the click would scroll away
    page.click("[data-test=lesion]")
    wait_until(lambda: page.inner_text(offset) == at_lesion, 10)


def test_dragging_changes_window_and_level(drawn: Any):
    page = drawn
    page.click("[data-test=mode-AFTER]")
    time.sleep(0.5)
    before = picture(page)
    box = page.locator(".layout-grid-item").first.bounding_box()
    x, y = box["x"] + 180, box["y"] + 120
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 8):
        page.mouse.move(x, y + 8 * step)
    page.mouse.up()
    wait_until(lambda: float(np.abs(picture(page) - before).mean()) > 3, 10)
    page.click("text=Window")
    page.click(".v-overlay--active .v-list-item:has-text('Soft tissue')")
    wait_until(lambda: float(np.abs(picture(page) - before).mean()) < 3, 10)


def test_a_broken_file_is_a_sentence_and_nothing_is_lost(page: Any, tmp_path: Path):
    broken = tmp_path / "broken.nrrd"
    broken.write_bytes(b"NRRD0005\ntype: short\ndimension: 3\nsizes: 10 10 10\nencoding: raw\n\n1234")
    volumes = page.evaluate("trame.state.get('volume_items').length")
    upload(page, broken)
    page.wait_for_selector(".message.error")
    told = page.inner_text(".message.error")
    assert "broken" in told
    assert "/" not in told, "no path of the server"
    assert page.evaluate("trame.state.get('volume_items').length") == volumes


def test_an_uploaded_image_is_shown_and_chosen(page: Any, tmp_path: Path):
    import synthetic_imaging as si

    voxels = np.full((20, 30, 30), -50, np.int16)
    voxels[5:15, 8:22, 8:22] = 60
    geometry = si.Geometry.from_spacing(voxels.shape, (2.0, 2.0, 3.0))
    path = si.write_volume(si.Volume.ct(voxels, geometry, name="block"), tmp_path / "block.nrrd")
    upload(page, path)
    page.wait_for_selector(".message.note:has-text('Loaded')")
    assert "30 x 30 x 20" in page.inner_text(".message.note")
    assert "block" in page.evaluate("trame.state.get('volume_items').map(v => v.title)")


def test_a_dicom_folder_is_loaded(page: Any, tmp_path: Path, abdomen: Any):
    from synthetic_imaging.dicom.writing import write_series

    write_series(abdomen.ct, tmp_path / "series")
    page.click("[data-test=open]")
    with page.expect_file_chooser() as waiting:
        page.click(".v-overlay--active .v-list-item:has-text('DICOM folder')")
    waiting.value.set_files(str(tmp_path / "series"))
    page.wait_for_selector(".message.note:has-text('64 x 64 x 48')")
    wait_until(lambda: page.evaluate("trame.state.get('in_organ')") is None, 5)
    page.wait_for_selector(".estimate:has-text('Organ is missing')")
    # What is exported joins the patient's study.
    page.click("[data-test=save]")
    with page.expect_download(timeout=60_000) as exported:
        page.click(".v-overlay--active .v-list-item:has-text('DICOM')")
    with zipfile.ZipFile(exported.value.path()) as bundle:
        bundle.extractall(tmp_path / "out")
    import pydicom

    old, new = (pydicom.dcmread(next(folder.rglob("*.dcm"))) for folder in (tmp_path / "series", tmp_path / "out"))
    assert new.StudyInstanceUID == old.StudyInstanceUID
    assert new.SOPInstanceUID != old.SOPInstanceUID
    wait_until(lambda: idle(page))


def test_a_sequence_is_shown_and_can_be_played(page: Any, tmp_path: Path):
    import synthetic_imaging as si

    geometry = si.Geometry.from_spacing((16, 24, 24), (3.0, 3.0, 3.0))
    frames = []
    for radius in (3, 5, 7):
        voxels = np.full(geometry.shape, -80, np.int16)
        voxels[8 - radius // 2 : 8 + radius // 2, 12 - radius : 12 + radius, 12 - radius : 12 + radius] = 120
        frames.append(si.Volume.ct(voxels, geometry, name="frame"))
    sequence = si.Sequence(tuple(frames), (0.0, 30.0, 60.0), index_name="time", index_unit="day", name="visits")
    upload(page, si.write_sequence(sequence, tmp_path / "visits.seq.nrrd"))
    page.wait_for_selector(".message.note:has-text('3 frames')")
    page.wait_for_selector("[data-test=growth] .frame-label:has-text('day 0')")
    time.sleep(0.5)
    before = picture(page)
    page.click("[data-test=growth] [aria-label='Next frame']")
    page.wait_for_selector("[data-test=growth] .frame-label:has-text('day 30')")
    wait_until(lambda: changed(page, before), 10)


def test_choosing_another_image_shows_it(page: Any):
    titles = page.evaluate("trame.state.get('volume_items').map(v => v.title)")
    assert "abdomen phantom" in titles
    assert not [t for t in titles if "change" in t or "shown" in t], "what only shows is no input"
    before = picture(page)
    page.click("[data-test=tab-make]")
    page.click(".v-select:visible:has(label:has-text('CT volume'))")
    page.click(".v-overlay--active .v-list-item:has-text('abdomen phantom') >> nth=0")
    wait_until(lambda: changed(page, before), 10)


def test_a_fault_of_the_program_is_a_sentence_with_details(page: Any):
    page.evaluate("trame.trigger('key', [5]).catch(() => 0)")
    page.wait_for_selector(".message.error:has-text('Something went wrong')")
    assert "Traceback" in page.evaluate("trame.state.get('message_details')")
    assert page.locator(".message.error >> text=Copy details").count() == 1
    page.click(".message [aria-label=Close]")
    page.wait_for_selector(".message", state="detached")


def test_keys_are_listed_and_typing_does_not_press_them(page: Any):
    press(page, "?")
    page.wait_for_selector(".keys:visible")
    assert "flicker" in page.inner_text(".keys")
    press(page, "Escape")
    page.wait_for_selector(".keys", state="hidden")
    page.click("[data-test=tab-make]")
    page.locator("details.advanced:visible summary").first.click()
    field = page.locator("[data-test=seed]:visible input, input[data-test=seed]:visible").first
    field.click()
    shown = page.evaluate("trame.state.get('mode')")
    page.keyboard.type("12")
    page.keyboard.press("d")
    time.sleep(0.3)
    assert page.evaluate("trame.state.get('mode')") == shown

"""What a run made, in the panel: lesions to walk through, views to compare by button and key, growth, and what next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from Testing.panels.three_views import Views

import synthetic_imaging as si
from synthetic_imaging.catalogue import find

DRAW, GROW, MEASURE = "lesions.handcrafted", "lesions.automaton", "lesions.measure"


@pytest.fixture(scope="session")
def drawn(abdomen: Any) -> Any:
    """Two small lesions in the phantom."""
    other = tuple(x - 22.0 if n == 0 else x for n, x in enumerate(abdomen.aside_ras_mm))
    return si.run(DRAW, ct=abdomen.ct, organ=abdomen.liver, at=[abdomen.aside_ras_mm, other], diameter_mm=10.0,
                  contrast_hu=-60.0, seed=5)  # fmt: skip


@pytest.fixture(scope="session")
def grown(abdomen: Any) -> Any:
    return si.run(GROW, ct=abdomen.ct, organ=abdomen.liver, at=[abdomen.aside_ras_mm], steps=12, frames=4, seed=1)


@pytest.fixture
def views(host: Any) -> Views:
    return Views(host.scene)


@pytest.fixture
def made_of(host: Any, abdomen: Any) -> Callable[..., Any]:
    """``made_of(tool id, result)``: the results in the scene, beside CT and liver."""
    from SyntheticImagingLib.mrml import add_volume
    from SyntheticImagingLib.segmentations import add_segmentation
    from SyntheticImagingLib.task import SegmentChoice, add_results

    def put(tool_id: str, result: Any) -> Any:
        ct = host.scene.GetFirstNodeByName("phantom") or add_volume(host.scene, abdomen.ct)
        organs = add_segmentation(host.scene, abdomen.liver, ct, "organs")
        nodes = {"ct": ct, "organ": SegmentChoice(organs, ("liver",))}
        return add_results(host.scene, find(tool_id), result, nodes)

    return put


@pytest.fixture
def box(host: Any, views: Views) -> Any:
    from SyntheticImagingLib.panel import ResultBox

    made = ResultBox(views)
    for name in ("another", "undo", "export", "measure"):
        setattr(made, f"on_{name}", lambda: None)
    yield made
    made.close()


def down(box: Any) -> list[str]:
    """The view buttons that are down."""
    return [button.text for button in box.views.buttons.values() if button.checked]


def press_key(box: Any, key: str) -> None:
    """What Qt does when the key is hit: nothing where the shortcut is off."""
    if box._shortcuts.keys[key].enabled:
        box._shortcuts.keys[key].activated.emit()


def test_nothing_is_seen_before_there_is_a_result(box: Any) -> None:
    assert not box.widget.isVisibleTo(None)


def test_a_result_shows_its_lesions_with_units(box: Any, made_of: Any, drawn: Any) -> None:
    made = made_of(DRAW, drawn)
    box.show(made)
    box.widget.show()
    assert box.title.text == f"Draw a lesion · seed 5 · {made.seconds:.1f} s"
    table = box.lesions.widget
    assert table.rowCount == 2
    cells = [[table.item(row, column).text() for column in range(4)] for row in range(2)]
    for name, diameter, volume, contrast in cells:
        assert name.startswith("lesion")
        assert 8.0 < float(diameter.removesuffix(" mm")) < 13.0
        assert 0.3 < float(volume.removesuffix(" ml")) < 1.0
        assert -90.0 < float(contrast.removesuffix(" HU")) < -20.0
    assert table.currentRow() == -1, "the views do not jump by themselves"


def test_a_click_or_an_arrow_key_jumps_to_the_lesion(box: Any, views: Views, made_of: Any, drawn: Any) -> None:
    import numpy as np
    import qt

    box.show(made_of(DRAW, drawn))
    box.widget.show()

    def centre() -> Any:
        matrix = views.slice_views()[0].slice_node.GetSliceToRAS()
        return np.array([matrix.GetElement(row, 3) for row in range(3)])

    box.lesions.choose(0)
    assert np.allclose(centre(), box.lesions.rows[0].centre_ras, atol=0.1)
    key = qt.QKeyEvent(qt.QEvent.KeyPress, qt.Qt.Key_Down, qt.Qt.NoModifier)
    qt.QApplication.sendEvent(box.lesions.widget, key)
    assert np.allclose(centre(), box.lesions.rows[1].centre_ras, atol=0.1)
    views.slice_views()[0].slice_node.JumpSliceByCentering(0.0, 0.0, 0.0)
    box.lesions._clicked(1, 0)
    assert np.allclose(centre(), box.lesions.rows[1].centre_ras, atol=0.1), "a click on the chosen one goes back to it"


def test_the_view_buttons_change_the_views_and_one_is_down(box: Any, views: Views, made_of: Any, drawn: Any) -> None:
    made = made_of(DRAW, drawn)
    box.show(made)
    assert down(box) == ["After"]
    assert views.layers()[0] is made.volume
    wanted = {"Before": made.source, "After": made.volume, "Overlay": made.source, "Difference": made.source}
    for button in box.views.buttons.values():
        button.click()
        assert down(box) == [button.text], box.messages.details
        assert box.comparison.mode.value == button.text.lower()
        if button.text in wanted:
            assert views.layers()[0] is wanted[button.text]
    assert box.messages.text == ""


def test_the_opacity_slider_follows_and_leads(box: Any, views: Views, made_of: Any, drawn: Any) -> None:
    from SyntheticImagingLib.show import Mode

    box.show(made_of(DRAW, drawn))
    assert not box.views.opacity.enabled, "nothing is laid over"
    box.set_mode(Mode.OVERLAY)
    assert box.views.opacity.enabled
    assert box.views.opacity.value == 100 * box.comparison.opacity
    box.views.opacity.value = 30
    assert box.comparison.opacity == pytest.approx(0.3)
    assert views.layers()[2] == pytest.approx(0.3)


def test_keys_work_only_while_the_panel_is_entered(box: Any, made_of: Any, drawn: Any) -> None:
    keys = box._shortcuts.keys
    assert sorted(keys) == ["D", "O", "X"]
    box.enter()
    assert not any(k.enabled for k in keys.values()), "there is nothing to compare yet"
    box.show(made_of(DRAW, drawn))
    assert all(k.enabled for k in keys.values())
    box.exit()
    assert not any(k.enabled for k in keys.values())
    box.enter()
    assert all(k.enabled for k in keys.values())
    box.clear()
    assert not any(k.enabled for k in keys.values())


def test_one_key_flickers_one_shows_the_difference_one_the_overlay(box: Any, made_of: Any, drawn: Any) -> None:
    box.enter()
    box.show(made_of(DRAW, drawn))
    seen = []
    for key in "XXDDOO":
        press_key(box, key)
        seen += down(box)
    assert seen == ["Before", "After", "Difference", "After", "Overlay", "After"]


def test_growth_plays_and_says_the_day(box: Any, made_of: Any, grown: Any) -> None:
    made = made_of(GROW, grown)
    box.show(made)
    box.widget.show()
    bar = box.growth
    assert bar.widget.visible
    assert (bar.slider.minimum, bar.slider.maximum) == (0, made.browser.GetNumberOfItems() - 1)
    bar.first.click()
    assert (made.browser.GetSelectedItemNumber(), bar.slider.value) == (0, 0)
    first = bar.label.text
    bar.slider.value = 2
    assert made.browser.GetSelectedItemNumber() == 2
    assert bar.label.text != first
    bar.last.click()
    assert made.browser.GetSelectedItemNumber() == bar.slider.maximum
    bar.play_button.click()
    assert bar.playing
    assert bar.timer.active
    at = made.browser.GetSelectedItemNumber()
    bar._tick()
    assert made.browser.GetSelectedItemNumber() != at
    assert bar.slider.value == made.browser.GetSelectedItemNumber()
    box.exit()
    assert not bar.playing, "nothing plays behind the user's back"
    assert not bar.timer.active


def test_growth_is_seen_in_the_views_until_another_view_is_chosen(
    box: Any, views: Views, made_of: Any, grown: Any
) -> None:
    made = made_of(GROW, grown)
    box.show(made)
    assert views.layers()[0] is made.volume, "the result comes first"
    box.growth.first.click()
    assert down(box) == []
    assert views.layers()[:2] == (made.source, made.proxies["growth"])
    box.growth.play_button.click()
    press = {button.text: button for button in box.views.buttons.values()}
    press["After"].click()
    assert not box.growth.playing
    assert down(box) == ["After"]
    assert views.layers()[:2] == (made.volume, None)
    box.growth.slider.value = 1
    assert views.layers()[1] is made.proxies["growth"]
    box.clear()
    assert views.layers()[1] is None


def test_growth_is_hidden_where_nothing_grows(box: Any, made_of: Any, drawn: Any) -> None:
    box.show(made_of(DRAW, drawn))
    box.widget.show()
    assert not box.growth.widget.visible


def test_each_button_calls_what_the_module_filled_in_and_others_are_hidden(
    box: Any, made_of: Any, drawn: Any
) -> None:
    pressed: list[str] = []
    for name in ("another", "undo", "export", "measure"):
        setattr(box, f"on_{name}", lambda name=name: pressed.append(name))
    made = made_of(DRAW, drawn)
    box.show(made)
    box.widget.show()
    for name in ("another", "undo", "export", "measure"):
        box.buttons[name].click()
    assert pressed == ["another", "undo", "export", "measure"]
    box.on_measure = None
    box.show(made)
    assert not box.buttons["measure"].visible
    assert box.buttons["undo"].visible


def test_an_error_of_what_a_button_does_stands_in_the_box(box: Any, made_of: Any, drawn: Any) -> None:
    def refuse() -> None:
        raise si.InputError("The folder cannot be written.")

    box.on_export = refuse
    box.show(made_of(DRAW, drawn))
    box.buttons["export"].click()
    assert box.messages.text == "The folder cannot be written."
    box.buttons["another"].click()
    assert box.messages.text == ""


def test_provenance_opens_as_readable_text_and_can_be_copied(box: Any, made_of: Any, drawn: Any) -> None:
    import qt

    box.show(made_of(DRAW, drawn))
    box.widget.show()
    assert not box.record.widget.visible
    box.buttons["provenance"].click()
    assert box.record.widget.visible
    assert not box.record.widget.collapsed
    for words in ("Draw a lesion", "Seed: 5", "Diameter: 10 mm", "not for diagnosis"):
        assert words in box.record.view.plainText
    box.record.copy_button.click()
    assert qt.QApplication.clipboard().text() == box.record.text
    box.buttons["provenance"].click()
    assert not box.record.widget.visible


def test_surfaces_are_made_on_demand(box: Any, made_of: Any, drawn: Any) -> None:
    made = made_of(DRAW, drawn)
    box.show(made)
    box.buttons["surface"].click()
    assert box.messages.text == "", box.messages.details
    assert made.lesions.GetSegmentation().ContainsRepresentation("Closed surface")


def test_measurements_stand_one_column_a_lesion(box: Any, host: Any, made_of: Any, drawn: Any) -> None:
    import qt

    from SyntheticImagingLib.tables import add_table

    table = si.run(MEASURE, volume=drawn.volume, lesions=drawn.lesions).measurements
    box.show(made_of(DRAW, drawn))
    box.widget.show()
    assert not box.measurements.widget.visible
    box.show_measurements(add_table(host.scene, table))
    assert box.measurements.widget.visible
    view = box.measurements.view
    assert view.columnCount == 1 + len(table)
    assert view.rowCount == len(table.columns) - 1
    rows = {view.item(row, 0).text(): view.item(row, 1).text() for row in range(view.rowCount)}
    assert rows["Volume [ml]"] == f"{table.column('volume_ml')[0]:.2f}"
    assert rows["Distance to nearest vessel [mm]"] == "–"
    assert rows["Cut by the edge of the image"] == "no"
    box.measurements.copy_button.click()
    lines = qt.QApplication.clipboard().text().splitlines()
    assert len(lines) == 1 + len(table)
    assert lines[0].startswith("Lesion\tVolume [ml]")


def test_nothing_is_cut_off_in_a_narrow_panel(host: Any, box: Any, made_of: Any, grown: Any) -> None:
    box.show(made_of(GROW, grown))
    box.buttons["provenance"].click()
    box.widget.resize(400, 900)
    box.widget.show()
    host.spin(seconds=0.02)
    assert box.widget.minimumSizeHint.width() <= 400
    for button in (*box.views.buttons.values(), *box.buttons.values()):
        assert button.width >= button.sizeHint.width(), button.text
    assert box.growth.label.width >= box.growth.label.sizeHint.width()


def test_another_result_takes_the_place_and_the_first_stays_in_the_scene(
    box: Any, views: Views, made_of: Any, drawn: Any, host: Any
) -> None:
    first, second = made_of(DRAW, drawn), made_of(DRAW, drawn)
    box.show(first)
    box.show(second)
    assert views.layers()[0] is second.volume
    assert first.alive(host.scene)


def test_clearing_gives_the_views_back(box: Any, views: Views, made_of: Any, drawn: Any) -> None:
    from SyntheticImagingLib.show import Mode

    made = made_of(DRAW, drawn)
    for view in views.slice_views():
        view.composite_node.SetBackgroundVolumeID(made.source.GetID())
    box.show(made)
    box.set_mode(Mode.SIDE_BY_SIDE)
    assert views.layout() != 3
    box.clear()
    assert views.layout() == 3
    assert views.layers()[0] is made.source
    assert not box.widget.visible
    assert box.made is None


def test_a_closed_scene_does_no_harm(box: Any, made_of: Any, grown: Any, host: Any) -> None:
    box.enter()
    box.show(made_of(GROW, grown))
    box.growth.play_button.click()
    host.scene.Clear(False)
    box.growth._tick()
    for key in "XDO":
        press_key(box, key)
    box.clear()
    assert not box.growth.timer.active
    assert not box.widget.visible


def test_a_table_alone_is_shown_without_views(box: Any, host: Any, drawn: Any) -> None:
    from SyntheticImagingLib.tables import add_table
    from SyntheticImagingLib.task import Made

    table = add_table(host.scene, si.run(MEASURE, volume=drawn.volume, lesions=drawn.lesions).measurements)
    box.show(Made(MEASURE, "Measure lesions", 1, 0.2, (), {"table": table}))
    box.show_measurements(table)
    box.widget.show()
    assert not box.views.widget.visible
    assert not box.lesions.widget.visible
    assert not box.buttons["surface"].visible
    assert box.measurements.widget.visible

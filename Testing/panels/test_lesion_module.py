"""The module Lesion Synthesis as its user meets it: from the click to the DICOM files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.panels.lesion_user import OUTSIDE_RAS_MM, LesionUser


@pytest.fixture
def user(host: Any) -> LesionUser:
    return LesionUser(host)


def volume_of(node: Any) -> Any:
    from SyntheticImagingLib.mrml import volume_from_node

    return volume_from_node(node)


# What the module says of itself


def test_the_module_tells_what_it_is_and_what_it_rests_on(host: Any):
    module = host.load("LesionSynthesis", enter=False)
    assert module.title == "Lesion Synthesis"
    assert module.categories == ["Image Synthesis"]
    assert ("qSlicerAbstractCoreModule", "Image Synthesis") in host.translated
    assert module.contributors == ["SyntheticImaging contributors"]
    assert "not for diagnosis" in module.helpText
    for name in ("Hu et al.", "Lai et al.", "LesionMix", "RECIST"):
        assert name in module.acknowledgementText


def test_samples_are_offered_and_load(host: Any):
    host.load("LesionSynthesis", enter=False)
    offered = {source["sampleName"]: source for source in host.sample_sources}
    assert set(offered) == {"CT chest with organs", "Abdomen phantom"}
    for source in offered.values():
        assert source["category"] == "Synthetic Imaging"
        assert Path(source["thumbnailFileName"]).is_file()
    loaded = offered["Abdomen phantom"]["customDownloader"](None)
    assert [node.GetClassName() for node in loaded] == ["vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode"]


# What is chosen


def test_every_named_widget_is_bound_to_its_parameter(user: LesionUser):
    named = {w.property("SlicerParameterName"): w for w in vars(user.ui).values() if w.property("SlicerParameterName")}
    assert set(named) == {"inputVolume", "batchCount", "batchDicom"}
    user.parameters.batchCount = 7
    assert named["batchCount"].value == 7
    named["batchCount"].value = 3
    assert user.parameters.batchCount == 3
    named["batchDicom"].checked = True
    assert user.parameters.batchDicom is True
    named["inputVolume"].setCurrentNode(None)
    assert user.parameters.inputVolume is None
    user.parameters.inputVolume = user.volume
    assert named["inputVolume"].currentNode() is user.volume


def test_it_works_before_it_is_configured(user: LesionUser):
    assert user.parameters.inputVolume is user.volume
    assert (user.parameters.organSegmentation, user.parameters.organSegmentId) == (user.organs, "liver")
    assert user.ui.organSelector.currentNode() is user.organs
    assert user.ui.organSelector.currentSegmentID() == "liver"
    assert "ml" in user.ui.organFactsLabel.text
    assert "15.0 mm" in user.panel.form.rows["diameter_mm"].editor.suffix or user.panel.form.values()[
        "diameter_mm"] == 15.0
    user.ui.anywhereRadio.click()
    assert user.run.button.enabled
    assert "CPU" in user.run.estimate.text


def test_without_a_volume_it_says_where_to_get_one(host: Any):
    user = LesionUser(host, phantom=False)
    assert not user.run.button.enabled
    assert "Load a CT first" in user.run.estimate.text


def test_a_ct_loaded_while_the_panel_is_open_is_taken_up(host: Any):
    from SyntheticImagingLib.lesion_panel.sample_scenes import load_phantom

    user = LesionUser(host, phantom=False)
    user.volume, user.organs = load_phantom(host.scene, 5.0)
    host.spin(lambda: user.parameters.inputVolume is not None, 5)
    assert user.parameters.inputVolume is user.volume
    assert user.parameters.organSegmentId == "liver"
    assert "press Place" in user.run.estimate.text


def test_what_the_user_chooses_in_the_selectors_is_kept(user: LesionUser):
    user.ui.organSelector.setCurrentSegmentID("spleen")
    assert user.parameters.organSegmentId == "spleen"
    assert user.ui.organFactsLabel.text.startswith("spleen")
    user.ui.vesselSelector.setCurrentNode(user.organs)
    user.ui.vesselSelector.setCurrentSegmentID("liver_vessels")
    assert user.parameters.vesselSegmentId == "liver_vessels"


def test_the_form_follows_the_method(user: LesionUser):
    from SyntheticImagingLib.lesion_panel.method import Method

    for radio, method in ((user.ui.growRadio, Method.GROW), (user.ui.editRadio, Method.EDIT),
                          (user.ui.drawRadio, Method.DRAW)):
        radio.click()
        assert user.parameters.method is method
        shown = [m for m, form in user.panel.forms.items() if form.widget.visible]
        assert shown == [method]
        assert user.ui.lesionSelector.visible == (method is Method.EDIT)
        assert user.ui.vesselSelector.visible == (method is Method.DRAW)


def test_a_script_that_changes_the_parameters_changes_the_panel(user: LesionUser):
    from SyntheticImagingLib.lesion_panel.method import Method

    user.parameters.method = Method.GROW
    user.parameters.anywhere = True
    assert user.ui.growRadio.checked
    assert user.ui.anywhereRadio.checked
    assert not user.ui.placeButton.enabled


def test_only_one_of_diameter_and_size_class_is_asked_for(user: LesionUser):
    rows = user.panel.form.rows
    assert not rows["size"].widget.visible
    user.panel.form.set_value("diameter_mm", None)
    assert rows["size"].widget.visible


def test_how_many_is_asked_for_only_where_no_places_are_clicked(user: LesionUser):
    rows = user.panel.form.rows
    assert not rows["count"].widget.visible
    user.ui.anywhereRadio.click()
    assert rows["count"].widget.visible


# Where


def test_a_click_places_a_lesion_and_draws_its_circle_to_scale(user: LesionUser):
    assert not user.run.button.enabled
    assert "press Place" in user.run.estimate.text
    user.ui.placeButton.click()
    assert user.ui.placeButton.text == "Click in a slice…"
    user.click()
    assert not user.ui.placeButton.checked
    assert user.ui.placeButton.text == "Place"
    assert "1 place" in user.ui.placesLabel.text
    assert user.run.button.enabled
    outline = user.panel.place.outline.node.GetPolyData()
    assert outline.GetLength() == pytest.approx(15.0 * 3**0.5, rel=0.02)
    user.panel.form.set_value("diameter_mm", 30.0)
    outline = user.panel.place.outline.node.GetPolyData()
    assert outline.GetLength() == pytest.approx(30.0 * 3**0.5, rel=0.02)


def test_a_place_outside_the_organ_is_said_at_once(user: LesionUser):
    user.click(OUTSIDE_RAS_MM)
    assert "outside the organ (liver)" in user.ui.placesLabel.text
    assert not user.run.button.enabled
    user.parameters.places.SetNthControlPointPosition(0, *user.inside())  # dragged inside
    assert user.run.button.enabled


def test_places_can_be_cleared(user: LesionUser):
    user.click()
    user.press(user.ui.clearPlacesButton)
    assert user.panel.place.points == []
    assert not user.run.button.enabled


# From the click to the result


def test_a_lesion_where_it_was_clicked(user: LesionUser):
    before = volume_of(user.volume).voxels.copy()
    user.click()
    made = user.synthesise()
    import slicer

    after = volume_of(made.volume)
    assert np.array_equal(volume_of(user.volume).voxels, before), "the input was changed"
    assert not np.array_equal(after.voxels, before)
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(user.host.scene)
    folders = {tree.GetItemParent(tree.GetItemByDataNode(node)) for node in made.nodes.values()}
    assert folders == {made.folder}, "results lie in more than one folder"
    assert user.ui.resultButton.visible
    assert user.box.made is made
    row = user.box.lesions.rows[0]
    assert np.linalg.norm(np.array(row.centre_ras) - user.inside()) < 6
    assert "measurements" in made.nodes
    assert user.box.measurements.table is not None


def test_the_result_is_in_the_views_centred_on_the_lesion(user: LesionUser):
    user.click()
    made = user.synthesise()
    views = user.box.host.slice_views()
    assert len(views) >= 3
    centre = user.box.lesions.rows[0].centre_ras
    for view in views[:3]:
        assert view.composite_node.GetBackgroundVolumeID() == made.volume.GetID()
        to_ras = view.slice_node.GetSliceToRAS()
        middle = [to_ras.GetElement(i, 3) for i in range(3)]
        assert middle == pytest.approx(centre, abs=3.0)


def test_nothing_lies_over_a_lesion_that_was_just_made(user: LesionUser):
    user.click()
    outline, places = user.panel.place.outline.node.GetDisplayNode(), user.parameters.places.GetDisplayNode()
    user.synthesise()
    assert not outline.GetVisibility()
    assert not places.GetVisibility()
    user.panel.form.set_value("diameter_mm", 18.0)
    assert outline.GetVisibility(), "the next lesion is being prepared"
    user.synthesise()
    assert not outline.GetVisibility()
    user.press(user.box.buttons["undo"])
    user.press(user.box.buttons["undo"])
    assert outline.GetVisibility()
    assert places.GetVisibility()


def test_before_and_after_are_one_key_away(user: LesionUser):
    from SyntheticImagingLib.show import Mode

    user.click()
    made = user.synthesise()
    view = user.box.host.slice_views()[0]
    user.box._shortcuts.keys["X"].activated.emit()
    assert view.composite_node.GetBackgroundVolumeID() == user.volume.GetID()
    user.box._shortcuts.keys["X"].activated.emit()
    assert view.composite_node.GetBackgroundVolumeID() == made.volume.GetID()
    user.box.views.buttons[Mode.DIFFERENCE].click()
    assert user.box.comparison.mode is Mode.DIFFERENCE
    user.box.views.buttons[Mode.SIDE_BY_SIDE].click()
    assert user.box.comparison.mode is Mode.SIDE_BY_SIDE


def test_two_places_make_two_lesions(user: LesionUser):
    r, a, s = user.inside()
    user.panel.form.set_value("diameter_mm", 20.0)
    user.click((r - 10.0, a, s - 12.0))
    user.click((r + 10.0, a, s + 20.0))
    user.synthesise()
    rows = user.box.lesions.rows
    assert [row.name for row in rows] == ["lesion 1", "lesion 2"]
    user.box.lesions.choose(1)
    to_ras = user.box.host.slice_views()[0].slice_node.GetSliceToRAS()
    assert [to_ras.GetElement(i, 3) for i in range(3)] == pytest.approx(rows[1].centre_ras, abs=3.0)


def test_anywhere_in_the_organ(user: LesionUser):
    user.ui.anywhereRadio.click()
    user.panel.form.set_value("count", 2)
    user.synthesise()
    assert len(user.box.lesions.rows) == 2


def test_a_tumour_grows_and_its_growth_is_played(user: LesionUser):
    user.ui.growRadio.click()
    user.panel.form.set_value("steps", 40)
    user.panel.form.set_value("frames", 4)
    user.click()
    made = user.synthesise()
    assert made.browser is not None
    growth = user.box.growth
    assert growth.widget.visible
    slider = growth.slider
    slider.value = slider.minimum
    assert made.browser.GetSelectedItemNumber() == 0


def test_the_grown_tumour_can_be_copied_and_removed(user: LesionUser):
    user.ui.growRadio.click()
    user.panel.form.set_value("steps", 30)
    user.panel.form.set_value("frames", 2)
    user.click()
    grown = user.synthesise()
    user.ui.editRadio.click()
    assert user.parameters.inputVolume is grown.volume, "the volume that the tumour lies in is edited"
    assert (user.parameters.lesionSegmentation, user.parameters.lesionSegmentId) == (grown.lesions, "tumour")
    assert "that volume is edited" in user.panel.messages.text
    user.ui.anywhereRadio.click()
    copied = user.synthesise()
    assert len(user.box.lesions.rows) == 2
    assert copied.source is grown.volume
    user.panel.form.set_value("action", "remove")
    assert not user.ui.whereFrame.visible, "a removed lesion goes nowhere"
    removed = user.synthesise()
    assert removed.volume is not None
    assert "measurements" not in removed.nodes, "there is nothing left to measure"


# What does not work


def test_cancel_leaves_no_trace(user: LesionUser):
    user.ui.growRadio.click()
    user.panel.form.set_value("steps", 200)
    user.click()
    nodes = user.host.scene.GetNumberOfNodes()
    user.press(user.run.button)
    user.host.spin(lambda: user.run.task.progress.fraction > 0, 30)
    user.press(user.run.button)
    assert not user.run.button.enabled
    user.wait()
    assert "Cancelled" in user.run.summary.text
    assert user.made is None
    assert user.host.scene.GetNumberOfNodes() == nodes
    assert user.run.button.enabled


def test_an_empty_organ_gives_a_sentence(user: LesionUser):
    user.organs.GetSegmentation().AddEmptySegment("empty", "empty organ")
    user.ui.organSelector.setCurrentSegmentID("empty")
    assert not user.run.button.enabled
    assert "empty" in user.run.estimate.text
    assert "Segment Editor" in user.run.estimate.text


def test_an_organ_that_is_deleted_meanwhile_is_not_worked_on(user: LesionUser):
    user.click()
    user.organs.GetSegmentation().RemoveSegment("liver")
    user.panel.refresh()
    assert not user.run.button.enabled
    assert user.parameters.organSegmentId == user.ui.organSelector.currentSegmentID(), "what is shown is what is used"


def test_what_the_tool_refuses_stands_in_the_panel(user: LesionUser):
    user.ui.organSelector.setCurrentSegmentID("stomach")  # 25 HU: no liver
    user.panel.form.set_value("organ_preset", "lung nodule")
    user.ui.anywhereRadio.click()
    user.press(user.run.button)
    user.wait()
    assert "Check the segment" in user.run.messages.text
    assert user.run.messages.widget.visible
    assert user.made is None
    assert user.run.button.enabled, "he can try again"


def test_an_mr_works_with_the_defaults(user: LesionUser):
    import synthetic_imaging as si
    from SyntheticImagingLib.mrml import add_volume

    ct = volume_of(user.volume)
    signal = (ct.voxels.astype(np.float32) + 1100.0).clip(0).astype(np.int16)
    mr = add_volume(user.host.scene, si.Volume(signal, ct.geometry, name="T1"))  # a file says no modality
    user.ui.volumeSelector.setCurrentNode(mr)
    assert user.panel.form.rows["contrast_percent"].widget.visible
    assert not user.panel.form.rows["contrast_hu"].widget.visible
    user.click()
    made = user.synthesise()
    assert made.source is mr
    assert user.box.lesions.rows
    user.panel.form.set_value("organ_preset", "liver")  # what the user chose himself is not changed for him
    user.press(user.run.button)
    user.wait()
    assert "Hounsfield" in user.run.messages.text

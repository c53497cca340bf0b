"""The module Cohort Synthesis as its user meets it: from a range over a histogram to a folder of cases."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.panels.cohort_user import CohortUser


@pytest.fixture
def user(host: Any) -> CohortUser:
    return CohortUser(host)


def test_the_module_tells_what_it_is(host: Any):
    module = host.load("CohortSynthesis", enter=False)
    assert module.title == "Cohort Synthesis"
    assert module.categories == ["Image Synthesis"]
    assert "not for diagnosis" in module.helpText
    assert module.contributors == ["SyntheticImaging contributors"]


def test_every_named_widget_is_bound_to_its_parameter(user: CohortUser):
    named = {w.property("SlicerParameterName"): w for w in vars(user.ui).values() if w.property("SlicerParameterName")}
    assert set(named) == {"seed", "previewCount", "number", "processes"}
    user.parameters.number = 17
    assert named["number"].value == 17
    named["seed"].value = 5
    assert user.parameters.seed == 5
    user.parameters.layout = "nnunet"
    assert user.ui.layoutSelector.currentText == "nnU-Net data set"


def test_it_works_before_it_is_configured(host: Any):
    user = CohortUser(host)
    assert user.panel.model.id == "hearts.phantom-ct"
    assert user.ui.modelSelector.count == len(user.panel.models) >= 2
    assert user.panel.preview.button.enabled
    assert user.ui.histogramLabel.visible
    assert "No range is set" in user.ui.rangesLabel.text
    assert not user.panel.run.button.enabled
    assert "Choose a folder" in user.panel.run.estimate.text


def test_a_range_is_set_with_the_slider_and_said_in_words(user: CohortUser):
    user.ui.rangeWidget.setValues(90.0, 140.0)
    assert user.parameters.ranges == "lv_volume_ml=90..140"
    assert "Left ventricle 90 to 140 ml. About" in user.ui.rangesLabel.text
    share = user.panel._draws.share(user.panel.limits)
    assert 0.2 < share < 0.7
    user.ui.rangeWidget.setValues(90.0, user.ui.rangeWidget.maximum)
    assert user.parameters.ranges == "lv_volume_ml=90.."  # an end of the axis is open
    user.ui.measurementSelector.currentIndex = 6
    user.ui.rangeWidget.setValues(20.0, 40.0)
    assert set(user.panel.limits) == {"lv_volume_ml", "ejection_fraction_percent"}
    assert user.panel._draws.share(user.panel.limits) < share
    user.press(user.ui.anyButton)
    assert set(user.panel.limits) == {"lv_volume_ml"}


def test_a_range_in_which_nothing_lies_is_said_before_anything_is_made(user: CohortUser):
    user.parameters.ranges = "lv_volume_ml=1..2"
    assert "No case of this model does" in user.ui.rangesLabel.text


def test_another_model_has_its_own_settings_and_measurements(user: CohortUser):
    titles = [m.id for m in user.panel.models]
    user.parameters.ranges = "septum_mm=8..12, ra_volume_ml=50..90"
    user.ui.modelSelector.currentIndex = titles.index("hearts.phantom-echo")
    assert user.parameters.model == "hearts.phantom-echo"
    assert "depth_voxels" in user.panel.form.rows
    assert set(user.panel.limits) == {"septum_mm"}, "a range of what this model does not measure does not count"
    assert user.panel.form.widget.visible
    assert not user.panel.forms["hearts.phantom-ct"].widget.visible


def test_a_preview_shows_its_cases_and_the_first_one_in_the_views(user: CohortUser):
    import slicer

    user.parameters.ranges = "lv_volume_ml=60..200"
    user.preview(2)
    shown = [button for button in user.sheet.buttons if button.visible]
    assert [button.text[:4] for button in shown] == ["0001", "0002"]
    assert all(not button.icon.isNull() for button in shown)
    assert user.sheet.review.chosen == 1
    made = user.made
    assert made.volume.GetAttribute("SyntheticImaging.synthetic") == "yes"
    assert made.lesions.GetSegmentation().GetNumberOfSegments() == 8
    assert made.lesions.GetSegmentation().ContainsRepresentation("Closed surface")
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(user.host.scene)
    assert {tree.GetItemParent(tree.GetItemByDataNode(node)) for node in made.nodes.values()} == {made.folder}
    for view in user.panel.case._views.slice_views():
        assert view.composite_node.GetBackgroundVolumeID() == made.volume.GetID()
    for record in user.sheet.review.shown:
        assert 60 <= record.measurements["lv_volume_ml"] <= 200
    assert "synthetic-imaging-" not in user.panel.preview.summary.text, "a scratch folder is of no interest"


def test_the_next_case_takes_the_place_of_the_one_before_unless_it_is_left(user: CohortUser):
    user.preview(3)
    first = user.made
    user.press(user.ui.nextCaseButton)
    user.rest()
    assert not first.alive(user.host.scene)
    assert user.count("vtkMRMLScalarVolumeNode") == user.count("vtkMRMLSegmentationNode") == 1
    second = user.made
    user.press(user.ui.leaveButton)
    user.press(user.ui.nextCaseButton)
    user.rest()
    assert second.alive(user.host.scene)
    assert user.count("vtkMRMLScalarVolumeNode") == 2


def test_a_rejected_case_is_crossed_out_and_replaced(user: CohortUser):
    user.preview(2)
    before = user.sheet.review.folder.records[1].image_sha256
    user.sheet._shortcuts.keys["R"].activated.emit()
    assert user.sheet.review.rejected == [1]
    assert "rejected" in user.sheet.buttons[0].text
    assert user.sheet.review.chosen == 2, "on to the next"
    assert user.panel.preview.button.text == "Replace 1 rejected"
    user.run(user.panel.preview)
    assert user.sheet.review.rejected == []
    assert user.sheet.review.folder.records[1].image_sha256 != before
    assert user.panel.preview.button.text == "Preview"


def test_a_kept_case_is_no_longer_rejected(user: CohortUser):
    user.preview(1)
    user.press(user.ui.rejectButton)
    user.press(user.ui.keepButton)
    assert user.sheet.review.rejected == []
    assert "rejected" not in user.sheet.buttons[0].text


def test_the_cohort_holds_the_cases_of_the_preview_without_those_rejected(user: CohortUser, tmp_path: Path):
    user.preview(3)
    user.press(user.ui.rejectButton)
    shown = user.sheet.review.folder.records
    user.choose_folder(tmp_path / "hearts", 3)
    assert "about" in user.panel.run.estimate.text
    user.run(user.panel.run)
    assert "3 cases are in" in user.panel.run.messages.text, user.panel.run.messages.text
    review = user.sheet.review
    assert review.path == tmp_path / "hearts"
    written = review.folder.records
    assert written[1].image_sha256 != shown[1].image_sha256
    assert [written[n].image_sha256 for n in (2, 3)] == [shown[n].image_sha256 for n in (2, 3)]
    rows = list(csv.DictReader((tmp_path / "hearts" / "manifest.csv").open()))
    assert [row["decision"] for row in rows] == ["rejected", "kept", "kept", "kept"]


def test_a_cancelled_cohort_stays_and_is_gone_on_with(user: CohortUser, tmp_path: Path):
    user.choose_folder(tmp_path / "hearts", 60)
    user.press(user.panel.run.button)
    user.host.spin(lambda: len(list((tmp_path / "hearts" / "records").glob("*.json"))) >= 2, 40)
    user.panel.run.cancel()
    user.host.spin(lambda: not user.panel.run.running, 20)
    assert "Cancelled" in user.panel.run.summary.text
    assert "stay" in user.panel.run.summary.text
    kept = {p.name: p.read_text() for p in (tmp_path / "hearts" / "records").glob("*.json")}
    assert 2 <= len(kept) < 60
    from SyntheticImagingLib.cohort.cohort_task import CohortTask

    task: CohortTask = user.panel.make_cohort()  # the same again
    task.start()
    user.host.spin(lambda: task.poll() or len(list((tmp_path / "hearts" / "records").glob("*.json"))) > len(kept), 40)
    task.close()
    assert all((tmp_path / "hearts" / "records" / name).read_text() == text for name, text in kept.items())


def test_a_folder_with_something_else_is_refused_with_a_sentence(user: CohortUser, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not lose this")
    user.choose_folder(tmp_path / "mine")
    user.press(user.panel.run.button)
    assert "holds other files" in user.panel.run.messages.text
    assert not user.panel.run.running
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    user.choose_folder(Path("relative"))
    user.press(user.panel.run.button)
    assert "full path" in user.panel.run.messages.text


def test_a_folder_that_was_made_before_can_be_looked_through(user: CohortUser, tmp_path: Path):
    made = user.widget.logic.process(
        tmp_path / "hearts", number=1, seed=3, settings={"spacing_mm": 8.0}, layout="nifti"
    )
    assert len(made.kept) == 1
    assert not user.ui.lookButton.enabled
    user.choose_folder(tmp_path / "hearts")
    user.press(user.ui.lookButton)
    user.rest()
    assert user.sheet.review.numbers == [1]
    assert "'hearts': 1 of 1 cases" in user.ui.sheetTitleLabel.text
    assert user.made.volume.GetAttribute("SyntheticImaging.synthetic") == "yes"


def test_the_scene_keeps_what_was_chosen_and_its_closing_takes_the_case_away(user: CohortUser):
    user.preview(1)
    user.parameters.ranges = "lv_volume_ml=80..150"
    user.host.scene.Clear(0)
    assert user.made is None
    assert user.panel._parameters is not None
    assert user.parameters.ranges == ""
    user.press(user.ui.rejectButton)  # the files of the preview are no part of the scene
    assert user.sheet.review.rejected == [1]


def test_scratch_folders_are_removed_with_the_panel(host: Any):
    user = CohortUser(host)
    user.preview(1)
    folder = user.panel.previews.scratch()
    assert folder.is_dir()
    user.widget.cleanup()
    assert not folder.exists()


def test_views_keep_answering_while_cases_are_made(user: CohortUser, ticks: Any):
    user.ui.previewCountSpinBox.value = 2
    user.press(user.panel.preview.button)
    ticks.during(lambda: not user.panel.preview.running, seconds=60)
    assert ticks.longest_gap < 1.0


def test_a_script_shows_a_case(host: Any, tmp_path: Path):
    user = CohortUser(host)
    folder = user.widget.logic.process(tmp_path / "a", number=1, settings={"spacing_mm": 8.0})
    made = user.widget.logic.showCase(folder.path)
    from SyntheticImagingLib.mrml import volume_from_node

    volume = volume_from_node(made.volume)
    assert volume.provenance is not None
    assert volume.provenance.parameters["case"] == 1
    assert np.ptp(volume.voxels) > 500


def test_the_self_test_passes(host: Any):
    host.load("CohortSynthesis", enter=False)
    import CohortSynthesis

    CohortSynthesis.CohortSynthesisTest().runTest()


def test_a_trained_model_makes_cases_from_shipped_weights(user: CohortUser):
    titles = [m.id for m in user.panel.models]
    user.ui.modelSelector.currentIndex = titles.index("diff3")
    assert not user.ui.histogramLabel.visible
    user.parameters.ranges = "lv_volume_ml=40.."
    assert "once they are made" in user.ui.rangesLabel.text
    user.panel.form.set_value("steps", 8)
    user.preview(2)
    measured = [record.measurements["lv_volume_ml"] for record in user.sheet.review.shown]
    assert min(measured) >= 40 and measured[0] != measured[1]


def test_a_trained_model_says_which_packages_are_missing_and_a_phantom_does_without(
    user: CohortUser, monkeypatch: pytest.MonkeyPatch
):
    from synthetic_imaging.setup import packages

    real = packages.group
    absent = packages.Group("learn", (packages.Requirement("a-network-library"),))
    monkeypatch.setattr(packages, "group", lambda name: real(name) if name == "core" else absent)
    user.panel.enter()
    assert user.panel.preview.button.enabled
    user.ui.modelSelector.currentIndex = [m.id for m in user.panel.models].index("diff3")
    assert not user.panel.preview.button.enabled and user.ui.setupButton.visible
    assert "a-network-library" in user.panel.preview.estimate.text

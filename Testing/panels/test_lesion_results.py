"""What follows a run in the panel Lesion Synthesis: another, undo, DICOM files, many at once."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.panels.lesion_user import LesionUser

from SyntheticImagingLib.show import Mode
from SyntheticImagingLib.show.layouts import SIDE_BY_SIDE_LAYOUT


@pytest.fixture
def user(host: Any) -> LesionUser:
    return LesionUser(host)


def volume_of(node: Any) -> Any:
    from SyntheticImagingLib.mrml import volume_from_node

    return volume_from_node(node)


# Another, undo, several


def test_another_like_this_keeps_the_old_one(user: LesionUser):
    user.click()
    first = user.synthesise()
    user.parameters.places.RemoveAllControlPoints()  # what the list does later does not matter
    user.press(user.box.buttons["another"])
    user.wait()
    second = user.made
    assert second is not first
    assert second.seed != first.seed
    assert first.alive(user.host.scene)
    assert user.ui.resultSelector.visible
    assert not first.lesions.GetDisplayNode().GetVisibility(), "its lesion is not in the image that is shown"
    user.ui.resultSelector.currentIndex = 1
    assert user.made is first
    assert user.box.made is first
    assert first.lesions.GetDisplayNode().GetVisibility()
    assert not second.lesions.GetDisplayNode().GetVisibility()


def test_undo_takes_all_of_a_run_away_and_shows_the_one_before(user: LesionUser):
    before = user.count("vtkMRMLScalarVolumeNode"), user.count("vtkMRMLTableNode"), user.count("vtkMRMLTextNode")
    user.click()
    first = user.synthesise()
    second = user.synthesise()
    user.press(user.box.buttons["undo"])
    assert not second.alive(user.host.scene)
    assert user.made is first
    user.press(user.box.buttons["undo"])
    assert user.made is None
    assert not user.ui.resultButton.visible
    now = user.count("vtkMRMLScalarVolumeNode"), user.count("vtkMRMLTableNode"), user.count("vtkMRMLTextNode")
    assert now == before
    assert user.host.scene.IsNodePresent(user.volume)


def test_the_seed_can_be_kept(user: LesionUser):
    user.click()
    first = user.synthesise()
    user.panel.form.model.write_seed(user.panel.form.node, first.seed)
    second = user.synthesise()
    assert second.seed == first.seed
    assert np.array_equal(volume_of(first.volume).voxels, volume_of(second.volume).voxels)


# Files


def test_the_exported_dicom_is_read_again(user: LesionUser, tmp_path: Path):
    from synthetic_imaging.dicom.reading import read_series

    user.click()
    made = user.synthesise()
    user.host.answers.add("folder", str(tmp_path))
    user.press(user.box.buttons["export"])
    user.wait()
    assert "DICOM written" in user.run.messages.text
    folder = next(tmp_path.iterdir())
    assert str(made.seed) in folder.name
    read = read_series(folder / "series")
    expected = volume_of(made.volume)
    assert np.array_equal(np.sort(read.voxels, axis=None), np.sort(expected.voxels, axis=None))
    assert (folder / "segmentation.dcm").is_file()


def test_thinking_better_of_an_export_writes_nothing(user: LesionUser, tmp_path: Path):
    user.click()
    user.synthesise()
    user.host.answers.add("folder", "")
    user.press(user.box.buttons["export"])
    assert not user.run.running
    assert list(tmp_path.iterdir()) == []


def test_a_batch_writes_as_many_folders(user: LesionUser, tmp_path: Path):
    user.click()
    user.ui.batchCountSpinBox.value = 2
    user.ui.batchFolderEdit.currentPath = str(tmp_path / "cohort")
    assert user.parameters.batchFolder == str(tmp_path / "cohort")
    nodes = user.host.scene.GetNumberOfNodes()
    user.press(user.ui.batchRunButton)
    assert user.run.running, user.run.messages.text
    user.wait(120)
    assert "2 cases written" in user.run.messages.text
    assert user.host.scene.GetNumberOfNodes() == nodes, "the scene stays as it is"
    with (tmp_path / "cohort" / "manifest.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["case"] for row in rows] == ["0001", "0002"]
    assert int(rows[1]["seed"]) == int(rows[0]["seed"]) + 1
    for row in rows:
        assert any((tmp_path / "cohort" / row["case"]).glob("*.nrrd"))


def test_a_batch_without_a_folder_asks_for_one(user: LesionUser):
    user.click()
    user.press(user.ui.batchRunButton)
    assert "Choose a folder" in user.run.messages.text
    assert not user.run.running


# What the user deleted by hand, and scenes that are opened


def test_results_are_listed_again_in_a_scene_that_was_opened(user: LesionUser, tmp_path: Path):
    user.click()
    made = user.synthesise()
    seed, name = made.seed, made.volume.GetName()
    user.box.set_mode(Mode.SIDE_BY_SIDE)
    assert user.host.save_scene(tmp_path / "scene.mrb")
    user.host.close_scene()
    assert user.made is None
    assert user.host.open_scene(tmp_path / "scene.mrb")
    user.host.spin(lambda: user.made is not None, 10)
    assert (user.made.seed, user.made.volume.GetName()) == (seed, name)
    user.host.spin(seconds=0.1)
    assert user.ui.volumeSelector.currentNode() is user.parameters.inputVolume
    assert user.box.lesions.rows
    assert user.box.measurements.widget.visible
    assert user.box.host.layout() != SIDE_BY_SIDE_LAYOUT, "nobody else could give the usual views back"
    user.box.set_mode(Mode.DIFFERENCE)
    assert user.box.messages.text == ""
    user.press(user.box.buttons["another"])
    user.wait()
    assert user.run.messages.text == ""
    assert user.made.seed != seed


def test_a_checkerboard_leaves_the_image_before_in_a_saved_scene(user: LesionUser, tmp_path: Path):
    user.click()
    user.synthesise()
    user.box.set_mode(Mode.CHECKERBOARD)
    assert user.host.save_scene(tmp_path / "scene.mrb")
    assert user.host.open_scene(tmp_path / "scene.mrb")
    views = {view.name: view.composite_node for view in user.box.host.slice_views()}
    shown = user.host.scene.GetNodeByID(views["Red"].GetBackgroundVolumeID())
    assert shown is not None, "the view would be black"
    assert shown.GetName() == "abdomen phantom"


@pytest.mark.parametrize("button", ["export", "measure"])
def test_a_deleted_image_is_said(user: LesionUser, button: str):
    user.click()
    made = user.synthesise()
    user.host.scene.RemoveNode(made.volume)
    user.press(user.box.buttons[button])
    assert "no longer in the scene" in user.box.messages.text


def test_the_source_is_deleted_while_it_runs(user: LesionUser):
    user.click()
    user.press(user.run.button)
    user.host.scene.RemoveNode(user.volume)
    user.wait()
    assert user.run.messages.text == ""
    assert user.made is not None
    assert "The image before is no longer in the scene" in user.box.messages.text
    assert not user.box.views.widget.visible
    user.press(user.box.buttons["another"])
    assert "no longer in the scene" in user.run.messages.text


def test_a_batch_wants_a_full_path(user: LesionUser):
    user.ui.anywhereRadio.click()
    user.parameters.batchFolder = "cases"
    user.press(user.ui.batchRunButton)
    assert "full path" in user.run.messages.text
    assert not user.run.running

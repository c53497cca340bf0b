"""Runs found again in the scene: after saving and opening, after deleting by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synthetic_imaging.errors import InputError
from SyntheticImagingLib.task import SceneTask, SegmentChoice, remove
from SyntheticImagingLib.task.remembering import parameters_of, runs_in
from SyntheticImagingLib.task.results import folder_of

GROW, DRAW = "lesions.automaton", "lesions.handcrafted"


def test_a_run_is_found_again_in_a_scene_that_was_saved_and_opened(
    patient: Any, run_to_end: Any, tmp_path: Path
) -> None:
    task = SceneTask(patient.scene, GROW, patient.nodes, {"steps": 12}, 5)
    task.start()
    first = run_to_end(task).made
    places = patient.at.GetNthControlPointPositionWorld(0)
    scene_file = str(tmp_path / "scene.mrb")
    assert patient.scene.WriteToMRB(scene_file, None)
    patient.scene.Clear(0)
    assert runs_in(patient.scene) == []
    assert patient.scene.ReadFromMRB(scene_file, True)
    (found,) = runs_in(patient.scene)
    assert (found.tool_id, found.title, found.seed) == (GROW, first.title, 5)
    assert list(found.nodes) == list(first.nodes)
    assert list(found.proxies) == list(first.proxies)
    assert found.volume.GetName() == first.volume.GetName()
    assert found.lesions is found.nodes["lesions"]
    assert found.browser is not None and found.source is found.inputs["ct"]
    assert found.inputs["organ"].ids == ("liver",)
    assert found.inputs["at"].GetNthControlPointPositionWorld(0) == pytest.approx(places)
    assert parameters_of(found)["steps"] == 12
    again = SceneTask(patient.scene, found.tool_id, found.inputs, parameters_of(found), found.seed)
    again.close()
    assert folder_of(patient.scene, found)
    remove(patient.scene, found)
    assert runs_in(patient.scene) == []
    assert patient.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1, "the patient's image stays"


def test_a_run_whose_output_was_deleted_is_not_found(patient: Any, run_to_end: Any) -> None:
    task = SceneTask(patient.scene, DRAW, patient.nodes, None, 5)
    task.start()
    made = run_to_end(task).made
    assert [found.record for found in runs_in(patient.scene)] == [made.record]
    patient.scene.RemoveNode(made.lesions)
    assert runs_in(patient.scene) == []


def test_a_record_of_another_version_is_passed_over(patient: Any) -> None:
    text = patient.scene.AddNewNodeByClass("vtkMRMLTextNode", "notes")
    for written in ("no json", "[1]", '{"tool": "x"}', '{"outputs": ["volume"], "proxies": []}'):
        text.SetAttribute("SyntheticImaging.run", written)
        assert runs_in(patient.scene) == []


def test_the_same_again_is_refused_when_the_image_was_deleted(patient: Any) -> None:
    task = SceneTask(patient.scene, DRAW, patient.nodes, None, 5)
    patient.scene.RemoveNode(patient.ct)
    with pytest.raises(InputError, match="no longer in the scene"):
        task.again()
    task.close()


def test_places_given_as_numbers_are_no_deleted_nodes(patient: Any) -> None:
    from SyntheticImagingLib.lesion_panel.placing import loose_places

    nodes = {"ct": patient.ct, "organ": SegmentChoice(patient.organs, ("liver",))}
    nodes["at"] = loose_places([patient.abdomen.aside_ras_mm])
    task = SceneTask(patient.scene, DRAW, nodes, None, 5)
    again = task.again()
    assert again.seed != task.seed
    for started in (task, again):
        started.close()

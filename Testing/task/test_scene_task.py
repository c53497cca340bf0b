"""A run on nodes: results beside the input in one folder, again, undo, cancel, a scene closed meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from SyntheticImagingLib import attributes
from SyntheticImagingLib.mrml import volume_from_node
from SyntheticImagingLib.segmentations import mask_from_node
from SyntheticImagingLib.task import SceneTask, TaskState, remove
from SyntheticImagingLib.task.origins import source_of

DRAW, GROW = "lesions.handcrafted", "lesions.automaton"


def folder_children(scene: Any, item: int) -> list[str]:
    import slicer
    from vtkmodules.vtkCommonCore import vtkIdList

    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    found = vtkIdList()
    tree.GetItemChildren(item, found)
    return sorted(tree.GetItemDataNode(found.GetId(n)).GetClassName() for n in range(found.GetNumberOfIds()))


@pytest.mark.parametrize("kind", ["left-handed", "sheared"])
def test_a_run_puts_its_results_beside_the_input(patient_on: Any, run_to_end: Callable[..., Any], kind: str) -> None:
    patient = patient_on(kind)
    before = patient.abdomen.ct.voxels.copy()
    task = SceneTask(patient.scene, DRAW, patient.nodes, {"diameter_mm": 12.0}, seed=5)
    task.start()
    assert run_to_end(task).state is TaskState.DONE, task.error
    made = task.made
    after = volume_from_node(made.volume)
    lesions = mask_from_node(made.lesions, ("lesion 1",), after.geometry)
    assert after.geometry.same_grid(patient.abdomen.ct.geometry)
    changed = after.voxels != before
    assert changed.any() and changed[lesions.inside()].any()
    assert np.array_equal(volume_from_node(patient.ct).voxels, before)
    assert made.volume.GetAttribute(attributes.SYNTHETIC) == "yes"
    assert source_of(made.volume) is patient.ct
    assert folder_children(patient.scene, made.folder) == [
        "vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLTextNode",
    ]
    assert json.loads(made.record.GetText())["seed"] == 5
    direct = si.run(DRAW, ct=patient.abdomen.ct, organ=patient.abdomen.liver, at=[patient.abdomen.aside_ras_mm],
                    diameter_mm=12.0, seed=5)
    assert np.array_equal(direct.volume.voxels, after.voxels)


def test_growth_comes_as_one_browser_and_undo_leaves_nothing(patient: Any, run_to_end: Callable[..., Any]) -> None:
    import slicer

    before = patient.classes()
    task = SceneTask(patient.scene, GROW, patient.nodes, {"steps": 12, "frames": 4}, seed=1)
    task.start()
    run_to_end(task)
    made = task.made
    assert made is not None, task.error
    assert set(made.proxies) == {"growth", "growth_lesions"}
    assert made.browser.GetNumberOfSynchronizedSequenceNodes(True) == 2
    assert made.alive(patient.scene)
    assert "vtkMRMLSequenceBrowserNode" in folder_children(patient.scene, made.folder)
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(patient.scene)
    item = made.folder
    remove(patient.scene, made)
    assert not made.alive(patient.scene)
    assert patient.classes() == before
    assert tree.GetItemLevel(item) == "" and tree.GetItemName(item) == ""


def test_another_like_this_keeps_the_first(patient: Any, run_to_end: Callable[..., Any]) -> None:
    first = SceneTask(patient.scene, DRAW, patient.nodes, {"size": "tiny"}, seed=1)
    first.start()
    run_to_end(first)
    second = first.again(seed=2)
    second.start()
    run_to_end(second)
    assert first.made.alive(patient.scene) and second.made.alive(patient.scene)
    assert first.made.volume.GetName() != second.made.volume.GetName()
    one, two = (volume_from_node(t.made.volume).voxels for t in (first, second))
    assert not np.array_equal(one, two)


def test_an_organ_that_is_too_small_gets_the_tools_sentence_and_leaves_the_scene(
    patient: Any, run_to_end: Callable[..., Any]
) -> None:
    before = patient.classes()
    task = SceneTask(patient.scene, DRAW, patient.nodes, {"diameter_mm": 149.0})
    task.start()
    run_to_end(task)
    assert task.state is TaskState.FAILED
    assert "larger than the" in str(task.error)
    assert patient.classes() == before


def test_cancel_leaves_no_trace(patient: Any, run_to_end: Callable[..., Any]) -> None:
    before = patient.classes()
    task = SceneTask(patient.scene, GROW, patient.nodes, {"steps": 100})
    task.start()
    task.cancel()
    asked = time.monotonic()
    run_to_end(task)
    assert task.state is TaskState.CANCELLED
    assert time.monotonic() - asked < 6
    assert patient.classes() == before


def test_a_scene_closed_meanwhile_drops_the_results(patient: Any) -> None:
    task = SceneTask(patient.scene, GROW, patient.nodes)
    task.start()
    patient.scene.Clear(False)
    assert task.state is TaskState.DROPPED
    task.poll()
    assert task.made is None
    assert patient.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    patient.scene.Clear(False)  # nothing is left that listens


def test_polling_never_waits_for_the_tool(patient: Any, run_to_end: Callable[..., Any]) -> None:
    task = SceneTask(patient.scene, DRAW, patient.nodes, {"size": "tiny"})
    task.start()
    longest = 0.0
    while not task.finished:
        started = time.monotonic()
        task.poll()
        if not task.finished:
            longest = max(longest, time.monotonic() - started)
        time.sleep(0.02)
    assert task.state is TaskState.DONE
    assert longest < 0.5


def test_a_removed_input_still_lets_the_results_arrive(patient: Any, run_to_end: Callable[..., Any]) -> None:
    task = SceneTask(patient.scene, DRAW, patient.nodes, {"size": "tiny"}, seed=3)
    task.start()
    patient.scene.RemoveNode(patient.ct)
    assert run_to_end(task).state is TaskState.DONE, task.error
    assert task.made.volume is not None

"""The run button with real jobs in a child process: the interface stays alive, cancel and crash leave no trace."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

STANDINS = Path(__file__).parents[1] / "standins"


@pytest.fixture
def box(host: Any) -> Any:
    from SyntheticImagingLib.panel import RunBox

    made = RunBox()
    made.widget.show()
    yield made
    made.close()


@pytest.fixture
def patient(host: Any, abdomen: Any) -> Any:
    """CT and liver of the phantom in the host's scene: (scene, nodes as the lesion tools take them)."""
    from SyntheticImagingLib.mrml import add_volume
    from SyntheticImagingLib.segmentations import add_segmentation
    from SyntheticImagingLib.task import SegmentChoice

    ct = add_volume(host.scene, abdomen.ct)
    organs = add_segmentation(host.scene, abdomen.liver, ct, "organs")
    return host.scene, {"ct": ct, "organ": SegmentChoice(organs, ("liver",))}


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A tool that waits twenty seconds politely, importable in a child too."""
    monkeypatch.syspath_prepend(str(STANDINS))
    monkeypatch.setenv("PYTHONPATH", str(STANDINS))
    import standin_tools

    return standin_tools.misbehaving


def nodes_in(scene: Any) -> list[str]:
    nodes = scene.GetNodes()
    return sorted(nodes.GetItemAsObject(n).GetClassName() for n in range(nodes.GetNumberOfItems()))


def test_the_interface_stays_alive_while_a_real_job_runs_and_its_result_arrives(
    ticks: Any, box: Any, patient: Any
) -> None:
    from SyntheticImagingLib.task import SceneTask

    scene, nodes = patient
    done: list[Any] = []
    box.on_done = done.append
    box.offer(lambda: SceneTask(scene, "lesions.handcrafted", nodes, {"size": "tiny", "count": 1}, seed=3))
    begun = time.monotonic()
    box.button.click()
    pressed = time.monotonic() - begun
    ticks.during(lambda: not box.running)
    seconds = time.monotonic() - begun
    assert box.messages.text == "", box.messages.details
    assert done[0].made.volume is not None
    assert "seed 3" in box.summary.text
    assert max(pressed, ticks.longest_gap) < 0.5, "the interface stood still"
    assert ticks.count > 10 * seconds, f"{ticks.count} ticks in {seconds:.1f} s"


def test_cancelling_a_real_job_leaves_no_trace(host: Any, ticks: Any, box: Any, patient: Any, patience: Any) -> None:
    from SyntheticImagingLib.task import SceneTask

    scene, nodes = patient
    before = nodes_in(scene)
    box.offer(lambda: SceneTask(scene, patience, {"ct": nodes["ct"]}, {"how": "polite"}))
    box.button.click()
    ticks.during(lambda: box.step.text.startswith("waiting,"))
    time_of_press = time.monotonic()
    box.button.click()
    host.spin(lambda: not box.running, 10.0)
    assert time.monotonic() - time_of_press < 5.0
    assert box.summary.text == "Cancelled. Nothing was changed."
    assert nodes_in(scene) == before
    assert ticks.longest_gap < 0.5


def test_a_job_that_crashes_is_a_sentence_and_the_scene_is_as_it_was(
    host: Any, box: Any, patient: Any, patience: Any
) -> None:
    from SyntheticImagingLib.task import SceneTask

    scene, nodes = patient
    before = nodes_in(scene)
    box.offer(lambda: SceneTask(scene, patience, {"ct": nodes["ct"]}, {"how": "segfault"}))
    box.button.click()
    host.spin(lambda: not box.running)
    assert box.messages.text
    assert "\n" not in box.messages.text
    assert nodes_in(scene) == before
    assert box.button.enabled


def test_a_scene_closed_in_the_middle_drops_the_job_quietly(host: Any, box: Any, patient: Any, patience: Any) -> None:
    from SyntheticImagingLib.task import SceneTask, TaskState

    scene, nodes = patient
    ended: list[Any] = []
    box.on_done = lambda task: pytest.fail("the result has no place any more")
    box.on_ended = ended.append
    box.offer(lambda: SceneTask(scene, patience, {"ct": nodes["ct"]}, {"how": "polite"}))
    box.button.click()
    host.spin(lambda: box.step.text.startswith("waiting,"))
    scene.Clear(False)
    host.spin(lambda: not box.running, 5.0)
    assert [task.state for task in ended] == [TaskState.DROPPED]
    assert box.summary.text.startswith("The scene was closed")
    assert box.messages.text == "", "it is no error"
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0

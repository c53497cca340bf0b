"""The life of the panel Lesion Synthesis: entered, left, reloaded, taken down; the scene closed, saved and opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from Testing.panels.lesion_user import LesionUser


@pytest.fixture
def user(host: Any) -> LesionUser:
    return LesionUser(host)


def test_the_self_test_passes(host: Any):
    host.load("LesionSynthesis", enter=False)
    import slicer

    slicer.selfTests["LesionSynthesis"](msec=0)


def test_a_script_makes_a_lesion_with_nodes(host: Any):
    import slicer

    from SyntheticImagingLib.lesion_panel.sample_scenes import load_phantom
    from SyntheticImagingLib.lesion_panel.segment_facts import inner_place

    host.load("LesionSynthesis", enter=False)
    volume, organs = load_phantom(host.scene, 4.0)
    import LesionSynthesis

    logic = LesionSynthesis.LesionSynthesisLogic()
    heard: list[Any] = []
    made = logic.process(
        volume, organs, "liver", points=[inner_place(organs, "liver")], parameters={"diameter_mm": 20}, seed=7,
        measure=True, onProgress=heard.append,
    )
    assert slicer.mrmlScene.IsNodePresent(made.volume)
    assert made.seed == 7
    assert heard
    assert "measurements" in made.nodes
    task = logic.process(volume, organs, "liver", seed=7, wait=False)
    assert not task.finished
    host.spin(lambda: task.poll() or task.finished, 30)
    assert task.made is not None


def test_the_interface_never_stands_still_while_a_job_runs(user: LesionUser, ticks: Any):
    user.ui.growRadio.click()
    user.panel.form.set_value("steps", 120)
    user.click()
    user.press(user.run.button)
    ticks.during(lambda: not user.run.running)
    assert ticks.count > 10
    assert ticks.longest_gap < 1.0
    user.wait()


def test_a_scene_closed_in_the_middle_of_a_job(user: LesionUser):
    user.ui.growRadio.click()
    user.panel.form.set_value("steps", 200)
    user.click()
    user.press(user.run.button)
    user.host.spin(lambda: user.run.task.progress.fraction > 0, 30)
    user.host.close_scene()
    user.wait()
    assert "scene was closed" in user.run.summary.text
    assert user.made is None
    assert user.count("vtkMRMLScalarVolumeNode") == 0
    assert user.parameters.inputVolume is None
    assert "Load a CT first" in user.run.estimate.text
    assert not user.run.button.enabled


def test_a_scene_closed_with_a_result_shown_and_a_new_one_begun(user: LesionUser):
    user.click()
    user.synthesise()
    user.host.close_scene()
    assert user.made is None
    assert not user.ui.resultButton.visible
    from SyntheticImagingLib.lesion_panel.sample_scenes import load_phantom

    user.volume, user.organs = load_phantom(user.host.scene, 4.0)
    user.panel.choose_what_is_open()
    user.click()
    assert user.synthesise().alive(user.host.scene)


def test_a_scene_closed_while_placing(user: LesionUser):
    user.ui.placeButton.click()
    user.host.close_scene()
    assert not user.panel.place.mode.active
    assert not user.ui.placeButton.checked


def test_a_saved_scene_comes_back_with_the_panel_open(user: LesionUser, tmp_path: Path):
    from SyntheticImagingLib.lesion_panel.method import Method
    from SyntheticImagingLib.scenes import save_scene

    user.ui.growRadio.click()
    user.panel.form.set_value("steps", 33)
    user.ui.organSelector.setCurrentSegmentID("spleen")
    user.click(user.inside("spleen"))
    user.ui.batchCountSpinBox.value = 4
    user.panel.results.choose_folder = lambda: ""
    file = tmp_path / "work.mrb"
    save_scene(user.host.scene, file)
    user.host.close_scene()
    assert user.parameters.method is Method.DRAW
    assert user.host.open_scene(file)
    user.host.spin(seconds=0.05)
    assert user.parameters.method is Method.GROW
    assert user.ui.growRadio.checked
    assert user.panel.form.values()["steps"] == 33
    assert user.parameters.inputVolume.GetName() == "abdomen phantom"
    assert user.ui.organSelector.currentSegmentID() == "spleen"
    assert user.ui.batchCountSpinBox.value == 4
    assert len(user.panel.place.points) == 1
    assert user.run.button.enabled, user.run.estimate.text
    assert user.count("vtkMRMLModelNode") <= 4, "the circle is not saved (three models are the views' slices)"
    made = user.synthesise()
    assert made.browser is not None


def test_a_parameter_of_another_version_falls_back_to_its_default(user: LesionUser):
    user.parameters.parameterNode.SetParameter("lesions.handcrafted.diameter_mm", "enormous")
    assert user.panel.form.values()["diameter_mm"] == 15.0


def test_leaving_takes_the_helpers_out_of_the_views_and_coming_back_brings_them(user: LesionUser, host: Any):
    user.click()
    outline, places = user.panel.place.outline.node, user.parameters.places
    assert outline.GetDisplayNode().GetVisibility()
    host.window.moduleSelector()  # somewhere else
    user.widget.exit()
    assert not outline.GetDisplayNode().GetVisibility()
    assert not places.GetDisplayNode().GetVisibility()
    user.parameters.anywhere = False  # a script goes on meanwhile: nothing comes up
    assert not outline.GetDisplayNode().GetVisibility()
    user.widget.enter()
    assert outline.GetDisplayNode().GetVisibility()
    assert places.GetDisplayNode().GetVisibility()
    assert user.run.button.enabled


def test_a_job_goes_on_while_another_module_is_open(user: LesionUser):
    user.click()
    user.press(user.run.button)
    user.widget.exit()
    user.wait()
    assert user.made is not None
    user.widget.enter()
    assert user.box.made is user.made


def test_a_result_deleted_by_hand_is_forgotten(user: LesionUser):
    user.click()
    made = user.synthesise()
    user.host.scene.RemoveNode(made.volume)
    user.widget.exit()
    user.widget.enter()
    assert user.made is None
    assert not user.ui.resultButton.visible


def test_reloading_takes_up_the_library_and_keeps_the_choices(library_comes_back: None, user: LesionUser, host: Any):
    from SyntheticImagingLib.lesion_panel import panel

    before = panel.LesionPanel
    user.panel.form.set_value("diameter_mm", 21.0)
    old = user.widget
    user.widget = host.reload(old)
    assert user.widget is not old
    assert type(user.panel) is not before
    assert user.panel.form.values()["diameter_mm"] == 21.0
    assert user.parameters.inputVolume is user.volume
    user.click()
    assert user.synthesise().alive(host.scene)


def test_taking_it_down_leaves_no_observer_and_no_helper(user: LesionUser, host: Any):
    user.click()
    node = user.parameters.parameterNode
    run = user.run
    user.widget.cleanup()
    assert user.count("vtkMRMLModelNode") <= 3
    node.SetParameter("anywhere", "true")  # nobody listens any more
    host.close_scene()
    assert not run.running


def test_taking_it_down_stops_a_running_job(user: LesionUser):
    user.ui.growRadio.click()
    user.panel.form.set_value("steps", 200)
    user.click()
    user.press(user.run.button)
    task = user.run.task
    user.widget.cleanup()
    assert task.finished
    assert user.count("vtkMRMLScalarVolumeNode") == 1


def test_missing_packages_lead_to_the_set_up(user: LesionUser, monkeypatch: pytest.MonkeyPatch):
    import slicer

    from synthetic_imaging.setup import packages
    from SyntheticImagingLib.lesion_panel import panel

    missing = packages.Group("core", (packages.Requirement("no-such-package"),))
    monkeypatch.setattr(panel.packages, "group", lambda name: missing)
    opened: list[str] = []
    monkeypatch.setattr(slicer.util, "selectModule", opened.append, raising=False)
    user.click()
    assert not user.ui.setupButton.visible
    user.widget.enter()
    assert user.ui.setupButton.visible
    assert "no-such-package" in user.run.estimate.text
    assert not user.run.button.enabled
    user.press(user.ui.setupButton)
    assert opened == ["SyntheticImaging"]


@pytest.mark.parametrize("width", [420, 500])
def test_nothing_is_cut_off(user: LesionUser, tmp_path: Path, width: int):
    user.click()
    user.synthesise()
    user.host.picture(user.widget, tmp_path / "panel.png", (width, 0))
    for name, widget in vars(user.ui).items():
        if type(widget).__name__ in ("QRadioButton", "QPushButton", "QLabel", "QCheckBox") and widget.visible:
            assert widget.width >= widget.minimumSizeHint.width(), f"{name} is cut off at {width} pixels"


def test_the_layout_side_by_side_is_known_before_the_panel_is_opened(host: Any):
    from SyntheticImagingLib.show.layouts import SIDE_BY_SIDE_LAYOUT

    LesionUser(host, phantom=False)
    layouts = host.scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert layouts.IsLayoutDescription(SIDE_BY_SIDE_LAYOUT), "scenes saved in it would open without views"

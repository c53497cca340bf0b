"""The module Sequence Synthesis: what it chooses, refuses and shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from Testing.panels.sequence_user import SequenceUser, image, panel_with
from Testing.standins.standin_sequences import learned


@pytest.fixture
def user(host: Any) -> SequenceUser:
    return SequenceUser(host)


def test_the_module_tells_what_it_is(host: Any):
    module = host.load("SequenceSynthesis", enter=False)
    assert module.title == "Sequence Synthesis"
    assert module.categories == ["Image Synthesis"]
    assert "not for diagnosis" in module.helpText


def test_sequences_are_chosen_by_their_names(user: SequenceUser):
    assert user.parameters.flair is user.flair, "a dark-fluid T2 is a FLAIR"
    assert user.parameters.t1w is user.t1w
    assert user.parameters.t2w is None
    assert "Chosen by name: FLAIR, T1w" in user.ui.inputsLabel.text
    assert user.panel.run.button.enabled
    assert "needed of" in user.panel.run.estimate.text


def test_what_is_loaded_later_is_chosen_too_and_what_was_taken_out_stays_out(user: SequenceUser):
    user.ui.t1wSelector.setCurrentNode(None)
    pd = user.load("pd_tse_tra")
    assert user.parameters.pd is pd
    assert user.parameters.t1w is None


def test_without_a_sequence_it_says_so(host: Any):
    user = SequenceUser(host, load=False)
    assert "Choose at least one sequence of a brain" in user.panel.run.estimate.text
    assert not user.panel.run.button.enabled
    assert not user.ui.inputsLabel.visible
    assert not user.ui.resultButton.visible
    assert user.ui.phantomButton.enabled


def test_one_volume_as_two_sequences_is_refused(user: SequenceUser):
    user.parameters.t2w = user.t1w
    assert "is chosen as T1w and as T2w" in user.panel.run.estimate.text
    assert not user.panel.run.button.enabled


def test_a_name_that_says_something_else_is_told_before_the_run(user: SequenceUser):
    user.parameters.t2w = user.load("sub-01_PD")
    user.parameters.pd = None
    assert "'sub-01_PD' is chosen as T2w; its name says PD" in user.ui.inputsLabel.text
    assert "background-color" in user.ui.inputsLabel.styleSheet
    assert user.panel.run.button.enabled


def test_contrast_agent_in_a_name_is_told(user: SequenceUser):
    user.parameters.t1w = user.load("t1_mprage_post_gd")
    assert "with contrast agent" in user.ui.inputsLabel.text


def test_without_the_learned_tool_there_is_one_method(user: SequenceUser):
    panel = panel_with(user)
    selector = user.ui.methodSelector
    assert selector.currentText == "Physics, no training"
    assert selector.count == 1
    assert not selector.enabled
    assert panel.method.form.model.tool.id == "sequences.fit"
    assert panel.lesions.tools == ()


def test_tools_of_the_catalogue_are_the_usual_ones(user: SequenceUser):
    assert user.panel.method.methods[0].tool.id == "sequences.fit"
    assert user.panel.visits is not None
    assert not user.ui.phantomButton.isHidden()


def test_the_learned_tool_appears_where_it_is_registered(user: SequenceUser):
    panel = panel_with(user, learned)
    selector = user.ui.methodSelector
    assert [selector.itemText(n) for n in range(selector.count)] == ["Physics, no training", "Learned"]
    assert panel.method.method.tool.id == "sequences.fit"
    selector.currentIndex = 1
    assert user.parameters.method == "sequences.synthesise"
    assert panel.method.form.model.tool.id == "sequences.synthesise"
    assert user.ui.methodFactsLabel.text == "A network fills in."
    assert panel.make_task().tool.id == "sequences.synthesise"


def test_the_wanted_sequence_is_the_tools_parameter(user: SequenceUser):
    user.panel.method.form.set_value("contrast", "STIR")
    task = user.panel.make_task()
    assert task.parameters["contrast"] == "STIR"
    assert set(task.nodes) == {"flair", "t1w"}


def test_the_result_stands_beside_its_inputs(user: SequenceUser):
    from SyntheticImagingLib.mr.linked_row import row_layout

    before = user.layout
    made = user.result()
    user.panel.results.add(made)
    assert user.layout == row_layout(2, True)
    volume, doubt = made.volume.GetID(), made.nodes["uncertainty"].GetID()
    assert user.shown("given1") == (user.flair.GetID(), None)
    assert user.shown("given2") == (user.t1w.GetID(), None)
    assert user.shown("computed") == (volume, None)
    assert user.shown("unsure") == (volume, None)
    user.ui.doubtCheckBox.checked = True
    assert user.shown("unsure") == (volume, doubt)
    assert user.shown("computed") == (volume, None), "the result stays clean"
    user.ui.besideButton.click()
    assert user.layout == before
    assert user.shown("Red") == (volume, doubt)
    assert made.volume.GetDisplayNode().GetWindow() == 1000
    assert not made.volume.GetDisplayNode().GetAutoWindowLevel()


def test_the_views_of_the_row_move_together(user: SequenceUser):
    user.panel.results.add(user.result())
    user.view("given1").slice_node.JumpSliceByCentering(3.0, 4.0, 6.0)
    for name in ("given2", "computed", "unsure"):
        assert user.view(name).slice_node.GetSliceOffset() == pytest.approx(6.0)
    user.ui.planeSelector.currentIndex = 1
    assert {user.view(n).orientation for n in ("given1", "computed", "unsure")} == {"Coronal"}


def test_uncertainty_is_limited_in_percent_of_the_grey_scale(user: SequenceUser):
    made = user.result()
    user.panel.results.add(made)
    assert user.ui.doubtSlider.maximum == pytest.approx(30.0)
    user.panel.results._shortcuts.keys["U"].activated.emit()
    user.ui.doubtSlider.value = 12.0
    assert made.nodes["uncertainty"].GetDisplayNode().GetLowerThreshold() == pytest.approx(120.0)


def test_what_the_images_tell_stands_under_it_in_words(user: SequenceUser):
    user.panel.results.add(user.result())
    ui = user.ui
    assert ui.toldLabel.text.startswith("DIR: known in part. The images settle 75 % of what was open")
    assert "background-color" in ui.toldLabel.styleSheet
    assert "Voxels that fit no known tissue: 2.1 %." in ui.toldMoreLabel.text
    assert "Timing of FLAIR: usual values assumed." in ui.toldMoreLabel.text
    assert "from FLAIR, T1w" in ui.resultLabel.text


def test_a_wrong_name_that_the_tool_found_is_a_warning(user: SequenceUser):
    user.panel.results.add(user.result())
    assert "looks more like a T2w" in user.ui.domainLabel.text
    assert "background-color" in user.ui.domainLabel.styleSheet
    assert user.ui.notesLabel.text.startswith("T1w was moved by 1.2 mm")


def test_images_unlike_the_models_own_are_said(user: SequenceUser):
    panel = panel_with(user, learned)
    panel.results.add(user.result((), domain=6.0, tool=learned))
    assert "Slice thickness (6 mm, usual up to 2 mm)" in user.ui.domainLabel.text
    assert user.ui.toldMoreLabel.text == "Fit of model and images:\nMean uncertainty: 8.5 %."
    assert not user.ui.toldLabel.visible


def test_undo_gives_the_views_back(user: SequenceUser):
    before = user.layout
    made = user.result()
    user.panel.results.add(made)
    user.ui.doubtCheckBox.checked = True
    user.ui.undoButton.click()
    assert user.layout == before
    assert not made.alive(user.host.scene)
    assert not user.ui.resultButton.visible
    assert user.host.scene.IsNodePresent(user.flair)
    assert user.parameters.flair is user.flair


def test_a_result_of_an_earlier_session_is_found_and_leaves_the_views_alone(user: SequenceUser):
    before = user.layout
    made = user.result()
    user.widget.exit()
    user.widget.enter()
    assert user.panel.results.made.record is made.record
    assert user.layout == before
    assert not user.ui.besideButton.checked
    user.ui.besideButton.click()
    assert user.shown("computed") == (made.volume.GetID(), None)


def test_an_input_that_was_deleted_is_left_out_of_the_row(user: SequenceUser):
    made = user.result()
    user.host.scene.RemoveNode(user.t1w)
    user.panel.results.add(made)
    assert user.shown("given1")[0] == user.flair.GetID()
    assert "from FLAIR ·" in user.ui.resultLabel.text


def test_the_result_is_written_as_dicom(user: SequenceUser, tmp_path: Path):
    user.panel.results.add(user.result())
    user.host.answers.add("folder", str(tmp_path))
    user.ui.exportButton.click()
    user.host.spin(lambda: not user.panel.run.running, 60)
    assert "DICOM written" in user.panel.run.messages.text
    assert list(tmp_path.rglob("*.dcm"))


def test_the_scene_is_closed(user: SequenceUser):
    user.panel.results.add(user.result())
    user.panel.visits.add(user.visits())
    user.host.close_scene()
    assert user.panel.results.made is None
    assert not user.ui.resultButton.visible
    assert not user.panel.visits.result.visible
    again = user.load("FLAIR")
    assert user.parameters.flair is again


def test_the_panel_can_be_reloaded(library_comes_back: None, user: SequenceUser):
    user.panel.results.add(user.result())
    user.widget = user.host.reload(user.widget)
    assert user.panel.results.made is not None
    assert user.parameters.flair is user.flair


def test_images_that_hold_no_head_get_the_tools_sentence(user: SequenceUser):
    before = np.array(image("t2_space_dark-fluid_sag").voxels)
    user.panel.method.form.set_value("align", False)
    user.panel.run.button.click()
    user.host.spin(lambda: not user.panel.run.running, 120)
    assert "No brain was found in the FLAIR" in user.panel.run.messages.text
    from SyntheticImagingLib.mrml import volume_from_node

    assert np.array_equal(volume_from_node(user.flair).voxels, before), "the input was changed"

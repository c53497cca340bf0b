"""The module Sequence Synthesis: what it chooses, refuses and shows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from Testing.panels.sequence_user import SequenceUser, image
from Testing.standins.standin_sequences import learned
from Testing.standins.standin_sequences import lesions as lesion_tool

from synthetic_imaging.errors import FileError


class CountInMemory:
    """Counts as the engine does, without a file."""

    def __init__(self, path: Path, reader: str) -> None:
        self.path, self.reader = path, reader
        self.kept: list[Any] = []
        self.finished = self.broken = False

    def open(self, case: str, sequence: str) -> tuple[Any, ...]:
        assert (self.reader, case, sequence) == ("R1", "case-7", "t2-space-dark-fluid-sag")
        return self.clicks()

    def add(self, ras_mm: Any, region: str) -> Any:
        if self.broken:
            raise FileError("The disk is full.")
        self.kept.append(SimpleNamespace(number=len(self.kept) + 1, region=region, ras_mm=tuple(ras_mm)))
        return self.kept[-1]

    def undo(self) -> Any:
        return self.kept.pop()

    def finish(self) -> None:
        self.finished = True

    def clicks(self) -> tuple[Any, ...]:
        return tuple(self.kept)


@pytest.fixture
def user(host: Any) -> SequenceUser:
    return SequenceUser(host)


def panel_with(user: SequenceUser, *more: Any, begin_count: Any = None) -> Any:
    """The panel as it is where the catalogue holds more tools."""
    import slicer

    from synthetic_imaging.catalogue import tools
    from SyntheticImagingLib.mr_panel.panel import SequencePanel
    from SyntheticImagingLib.show.host import SlicerViewHost

    user.widget.setParameterNode(None)
    user.panel.close()
    user.widget.panel = None
    ui_widget = slicer.util.loadUI(user.widget.resourcePath("UI/SequenceSynthesis.ui"))
    user.widget.layout.addWidget(ui_widget)
    user.widget.ui = slicer.util.childWidgetVariables(ui_widget)
    ui_widget.setMRMLScene(user.host.scene)
    known = {**tools(), **{tool.id: tool for tool in more}}
    user.widget.panel = SequencePanel(user.widget.ui, user.host.scene, SlicerViewHost(), known, begin_count)
    user.widget.initializeParameterNode()
    user.widget.panel.enter()
    return user.widget.panel


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
    selector = user.ui.methodSelector
    assert selector.currentText == "Physics, no training"
    assert selector.count == 1
    assert not selector.enabled
    assert user.panel.method.form.model.tool.id == "sequences.fit"
    assert not user.ui.lesionsButton.visible


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
    assert user.ui.toldMoreLabel.text == "Mean uncertainty: 8.5 %."
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


def test_two_visits_are_chosen_when_the_box_is_opened(user: SequenceUser):
    second = user.load("FLAIR_2")
    user.ui.visitsButton.collapsed = False
    assert user.parameters.firstVisit is user.flair
    assert user.parameters.secondVisit is second
    user.parameters.secondVisit = user.flair
    assert "same volume" in user.panel.visits.run.estimate.text
    assert not user.panel.visits.run.button.enabled


def test_the_change_lies_over_the_first_visit_and_rows_jump(user: SequenceUser):
    from SyntheticImagingLib.show import Mode

    visits = user.panel.visits
    made = user.visits()
    visits.add(made)
    assert user.shown("Red") == (made.nodes["first"].GetID(), made.nodes["difference"].GetID())
    assert visits.line.text.startswith("2 places changed. Candidates, not findings")
    assert "The head had moved." in visits.line.text
    visits.table.choose(1)
    assert user.view("Red").slice_node.GetSliceOffset() == pytest.approx(6.0)
    visits._shortcuts.keys["X"].activated.emit()
    assert user.shown("Red")[0] == made.nodes["first"].GetID()
    visits._shortcuts.keys["X"].activated.emit()
    assert user.shown("Red")[0] == made.nodes["second"].GetID()
    visits.buttons.buttons[Mode.SIDE_BY_SIDE].click()
    assert user.shown("after")[0] == made.nodes["second"].GetID()
    visits.undo_button.click()
    assert not made.alive(user.host.scene)
    assert not visits.result.visible


def test_without_a_change_it_says_so(user: SequenceUser):
    user.panel.visits.add(user.visits(places=0))
    assert user.panel.visits.line.text.startswith("No place has changed")
    assert not user.panel.visits.table.widget.visible


def test_result_and_visits_take_turns_in_the_views(user: SequenceUser):
    result, visits = user.result(), user.visits()
    user.panel.results.add(result)
    user.panel.visits.add(visits)
    assert not user.panel.results.views.beside
    assert user.shown("Red")[0] == visits.nodes["first"].GetID()
    user.ui.besideButton.click()
    assert user.panel.visits.comparison.mode is None
    assert user.shown("computed")[0] == result.volume.GetID()


def test_lesions_are_listed_where_a_tool_finds_them(user: SequenceUser):
    lesions = panel_with(user, lesion_tool).lesions
    assert not user.ui.lesionsButton.isHidden()
    user.ui.lesionsButton.collapsed = False
    assert lesions.nodes == {"flair": user.flair, "second": None, "lesions": None}
    assert lesions.run.button.enabled
    lesions.add(user.lesions(lesion_tool))
    assert lesions.line.text.splitlines() == ["3 lesions", "periventricular: 2, 0.25 ml", "juxtacortical: 1, 0.10 ml"]
    lesions.table.choose(0)
    assert user.view("Red").slice_node.GetSliceOffset() == pytest.approx(9.0)
    lesions.undo_button.click()
    assert not lesions.line.visible


def test_a_lesion_tool_without_its_image_says_what_to_choose(user: SequenceUser):
    lesions = panel_with(user, lesion_tool).lesions
    user.ui.lesionsButton.collapsed = False
    lesions.selectors["sequences.lesions"]["flair"].setCurrentNode(None)
    assert lesions.run.estimate.text == "Choose: FLAIR."
    assert not lesions.run.button.enabled


def test_the_scene_is_closed(user: SequenceUser):
    user.panel.results.add(user.result())
    user.panel.visits.add(user.visits())
    user.host.close_scene()
    assert user.panel.results.made is None
    assert not user.ui.resultButton.visible
    assert not user.panel.visits.result.visible
    again = user.load("FLAIR")
    assert user.parameters.flair is again


def test_the_panel_can_be_reloaded(user: SequenceUser):
    user.panel.results.add(user.result())
    user.widget = user.host.reload(user.widget)
    assert user.panel.results.made is not None
    assert user.parameters.flair is user.flair


def test_images_that_hold_no_head_get_the_tools_sentence(user: SequenceUser):
    before = np.array(image("t2_space_dark-fluid_sag").voxels)
    user.panel.method.form.set_value("align", False)
    user.panel.run.button.click()
    user.host.spin(lambda: not user.panel.run.running, 120)
    assert "hardly any head" in user.panel.run.messages.text
    from SyntheticImagingLib.mrml import volume_from_node

    assert np.array_equal(volume_from_node(user.flair).voxels, before), "the input was changed"


def counting(user: SequenceUser, file: Path) -> Any:
    """The part that counts by clicks, with an image open."""
    part = panel_with(user, begin_count=CountInMemory).count
    part.image.setCurrentNode(user.flair)
    part.reader.text, part.case.text = "R1", "case-7"
    user.host.answers.add("save", str(file))
    part.file_button.click()
    part.start_button.click()
    assert part.messages.text == ""
    return part


def marked(user: SequenceUser, *ras: float) -> None:
    """What a click in a slice view does while places are taken."""
    selection = user.host.scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    user.host.scene.GetNodeByID(selection.GetActivePlaceNodeID()).AddControlPoint(*ras)


def test_lesions_are_counted_by_clicks_with_their_regions(user: SequenceUser, tmp_path: Path):
    user.panel.results.add(user.result())
    part = counting(user, tmp_path / "r1.csv")
    assert not user.ui.countFrame.isHidden()
    assert user.shown("Red") == (user.flair.GetID(), None), "the image alone"
    assert part.marks.mode.active
    marked(user, 1.0, 2.0, 3.0)
    part.region.currentText = "juxtacortical"
    marked(user, 4.0, 5.0, 6.0)
    assert [(c.number, c.region, c.ras_mm) for c in part.count.clicks()] == [
        (1, "periventricular", (1.0, 2.0, 3.0)), (2, "juxtacortical", (4.0, 5.0, 6.0))]
    assert part.line.text == "periventricular: 1, juxtacortical: 1"
    part.table.choose(1)
    assert user.view("Red").slice_node.GetSliceOffset() == pytest.approx(6.0)
    part.undo_button.click()
    assert part.line.text == "periventricular: 1"
    assert part.marks._node.GetNumberOfControlPoints() == 1
    count = part.count
    part.start_button.click()
    assert count.finished
    assert part.count is None
    assert part.marks._node is None
    assert not part.marks.mode.active


def test_a_click_that_cannot_be_kept_is_taken_back_and_said(user: SequenceUser, tmp_path: Path):
    part = counting(user, tmp_path / "r1.csv")
    part.count.broken = True
    marked(user, 1.0, 2.0, 3.0)
    assert part.messages.text == "The disk is full."
    assert part.marks._node.GetNumberOfControlPoints() == 0


def test_counting_wants_an_image_and_a_file(user: SequenceUser):
    part = panel_with(user, begin_count=CountInMemory).count
    part.start_button.click()
    assert part.messages.text == "Choose the image to count in."
    part.image.setCurrentNode(user.flair)
    part.start_button.click()
    assert part.messages.text == "Choose the file that keeps the clicks."


def test_the_mouse_is_free_while_another_panel_is_open(user: SequenceUser, tmp_path: Path):
    part = counting(user, tmp_path / "r1.csv")
    user.widget.exit()
    assert not part.marks.mode.active
    user.widget.enter()
    assert part.marks.mode.active
    user.host.close_scene()
    assert part.count is None

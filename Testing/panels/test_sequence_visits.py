"""The module Sequence Synthesis: two visits compared, lesions listed, lesions counted by clicks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from Testing.panels.sequence_user import SequenceUser, panel_with
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


def counting(user: SequenceUser, file: Path) -> Any:
    """The part that counts by clicks, with an image open."""
    part = panel_with(user, begin_count=CountInMemory).count
    user.ui.lesionsButton.collapsed = False
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

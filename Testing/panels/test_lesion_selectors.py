"""Organ, vessels and lesion: what the user picks is kept, what Slicer's selector says by itself is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from Testing.panels.lesion_user import LesionUser


@pytest.fixture
def user(host: Any) -> Iterator[LesionUser]:
    yield LesionUser(host)


def test_the_choice_outlives_what_others_do_to_the_segments(user: LesionUser):
    user.ui.organSelector.setCurrentSegmentID("spleen")
    segmentation = user.organs.GetSegmentation()
    segmentation.GetSegment("liver").SetColor(0.1, 0.9, 0.1)  # the Segment Editor: another colour, name, segment
    segmentation.GetSegment("liver").SetName("liver, drawn by me")
    segmentation.AddEmptySegment("mine", "mine")
    user.host.spin(None, 0.1)
    assert user.parameters.organSegmentId == "spleen"
    assert user.ui.organSelector.currentSegmentID() == "spleen", "what is shown is what is used"
    segmentation.RemoveSegment("spleen")
    user.host.spin(None, 0.1)
    assert user.parameters.organSegmentId == "", "not any other organ instead"
    assert user.ui.organSelector.currentSegmentID() == ""


def test_another_segmentation_begins_with_its_organ_and_its_lesion_and_with_no_vessels(user: LesionUser):
    other = user.host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "other")
    for name in ("bone", "liver", "liver tumour"):
        other.GetSegmentation().AddEmptySegment(name, name)
    user.ui.organSelector.setCurrentNode(other)
    assert user.parameters.organSegmentation is other
    assert user.parameters.organSegmentId == "liver" == user.ui.organSelector.currentSegmentID()
    user.ui.vesselSelector.setCurrentNode(other)
    assert user.parameters.vesselSegmentId == "" == user.ui.vesselSelector.currentSegmentID()
    user.ui.lesionSelector.setCurrentNode(other)
    assert user.parameters.lesionSegmentId == "liver tumour" == user.ui.lesionSelector.currentSegmentID()


def test_none_can_be_picked(user: LesionUser):
    user.ui.organSelector.setCurrentSegmentID("")
    user.host.spin(lambda: user.parameters.organSegmentId == "", 2)
    assert user.parameters.organSegmentId == ""
    user.host.spin(None, 0.05)
    assert user.ui.organSelector.currentSegmentID() == ""


def test_a_point_that_follows_the_mouse_does_not_make_the_panel_compute(user: LesionUser):
    user.click()
    asked: list[int] = []
    user.panel.place.on_change = lambda: asked.append(1)
    places = user.parameters.places
    for x in range(5):  # as in place mode: the preview of the next point
        places.InvokeEvent(places.PointModifiedEvent)
        assert x == 0 or not asked
    places.SetNthControlPointPositionWorld(0, *(value + 1.0 for value in user.inside()))
    assert asked, "a place that was dragged counts"

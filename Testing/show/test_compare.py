"""Comparing before and after: what each mode shows, and that the user's views come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from synthetic_imaging import Geometry, InputError, Volume
from SyntheticImagingLib.mrml import add_volume, matrix_from_vtk
from SyntheticImagingLib.show import AFTER_VIEW, BEFORE_VIEW, SIDE_BY_SIDE_LAYOUT, Comparison, Mode, derived_nodes

USER_VIEWS = {"Red", "Green", "Yellow"}


def shown(views: Any) -> dict[str, tuple[Any, ...]]:
    """Everything of the slice views that has to come back."""
    result = {}
    for view in views.slice_views():
        if view.name in USER_VIEWS:
            layers, place = view.composite_node, view.slice_node
            result[view.name] = (
                layers.GetBackgroundVolumeID(), layers.GetForegroundVolumeID(), layers.GetLabelVolumeID(),
                layers.GetForegroundOpacity(), layers.GetLinkedControl(), layers.GetHotLinkedControl(),
                layers.GetCompositing(), tuple(np.round(matrix_from_vtk(place.GetSliceToRAS()), 6).ravel()),
                tuple(np.round(place.GetXYZOrigin(), 6)), tuple(np.round(place.GetFieldOfView(), 6)),
            )
    return result


def named(views: Any) -> dict[str, Any]:
    return {view.name: view for view in views.slice_views()}


def value_at(pixels: np.ndarray) -> float:
    """Brightness of the middle of a view."""
    rows, columns, _ = pixels.shape
    return float(pixels[rows // 2 - 3 : rows // 2 + 3, columns // 2 - 3 : columns // 2 + 3].mean())


@pytest.mark.parametrize("kind", ["straight", "oblique", "left-handed", "sheared"])
def test_every_mode_shows_what_it_says(
    views: Any, result: Callable[..., Any], pixels: Callable[[str], np.ndarray], kind: str
) -> None:
    made = result(kind)
    comparison = Comparison(views, made.before, made.after, made.lesions)
    comparison.mode = Mode.BEFORE
    comparison.jump_to(made.lesion_ras)
    comparison.outlines = False
    before = value_at(pixels("Red"))
    comparison.mode = Mode.AFTER
    after = value_at(pixels("Red"))
    assert after > before + 25, "the lesion is 80 HU brighter"
    comparison.mode = Mode.OVERLAY
    comparison.outlines = False
    comparison.opacity = 0.5
    assert before + 5 < value_at(pixels("Red")) < after - 5
    comparison.mode = Mode.DIFFERENCE
    red, _, blue = pixels("Red")[73:77, 97:101].mean(axis=(0, 1))
    assert red > blue + 80, "brighter is hot"
    comparison.mode = Mode.SIDE_BY_SIDE
    assert value_at(pixels(AFTER_VIEW)) > value_at(pixels(BEFORE_VIEW)) + 25


def test_the_difference_leaves_what_did_not_change_as_it_was(
    views: Any, result: Callable[..., Any], pixels: Callable[[str], np.ndarray]
) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.BEFORE
    comparison.jump_to(made.lesion_ras)
    before = pixels("Red")
    comparison.mode = Mode.DIFFERENCE
    changed = np.abs(pixels("Red") - before).max(axis=2) > 8
    rows, _ = np.nonzero(changed[40:, :150])  # without mark and colour bar
    assert 0 < len(rows) < 0.2 * changed.size
    comparison.difference_alone = True
    alone = pixels("Red")[60:140, 20:140]
    assert (alone.max(axis=2) < 8).mean() > 0.5, "no image under it"


@pytest.mark.parametrize("mode", list(Mode))
def test_the_users_views_come_back(views: Any, result: Callable[..., Any], mode: Mode) -> None:
    made = result("oblique")
    for number, view in enumerate(views.slice_views()):
        view.composite_node.SetBackgroundVolumeID(made.after.GetID())
        view.composite_node.SetForegroundVolumeID(made.before.GetID())
        view.composite_node.SetForegroundOpacity(0.3)
        view.composite_node.SetLinkedControl(number == 1)
        view.slice_node.SetSliceOffset(-400.0 + number)
        view.slice_node.SetFieldOfView(80.0 + number, 60.0 + 0.75 * number, 1.0)
    made.lesions.GetDisplayNode().SetVisibility2D(False)
    was, layout = shown(views), views.layout()
    comparison = Comparison(views, made.before, made.after, made.lesions)
    comparison.mode = mode
    comparison.jump_to(made.lesion_ras)
    assert shown(views) != was
    comparison.restore()
    now = shown(views)
    for name in USER_VIEWS:
        assert now[name][:-1] == was[name][:-1]
        assert np.allclose(now[name][-1], was[name][-1], rtol=0.02)
    assert views.layout() == layout
    assert not made.lesions.GetDisplayNode().GetVisibility2D()
    assert comparison.mode is None


def test_side_by_side_has_views_of_its_own_that_move_together(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after, made.lesions)
    comparison.mode = Mode.SIDE_BY_SIDE
    assert views.layout() == SIDE_BY_SIDE_LAYOUT >= 100
    pair = named(views)
    assert pair[BEFORE_VIEW].composite_node.GetBackgroundVolumeID() == made.before.GetID()
    assert pair[AFTER_VIEW].composite_node.GetBackgroundVolumeID() == made.after.GetID()
    assert pair[AFTER_VIEW].composite_node.GetLinkedControl()
    first, second = pair[BEFORE_VIEW].slice_node, pair[AFTER_VIEW].slice_node
    for node, other in ((first, second), (second, first)):
        node.SetSliceOffset(node.GetSliceOffset() + 5.0)
        node.SetFieldOfView(44.0, 44.0 * node.GetDimensions()[1] / node.GetDimensions()[0], 1.0)
        assert other.GetSliceOffset() == pytest.approx(node.GetSliceOffset())
        assert other.GetFieldOfView()[0] == pytest.approx(44.0, rel=0.01)
    red = named(views)["Red"].slice_node.GetSliceOffset()
    assert red != pytest.approx(first.GetSliceOffset()), "the user's own views stay where they are"
    display = made.lesions.GetDisplayNode()
    assert display.GetVisibility2D()
    assert [display.GetNthViewNodeID(n) for n in range(display.GetNumberOfViewNodeIDs())] == [second.GetID()]
    comparison.mode = Mode.AFTER
    assert views.layout() != SIDE_BY_SIDE_LAYOUT
    assert display.GetNumberOfViewNodeIDs() == 0
    first.SetSliceOffset(first.GetSliceOffset() + 5.0)
    assert second.GetSliceOffset() != pytest.approx(first.GetSliceOffset()), "let go"


def test_side_by_side_starts_where_the_user_looks_and_can_turn(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.jump_to(made.lesion_ras)
    comparison.mode = Mode.SIDE_BY_SIDE
    for plane, user in (("Axial", "Red"), ("Coronal", "Green"), ("Sagittal", "Yellow")):
        comparison.side_orientation = plane
        pair = named(views)
        assert pair[AFTER_VIEW].orientation == plane
        same = matrix_from_vtk(pair[user].slice_node.GetSliceToRAS())
        assert np.allclose(matrix_from_vtk(pair[AFTER_VIEW].slice_node.GetSliceToRAS()), same)


def test_views_that_get_their_size_late_still_show_it_all(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.SIDE_BY_SIDE
    pair = [named(views)[name].slice_node for name in (BEFORE_VIEW, AFTER_VIEW)]
    shortest = min(pair[0].GetFieldOfView()[:2])
    for width, height in ((800, 300), (300, 900)):
        for name in (BEFORE_VIEW, AFTER_VIEW):  # one after the other, as windows are laid out
            views._slices[name].logic.ResizeSliceNode(width, height)
        assert pair[0].GetFieldOfView() == pytest.approx(pair[1].GetFieldOfView())
        assert min(pair[0].GetFieldOfView()[:2]) == pytest.approx(shortest)
    pair[0].SetFieldOfView(10.0, 30.0, 1.0)
    views._slices[BEFORE_VIEW].logic.ResizeSliceNode(150, 450)
    assert pair[0].GetFieldOfView()[:2] == pytest.approx((10.0, 30.0)), "the user's own zoom stays"


def test_side_by_side_without_a_view_to_start_from_shows_the_whole(views: Any, result: Callable[..., Any]) -> None:
    made = result("oblique")
    views.slice_views()[0].slice_node.SetOrientation("Coronal")
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.SIDE_BY_SIDE
    bounds = [0.0] * 6
    made.after.GetRASBounds(bounds)
    after = named(views)[AFTER_VIEW].slice_node
    assert bounds[4] < after.GetSliceToRAS().GetElement(2, 3) < bounds[5]
    assert min(after.GetFieldOfView()[:2]) >= max(bounds[1] - bounds[0], bounds[3] - bounds[2])


def test_a_layout_the_user_has_left_is_not_forced_on_him(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    mine = views.layout()
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.SIDE_BY_SIDE
    views.set_layout(mine)
    comparison.update()
    assert views.layout() == mine
    comparison.restore()
    assert views.layout() == mine


def test_flicker_changes_between_before_and_after_only(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.AFTER
    places = [matrix_from_vtk(v.slice_node.GetSliceToRAS()) for v in views.slice_views()]
    seen = []
    for _ in range(4):
        comparison.flicker()
        seen.append(named(views)["Red"].composite_node.GetBackgroundVolumeID())
    assert seen == [made.before.GetID(), made.after.GetID()] * 2
    assert all(
        np.array_equal(a, matrix_from_vtk(v.slice_node.GetSliceToRAS()))
        for a, v in zip(places, views.slice_views(), strict=True)
    )


def test_a_key_shows_the_difference_and_goes_back(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.AFTER
    comparison.toggle(Mode.DIFFERENCE)
    assert comparison.mode is Mode.DIFFERENCE
    comparison.toggle(Mode.DIFFERENCE)
    assert comparison.mode is Mode.AFTER


def test_jumping_centres_all_views_and_keeps_the_zoom(views: Any, result: Callable[..., Any]) -> None:
    made = result("oblique")
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.AFTER
    zoom = [v.slice_node.GetFieldOfView()[:2] for v in views.slice_views()]
    for view in views.slice_views():
        view.slice_node.SetXYZOrigin(17.0, -9.0, 0.0)
    comparison.jump_to(made.lesion_ras)
    for view, field in zip(views.slice_views(), zoom, strict=True):
        width, height, _ = view.slice_node.GetDimensions()
        middle = np.array([width / 2, height / 2, 0.0, 1.0])
        assert np.allclose((matrix_from_vtk(view.slice_node.GetXYToRAS()) @ middle)[:3], made.lesion_ras, atol=1.0)
        assert view.slice_node.GetFieldOfView()[:2] == pytest.approx(field)


def test_window_and_level_are_the_same_but_the_display_nodes_are_not(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    first, second = made.before.GetDisplayNode(), made.after.GetDisplayNode()
    first.AutoWindowLevelOff()
    first.SetWindowLevel(300.0, 70.0)
    second.AutoWindowLevelOn()
    comparison = Comparison(views, made.before, made.after)
    assert (second.GetWindow(), second.GetLevel(), second.GetAutoWindowLevel()) == (300.0, 70.0, 0)
    for mode in Mode:
        comparison.mode = mode
        assert (first.GetWindow(), first.GetLevel()) == (300.0, 70.0), f"{mode} changed the window"
    comparison.mode = Mode.CHECKERBOARD
    board = views.scene.GetNodeByID(named(views)["Red"].composite_node.GetForegroundVolumeID()).GetDisplayNode()
    displays = (first, second, board)
    assert len({d.GetID() for d in displays}) == 3
    for number, display in enumerate(displays):
        display.SetWindowLevel(500.0 + number, 10.0 * number)
        assert {(d.GetWindow(), d.GetLevel()) for d in displays} == {(500.0 + number, 10.0 * number)}
    comparison.close()
    first.SetWindowLevel(111.0, 11.0)
    assert second.GetWindow() != 111.0, "afterwards each is its own again"


def test_a_shared_display_node_is_unshared(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    made.after.SetAndObserveDisplayNodeID(made.before.GetDisplayNodeID())
    Comparison(views, made.before, made.after)
    assert made.after.GetDisplayNodeID() != made.before.GetDisplayNodeID()
    assert made.after.GetDisplayNode().GetWindow() == made.before.GetDisplayNode().GetWindow()


def test_a_volume_without_a_display_node_gets_its_own_window(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    for node in (made.before, made.after):
        views.scene.RemoveNode(node.GetDisplayNode())
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.AFTER
    assert made.after.GetDisplayNode().GetWindow() == 400.0


def test_difference_and_checkerboard_are_made_once(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    before = views.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    comparison.mode = Mode.AFTER
    assert views.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == before, "nothing before it is asked for"
    for _ in range(2):
        comparison.mode = Mode.DIFFERENCE
        comparison.mode = Mode.CHECKERBOARD
    assert views.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == before + 2
    difference = comparison.difference_node
    comparison.restore()
    assert Comparison(views, made.before, made.after).difference_node is None
    again = Comparison(views, made.before, made.after)
    again.mode = Mode.DIFFERENCE
    assert again.difference_node is difference, "kept with the results"
    assert len(derived_nodes(views.scene, made.after)) == 1, "the checkerboard went with the comparison"


def test_images_on_different_grids_get_a_sentence_and_the_views_stay(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    other = add_volume(views.scene, Volume.ct(np.zeros((10, 12, 14), np.int16), Geometry.from_spacing((10, 12, 14))))
    comparison = Comparison(views, made.before, other)
    comparison.mode = Mode.OVERLAY
    was = shown(views)
    for mode in (Mode.DIFFERENCE, Mode.CHECKERBOARD):
        with pytest.raises(InputError, match="different voxel grids"):
            comparison.mode = mode
        assert comparison.why_not(mode)
    assert shown(views) == was
    assert comparison.mode is Mode.OVERLAY
    assert comparison.why_not(Mode.SIDE_BY_SIDE) == ""


def test_nonsense_is_refused(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    with pytest.raises(InputError, match="two different volumes"):
        Comparison(views, made.before, made.before)
    empty = views.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    with pytest.raises(InputError, match="no voxels"):
        Comparison(views, made.before, empty)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("batch", [False, True])
def test_removing_a_compared_volume_gives_the_views_back(
    views: Any, result: Callable[..., Any], mode: Mode, batch: bool
) -> None:
    made = result()
    layout = views.layout()
    for view in views.slice_views():
        view.composite_node.SetBackgroundVolumeID(made.before.GetID())
    comparison = Comparison(views, made.before, made.after, made.lesions)
    comparison.mode = mode
    if batch:
        views.scene.StartState(views.scene.BatchProcessState)
    views.scene.RemoveNode(made.after)
    if batch:
        views.scene.EndState(views.scene.BatchProcessState)
    assert comparison.mode is None
    assert views.layout() == layout
    assert named(views)["Red"].composite_node.GetBackgroundVolumeID() == made.before.GetID()
    assert derived_nodes(views.scene, made.after) == [], "a difference to nothing is of no use"
    with pytest.raises(InputError, match="no longer in the scene"):
        comparison.mode = Mode.AFTER
    comparison.restore()


def test_removing_the_difference_while_it_is_shown_gives_the_views_back(
    views: Any, result: Callable[..., Any]
) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.DIFFERENCE
    views.scene.RemoveNode(comparison.difference_node)
    assert comparison.mode is None
    comparison.mode = Mode.DIFFERENCE
    assert views.scene.IsNodePresent(comparison.difference_node), "made anew"


def test_closing_the_scene_while_comparing(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    layout = views.layout()
    comparison = Comparison(views, made.before, made.after, made.lesions)
    comparison.mode = Mode.SIDE_BY_SIDE
    views.scene.Clear(False)
    assert comparison.mode is None
    assert views.layout() == layout
    comparison.close()
    fresh = result()
    again = Comparison(views, fresh.before, fresh.after, fresh.lesions)
    again.mode = Mode.DIFFERENCE
    assert named(views)["Red"].composite_node.GetForegroundVolumeID() == again.difference_node.GetID()


def test_views_that_come_up_later_join_in(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.AFTER
    views.add_layout(777, '<layout type="vertical"><item><view class="vtkMRMLSliceNode" singletontag="Blue">'
                          '<property name="orientation">Coronal</property></view></item></layout>')
    views.set_layout(777)
    comparison.update()
    assert named(views)["Blue"].composite_node.GetBackgroundVolumeID() == made.after.GetID()


def test_a_host_without_a_window_does_no_harm(slicer: Any, result: Callable[..., Any]) -> None:
    class Nothing:
        scene = slicer.scene

        def slice_views(self) -> list[Any]:
            return []

        def renderers_3d(self) -> list[Any]:
            return []

        def layout(self) -> int:
            return 0

        def set_layout(self, layout: int) -> None:
            pass

        def add_layout(self, layout: int, xml: str) -> None:
            pass

    made = result()
    comparison = Comparison(Nothing(), made.before, made.after, made.lesions)
    for mode in Mode:
        comparison.mode = mode
    comparison.restore()

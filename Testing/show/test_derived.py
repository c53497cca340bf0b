"""Volumes made for looking: the checkerboard's blocks, the difference kept with the results and gone with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from SyntheticImagingLib.attributes import SYNTHETIC
from SyntheticImagingLib.headless import import_slicer, open_scene
from SyntheticImagingLib.scenes import save_scene
from SyntheticImagingLib.show import Comparison, Mode, SyntheticMark
from SyntheticImagingLib.show.derived import CLEAR_TABLE, checkerboard
from SyntheticImagingLib.tables import put_in_folder
from SyntheticImagingLib.task import Made, remove


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.4, 3.0)])
def test_blocks_are_as_wide_in_the_patient_along_every_axis(spacing: tuple[float, float, float]) -> None:
    grid = si.Geometry.from_spacing((40, 60, 80), spacing)
    before = si.Volume.ct(np.zeros(grid.shape, np.int16), grid)
    after = before.like(np.ones(grid.shape, np.int16))
    board = checkerboard(before, after, 12.0).voxels
    for axis, step in enumerate(grid.spacing_kji_mm):
        line = np.moveaxis(board, axis, 0)[:, 0, 0]
        edges = np.flatnonzero(np.diff(line)) + 1
        assert np.abs(edges * step - 12.0 * np.arange(1, len(edges) + 1)).max() <= step
        assert len(edges) >= 3
    assert board[0, 0, 0] == 1
    assert 0.3 < board.mean() < 0.7


def test_blocks_meet_where_one_looks() -> None:
    grid = si.Geometry.from_spacing((20, 40, 40), (1.0, 1.0, 2.5), (-11.0, 3.0, 7.0))
    before = si.Volume.ct(np.zeros(grid.shape, np.int16), grid)
    board = checkerboard(before, before.like(np.ones(grid.shape, np.int16)), 8.0, grid.ras_from_kji((9, 22, 13))).voxels
    k, j, i = 9, 22, 13
    corner = board[k, j - 1 : j + 1, i - 1 : i + 1]
    assert corner[0, 0] == corner[1, 1] != corner[0, 1] == corner[1, 0]
    assert (board[k - 1, j - 6 : j + 6, i - 6 : i + 6] == board[k, j - 6 : j + 6, i - 6 : i + 6]).all()


def test_a_lesion_smaller_than_a_block_is_seen_in_half(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.checker_mm = 60.0
    comparison.mode = Mode.CHECKERBOARD
    comparison.jump_to(made.lesion_ras)
    voxels = _voxels(views, views.slice_views()[0].composite_node)
    inside = made.lesion_mask.inside("lesion 1")
    k = int(np.rint(made.before_volume.geometry.kji_from_ras(made.lesion_ras))[0])
    changed = (voxels[k] != made.before_volume.voxels[k])[inside[k]].mean()
    assert 0.35 < changed < 0.65


def test_a_checkerboard_takes_a_type_that_holds_both() -> None:
    grid = si.Geometry.from_spacing((8, 8, 8))
    before = si.Volume.ct(np.full(grid.shape, -2000, np.int16), grid)
    after = before.like(np.full(grid.shape, 0.5, np.float32))
    assert set(np.unique(checkerboard(before, after, 2.0).voxels)) == {-2000.0, 0.5}


def test_other_blocks_fill_the_same_node(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.CHECKERBOARD
    composite = views.slice_views()[0].composite_node
    board, wide = composite.GetForegroundVolumeID(), np.array(_voxels(views, composite))
    comparison.checker_mm = 5.0
    assert composite.GetForegroundVolumeID() == board
    assert not np.array_equal(_voxels(views, composite), wide)
    node = views.scene.GetNodeByID(board)
    assert node.GetAttribute(SYNTHETIC) == "yes"
    assert not node.GetSaveWithScene()


def _voxels(views: Any, composite: Any) -> np.ndarray:
    # The board lies over the image before: it is not saved, and a reopened scene then shows that image.
    return import_slicer().util.arrayFromVolume(views.scene.GetNodeByID(composite.GetForegroundVolumeID()))


def test_undo_takes_the_difference_and_the_folder_along(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    run = Made("lesions.handcrafted", "Draw", 1, 0.1, (), {"volume": made.after, "lesions": made.lesions},
               source=made.before, volume=made.after, lesions=made.lesions)
    run.folder = put_in_folder(views.scene, "run", run.nodes.values())
    comparison = Comparison(views, run.source, run.volume, run.lesions)
    for mode in Mode:
        comparison.mode = mode
    tree = import_slicer().vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(views.scene)
    assert tree.GetItemParent(tree.GetItemByDataNode(comparison.difference_node)) == run.folder
    comparison.restore()
    remove(views.scene, run)
    assert run.folder == 0
    assert tree.GetItemByName("run") == 0
    volumes = views.scene.GetNodesByClass("vtkMRMLScalarVolumeNode")
    assert [volumes.GetItemAsObject(n).GetName() for n in range(volumes.GetNumberOfItems())] == [made.before.GetName()]


def test_a_reopened_scene_compares_as_before(views: Any, result: Callable[..., Any], tmp_path: Path) -> None:
    from SyntheticImagingLib.show.headless_host import HeadlessViewHost

    made = result("sheared")
    comparison = Comparison(views, made.before, made.after, made.lesions)
    comparison.mode = Mode.CHECKERBOARD
    comparison.mode = Mode.DIFFERENCE
    names = [node.GetName() for node in (made.before, made.after, made.lesions, comparison.difference_node)]
    save_scene(views.scene, tmp_path / "scene.mrb")
    with open_scene(tmp_path / "scene.mrb") as again:
        host = HeadlessViewHost(again, (200, 150))
        mark = SyntheticMark(host)
        assert again.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 3, "no checkerboard"
        before, after, lesions, difference = (again.scene.GetFirstNodeByName(name) for name in names)
        comparing = Comparison(host, before, after, lesions)
        for mode in Mode:
            comparing.mode = mode
        assert comparing.difference_node is difference, "not computed again"
        assert difference.GetDisplayNode().GetColorNode().GetName() == CLEAR_TABLE
        assert all(mark.shown_in(view.renderer) for view in host.slice_views() if view.name in ("Red", "after"))
        comparing.close()
        mark.close()
        host.close()


def test_images_under_a_transform_are_compared_where_they_are(views: Any, result: Callable[..., Any]) -> None:
    from SyntheticImagingLib.mrml import matrix_to_vtk, volume_from_node

    made = result()
    moved = np.eye(4)
    moved[:3, 3] = (5.0, -7.0, 11.0)
    transform = views.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(matrix_to_vtk(moved))
    made.before.SetAndObserveTransformNodeID(transform.GetID())
    comparison = Comparison(views, made.before, made.after)
    assert "different voxel grids" in comparison.why_not(Mode.DIFFERENCE)
    made.after.SetAndObserveTransformNodeID(transform.GetID())
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.DIFFERENCE
    change = volume_from_node(comparison.difference_node)
    assert change.geometry.same_grid(volume_from_node(made.after).geometry)
    where = np.argwhere(change.voxels != 0).mean(axis=0)
    assert np.allclose(change.geometry.ras_from_kji(where), np.array(made.lesion_ras) + moved[:3, 3], atol=0.5)


def test_slices_may_stay_where_the_user_looks(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = Mode.AFTER
    comparison.jump_to(made.lesion_ras)
    comparison.close(places=False)
    assert views.slice_views()[0].slice_node.GetSliceOffset() == pytest.approx(made.lesion_ras[2])
    assert views.slice_views()[0].composite_node.GetBackgroundVolumeID() is None

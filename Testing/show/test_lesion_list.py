"""The list of lesions: from a fresh result or a reloaded scene, with a point that lies in each lesion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from SyntheticImagingLib.headless import open_scene
from SyntheticImagingLib.mrml import add_volume, matrix_to_vtk
from SyntheticImagingLib.scenes import save_scene
from SyntheticImagingLib.segmentations import add_segmentation
from SyntheticImagingLib.show import lesion_rows
from SyntheticImagingLib.task import SegmentChoice


@pytest.mark.parametrize("kind", ["straight", "oblique", "left-handed", "sheared", "anisotropic"])
def test_place_size_and_contrast(result: Callable[..., Any], kind: str) -> None:
    made = result(kind)
    (row,) = lesion_rows(made.lesions, made.after)
    assert (row.number, row.name, row.segment_id, row.unit) == (1, "lesion 1", "lesion 1", "HU")
    assert np.allclose(row.centre_ras, made.lesion_ras, atol=0.3)
    assert row.diameter_mm == pytest.approx(20.0, abs=2.0)
    assert row.volume_ml == pytest.approx(4 / 3 * np.pi, rel=0.05)
    assert row.contrast == pytest.approx(80.0, abs=6.0)
    assert row.sentence().startswith("lesion 1, ")
    assert row.sentence().endswith(" HU")


def test_the_numbers_are_those_of_the_tool_that_measures(result: Callable[..., Any]) -> None:
    made = result()
    (row,) = lesion_rows(made.lesions, made.after)
    table = si.run("lesions.measure", volume=made.after_volume, lesions=made.lesion_mask).measurements
    (measured,) = table
    assert row.diameter_mm == pytest.approx(measured["axial_long_mm"])
    assert row.volume_ml == pytest.approx(measured["volume_ml"])
    assert row.contrast == pytest.approx(measured["contrast_hu"])


def test_what_a_run_made_is_enough(result: Callable[..., Any]) -> None:
    made = result()
    rows = lesion_rows(SimpleNamespace(lesions=made.lesions, volume=made.after))
    assert [row.name for row in rows] == ["lesion 1"]
    assert lesion_rows(SimpleNamespace(lesions=None, volume=made.after)) == []


def test_without_image_or_organ_the_contrast_is_left_out(result: Callable[..., Any], slicer: Any) -> None:
    made = result()
    (row,) = lesion_rows(made.lesions)
    assert (row.contrast, row.unit) == (None, "")
    assert row.diameter_mm == pytest.approx(20.0, abs=2.0)
    alone = add_segmentation(slicer.scene, made.lesion_mask.only("lesion 1"), made.after)
    (row,) = lesion_rows(alone, made.after)
    assert row.contrast is None
    organ = add_segmentation(slicer.scene, made.lesion_mask.only("liver"), made.after)
    (row,) = lesion_rows(alone, made.after, organ)
    assert row.contrast == pytest.approx(80.0, abs=6.0)


def test_the_centre_of_a_ring_lies_in_the_ring(slicer: Any) -> None:
    grid = si.Geometry.from_spacing((9, 40, 40), (1.0, 1.0, 2.0))
    kji = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    away = np.hypot(kji[..., 1] - 20, kji[..., 2] - 20)
    ring = (away > 8) & (away < 11) & (np.abs(kji[..., 0] - 4) < 2)
    node = add_segmentation(slicer.scene, si.Mask.single(ring, grid, "lesion 1"))
    (row,) = lesion_rows(node)
    assert ring[tuple(np.rint(grid.kji_from_ras(row.centre_ras)).astype(int))]


def test_a_grown_tumour_with_its_dead_core_is_one_row(slicer: Any) -> None:
    grid = si.Geometry.from_spacing((30, 40, 40), (1.0, 1.0, 1.0))
    kji = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    away = np.linalg.norm(kji - np.array([15, 20, 20]), axis=-1)
    mask = si.Mask.stacked([(si.Segment("liver"), away < 14), (si.Segment("tumour"), away < 7),
                            (si.Segment("necrosis"), away < 3)], grid)
    volume = si.Volume.ct(np.where(away < 7, 60, 100).astype(np.int16), grid)
    (row,) = lesion_rows(add_segmentation(slicer.scene, mask), add_volume(slicer.scene, volume))
    assert row.name == "tumour"
    assert row.contrast == pytest.approx(-40.0)


def test_no_lesion_no_row(slicer: Any, result: Callable[..., Any]) -> None:
    made = result()
    assert lesion_rows(None) == []
    assert lesion_rows(slicer.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")) == []
    nothing = si.Mask.single(np.zeros(made.before_volume.shape, bool), made.before_volume.geometry, "lesion 1")
    assert lesion_rows(add_segmentation(slicer.scene, nothing), made.after) == []


def test_what_is_left_of_the_organ_after_the_only_lesion_was_removed_is_no_lesion(
    slicer: Any, result: Callable[..., Any]
) -> None:
    made = result()
    liver = add_segmentation(slicer.scene, made.lesion_mask.only("liver"), made.after)
    run = SimpleNamespace(lesions=liver, volume=made.after, inputs={"organ": SegmentChoice(liver, ("liver",))})
    assert lesion_rows(run) == []
    assert [row.name for row in lesion_rows(SimpleNamespace(**{**vars(run), "lesions": made.lesions}))] == ["lesion 1"]


def test_an_image_on_another_grid_leaves_the_sizes(slicer: Any, result: Callable[..., Any]) -> None:
    made = result()
    other = add_volume(slicer.scene, si.Volume.ct(np.zeros((5, 6, 7), np.int16), si.Geometry.from_spacing((5, 6, 7))))
    (row,) = lesion_rows(made.lesions, other)
    assert row.contrast is None
    assert row.volume_ml == pytest.approx(4 / 3 * np.pi, rel=0.05)


def test_a_moved_result_is_found_where_it_is(slicer: Any, result: Callable[..., Any]) -> None:
    made = result()
    transform = slicer.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    moved = np.eye(4)
    moved[:3, 3] = (5.0, -7.0, 11.0)
    transform.SetMatrixTransformToParent(matrix_to_vtk(moved))
    for node in (made.after, made.lesions):
        node.SetAndObserveTransformNodeID(transform.GetID())
    (row,) = lesion_rows(made.lesions, made.after)
    assert np.allclose(row.centre_ras, np.array(made.lesion_ras) + moved[:3, 3], atol=0.3)


@pytest.mark.parametrize("kind", ["straight", "left-handed", "sheared"])
def test_a_reloaded_scene_gives_the_same_list(
    slicer: Any, result: Callable[..., Any], kind: str, tmp_path: Path
) -> None:
    made = result(kind)
    (before,) = lesion_rows(made.lesions, made.after)
    names = made.lesions.GetName(), made.after.GetName()
    save_scene(slicer.scene, tmp_path / "scene.mrb")
    with open_scene(tmp_path / "scene.mrb") as again:
        lesions, volume = (again.scene.GetFirstNodeByName(name) for name in names)
        (row,) = lesion_rows(lesions, volume)
        assert np.allclose(row.centre_ras, before.centre_ras, atol=1e-3)
        assert row.volume_ml == pytest.approx(before.volume_ml)
        assert row.contrast == pytest.approx(before.contrast)

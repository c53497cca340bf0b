"""Volumes and points survive the way into a MRML node and back, on any grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_imaging import Geometry, InputError, Points, Volume
from synthetic_imaging.geometry import Box
from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.mrml import (
    add_points,
    add_volume,
    fill_volume_node,
    matrix_to_vtk,
    points_from_node,
    volume_from_node,
)

numbers = st.floats(-1.0, 1.0)


@st.composite
def any_grid(draw: Any) -> Geometry:
    """Oblique, anisotropic, left- or right-handed, sheared, non-cubic."""
    angles = draw(st.tuples(*[st.floats(-3, 3)] * 3))
    (ca, sa), (cb, sb), (cc, sc) = ((np.cos(a), np.sin(a)) for a in angles)
    turn = (
        np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
        @ np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
        @ np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    )
    shear = np.eye(3)
    shear[1, 2], shear[0, 1] = draw(st.floats(-0.4, 0.4)), draw(st.floats(-0.4, 0.4))
    flip = np.diag([draw(st.sampled_from([-1.0, 1.0])), 1.0, 1.0])
    spacing = draw(st.tuples(*[st.floats(0.3, 6.0)] * 3))
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ shear @ flip * np.array(spacing)
    matrix[:3, 3] = draw(st.tuples(*[st.floats(-400, 400)] * 3))
    return Geometry(matrix, draw(st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 7))))


@settings(max_examples=60, deadline=None)
@given(grid=any_grid())
def test_every_grid_survives_the_node_exactly(grid: Geometry) -> None:
    voxels = np.arange(np.prod(grid.shape), dtype=np.int16).reshape(grid.shape)
    node = import_slicer().vtkMRMLScalarVolumeNode()
    fill_volume_node(node, Volume(voxels, grid))
    back = volume_from_node(node)
    assert back.voxels.dtype == voxels.dtype
    np.testing.assert_array_equal(back.voxels, voxels)
    np.testing.assert_allclose(back.geometry.ijk_to_ras, grid.ijk_to_ras, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["bool", "int64", "uint64", "float16", "int8", "uint16", "float64", ">i2"])
def test_types_that_slicer_lacks_come_back_with_their_values(host: Any, kind: str) -> None:
    voxels = (np.arange(24).reshape(2, 3, 4) % 2 if kind == "bool" else np.arange(24).reshape(2, 3, 4)).astype(kind)
    node = add_volume(host.scene, Volume(voxels, Geometry.from_spacing((2, 3, 4))))
    back = volume_from_node(node)
    np.testing.assert_array_equal(back.voxels, voxels)
    assert back.voxels.dtype == voxels.dtype.newbyteorder("=")


def test_whole_numbers_beyond_what_slicer_holds_are_refused_with_a_sentence(host: Any) -> None:
    voxels = np.full((1, 1, 2), 2**60 + 1, dtype=np.int64)
    with pytest.raises(InputError, match="float32"):
        add_volume(host.scene, Volume(voxels, Geometry.from_spacing((1, 1, 2))))


def test_meaning_and_window_come_back_and_slicer_knows_the_unit(host: Any) -> None:
    ct = Volume.ct(np.zeros((2, 2, 2), np.int16), Geometry.from_spacing((2, 2, 2)), window=(60.0, 350.0))
    node = add_volume(host.scene, ct)
    assert node.GetVoxelValueUnits().GetCodeMeaning() == "Hounsfield unit"
    assert not node.GetDisplayNode().GetAutoWindowLevel()
    back = volume_from_node(node)
    assert (back.modality, back.unit, back.quantity, back.window) == ("CT", "HU", "attenuation", (60.0, 350.0))


def test_a_linear_parent_transform_moves_the_volume(host: Any) -> None:
    grid = Geometry.from_spacing((3, 4, 5), (0.7, 0.8, 2.5), (10, -20, 30))
    node = add_volume(host.scene, Volume(np.zeros(grid.shape, np.int16), grid))
    move = np.array([[0.0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]])
    transform = host.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(matrix_to_vtk(move))
    node.SetAndObserveTransformNodeID(transform.GetID())
    np.testing.assert_allclose(volume_from_node(node).geometry.ijk_to_ras, move @ grid.ijk_to_ras, atol=1e-12)


def test_a_warping_parent_transform_is_refused_with_a_sentence(host: Any) -> None:
    node = add_volume(host.scene, Volume(np.zeros((2, 2, 2), np.int16), Geometry.from_spacing((2, 2, 2))))
    transform = host.scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "warp")
    node.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputError, match="'warp', which is not linear"):
        volume_from_node(node)


def test_an_empty_node_is_refused_with_a_sentence(host: Any) -> None:
    node = host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing")
    with pytest.raises(InputError, match="'nothing' holds no voxels"):
        volume_from_node(node)


def test_a_node_keeps_its_voxels_when_the_volume_is_gone(host: Any) -> None:
    node = add_volume(host.scene, Volume(np.full((20, 30, 40), 7, np.int16), Geometry.from_spacing((20, 30, 40))))
    assert (volume_from_node(node).voxels == 7).all()


def test_a_cropped_volume_is_taken_though_its_array_is_not_contiguous(host: Any) -> None:
    whole = Volume(np.arange(120, dtype=np.float32).reshape(4, 5, 6), Geometry.from_spacing((4, 5, 6)))
    part = whole.cropped(Box((1, 1, 1), (3, 4, 5)))
    back = volume_from_node(add_volume(host.scene, part))
    np.testing.assert_array_equal(back.voxels, part.voxels)
    assert back.geometry.same_grid(part.geometry)


def test_points_survive_and_follow_a_transform(host: Any) -> None:
    points = Points(np.array([[1.5, -2.0, 3.0], [0.0, 0.0, -7.25]]), ("a", "b"), name="where")
    node = add_points(host.scene, points)
    back = points_from_node(node)
    np.testing.assert_allclose(back.ras_mm, points.ras_mm)
    assert back.labels == ("a", "b")
    move = np.eye(4)
    move[:3, 3] = (1, 2, 3)
    transform = host.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(matrix_to_vtk(move))
    node.SetAndObserveTransformNodeID(transform.GetID())
    np.testing.assert_allclose(points_from_node(node).ras_mm, points.ras_mm + np.array([1, 2, 3]))


def test_no_point_yet_is_a_sentence(host: Any) -> None:
    node = host.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "where")
    with pytest.raises(InputError, match="no point yet"):
        points_from_node(node)

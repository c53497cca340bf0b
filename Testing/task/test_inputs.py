"""Nodes to inputs: place, chosen segments, other grids, transforms, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.catalogue import find
from SyntheticImagingLib.mrml import matrix_to_vtk
from SyntheticImagingLib.segmentations import add_segmentation
from SyntheticImagingLib.task import SegmentChoice, estimate, read_inputs

DRAW = "lesions.handcrafted"


@pytest.mark.parametrize("kind", ["straight", "oblique", "anisotropic", "left-handed", "sheared"])
def test_nodes_become_the_values_they_were_made_from(patient_on: Any, kind: str) -> None:
    patient = patient_on(kind)
    values = read_inputs(find(DRAW), patient.nodes)
    abdomen = patient.abdomen
    assert np.array_equal(values["ct"].voxels, abdomen.ct.voxels)
    assert values["ct"].geometry.same_grid(abdomen.ct.geometry)
    assert np.array_equal(values["organ"].inside(), abdomen.liver.inside())
    assert np.allclose(values["at"].ras_mm, [abdomen.aside_ras_mm])


def test_segments_drawn_on_another_grid_are_carried_over_to_the_volume(patient: Any) -> None:
    abdomen = patient.abdomen
    shape = (90, 100, 110)  # finer, turned, shifted
    angle = np.deg2rad(25)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    first = abdomen.ct.geometry.ras_from_kji(np.zeros(3)) + np.array([-5.0, -20.0, -7.0])
    other = si.Geometry.from_spacing(shape, (1.1, 1.2, 1.3), tuple(first), turn)
    centre = abdomen.ct.geometry.ras_from_kji((np.array(abdomen.ct.shape) - 1) / 2)

    def ball(grid: si.Geometry) -> np.ndarray:
        index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
        return np.linalg.norm(grid.ras_from_kji(index) - centre, axis=-1) <= 25

    node = add_segmentation(patient.scene, si.Mask.single(ball(other), other, "liver"), name="elsewhere")
    value = read_inputs(find(DRAW), {"ct": patient.ct, "organ": SegmentChoice(node, ("liver",))})["organ"]
    assert value.geometry.same_grid(abdomen.ct.geometry)
    here, wanted = value.inside(), ball(abdomen.ct.geometry)
    assert 2 * (here & wanted).sum() / (here.sum() + wanted.sum()) > 0.95


def test_a_linear_transform_moves_volume_and_segments_alike(patient: Any) -> None:

    transform = patient.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[:3, 3] = (10.0, -20.0, 5.0)
    transform.SetMatrixTransformToParent(matrix_to_vtk(matrix))
    for node in (patient.ct, patient.organs):
        node.SetAndObserveTransformNodeID(transform.GetID())
    values = read_inputs(find(DRAW), {"ct": patient.ct, "organ": SegmentChoice(patient.organs)})
    moved = patient.abdomen.ct.geometry.ijk_to_ras + np.block([[np.zeros((3, 3)), matrix[:3, 3:]], [np.zeros((1, 4))]])
    assert np.allclose(values["ct"].geometry.ijk_to_ras, moved)
    assert np.array_equal(values["organ"].inside(), patient.abdomen.liver.inside())


@pytest.mark.parametrize(("change", "words"), [
    ({"ct": "organs"}, "must be a volume"),
    ({"organ": "ct"}, "must be a segmentation"),
    ({"at": "ct"}, "must be a list of points"),
    ({"nonsense": "ct"}, "takes no input 'nonsense'"),
])
def test_a_node_of_the_wrong_kind_gets_a_sentence(patient: Any, change: dict[str, str], words: str) -> None:
    nodes = {**patient.nodes, **{name: getattr(patient, node) for name, node in change.items()}}
    with pytest.raises(si.SyntheticImagingError, match=words):
        read_inputs(find(DRAW), nodes)


def test_an_unknown_segment_gets_a_sentence_that_names_those_there_are(patient: Any) -> None:
    with pytest.raises(si.SyntheticImagingError, match=r"no segment 'spleen'.*liver"):
        read_inputs(find(DRAW), {"ct": patient.ct, "organ": SegmentChoice(patient.organs, ("spleen",))})


def test_the_estimate_names_device_and_memory_and_misses_nothing_that_is_required(patient: Any) -> None:
    told = estimate(DRAW, patient.nodes, {"size": "tiny"})
    assert told.device == "cpu"
    assert told.needed_bytes > patient.abdomen.ct.voxels.nbytes
    assert told.sentence.startswith("CPU, ")
    with pytest.raises(si.SyntheticImagingError, match="Organ is missing"):
        estimate(DRAW, {"ct": patient.ct})
    with pytest.raises(si.SyntheticImagingError, match="Diameter"):
        estimate(DRAW, patient.nodes, {"diameter_mm": 100000})


def test_the_estimate_sees_that_a_segment_was_redrawn(patient: Any) -> None:
    before = estimate("lesions.automaton", patient.nodes).needed_bytes
    from SyntheticImagingLib.segmentations import fill_segmentation_node

    grid = patient.abdomen.ct.geometry
    small = np.zeros(grid.shape, dtype=bool)
    small[20:24, 30:34, 30:34] = True
    fill_segmentation_node(patient.organs, si.Mask.single(small, grid, "liver"))
    assert estimate("lesions.automaton", patient.nodes).needed_bytes < before


def test_a_label_map_is_no_volume_of_measured_values(patient: Any) -> None:
    import slicer

    node = slicer.vtkMRMLLabelMapVolumeNode()
    patient.scene.AddNode(node)
    with pytest.raises(si.SyntheticImagingError, match="label map"):
        read_inputs(find(DRAW), {"ct": node})


def test_reading_changes_no_node(patient: Any) -> None:
    before = patient.ct.GetMTime(), patient.organs.GetSegmentation().GetMTime(), patient.at.GetMTime()
    read_inputs(find(DRAW), patient.nodes)
    assert before == (patient.ct.GetMTime(), patient.organs.GetSegmentation().GetMTime(), patient.at.GetMTime())


def test_an_organ_that_lies_outside_the_volume_is_no_empty_segment(patient: Any) -> None:
    transform = patient.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = np.eye(4)
    matrix[0, 3] = 1000.0
    transform.SetMatrixTransformToParent(matrix_to_vtk(matrix))
    patient.organs.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(si.InputError, match="'liver' of 'organs' lies outside the volume"):
        read_inputs(find(DRAW), patient.nodes)

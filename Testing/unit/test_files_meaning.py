"""What the voxels mean and that they are synthetic stays with the file; 3D Slicer's own files are understood."""

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging import files
from synthetic_imaging.files.meaning import sidecar_of
from synthetic_imaging.terminology import lesion_segment, organ_segment

RECORD = si.Provenance(
    "lesions.test", "Test läsion", "0.1", "volume", {"path": "C:\\new\\folder", "n": 2}, 7, "cpu",
    "2026-01-01T00:00:00+00:00", 1.0, {"ct": {"sha256": "ab", "kind": "Volume", "synthetic": False}})


@pytest.fixture
def volume():
    geometry = si.Geometry.from_spacing((4, 5, 6), (0.7, 0.7, 2.5), (10, 20, 30))
    voxels = np.arange(120).reshape(4, 5, 6).astype(np.int16)
    return si.Volume.ct(voxels, geometry, name="CT with lesion", provenance=RECORD)


@pytest.fixture
def mask(volume):
    parts = [(organ_segment("liver"), volume.voxels > 10), (lesion_segment(1, "liver"), volume.voxels > 90)]
    return si.Mask.stacked(parts, volume.geometry, provenance=RECORD)


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".mhd", ".nii", ".nii.gz"])
def test_meaning_and_provenance_come_back(ending, volume, tmp_path):
    path = files.write_volume(volume, tmp_path / f"a{ending}")
    found = files.read_volume(path)
    assert (found.name, found.modality, found.quantity, found.unit, found.window) == (
        "CT with lesion", "CT", "attenuation", "HU", (40.0, 400.0))
    assert found.provenance == RECORD
    beside = json.loads(sidecar_of(path).read_text())
    assert beside["synthetic"] is True
    assert "not for diagnosis" in beside["statement"]


def test_nrrd_carries_the_record_without_the_file_beside_it(volume, tmp_path):
    path = files.write_volume(volume, tmp_path / "a.nrrd")
    sidecar_of(path).unlink()
    assert files.read_volume(path).provenance == RECORD


def test_a_sidecar_of_another_file_is_not_believed(volume, tmp_path):
    path = files.write_volume(volume, tmp_path / "a.nii")
    path.write_bytes(path.read_bytes() + b"more")
    assert files.read_volume(path).provenance is None


def test_overwriting_with_a_real_image_removes_the_synthetic_record(volume, tmp_path):
    path = files.write_volume(volume, tmp_path / "a.nrrd")
    files.write_volume(replace(volume, provenance=None), path, overwrite=True)
    assert not sidecar_of(path).exists()
    assert not files.read_volume(path).synthetic


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".nii.gz"])
def test_a_label_map_keeps_its_segments(ending, volume, tmp_path):
    labels = np.zeros(volume.shape, np.uint8)
    labels[1], labels[2] = 1, 2
    segments = (replace(organ_segment("liver"), label=1), replace(organ_segment("spleen"), label=2))
    found = files.read_mask(files.write_mask(si.Mask(labels, volume.geometry, segments), tmp_path / f"a{ending}"))
    assert found.names == ("liver", "spleen")
    assert [s.terminology for s in found.segments] == [s.terminology for s in segments]
    assert np.array_equal(found.layers[0], labels)


def test_labels_without_names_are_numbered(volume, tmp_path):
    labels = si.Volume((volume.voxels // 40).astype(np.int16), volume.geometry)
    assert files.read_mask(files.write_volume(labels, tmp_path / "a.nii.gz")).names == ("label 1", "label 2")


def test_segments_keep_names_colours_codes_and_record(mask, tmp_path):
    found = files.read_mask(files.write_mask(mask, tmp_path / "a.seg.nrrd"))
    assert found.names == mask.names
    assert found.provenance == RECORD
    for ours, theirs in zip(mask.segments, found.segments, strict=True):
        assert theirs.terminology == ours.terminology
        assert np.allclose(theirs.colour, ours.colour, atol=1e-5)


def test_slicers_own_segmentations_are_read():
    spec = find_spec("slicerio")
    if spec is None or spec.origin is None:
        pytest.skip("slicerio is not installed")
    folder = Path(spec.origin).parent / "data"
    single, several = (files.read_mask(folder / f"Segmentation{n}.seg.nrrd") for n in ("", "Overlapping"))
    assert "ribs" in single.names
    assert single.segment("right lung").terminology.type_modifier.meaning == "Right"
    assert several.layers.shape[0] == 2
    assert single.volume_ml("ribs") > 10
    assert files.read_volume(folder / "CTChest4.nrrd").geometry.same_grid(single.geometry)


def test_slicer_reads_our_segmentation_and_sequence(mask, volume, tmp_path):
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
    scene = slicer.vtkMRMLScene()
    scene.RegisterNodeClass(slicer.vtkMRMLSegmentationNode())
    node, storage = slicer.vtkMRMLSegmentationNode(), slicer.vtkMRMLSegmentationStorageNode()
    scene.AddNode(node)
    scene.AddNode(storage)
    storage.SetFileName(str(files.write_mask(mask, tmp_path / "a.seg.nrrd")))
    assert storage.ReadData(node)
    segmentation = node.GetSegmentation()
    assert [segmentation.GetNthSegment(n).GetName() for n in range(2)] == ["liver", "lesion 1"]
    sequence, reader = slicer.vtkMRMLSequenceNode(), slicer.vtkMRMLVolumeSequenceStorageNode()
    scene.AddNode(sequence)
    scene.AddNode(reader)
    growth = si.Sequence((volume, volume.like(volume.voxels + 1)), (0, 2.5), "step", "day", "growth")
    reader.SetFileName(str(files.write_sequence(growth, tmp_path / "a.seq.nrrd")))
    assert reader.ReadData(sequence)
    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("step", "day")
    assert [float(sequence.GetNthIndexValue(n)) for n in range(2)] == [0.0, 2.5]


def test_we_read_a_sequence_that_slicer_wrote(volume, tmp_path):
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
    scene = slicer.vtkMRMLScene()
    sequence, storage = slicer.vtkMRMLSequenceNode(), slicer.vtkMRMLVolumeSequenceStorageNode()
    scene.AddNode(sequence)
    scene.AddNode(storage)
    growth = si.Sequence((volume, volume.like(volume.voxels + 1)), (0, 2.5), "step", "day", "growth")
    storage.SetFileName(str(files.write_sequence(growth, tmp_path / "a.seq.nrrd")))
    assert storage.ReadData(sequence)
    storage.SetFileName(str(tmp_path / "b.seq.nrrd"))
    assert storage.WriteData(sequence)
    found = files.read_sequence(tmp_path / "b.seq.nrrd")
    assert (found.index, found.index_name, found.index_unit) == ((0.0, 2.5), "step", "day")
    assert found[0].geometry.same_grid(volume.geometry)
    assert np.array_equal(found[1].voxels, volume.voxels + 1)


@pytest.mark.parametrize(("slope", "intercept", "kind"), [(1, -1024, "int16"), (2, 0, "int16"), (0.5, 0, "float32")])
def test_scaled_nifti_gives_whole_numbers_where_they_are_whole(slope, intercept, kind, volume, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(volume.voxels.T, volume.geometry.ijk_to_ras)
    nibabel.save(image, tmp_path / "plain.nii")
    data = bytearray((tmp_path / "plain.nii").read_bytes())
    data[112:120] = np.array([slope, intercept], "<f4").tobytes()
    (tmp_path / "scaled.nii").write_bytes(data)
    found = files.read_volume(tmp_path / "scaled.nii")
    assert found.voxels.dtype == kind
    assert np.array_equal(found.voxels, volume.voxels * slope + intercept)

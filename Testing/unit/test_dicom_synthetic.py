"""What is written as DICOM says that it is synthetic, refers to its source, and passes a checker not written here."""

import re
import resource
import shutil
import subprocess

import numpy as np
import pydicom
import pytest

import synthetic_imaging as si
from synthetic_imaging import files
from synthetic_imaging.dicom import reading, segmentation, writing
from synthetic_imaging.terminology import lesion_segment, necrosis_segment, organ_segment

RECORD = si.Provenance(
    "lesions.test", "Test lesion", "0.1", "volume", {"n": 2}, 7, "cpu", "2026-01-01T00:00:00+00:00", 1.0,
    {"ct": {"sha256": "ab", "kind": "Volume", "synthetic": False}})


def image(modality="CT", synthetic=True, voxels=None):
    matrix = np.array([[0.7, 0.02, 0, -20], [-0.02, 0.7, 0.4, 30], [0, 0, 2.5, 40], [0, 0, 0, 1]])
    geometry = si.Geometry(matrix, (5, 16, 20))
    noise = np.random.default_rng(1).integers(0, 900, geometry.shape).astype(np.int16)
    voxels = noise - (500 if modality == "CT" else 0) if voxels is None else voxels
    return si.Volume(voxels, geometry, modality=modality, name="liver case", window=(40.0, 400.0),
                     unit="HU" if modality == "CT" else "", provenance=RECORD if synthetic else None)


def lesions(volume):
    low, middle, high = np.percentile(volume.voxels, [30, 60, 90])
    return si.Mask.stacked([
        (organ_segment("kidney_left"), volume.voxels > low), (lesion_segment(1, "kidney_left"), volume.voxels > middle),
        (necrosis_segment("kidney_left"), volume.voxels > high), (organ_segment("thing"), volume.voxels > 1e6),
    ], volume.geometry, name="organ and lesions", provenance=volume.provenance)


@pytest.fixture
def source(tmp_path):
    """A patient's series, as it comes from an archive."""
    writing.write_series(image(synthetic=False), tmp_path / "source")
    for path in (tmp_path / "source").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientName, dataset.PatientID, dataset.StudyID = "Doe^Jane", "12345", "S1"
        dataset.BodyPartExamined, dataset.Manufacturer, dataset.KVP = "ABDOMEN", "Scanner Ltd", 120
        dataset.save_as(path)
    return reading.read_series(tmp_path / "source")


def errors_of_checker(path):
    """Errors that dciodvfy reports; it is older than the attribute SyntheticData (2023), which is not counted."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, timeout=60, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return [x for x in lines if x.startswith("Error") and not ("not a recognized" in x and "(0x0008,0x001c)" in x)]


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", ""])
@pytest.mark.parametrize("fractional", [False, True])
def test_a_foreign_checker_finds_no_error_in_series_and_segmentation(modality, fractional, tmp_path):
    volume = image(modality)
    if fractional:
        volume = volume.like(volume.voxels * 1.37)
    written = writing.write_series(volume, tmp_path / "series")
    assert errors_of_checker(written[2]) == []
    series = reading.read_series(tmp_path / "series")
    path = segmentation.write_segmentation(lesions(series), series, tmp_path / "seg.dcm")
    assert errors_of_checker(path) == []


def test_a_foreign_checker_finds_no_error_in_a_series_that_joins_a_study(source, tmp_path):
    derived = source.like(source.voxels + 1, provenance=RECORD)
    written = writing.write_series(derived, tmp_path / "derived")
    assert errors_of_checker(written[0]) == []
    path = segmentation.write_segmentation(lesions(derived), derived, tmp_path / "seg.dcm")
    assert errors_of_checker(path) == []


def test_every_value_is_valid_for_pydicom(source, tmp_path):
    written = writing.write_series(source.like(source.voxels + 1, provenance=RECORD), tmp_path / "derived")
    before = pydicom.config.settings.reading_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        for element in pydicom.dcmread(written[0]).iterall():
            assert element.value is None or element.VR
    finally:
        pydicom.config.settings.reading_validation_mode = before


def test_a_synthetic_series_says_so(source, tmp_path):
    written = writing.write_series(source.like(source.voxels + 1, provenance=RECORD, name="x"), tmp_path / "derived")
    dataset = pydicom.dcmread(written[0])
    assert dataset.SyntheticData == "YES"
    assert list(dataset.ImageType[:2]) == ["DERIVED", "SECONDARY"]
    assert "Synthetic" in dataset.DerivationDescription
    assert dataset.ContributingEquipmentSequence[0].Manufacturer == "SyntheticImaging"
    assert dataset.SeriesDescription == "SYNTHETIC x"
    found = reading.read_series(tmp_path / "derived")
    assert found.provenance == RECORD
    assert (found.name, found.unit, found.window) == ("x", "HU", (40.0, 400.0))


def test_it_joins_the_patients_study_with_new_uids_and_refers_slice_by_slice(source, tmp_path):
    written = writing.write_series(source.like(source.voxels + 1, provenance=RECORD), tmp_path / "derived")
    for path, original in zip(written, source.dicom.headers, strict=True):
        dataset = pydicom.dcmread(path)
        assert str(dataset.PatientName) == "Doe^Jane"
        assert dataset.StudyInstanceUID == original.StudyInstanceUID
        assert dataset.FrameOfReferenceUID == original.FrameOfReferenceUID
        assert dataset.SeriesInstanceUID != original.SeriesInstanceUID
        assert dataset.SOPInstanceUID != original.SOPInstanceUID
        assert dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
        assert dataset.ReferencedSeriesSequence[0].SeriesInstanceUID == original.SeriesInstanceUID
        assert np.allclose(dataset.ImagePositionPatient, original.ImagePositionPatient, atol=1e-6)


@pytest.mark.parametrize("characters", ["ISO_IR 100", "ISO_IR 192", None])
def test_names_with_accents_survive_whatever_the_sources_character_set(characters, source, tmp_path):
    name = "Doe^Jane" if characters is None else "Müller^Jörg"
    for path in sorted((tmp_path / "source").iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.SpecificCharacterSet, dataset.PatientName = characters, name
        dataset.save_as(path)
    volume = reading.read_series(tmp_path / "source")
    derived = volume.like(volume.voxels + 1, provenance=RECORD)
    written = writing.write_series(derived, tmp_path / "derived")
    assert str(pydicom.dcmread(written[0]).PatientName) == name
    path = segmentation.write_segmentation(lesions(derived), derived, tmp_path / "seg.dcm")
    assert str(pydicom.dcmread(path).PatientName) == name


def test_no_patient_data_outside_dicom(source, tmp_path):
    path = files.write_volume(source.like(source.voxels + 1, provenance=RECORD), tmp_path / "a.nrrd", compress=False)
    for written in (path, path.with_name(path.name + ".provenance.json")):
        assert not re.search(rb"Doe|12345", written.read_bytes())
    assert "Doe" not in repr(source.dicom) + repr(source)


def test_without_a_source_the_patient_is_anonymous(tmp_path):
    dataset = pydicom.dcmread(writing.write_series(image(), tmp_path / "a")[0])
    assert str(dataset.PatientName) == "SYNTHETIC^CASE"
    assert dataset.PatientID.startswith("SYNTHETIC-")
    real = pydicom.dcmread(writing.write_series(image(synthetic=False), tmp_path / "b")[0])
    assert "SyntheticData" not in real
    assert not real.SeriesDescription.startswith("SYNTHETIC")


def test_an_existing_series_is_not_overwritten_and_a_full_disk_leaves_nothing(tmp_path):
    writing.write_series(image(), tmp_path / "a")
    with pytest.raises(si.FileError, match="exists already"):
        writing.write_series(image(), tmp_path / "a")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(si.FileError, match="disk is full"):
            writing.write_series(image(), tmp_path / "b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_values_that_are_not_numbers_are_refused(tmp_path):
    voxels = np.full((5, 16, 20), np.nan, np.float32)
    with pytest.raises(si.FileError, match="not numbers"):
        writing.write_series(image(voxels=voxels), tmp_path / "a")


def test_a_segmentation_comes_back_equal_with_codes_and_colours(source, tmp_path):
    mask = lesions(source.like(source.voxels, provenance=RECORD))
    path = segmentation.write_segmentation(mask, source, tmp_path / "seg.dcm")
    found = files.read_mask(path)
    assert found.geometry.same_grid(source.geometry)
    assert found.names == mask.names
    assert found.provenance == RECORD
    for ours, theirs in zip(mask.segments, found.segments, strict=True):
        assert np.array_equal(found.inside(ours.name), mask.inside(ours.name))
        assert theirs.terminology == ours.terminology
        assert np.allclose(theirs.colour, ours.colour, atol=2e-3)
    dataset = pydicom.dcmread(path)
    assert dataset.SegmentSequence[0].SegmentAlgorithmType == "AUTOMATIC"
    assert dataset.ReferencedSeriesSequence[0].SeriesInstanceUID == source.dicom.series_uid
    assert dataset.SyntheticData == "YES"


def test_highdicom_reads_our_segmentation(source, tmp_path):
    import highdicom

    mask = lesions(source)
    found = highdicom.seg.segread(segmentation.write_segmentation(mask, source, tmp_path / "seg.dcm"))
    assert [found.get_segment_description(n + 1).segment_label for n in range(4)] == list(mask.names)
    frames = found.get_pixels_by_source_instance(
        [h.SOPInstanceUID for h in source.dicom.headers], assert_missing_frames_are_empty=True)
    for n, name in enumerate(mask.names):
        assert np.array_equal(frames[..., n] > 0, mask.inside(name))


def test_a_foreign_segmentation_is_placed_on_the_grid_of_its_series(source, tmp_path):
    inside = np.zeros(source.shape, bool)
    inside[1, 3:6, 4:7] = inside[3, 5:9, 2:5] = inside[2, 4, 4] = True
    mask = si.Mask.single(inside, source.geometry, "liver")
    path = segmentation.write_segmentation(mask, source, tmp_path / "seg.dcm")
    dataset = pydicom.dcmread(path)
    for element in [e for e in dataset if e.tag.is_private]:
        del dataset[element.tag]
    dataset.save_as(path)
    assert segmentation.read_segmentation(path).shape == (3, 16, 20)
    found = segmentation.read_segmentation(path, like=source)
    assert np.array_equal(found.inside("liver"), inside)


def test_a_mask_on_flipped_axes_is_written_at_its_place(source, tmp_path):
    mask = lesions(source)
    matrix = source.geometry.ijk_to_ras @ np.array([[-1, 0, 0, 19], [0, 1, 0, 0], [0, 0, -1, 4], [0, 0, 0, 1.0]])
    flipped = si.Mask(mask.layers[:, ::-1, :, ::-1], si.Geometry(matrix, mask.shape), mask.segments)
    found = files.read_mask(segmentation.write_segmentation(flipped, source, tmp_path / "seg.dcm"))
    assert all(np.array_equal(found.inside(n), mask.inside(n)) for n in mask.names)


def test_a_segmentation_without_a_series_or_on_another_grid_is_refused(source, tmp_path):
    with pytest.raises(si.FileError, match="Export the volume as DICOM first"):
        segmentation.write_segmentation(lesions(image()), image(), tmp_path / "a.dcm")
    other = si.Geometry.from_spacing((5, 16, 20), (1, 1, 1))
    with pytest.raises(si.FileError, match="another voxel grid"):
        segmentation.write_segmentation(si.Mask.single(np.ones(other.shape), other, "a"), source, tmp_path / "a.dcm")
    with pytest.raises(si.FileError, match="no DICOM segmentation"):
        segmentation.read_segmentation(tmp_path / "source" / "IM00001.dcm")
    assert not (tmp_path / "a.dcm").exists()


def test_a_segmentation_of_a_real_study_is_read_and_a_cut_one_refused(tmp_path):
    from pydicom.data import get_testdata_file

    with pytest.raises(si.FileError, match="cut off"):
        files.read_mask(shutil.copy(get_testdata_file("liver_1frame.dcm"), tmp_path))
    whole = get_testdata_file("liver.dcm", download=False)
    if whole is None:
        pytest.skip("pydicom-data is not installed")
    found = files.read_mask(shutil.copy(whole, tmp_path))
    assert found.shape == (3, 512, 512)
    assert found.inside().any()

"""DICOM series as scanners and archives leave them: tilted, incomplete, mixed, multi-frame, compressed, damaged."""

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless, RLELossless

import synthetic_imaging as si
from synthetic_imaging import files
from synthetic_imaging.dicom import reading, writing


@pytest.fixture
def volume():
    rng = np.random.default_rng(3)
    geometry = si.Geometry.from_spacing((6, 20, 24), (0.7, 0.8, 2.5), (10, 20, 30))
    return si.Volume.ct(rng.integers(-1000, 1000, geometry.shape).astype(np.int16), geometry, name="abdomen")


@pytest.fixture
def folder(volume, tmp_path):
    writing.write_series(volume, tmp_path / "series")
    return tmp_path / "series"


def edit(folder: Path, change) -> None:
    for number, path in enumerate(sorted(folder.iterdir())):
        dataset = pydicom.dcmread(path)
        change(dataset, number)
        dataset.save_as(path)


def test_slices_are_ordered_by_place_not_by_name(volume, folder):
    names = sorted(p.name for p in folder.iterdir())
    for old, new in zip(names, reversed(names), strict=True):
        (folder / old).rename(folder / f"x{new}")
    assert np.array_equal(files.read_volume(folder).voxels, volume.voxels)


def test_a_tilted_gantry_gives_the_exact_sheared_grid(volume, tmp_path):
    matrix = volume.geometry.ijk_to_ras.copy()
    matrix[1, 2] = 2.5 * np.tan(np.radians(20))
    tilted = si.Volume.ct(volume.voxels, si.Geometry(matrix, volume.shape))
    writing.write_series(tilted, tmp_path / "tilted")
    found = reading.read_series(tmp_path / "tilted")
    assert found.geometry.sheared
    kji = [3, 2, 1]
    place = found.geometry.kji_from_ras(tilted.geometry.ras_from_kji(kji))
    assert np.allclose(found.geometry.ras_from_kji(np.rint(place)), tilted.geometry.ras_from_kji(kji), atol=1e-6)
    assert found.voxels[tuple(np.rint(place).astype(int))] == tilted.voxels[tuple(kji)]


def test_rows_and_columns_that_are_not_perpendicular_are_refused(volume, tmp_path):
    matrix = volume.geometry.ijk_to_ras.copy()
    matrix[0, 1] = 0.3
    with pytest.raises(si.FileError, match="not perpendicular"):
        writing.write_series(si.Volume.ct(volume.voxels, si.Geometry(matrix, volume.shape)), tmp_path / "a")
    assert not any(tmp_path.iterdir())


def test_a_missing_slice_is_counted_and_placed(folder):
    sorted(folder.iterdir())[3].unlink()
    with pytest.raises(si.FileError, match=r"lacks 1 slice \(between slices 3 and 4"):
        reading.read_series(folder)


def test_unequal_spacing_is_told_in_millimetres(folder):
    def squeeze(dataset, number):
        dataset.ImagePositionPatient[2] = 30 + 2.5 * number + (0.2 * number**2)

    edit(folder, squeeze)
    with pytest.raises(si.FileError, match=r"unequal distances, from 2\.70 to 4\.30 mm"):
        reading.read_series(folder)


def test_several_images_at_one_place_are_refused(folder):
    for path in sorted(folder.iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = pydicom.uid.generate_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"second_{path.name}")
    with pytest.raises(si.FileError, match="same position"):
        reading.read_series(folder)


def test_copied_files_and_foreign_files_do_not_matter(volume, folder):
    shutil.copy(folder / "IM00001.dcm", folder / "copy.dcm")
    (folder / "report.txt").write_text("no image")
    (folder / "empty.dcm").touch()
    shutil.copy(get_testdata_file("rtplan.dcm"), folder)
    (folder / "DICOMDIR").write_bytes(bytes(200))
    assert np.array_equal(reading.read_series(folder).voxels, volume.voxels)


def test_a_scout_in_the_same_series_is_passed_over(volume, folder):
    dataset = pydicom.dcmread(folder / "IM00001.dcm")
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    dataset.SOPInstanceUID = pydicom.uid.generate_uid()
    dataset.save_as(folder / "scout.dcm")
    assert np.array_equal(reading.read_series(folder).voxels, volume.voxels)


def test_two_series_are_listed_and_can_be_chosen(volume, folder):
    other = si.Volume.ct(volume.voxels + 1, volume.geometry, name="late")
    writing.write_series(other, folder / "more")
    with pytest.raises(si.FileError, match="holds 2 series") as caught:
        reading.read_series(folder)
    assert "'abdomen', 6 images of 24 x 20" in str(caught.value)
    assert "'late'" in str(caught.value)
    late = next(s for s in reading.list_series(folder) if s.description == "late")
    for found in (reading.read_series(folder, late.series_uid), files.read_volume(late.files[2])):
        assert np.array_equal(found.voxels, other.voxels)
    both = {reading.read_series(folder, str(n)).name for n in (1, 2)}
    assert both == {"abdomen", "late"}
    with pytest.raises(si.FileError, match="no series '3'"):
        reading.read_series(folder, "3")


def test_slope_and_intercept_hold_slice_by_slice(volume, folder):
    def rescale(dataset, number):
        dataset.RescaleSlope, dataset.RescaleIntercept = number + 1, -number

    edit(folder, rescale)
    slope = np.arange(6)[:, None, None]
    assert np.array_equal(reading.read_series(folder).voxels, volume.voxels * (slope + 1) - slope)


def test_fractional_slopes_give_floating_point(volume, folder):
    edit(folder, lambda dataset, number: setattr(dataset, "RescaleSlope", 0.5))
    found = reading.read_series(folder)
    assert found.voxels.dtype == np.float32
    assert np.allclose(found.voxels, volume.voxels * 0.5)


def test_padding_of_a_ct_becomes_air(folder):
    def pad(dataset, number):
        pixels = dataset.pixel_array.copy()
        pixels[0, 0] = -2000
        dataset.PixelData = pixels.tobytes()
        dataset.add_new("PixelPaddingValue", "US", 63536)
        dataset.RescaleIntercept = -24

    edit(folder, pad)
    assert (reading.read_series(folder).voxels[:, 0, 0] == -1024).all()


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_series_are_read(syntax, volume, folder):
    def compress(dataset, number):
        dataset.compress(syntax, generate_instance_uid=False)

    try:
        edit(folder, compress)
    except (RuntimeError, NotImplementedError) as error:
        pytest.skip(f"nothing here compresses to {syntax.name}: {error}")
    assert np.array_equal(reading.read_series(folder).voxels, volume.voxels)


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm",
                                  "MR_small_implicit.dcm", "MR_small_bigendian.dcm"])
def test_real_images_are_the_same_in_every_encoding(name, tmp_path):
    images = []
    for number, one in enumerate(("MR_small.dcm", name)):
        (tmp_path / str(number)).mkdir()
        images.append(files.read_volume(shutil.copy(get_testdata_file(one), tmp_path / str(number))))
    assert np.array_equal(images[0].voxels, images[1].voxels)
    assert images[0].modality == "MR"


@pytest.mark.parametrize(("name", "says"), [
    ("MR_truncated.dcm", "cut off"), ("JPEG-lossy.dcm", "cannot be decoded"), ("SC_rgb_rle.dcm", "colour"),
    ("examples_palette.dcm", "colour"), ("badVR.dcm", "damaged"), ("rtplan.dcm", "no DICOM image"),
])
def test_real_files_that_cannot_be_used_get_a_sentence(name, says, tmp_path):
    path = shutil.copy(get_testdata_file(name), tmp_path)
    with pytest.raises(si.FileError, match=says):
        files.read_volume(path)


def enhanced(volume, path, positions=None):
    """A multi-frame image in the manner of Enhanced CT, its frames in a mixed order."""
    series = path.with_name("single")
    writing.write_series(volume, series)
    slices = [pydicom.dcmread(p) for p in sorted(series.iterdir())]
    order = [3, 0, 5, 1, 4, 2]
    dataset = slices[0]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.NumberOfFrames = len(order)
    dataset.PixelData = b"".join(slices[n].PixelData for n in order)
    shared, measures, axes, values = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, axes.ImageOrientationPatient = dataset.PixelSpacing, dataset.ImageOrientationPatient
    values.RescaleSlope, values.RescaleIntercept = 2, -10
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [axes]
    shared.PixelValueTransformationSequence = [values]
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], []
    for n in order:
        frame, place = Dataset(), Dataset()
        place.ImagePositionPatient = slices[n].ImagePositionPatient
        frame.PlanePositionSequence = [place]
        dataset.PerFrameFunctionalGroupsSequence.append(frame)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope"):
        del dataset[keyword]
    dataset.save_as(path)
    return path


def test_an_enhanced_multi_frame_ct_is_a_volume(volume, tmp_path):
    path = enhanced(volume, tmp_path / "a.dcm")
    found = files.read_volume(path)
    assert np.array_equal(found.voxels, volume.voxels.astype(int) * 2 - 10)
    assert np.abs(found.geometry.spacing_ijk_mm - np.array([0.7, 0.8, 2.5])).max() < 1e-6
    assert found.dicom.frames == (2, 4, 6, 1, 5, 3)


def test_a_synthetic_series_from_a_multi_frame_source_refers_to_its_frames(volume, tmp_path):
    found = files.read_volume(enhanced(volume, tmp_path / "a.dcm"))
    written = writing.write_series(found.like(found.voxels + 1), tmp_path / "derived")
    reference = pydicom.dcmread(written[1]).SourceImageSequence[0]
    assert reference.ReferencedFrameNumber == 4


def test_a_dose_grid_is_a_volume(tmp_path):
    found = files.read_volume(shutil.copy(get_testdata_file("rtdose.dcm"), tmp_path))
    assert found.shape == (15, 10, 10)
    assert found.geometry.spacing_ijk_mm == pytest.approx((10, 10, 5))


def test_a_cine_is_a_sequence_and_no_volume(volume, folder, tmp_path):
    dataset = pydicom.dcmread(folder / "IM00001.dcm")
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
        del dataset[keyword]
    dataset.NumberOfFrames, dataset.FrameTime = 3, 40
    dataset.PixelData = dataset.PixelData * 3
    dataset.save_as(tmp_path / "cine.dcm")
    with pytest.raises(si.FileError, match="as a sequence"):
        files.read_volume(tmp_path / "cine.dcm")
    cine = files.read_sequence(tmp_path / "cine.dcm")
    assert (cine.index, cine.index_name, cine.index_unit) == ((0, 40, 80), "time", "ms")


def test_a_folder_without_images_and_a_missing_folder_get_a_sentence(tmp_path):
    with pytest.raises(si.FileError, match="no DICOM images"):
        reading.read_series(tmp_path)
    with pytest.raises(si.FileError, match="does not exist"):
        reading.list_series(tmp_path / "none")

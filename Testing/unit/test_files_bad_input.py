"""Files that are missing, empty, damaged, misnamed or malicious; folders that are full or closed."""

import gzip
import os
import resource
from contextlib import contextmanager, suppress

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging import files

ENDINGS = [".nrrd", ".mha", ".mhd", ".nii", ".nii.gz"]


@pytest.fixture
def volume():
    rng = np.random.default_rng(3)
    geometry = si.Geometry.from_spacing((12, 20, 30), (0.7, 0.7, 2.5), (10, 20, 30))
    return si.Volume.ct(rng.integers(-1000, 1000, geometry.shape).astype(np.int16), geometry)


@contextmanager
def file_size_limit(count):
    """Writing more than ``count`` bytes to a file fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("read", [files.read_volume, files.read_mask, files.read_sequence])
def test_a_missing_file_is_named(read, tmp_path):
    with pytest.raises(si.FileError, match=r"does not exist"):
        read(tmp_path / "none.nrrd")


@pytest.mark.parametrize("read", [files.read_volume, files.read_mask, files.read_sequence])
def test_an_empty_file_is_refused(read, tmp_path):
    (tmp_path / "a.nrrd").touch()
    with pytest.raises(si.FileError, match="empty"):
        read(tmp_path / "a.nrrd")


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_file_that_is_cut_off_is_refused(ending, compress, kept, volume, tmp_path):
    path = files.write_volume(volume, tmp_path / f"a{ending}", compress=compress)
    cut = path if ending != ".mhd" else path.with_suffix(".zraw" if compress else ".raw")
    cut.write_bytes(cut.read_bytes()[: int(cut.stat().st_size * kept)])
    with pytest.raises(si.FileError, match=r"cut off|damaged"):
        files.read_volume(path)


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".nii.gz"])
def test_a_file_with_damaged_voxels_is_refused_or_read_but_never_a_traceback(ending, volume, tmp_path):
    path = files.write_volume(volume, tmp_path / f"a{ending}")
    good = path.read_bytes()
    rng = np.random.default_rng(5)
    for _ in range(20):
        bad = bytearray(good)
        for place in rng.integers(0, len(bad), 8):
            bad[place] = rng.integers(0, 256)
        path.write_bytes(bytes(bad))
        with suppress(si.FileError):
            files.read_volume(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_of_something_else_is_refused(ending, tmp_path):
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"This is a letter, not an image. " * 30)
    with pytest.raises(si.FileError, match="holds no"):
        files.read_volume(path)


def test_a_wrong_ending_does_not_matter_when_the_content_is_known(volume, tmp_path):
    path = files.write_volume(volume, tmp_path / "a.nrrd").rename(tmp_path / "a.nii")
    assert np.array_equal(files.read_volume(path).voxels, volume.voxels)


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.seg.nrrd", "a.seq.nrrd"])
def test_a_name_that_asks_for_no_volume_format_is_refused(name, volume, tmp_path):
    with pytest.raises(si.FileError, match=r"\.nrrd"):
        files.write_volume(volume, tmp_path / name)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_overwritten_unless_asked(ending, volume, tmp_path):
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"precious")
    with pytest.raises(si.FileError, match="exists already"):
        files.write_volume(volume, path)
    assert path.read_bytes() == b"precious"
    files.write_volume(volume, path, overwrite=True)
    assert np.array_equal(files.read_volume(path).voxels, volume.voxels)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_the_old_file_and_no_rubbish(ending, volume, tmp_path):
    path = files.write_volume(volume, tmp_path / f"a{ending}")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with file_size_limit(2000), pytest.raises(si.FileError, match="disk is full"):
        files.write_volume(volume.like(volume.voxels + 1), path, overwrite=True)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_full_disk_is_told_for_masks_and_sequences(volume, tmp_path):
    rng = np.random.default_rng(1)
    mask = si.Mask.single(rng.random(volume.shape) > 0.5, volume.geometry, "liver")
    with file_size_limit(500):
        with pytest.raises(si.FileError, match="disk is full"):
            files.write_mask(mask, tmp_path / "a.seg.nrrd")
        with pytest.raises(si.FileError, match="disk is full"):
            files.write_sequence(si.Sequence((volume, volume), (0, 1)), tmp_path / "a.seq.nrrd")
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_closed_folder_is_told(volume, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(si.FileError, match="permission"):
        files.write_volume(volume, tmp_path / "a.nrrd")


def test_a_refused_open_is_told_as_a_permission(volume, tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(si.FileError, match="permission denied"):
        files.write_volume(volume, tmp_path / "a.nrrd")


def test_a_folder_that_does_not_exist_is_told(volume, tmp_path):
    with pytest.raises(si.FileError, match="does not exist"):
        files.write_volume(volume, tmp_path / "none" / "a.nrrd")


def test_a_folder_in_place_of_a_file_is_told(volume, tmp_path):
    (tmp_path / "a.nrrd").mkdir()
    with pytest.raises(si.FileError, match="is a folder"):
        files.write_volume(volume, tmp_path / "a.nrrd", overwrite=True)
    with pytest.raises(si.FileError, match="no DICOM images"):
        files.read_volume(tmp_path / "a.nrrd")


@pytest.mark.parametrize("outside", ["../secret.raw", "/etc/passwd", "sub/../../secret.raw"])
def test_detached_headers_do_not_reach_outside_their_folder(outside, tmp_path):
    (tmp_path / "secret.raw").write_bytes(bytes(8))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.nhdr").write_text(
        "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nspace: left-posterior-superior\n"
        f"space directions: (1,0,0) (0,1,0) (0,0,1)\nencoding: raw\ndata file: {outside}\n\n")
    (folder / "a.mhd").write_text(
        f"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = {outside}\n")
    for name in ("a.nhdr", "a.mhd"):
        with pytest.raises(si.FileError, match="outside its own folder"):
            files.read_volume(folder / name)


def test_a_link_that_leads_outside_is_refused_too(tmp_path):
    (tmp_path / "secret.raw").write_bytes(bytes(8))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.raw").symlink_to(tmp_path / "secret.raw")
    (folder / "a.nhdr").write_text(
        "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: a.raw\n\n")
    with pytest.raises(si.FileError, match="outside its own folder"):
        files.read_volume(folder / "a.nhdr")


def test_a_detached_header_finds_its_data_beside(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(range(8)))
    (tmp_path / "a.nhdr").write_text(
        "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: a.raw\n\n")
    assert files.read_volume(tmp_path / "a.nhdr").voxels.ravel().tolist() == list(range(8))


def test_a_sheared_grid_is_refused_by_nifti_with_the_formats_that_hold_it(volume, tmp_path):
    matrix = volume.geometry.ijk_to_ras.copy()
    matrix[1, 2] = 0.5
    sheared = si.Volume(volume.voxels, si.Geometry(matrix, volume.shape))
    with pytest.raises(si.FileError, match=r"\.nrrd or \.mha"):
        files.write_volume(sheared, tmp_path / "a.nii.gz")
    assert not any(tmp_path.iterdir())


def test_whole_numbers_beyond_32_bits_are_refused(volume, tmp_path):
    with pytest.raises(si.FileError, match="beyond 32 bits"):
        files.write_volume(volume.like(volume.voxels.astype(np.int64) << 40), tmp_path / "a.nrrd")


def test_overlapping_segments_are_refused_by_a_label_map(volume, tmp_path):
    everywhere = np.ones(volume.shape)
    mask = si.Mask.stacked([(si.Segment("a"), everywhere), (si.Segment("b"), everywhere)], volume.geometry)
    with pytest.raises(si.FileError, match=r"\.seg\.nrrd"):
        files.write_mask(mask, tmp_path / "a.nii.gz")


def test_a_ct_is_no_segmentation(volume, tmp_path):
    path = files.write_volume(volume, tmp_path / "a.nrrd")
    with pytest.raises(si.FileError, match="no segmentation"):
        files.read_mask(path)


def test_a_segmentation_is_no_volume_and_a_volume_no_sequence(volume, tmp_path):
    mask = si.Mask.single(volume.voxels > 0, volume.geometry, "liver")
    with pytest.raises(si.FileError, match="is a segmentation"):
        files.read_volume(files.write_mask(mask, tmp_path / "a.seg.nrrd"))
    with pytest.raises(si.FileError, match="single volume"):
        files.read_sequence(files.write_volume(volume, tmp_path / "a.nrrd"))
    with pytest.raises(si.FileError, match="Read it as a sequence"):
        files.read_volume(files.write_sequence(si.Sequence((volume, volume), (0, 1)), tmp_path / "a.seq.nrrd"))


def test_a_zip_bomb_header_is_a_sentence(tmp_path):
    header = b"NRRD0004\ntype: double\ndimension: 3\nsizes: 100000 100000 100000\nencoding: gzip\n\n"
    (tmp_path / "a.nrrd").write_bytes(header + gzip.compress(bytes(1000)))
    with pytest.raises(si.FileError):
        files.read_volume(tmp_path / "a.nrrd")

"""Random oblique, left-handed, sheared, anisotropic grids and number types survive every way out and back."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

import synthetic_imaging as si
from synthetic_imaging import conversions, files
from synthetic_imaging.dicom import reading, segmentation, writing

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "bool", "float16", "int64")


@st.composite
def grids(draw, shear="any"):
    shape = tuple(draw(st.lists(st.integers(2, 7), min_size=3, max_size=3)))
    angles = draw(st.lists(st.floats(-180, 180), min_size=3, max_size=3))
    spacing = draw(st.lists(st.floats(0.2, 6.0), min_size=3, max_size=3))
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    if draw(st.booleans()):
        axes = axes[:, draw(st.permutations([0, 1, 2]))] * draw(st.sampled_from([1, -1]))
    if shear != "none" and draw(st.booleans()):
        axes[:, 2] += axes[:, :2] @ draw(st.lists(st.floats(-0.6, 0.6), min_size=2, max_size=2))
        axes[:, 2] /= np.linalg.norm(axes[:, 2])
        if shear == "any":
            axes[:, 1] += 0.2 * axes[:, 0]
            axes[:, 1] /= np.linalg.norm(axes[:, 1])
    origin = draw(st.lists(st.floats(-500, 500), min_size=3, max_size=3))
    return si.Geometry.from_spacing(shape, spacing, origin, axes)


@st.composite
def volumes(draw, shear="any", types=TYPES):
    geometry = draw(grids(shear))
    kind = np.dtype(draw(st.sampled_from(types)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    if kind.kind == "f":
        voxels = rng.normal(0, 300, geometry.shape).astype(kind)
    elif kind.kind == "b":
        voxels = rng.random(geometry.shape) > 0.5
    else:
        limits = np.iinfo(kind)
        low, high = max(limits.min, -(2**31)), min(limits.max, 2**31 - 1)
        voxels = rng.integers(low, high, geometry.shape, endpoint=True).astype(kind)
    return si.Volume(voxels, geometry, modality="MR", name="one two", window=(12.5, 300.0))


def assert_same_image(found, expected, tolerance_mm=1e-3, error=0.0):
    """The same numbers at the same RAS positions, whatever the order of the axes."""
    kji = np.argwhere(np.ones(expected.shape))
    places = found.geometry.kji_from_ras(expected.geometry.ras_from_kji(kji))
    nearest = np.rint(places).astype(int)
    assert np.abs(found.geometry.ras_from_kji(nearest) - expected.geometry.ras_from_kji(kji)).max() <= tolerance_mm
    assert found.voxels.size == expected.voxels.size
    values = found.voxels[tuple(nearest.T)].astype(np.float64)
    assert np.abs(values - expected.voxels[tuple(kji.T)].astype(np.float64)).max() <= error


@pytest.mark.parametrize("ending", [".nrrd", ".mha", ".mhd"])
@QUICK
@given(volume=volumes(), compress=st.booleans())
def test_any_grid_survives_nrrd_and_metaimage(ending, volume, compress):
    with tempfile.TemporaryDirectory() as folder:
        found = files.read_volume(files.write_volume(volume, Path(folder) / f"a{ending}", compress=compress))
    assert_same_image(found, volume, 1e-9)
    assert (found.name, found.modality, found.window) == ("one two", "MR", (12.5, 300.0))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@QUICK
@given(volume=volumes(shear="none"))
def test_any_perpendicular_grid_survives_nifti(ending, volume):
    with tempfile.TemporaryDirectory() as folder:
        found = files.read_volume(files.write_volume(volume, Path(folder) / f"a{ending}"))
    assert_same_image(found, volume, 1e-3)
    assert (found.name, found.modality, found.window) == ("one two", "MR", (12.5, 300.0))


@FEW
@given(volume=volumes(shear="gantry", types=("int16", "uint16", "uint8", "bool")))
def test_any_grid_with_perpendicular_rows_and_columns_survives_dicom(volume):
    with tempfile.TemporaryDirectory() as folder:
        writing.write_series(volume, Path(folder) / "series")
        found = reading.read_series(Path(folder) / "series")
    assert_same_image(found, volume, 1e-3)


@FEW
@given(volume=volumes(shear="gantry", types=("float32", "int32")))
def test_scaled_dicom_is_accurate_to_a_part_in_65000(volume):
    with tempfile.TemporaryDirectory() as folder:
        writing.write_series(volume, Path(folder) / "series")
        found = reading.read_series(Path(folder) / "series")
    span = float(volume.voxels.max()) - float(volume.voxels.min())
    assert_same_image(found, volume, 1e-3, error=span / 65000 * 1.1)


@FEW
@given(volume=volumes(shear="gantry", types=("int16",)))
def test_a_segmentation_survives_dicom_seg_on_any_grid(volume):
    assume(volume.shape[1] * volume.shape[2] >= 8)
    mask = si.Mask.stacked(
        [(si.Segment("a"), volume.voxels > 0), (si.Segment("b"), volume.voxels > 9000),
         (si.Segment("empty"), np.zeros(volume.shape))], volume.geometry)
    with tempfile.TemporaryDirectory() as folder:
        writing.write_series(volume, Path(folder) / "series")
        series = reading.read_series(Path(folder) / "series")
        path = segmentation.write_segmentation(mask, series, Path(folder) / "seg.dcm")
        found = segmentation.read_segmentation(path)
    assert found.geometry.same_grid(series.geometry)
    for name in mask.names:
        as_volume = si.Volume(mask.inside(name), mask.geometry)
        assert_same_image(si.Volume(found.inside(name), found.geometry), as_volume)


@QUICK
@given(geometry=grids(), seed=st.integers(0, 99), compress=st.booleans())
def test_overlapping_segments_survive_seg_nrrd_on_any_grid(geometry, seed, compress):
    rng = np.random.default_rng(seed)
    parts = [(si.Segment(f"part {n}"), rng.random(geometry.shape) > 0.6) for n in range(4)]
    mask = si.Mask.stacked(parts, geometry)
    with tempfile.TemporaryDirectory() as folder:
        found = files.read_mask(files.write_mask(mask, Path(folder) / "a.seg.nrrd", compress=compress))
    assert found.geometry.same_grid(geometry, 1e-9)
    assert found.names == mask.names
    for segment, inside in parts:
        assert np.array_equal(found.inside(segment.name), inside)


@QUICK
@given(geometry=grids(), seed=st.integers(0, 99), of_masks=st.booleans())
def test_sequences_of_volumes_and_of_overlapping_masks_survive(geometry, seed, of_masks):
    rng = np.random.default_rng(seed)

    def frame():
        if not of_masks:
            return si.Volume(rng.normal(size=geometry.shape).astype(np.float32), geometry)
        return si.Mask.stacked(
            [(si.Segment(f"part {n}"), rng.random(geometry.shape) > 0.5) for n in range(3)], geometry)

    sequence = si.Sequence((frame(), frame(), frame()), (0, 1.5, 7), "time", "day", "growth")
    with tempfile.TemporaryDirectory() as folder:
        found = files.read_sequence(files.write_sequence(sequence, Path(folder) / "a.seq.nrrd"))
    assert (found.index, found.index_name, found.index_unit, found.name) == ((0, 1.5, 7), "time", "day", "growth")
    for ours, theirs in zip(sequence, found, strict=True):
        assert theirs.geometry.same_grid(geometry, 1e-9)
        if of_masks:
            assert all(np.array_equal(theirs.inside(n), ours.inside(n)) for n in ours.names)
        else:
            assert np.array_equal(theirs.voxels, ours.voxels)


@QUICK
@given(volume=volumes())
def test_simpleitk_and_back_is_exact(volume):
    found = conversions.from_sitk(conversions.to_sitk(volume))
    assert_same_image(found, volume, 1e-9)
    assert (found.name, found.modality, found.window) == ("one two", "MR", (12.5, 300.0))


@QUICK
@given(volume=volumes())
def test_metatensor_and_back_is_exact(volume):
    pytest.importorskip("monai")
    tensor = conversions.to_metatensor(volume)
    assert tuple(tensor.shape) == (1, *volume.shape[::-1])
    assert_same_image(conversions.from_metatensor(tensor), volume, 1e-9)

"""Elastic deformation: exact where the answer is known, equal to a dense computation where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from synthetic_imaging.elastic import ElasticField, deform_mask, deform_volume, lattice_shape
from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask, Segment
from synthetic_imaging.volume import Volume

SHAPE = (13, 17, 22)


def oblique_sheared(shape=SHAPE, left_handed=False) -> Geometry:
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    if (np.linalg.det(turn) < 0) != left_handed:
        turn[:, 0] *= -1
    steps = turn @ np.array([[0.8, 0, 0], [0, 1.1, 0.4], [0, 0, 2.5]])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = steps, (12.0, -40.0, 700.0)
    return Geometry(matrix, shape)


def image(geometry: Geometry, dtype="float32", seed=0) -> Volume:
    values = np.random.default_rng(seed).uniform(0, 1, geometry.shape)
    return Volume((values * (1000 if np.dtype(dtype).kind == "i" else 1)).astype(dtype), geometry)


def everywhere(geometry: Geometry) -> np.ndarray:
    return np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1).astype(float)


def constant(geometry: Geometry, ras_mm, spacing=(4.0, 5.0, 6.0)) -> ElasticField:
    return ElasticField(np.broadcast_to(ras_mm, (*lattice_shape(geometry, spacing), 3)), spacing, geometry)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8", ">i2"])
def test_no_displacement_returns_the_image(dtype):
    volume = image(oblique_sheared(), dtype)
    out = deform_volume(volume, constant(volume.geometry, (0, 0, 0)))
    assert out.voxels.dtype == volume.voxels.dtype
    np.testing.assert_allclose(out.voxels, volume.voxels, atol=1e-6)


@pytest.mark.parametrize("left_handed", [False, True])
def test_a_whole_voxel_shift_moves_every_voxel_exactly_on_a_sheared_grid(left_handed):
    volume = image(oblique_sheared(left_handed=left_handed), "int16")
    step_ras = volume.geometry.ras_from_kji((2, -1, 3)) - volume.geometry.ras_from_kji((0, 0, 0))
    field = constant(volume.geometry, step_ras)
    out = deform_volume(volume, field, outside=-1000)
    np.testing.assert_array_equal(out.voxels[:-2, 1:, :-3], volume.voxels[2:, :-1, 3:])
    assert (out.voxels[-2:] == -1000).all() and (out.voxels[:, 0] == -1000).all()
    mask = Mask.single(volume.voxels > 500, volume.geometry, "thing")
    moved = deform_mask(mask, field)
    np.testing.assert_array_equal(moved.inside()[:-2, 1:, :-3], mask.inside()[2:, :-1, 3:])
    assert not moved.inside()[-2:].any()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), spacing=st.tuples(*[st.floats(1.5, 30)] * 3))
def test_equals_a_dense_field_sampled_by_scipy(seed, spacing):
    geometry = oblique_sheared()
    rng = np.random.default_rng(seed)
    field = ElasticField(rng.normal(0, 2, (*lattice_shape(geometry, spacing), 3)), spacing, geometry)
    volume, grid = image(geometry, seed=seed), everywhere(geometry)
    at = geometry.kji_from_ras(geometry.ras_from_kji(grid) + field.displacement_ras_mm(grid))
    expected = map_coordinates(volume.voxels, np.moveaxis(at, -1, 0), order=1, mode="nearest")
    np.testing.assert_allclose(deform_volume(volume, field).voxels, expected, atol=1e-4)


def test_labels_come_from_the_nearest_voxel_and_layers_stay_apart():
    geometry = oblique_sheared()
    rng = np.random.default_rng(5)
    layers = rng.integers(0, 3, (2, *SHAPE)).astype(np.uint8)
    mask = Mask(layers, geometry, (Segment("a", 1, 0), Segment("b", 2, 0), Segment("c", 1, 1)))
    field = ElasticField(rng.normal(0, 2, (*lattice_shape(geometry, (5, 5, 5)), 3)), (5, 5, 5), geometry)
    grid = everywhere(geometry)
    at = geometry.kji_from_ras(geometry.ras_from_kji(grid) + field.displacement_ras_mm(grid))
    nearest = np.floor(at + 0.5).astype(int)
    there = ((nearest >= 0) & (nearest < SHAPE)).all(axis=-1)
    k, j, i = np.moveaxis(np.clip(nearest, 0, np.array(SHAPE) - 1), -1, 0)
    out = deform_mask(mask, field)
    assert out.segments == mask.segments
    differs = out.layers != np.where(there, layers[:, k, j, i], 0)
    tie = (np.abs(at - np.floor(at) - 0.5) < 1e-4).any(axis=-1)
    assert not (differs & ~tie).any()


def test_the_same_generator_gives_the_same_deformation():
    volume = image(oblique_sheared((20, 24, 28)))
    a, b = (
        deform_volume(volume, ElasticField.random(volume.geometry, np.random.default_rng(9), 2, 12)) for _ in range(2)
    )
    np.testing.assert_array_equal(a.voxels, b.voxels)
    assert np.abs(a.voxels - volume.voxels).max() > 0.05


def test_a_random_deformation_that_would_fold_is_refused_with_a_sentence():
    with pytest.raises(ParameterError, match="fold"):
        ElasticField.random(oblique_sheared(), np.random.default_rng(0), amplitude_mm=20, spacing_mm=10)


def test_a_random_deformation_keeps_the_order_of_voxels():
    geometry = Geometry.from_spacing((24, 24, 24))
    field = ElasticField.random(geometry, np.random.default_rng(1), amplitude_mm=3.9, spacing_mm=10)
    at = everywhere(geometry) + geometry.kji_from_ras(field.displacement_ras_mm(everywhere(geometry)))
    gradient = np.stack([np.gradient(at, axis=a) for a in range(3)], axis=-1)
    assert np.linalg.det(gradient).min() > 0


@pytest.mark.parametrize("shape", [(1, 17, 22), (13, 1, 1), (1, 1, 1), (2, 3, 2)])
def test_thin_grids_work(shape):
    volume = image(Geometry.from_spacing(shape))
    out = deform_volume(volume, constant(volume.geometry, (0.25, 0, 0)))
    assert np.isfinite(out.voxels).all() and out.shape == shape


def test_a_bad_voxel_spoils_only_its_neighbours():
    voxels = image(Geometry.from_spacing(SHAPE)).voxels.copy()
    voxels[6, 8, 10] = np.nan
    volume = Volume(voxels, Geometry.from_spacing(SHAPE))
    out = deform_volume(volume, constant(volume.geometry, (0.5, 0.5, 0.5)))
    assert np.isnan(out.voxels).sum() == 8


def test_a_field_of_another_grid_and_a_lattice_that_does_not_cover_are_refused():
    volume = image(oblique_sheared())
    with pytest.raises(InputError, match="another voxel grid"):
        deform_volume(volume, constant(Geometry.from_spacing(SHAPE), (0, 0, 0)))
    with pytest.raises(InputError, match="lattice"):
        ElasticField(np.zeros((2, 2, 2, 3)), (4, 4, 4), volume.geometry)
    with pytest.raises(InputError, match="finite"):
        constant(volume.geometry, (np.nan, 0, 0))
    with pytest.raises(InputError, match="above 0"):
        lattice_shape(volume.geometry, (0, 1, 1))

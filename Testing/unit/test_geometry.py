import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_imaging import Box, Geometry, InputError

NUMBERS = st.floats(-50, 50)


def sheared_grid():
    matrix = np.array([[0.7, 0.1, 0, -50], [-0.1, 0.8, 0.5, 20], [0, 0, 2.5, 30], [0, 0, 0, 1.0]])
    return Geometry(matrix, (5, 6, 7))


@given(kji=st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_positions_go_to_the_patient_and_back(kji):
    grid = sheared_grid()
    assert np.allclose(grid.kji_from_ras(grid.ras_from_kji(kji)), kji, atol=1e-9)


def test_index_order_is_kji_and_matrix_order_is_ijk():
    grid = Geometry.from_spacing((5, 6, 7), (1, 2, 3), (10, 20, 30))
    assert grid.ras_from_kji((1, 0, 0)).tolist() == [10, 20, 33]
    assert grid.spacing_kji_mm == (3, 2, 1)


@given(start=st.tuples(*[st.integers(0, 3)] * 3))
def test_a_cropped_grid_stays_in_its_place(start):
    grid = sheared_grid()
    cropped = grid.cropped(Box(start, (5, 6, 7)))
    assert np.allclose(cropped.ras_from_kji((0, 0, 0)), grid.ras_from_kji(start))
    assert cropped.shape == tuple(n - s for n, s in zip((5, 6, 7), start, strict=True))


def test_handedness_and_shear_are_recognised():
    straight = Geometry.from_spacing((2, 2, 2))
    assert not straight.left_handed
    assert not straight.sheared
    assert Geometry(np.diag([-1.0, 1, 1, 1]), (2, 2, 2)).left_handed
    assert sheared_grid().sheared


def test_voxel_volume_of_a_sheared_grid_is_its_determinant():
    assert sheared_grid().voxel_volume_mm3 == pytest.approx((0.7 * 0.8 + 0.1 * 0.1) * 2.5)


@pytest.mark.parametrize("matrix", [np.zeros((4, 4)), np.diag([1, 1, 0, 1.0]), np.full((4, 4), np.nan), np.eye(3)])
def test_impossible_matrices_are_refused(matrix):
    with pytest.raises(InputError):
        Geometry(matrix, (2, 2, 2))


def test_a_box_around_a_block_of_the_patient_holds_it():
    grid = sheared_grid()
    low, high = grid.ras_from_kji((2, 2, 2)), grid.ras_from_kji((3, 3, 3))
    low, high = np.minimum(low, high), np.maximum(low, high)
    box = grid.box_around_ras(low, high)
    assert all(s <= 2 and e >= 4 for s, e in zip(box.start, box.stop, strict=True))


def test_same_grid_tells_tenths_of_a_millimetre():
    grid = Geometry.from_spacing((50, 50, 50))
    assert grid.same_grid(Geometry.from_spacing((50, 50, 50), (1.00001, 1, 1)))
    assert not grid.same_grid(Geometry.from_spacing((50, 50, 50), (1.01, 1, 1)))
    assert not grid.same_grid(Geometry.from_spacing((50, 50, 49)))


def test_the_matrix_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        sheared_grid().ijk_to_ras[0, 0] = 2

import numpy as np
import pytest

from synthetic_imaging import Box, Geometry, InputError, Sequence, Volume

GRID = Geometry.from_spacing((4, 5, 6))


def volume(kind="int16"):
    return Volume(np.arange(120).reshape(4, 5, 6).astype(kind), GRID, name="v")


def test_voxels_cannot_be_changed_and_the_callers_array_stays_writable():
    array = np.zeros((4, 5, 6))
    made = Volume(array, GRID)
    with pytest.raises(ValueError, match="read-only"):
        made.voxels[0, 0, 0] = 1
    array[0, 0, 0] = 1


@pytest.mark.parametrize("array", [np.zeros((4, 5)), np.zeros((0, 5, 6)), np.zeros((4, 5, 6), complex),
                                   np.zeros((4, 5, 7))])
def test_what_is_no_volume_is_refused(array):
    with pytest.raises(InputError):
        Volume(array, GRID)


@pytest.mark.parametrize("kind", ["uint8", "int16", "float32"])
def test_adding_leaves_everything_else_bit_identical(kind):
    before, box = volume(kind), Box((1, 1, 1), (3, 3, 3))
    change = np.zeros(box.shape)
    change[0, 0, 0] = 7.4
    after = before.adding(change, box)
    different = np.argwhere(after.voxels != before.voxels)
    assert different.tolist() == [[1, 1, 1]]
    assert after.voxels.dtype == before.voxels.dtype


def test_adding_clips_to_the_type_instead_of_wrapping():
    after = volume("uint8").adding(np.full((4, 5, 6), 1000.0), Box((0, 0, 0), (4, 5, 6)))
    assert after.voxels.min() == 255


def test_the_hash_tells_voxels_types_and_places_apart_but_not_names():
    one = volume()
    assert one.sha256 == Volume(one.voxels.copy(), GRID, name="other").sha256
    moved = Geometry.from_spacing((4, 5, 6), origin_ras_mm=(0, 0, 1))
    others = (volume("int32"), one.like(one.voxels + 1), Volume(one.voxels, moved))
    assert len({one.sha256, *(o.sha256 for o in others)}) == 4


def test_a_crop_keeps_its_place_and_forgets_the_dicom_series():
    part = volume().cropped(Box((1, 2, 3), (9, 9, 9)))
    assert part.shape == (3, 3, 3)
    assert part.geometry.origin_ras_mm == (3, 2, 1)
    assert part.dicom is None


@pytest.mark.parametrize("index", [(0,), (1, 0), (0, 0)])
def test_a_sequence_needs_a_rising_index(index):
    with pytest.raises(InputError):
        Sequence((volume(), volume()), index)


def test_a_sequence_refuses_frames_on_different_grids():
    other = Volume(np.ones((4, 5, 7)), Geometry.from_spacing((4, 5, 7)))
    with pytest.raises(InputError, match="different grids"):
        Sequence((volume(), other), (0, 1))

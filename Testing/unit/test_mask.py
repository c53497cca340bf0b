import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_imaging import Box, Geometry, InputError, Mask, Segment
from synthetic_imaging.mask import bounding_box

GRID = Geometry.from_spacing((4, 5, 6), (1, 1, 2))


@given(seed=st.integers(0, 1000), count=st.integers(1, 6))
def test_stacked_segments_come_out_as_they_went_in(seed, count):
    rng = np.random.default_rng(seed)
    parts = {f"s{n}": rng.random(GRID.shape) > 0.7 for n in range(count)}
    mask = Mask.stacked([(Segment(n), a) for n, a in parts.items()], GRID)
    assert mask.names == tuple(parts)
    for name, inside in parts.items():
        assert np.array_equal(mask.inside(name), inside)
    assert np.array_equal(mask.inside(), np.logical_or.reduce(list(parts.values())))


def test_segments_apart_share_one_layer():
    first, second = np.zeros(GRID.shape), np.zeros(GRID.shape)
    first[0], second[2] = 1, 1
    assert Mask.stacked([(Segment("a"), first), (Segment("b"), second)], GRID).layers.shape[0] == 1


def test_an_unknown_segment_is_answered_with_those_that_exist():
    with pytest.raises(InputError, match=r"has no segment 'spleen'\. It has: liver"):
        Mask.single(np.ones(GRID.shape), GRID, "liver").segment("spleen")


def test_the_case_of_a_name_does_not_matter():
    assert Mask.single(np.ones(GRID.shape), GRID, "Liver").segment("liver").name == "Liver"


@pytest.mark.parametrize("segments", [
    (Segment("a"), Segment("a", label=2)), (Segment("a"), Segment("b")), (Segment("a", layer=1),),
    (Segment("a", label=0),)])
def test_segments_that_contradict_are_refused(segments):
    with pytest.raises(InputError):
        Mask(np.zeros(GRID.shape, np.uint8), GRID, segments)


def test_fractions_and_wrong_shapes_are_refused():
    for layers in (np.zeros(GRID.shape), np.zeros((4, 5, 7), int)):
        with pytest.raises(InputError):
            Mask(layers, GRID, ())


def test_volume_in_millilitres():
    assert Mask.single(np.ones(GRID.shape), GRID, "a").volume_ml("a") == pytest.approx(0.24)


def test_the_box_fits_and_is_empty_when_nothing_is_there():
    inside = np.zeros(GRID.shape, bool)
    assert bounding_box(inside).empty
    inside[1, 2, 3] = inside[2, 4, 3] = True
    assert bounding_box(inside).start == (1, 2, 3)
    assert bounding_box(inside).stop == (3, 5, 4)


def test_only_and_cropped_keep_places():
    inside = np.zeros(GRID.shape, bool)
    inside[1, 2, 3] = True
    mask = Mask.stacked([(Segment("a"), inside), (Segment("b"), ~inside)], GRID)
    assert np.array_equal(mask.only("b").inside("b"), ~inside)
    part = mask.cropped(Box((1, 2, 3), (2, 3, 4)))
    assert part.inside("a").all()
    assert part.geometry.origin_ras_mm == (3, 2, 2)

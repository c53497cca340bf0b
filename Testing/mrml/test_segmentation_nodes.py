"""Masks survive the way into a segmentation node and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthetic_imaging import Geometry, InputError, Mask, Segment, Volume
from synthetic_imaging.geometry import Box
from synthetic_imaging.terminology import lesion_segment, organ_segment
from SyntheticImagingLib.mrml import add_volume
from SyntheticImagingLib.segmentations import add_segmentation, mask_from_node

SHEARED = np.array([[0.7, 0.1, 0.2, 10], [0.05, -0.8, 0.3, -20], [0.1, 0.2, 2.5, 33], [0, 0, 0, 1]])


@pytest.fixture
def overlapping() -> Mask:
    rng = np.random.default_rng(3)
    grid = Geometry(SHEARED, (6, 7, 8))
    organ = rng.random(grid.shape) > 0.3
    lesion = organ & (rng.random(grid.shape) > 0.5)
    return Mask.stacked([(organ_segment("liver"), organ), (lesion_segment(1, "liver"), lesion)], grid)


def test_overlapping_segments_on_a_sheared_left_handed_grid_survive(host: Any, overlapping: Mask) -> None:
    back = mask_from_node(add_segmentation(host.scene, overlapping))
    assert back.names == overlapping.names
    assert back.geometry.same_grid(overlapping.geometry)
    for name in back.names:
        np.testing.assert_array_equal(back.inside(name), overlapping.inside(name))


def test_terminology_and_colour_survive(host: Any, overlapping: Mask) -> None:
    back = mask_from_node(add_segmentation(host.scene, overlapping))
    for kept, given in zip(back.segments, overlapping.segments, strict=True):
        assert kept.terminology == given.terminology
        np.testing.assert_allclose(kept.colour, given.colour, atol=1e-6)


def test_segments_refer_to_the_volume_they_were_drawn_on(host: Any, overlapping: Mask) -> None:
    volume = add_volume(host.scene, Volume(np.zeros(overlapping.shape, np.int16), overlapping.geometry))
    node = add_segmentation(host.scene, overlapping, volume)
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is volume


def test_only_the_wanted_segments_come_back_in_their_order(host: Any, overlapping: Mask) -> None:
    node = add_segmentation(host.scene, overlapping)
    back = mask_from_node(node, ("lesion 1",), grid=overlapping.geometry)
    assert back.names == ("lesion 1",)
    np.testing.assert_array_equal(back.inside(), overlapping.inside("lesion 1"))
    with pytest.raises(InputError, match=r"has no segment 'spleen'\. It has: liver, lesion 1"):
        mask_from_node(node, ("spleen",))


def test_a_label_map_that_is_a_part_of_the_grid_lands_at_its_place(host: Any, overlapping: Mask) -> None:
    part = overlapping.cropped(Box((1, 2, 3), (5, 6, 7)))
    back = mask_from_node(add_segmentation(host.scene, part), grid=overlapping.geometry)
    np.testing.assert_array_equal(back.inside("liver")[1:5, 2:6, 3:7], part.inside("liver"))
    assert back.inside("liver").sum() == part.inside("liver").sum()


def test_another_grid_is_refused_with_a_sentence(host: Any, overlapping: Mask) -> None:
    moved = overlapping.geometry.ijk_to_ras.copy()
    moved[:3, 3] += 0.3
    with pytest.raises(InputError, match="another voxel grid"):
        mask_from_node(add_segmentation(host.scene, overlapping), grid=Geometry(moved, overlapping.shape))


@pytest.mark.parametrize("kind", ["bool", "int64", "uint16", "int32"])
def test_label_maps_of_any_whole_type_are_taken(host: Any, kind: str) -> None:
    layer = (np.arange(24).reshape(2, 3, 4) % 2).astype(kind)
    mask = Mask(layer, Geometry.from_spacing((2, 3, 4)), (Segment("liver"),))
    np.testing.assert_array_equal(mask_from_node(add_segmentation(host.scene, mask)).inside(), layer == 1)


def test_an_empty_segmentation_gives_an_empty_mask(host: Any) -> None:
    mask = Mask.single(np.zeros((2, 3, 4), bool), Geometry.from_spacing((2, 3, 4)), "liver")
    assert not mask_from_node(add_segmentation(host.scene, mask), grid=mask.geometry).inside().any()

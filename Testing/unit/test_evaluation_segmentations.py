"""Overlap and surface distances of segmentations beside MONAI, and what empty masks give."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.overlap import dice, jaccard, overlap_by_label
from synthetic_imaging.evaluation.surfaces import surface_distances, surface_distances_by_label, surface_voxels

SPACING = (2.5, 0.8, 1.1)


def blobs(seed: int, shape: tuple[int, ...] = (14, 20, 18)) -> np.ndarray:
    from scipy import ndimage

    return ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2) > 0.05


def by_monai(one: np.ndarray, other: np.ndarray, spacing: tuple[float, ...], tolerance: float) -> dict[str, float]:
    import torch
    from monai import metrics

    pair = [torch.from_numpy(mask)[None, None].float() for mask in (one, other)]
    options = {"include_background": True, "spacing": spacing}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "dice": float(metrics.compute_dice(*pair)),
            "jaccard": float(metrics.compute_iou(*pair)),
            "hd": float(metrics.compute_hausdorff_distance(*pair, **options)),
            "hd95": float(metrics.compute_hausdorff_distance(*pair, percentile=95, **options)),
            "assd": float(metrics.compute_average_surface_distance(*pair, symmetric=True, **options)),
            "nsd": float(metrics.compute_surface_dice(*pair, class_thresholds=[tolerance], **options)),
        }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(14, 20, 18), (30, 25)])
def test_measures_equal_monai(seed: int, shape: tuple[int, ...]) -> None:
    one, other, spacing = blobs(seed, shape), blobs(seed + 50, shape), SPACING[-len(shape) :]
    expected = by_monai(one, other, spacing, 2.0)
    found = surface_distances(one, other, spacing)
    made = {
        "dice": dice(one, other), "jaccard": jaccard(one, other), "hd": found.hausdorff_mm,
        "hd95": found.hausdorff95_mm, "assd": found.assd_mm, "nsd": found.nsd(2.0),
    }  # fmt: skip
    assert made == pytest.approx(expected, rel=1e-5)


def test_a_shifted_box_has_the_distances_that_it_must_have() -> None:
    one, other = np.zeros((2, 20, 20, 20), bool)
    one[5:10, 5:10, 5:10] = other[8:13, 5:10, 5:10] = True
    found = surface_distances(one, other, (2.0, 1.0, 1.0))
    assert found.hausdorff_mm == 6.0
    assert found.nsd(6.0) == 1 and found.nsd(0.0) < 1
    assert dice(one, other) == pytest.approx(2 * 50 / 250)
    assert jaccard(one, other) == pytest.approx(50 / 200)


def test_a_mask_cut_by_the_image_has_a_surface_there() -> None:
    assert len(surface_voxels(np.ones((3, 3, 3), bool))) == 26
    assert surface_voxels(np.zeros((3, 3), bool)).shape == (0, 2)
    assert surface_voxels(np.pad(np.ones((1, 1, 1), bool), 2)).tolist() == [[2, 2, 2]]


def test_each_label_by_itself() -> None:
    one = np.zeros((12, 12, 12), np.uint8)
    one[1:5, 1:5, 1:5], one[6:11, 6:11, 6:11] = 3, 7
    other = np.roll(one, 1, axis=1)
    other[0, 0, 0] = 200
    overlaps, surfaces = overlap_by_label(one, other), surface_distances_by_label(one, other, SPACING)
    assert list(overlaps) == list(surfaces) == [3, 7, 200]
    for label in (3, 7):
        assert overlaps[label].dice == dice(one == label, other == label)
        assert overlaps[label].voxels == overlaps[label].reference_voxels == np.count_nonzero(one == label)
        whole = surface_distances(one == label, other == label, SPACING)
        assert surfaces[label].assd_mm == whole.assd_mm
        assert surfaces[label].hausdorff_mm == pytest.approx(0.8)
    assert overlaps[200].dice == 0 and math.isinf(surfaces[200].hausdorff_mm)
    asked = overlap_by_label(one, other, [7, 9])
    assert list(asked) == [7, 9] and math.isnan(asked[9].dice)
    huge = overlap_by_label(one.astype(np.int64) * 10**9, other.astype(np.int64) * 10**9)
    assert huge[7 * 10**9] == overlaps[7]


def test_empty_masks_follow_the_rules() -> None:
    empty, full = np.zeros((4, 4, 4)), np.ones((4, 4, 4))
    assert math.isnan(dice(empty, empty)) and math.isnan(jaccard(empty, empty))
    assert dice(empty, empty, both_empty=1.0) == 1
    assert dice(empty, full) == jaccard(full, empty) == 0
    none = surface_distances(empty, empty, SPACING)
    assert all(math.isnan(v) for v in (none.hausdorff_mm, none.hausdorff95_mm, none.assd_mm, none.nsd(1.0)))
    for pair in ((empty, full), (full, empty)):
        one = surface_distances(*pair, SPACING)
        assert math.isinf(one.hausdorff_mm) and math.isinf(one.hausdorff95_mm) and math.isinf(one.assd_mm)
        assert one.nsd(1000.0) == 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.1, 20), tolerance=st.floats(0, 5))
def test_laws(seed: int, scale: float, tolerance: float) -> None:
    one, other = blobs(seed, (9, 10, 11)), blobs(seed + 1, (9, 10, 11))
    found = surface_distances(one, other, SPACING)
    turned = surface_distances(other, one, SPACING)
    scaled = surface_distances(one, other, [s * scale for s in SPACING])
    moved = surface_distances(one.transpose(2, 0, 1), other.transpose(2, 0, 1), (SPACING[2], SPACING[0], SPACING[1]))
    assert dice(one, other) == dice(other, one)
    assert jaccard(one, other) == pytest.approx(dice(one, other) / (2 - dice(one, other)))
    assert dice(one, one) == 1 and surface_distances(one, one, SPACING).hausdorff_mm == 0
    for name in ("hausdorff_mm", "hausdorff95_mm", "assd_mm"):
        value = getattr(found, name)
        assert getattr(turned, name) == pytest.approx(value)
        assert getattr(moved, name) == pytest.approx(value)
        assert getattr(scaled, name) == pytest.approx(scale * value)
    assert found.assd_mm <= found.hausdorff_mm and found.hausdorff95_mm <= found.hausdorff_mm
    assert 0 <= found.nsd(tolerance) <= found.nsd(tolerance + 1) <= 1
    assert found.nsd(found.hausdorff_mm) == 1


def test_bad_input_gets_a_sentence() -> None:
    mask = blobs(0)
    with pytest.raises(InputError, match="The segmentation is 13 x 20 x 18, the reference 14 x 20 x 18"):
        dice(mask[1:], mask)
    with pytest.raises(InputError, match="not numbers"):
        dice(np.where(mask, np.nan, 0), mask)
    with pytest.raises(InputError, match="whole numbers"):
        overlap_by_label(mask * 0.5, mask)
    with pytest.raises(InputError, match="0 or more, not -1"):
        overlap_by_label(mask * -1, mask)
    with pytest.raises(ParameterError, match="above 0 mm, not 1, -1, 1"):
        surface_distances(mask, mask, (1, -1, 1))
    with pytest.raises(ParameterError, match="3 spacings are needed"):
        surface_distances(mask, mask, (1, 1))
    with pytest.raises(InputError, match="slices"):
        surface_distances(mask[0, 0], mask[0, 0], (1,))
    with pytest.raises(ParameterError, match="tolerance must be 0 mm or more"):
        surface_distances(mask, mask, SPACING).nsd(-1)
    with pytest.raises(ParameterError, match="between 0 and 100"):
        surface_distances(mask, mask, SPACING).percentile_mm(101)

"""To the model's grid and back: in the right place on every grid, the same image that training has seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from synthetic_imaging.context import Run
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.learning.data.gridding import place
from synthetic_imaging.learning.recipe import DataShape
from synthetic_imaging.segmentation.carrying import labels_on_image, values_on_image
from synthetic_imaging.segmentation.domain import cumulative_histogram, distances, domain_of, unknown
from synthetic_imaging.segmentation.doubt import doubt, entropy, shifted
from synthetic_imaging.segmentation.model_grid import axis_weights, covering, onto_model_grid
from synthetic_imaging.segmentation.parts import keep_largest_parts, without_small_parts
from synthetic_imaging.segmentation.settings import Augmentation

CT = DataShape((48, 48, 48), (3.5, 3.5, 3.5), "CT", (-1000.0, 2000.0), ("one", "two"))
US = DataShape((20, 24, 24), (0.0, 0.0, 0.0), "US", (0.0, 255.0), ("one",))


def tilted(
    shape: tuple[int, int, int] = (30, 40, 36), spacing: tuple[float, float, float] = (1.1, 1.7, 2.9)
) -> Geometry:
    a = np.deg2rad(20)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0.1, 1]])
    return Geometry.from_spacing(shape, spacing, (4.0, -7.0, 90.0), turn * np.array([-1.0, 1.0, -1.0]))


def in_patient(geometry: Geometry) -> np.ndarray[Any, Any]:
    kji = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1)
    return geometry.ras_from_kji(kji)


def test_the_model_s_grid_covers_the_whole_image_at_the_model_s_voxel_size() -> None:
    grid = tilted()
    placing = covering(grid, CT)
    assert placing.geometry.spacing_kji_mm == pytest.approx((3.5, 3.5, 3.5))
    for corner in np.ndindex(2, 2, 2):
        kji = [(n - 1) * c for n, c in zip(grid.shape, corner, strict=True)]
        at = placing.geometry.kji_from_ras(grid.ras_from_kji(kji))
        assert (at > -0.5 - 1e-9).all() and (at < np.array(placing.shape_kji) - 0.5 + 1e-9).all()
    assert covering(grid, US).shape_kji == US.shape_kji


def test_resampling_equals_that_of_training_images() -> None:
    grid = tilted((40, 60, 50), (0.8, 0.9, 1.2))
    voxels = ndimage.gaussian_filter(np.random.default_rng(0).normal(0, 900, grid.shape), 1.5).astype(np.float32)
    placing = covering(grid, CT)
    ours = onto_model_grid(voxels, placing, (-1000.0, 2000.0), False, Run())
    theirs = (placing.image(voxels, outside=-1000.0) + 1000) / 3000
    inner = (slice(1, -1),) * 3  # beyond the edge training images are padded, here the edge goes on
    assert ours.shape == placing.shape_kji and np.abs(ours - theirs)[inner].max() < 2e-3


def test_rows_of_weights_sum_to_one_and_a_ramp_stays_a_ramp() -> None:
    weights = axis_weights(60, 2.3, 3.1, 18)
    assert weights.shape == (18, 60) and weights.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(weights[2:-2] @ np.arange(60), 2.3 + 3.1 * np.arange(18)[2:-2], atol=1e-4)
    np.testing.assert_allclose(axis_weights(9, 0.0, 1.0, 9), np.eye(9), atol=1e-6)


def test_values_come_back_to_where_they_belong_in_the_patient() -> None:
    grid = tilted()
    placing = covering(grid, CT)
    ramp = (in_patient(placing.geometry) @ [0.3, -0.5, 0.7]).astype(np.float32)
    back = values_on_image(ramp, placing, Run())
    expected = in_patient(grid) @ [0.3, -0.5, 0.7]
    inside = (slice(3, -3),) * 3
    assert back.shape == grid.shape and np.abs(back - expected)[inside].max() < 1e-3


def test_labels_are_decided_voxel_by_voxel_as_if_all_shares_were_interpolated() -> None:
    grid, rng = tilted(), np.random.default_rng(3)
    placing = covering(grid, CT)
    logits = ndimage.gaussian_filter(rng.normal(size=(4, *placing.shape_kji)), (0, 2, 2, 2)) * 60
    shares = np.exp(logits - logits.max(axis=0))
    shares = (shares / shares.sum(axis=0)).astype(np.float32)
    found = labels_on_image(shares, placing, Run())
    dense = np.stack([values_on_image(s, placing, Run()) for s in shares]).argmax(axis=0)
    assert found.dtype == np.uint8 and np.mean(found == dense) > 0.9999 and len(np.unique(found)) == 4


def test_a_ball_keeps_its_volume_and_centre_through_a_coarse_grid() -> None:
    grid = tilted((60, 60, 60), (1.0, 1.0, 1.0))
    centre = grid.ras_from_kji((29.5, 31.0, 27.0))
    placing = covering(grid, CT)
    inside = 1 / (1 + np.exp(np.linalg.norm(in_patient(placing.geometry) - centre, axis=-1) - 16))
    labels = labels_on_image(np.stack([1 - inside, inside]).astype(np.float32), placing, Run())
    truth = np.linalg.norm(in_patient(grid) - centre, axis=-1) < 16
    dice = 2 * np.count_nonzero(truth & (labels == 1)) / (truth.sum() + labels.sum())
    assert dice > 0.97
    assert np.linalg.norm(in_patient(grid)[labels == 1].mean(axis=0) - centre) < 0.3


def test_ultrasound_keeps_its_own_axes_and_the_whole_image() -> None:
    grid = tilted((30, 40, 36))
    placing = covering(grid, US)
    assert placing.order == (0, 1, 2) and placing.turned == ()
    voxels = np.random.default_rng(1).integers(0, 256, grid.shape).astype(np.uint8)
    image = onto_model_grid(voxels, placing, (0.0, 255.0), True, Run())
    assert image.shape == US.shape_kji and image.min() >= 0 and image.max() <= 1


def test_a_phantom_on_the_training_grid_is_the_very_array_of_its_training_case() -> None:
    from synthetic_imaging.phantoms.heart.labels import ct_grid

    voxels = np.random.default_rng(2).normal(100, 300, CT.shape_kji).astype(np.float32)
    placing = covering(ct_grid(CT.shape_kji, 3.5), CT)
    image = onto_model_grid(voxels, placing, (-1000.0, 2000.0), False, Run())
    np.testing.assert_allclose(image, np.clip((voxels + 1000) / 3000, 0, 1), atol=1e-6)
    assert place(ct_grid(CT.shape_kji, 3.5), CT).shape_kji == CT.shape_kji


# Parts, doubt, domain.


def test_small_parts_go_to_what_is_next_most_likely() -> None:
    shares = np.zeros((3, 12, 12, 12), dtype=np.float32)
    shares[0] = 0.4
    shares[2, :, :6] = 0.5
    shares[1, :, 6:, 2:9] = 0.6
    shares[1, 1:3, 1:3, 1:3] = 0.7
    kept = without_small_parts(shares).argmax(axis=0)
    assert shares[1, 1, 1, 1] == np.float32(0.7) and kept[1, 1, 1] == 2
    for label in (1, 2):
        assert ndimage.label(kept == label, np.ones((3, 3, 3)))[1] == 1
    labels = shares.argmax(axis=0).astype(np.uint8)
    keep_largest_parts(labels, 2)
    assert labels[1, 1, 1] == 0 and labels[5, 8, 5] == 1


def test_doubt_is_nothing_where_answers_agree_and_most_where_all_are_alike() -> None:
    sure = np.zeros((3, 8, 8, 8), dtype=np.float32)
    sure[1] = 1
    image = np.random.default_rng(0).random((1, 8, 8, 8), dtype=np.float32)
    none = doubt(image, sure, lambda x, run: sure, 3, Augmentation(), Run(seed=1))
    assert none.shape == (8, 8, 8) and none.max() < 1e-3
    assert entropy(np.full((3, 2, 2, 2), 1 / 3, dtype=np.float32)) == pytest.approx(1.0)


def test_doubt_is_highest_at_an_edge_and_follows_the_seed() -> None:
    image = np.broadcast_to(np.clip(np.arange(20) / 20 - 0.1, 0.2, 0.6), (1, 10, 10, 20)).astype(np.float32)

    def answer(x: Any, run: Run) -> Any:
        bright = (x[0] > 0.4).astype(np.float32) * 0.98 + 0.01
        return np.stack([1 - bright, bright])

    maps = [doubt(image, answer(image, Run()), answer, 6, Augmentation(), Run(seed=s)) for s in (1, 1, 2)]
    assert np.array_equal(maps[0], maps[1]) and not np.array_equal(maps[0], maps[2])
    assert maps[0][:, :, 8:12].mean() > 2 * maps[0][:, :, :4].mean()
    assert np.array_equal(shifted(shifted(image, [0, 1, 0]), [0, -1, 0]), image)


def hearts(seed: int, offset: float = 0.0) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    return [np.clip(rng.normal(0.35 + offset, 0.1, (20, 20, 20)), 0, 1).astype(np.float32) for _ in range(8)]


def test_an_image_like_the_training_ones_is_inside_and_others_are_told_by_what_is_other() -> None:
    domain = domain_of(hearts(0), (3.5, 3.5, 3.5))
    extent, spacing, model = (70.0, 70.0, 70.0), (1.0, 1.0, 3.0), (3.5, 3.5, 3.5)
    like = distances(domain, hearts(1)[0], extent, spacing, model)
    assert like.largest < 1 and "within" in like.sentence
    darker = distances(domain, hearts(1, -0.2)[0], extent, spacing, model)
    assert darker.intensities > 3 and darker.voxel_size == darker.field_of_view == 0 and "outside" in darker.sentence
    assert distances(domain, hearts(1)[0], extent, (7.0, 1.0, 1.0), model).voxel_size == pytest.approx(1.0)
    assert distances(domain, hearts(1)[0], (70, 70, 70 * 1.25), spacing, model).field_of_view == pytest.approx(1.0)
    assert distances(domain, hearts(1)[0], (70, 20, 70), spacing, model).field_of_view > 1


def test_of_a_model_without_a_domain_nothing_is_claimed() -> None:
    apart = distances(unknown(), hearts(0)[0], (70, 70, 70), (1, 1, 1), (3.5, 3.5, 3.5))
    assert np.isnan(apart.intensities) and apart.voxel_size == 0
    assert cumulative_histogram(hearts(0)[0])[-1] == pytest.approx(1.0)
    shrinking = distances(domain_of(hearts(0), (0, 0, 0)), hearts(1)[0], (9, 9, 9), (1, 1, 1), (0, 0, 0))
    assert shrinking.intensities < 1.5 and np.isnan(shrinking.field_of_view)

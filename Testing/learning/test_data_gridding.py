"""An image onto a recipe's grid and back: exact places, no enlarging, symmetric padding, on grids of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synthetic_imaging as si
from synthetic_imaging.learning.data.cases import on_grid
from synthetic_imaging.learning.data.gridding import place
from synthetic_imaging.learning.data.label_names import map_labels
from synthetic_imaging.learning.recipe import DataShape


def ramp(grid: si.Geometry) -> np.ndarray:
    """A linear function of the place in the patient: shows every error of geometry."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    return (grid.ras_from_kji(index) @ np.array([1.0, 2.0, -3.0])).astype(np.float32)


def turned_grid(kind: str) -> si.Geometry:
    directions = np.eye(3)
    if kind == "left-handed":
        directions = np.diag([-1.0, 1.0, 1.0])
    if kind == "axes exchanged":
        directions = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    if kind in ("oblique", "sheared"):
        a = np.deg2rad(20)
        directions = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.0]])
    if kind == "sheared":
        directions[:, 2] = [0, np.sin(0.2), np.cos(0.2)]
    return si.Geometry.from_spacing((18, 22, 26), (1.0, 1.4, 2.5), (5.0, -9.0, 30.0), directions)


@pytest.mark.parametrize("kind", ["straight", "left-handed", "axes exchanged", "oblique", "sheared"])
def test_values_keep_their_place_in_the_patient(kind: str) -> None:
    grid = turned_grid(kind)
    placing = place(grid, DataShape((10, 12, 12), (2.5, 2.0, 2.0), "CT", None))
    made = placing.image(ramp(grid))
    expected = ramp(placing.geometry)
    inner = (slice(3, -3),) * 3
    assert np.abs(made - expected)[inner].max() < 0.02
    axes = placing.geometry.directions_ras
    assert (np.argmax(np.abs(axes), axis=0) == [0, 1, 2]).all()
    assert (np.diag(axes) * (-1, -1, 1) > 0).all(), "left, posterior, superior"


def test_diff3_shrinks_by_one_factor_and_pads_both_sides() -> None:
    grid = si.Geometry.from_spacing((40, 20, 30), (0.8, 0.8, 0.8))
    placing = place(grid, DataShape((20, 20, 20), (0.0, 0.0, 0.0), "US", None))
    assert placing.step_kji == (2.0, 2.0, 2.0)
    made = placing.image(np.ones(grid.shape))
    full = np.argwhere(made > 0.5)
    assert full.min(axis=0).tolist() == [0, 5, 2]
    assert full.max(axis=0).tolist() == [19, 14, 16]
    assert placing.geometry.spacing_kji_mm == pytest.approx((1.6, 1.6, 1.6))


def test_a_small_image_is_never_enlarged_and_keeps_its_voxels() -> None:
    rng = np.random.default_rng(0)
    voxels = rng.random((9, 10, 11)).astype(np.float32)
    grid = si.Geometry.from_spacing(voxels.shape, (0.5, 0.5, 0.5))
    placing = place(grid, DataShape((16, 16, 16), (0.0, 0.0, 0.0), "US", None))
    made = placing.image(voxels, cubic=True)
    at = tuple(slice(round(-a), round(-a) + n) for a, n in zip(placing.start_kji, voxels.shape, strict=True))
    assert np.array_equal(made[at], voxels)
    assert made.sum() == pytest.approx(voxels.sum(), rel=1e-5)


def test_a_grid_smaller_than_the_image_moves_to_the_labels_but_not_beyond_the_image() -> None:
    grid = si.Geometry.from_spacing((20, 40, 40), (1.0, 1.0, 1.0))
    inside = np.zeros(grid.shape, bool)
    inside[8:12, 30:38, 2:8] = True
    shape = DataShape((16, 16, 16), (1.0, 1.0, 1.0), "CT", (0.0, 1.0), ("organ",))
    mask = si.Mask.single(inside, grid, "organ")
    case = on_grid(si.Volume(inside.astype(np.float32), grid, modality="CT"), map_labels(mask, ("organ",)), shape)
    assert case.label is not None
    assert case.label.sum() == inside.sum()
    assert case.placing.outside_share(inside) == 0.0
    assert case.placing.start_kji[2] == 24.0, "at the image's edge, not outside it"
    assert case.placing.start_kji[1] == 0.0
    corner = np.zeros(grid.shape, bool)
    corner[0, 0, 39] = True
    assert case.placing.outside_share(corner) == 1.0


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(8, 24)] * 3), st.tuples(*[st.floats(0.6, 3.0)] * 3), st.booleans())
def test_a_label_goes_to_the_grid_and_back(counts: tuple[int, ...], spacing: tuple[float, ...], flipped: bool) -> None:
    directions = np.diag([-1.0, -1.0, 1.0]) if flipped else np.eye(3)
    grid = si.Geometry.from_spacing(counts, spacing, (1.0, 2.0, 3.0), directions)
    shape = DataShape((96, 96, 96), (0.8, 0.8, 0.8), "CT", None)
    placing = place(grid, shape)
    inside = np.zeros(counts, np.uint8)
    inside[2:-2, 2:-2, 2:-2] = 3
    back = placing.back(placing.label(inside), nearest=True)
    assert back.shape == inside.shape
    assert back.dtype == np.uint8
    eroded = np.zeros(counts, bool)
    eroded[3:-3, 3:-3, 3:-3] = True
    assert (back[eroded] == 3).all()
    assert back[0].max() == 0
    volume = np.count_nonzero(placing.label(inside)) * placing.geometry.voxel_volume_mm3
    truth = np.count_nonzero(inside) * grid.voxel_volume_mm3
    # A voxel's width at each face is what nearest neighbours may be off.
    slack = np.prod([(n - 4) * mm + 0.8 for n, mm in zip(counts, grid.spacing_kji_mm, strict=True)]) - truth
    assert abs(volume - truth) <= slack + 1.0


def test_thinning_out_does_not_alias() -> None:
    grid = si.Geometry.from_spacing((32, 32, 32), (1.0, 1.0, 1.0))
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (32, 32, 16))
    placing = place(grid, DataShape((12, 12, 12), (2.75, 2.75, 2.75), "CT", None))
    made = placing.image(stripes)[3:-3, 3:-3, 3:-3]
    assert made.std() < 0.1, "stripes finer than the grid become grey, not other stripes"


def test_the_window_without_one_is_the_images_own() -> None:
    rng = np.random.default_rng(0)
    grid = si.Geometry.from_spacing((16, 16, 16))
    volume = si.Volume(rng.normal(500, 100, grid.shape).astype(np.float32), grid, modality="MR")
    case = on_grid(volume, None, DataShape((16, 16, 16), (1.0, 1.0, 1.0), "MR", None))
    assert case.label is None
    assert 0.0 <= case.image.min() < 0.05
    assert 0.95 < case.image.max() <= 1.0
    assert case.window[0] < 300 < 700 < case.window[1]

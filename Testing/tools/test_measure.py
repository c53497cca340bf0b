"""Measuring lesions: analytic shapes, any grid, odd masks."""
# ruff: noqa: RUF005 - points are arrays: + moves them

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synthetic_imaging as si
from synthetic_imaging.context import Run
from synthetic_imaging.lesions.diameters import axial_diameters, three_axes_mm
from synthetic_imaging.lesions.distances import signed_distance_mm
from synthetic_imaging.lesions.measure import measure, slice_position_mm
from synthetic_imaging.running import run

SHEARED = np.array([[0.8, 0.1, 0.5, -20.0], [0.0, 0.9, -0.6, 5.0], [0.1, 0.0, 2.0, 40.0], [0, 0, 0, 1]])


def straight(shape=(24, 40, 44), spacing=(0.9, 0.9, 2.0)) -> si.Geometry:
    return si.Geometry.from_spacing(shape, spacing, (-30.0, 12.0, 5.0))


def oblique(shape=(24, 40, 44), spacing=(0.9, 0.8, 2.0), angle=0.4, left_handed=False) -> si.Geometry:
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    if left_handed:
        turn[:, 0] *= -1
    return si.Geometry.from_spacing(shape, spacing, (-30.0, 12.0, 5.0), turn)


def grids() -> list[si.Geometry]:
    return [straight(), oblique(), oblique(left_handed=True), si.Geometry(SHEARED, (24, 40, 44))]


def positions(grid: si.Geometry) -> np.ndarray:
    return grid.ras_from_kji(np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1))


def middle(grid: si.Geometry) -> np.ndarray:
    return grid.ras_from_kji((np.array(grid.shape) - 1) / 2)


def ball(grid: si.Geometry, radius: float, centre=None) -> np.ndarray:
    return np.linalg.norm(positions(grid) - (middle(grid) if centre is None else centre), axis=-1) <= radius


def image(grid: si.Geometry, lesion=None, drop=-50.0, background=100.0) -> si.Volume:
    voxels = np.full(grid.shape, background) + np.random.default_rng(1).normal(0, 8, grid.shape) - 0.0
    if lesion is not None:
        voxels[lesion] += drop
    voxels[0, 0, 0] = -900
    return si.Volume.ct(np.rint(voxels).astype(np.int16), grid)


def only_row(**given) -> dict:
    table = run(measure, seed=0, **given).measurements
    assert len(table) == 1
    return next(iter(table))


@pytest.mark.parametrize("grid", grids(), ids=["straight", "oblique", "left-handed", "sheared"])
def test_a_ball_has_its_size_on_every_grid(grid):
    radius = 8.0
    lesion = ball(grid, radius)
    row = only_row(volume=image(grid, lesion), lesions=si.Mask.single(lesion, grid, "lesion 1"))
    voxel = max(grid.spacing_ijk_mm)
    in_plane = max(grid.spacing_ijk_mm[:2])
    assert row["volume_ml"] == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.05)
    assert row["sphere_diameter_mm"] == pytest.approx(2 * radius, rel=0.017)
    for key in ("axial_long_mm", "axial_short_mm"):
        assert row[key] == pytest.approx(2 * radius, abs=in_plane)
    for key in ("longest_3d_mm", "axis_2_mm", "axis_3_mm"):
        assert row[key] == pytest.approx(2 * radius, abs=voxel)
    centre = [row["centroid_r_mm"], row["centroid_a_mm"], row["centroid_s_mm"]]
    assert np.allclose(centre, middle(grid), atol=0.3)
    assert row["slice_position_mm"] == pytest.approx(slice_position_mm(grid, row["slice"]))
    assert row["cut_by_image_edge"] is False


@pytest.mark.parametrize("grid", grids()[:3], ids=["straight", "oblique", "left-handed"])
def test_an_ellipsoid_has_its_three_axes(grid):
    semi = np.array([12.0, 7.0, 9.0])  # along I, J, K: the longest axis lies in the slice
    local = (positions(grid) - middle(grid)) @ grid.directions_ras
    lesion = ((local / semi) ** 2).sum(axis=-1) <= 1
    row = only_row(volume=image(grid), lesions=si.Mask.single(lesion, grid, "tumour"))
    voxel = max(grid.spacing_ijk_mm)
    assert row["axial_long_mm"] == pytest.approx(24, abs=1)
    assert row["axial_short_mm"] == pytest.approx(14, abs=1)
    assert [row[k] for k in ("longest_3d_mm", "axis_2_mm", "axis_3_mm")] == pytest.approx([24, 18, 14], abs=voxel)


@pytest.mark.parametrize("grid", grids(), ids=["straight", "oblique", "left-handed", "sheared"])
def test_one_voxel_has_the_size_of_a_voxel(grid):
    lesion = np.zeros(grid.shape, bool)
    lesion[3, 4, 5] = True
    row = only_row(volume=image(grid), lesions=si.Mask.single(lesion, grid, "lesion 1"))
    i, j, k = grid.spacing_ijk_mm
    assert row["axial_long_mm"] == pytest.approx(max(i, j))
    assert row["longest_3d_mm"] == pytest.approx(max(i, j, k))
    assert row["volume_ml"] == pytest.approx(grid.voxel_volume_mm3 / 1000)
    assert row["sd_hu"] == 0
    assert row["slice"] == 3
    assert row["axial_short_mm"] > 0 and row["axis_3_mm"] > 0


def test_a_row_of_voxels_is_as_long_as_the_row():
    grid = straight()
    lesion = np.zeros(grid.shape, bool)
    lesion[3, 4, 5:15] = True
    found = axial_diameters(lesion, grid)
    assert found.long_mm == pytest.approx(9.0)
    assert found.short_mm == pytest.approx(0.9)
    assert np.linalg.norm(found.ends_ras_mm[1] - found.ends_ras_mm[0]) == pytest.approx(9.0)
    assert np.allclose(np.sort(found.ends_ras_mm[:, 0]), np.sort(grid.ras_from_kji([[3, 4, 4.5], [3, 4, 14.5]])[:, 0]))
    assert three_axes_mm(lesion, grid) == pytest.approx((9.0, 2.0, 0.9))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 6.3), st.sampled_from([1, 2, 30, 400]))
def test_diameters_are_those_of_all_pairs_and_do_not_change_when_the_patient_turns(seed, angle, count):
    rng = np.random.default_rng(seed)
    lesion = np.zeros((5, 9, 8), bool)
    lesion.reshape(-1)[rng.choice(lesion.size, min(count, lesion.size), replace=False)] = True
    grid = oblique(lesion.shape, (0.7, 1.1, 2.5), angle)
    kji = np.argwhere(lesion)
    faces = np.concatenate([kji + s * np.eye(3)[a] for a in range(3) for s in (-0.5, 0.5)])
    ras = grid.ras_from_kji(faces)
    longest = np.linalg.norm(ras[:, None] - ras[None], axis=-1).max()
    axes = three_axes_mm(lesion, grid)
    assert axes[0] == pytest.approx(longest)
    assert axes[0] >= axes[1] - 1e-9 and axes[1] >= axes[2] - 1e-9
    # The longest diameter is the same in every direction of the patient (the pair behind it may be a twin).
    assert three_axes_mm(lesion, oblique(lesion.shape, (0.7, 1.1, 2.5), 0.0))[0] == pytest.approx(axes[0])
    assert axial_diameters(lesion, grid).long_mm <= axes[0] + 1e-9


def test_intensity_and_contrast_are_those_of_lesion_and_shell():
    grid = straight()
    lesion = ball(grid, 6)
    volume = image(grid, lesion)
    other = ball(grid, 4, middle(grid) + [13, 0, 0])
    voxels = volume.voxels.copy()
    voxels[other] = -500
    vessel = np.zeros(grid.shape, bool)
    vessel[:, 30:32, 10:30] = True
    voxels[vessel] = 900
    volume = volume.like(voxels)
    organ = np.zeros(grid.shape, bool)
    organ[1:-1, 2:-2, 2:-2] = True
    lesions = si.Mask.stacked([(si.Segment("liver"), organ), (si.Segment("lesion 1"), lesion),
                               (si.Segment("lesion 2"), other)], grid)
    table = run(measure, seed=0, volume=volume, lesions=lesions, vessels=si.Mask.single(vessel, grid, "vessel"),
                gap_mm=1.0).measurements
    first = next(iter(table))
    assert table.column("lesion") == ["lesion 1", "lesion 2"]
    assert first["mean_hu"] == pytest.approx(float(voxels[lesion].mean()))
    assert first["min_hu"] == float(voxels[lesion].min())
    assert first["organ_mean_hu"] == pytest.approx(100, abs=1)
    assert first["contrast_hu"] == pytest.approx(-50, abs=2)
    gap = min(np.abs(positions(grid)[lesion][:, 1, None] - positions(grid)[vessel][None, :1, 1]).min(), 99) - 0.9
    assert first["to_vessel_mm"] == pytest.approx(gap, abs=0.5)


def test_other_units_have_no_hu_in_their_columns():
    grid = straight()
    lesion = ball(grid, 5)
    volume = si.Volume(np.random.default_rng(0).random(grid.shape).astype(np.float32), grid, modality="MR")
    row = only_row(volume=volume, lesions=si.Mask.single(lesion, grid, "whatever"))
    assert "mean" in row and "mean_hu" not in row
    assert row["contrast"] is None and row["to_organ_surface_mm"] is None and row["to_vessel_mm"] is None


@pytest.mark.parametrize("grid", [straight(), si.Geometry(SHEARED, (24, 40, 44))], ids=["straight", "sheared"])
def test_distance_to_the_organ_surface(grid):
    organ, lesion = ball(grid, 14), ball(grid, 4)
    mask = si.Mask.single(lesion, grid, "lesion 1")
    volume = image(grid)
    solid = si.Mask.single(organ, grid, "liver")
    inside = only_row(volume=volume, lesions=mask, organ=solid)["to_organ_surface_mm"]
    assert inside == pytest.approx(10, abs=2.5)  # two surfaces, half a (long) voxel each
    # A label map with one value a voxel: the organ is hollow where the lesion is.
    hollow = only_row(volume=volume, lesions=mask, organ=si.Mask.single(organ & ~lesion, grid, "liver"))
    assert hollow["to_organ_surface_mm"] == pytest.approx(inside)
    half = only_row(volume=volume, lesions=si.Mask.single(ball(grid, 4, middle(grid) + [14, 0, 0]), grid, "lesion"),
                    organ=solid)
    assert half["to_organ_surface_mm"] == 0
    apart = si.Mask.single(ball(grid, 3), grid, "lesion")
    far = only_row(volume=volume, lesions=apart, organ=si.Mask.single(organ & ~ball(grid, 8), grid, "liver"))
    assert far["to_organ_surface_mm"] == pytest.approx(-5, abs=1.5)


def test_a_lesion_three_voxels_under_the_surface_is_three_voxels_deep():
    grid = straight()
    organ = np.zeros(grid.shape, bool)
    organ[2:22, 5:35, 5:40] = True
    lesion = np.zeros(grid.shape, bool)
    lesion[8:12, 15:20, 8:12] = True
    row = only_row(volume=image(grid), lesions=si.Mask.single(lesion, grid, "lesion"),
                   organ=si.Mask.single(organ, grid, "liver"))
    assert row["to_organ_surface_mm"] == pytest.approx(3 * 0.9)


def test_an_organ_cut_by_the_image_has_no_surface_there():
    grid = straight()
    lesion = np.zeros(grid.shape, bool)
    lesion[0:3, 15:20, 10:14] = True
    organ = np.ones(grid.shape, bool)
    organ[:, :, 40:] = False
    row = only_row(volume=image(grid), lesions=si.Mask.single(lesion, grid, "lesion"),
                   organ=si.Mask.single(organ, grid, "liver"))
    assert row["cut_by_image_edge"] is True
    assert row["to_organ_surface_mm"] == pytest.approx(26 * 0.9)
    whole = only_row(volume=image(grid), lesions=si.Mask.single(lesion, grid, "lesion"),
                     organ=si.Mask.single(np.ones(grid.shape, bool), grid, "liver"))
    assert whole["to_organ_surface_mm"] is None


def test_necrosis_is_part_of_its_tumour():
    grid = straight()
    tumour = ball(grid, 8)
    dead = ball(grid, 4)
    mask = si.Mask.stacked([(si.Segment("liver"), ball(grid, 15)), (si.Segment("tumour"), tumour),
                            (si.Segment("necrosis"), dead)], grid)
    row = only_row(volume=image(grid), lesions=mask)
    assert row["lesion"] == "tumour"
    assert row["necrotic_percent"] == pytest.approx(100 * dead.sum() / tumour.sum())
    assert row["to_organ_surface_mm"] is not None


def test_without_telling_names_the_segment_around_the_others_is_the_organ():
    grid = straight()
    mask = si.Mask.stacked([(si.Segment("Segment_1"), ball(grid, 14)), (si.Segment("Segment_2"), ball(grid, 4))], grid)
    row = only_row(volume=image(grid), lesions=mask)
    assert row["lesion"] == "Segment_2" and row["contrast_hu"] is not None


def test_separate_parts_get_their_own_rows():
    grid = straight()
    both = ball(grid, 3, middle(grid) - [9, 0, 0]) | ball(grid, 4, middle(grid) + [9, 0, 0])
    mask = si.Mask.single(both, grid, "lesion 1")
    table = run(measure, seed=0, volume=image(grid), lesions=mask, separate_parts=True).measurements
    assert len(table) == 2 and table.rows[0][0] == "lesion 1, part 1"
    alone = run(measure, seed=0, volume=image(grid), lesions=si.Mask.single(ball(grid, 4, middle(grid) + [9, 0, 0]),
                                                                           grid, "lesion 1")).measurements
    # Same numbers as when the part is a lesion of its own.
    large = max(table, key=lambda r: r["volume_ml"])
    assert large["longest_3d_mm"] == alone.column("longest_3d_mm")[0]
    few = run(measure, seed=0, volume=image(grid), lesions=mask, separate_parts=True, smallest_ml=0.2).measurements
    assert len(few) == 1
    with pytest.raises(si.InputError, match="no lesion of 5 ml or more"):
        run(measure, seed=0, volume=image(grid), lesions=mask, smallest_ml=5)


def test_empty_lesions_are_said():
    grid = straight()
    empty = si.Mask.single(np.zeros(grid.shape, bool), grid, "lesion 1")
    with pytest.raises(si.InputError, match="holds no voxel"):
        run(measure, seed=0, volume=image(grid), lesions=empty)
    mixed = si.Mask.stacked([(si.Segment("lesion 1"), ball(grid, 4)), (si.Segment("lesion 2"), np.zeros(grid.shape))],
                            grid)
    result = run(measure, seed=0, volume=image(grid), lesions=mixed)
    assert len(result.measurements) == 1
    assert any("'lesion 2' holds no voxel" in n for n in result.notes)
    other = si.Geometry.from_spacing((5, 6, 7))
    with pytest.raises(si.InputError, match="another voxel grid"):
        run(measure, seed=0, volume=image(grid), lesions=si.Mask.single(np.ones(other.shape, bool), other, "lesion"))


def test_cancel_stops_and_csv_has_units():
    grid = straight()
    mask = si.Mask.single(ball(grid, 5), grid, "lesion 1")
    with pytest.raises(si.Cancelled):
        run(measure, context=Run(cancelled=lambda: True), volume=image(grid), lesions=mask)
    text = run(measure, seed=0, volume=image(grid), lesions=mask).measurements.to_csv()
    assert text.startswith("lesion,volume_ml,axial_long_mm") and len(text.splitlines()) == 2


@pytest.mark.parametrize("grid", [straight(), si.Geometry(SHEARED, (24, 40, 44))], ids=["straight", "sheared"])
def test_signed_distance_is_in_patient_millimetres(grid):
    radius = 8.0
    distance = signed_distance_mm(ball(grid, radius), grid)
    truth = np.linalg.norm(positions(grid) - middle(grid), axis=-1) - radius
    assert np.abs(distance - truth).max() < max(grid.spacing_ijk_mm)
    assert np.abs(distance - truth).mean() < 0.5

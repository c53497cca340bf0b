"""Editing lesions: nothing else moves, the filled place looks like tissue, the copy looks like the lesion."""
# ruff: noqa: RUF005 - points are arrays: + moves them

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.special import ndtr

import synthetic_imaging as si
from synthetic_imaging.context import Run
from synthetic_imaging.lesions.distances import signed_distance_mm
from synthetic_imaging.lesions.edit import edit
from synthetic_imaging.lesions.measure import measure
from synthetic_imaging.running import run

SHAPE = (36, 84, 80)
SHEARED = np.array([[-1.0, 0.1, 0.3, 40.0], [0.0, -1.1, -0.5, 45.0], [0.1, 0.0, 2.2, -300.0], [0, 0, 0, 1]])


def straight() -> si.Geometry:
    return si.Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.2), (-40.0, -42.0, -300.0))


def sheared() -> si.Geometry:
    return si.Geometry(SHEARED, SHAPE)


def ras_of(grid: si.Geometry) -> np.ndarray:
    return grid.ras_from_kji(np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1))


def middle(grid: si.Geometry) -> np.ndarray:
    return grid.ras_from_kji((np.array(grid.shape) - 1) / 2)


class Case:
    """An organ with correlated grain and shading, a blurred dark ball in it, fat around."""

    def __init__(self, grid: si.Geometry, radius: float = 7.0, shift=(-12.0, 0.0, 0.0), drop=-50.0, dtype=np.int16):
        rng = np.random.default_rng(5)
        ras = ras_of(grid)
        from_middle = ras - middle(grid)
        self.organ = np.linalg.norm(from_middle / (36, 36, 34), axis=-1) <= 1
        grain = ndimage.gaussian_filter(rng.normal(0, 1, grid.shape), (0.4, 0.6, 1.0))
        self.healthy = np.where(self.organ, 100 + 0.2 * from_middle[..., 0], -90.0) + 14 * grain / grain.std()
        self.centre = middle(grid) + shift
        self.distance = np.linalg.norm(ras - self.centre, axis=-1) - radius
        self.inside = self.distance <= 0
        voxels = self.healthy + drop * ndtr(-self.distance / 1.0) * self.organ
        voxels = np.rint(voxels).astype(dtype) if np.dtype(dtype).kind == "i" else voxels.astype(dtype)
        self.grid = grid
        self.volume = si.Volume.ct(voxels, grid)
        self.lesion = si.Mask.single(self.inside, grid, "lesion 1")
        self.liver = si.Mask.single(self.organ, grid, "liver")

    def run(self, **more):
        given = {"volume": self.volume, "lesion": self.lesion, "organ": self.liver, "seed": 3, **more}
        return run(edit, **given)


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(straight())


def correlation(values: np.ndarray, where: np.ndarray, axis: int) -> float:
    low, high = [slice(None)] * 3, [slice(None)] * 3
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    pairs = where[tuple(low)] & where[tuple(high)]
    return float(np.corrcoef(values[tuple(low)][pairs], values[tuple(high)][pairs])[0, 1])


@pytest.mark.parametrize("grid", [straight(), sheared()], ids=["straight", "sheared"])
def test_a_removed_lesion_leaves_tissue_behind(grid):
    case = Case(grid)
    result = case.run(action="remove")
    values = result.volume.voxels.astype(float)
    shading = 0.2 * (ras_of(grid) - middle(grid))[..., 0]
    flat = values - shading
    filled = case.inside
    ring = (case.distance > 5) & (case.distance < 16) & ndimage.binary_erosion(case.organ, iterations=2)
    assert flat[filled].mean() == pytest.approx(flat[ring].mean(), abs=4)
    assert flat[filled].std() == pytest.approx(flat[ring].std(), rel=0.2)
    assert correlation(flat, filled, 2) == pytest.approx(correlation(flat, ring, 2), rel=0.2)
    # No outline: from the core outwards every shell has the tissue's mean and SD.
    for low in np.arange(-5.0, 8.0, 1.5):
        shell = (case.distance > low) & (case.distance <= low + 1.5) & case.organ
        # Grain is correlated: about one independent value in four voxels.
        doubt = 4 * flat[ring].std() / np.sqrt(shell.sum() / 4)
        assert flat[shell].mean() == pytest.approx(flat[ring].mean(), abs=max(4.0, doubt))
        assert flat[shell].std() == pytest.approx(flat[ring].std(), rel=0.3)
    assert result.lesions.names == ("liver",)


def test_voxels_away_from_the_lesion_stay_bit_identical(case):
    removed = case.run(action="remove").volume
    changed = removed.voxels != case.volume.voxels
    assert removed.voxels.dtype == np.int16
    assert not changed[case.distance > 6].any() and not changed[~case.organ].any()
    assert changed[case.inside].mean() > 0.8
    place = case.centre + [22, 4, 0]
    copied = case.run(to=[place]).volume
    far = np.linalg.norm(ras_of(case.grid) - place, axis=-1) > 7 + 6
    assert np.array_equal(copied.voxels[far], case.volume.voxels[far])


@pytest.mark.parametrize("grid", [straight(), sheared()], ids=["straight", "sheared"])
def test_a_copy_is_the_lesion_again(grid):
    case = Case(grid)
    place = case.centre + [23, 3, 2]
    result = case.run(to=[place])
    assert result.lesions.names == ("liver", "lesion 1", "lesion 2")
    rows = list(run(measure, seed=0, volume=result.volume, lesions=result.lesions).measurements)
    first, second = rows
    assert second["volume_ml"] == pytest.approx(first["volume_ml"], rel=0.1)
    assert second["contrast_hu"] == pytest.approx(first["contrast_hu"], abs=6)
    assert second["sd_hu"] == pytest.approx(first["sd_hu"], rel=0.2)
    centre = [second["centroid_r_mm"], second["centroid_a_mm"], second["centroid_s_mm"]]
    assert np.allclose(centre, place, atol=0.8)
    # The tissue's own grain stays under the copy: the change itself is smooth.
    change = result.volume.voxels.astype(float) - case.volume.voxels
    copy = result.lesions.inside("lesion 2")
    assert np.array_equal(result.volume.voxels[case.inside], case.volume.voxels[case.inside])
    assert change[ndimage.binary_erosion(copy, iterations=2)].std() < 6
    assert np.abs(change[case.organ & ~ndimage.binary_dilation(copy, iterations=3)]).max() <= 4


def test_a_copy_is_scaled_turned_and_recontrasted(case):
    place = case.centre + [20, 0, 0]
    large = case.run(to=[place], scale=1.5, contrast_factor=0.5)
    rows = list(run(measure, seed=0, volume=large.volume, lesions=large.lesions).measurements)
    assert rows[1]["volume_ml"] == pytest.approx(1.5**3 * rows[0]["volume_ml"], rel=0.12)
    assert rows[1]["contrast_hu"] == pytest.approx(0.5 * rows[0]["contrast_hu"], abs=6)
    bright = case.run(to=[place], contrast_factor=0.0, added=60)
    rows = list(run(measure, seed=0, volume=bright.volume, lesions=bright.lesions).measurements)
    assert 40 < rows[1]["contrast_hu"] < 62

    grid = case.grid
    local = ras_of(grid) - case.centre
    rod = (np.abs(local[..., 0]) <= 9) & (np.abs(local[..., 1]) <= 3) & (np.abs(local[..., 2]) <= 4)
    volume = case.volume.like(np.where(rod, case.volume.voxels - 40, case.volume.voxels).astype(np.int16))
    turned = case.run(volume=volume, lesion=si.Mask.single(rod, grid, "lesion 1"), to=[place], rotation_deg=90)
    copy = np.argwhere(turned.lesions.inside("lesion 2"))
    k, j, i = np.ptp(copy, axis=0) + 1
    assert j == pytest.approx(19, abs=1) and i == pytest.approx(7, abs=1) and k == pytest.approx(3, abs=1)


def test_move_is_copy_and_remove(case):
    place = case.centre + [22, 0, 0]
    result = case.run(action="move", to=[place])
    assert result.lesions.names == ("liver", "lesion 1")
    now = result.lesions.inside("lesion 1")
    assert not (now & case.inside).any()
    row = next(iter(run(measure, seed=0, volume=result.volume, lesions=result.lesions).measurements))
    assert row["contrast_hu"] == pytest.approx(-45, abs=7)
    assert result.volume.voxels[case.inside].mean() == pytest.approx(case.healthy[case.inside].mean(), abs=6)


def test_contrast_alone_keeps_the_lesions_own_grain(case):
    result = case.run(action="change in place", contrast_factor=2.0)
    change = result.volume.voxels.astype(float) - case.volume.voxels
    assert change[case.distance < -3].mean() == pytest.approx(-50, abs=5)
    assert change[case.distance < -3].std() < 5
    assert np.array_equal(result.lesions.inside("lesion 1"), case.inside)
    smaller = case.run(action="change in place", scale=0.6)
    assert smaller.lesions.volume_ml("lesion 1") == pytest.approx(0.6**3 * case.lesion.volume_ml(), rel=0.2)


def test_places_by_chance_lie_in_the_organ_away_from_lesions(case):
    result = case.run(copies=2, scale=0.7, random_rotation=True)
    assert result.lesions.names == ("liver", "lesion 1", "lesion 2", "lesion 3")
    second, third = result.lesions.inside("lesion 2"), result.lesions.inside("lesion 3")
    assert second.any() and third.any() and not (second & third).any()
    for copy in (second, third):
        assert not (copy & case.inside).any() and not (copy & ~case.organ).any()
    assert signed_distance_mm(~case.organ, case.grid)[second | third].min() > 1.0


def test_the_same_seed_gives_the_same_result(case):
    first, again, other = (case.run(seed=s, action="move", random_rotation=True) for s in (7, 7, 8))
    assert np.array_equal(first.volume.voxels, again.volume.voxels)
    assert np.array_equal(first.lesions.layers, again.lesions.layers)
    assert not np.array_equal(first.volume.voxels, other.volume.voxels)


def test_necrosis_goes_with_its_tumour(case):
    mask = si.Mask.stacked([(si.Segment("liver"), case.organ), (si.Segment("tumour"), case.inside),
                            (si.Segment("necrosis"), case.distance <= -3)], case.grid)
    copied = case.run(lesion=mask, organ=None, to=[case.centre + [22, 0, 0]]).lesions
    assert copied.names == ("liver", "tumour", "necrosis", "lesion 1", "necrosis 2")
    dead = copied.inside("necrosis 2")
    assert dead.sum() == pytest.approx(mask.inside("necrosis").sum(), rel=0.25)
    assert not (dead & ~copied.inside("lesion 1")).any()
    assert case.run(lesion=mask, organ=None, action="remove").lesions.names == ("liver",)


def test_a_hollow_organ_is_whole_after_removal(case):
    labels = np.where(case.inside, 2, case.organ.astype(np.uint8)).astype(np.uint8)
    mask = si.Mask(labels, case.grid, (si.Segment("liver", 1), si.Segment("lesion 1", 2)))
    result = case.run(lesion=mask, organ=None, action="remove")
    assert np.array_equal(result.lesions.inside("liver"), case.organ)


def test_mr_without_an_organ_and_without_negative_values():
    case = Case(straight(), dtype=np.float32, drop=80.0)
    volume = si.Volume(np.maximum(case.volume.voxels + 90, 0), case.grid, modality="MR", name="FLAIR")
    result = run(edit, seed=1, volume=volume, lesion=case.lesion, action="remove")
    values = result.volume.voxels
    assert values.dtype == np.float32 and values.min() >= 0
    assert values[case.inside].mean() == pytest.approx(90 + case.healthy[case.inside].mean(), abs=6)
    assert result.lesions.names == ("lesion 1",) and not result.lesions.inside().any()
    with pytest.raises(si.InputError, match="Give a place, or give the organ"):
        run(edit, seed=1, volume=volume, lesion=case.lesion)


def test_what_cannot_be_done_is_said(case):
    grid = case.grid
    with pytest.raises(si.InputError, match="outside the image"):
        case.run(to=[[500, 0, 0]])
    with pytest.raises(si.InputError, match="outside the liver"):
        case.run(to=[middle(grid) + [38, 30, 0]])
    with pytest.raises(si.InputError, match="does not fit into the liver"):
        case.run(to=[middle(grid) + [0, 33, 0]])
    with pytest.raises(si.InputError, match="overlaps 'lesion 1'"):
        case.run(to=[case.centre + [5, 0, 0]])
    with pytest.raises(si.InputError, match="No place was found in the liver"):
        case.run(scale=3.0, copies=5)
    with pytest.raises(si.InputError, match="one place"):
        case.run(action="move", to=[case.centre, case.centre])
    with pytest.raises(si.InputError, match="takes up the whole organ"):
        case.run(organ=si.Mask.single(case.inside, grid, "liver"), action="remove")
    with pytest.raises(si.ParameterError, match="There is no lesion 'lesion 9'"):
        case.run(which="lesion 9")
    with pytest.raises(si.ParameterError, match=r"from 0\.3 to 3"):
        case.run(scale=5)
    edge = np.zeros(grid.shape, bool)
    edge[0:4, 30:40, 30:40] = True
    with pytest.raises(si.InputError, match="cut by the edge of the image"):
        case.run(lesion=si.Mask.single(edge, grid, "lesion 1"), organ=None, to=[case.centre])
    removed = case.run(lesion=si.Mask.single(edge, grid, "lesion 1"), organ=None, action="remove")
    assert removed.volume.shape == grid.shape
    speck = np.zeros(grid.shape, bool)
    speck[18, 42, 40] = True
    with pytest.raises(si.InputError, match="smaller than a voxel"):
        case.run(lesion=si.Mask.single(speck, grid, "lesion 1"), scale=0.3, to=[middle(grid) + [0.4, 9.4, 1.0]])


def test_a_place_at_the_edge_of_the_image_is_refused():
    case = Case(straight())
    everywhere = si.Mask.single(np.ones(SHAPE, bool), case.grid, "body")
    with pytest.raises(si.InputError, match="reaches beyond the edge of the image"):
        case.run(organ=everywhere, to=[case.grid.ras_from_kji((1, 40, 40))])


def test_one_voxel_can_be_removed_and_copied(case):
    speck = np.zeros(case.grid.shape, bool)
    speck[18, 42, 50] = True
    mask = si.Mask.single(speck, case.grid, "lesion 1")
    assert case.run(lesion=mask, action="remove").volume.shape == SHAPE
    copied = case.run(lesion=mask, to=[middle(case.grid) + [20, 10, 1.1]])
    assert copied.lesions.inside("lesion 2").sum() >= 1


def test_cancel_and_progress(case):
    seen: list[float] = []
    with pytest.raises(si.Cancelled):
        run(edit, context=Run(cancelled=lambda: len(seen) > 2, report=lambda p: seen.append(p.fraction)),
            volume=case.volume, lesion=case.lesion, organ=case.liver, action="move")
    seen.clear()
    run(edit, context=Run(report=lambda p: seen.append(p.fraction)), volume=case.volume, lesion=case.lesion,
        organ=case.liver, action="move")
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) >= 5


@pytest.fixture(scope="module")
def real() -> Case:
    """A blurred dark ball deep in the liver of a real CT."""
    samples = pytest.importorskip("synthetic_imaging.samples")
    try:
        ct, organs = samples.ct_with_organs()
    except si.SyntheticImagingError as error:
        pytest.skip(str(error))
    made = Case.__new__(Case)
    liver = organs.only("liver")
    box = liver.box.grown((2, 10, 10)).clipped(ct.shape)
    made.volume, made.liver = ct.cropped(box), liver.cropped(box)
    made.grid, made.organ = made.volume.geometry, made.liver.inside()
    depth = ndimage.distance_transform_edt(made.organ[:, ::3, ::3], sampling=np.array(
        made.grid.spacing_kji_mm) * (1, 3, 3))
    made.centre = made.grid.ras_from_kji(np.array(np.unravel_index(depth.argmax(), depth.shape)) * (1, 3, 3))
    made.distance = np.linalg.norm(ras_of(made.grid) - made.centre, axis=-1) - 9.0
    made.inside = made.distance <= 0
    made.healthy = made.volume.voxels.astype(float)
    made.volume = made.volume.like(np.rint(made.healthy - 55 * ndtr(-made.distance / 1.2)).astype(np.int16))
    made.lesion = si.Mask.single(made.inside, made.grid, "lesion 1")
    return made


@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_real_liver_the_filled_place_has_the_livers_grain(real, seed):
    values = real.run(action="remove", seed=seed).volume.voxels.astype(float)
    ring = (real.distance > 5) & (real.distance < 18) & ndimage.binary_erosion(real.organ, iterations=3)
    middle_hu = np.median(values[ring])
    # Without the vessels, which are no grain.
    ring &= np.abs(values - middle_hu) < 3 * 1.4826 * np.median(np.abs(values[ring] - middle_hu))
    filled = real.inside
    assert values[filled].mean() == pytest.approx(values[ring].mean(), abs=5)
    assert values[filled].std() == pytest.approx(values[ring].std(), rel=0.2)
    assert correlation(values, filled, 2) == pytest.approx(correlation(values, ring, 2), rel=0.2)
    border = (real.distance > -1.5) & (real.distance < 1.5)
    assert values[border].mean() == pytest.approx(values[ring].mean(), abs=5)

"""Drawn lesions: size, contrast, edge, mass effect, capsule, vessels, and what must not change."""

from __future__ import annotations

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.lesions.handcrafted import handcrafted

SHAPE = (56, 120, 120)
SPACING = (1.0, 1.0, 1.5)


def liver_phantom(noise: float = 0.0, value: float = 110.0) -> tuple[si.Volume, si.Mask, np.ndarray]:
    """An ellipsoid of 110 HU in fat; with ``noise`` a grain. Returns CT, organ mask, array of the organ."""
    k, j, i = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SHAPE), indexing="ij")
    inside = (k * 1.5 / 40) ** 2 + (j / 54) ** 2 + (i / 54) ** 2 <= 1
    rng = np.random.default_rng(0)
    voxels = np.where(inside, value, -100.0) + noise * rng.standard_normal(SHAPE)
    geometry = si.Geometry.from_spacing(SHAPE, SPACING)
    return (
        si.Volume.ct(voxels.astype(np.float32), geometry, name="phantom"),
        si.Mask.single(inside, geometry, "liver"),
        inside,
    )


CENTRE = (59.5, 59.5, 41.25)  # RAS mm of the middle of the phantom


def depth_of(mask: si.Mask, name: str = "lesion 1") -> np.ndarray:
    from scipy import ndimage

    inside = mask.inside(name)
    spacing = mask.geometry.spacing_kji_mm
    return ndimage.distance_transform_edt(inside, spacing) - ndimage.distance_transform_edt(~inside, spacing)


@pytest.mark.parametrize(("size", "radius"), [("tiny", 4), ("small", 8), ("medium", 16)])
def test_equivalent_radius_lies_in_the_band_of_its_size_class(size: str, radius: float) -> None:
    ct, organ, _ = liver_phantom()
    radii = []
    for seed in range(6):
        result = si.run(handcrafted, ct=ct, organ=organ, at=[CENTRE], size=size, seed=seed, mass_effect_percent=0)
        radii.append((3 * result.lesions.volume_ml("lesion 1") * 1000 / (4 * np.pi)) ** (1 / 3))
    assert all(0.6 * radius < r < 1.4 * radius for r in radii), radii
    assert np.mean(radii) == pytest.approx(radius, rel=0.2)


def test_a_diameter_in_millimetres_is_kept() -> None:
    ct, organ, _ = liver_phantom()
    result = si.run(
        handcrafted, ct=ct, organ=organ, at=[CENTRE], diameter_mm=20.0, lobulation_percent=0, seed=2,
        mass_effect_percent=0,
    )
    assert result.lesions.volume_ml("lesion 1") == pytest.approx(4.19, rel=0.15)


def test_the_lesion_sits_where_the_user_clicked() -> None:
    ct, organ, _ = liver_phantom()
    place = np.array((45.0, 70.0, 36.0))
    result = si.run(handcrafted, ct=ct, organ=organ, at=[place], size="small", seed=4)
    found = ct.geometry.ras_from_kji(np.argwhere(result.lesions.inside("lesion 1"))).mean(axis=0)
    assert np.linalg.norm(found - place) < 2.5


@pytest.mark.parametrize("contrast", [-60.0, 40.0])
def test_the_core_has_the_contrast_that_was_asked_for(contrast: float) -> None:
    ct, organ, _ = liver_phantom()
    drops = []
    for seed in range(5):
        result = si.run(
            handcrafted, ct=ct, organ=organ, at=[CENTRE], size="medium", seed=seed, contrast_hu=contrast
        )
        core = depth_of(result.lesions) > 5
        drops.append(float((result.volume.voxels - ct.voxels)[core].mean()))
    assert np.mean(drops) == pytest.approx(contrast, rel=0.15)


def test_the_automatic_contrast_in_a_portal_phase_liver_is_the_published_one() -> None:
    """Specification: core drop 0.4 to 0.6 of U(65, 145) HU."""
    ct, organ, _ = liver_phantom()
    drops = []
    for seed in range(12):
        result = si.run(handcrafted, ct=ct, organ=organ, at=[CENTRE], size="medium", seed=seed)
        core = depth_of(result.lesions) > 5
        drops.append(float((ct.voxels - result.volume.voxels)[core].mean()))
    assert min(drops) > 0.4 * 65 * 0.8
    assert max(drops) < 0.6 * 145 * 1.15
    assert 40 < np.mean(drops) < 70


def test_the_edge_is_soft_and_lies_at_the_mask() -> None:
    ct, organ, _ = liver_phantom()
    result = si.run(
        handcrafted, ct=ct, organ=organ, at=[CENTRE], diameter_mm=30.0, contrast_hu=-60.0, edge_sigma_mm=1.5, seed=1,
        mass_effect_percent=0,
    )
    change = (result.volume.voxels - ct.voxels).astype(float)
    depth = depth_of(result.lesions)
    at_edge, inner, outer = (change[(depth > a) & (depth < b)].mean() for a, b in ((-1.1, 1.1), (4, 8), (-8, -5)))
    assert at_edge == pytest.approx(inner / 2, rel=0.3)
    assert abs(outer) < 0.5


def test_nothing_outside_the_organ_changes_and_the_type_stays() -> None:
    ct, organ, inside = liver_phantom(noise=15.0)
    whole_numbers = ct.like(np.rint(ct.voxels).astype(np.int16))
    for volume in (ct, whole_numbers):
        result = si.run(handcrafted, ct=volume, organ=organ, size="mix", capsule=True, seed=6)
        assert result.volume.voxels.dtype == volume.voxels.dtype
        assert np.array_equal(result.volume.voxels[~inside], volume.voxels[~inside])
        for name in result.lesions.names[1:]:
            assert inside[result.lesions.inside(name)].all()
        assert (result.volume.voxels != volume.voxels).any()


def test_the_grain_of_the_scan_stays() -> None:
    ct, organ, _ = liver_phantom(noise=15.0)
    result = si.run(handcrafted, ct=ct, organ=organ, at=[CENTRE], size="medium", seed=3)
    core = depth_of(result.lesions) > 4

    def grain(voxels: np.ndarray) -> float:
        difference = voxels[:, :, 1:].astype(float) - voxels[:, :, :-1]
        return float(difference[core[:, :, 1:] & core[:, :, :-1]].std())

    assert grain(result.volume.voxels) == pytest.approx(grain(ct.voxels), rel=0.1)


def test_mass_effect_pushes_outward_and_leaves_everything_beyond_its_reach() -> None:
    ct, organ, _ = liver_phantom()
    bright = ct.voxels.copy()
    bright[:, :, 69] = 170.0  # a sheet 9.5 mm from the centre; no contrast, so that only the movement shows
    ct = ct.like(bright)
    kept = {"ct": ct, "organ": organ, "at": [CENTRE], "size": "medium", "contrast_hu": 0.0, "seed": 3,
            "suppress_structure_percent": 0}
    pushed = si.run(handcrafted, mass_effect_percent=50, **kept).volume.voxels
    still = si.run(handcrafted, mass_effect_percent=0, **kept).volume.voxels
    k, j, i = np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij")
    ras = ct.geometry.ras_from_kji(np.stack([k, j, i], axis=-1))
    beyond = np.linalg.norm(ras - np.array(CENTRE), axis=-1) > 1.3 * 16 + 0.1
    assert np.array_equal(pushed[beyond], still[beyond])
    row = slice(58, 62)
    middle = SHAPE[0] // 2
    before = still[middle, row, 65:78].mean(axis=0)
    after = pushed[middle, row, 65:78].mean(axis=0)
    weight = np.arange(65, 78)
    centre_before = (weight * np.clip(before - 111, 0, None)).sum() / np.clip(before - 111, 0, None).sum()
    centre_after = (weight * np.clip(after - 111, 0, None)).sum() / max(1e-9, np.clip(after - 111, 0, None).sum())
    assert 1.0 < centre_after - centre_before < 2.5  # the formula says 9.5 / k - 9.5 = 1.6 mm


def test_a_capsule_is_brighter_than_both_its_sides() -> None:
    ct, organ, _ = liver_phantom()
    result = si.run(
        handcrafted, ct=ct, organ=organ, at=[CENTRE], diameter_mm=34.0, contrast_hu=-40.0, capsule=True, seed=5,
        mass_effect_percent=0, edge_sigma_mm=1.5,
    )
    depth, voxels = depth_of(result.lesions), result.volume.voxels.astype(float)
    rim, inner, outer = (voxels[(depth > a) & (depth < b)].mean() for a, b in ((-1.2, 1.2), (5, 9), (-9, -5)))
    assert rim > inner + 15
    middle_of_sides = (inner + outer) / 2
    assert rim > middle_of_sides + 10


def test_vessels_are_avoided_when_asked_to() -> None:
    ct, organ, inside = liver_phantom(noise=8.0)
    voxels = ct.voxels.copy()
    vessel = np.zeros(SHAPE, dtype=bool)
    vessel[:, 40:46, :] = vessel[:, :, 70:76] = True
    vessel &= inside
    voxels[vessel] += 60.0
    ct = ct.like(voxels)
    for seed in range(5):
        result = si.run(handcrafted, ct=ct, organ=organ, size="small", count=3, seed=seed)
        for name in result.lesions.names[1:]:
            lesion = result.lesions.inside(name)
            assert np.count_nonzero(lesion & vessel) < 0.02 * lesion.sum()
    drawn = si.Mask.single(vessel, ct.geometry, "vessels")
    plain, _, _ = liver_phantom(noise=8.0)
    result = si.run(handcrafted, ct=plain, organ=organ, vessels=drawn, size="small", count=3, seed=1)
    assert all(not (result.lesions.inside(n) & vessel)[3:-3].any() for n in result.lesions.names[1:])


def test_lesions_do_not_overlap_and_counts_are_kept() -> None:
    ct, organ, _ = liver_phantom()
    result = si.run(handcrafted, ct=ct, organ=organ, size="tiny", count=7, seed=9)
    assert result.lesions.names == ("liver", *(f"lesion {n}" for n in range(1, 8)))
    total = sum(result.lesions.inside(n).astype(int) for n in result.lesions.names[1:])
    assert total.max() == 1


@pytest.mark.parametrize(("size", "low", "high"), [("tiny", 3, 10), ("small", 3, 10), ("medium", 2, 5)])
def test_automatic_counts_come_from_the_size_class(size: str, low: int, high: int) -> None:
    ct, organ, _ = liver_phantom()
    counts = {len(si.run(handcrafted, ct=ct, organ=organ, size=size, seed=s).lesions.names) - 1 for s in range(8)}
    assert max(counts) <= high
    assert len(counts) > 1
    if size == "tiny":
        assert min(counts) >= low


def test_an_mr_takes_the_general_preset_with_a_contrast_in_percent() -> None:
    ct, organ, _ = liver_phantom(noise=10)
    mr = si.Volume((ct.voxels + 400).astype(np.int16), ct.geometry, modality="MR", name="T1")
    with pytest.raises(si.InputError, match="general"):
        si.run(handcrafted, ct=mr, organ=organ, seed=1)
    result = si.run(
        handcrafted, ct=mr, organ=organ, organ_preset="general", contrast_percent=40, at=[CENTRE], size="medium", seed=1
    )
    core = depth_of(result.lesions) > 5
    change = (result.volume.voxels.astype(float) - mr.voxels)[core].mean()
    assert change == pytest.approx(0.4 * 510, rel=0.2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"at": [(500.0, 0.0, 0.0)]}, "outside the liver"),
        ({"diameter_mm": 150.0}, "larger than the liver"),
        ({"at": [CENTRE, CENTRE], "count": 3}, "3 lesions are wanted, but 2 places"),
        ({"count": 0}, "from 1 to 40"),
        ({"size": "huge"}, "must be one of: tiny, small"),
    ],
)
def test_what_cannot_be_done_is_said(changes: dict[str, object], sentence: str) -> None:
    ct, organ, _ = liver_phantom()
    with pytest.raises(si.SyntheticImagingError, match=sentence):
        si.run(handcrafted, ct=ct, organ=organ, seed=0, **changes)


def test_a_millimetre_thin_organ_is_told_so() -> None:
    ct, _, _ = liver_phantom()
    sheet = np.zeros(SHAPE, dtype=bool)
    sheet[20:40, 60, 30:90] = True
    thin = si.Mask.single(sheet, ct.geometry, "liver")
    with pytest.raises(si.InputError, match="too thin"):
        si.run(handcrafted, ct=ct, organ=thin, size="tiny", seed=0)


def test_an_organ_cut_by_the_edge_of_the_image_works_and_says_so() -> None:
    ct, organ, _ = liver_phantom(noise=5)
    box = si.Box((20, 0, 0), SHAPE)
    result = si.run(handcrafted, ct=ct.cropped(box), organ=organ.cropped(box), size="small", count=1, seed=0)
    assert any("cut by the edge" in note for note in result.notes)


def test_a_ct_that_is_not_in_hounsfield_units_is_refused() -> None:
    ct, organ, _ = liver_phantom()
    with pytest.raises(si.InputError, match="Hounsfield"):
        si.run(handcrafted, ct=ct.like(ct.voxels + 1024), organ=organ, seed=0)
    with pytest.raises(si.InputError, match="lies between"):
        si.run(handcrafted, ct=ct.like(ct.voxels * 4), organ=organ, seed=0)


def test_a_kidneys_bright_cortex_is_not_taken_for_vessels() -> None:
    ct, organ, inside = liver_phantom(noise=10.0)
    k, j, i = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SHAPE), indexing="ij")
    cortex = inside & ((k * 1.5 / 30) ** 2 + (j / 38) ** 2 + (i / 38) ** 2 > 1)
    kidney = ct.like(ct.voxels + np.where(cortex, 150, 0).astype(np.float32))
    for seed in range(4):
        result = si.run(handcrafted, ct=kidney, organ=organ, organ_preset="kidney", size="small", count=2, seed=seed)
        assert len(result.lesions.names) == 3

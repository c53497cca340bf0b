"""Lesions in odd organs and odd arrays: a result that keeps the promises, or a sentence; never a wrong picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si

SHAPE = (24, 40, 40)
DRAW, GROW = "lesions.handcrafted", "lesions.automaton"
MR: dict[str, Any] = {"organ_preset": "general", "contrast_percent": -50.0}


def phantom(
    inside: np.ndarray | None = None, spacing: tuple[float, float, float] = (1.5, 1.5, 2.0), kind: str = "int16"
) -> tuple[si.Volume, si.Mask]:
    """A liver of 110 HU with grain, an ellipsoid unless given; fat around it."""
    shape = SHAPE if inside is None else inside.shape
    if inside is None:
        index = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij"), axis=-1)
        inside = np.linalg.norm(index / (np.array(shape) * 0.42), axis=-1) <= 1
    voxels = np.rint(np.where(inside, 110.0, -100.0) + np.random.default_rng(0).normal(0, 5, shape)).astype(kind)
    grid = si.Geometry.from_spacing(shape, spacing, (-30.0, 50.0, -400.0))
    return si.Volume.ct(voxels, grid, name="phantom"), si.Mask.single(inside, grid, "liver")


def with_signal(organ: si.Mask, value: float) -> si.Volume:
    """An MR whose organ has the given signal."""
    grain = np.random.default_rng(1).normal(0, 3, organ.shape) if value else np.zeros(organ.shape)
    return si.Volume(np.where(organ.inside(), value + grain, 300.0).astype(np.float32), organ.geometry, "MR", name="MR")


def place(volume: si.Volume, kji: tuple[float, float, float]) -> list[tuple[float, ...]]:
    return [tuple(volume.geometry.ras_from_kji(kji))]


@pytest.mark.parametrize("kind", [">i2", ">f4", ">f8", "float64", "int32", "float16"])
@pytest.mark.parametrize("tool", [DRAW, GROW])
def test_the_array_type_does_not_change_the_lesion(tool: str, kind: str) -> None:
    # A big-endian array was read with its bytes the wrong way round, and lesions kept off vessels that do not exist.
    plain, organ = phantom()
    other, _ = phantom(kind=kind)
    expected = si.run(tool, ct=plain, organ=organ, seed=3)
    result = si.run(tool, ct=other, organ=organ, seed=3)
    assert result.volume.voxels.dtype == other.voxels.dtype
    assert np.array_equal(result.lesions.layers, expected.lesions.layers)
    assert np.abs(result.volume.voxels.astype(float) - expected.volume.voxels).max() <= 1


@pytest.mark.parametrize("order", ["fortran", "strided", "reversed"])
def test_the_order_in_memory_does_not_change_the_lesion(order: str) -> None:
    plain, organ = phantom()
    voxels = plain.voxels
    if order == "fortran":
        voxels = np.asfortranarray(voxels)
    elif order == "strided":
        voxels = np.repeat(voxels, 2, axis=2)[:, :, ::2]
    else:
        voxels = np.ascontiguousarray(voxels[::-1])[::-1]
    for tool in (DRAW, GROW):
        expected = si.run(tool, ct=plain, organ=organ, seed=3)
        assert np.array_equal(si.run(tool, ct=plain.like(voxels), organ=organ, seed=3).volume.voxels,
                              expected.volume.voxels)


@pytest.mark.parametrize("diameter", [2.0, 3.0, 4.0])
def test_a_small_lesion_has_the_size_that_was_asked_for(diameter: float) -> None:
    ct, organ = phantom(np.ones((40, 40, 40), dtype=bool), (0.25, 0.25, 0.25))
    voxels = ct.voxels.copy()
    voxels[0, 0, 0] = -1000
    centre = place(ct, (19.5, 19.5, 19.5))
    result = si.run(DRAW, ct=ct.like(voxels), organ=organ, diameter_mm=diameter, at=centre, seed=1)
    volume = 1000 * result.lesions.volume_ml("lesion 1")
    assert 2 * (3 * volume / (4 * np.pi)) ** (1 / 3) == pytest.approx(diameter, rel=0.03)


def test_a_lesion_between_the_voxels_is_refused_as_such() -> None:
    ct, organ = phantom(spacing=(4.0, 4.0, 4.0))
    with pytest.raises(si.InputError, match=r"2 mm falls between the image's voxels \(4 x 4 x 4 mm\)"):
        si.run(DRAW, ct=ct, organ=organ, diameter_mm=2.0, at=place(ct, (11.5, 19.5, 19.5)), seed=1)


def test_lesions_lost_between_the_voxels_are_not_said_to_lack_room() -> None:
    ct, organ = phantom()
    result = si.run(DRAW, ct=ct, organ=organ, diameter_mm=2.0, count=12, seed=1)
    assert any("fell between the image's voxels" in note for note in result.notes)
    assert not any("found no room" in note for note in result.notes)


def test_vessels_all_over_the_organ_are_named_as_the_reason() -> None:
    ct, organ = phantom()
    with pytest.raises(si.InputError, match="do not stay off vessels"):
        si.run(DRAW, ct=ct, organ=organ, vessels=si.Mask.single(organ.inside(), ct.geometry, "vessels"), seed=1)
    assert si.run(DRAW, ct=ct, organ=organ, avoid_vessels=False, seed=1).lesions.volume_ml("lesion 1") > 0


@pytest.mark.parametrize("slice_mm", [5.0, 10.0])
def test_a_tumour_fills_thick_slices_to_their_surface(slice_mm: float) -> None:
    # The cells ended a millimetre beyond the voxels' centres: the outer half of thick slices stayed healthy.
    inside = np.zeros((6, 40, 40), dtype=bool)
    inside[2:4, 8:32, 8:32] = True
    ct, organ = phantom(inside, (1.0, 1.0, slice_mm))
    result = si.run(GROW, ct=ct, organ=organ, at=place(ct, (2.4, 20, 20)), steps=150, frames=2, seed=1,
                    necrosis="never", contrast_hu=-100.0)
    middle = (slice(2, 4), slice(14, 26), slice(14, 26))
    change = result.volume.voxels[middle].astype(float) - ct.voxels[middle]
    assert change.mean() == pytest.approx(-100.0, rel=0.2)


def test_a_young_tumour_has_pictures_of_its_growth() -> None:
    ct, organ = phantom(np.ones((30, 30, 30), dtype=bool), (0.5, 0.5, 0.5))
    voxels = ct.voxels.copy()
    voxels[0, 0, 0] = -1000
    result = si.run(GROW, ct=ct.like(voxels), organ=organ, at=place(ct, (15, 15, 15)), steps=5, frames=60, seed=1)
    assert list(result.growth.index) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["lesion 1", "tumour", "necrosis", "Leber", "肝臓", "", "a\n\"b\""])
def test_an_organ_may_have_any_name(name: str) -> None:
    ct, organ = phantom()
    organ = si.Mask.single(organ.inside(), ct.geometry, name)
    drawn = si.run(DRAW, ct=ct, organ=organ, count=2, seed=1).lesions
    grown = si.run(GROW, ct=ct, organ=organ, steps=70, frames=2, necrosis="always", seed=1).lesions
    assert drawn.names[0] == grown.names[0] == name
    assert len(drawn.names) == len(grown.names) == 3
    assert np.array_equal(drawn.inside(name), organ.inside()) and np.array_equal(grown.inside(name), organ.inside())


def test_two_kidneys_together_are_not_called_by_the_name_of_one() -> None:
    left, right = (np.zeros((20, 40, 60), dtype=bool) for _ in range(2))
    left[2:18, 5:35, 3:26] = True
    right[2:18, 5:35, 34:57] = True
    ct, both = phantom(left | right)
    kidneys = si.Mask.stacked([(si.Segment("kidney_left"), left), (si.Segment("kidney_right"), right)], ct.geometry)
    for tool in (DRAW, GROW):
        lesions = si.run(tool, ct=ct, organ=kidneys, seed=2).lesions
        assert lesions.names[0] == "kidney_left and kidney_right"
        assert np.array_equal(lesions.inside(lesions.names[0]), both.inside())
        terminology = lesions.segments[0].terminology
        assert terminology is not None and terminology.type_modifier is None


def test_a_negative_label_is_no_segment() -> None:
    layer = np.full((2, 3, 4), -1, dtype=np.int16)
    layer[0, 0, 0], layer[1, 1, 1] = 1, 2
    mask = si.Mask(layer, si.Geometry.from_spacing(layer.shape), (si.Segment("a", 1), si.Segment("b", 2)))
    assert np.count_nonzero(mask.inside()) == 2


def test_in_mr_a_negative_percentage_is_darker_whatever_the_sign_of_the_signal() -> None:
    _, organ = phantom()
    for value in (200.0, -200.0):
        mr = with_signal(organ, value)
        result = si.run(DRAW, ct=mr, organ=organ, seed=1, **MR)
        inside = result.lesions.inside("lesion 1")
        assert (result.volume.voxels[inside] - mr.voxels[inside]).mean() < -30


def test_in_mr_a_percentage_of_nothing_is_refused() -> None:
    _, organ = phantom()
    with pytest.raises(si.InputError, match="median of the liver in 'MR' is 0"):
        si.run(DRAW, ct=with_signal(organ, 0.0), organ=organ, seed=1, **MR)


def test_numbers_no_scanner_measures_are_refused() -> None:
    _, organ = phantom()
    mr = with_signal(organ, 200.0)
    with pytest.raises(si.InputError, match="far outside what a scanner measures"):
        si.run(DRAW, ct=mr.like(mr.voxels.astype(np.float64) * 1e298), organ=organ, seed=1, **MR)


@pytest.mark.parametrize(
    ("points", "sentence"),
    [([], "holds no point"), ([(1e300, 0, 0)], "more than a kilometre"), ([(900, 0, 0)], "outside the liver")],
)
def test_odd_points_get_their_sentence(points: list[Any], sentence: str) -> None:
    ct, organ = phantom()
    for tool in (DRAW, GROW):
        with pytest.raises(si.InputError, match=sentence):
            si.run(tool, ct=ct, organ=organ, at=points, seed=1)


def test_more_places_than_tumours_are_noted() -> None:
    ct, organ = phantom()
    result = si.run(GROW, ct=ct, organ=organ, at=place(ct, (12, 20, 20)), starts=3, steps=40, frames=2, seed=1)
    assert any("1 place was given" in note for note in result.notes)


@pytest.mark.parametrize("tool", [DRAW, GROW])
def test_strong_contrast_stays_within_a_narrow_type(tool: str) -> None:
    ct, organ = phantom()
    narrow = ct.like(np.clip(ct.voxels, -120, 120).astype(np.int8))
    for contrast in (-400.0, 400.0):
        result = si.run(tool, ct=narrow, organ=organ, contrast_hu=contrast, seed=1)
        inside = result.lesions.inside(result.lesions.names[1])
        change = result.volume.voxels[inside].astype(int) - narrow.voxels[inside]
        assert result.volume.voxels.dtype == np.int8
        assert (np.sign(change) == np.sign(contrast)).mean() > 0.9


def test_modality_is_read_in_any_case() -> None:
    ct, organ = phantom()
    lower = si.Volume(ct.voxels, ct.geometry, modality="ct", unit="HU", name="phantom")
    assert lower.modality == "CT"
    assert si.run(DRAW, ct=lower, organ=organ, seed=1).lesions.volume_ml("lesion 1") > 0

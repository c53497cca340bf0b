"""The grown tumour in a CT: stages, masks, dead core, and what must not change."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.lesions.automaton import automaton

SHAPE = (40, 90, 90)


def liver_phantom(value: float = 112.0) -> tuple[si.Volume, si.Mask, np.ndarray]:
    k, j, i = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SHAPE), indexing="ij")
    inside = (k * 2 / 38) ** 2 + (j / 42) ** 2 + (i / 42) ** 2 <= 1
    grain = np.random.default_rng(0).normal(0, 10, SHAPE)
    voxels = np.where(inside, value, -100.0) + grain
    geometry = si.Geometry.from_spacing(SHAPE, (1.0, 1.0, 2.0))
    return (
        si.Volume.ct(np.rint(voxels).astype(np.int16), geometry, name="phantom"),
        si.Mask.single(inside, geometry, "liver"),
        inside,
    )


CENTRE = (44.5, 44.5, 39.0)


def test_growth_is_monotone_and_ends_at_the_result() -> None:
    ct, organ, _ = liver_phantom()
    result = si.run(automaton, ct=ct, organ=organ, at=[CENTRE], steps=60, frames=7, seed=7, necrosis="never")
    volumes = [m.volume_ml("tumour") for m in result.growth_lesions]
    assert len(volumes) == 7
    assert result.growth.index[-1] == 60
    assert all(b >= a for a, b in itertools.pairwise(volumes))
    assert volumes[-1] == pytest.approx(result.lesions.volume_ml("tumour"))
    for earlier, later in zip(result.growth_lesions, list(result.growth_lesions)[1:], strict=False):
        assert not (earlier.inside("tumour") & ~later.inside("tumour")).any()


def test_the_last_picture_is_the_result_at_the_same_place() -> None:
    ct, organ, _ = liver_phantom()
    result = si.run(automaton, ct=ct, organ=organ, at=[CENTRE], steps=40, frames=3, seed=1)
    last = result.growth[-1]
    start = np.rint(ct.geometry.kji_from_ras(last.geometry.ras_from_kji((0, 0, 0)))).astype(int)
    part = tuple(slice(a, a + n) for a, n in zip(start, last.shape, strict=True))
    assert np.array_equal(last.voxels, result.volume.voxels[part])
    assert np.array_equal(result.growth_lesions[-1].inside("tumour"), result.lesions.inside("tumour")[part])


def test_sixty_steps_make_about_two_centimetres_in_soft_tissue() -> None:
    ct, organ, _ = liver_phantom()
    result = si.run(automaton, ct=ct, organ=organ, at=[CENTRE], steps=60, frames=2, seed=3, satellites=False)
    diameter = 2 * (3 * result.lesions.volume_ml("tumour") * 1000 / (4 * np.pi)) ** (1 / 3)
    assert 18 < diameter < 26


def test_nothing_outside_the_organ_changes_and_the_mask_is_inside() -> None:
    ct, organ, inside = liver_phantom()
    result = si.run(automaton, ct=ct, organ=organ, steps=90, frames=2, seed=2, starts=2, satellites=True)
    assert result.volume.voxels.dtype == np.int16
    assert np.array_equal(result.volume.voxels[~inside], ct.voxels[~inside])
    assert inside[result.lesions.inside("tumour")].all()


def test_the_dead_core_is_a_third_segment_without_a_hole_in_the_tumour() -> None:
    from scipy import ndimage

    ct, organ, _ = liver_phantom()
    result = si.run(automaton, ct=ct, organ=organ, at=[CENTRE], steps=100, frames=4, seed=5, necrosis="always")
    assert result.lesions.names == ("liver", "tumour", "necrosis")
    tumour, dead = result.lesions.inside("tumour"), result.lesions.inside("necrosis")
    assert tumour[dead].all()
    assert np.array_equal(ndimage.binary_fill_holes(tumour), tumour)
    # Away from the organ's surface, where the rim is squeezed flat, the outermost layer lives.
    rim = tumour & ~ndimage.binary_erosion(tumour)
    assert not (dead & rim & ndimage.binary_erosion(result.lesions.inside("liver"), iterations=4)).any()
    values = result.volume.voxels.astype(float)
    living = ndimage.binary_erosion(tumour, iterations=2) & ~ndimage.binary_dilation(dead, iterations=2)
    core = ndimage.binary_erosion(dead, iterations=2)
    assert values[core].mean() < values[living].mean() - 20


def test_a_young_tumour_has_no_dead_core_and_says_why() -> None:
    ct, organ, _ = liver_phantom()
    result = si.run(automaton, ct=ct, organ=organ, at=[CENTRE], steps=40, frames=2, seed=5, necrosis="always")
    assert "necrosis" not in result.lesions.names
    assert any("younger than 50 steps" in note for note in result.notes)


def test_the_living_tumour_is_as_much_darker_as_asked() -> None:
    from scipy import ndimage

    ct, organ, _ = liver_phantom()
    changes = []
    for seed in range(4):
        result = si.run(
            automaton, ct=ct, organ=organ, at=[CENTRE], steps=60, frames=2, seed=seed, contrast_hu=-50, necrosis="never"
        )
        core = ndimage.binary_erosion(result.lesions.inside("tumour"), iterations=3)
        changes.append((result.volume.voxels.astype(float) - ct.voxels)[core].mean())
    assert np.mean(changes) == pytest.approx(-50, rel=0.15)


def test_dense_tissue_grows_slower_and_the_released_rule_does_not_care() -> None:
    ct, organ, _ = liver_phantom(value=150.0)  # third density level of 100-160 HU
    kept = {"ct": ct, "organ": organ, "at": [CENTRE], "steps": 50, "frames": 2, "seed": 1, "satellites": False,
            "soft_tissue_hu": 100.0,
                "vessel_hu": 170.0}
    intended = si.run(automaton, **kept).lesions.volume_ml("tumour")
    released = si.run(automaton, density_rule="released", **kept).lesions.volume_ml("tumour")
    assert intended < 0.5 * released


def test_the_levels_follow_an_organ_in_another_contrast_phase() -> None:
    ct, organ, _ = liver_phantom(value=70.0)
    result = si.run(automaton, ct=ct, organ=organ, at=[CENTRE], steps=30, frames=2, seed=1)
    assert any("density levels were moved" in note for note in result.notes)
    assert result.lesions.volume_ml("tumour") > 0.1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"at": [(400.0, 0.0, 0.0)]}, "outside the liver"),
        ({"steps": 2}, "from 5 to 300"),
        ({"soft_tissue_hu": 200.0, "vessel_hu": 150.0}, "must start above"),
        ({"at": [CENTRE] * 10}, "at most 9"),
    ],
)
def test_what_cannot_be_done_is_said(changes: dict[str, object], sentence: str) -> None:
    ct, organ, _ = liver_phantom()
    with pytest.raises(si.SyntheticImagingError, match=sentence):
        si.run(automaton, ct=ct, organ=organ, seed=0, **changes)

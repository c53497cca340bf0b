"""Brains with lesions: fractions that add up, maps that do not fold, lesions that lie where they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synthetic_imaging as si
from synthetic_imaging import samples
from synthetic_imaging.errors import ParameterError
from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.phantoms.brain.anatomy import BrainAnatomy, displacement, draw_anatomy, jacobian
from synthetic_imaging.phantoms.brain.drawing import Brain, draw_brain, head_grid
from synthetic_imaging.phantoms.brain.imaging import scanned
from synthetic_imaging.phantoms.brain.lesions import Lesion, draw_lesions, follow_up, map_of, with_lesions
from synthetic_imaging.phantoms.brain.regions import REGIONS, Regions
from synthetic_imaging.sequences.protocols import Contrast, sequence_of

pytestmark = pytest.mark.skipif("brain-t1" not in samples.available(), reason="the average brain is not installed")
GRID = head_grid((2.5, 2.5, 2.5))


@pytest.fixture(scope="module")
def brain() -> Brain:
    return draw_brain(BrainAnatomy(seed=4, head_scale=0.95), GRID)


@pytest.fixture(scope="module")
def lesions(brain: Brain) -> tuple[Lesion, ...]:
    return draw_lesions(brain, np.random.default_rng(2), 30)


def volume_ml(part: np.ndarray) -> float:
    return float(part.sum()) * GRID.voxel_volume_mm3 / 1000


def test_the_shares_of_a_voxel_add_up_to_one_in_the_head_and_to_less_in_air(brain: Brain):
    total = sum(brain.fractions.values())
    assert set(brain.fractions) == set(t.TISSUES)
    assert min(float(part.min()) for part in brain.fractions.values()) >= 0
    assert total.max() < 1.001 and total[0, 0, 0] == 0
    assert np.quantile(total[brain.inside], 0.05) > 0.98


def test_volumes_are_those_of_an_adult(brain: Brain):
    assert 800 < volume_ml(sum(brain.fractions[name] for name in t.BRAIN)) < 1700
    assert 400 < volume_ml(brain.fractions[t.WHITE]) < 750
    assert 7 < volume_ml(brain.lateral_ventricles) < 40
    for name, least, most in ((t.THALAMUS, 4, 20), (t.PUTAMEN, 4, 15), (t.CAUDATE, 2, 12), (t.PALLIDUM, 0.5, 5)):
        assert least < volume_ml(brain.fractions[name]) < most


def test_two_sides_of_a_head_have_their_nuclei():
    straight = draw_brain(BrainAnatomy(individuality=0), GRID)
    right_of_middle = GRID.ras_from_kji(np.argwhere(straight.fractions[t.PUTAMEN] > 0.5))[:, 0] > 0
    assert 0.45 < right_of_middle.mean() < 0.55


def test_ventricles_and_sulci_widen_with_disease():
    common = BrainAnatomy(seed=9)
    usual, wide, old = (draw_brain(a, GRID) for a in (common, replace(common, ventricles=1.0),
                                                      replace(common, atrophy=1.0)))
    assert volume_ml(wide.lateral_ventricles) > 1.5 * volume_ml(usual.lateral_ventricles)
    assert volume_ml(old.fractions[t.CSF]) > 1.1 * volume_ml(usual.fractions[t.CSF])
    assert volume_ml(old.fractions[t.WHITE]) == pytest.approx(volume_ml(usual.fractions[t.WHITE]), rel=1e-5)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**31))
def test_no_brain_of_the_population_is_folded(seed: int):
    field, _ = displacement(draw_anatomy(np.random.default_rng(seed)))
    assert jacobian(field).min() > 0


def test_one_seed_is_one_brain_and_another_seed_another(brain: Brain):
    again = draw_brain(BrainAnatomy(seed=4, head_scale=0.95), GRID)
    other = draw_brain(BrainAnatomy(seed=5, head_scale=0.95), GRID)
    assert all(np.array_equal(again.fractions[name], part) for name, part in brain.fractions.items())
    assert not np.allclose(other.fractions[t.GREY], brain.fractions[t.GREY], atol=0.2)


def test_an_oblique_grid_sees_the_same_brain_at_the_same_places(brain: Brain):
    turned = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])
    shape = (20, 60, 60)
    oblique = type(GRID).from_spacing(shape, (2.5, 2.5, 2.5), (-40.0, -80.0, 0.0), turned)
    seen = draw_brain(BrainAnatomy(seed=4, head_scale=0.95), oblique)
    places = np.argwhere(np.ones(shape, bool))[::37]
    back = GRID.kji_from_ras(oblique.ras_from_kji(places))
    from scipy import ndimage

    expected = ndimage.map_coordinates(brain.fractions[t.WHITE], back.T, order=1)
    found = seen.fractions[t.WHITE][tuple(places.T)]
    assert np.abs(found - expected).mean() < 0.05


def test_a_number_that_no_brain_has_is_refused():
    with pytest.raises(ParameterError, match="ventricles of a brain is 3"):
        BrainAnatomy(ventricles=3.0)
    with pytest.raises(ParameterError, match=r"1\.5 to 3 T"):
        t.mean_relaxation(7.0)
    with pytest.raises(ParameterError, match="0 to 500"):
        draw_lesions(draw_brain(BrainAnatomy(), head_grid((8, 8, 8))), np.random.default_rng(0), 1000)


def test_lesions_lie_where_they_say_and_never_in_csf(brain: Brain, lesions: tuple[Lesion, ...]):
    assert len(lesions) > 20 and {x.region for x in lesions} == set(REGIONS)
    regions, where = Regions(brain), map_of(lesions, brain)
    for lesion in lesions:
        alone = map_of((lesion,), brain).numbers > 0
        assert alone.any() and regions.of(alone) == lesion.region
        at = brain.geometry.ras_from_kji(np.argwhere(alone)).mean(axis=0)
        assert np.linalg.norm(at - lesion.centre_ras_mm) < max(lesion.half_axes_mm) + 2.5
    assert brain.fractions[t.CSF][where.numbers > 0].max() < 0.76
    mixed = with_lesions(brain, where)
    assert sum(mixed.values()).max() < 1.001
    assert np.array_equal(mixed[t.CSF], brain.fractions[t.CSF])


def test_a_year_changes_some_lesions_and_adds_some(brain: Brain, lesions: tuple[Lesion, ...]):
    later = follow_up(lesions, brain, np.random.default_rng(3), new=4)
    before = {x.number: x for x in lesions}
    assert {x.change for x in later} == {"stable", "grown", "shrunk", "new"}
    for lesion in later:
        if lesion.change == "new":
            assert lesion.number not in before
        else:
            ratio = lesion.diameter_mm / before[lesion.number].diameter_mm
            assert (ratio > 1.1, ratio < 0.9) == (lesion.change == "grown", lesion.change == "shrunk")


def test_dir_shows_grey_matter_and_lesions_alone(brain: Brain, lesions: tuple[Lesion, ...]):
    where = map_of(lesions, brain)
    head = scanned(with_lesions(brain, where), where, t.mean_relaxation())
    image = head.image(sequence_of(Contrast.DIR), fat_suppressed=True)
    grey, white, csf = (float(image[head.fractions[name] > 0.9].mean()) for name in (t.GREY, t.WHITE, t.CSF))
    assert grey > 2 * white and grey > 3 * csf
    assert float(image[head.fractions[t.LESION] > 0.9].mean()) > 3 * white


def test_relaxation_differs_between_people_and_fields():
    one, other = (t.drawn_relaxation(np.random.default_rng(n)) for n in (1, 2))
    assert one[t.WHITE].t1_ms != other[t.WHITE].t1_ms
    assert float(t.mean_relaxation(1.5)[t.WHITE].t1_ms) < 0.85 * float(t.mean_relaxation(3.0)[t.WHITE].t1_ms)


def test_the_tool_makes_slices_as_thick_as_asked():
    thick = si.run("sequences.phantom", seed=3, spacing_mm=3.0, slice_mm=6.0, lesions=0)
    assert thick.flair.geometry.spacing_ijk_mm == pytest.approx((3.0, 3.0, 6.0))
    with pytest.raises(ParameterError, match="Slice thickness"):
        si.run("sequences.phantom", seed=3, slice_mm=9.0)

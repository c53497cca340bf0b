"""The parametric heart: drawn numbers, volumes, places of the structures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.phantoms.heart.anatomy import HeartAnatomy
from synthetic_imaging.phantoms.heart.calibration import heart_form, myocardium_ml
from synthetic_imaging.phantoms.heart.drawing import PATHOLOGIES, draw_anatomy
from synthetic_imaging.phantoms.heart.labels import STRUCTURES, ct_grid, heart_labels
from synthetic_imaging.phantoms.heart.motion import END_SYSTOLE, heart_cycle, moment

LA, LV, RA, RV, MYO, AO, PA, LAA = range(1, 9)
COARSE = {"shape_kji": (64, 68, 68), "spacing_mm": 2.7}


def volumes_ml(anatomy: HeartAnatomy) -> np.ndarray:
    mask = heart_labels(anatomy, **COARSE)
    return np.bincount(mask.layers[0].ravel(), minlength=9) * mask.geometry.voxel_volume_mm3 / 1000


def middles(anatomy: HeartAnatomy) -> np.ndarray:
    """RAS middle of each structure, row 0 unused."""
    mask = heart_labels(anatomy, **COARSE)
    kji = ndimage.center_of_mass(np.ones(mask.shape), mask.layers[0], range(1, 9))
    return np.concatenate([np.zeros((1, 3)), mask.geometry.ras_from_kji(kji)])


def test_the_label_map_has_the_eight_structures_in_the_order_of_the_publication():
    mask = heart_labels(HeartAnatomy())
    assert mask.names == STRUCTURES == ("LA", "LV", "RA", "RV", "MYO", "AO", "PA", "LAA")
    assert [s.label for s in mask.segments] == list(range(1, 9))
    assert set(np.unique(mask.layers)) == set(range(9))
    assert all(s.terminology is not None for s in mask.segments)
    assert (mask.layers[0] == LAA).sum() >= 40, "the appendage has more than a few voxels at 3.5 mm"


@pytest.mark.parametrize("number", range(7))
def test_counted_volumes_are_the_drawn_ones(number: int):
    anatomy = draw_anatomy(np.random.default_rng(number), PATHOLOGIES[number]).at((0.0, END_SYSTOLE, 0.75)[number % 3])
    now, found = moment(anatomy), volumes_ml(anatomy)
    for label, wanted in ((LA, now.la_ml), (LV, now.lv_ml), (RA, now.ra_ml), (RV, now.rv_ml)):
        assert found[label] == pytest.approx(wanted, rel=0.04), STRUCTURES[label - 1]
    assert found[MYO] == pytest.approx(myocardium_ml(anatomy), rel=0.04)


def test_every_structure_but_the_vessels_is_one_piece_and_has_no_holes():
    labels = heart_labels(draw_anatomy(np.random.default_rng(5)), **COARSE).layers[0]
    for label in (LA, LV, RA, RV, MYO, LAA):
        inside = labels == label
        pieces, count = ndimage.label(inside, np.ones((3, 3, 3)))
        sizes = np.bincount(pieces.ravel())[1:]
        assert sizes.max() > 0.97 * inside.sum(), (STRUCTURES[label - 1], count)
        if label != MYO:
            assert (ndimage.binary_fill_holes(inside) & ~inside).sum() <= 0.002 * inside.sum()


def test_structures_lie_where_they_do_in_a_patient():
    at = middles(HeartAnatomy())
    right, front, up = at[:, 0], at[:, 1], at[:, 2]
    assert right[RA] > right[LV] + 40 and right[RV] > right[LV], "the right heart is on the right"
    assert front[RV] > front[LV] > front[LA], "right ventricle in front, left atrium behind"
    assert up[AO] > up[LV] and up[PA] > up[RV], "vessels leave upward"
    assert right[PA] < right[AO] + 5 and right[LAA] < right[LA], "pulmonary trunk and appendage on the left"
    assert front[LAA] > front[LA]
    valve_level = heart_labels(HeartAnatomy(), **COARSE)
    k = int(valve_level.geometry.kji_from_ras(at[PA])[0])
    slice_there = valve_level.layers[0][k - 6]
    rows_pa, rows_ao = np.nonzero(slice_there == PA)[0], np.nonzero(slice_there == AO)[0]
    if rows_pa.size and rows_ao.size:
        assert rows_pa.mean() < rows_ao.mean(), "the pulmonary trunk crosses in front of the aorta"


def test_the_myocardium_parts_the_ventricles():
    labels = heart_labels(HeartAnatomy(), **COARSE).layers[0]
    near_lv = ndimage.binary_dilation(labels == LV)
    assert not (near_lv & (labels == RV)).any()
    grown = ndimage.binary_dilation(labels == MYO, iterations=2)
    assert (grown & (labels == RV)).sum() > 300, "the right ventricle leans on the septum over a wide area"


def test_volumes_follow_the_cycle_and_the_muscle_is_kept():
    anatomy = draw_anatomy(np.random.default_rng(3), "normal")
    frames = heart_cycle(anatomy, 8)
    assert [f.phase for f in frames] == [n / 8 for n in range(8)]
    lv = [moment(f).lv_ml for f in frames]
    assert lv[0] == max(lv) and min(lv) < anatomy.lv_end_diastolic_volume_ml * 0.6
    rest, squeezed = anatomy.at(0.0), anatomy.at(END_SYSTOLE)
    at_rest, at_end = volumes_ml(rest), volumes_ml(squeezed)
    fraction = 100 * (1 - at_end[LV] / at_rest[LV])
    assert fraction == pytest.approx(anatomy.ejection_fraction_percent, abs=2.5)
    assert at_end[MYO] == pytest.approx(at_rest[MYO], rel=0.04)
    assert at_end[LA] > 1.3 * at_rest[LA], "the atrium fills while the ventricle empties"
    thicker = heart_form(squeezed).lv[3] / heart_form(rest).lv[3]
    assert 1.25 < thicker < 2.2, "the wall thickens"
    down = np.subtract(heart_form(squeezed).mitral, heart_form(rest).mitral)
    assert 8 < down @ np.asarray(heart_form(rest).long_axis) < 20, "the mitral ring comes toward the apex"


def test_a_seed_gives_one_heart_and_another_seed_another():
    one, same, other = (draw_anatomy(np.random.default_rng(s)) for s in (1, 1, 2))
    assert one == same != other
    labels = heart_labels(one).layers
    np.testing.assert_array_equal(labels, heart_labels(same).layers)
    assert (labels != heart_labels(other).layers).any()


def test_drawn_hearts_follow_the_references():
    rng = np.random.default_rng(0)
    drawn = [draw_anatomy(rng, "normal") for _ in range(400)]
    for sex, index, ejection, root in (("male", 85, 58, 34), ("female", 74, 61, 30)):
        group = [a for a in drawn if a.sex == sex]
        indices = [a.lv_end_diastolic_volume_ml / a.body_surface_m2 for a in group]
        assert np.mean(indices) == pytest.approx(index, rel=0.05)
        assert np.mean([a.ejection_fraction_percent for a in group]) == pytest.approx(ejection, abs=1.5)
        assert np.mean([a.aortic_root_mm for a in group]) == pytest.approx(root, abs=1.0)
        wall = np.mean([myocardium_ml(a) * 1.05 / a.body_surface_m2 for a in group])
        assert 38 < wall < 75, "mass per body surface, g/m2"


@pytest.mark.parametrize(
    ("pathology", "sign"),
    [
        ("dilated cardiomyopathy", lambda a: a.ejection_fraction_percent < 45),
        ("hypertrophic cardiomyopathy", lambda a: a.septum_mm >= 15 and a.septum_mm > 1.2 * a.free_wall_mm),
        ("concentric hypertrophy", lambda a: a.septum_mm > 12 and abs(a.septum_mm - a.free_wall_mm) < 3),
        ("dilated left atrium", lambda a: a.la_volume_ml / a.body_surface_m2 > 34),
        ("pulmonary hypertension", lambda a: a.pulmonary_artery_mm > 30 and a.rv_ejection_fraction_percent < 47),
        ("aortic aneurysm", lambda a: a.ascending_aorta_mm >= 45),
    ],
)
def test_diseases_show(pathology: str, sign: object):
    assert callable(sign)
    for seed in range(20):
        anatomy = draw_anatomy(np.random.default_rng(seed), pathology)
        assert anatomy.pathology == pathology
        assert sign(anatomy), anatomy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"phase": 1.5}, "phase lies between 0 and 1"),
        ({"lv_end_diastolic_volume_ml": float("nan")}, "lv_end_diastolic_volume_ml lies between 60 and 400"),
        ({"sex": "x"}, "'female' or 'male'"),
        ({"appendage_shape": "broccoli"}, "chicken wing"),
    ],
)
def test_impossible_hearts_are_refused(change: dict, said: str):
    with pytest.raises(ParameterError, match=said):
        HeartAnatomy(**change)


def test_impossible_requests_are_refused():
    with pytest.raises(ParameterError, match="'broken' is unknown"):
        draw_anatomy(np.random.default_rng(0), "broken")
    with pytest.raises(ParameterError, match="4 to 1024"):
        ct_grid((2, 48, 48))
    with pytest.raises(ParameterError, match=r"0\.2 to 20 mm"):
        ct_grid((48, 48, 48), 0.0)
    with pytest.raises(ParameterError, match="2 frames"):
        heart_cycle(HeartAnatomy(), 1)


def test_the_grid_is_a_scanners():
    grid = ct_grid((10, 20, 30), (2.0, 1.0, 1.0), (1.0, 2.0, 3.0))
    np.testing.assert_allclose(grid.directions_ras, np.diag([-1, -1, 1]))
    np.testing.assert_allclose(grid.ras_from_kji([4.5, 9.5, 14.5]), [1, 2, 3])
    assert grid.spacing_kji_mm == (2.0, 1.0, 1.0)


@given(phase=st.floats(0, 1), seed=st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_chambers_stay_between_their_smallest_and_largest_volumes(phase: float, seed: int):
    anatomy = draw_anatomy(np.random.default_rng(seed))
    now = moment(anatomy.at(phase))
    assert anatomy.lv_end_systolic_volume_ml - 1e-6 <= now.lv_ml <= anatomy.lv_end_diastolic_volume_ml + 1e-6
    assert 0.35 * anatomy.la_volume_ml < now.la_ml <= anatomy.la_volume_ml + 1e-6
    assert 0 <= now.shortening < 0.25
    around = moment(anatomy.at(min(1.0, phase + 1e-4)))
    assert abs(around.lv_ml - now.lv_ml) < 1.0, "nothing jumps"

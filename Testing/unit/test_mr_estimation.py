"""Missing sequences by physics: gains, what images tell, wrong names, alignment, shading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging import samples
from synthetic_imaging.context import Run
from synthetic_imaging.physics.mr.tissue import Tissue
from synthetic_imaging.sequences.alignment import LEAST_LIKENESS, aligned, likeness
from synthetic_imaging.sequences.estimation import calibrate, posterior
from synthetic_imaging.sequences.naming import doubtful_names
from synthetic_imaging.sequences.protocols import Contrast, Timing, sequence_of
from synthetic_imaging.sequences.shading import evened
from synthetic_imaging.sequences.states import TissueStates, head_states

WITH_BRAIN = pytest.mark.skipif("brain-t1" not in samples.available(), reason="the average brain is not installed")
KINDS = {"flair": Contrast.FLAIR, "t1w": Contrast.T1W, "t2w": Contrast.T2W}


@pytest.fixture(scope="module")
def states() -> TissueStates:
    return head_states(3.0)


def signals_of(states: TissueStates, *contrasts: Contrast) -> np.ndarray:
    return np.stack([states.signal(sequence_of(c)) for c in contrasts], axis=1)


def drawn(states: TissueStates, signals: np.ndarray, gains: Any, rng: np.random.Generator, count: int = 2000) -> Any:
    """(voxels, images) and the state of each voxel."""
    which = rng.choice(len(states), count, p=states.weight.astype(float) / states.weight.astype(float).sum())
    images = signals[which] * np.asarray(gains)
    return (images * (1 + 0.02 * rng.standard_normal(images.shape))).astype(np.float32), which


def test_gains_are_found_whatever_the_units(states: TissueStates):
    rng, signals, gains = np.random.default_rng(0), signals_of(states, *KINDS.values()), (3e3, 40.0, 0.7)
    images, _ = drawn(states, signals, gains, rng)
    assert np.allclose(calibrate(images, signals, states.weight).gains, gains, rtol=0.05)


def test_more_sequences_leave_less_open_and_the_truth_lies_within_what_is_left(states: TissueStates):
    rng, wanted = np.random.default_rng(1), states.signal(sequence_of(Contrast.DIR))
    left = []
    for number in (1, 2, 3):
        signals = signals_of(states, *list(KINDS.values())[:number])
        images, which = drawn(states, signals, [500.0] * number, rng)
        found = posterior(images, calibrate(images, signals, states.weight), states, signals, [wanted], Run())
        apart = np.abs(found.mean[0] - wanted[which])
        assert np.mean(apart < 2.5 * found.deviation[0] + 0.02 * wanted.max()) > 0.9
        left.append(float(np.sqrt(np.mean(apart**2))))
    assert left[0] > 1.5 * left[1] > 1.5 * left[2] * 0.8


def test_the_right_names_raise_no_doubt_and_exchanged_ones_do(states: TissueStates):
    rng = np.random.default_rng(2)
    images, _ = drawn(states, signals_of(states, *KINDS.values()), (300.0, 300.0, 300.0), rng)
    assert doubtful_names(images, states, KINDS, 3.0) == []
    swapped = {"flair": Contrast.FLAIR, "t1w": Contrast.T2W, "t2w": Contrast.T1W}
    assert any("exchanged" in s or "looks more like" in s for s in doubtful_names(images, states, swapped, 3.0))


def test_states_lose_their_fat_when_it_is_suppressed(states: TissueStates):
    sequence = sequence_of(Contrast.T2W)
    full, less = states.signal(sequence), states.signal(sequence, fat_suppressed=True)
    assert np.allclose(less[states.fat == 1], 0.1 * full[states.fat == 1])
    assert np.array_equal(less[states.fat == 0], full[states.fat == 0])


def test_automatic_times_null_what_they_ought_to():
    csf, white, fat = Tissue(1, 4000, 900, 400), Tissue(1, 900, 74, 48), Tissue(1, 382, 68, 40)
    for contrast, nulled in ((Contrast.FLAIR, (csf,)), (Contrast.DIR, (csf, white)), (Contrast.STIR, (fat,))):
        for tissue in nulled:
            assert abs(float(sequence_of(contrast).signal(tissue))) < 1e-4
    with pytest.raises(si.SyntheticImagingError, match="two inversion times"):
        sequence_of(Contrast.DIR, Timing(inversion_time_ms=400.0))


@pytest.fixture(scope="module")
def phantom() -> Any:
    return si.run("sequences.phantom", seed=8, spacing_mm=3.0, lesions=20, shading_percent=0.0)


@WITH_BRAIN
def test_the_missing_dir_of_a_phantom_is_found_from_flair_and_t1(phantom: Any):
    got = si.run("sequences.fit", seed=1, flair=phantom.flair, t1w=phantom.t1w, align=False, maps=True)
    inside = np.isin(phantom.tissues.layers[0], (1, 2, 3))
    true, found = phantom.dir.voxels[inside], got.volume.voxels[inside]
    assert np.corrcoef(true, found)[0, 1] > 0.93
    white, lesions = phantom.tissues.inside("white matter"), phantom.lesions.inside()
    assert got.volume.voxels[lesions].mean() > 2.5 * got.volume.voxels[white & ~lesions].mean()
    t1 = got.t1_map.voxels[white & ~lesions]
    assert np.median(t1) == pytest.approx(float(np.median(phantom.t1_map.voxels[white & ~lesions])), rel=0.12)
    assert got.volume.geometry.same_grid(phantom.flair.geometry)


@WITH_BRAIN
def test_one_sequence_alone_is_said_to_tell_less(phantom: Any):
    told = [dict(zip(r.knowledge.column("quantity"), r.knowledge.column("told"), strict=True))["DIR"] for r in (
        si.run("sequences.fit", seed=1, flair=phantom.flair, even_brightness=False),
        si.run("sequences.fit", seed=1, flair=phantom.flair, t1w=phantom.t1w, align=False, even_brightness=False))]
    assert told[0] < told[1] - 10


@WITH_BRAIN
def test_both_visits_of_a_phantom_are_of_one_patient_and_differ_in_lesions_alone():
    first, second = (si.run("sequences.phantom", seed=5, spacing_mm=3.0, lesions=25, noise_percent=0.0,
                            shading_percent=0.0, visit=v) for v in ("first", "second, a year later"))
    changed = np.abs(second.flair.voxels - first.flair.voxels) > 60
    from scipy import ndimage

    near = ndimage.binary_dilation(first.lesions.inside() | second.lesions.inside(), iterations=2)
    assert changed.any() and not (changed & ~near).any()
    assert "new" in second.table.column("change") or "grown" in second.table.column("change")


@WITH_BRAIN
def test_a_head_that_moved_is_moved_back(phantom: Any):
    angle = np.deg2rad(9.0)
    move = np.eye(4)
    move[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    move[:3, 3] = (6.0, -4.0, 5.0)
    geometry = si.Geometry(move @ phantom.t1w.geometry.ijk_to_ras, phantom.t1w.shape)
    moved = si.Volume(phantom.t1w.voxels, geometry, modality="MR")
    found = aligned(moved, phantom.flair)
    assert found.turn_degrees == pytest.approx(9.0, abs=1.0)
    inside = phantom.tissues.layers[0] > 0
    assert np.corrcoef(found.voxels[inside], phantom.t1w.voxels[inside])[0, 1] > 0.97
    assert found.likeness > 2 * aligned(moved, phantom.flair, register=False).likeness


@WITH_BRAIN
def test_images_that_have_nothing_in_common_are_refused(phantom: Any):
    rng = np.random.default_rng(0)
    other = phantom.t1w.like(rng.permutation(phantom.t1w.voxels.ravel()).reshape(phantom.t1w.shape))
    assert likeness(phantom.flair.voxels, other.voxels) < LEAST_LIKENESS
    with pytest.raises(si.InputError, match="of one patient"):
        si.run("sequences.fit", flair=phantom.flair, t1w=other, even_brightness=False)


def test_no_sequence_at_all_is_refused():
    with pytest.raises(si.InputError, match="No sequence was given"):
        si.run("sequences.fit")


def test_the_coils_shading_is_taken_off():
    grid = si.Geometry.from_spacing((40, 60, 60), (3.0, 3.0, 3.0))
    k, j, i = np.indices(grid.shape)
    ball = np.linalg.norm(np.stack([(k - 20) / 18, (j - 30) / 27, (i - 30) / 27]), axis=0) < 1
    shade = np.exp(0.35 * np.sin(i / 24) * np.cos(j / 30))
    rng = np.random.default_rng(0)
    image = (ball * 300 * shade + 4 * rng.random(grid.shape)).astype(np.float32)
    even = evened(image, grid)
    inner = np.linalg.norm(np.stack([(k - 20) / 16, (j - 30) / 24, (i - 30) / 24]), axis=0) < 1
    assert even[inner].std() / even[inner].mean() < 0.4 * image[inner].std() / image[inner].mean()


@pytest.fixture
def maps() -> dict[str, si.Volume]:
    grid = si.Geometry.from_spacing((6, 8, 8), (2.0, 2.0, 2.0))
    t1 = np.full(grid.shape, 900.0, np.float32)
    t1[3:] = 4000.0
    t1[0, 0] = 0.0
    t2 = np.where(t1 > 1000, 900.0, 74.0).astype(np.float32)
    return {"t1_map": si.Volume(t1, grid, modality="MR"), "t2_map": si.Volume(t2, grid, modality="MR")}


def test_simulated_sequences_follow_the_maps(maps: dict[str, si.Volume]):
    flair = si.run("sequences.simulate", contrast="FLAIR", **maps).volume.voxels
    t2w = si.run("sequences.simulate", contrast="T2w", **maps).volume.voxels
    assert flair[4, 4, 4] < 0.01 * flair[2, 4, 4]
    assert t2w[4, 4, 4] > 2 * t2w[2, 4, 4]
    assert flair[0, 0, 0] == 0  # no T1, no tissue


def test_maps_in_seconds_or_below_zero_are_refused(maps: dict[str, si.Volume]):
    seconds = maps["t1_map"].like(maps["t1_map"].voxels / 1000)
    with pytest.raises(si.InputError, match="in ms"):
        si.run("sequences.simulate", **{**maps, "t1_map": seconds})
    with pytest.raises(si.InputError, match="below 0"):
        si.run("sequences.simulate", **{**maps, "t2_map": maps["t2_map"].like(maps["t2_map"].voxels - 100)})
    with pytest.raises(si.SyntheticImagingError, match="repetition time"):
        si.run("sequences.simulate", contrast="FLAIR", repetition_time_ms=500.0, inversion_time_ms=2500.0, **maps)

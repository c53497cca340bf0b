"""Learned missing sequences without their network: brightness, grid, training cases, what is usual."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synthetic_imaging as si
from synthetic_imaging import samples
from synthetic_imaging.context import Run
from synthetic_imaging.segmentation.carrying import values_on_image
from synthetic_imaging.segmentation.model_grid import onto_model_grid
from synthetic_imaging.sequences.detector.finding import pieces
from synthetic_imaging.sequences.learned.brightness import from_network, to_network, typical
from synthetic_imaging.sequences.learned.grid import slice_grid
from synthetic_imaging.sequences.learned.settings import GIVEN, MADE, Patients
from synthetic_imaging.sequences.protocols import Contrast

needs_brain = pytest.mark.skipif("brain-t1" not in samples.available(), reason="the average brain is not installed")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(MADE), st.floats(1e-3, 1e4), st.integers(0, 2**31))
def test_brightness_comes_back_unless_it_was_cut_off(contrast: Contrast, unit: float, seed: int) -> None:
    image = np.random.default_rng(seed).uniform(0, 1.5, 50).astype(np.float32) * np.float32(unit)
    level = typical(image, contrast)
    scaled = to_network(image, level, contrast)
    back = from_network(scaled, contrast, level)
    kept = scaled < 1
    np.testing.assert_allclose(back[kept], image[kept], rtol=1e-4, atol=1e-5 * unit)
    # Scanners' units do not matter.
    np.testing.assert_allclose(scaled, to_network(3 * image, typical(3 * image, contrast), contrast), atol=1e-5)


def geometry(spacing_ijk: tuple[float, float, float], shape: tuple[int, int, int], degrees: float = 0.0) -> si.Geometry:
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    return si.Geometry.from_spacing(shape, spacing_ijk, (3.0, -4.0, 5.0), turn)


@pytest.mark.parametrize(
    ("spacing", "axis", "first_mm"),
    [((1.0, 1.0, 5.0), 0, 5.0), ((1.0, 4.0, 1.0), 1, 4.0), ((5.0, 0.5, 0.5), 2, 5.0), ((1.0, 1.0, 1.1), 0, 1.1)],
)
def test_slices_lie_along_the_thick_axis(spacing: Any, axis: int, first_mm: float) -> None:
    placing = slice_grid(geometry(spacing, (24, 30, 36), 8.0))
    assert placing.order[0] == axis
    made = placing.geometry.spacing_kji_mm
    assert made[0] == pytest.approx(first_mm)
    assert all(0.89 < mm < 1.31 for mm in made[1:])


def test_a_smooth_image_comes_back_from_the_grid_of_slices() -> None:
    grid = geometry((0.6, 0.6, 3.0), (20, 60, 70), 12.0)
    k, j, i = np.meshgrid(*(np.linspace(0, 3, n) for n in grid.shape), indexing="ij")
    image = (0.5 + 0.2 * np.sin(k) * np.cos(j) + 0.2 * np.sin(i)).astype(np.float32)
    placing = slice_grid(grid)
    back = values_on_image(onto_model_grid(image, placing, (0.0, 1.0), False, Run()), placing, Run())
    assert back.shape == image.shape
    assert np.abs(back - image)[1:-1, 3:-3, 3:-3].max() < 0.01


@pytest.fixture(scope="module")
def cases() -> Any:
    from synthetic_imaging.sequences.learned.slabs import SlabCases

    return SlabCases(Patients(side=48), 3, 1, 0, 2)


@needs_brain
def test_a_training_case_has_what_was_drawn_and_dark_where_nothing_is(cases: Any) -> None:
    for seed in range(6):
        case = cases.case(seed % 2, np.random.default_rng(seed))
        present = case["present"] > 0
        assert present.any() and case["given"].shape == (4, 3, 48, 48) and case["image"].shape == (5, 1, 48, 48)
        assert (case["given"][~present] == -1).all()
        assert np.isfinite(case["given"]).all() and np.abs(case["image"]).max() <= 1
        assert set(np.unique(case["lesion"])) <= {0.0, 1.0}


@needs_brain
def test_the_same_numbers_give_the_same_case_in_another_process_too(cases: Any) -> None:
    import copy

    again = copy.copy(cases)  # as sending it does: without what was drawn already
    assert again.__dict__.keys() == cases.__dict__.keys() and not again._slabs
    one, other = (source.case(1, np.random.default_rng(5)) for source in (cases, again))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


@needs_brain
def test_double_inversion_is_dark_in_white_matter_and_bright_in_grey(cases: Any) -> None:
    from synthetic_imaging.phantoms.brain import tissues as t

    slab = cases.slab(0)
    relaxation = t.mean_relaxation(3.0)
    from synthetic_imaging.sequences.learned.slabs import _clean

    box = (slice(None), slice(None), slice(None))
    head = slab.head(box, relaxation, 3.0)
    image = _clean(head, slab.brain_sample(relaxation, 3.0), Contrast.DIR, 3.0) + 1
    grey, white, csf = (image[head.fractions[name] > 0.95].mean() for name in (t.GREY, t.WHITE, t.CSF))
    assert grey > 2 * white and grey > 3 * csf


@needs_brain
def test_a_brain_of_the_training_kind_is_usual_and_a_strange_one_is_not(cases: Any) -> None:
    torch = pytest.importorskip("torch")
    from synthetic_imaging.sequences.learned.knowledge import Knowledge, fit_of, keep

    knowledge = Knowledge()
    unknown = fit_of(knowledge, np.zeros((5, 4), np.float32), [True] * 4)
    assert np.isnan(unknown.distance)
    scans = [cases.brain_voxels(n % 2, np.random.default_rng(n)) for n in range(10)]
    keep(knowledge, np.concatenate(scans[:6]), scans[6:], np.random.default_rng(0))
    new = cases.brain_voxels(0, np.random.default_rng(99))
    for present in ([True] * 4, [True, True, False, False]):
        assert fit_of(knowledge, new, present).distance < 3
        assert fit_of(knowledge, -new, present).distance > 3
    assert int(knowledge.patients) == 4 and torch.isfinite(knowledge.reach).all()


@pytest.mark.parametrize(
    ("unlike", "spacing", "told"),
    [(0.01, (1.0, 1.0, 3.0), "These images lie within what the model was trained on."),
     (0.09, (1.0, 1.0, 3.0), "brain voxels unlike all in training (9 %, usual up to 3 %). Check"),
     (0.01, (2.0, 2.0, 9.0), "(2 mm, usual up to 1.3 mm), slice thickness (9 mm, usual up to 5 mm). Check"),
     (float("nan"), (1.0, 1.0, 3.0), "It is not known on what images this model was trained.")],
)
def test_the_sentence_says_what_the_table_of_the_fit_says(unlike: float, spacing: Any, told: str) -> None:
    pytest.importorskip("torch")
    from synthetic_imaging.sequences.learned.fit_table import fit_sentence, fit_table
    from synthetic_imaging.sequences.learned.knowledge import Fit

    limit = unlike if np.isnan(unlike) else 0.03
    table = fit_table(Fit(unlike, limit), geometry(spacing, (20, 20, 20)), 8.0)
    sentence = fit_sentence(table)
    assert told in sentence
    assert any(row["outside"] for row in table) == ("outside" in sentence)


def test_the_surest_piece_comes_first_and_nothing_is_found_outside_the_brain() -> None:
    share = np.zeros((3, 20, 20), np.float32)
    share[1, 2:5, 2:5], share[1, 10:14, 10:14], share[2, 17:19, 17:19] = 0.6, 0.9, 0.9
    inside = np.ones(share.shape, bool)
    inside[2] = False
    labels, found = pieces(share, inside)
    assert [f.label for f in found] == [1, 2] and found[0].score > found[1].score
    assert found[0].voxels == 16 and found[1].voxels == 9
    assert labels[1, 11, 11] == 1 and labels[1, 3, 3] == 2 and not labels[2].any()


def test_a_lesion_in_which_nothing_was_found_is_not_found_at_any_threshold() -> None:
    pytest.importorskip("torch")
    from synthetic_imaging.sequences.evidence.detection import Seen

    seen = Seen({1: 0.0, 2: 0.4, 3: 0.8}, [], [])
    assert seen.found(0.0) == {2, 3} and seen.found(0.5) == {3}


def test_every_given_sequence_can_be_made_too() -> None:
    assert set(GIVEN) < set(MADE) and MADE[0] is Contrast.DIR

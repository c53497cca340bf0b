"""The nearest-neighbour test for copies of training images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.copying import as_rows, copy_test
from synthetic_imaging.evaluation.neighbours import nearest


def sets(seed: int = 0, d: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((60, d)), rng.standard_normal((100, d)), rng.standard_normal((80, d))


def test_new_images_are_no_nearer_than_held_out_ones() -> None:
    generated, train, held_out = sets()
    found = copy_test(generated, train, held_out, "test features")
    assert 0.8 < found.ratio < 1.25
    assert found.close < 0.15 and found.p_value > 0.05
    assert 0.4 < found.probability_nearer < 0.6
    assert "no nearer" in found.text and "test features" in found.text


def test_blurred_copies_are_found() -> None:
    _, train, held_out = sets()
    rng = np.random.default_rng(9)
    source = rng.permutation(len(train))[:40]
    copies = train[source] + 0.05 * rng.standard_normal((40, train.shape[1]))
    found = copy_test(copies, train, held_out, "test features")
    assert found.nearest_train.tolist() == source.tolist()
    assert found.ratio < 0.2 and found.close == found.nearer_than_any == found.probability_nearer == 1
    assert found.p_value < 1e-6 and "lie nearer" in found.text


def test_a_few_exact_copies_among_many_head_the_pairs() -> None:
    generated, train, held_out = sets()
    generated[[17, 4]] = train[[30, 71]]
    found = copy_test(generated, train, held_out, "test features")
    assert found.p_value > 0.05  # the median does not see them ...
    assert found.nearer_than_any >= 2 / 60
    pairs = found.pairs(3)  # ... but the pairs to look at do
    assert {(pair.generated, pair.train) for pair in pairs[:2]} == {(17, 30), (4, 71)}
    assert [pair.distance for pair in pairs[:2]] == [0, 0] and pairs[0].rank == 0
    assert pairs[2].distance > 0


def test_in_voxel_space() -> None:
    rng = np.random.default_rng(1)
    train, held_out = rng.random((20, 1, 6, 7, 8), dtype=np.float32), rng.random((10, 1, 6, 7, 8), dtype=np.float32)
    found = copy_test(as_rows(train[:5] + np.float32(0.01)), as_rows(train), as_rows(held_out), "voxels")
    assert found.nearest_train.tolist() == [0, 1, 2, 3, 4]
    assert found.generated == pytest.approx(0.01 * np.sqrt(6 * 7 * 8), rel=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), offset=st.floats(-1e4, 1e4), k=st.integers(1, 4))
def test_neighbours_equal_their_definition_however_far_from_zero(seed: int, offset: float, k: int) -> None:
    rng = np.random.default_rng(seed)
    queries, references = rng.standard_normal((7, 5)) + offset, rng.standard_normal((23, 5)) + offset
    distances, indices = nearest(queries, references, k)
    apart = np.linalg.norm(queries[:, None] - references[None], axis=-1)
    expected = np.argsort(apart, axis=1)[:, :k]
    assert (indices == expected).all()
    np.testing.assert_allclose(distances, np.take_along_axis(apart, expected, axis=1), rtol=1e-9)


def test_bad_input_gets_a_sentence() -> None:
    generated, train, held_out = sets()
    with pytest.raises(InputError, match="5, 6 and 6 numbers each"):
        copy_test(generated[:, :5], train, held_out, "x")
    with pytest.raises(InputError, match="3 held-out images; at least 5"):
        copy_test(generated, train, held_out[:3], "x")
    with pytest.raises(InputError, match="themselves among the training images"):
        copy_test(generated, train, train[:50], "x")
    with pytest.raises(InputError, match="generated images has 6 values that are not numbers"):
        copy_test(np.vstack([generated, np.full((1, 6), np.nan)]), train, held_out, "x")
    with pytest.raises(ParameterError, match="between 0 and 100"):
        copy_test(generated, train, held_out, "x", percentile=0)
    with pytest.raises(InputError, match="one shape"):
        as_rows([np.zeros((3, 3)), np.zeros((3, 4))])

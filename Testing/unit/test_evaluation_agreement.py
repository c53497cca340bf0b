"""Agreement of measurements beside published examples and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synthetic_imaging.errors import InputError
from synthetic_imaging.evaluation.agreement import bland_altman, icc, pearson, same_distribution

# Shrout and Fleiss 1979, table 2: six cases, four judges.
JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_icc_of_the_published_example() -> None:
    absolute, consistent = icc(JUDGES), icc(JUDGES, absolute=False)
    assert absolute.estimate == pytest.approx(0.29, abs=0.005)  # their table 4
    assert consistent.estimate == pytest.approx(0.71, abs=0.005)
    # Intervals as the packages psych (R) and pingouin print them for this table.
    assert (absolute.low, absolute.high) == pytest.approx((0.02, 0.76), abs=0.006)
    assert (consistent.low, consistent.high) == pytest.approx((0.34, 0.95), abs=0.006)


def test_an_offset_breaks_absolute_agreement_alone() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(100, 20, 40)
    ratings = np.column_stack([truth, truth + 30 + rng.normal(0, 1, 40)])
    assert icc(ratings, absolute=False).estimate > 0.99 > 0.7 > icc(ratings).estimate
    assert icc(np.column_stack([truth, truth])).estimate == icc(np.column_stack([truth, truth]), False).estimate == 1


def test_intervals_of_icc_cover_the_truth() -> None:
    """Variances of cases 4, raters 1, rest 1: ICC(2,1) = 4 / 6, ICC(3,1) = 4 / 5."""
    rng = np.random.default_rng(3)
    hits = np.zeros(2)
    for _ in range(200):
        table = 2 * rng.standard_normal((25, 1)) + rng.standard_normal((1, 6)) + rng.standard_normal((25, 6))
        for at, (absolute, truth) in enumerate(((True, 4 / 6), (False, 4 / 5))):
            made = icc(table, absolute)
            hits[at] += made.low <= truth <= made.high
    assert (np.abs(hits / 200 - 0.95) < 0.05).all(), hits / 200


def test_limits_of_agreement_hold_most_differences() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(120, 30, 2000)
    made = bland_altman(truth + rng.normal(5, 4, 2000), truth)
    assert made.bias.estimate == pytest.approx(5, abs=0.4) and made.bias.low < 5 < made.bias.high
    assert (made.lower.estimate, made.upper.estimate) == pytest.approx((5 - 7.84, 5 + 7.84), abs=0.6)
    assert made.lower.low < made.lower.estimate < made.lower.high < made.bias.low
    assert "limits of agreement" in made.text


def test_bias_interval_equals_scipy() -> None:
    one, other = np.random.default_rng(2).random((2, 12))
    expected = stats.ttest_rel(one, other).confidence_interval(0.95)
    made = bland_altman(one, other).bias
    assert (made.low, made.high) == pytest.approx((expected.low, expected.high))


def test_pearson_and_distributions_equal_scipy() -> None:
    rng = np.random.default_rng(4)
    one, other = rng.random((2, 25))
    peer = stats.pearsonr(one, other)
    made = pearson(one, other)
    assert made.estimate == pytest.approx(peer.statistic)
    assert (made.low, made.high) == pytest.approx(tuple(peer.confidence_interval(0.95)))
    found = same_distribution(one, other[:10] + 0.2)
    assert found.wasserstein == pytest.approx(stats.wasserstein_distance(one, other[:10] + 0.2))
    assert found.p_value == pytest.approx(stats.ks_2samp(one, other[:10] + 0.2).pvalue)
    assert "n = 25 against 10" in found.text


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.1, 50), shift=st.floats(-100, 100))
def test_laws(seed: int, scale: float, shift: float) -> None:
    one, other = np.random.default_rng(seed).standard_normal((2, 10))
    made, turned = bland_altman(one, other), bland_altman(other, one)
    assert turned.bias.estimate == pytest.approx(-made.bias.estimate)
    assert turned.upper.estimate == pytest.approx(-made.lower.estimate)
    assert pearson(scale * one + shift, other).estimate == pytest.approx(pearson(one, other).estimate)
    table = np.column_stack([one, other])
    for absolute in (True, False):
        value = icc(table, absolute).estimate
        assert value <= 1
        assert icc(scale * table + shift, absolute).estimate == pytest.approx(value, abs=1e-6)
        assert icc(table[::-1, ::-1], absolute).estimate == pytest.approx(value)
    assert same_distribution(one + shift, one).wasserstein == pytest.approx(abs(shift), abs=1e-9)
    assert same_distribution(one, one[::-1]).ks == 0


def test_bad_input_gets_a_sentence() -> None:
    with pytest.raises(InputError, match="same cases in both lists, not 3 and 4"):
        bland_altman([1, 2, 3], [1, 2, 3, 4])
    with pytest.raises(InputError, match="correlation with a constant"):
        pearson([1, 1, 1, 1], [1, 2, 3, 4])
    with pytest.raises(InputError, match="at least 4"):
        pearson([1, 2, 3], [1, 2, 3])
    with pytest.raises(InputError, match="3 or more cases by 2 or more raters, not 5 x 1"):
        icc(np.ones((5, 1)))
    with pytest.raises(InputError, match="no variation"):
        icc(np.ones((5, 2)))
    with pytest.raises(InputError, match="not numbers"):
        same_distribution([1, np.inf], [1, 2])

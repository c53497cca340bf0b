"""Bootstrap intervals over cases and seeds, paired tests, Holm's correction."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.paired import Method, holm, paired_test
from synthetic_imaging.evaluation.statistics import Estimate, Interval, bootstrap, from_draws, median, over_seeds


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(12)


@pytest.mark.parametrize(
    ("statistic", "interval", "name"),
    [
        (np.mean, Interval.BCA, "BCa"),
        (np.mean, Interval.PERCENTILE, "percentile"),
        (np.median, Interval.PERCENTILE, "percentile"),
    ],
)
def test_intervals_equal_scipy(statistic, interval: Interval, name: str, rng: np.random.Generator) -> None:
    cases = rng.lognormal(size=40)
    ours = {np.mean: lambda v: v.mean(axis=-1), np.median: median}[statistic]
    made = bootstrap(cases, rng, ours, interval, resamples=20000)
    peer = stats.bootstrap((cases,), statistic, n_resamples=20000, method=name, rng=rng).confidence_interval
    width = peer.high - peer.low
    assert made.estimate == statistic(cases) and made.n == 40
    assert (made.low, made.high) == pytest.approx((peer.low, peer.high), abs=0.04 * width)


def test_intervals_cover_the_truth_as_often_as_they_say(rng: np.random.Generator) -> None:
    hits = 0
    for _ in range(300):
        made = bootstrap(rng.standard_normal(40), rng, resamples=400, level=0.9)
        hits += made.low <= 0 <= made.high
    assert 0.83 < hits / 300 < 0.95


def test_an_interval_over_cases_alone_ignores_the_seeds_luck(rng: np.random.Generator) -> None:
    """Truth 0; seeds scatter by 1, cases by 1: with one interval over pooled cases it is missed far too often."""
    pooled = both = 0
    for _ in range(80):
        values = rng.standard_normal((8, 1)) + rng.standard_normal((1, 50)) * 0.3 + rng.standard_normal((8, 50)) * 0.5
        one = bootstrap(values.reshape(-1), rng, resamples=300)
        two = over_seeds(values, rng, resamples=300)
        assert two.estimate == pytest.approx(one.estimate)
        pooled += one.low <= 0 <= one.high
        both += two.low <= 0 <= two.high
    assert pooled / 80 < 0.5 < 0.8 < both / 80


def test_seeds_with_cases_of_their_own(rng: np.random.Generator) -> None:
    made = over_seeds([rng.standard_normal(n) for n in (20, 30, 25)], rng, same_cases=False)
    assert made.low < made.estimate < made.high
    assert (made.n, made.seeds) == (75, 3) and "75, 3 seeds)" in made.text


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.01, 100), shift=st.floats(-100, 100))
def test_laws_of_the_bootstrap(seed: int, scale: float, shift: float) -> None:
    cases = np.random.default_rng(seed).standard_normal(15)
    made = bootstrap(cases, np.random.default_rng(1), resamples=200)
    moved = bootstrap(scale * cases + shift, np.random.default_rng(1), resamples=200)
    for name in ("estimate", "low", "high"):
        assert getattr(moved, name) == pytest.approx(scale * getattr(made, name) + shift, rel=1e-6, abs=1e-6)
    assert cases.min() <= made.low <= made.high <= cases.max()
    assert bootstrap(cases, np.random.default_rng(1), resamples=200) == made


def test_equal_cases_have_an_interval_of_no_width(rng: np.random.Generator) -> None:
    made = bootstrap([0.5] * 6, rng)
    assert made.low == made.estimate == made.high == 0.5


def test_text_reads_as_in_a_paper() -> None:
    assert Estimate(0.812, 0.793, 0.8304, 108).text == "0.812 (95 % CI 0.793 to 0.830, n = 108)"
    assert Estimate(0.81, 0.59, 0.93, 12).text == "0.81 (95 % CI 0.59 to 0.93, n = 12)"
    assert Estimate(143.21, 120.3, 160.8, 9, 0.9).text == "143 (90 % CI 120 to 161, n = 9)"
    assert from_draws(0.5, np.linspace(0, 1, 101), 10).text == "0.50 (95 % CI 0.03 to 0.97, n = 10)"


def test_paired_tests_equal_scipy(rng: np.random.Generator) -> None:
    first = rng.standard_normal(30)
    second = first + 0.2 + 0.5 * rng.standard_normal(30)
    made = {method: paired_test(first, second, rng, method) for method in Method}
    assert made[Method.WILCOXON].p_value == stats.wilcoxon(first, second).pvalue
    assert made[Method.T].p_value == pytest.approx(stats.ttest_rel(first, second).pvalue)
    peer = stats.permutation_test(
        (first, second), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=9999, rng=rng
    )
    assert made[Method.PERMUTATION].p_value == pytest.approx(peer.pvalue, abs=0.02)
    assert made[Method.T].difference.estimate == pytest.approx((first - second).mean())
    assert "Wilcoxon p = " in made[Method.WILCOXON].text


def test_few_pairs_are_permuted_exactly(rng: np.random.Generator) -> None:
    apart = np.array([0.3, 0.1, -0.2, 0.7, 0.4])
    signs = itertools.product((-1, 1), repeat=5)
    expected = np.mean([abs(np.dot(s, apart)) >= abs(apart.sum()) - 1e-12 for s in signs])
    assert paired_test(apart, np.zeros(5), rng, Method.PERMUTATION).p_value == expected


@pytest.mark.parametrize("method", list(Method))
def test_p_values_are_even_under_the_null_and_blind_to_order(method: Method, rng: np.random.Generator) -> None:
    small = 0
    for _ in range(150):
        first, second = rng.standard_normal((2, 12))
        made = paired_test(first, second, rng, method)
        small += made.p_value < 0.1
        assert paired_test(second, first, rng, method).p_value == pytest.approx(made.p_value)
    assert 0.03 < small / 150 < 0.18
    assert paired_test(first, first, rng, method).p_value == 1


def test_holm_equals_a_calculation_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1, 1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_laws_of_holm(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert (adjusted >= p_values).all()
    assert (adjusted <= np.minimum(1, np.array(p_values) * len(p_values)) + 1e-12).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    assert holm(p_values[::-1])[::-1] == pytest.approx(adjusted)


def test_bad_input_gets_a_sentence(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="holds 2 cases; at least 3 are needed"):
        bootstrap([1, 2], rng)
    with pytest.raises(InputError, match="not numbers"):
        bootstrap([1, 2, np.nan], rng)
    with pytest.raises(InputError, match="must be a list"):
        bootstrap(np.ones((3, 3)), rng)
    with pytest.raises(ParameterError, match="percentile interval"):
        bootstrap([1, 2, 3], rng, median)
    with pytest.raises(ParameterError, match="last axis"):
        bootstrap([1, 2, 3], rng, lambda v: v.mean(axis=0))
    with pytest.raises(ParameterError, match="between 0 and 1"):
        bootstrap([1, 2, 3], rng, level=95)
    with pytest.raises(InputError, match="at least two, not 1"):
        over_seeds(np.ones((1, 5)), rng)
    with pytest.raises(InputError, match="tested on 4, 5 cases"):
        over_seeds([np.ones(4), np.ones(5)], rng)
    with pytest.raises(InputError, match="one length, not of 3 and 4"):
        paired_test([1, 2, 3], [1, 2, 3, 4], rng)
    with pytest.raises(InputError, match="between 0 and 1"):
        holm([0.2, 1.2])

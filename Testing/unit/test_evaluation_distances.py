"""Distances between a real and a generated set: Fréchet, MMD, precision and recall, density and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.discrepancy import Kernel, mmd
from synthetic_imaging.evaluation.frechet import frechet_curve, frechet_distance, frechet_from_moments
from synthetic_imaging.evaluation.manifold import MEASURES, manifold
from synthetic_imaging.evaluation.uncertainty import Resampling


def two_sets(n: int, m: int, d: int, shift: float = 0.3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((d, d)) / np.sqrt(d)
    return rng.standard_normal((n, d)) @ mix, rng.standard_normal((m, d)) @ mix * 1.2 + shift


@pytest.mark.parametrize(("n", "m", "d"), [(30, 40, 100), (100, 30, 64), (200, 300, 40), (50, 50, 50)])
def test_low_rank_frechet_equals_the_dense_form(n: int, m: int, d: int) -> None:
    import torch
    from monai.metrics.fid import get_fid_score

    real, generated = two_sets(n, m, d)
    made = frechet_distance(real, generated, "test").value
    by_moments = frechet_from_moments(
        real.mean(axis=0), np.cov(real, rowvar=False), generated.mean(axis=0), np.cov(generated, rowvar=False)
    )
    assert made == pytest.approx(by_moments, rel=1e-6)
    # MONAI takes the square root of a singular product where n < d, which is less exact than what it is compared with.
    expected = float(get_fid_score(torch.from_numpy(generated), torch.from_numpy(real)))
    assert made == pytest.approx(expected, rel=1e-6 if min(n, m) > d else 1e-4)


def test_frechet_of_known_normals() -> None:
    covariance, other = np.diag([4.0, 9.0]), np.diag([1.0, 16.0])
    assert frechet_from_moments([0, 0], covariance, [3, 4], other) == pytest.approx(25 + 1 + 1)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 30), n=st.integers(3, 30), d=st.integers(1, 20))
def test_laws_of_the_frechet_distance(seed: int, scale: float, n: int, d: int) -> None:
    real, generated = two_sets(n, n + 2, d, seed=seed)
    rng = np.random.default_rng(seed)
    value = frechet_distance(real, generated, "test").value
    close = {"rel": 1e-6, "abs": 1e-9 * scale**2}
    assert frechet_distance(generated, real, "test").value == pytest.approx(value, **close)
    assert frechet_distance(rng.permutation(real), generated, "test").value == pytest.approx(value, **close)
    assert frechet_distance(scale * real, scale * generated, "test").value == pytest.approx(scale**2 * value, **close)
    assert frechet_distance(real + 5, generated + 5, "test").value == pytest.approx(value, rel=1e-6, abs=1e-8)
    turn = np.linalg.qr(rng.standard_normal((d, d)))[0]
    assert frechet_distance(real @ turn, generated @ turn, "test").value == pytest.approx(value, **close)
    assert frechet_distance(real, real, "test").value == pytest.approx(0, abs=1e-9)


def test_only_inception_features_make_an_fid() -> None:
    real, generated = two_sets(10, 10, 4)
    assert frechet_distance(real, generated, "Inception-v3 pool3").title == "FID"
    named = frechet_distance(real, generated, "phantom encoder")
    assert "FID" not in named.text and "phantom encoder" in named.text and "n = 10 real" in named.text
    with pytest.raises(ParameterError, match="name of the network"):
        frechet_distance(real, generated, " ")


def test_few_cases_bias_frechet_upward_and_the_curve_shows_it() -> None:
    rng = np.random.default_rng(1)
    real, generated = rng.standard_normal((2, 400, 24))  # one distribution: the truth is 0
    curve = frechet_curve(real, generated, "test", rng, sizes=[50, 100, 200, 400])
    assert (np.diff(curve.mean) < 0).all() and curve.mean[0] > 4 * curve.mean[-1]
    assert abs(curve.at_infinity) < 0.25 * curve.mean[-1]
    with pytest.raises(ParameterError, match="between 2 and 400"):
        frechet_curve(real, generated, "test", rng, sizes=[50, 401])


def test_polynomial_mmd_equals_torchmetrics() -> None:
    import torch
    from torchmetrics.image.kid import poly_mmd

    real, generated = two_sets(40, 40, 16)
    expected = float(poly_mmd(torch.from_numpy(real), torch.from_numpy(generated)))
    assert mmd(real, generated, "test").value == pytest.approx(expected, rel=1e-9)


def test_gaussian_mmd_equals_its_definition() -> None:
    real, generated = two_sets(12, 9, 3)
    made = mmd(real, generated, "test", Kernel.GAUSSIAN)
    pooled = np.concatenate([real, generated])
    apart = [np.linalg.norm(a - b) for at, a in enumerate(pooled) for b in pooled[:at]]
    assert made.width == pytest.approx(np.median(apart))

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-np.sum((a - b) ** 2) / (2 * made.width**2)))

    within = np.mean([k(a, b) for i, a in enumerate(real) for j, b in enumerate(real) if i != j])
    beside = np.mean([k(a, b) for i, a in enumerate(generated) for j, b in enumerate(generated) if i != j])
    across = np.mean([k(a, b) for a in real for b in generated])
    assert made.value == pytest.approx(within + beside - 2 * across, rel=1e-9)


@pytest.mark.parametrize("kernel", list(Kernel))
def test_mmd_is_unbiased(kernel: Kernel) -> None:
    rng = np.random.default_rng(5)
    values = [mmd(*rng.standard_normal((2, 12, 4)), "test", kernel, width=2.0).value for _ in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0
    assert mmd(*two_sets(40, 40, 4, shift=1.0), "test", kernel).value > 3 * np.std(values)


def test_kid_is_named_so_for_inception_alone() -> None:
    real, generated = two_sets(10, 10, 4)
    assert mmd(real, generated, "Inception-v3 pool3").title == "KID"
    assert "MMD" in mmd(real, generated, "Inception-v3 pool3", Kernel.GAUSSIAN).title
    assert "MMD" in mmd(real, generated, "phantom encoder").title


def by_definition(real: np.ndarray, generated: np.ndarray, k: int) -> list[float]:
    def ball(points: np.ndarray, at: int) -> float:
        return sorted(float(np.linalg.norm(points[at] - p)) for n, p in enumerate(points) if n != at)[k - 1]

    rr, rg = [ball(real, n) for n in range(len(real))], [ball(generated, n) for n in range(len(generated))]
    apart = np.linalg.norm(real[:, None] - generated[None], axis=-1)
    inside_real = apart <= np.array(rr)[:, None]
    return [
        inside_real.any(axis=0).mean(), (apart <= np.array(rg)[None]).any(axis=1).mean(),
        inside_real.sum() / (k * len(generated)), (apart.min(axis=1) <= np.array(rr)).mean(),
    ]  # fmt: skip


@pytest.mark.parametrize("k", [1, 3, 5])
def test_manifold_measures_equal_their_definition(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = two_sets(40, 33, 5)
    for block in (1 << 26, 700):  # in one piece, and in many
        monkeypatch.setattr("synthetic_imaging.evaluation.neighbours._BLOCK_BYTES", block)
        made = manifold(real, generated, "test", k)
        assert [getattr(made, name) for name in MEASURES] == pytest.approx(by_definition(real, generated, k))


def test_collapse_has_no_recall_and_outliers_have_no_precision() -> None:
    rng = np.random.default_rng(2)
    real = rng.standard_normal((100, 6))
    collapsed = real[:1] + 1e-3 * rng.standard_normal((60, 6))
    made = manifold(real, collapsed, "test")
    assert made.precision == 1 and made.recall < 0.05 and made.coverage < 0.3
    far = manifold(real, real + 100, "test")
    assert far.precision == far.recall == far.density == far.coverage == 0
    same = manifold(real, real, "test")
    assert same.precision == same.recall == same.coverage == 1
    assert manifold(real, rng.standard_normal((100, 6)), "test").density == pytest.approx(1, abs=0.2)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 100))
def test_laws_of_the_manifold_measures(seed: int, scale: float) -> None:
    real, generated = two_sets(20, 25, 3, seed=seed)
    rng = np.random.default_rng(seed)
    made = manifold(real, generated, "test", 3)
    assert manifold(rng.permutation(real), rng.permutation(generated), "test", 3) == made
    assert manifold(scale * real, scale * generated, "test", 3) == made
    turned = manifold(generated, real, "test", 3)
    assert (turned.precision, turned.recall) == (made.recall, made.precision)
    assert all(0 <= getattr(made, name) <= 1 for name in ("precision", "recall", "coverage"))


def test_intervals_are_as_wide_as_new_samples_scatter() -> None:
    rng = np.random.default_rng(7)
    repeats = []
    for _ in range(60):
        real, generated = rng.standard_normal((60, 4)), rng.standard_normal((60, 4)) + 0.7
        repeats.append((frechet_distance(real, generated, "t").value, mmd(real, generated, "t").value,
                        *(getattr(manifold(real, generated, "t", 3), name) for name in ("precision", "recall"))))
    truth = np.std(repeats, axis=0)
    estimates = []
    for _ in range(5):
        real, generated = rng.standard_normal((60, 4)), rng.standard_normal((60, 4)) + 0.7
        ask = Resampling(rng, 60)
        spreads = manifold(real, generated, "t", 3, ask).spreads or {}
        found = [frechet_distance(real, generated, "t", ask).spread, mmd(real, generated, "t", resampling=ask).spread,
                 spreads["precision"], spreads["recall"]]
        estimates.append([spread.standard_error for spread in found if spread])
    ratio = np.mean(estimates, axis=0) / truth
    assert ((ratio > 0.6) & (ratio < 1.6)).all(), ratio


def test_intervals_contain_the_estimate_and_repeat_with_the_seed() -> None:
    real, generated = two_sets(30, 20, 6)
    first, second = (frechet_distance(real, generated, "t", Resampling(np.random.default_rng(4))) for _ in range(2))
    assert first == second and first.spread is not None
    assert 0 <= first.spread.low <= first.value <= first.spread.high
    assert "95 % CI" in first.text


def test_bad_input_gets_a_sentence() -> None:
    real, generated = two_sets(8, 8, 4)
    for measure in (frechet_distance, mmd, manifold):
        with pytest.raises(InputError, match="from one network"):
            measure(real, generated[:, :3], "t")
        with pytest.raises(InputError, match="of 1 cases; at least 2"):
            measure(real[:1], generated, "t")
        with pytest.raises(InputError, match="not numbers"):
            measure(real, np.where(generated > 0, np.nan, generated), "t")
        with pytest.raises(InputError, match="table of cases by features"):
            measure(real[0], generated, "t")
    with pytest.raises(InputError, match="at least 9 cases"):
        manifold(real, generated, "t", k=8)
    with pytest.raises(InputError, match="equal features"):
        mmd(np.ones((5, 2)), np.ones((5, 2)), "t", Kernel.GAUSSIAN)
    with pytest.raises(InputError, match="symmetric"):
        frechet_from_moments([0, 0], [[1, 2], [0, 1]], [0, 0], np.eye(2))
    with pytest.raises(ParameterError, match="at least 20 halves"):
        Resampling(np.random.default_rng(0), 3)

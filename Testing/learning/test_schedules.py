"""Noise schedules: equal to the published ones, exact between their levels, and refused with a sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.diffusion.choices import ScheduleName
from synthetic_imaging.learning.diffusion.schedules import FlowSchedule, NoiseSchedule, schedule, shift_for

torch = pytest.importorskip("torch")
CURVED = [name for name in ScheduleName if name is not ScheduleName.FLOW]


@pytest.mark.parametrize(
    ("name", "monai_name", "betas"),
    [("linear", "linear_beta", (1e-4, 0.02)), ("scaled_linear", "scaled_linear_beta", (0.0015, 0.0195)),
     ("cosine", "cosine", None)],
)  # fmt: skip
def test_is_the_schedule_of_monai(name: str, monai_name: str, betas: tuple[float, float] | None):
    from monai.networks.schedulers import DDPMScheduler

    options = {} if betas is None else {"beta_start": betas[0], "beta_end": betas[1]}
    peer = DDPMScheduler(1000, schedule=monai_name, **options)
    np.testing.assert_allclose(schedule(name).alphas_bar, peer.alphas_cumprod.numpy(), rtol=2e-4, atol=1e-9)


def test_sigmoid_is_its_formula_and_is_clipped_only_at_the_end():
    t = np.arange(1, 1001) / 1000
    logistic = 1 / (1 + np.exp(3 - 6 * t))
    low, high = 1 / (1 + np.exp(3)), 1 / (1 + np.exp(-3))
    np.testing.assert_allclose(schedule("sigmoid").alphas_bar[:-1], ((high - logistic) / (high - low))[:-1], rtol=1e-9)
    assert 0 < schedule("sigmoid").alphas_bar[-1] < 1e-5


@pytest.mark.parametrize("name", ["linear", "scaled_linear"])
def test_zero_terminal_snr_is_that_of_diffusers(name: str):
    diffusers = pytest.importorskip("diffusers")
    ends = {"linear": (1e-4, 0.02), "scaled_linear": (0.0015, 0.0195)}[name]
    peer = diffusers.DDIMScheduler(
        beta_schedule=name, beta_start=ends[0], beta_end=ends[1], rescale_betas_zero_snr=True
    )
    mine = schedule(name, zero_terminal_snr=True)
    np.testing.assert_allclose(mine.alphas_bar, peer.alphas_cumprod.numpy(), atol=2e-6)
    assert mine.alphas_bar[-1] == 0
    assert mine.log_snr(mine.last) == -np.inf
    assert mine.alphas_bar[0] == pytest.approx(schedule(name).alphas_bar[0], rel=1e-9)


@given(st.sampled_from(CURVED), st.integers(2, 1500), st.booleans())
def test_noise_only_grows_and_variance_is_kept(name: ScheduleName, steps: int, zero: bool):
    found = schedule(name, steps, zero_terminal_snr=zero)
    assert isinstance(found, NoiseSchedule)
    assert found.steps == steps
    times = np.linspace(0, found.last, 3 * steps)
    assert (np.diff(found.alpha(times)) <= 0).all()
    np.testing.assert_allclose(found.alpha(times) ** 2 + found.sigma(times) ** 2, 1, rtol=1e-12)


@pytest.mark.parametrize("name", ["linear", "scaled_linear"])
@pytest.mark.parametrize("steps", [100, 250, 300, 4000])
def test_any_number_of_steps_ends_with_as_much_noise(name: str, steps: int):
    usual = schedule(name)
    assert schedule(name, steps).sigma(steps - 1) == pytest.approx(float(usual.sigma(999)), abs=2e-3)


@pytest.mark.parametrize("name", list(ScheduleName))
def test_time_is_found_again_from_the_signal_to_noise_ratio(name: ScheduleName):
    found = schedule(name)
    times = np.linspace(max(found.first, 1), found.last - 1, 57)
    np.testing.assert_allclose(found.time_at(found.log_snr(times)), times, rtol=1e-6)
    assert found.time_at(np.inf) == pytest.approx(found.first)
    assert found.time_at(-np.inf) == pytest.approx(found.last)


@pytest.mark.parametrize("name", list(ScheduleName))
def test_weights_of_a_batch_are_those_of_the_schedule(name: ScheduleName):
    found = schedule(name)
    like = torch.zeros(4, 2, 3, 3, 3, dtype=torch.float64)
    for t in (torch.tensor([1, 10, 500, 999]), torch.tensor([1.0, 10.25, 500.5, 998.9], dtype=torch.float64)):
        alpha, sigma = found.weights(t, like)
        assert alpha.shape == sigma.shape == (4, 1, 1, 1, 1)
        np.testing.assert_allclose(alpha.flatten(), found.alpha(t.numpy()), rtol=1e-12)
        np.testing.assert_allclose(sigma.flatten(), found.sigma(t.numpy()), rtol=1e-12)


def test_flow_is_straight_and_its_shift_is_that_of_monai():
    from monai.networks.schedulers.rectified_flow import timestep_transform

    flow = schedule("flow", shift=shift_for(64**3))
    assert isinstance(flow, FlowSchedule)
    np.testing.assert_allclose(flow.alpha([0, 250, 1000]), [1, 0.75, 0])
    fractions = np.linspace(0, 1, 11)
    np.testing.assert_allclose(flow.shifted(fractions), timestep_transform(1000 * fractions, 64**3), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: schedule("square"), "no noise schedule 'square'"),
        (lambda: schedule("linear", 1), "at least 2 steps"),
        (lambda: schedule("linear", tau=1.0), "no option 'tau'"),
        (lambda: schedule("linear", beta_start=0.1, beta_end=0.01), "grows from above 0"),
        (lambda: schedule("sigmoid", start=3.0, end=-3.0), "end above its start"),
        (lambda: schedule("flow", shift=0.0), "above 0"),
        (lambda: NoiseSchedule(ScheduleName.LINEAR, np.array([0.5, 0.7])), "fall"),
        (lambda: schedule("cosine").alpha(1000), "0 to 999"),
        (lambda: schedule("cosine").sigma(np.nan), "0 to 999"),
    ],
)
def test_what_cannot_be_gets_a_sentence(make, says: str):
    with pytest.raises(ParameterError, match=says):
        make()

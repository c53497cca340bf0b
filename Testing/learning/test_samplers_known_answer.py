"""Samplers with the perfect network of a known mixture: what is wrong in the result is the sampler's own error."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.diffusion.schedules import schedule
from synthetic_imaging.learning.samplers import sampler
from synthetic_imaging.learning.samplers.curve import calls_curve
from synthetic_imaging.learning.samplers.known_answer import Mixture, even_noise

torch = pytest.importorskip("torch")
MIXTURE = Mixture()


def error(name: str, steps: int, kind: str = "linear", target: str = "noise", **options: object) -> float:
    """Wasserstein-1 distance to the truth; the mixture has a deviation of about 1."""
    path = schedule("flow" if name.startswith("flow") else kind)
    target = "velocity" if name.startswith("flow") else target
    # The noise of 20 000 draws alone is about 0.007; the benchmark draws more.
    number = 20_000 if name == "ddpm" else 2000
    images = sampler(name, path, target, **options).sample(
        MIXTURE.predict(path, target), even_noise(number), steps=steps, random=torch.Generator().manual_seed(0)
    )
    return MIXTURE.wasserstein(images)


@pytest.mark.parametrize(
    ("name", "steps", "most"),
    [("dpm-solver++", 20, 0.012), ("unipc", 20, 0.012), ("ddim", 20, 0.065), ("ddim", 50, 0.026),
     ("flow-euler", 30, 0.032), ("flow-heun", 15, 0.010), ("ddpm", 1000, 0.02)],
)  # fmt: skip
def test_error_is_small(name: str, steps: int, most: float):
    assert error(name, steps) <= most


@pytest.mark.parametrize("kind", ["linear", "scaled_linear", "cosine", "sigmoid"])
@pytest.mark.parametrize("target", ["noise", "v", "clean", "velocity"])
@pytest.mark.parametrize("name", ["dpm-solver++", "unipc"])
def test_any_schedule_and_target_can_be_sampled(kind: str, target: str, name: str):
    assert error(name, 30, kind, target) <= 0.012


@pytest.mark.parametrize("name", ["dpm-solver++", "unipc", "ddim"])
@pytest.mark.parametrize("target", ["velocity", "clean"])
def test_solvers_of_diffusion_also_follow_a_flow(name: str, target: str):
    flow = schedule("flow")
    images = sampler(name, flow, target).sample(MIXTURE.predict(flow, target), even_noise(1000), steps=40)
    assert MIXTURE.wasserstein(images) <= 0.035


@pytest.mark.parametrize("name", ["dpm-solver++", "unipc", "ddim"])
@pytest.mark.parametrize("spacing", ["log-snr", "focused", "trailing", "even"])
def test_a_schedule_that_ends_in_pure_noise_can_be_sampled(name: str, spacing: str):
    path = schedule("linear", zero_terminal_snr=True)
    images = sampler(name, path, "v", spacing=spacing).sample(MIXTURE.predict(path, "v"), even_noise(1000), steps=100)
    assert MIXTURE.wasserstein(images) <= 0.035


@pytest.mark.parametrize(("name", "order"), [("flow-euler", 1), ("flow-heun", 2), ("dpm-solver++", 2), ("unipc", 2)])
def test_error_falls_with_the_order_of_the_method(name: str, order: int):
    """For one Gaussian the path is known in closed form; a quarter of the step divides the error by 4^order."""
    one = Mixture((1.0,), (0.4,), (0.3,))
    path = schedule("flow" if name.startswith("flow") else "linear")
    spacing = "even" if name.startswith("flow") else "log-snr"
    kind = sampler(name, path, "v", spacing=spacing, whole_steps=False)
    start = torch.tensor([[1.3]], dtype=torch.float64)
    alpha, sigma = float(path.alpha(path.last)), float(path.sigma(path.last))
    place = (1.3 - alpha * 0.4) / np.hypot(alpha * 0.3, sigma)  # of the start, in deviations
    truth = 0.4 + 0.3 * place
    if not name.startswith("flow"):
        # These schedules end at time 0, where a little noise is left; one step takes it away.
        alpha, sigma = float(path.alpha(0)), float(path.sigma(0))
        at_0 = torch.tensor([[alpha * 0.4 + np.hypot(alpha * 0.3, sigma) * place]])
        truth = float(one.clean(at_0, torch.tensor([[alpha]]), torch.tensor([[sigma]])))

    def wrong(steps: int) -> float:
        return abs(float(kind.sample(one.predict(path, "v"), start, steps=steps)) - truth)

    assert wrong(40) / wrong(160) > 0.8 * 4**order


def test_focused_spacing_is_better_with_few_steps():
    assert error("unipc", 8, spacing="focused") < 0.6 * error("unipc", 8, spacing="log-snr")
    assert error("dpm-solver++", 20, spacing="focused") < error("dpm-solver++", 20, spacing="log-snr")


def test_curve_counts_calls_and_falls():
    noise, flow = schedule("linear"), schedule("flow")
    asked: list[float] = []
    reported: list[float] = []

    def counting(x, t):
        asked.append(float(t[0]))
        return MIXTURE.predict(flow, "velocity")(x, t)

    points = calls_curve(
        {"solver": (sampler("dpm-solver++", noise, "v"), MIXTURE.predict(noise, "v")),
         "flow": (sampler("flow-heun", flow, "velocity"), counting)},
        even_noise(500), MIXTURE.wasserstein, calls=(4, 9, 20), progress=reported.append,
    )  # fmt: skip
    assert [(p.name, p.steps, p.calls) for p in points] == [
        ("solver", 4, 4), ("solver", 9, 9), ("solver", 20, 20), ("flow", 2, 3), ("flow", 5, 9), ("flow", 10, 19),
    ]  # fmt: skip
    assert len(asked) == 3 + 9 + 19
    assert points[0].quality > points[1].quality > points[2].quality
    assert reported == sorted(reported)
    assert reported[-1] == pytest.approx(1.0)
    assert all(p.seconds > 0 for p in points)


def test_curve_needs_samplers_and_calls():
    with pytest.raises(ParameterError, match="at least one sampler"):
        calls_curve({}, even_noise(5), MIXTURE.wasserstein)


def test_quantiles_are_those_of_many_draws():
    rng = np.random.default_rng(0)
    part = rng.choice(3, 200_000, p=MIXTURE.weights)
    draws = rng.normal(np.array(MIXTURE.means)[part], np.array(MIXTURE.deviations)[part])
    assert MIXTURE.wasserstein(draws) < 0.006
    assert MIXTURE.wasserstein(draws + 0.5) == pytest.approx(0.5, abs=0.006)


def test_distance_of_nothing_and_of_nan_get_a_sentence():
    for bad in ([], [np.nan, 1.0]):
        with pytest.raises(InputError, match="finite"):
            MIXTURE.wasserstein(bad)
    with pytest.raises(ParameterError, match="mixture"):
        Mixture((0.5, 0.4), (0, 1), (1, 1))

"""Translation without pairs: the few-step walk, its posterior, the learners, the cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from synthetic_imaging.errors import ParameterError  # noqa: E402
from synthetic_imaging.learning.diffusion.few_steps import FewSteps  # noqa: E402
from synthetic_imaging.learning.learner import collate  # noqa: E402
from synthetic_imaging.learning.learners.syndiff import SIDES, walked  # noqa: E402
from synthetic_imaging.learning.networks.building import built  # noqa: E402
from synthetic_imaging.learning.randomness import BatchRandom, generator_of  # noqa: E402
from synthetic_imaging.learning.recipe import change  # noqa: E402
from synthetic_imaging.learning.registry import recipe  # noqa: E402


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 16))
def test_jumps_have_the_published_variance_with_its_sign_put_right(count: int) -> None:
    steps, big, k = FewSteps(count), 1000.0, 1000.0 / count
    for level in range(1, count + 1):
        t = level * k
        published = 1 - np.exp(-0.1 * k / big - (20.0 - 0.1) * (2 * t * k - k * k) / (2 * big**2))
        assert steps.jump_variance[level] == pytest.approx(published, rel=1e-9)
    assert steps.remaining[-1] < 1e-4 and steps.jump_variance[0] == 0


def test_jumps_one_after_the_other_are_the_level_in_one_go() -> None:
    steps, image = FewSteps(4), torch.full((1, 1), 2.0, dtype=torch.float64)
    mean, variance = 2.0, 0.0
    for level in range(1, 5):
        kept = 1 - steps.jump_variance[level]
        mean, variance = mean * np.sqrt(kept), variance * kept + steps.jump_variance[level]
        here = torch.tensor([level])
        at = steps.at_level(image, here, torch.zeros_like(image))
        assert float(at) == pytest.approx(mean, rel=1e-9)
        assert float(steps.at_level(image * 0, here, torch.ones_like(image))) ** 2 == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_the_way_back_is_the_posterior_of_the_jump(level: int) -> None:
    """Bayes on a grid: prior of the level before, given the image, times the likelihood of the jump."""
    steps, image, noisy = FewSteps(4), 0.6, -0.4
    one = torch.ones(1, 1, dtype=torch.float64)
    back = [float(steps.back(noisy * one, image * one, torch.tensor([level]), z * one)) for z in (0.0, 1.0)]
    if level == 1:
        assert back == [pytest.approx(image), pytest.approx(image)]
        return
    x = np.linspace(-6, 6, 200_001)
    left, variance = steps.remaining[level - 1], steps.jump_variance[level]
    log = -((x - np.sqrt(left) * image) ** 2) / (2 * (1 - left))
    log -= (noisy - np.sqrt(1 - variance) * x) ** 2 / (2 * variance)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = float((weight * x).sum())
    assert back[0] == pytest.approx(mean, abs=1e-5)
    assert back[1] - back[0] == pytest.approx(float(np.sqrt((weight * (x - mean) ** 2).sum())), abs=1e-5)


def test_a_walk_takes_as_many_calls_as_jumps_and_ends_at_what_is_believed() -> None:
    calls = []

    def generator(noisy: Any, source: Any, level: Any, latent: Any) -> Any:
        calls.append(int(level[0]))
        return torch.full_like(noisy, 0.3)

    made = walked(generator, torch.zeros(2, 1, 8, 8), FewSteps(4), torch.randn_like, lambda n: torch.zeros(2, n))  # type: ignore[arg-type]
    assert calls == [4, 3, 2, 1]
    torch.testing.assert_close(made, torch.full_like(made, 0.3))


def test_no_jump_at_all_is_refused() -> None:
    with pytest.raises(ParameterError, match="one jump"):
        FewSteps(0)


def here(method: str, **more: str) -> tuple[Any, Any, Any]:
    found = recipe("sequences.unpaired")
    chosen = change(found.presets["small"], {
        "method": method, "widths": "8,8", "judge_width": "4", "judge_levels": "3", "noise_steps": "20",
        "patients.training": "2", "patients.validation": "1", "patients.side": "32", **more})
    with built(1):
        networks = found.networks(chosen)
    data = type("Data", (), {"training": [], "validation": None})()
    return chosen, networks, found.learner(chosen, data, networks, {})


def pair() -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {side: torch.from_numpy(rng.uniform(-1, 1, (2, 1, 32, 32)).astype(np.float32)) for side in SIDES}


@pytest.mark.parametrize("method", ["SynDiff", "cycle-GAN", "paired", "paired diffusion"])
def test_every_method_learns_with_all_its_networks(method: str) -> None:
    _, networks, learner = here(method)
    touched = set()
    with torch.enable_grad():
        for phase in learner.phases():
            for network in networks.values():
                network.zero_grad()
            loss, values = phase.loss(pair(), BatchRandom(0, 0, range(2)), 0)
            loss.backward()
            assert torch.isfinite(loss) and all(np.isfinite(float(v)) for v in values.values())
            for name in phase.networks:
                if any(p.grad is not None and bool(p.grad.any()) for p in networks[name].parameters()):
                    touched.add(name)
    assert touched == set(networks)
    assert learner.watch == "loss" and np.isfinite(float(learner.validate(pair(), BatchRandom(0, 0, range(2)))["loss"]))


def test_an_image_that_is_already_what_is_wanted_counts_if_asked_for() -> None:
    values = {}
    for weight in ("0", "2"):
        _, _, learner = here("cycle-GAN", identity=weight)
        with torch.no_grad():
            loss, values = learner.phases()[1].loss(pair(), BatchRandom(0, 0, range(2)), 0)
        kept = sum(float((learner.networks[f"to {s}"](x, x.new_zeros(2, 1)) - x).abs().mean())
                   for s, x in pair().items())
        if weight == "0":
            plain = float(loss)
            assert "identity a" not in values
    assert float(loss) == pytest.approx(plain + 2 * kept, rel=1e-4) and "identity a" in values


def test_the_penalty_on_the_slope_comes_every_tenth_step() -> None:
    _, _, learner = here("SynDiff")
    judges = learner.phases()[0]
    with torch.enable_grad():
        with_penalty, without = (float(judges.loss(pair(), BatchRandom(0, 0, range(2)), step)[0].detach())
                                 for step in (10, 11))
    assert with_penalty > without


def test_the_published_size_is_built_and_takes_a_step() -> None:
    found = recipe("sequences.unpaired")
    published = found.presets["published"]
    networks = found.networks(published)
    learner = found.learner(published, type("Data", (), {"training": [], "validation": None})(), networks, {})
    batch = {side: torch.zeros(1, 1, 64, 64) for side in SIDES}
    with torch.enable_grad():
        loss, _ = learner.phases()[1].loss(batch, BatchRandom(0, 0, range(1)), 0)
        loss.backward()
    assert torch.isfinite(loss)


@pytest.mark.parametrize("method", ["SynDiff", "paired"])
def test_unpaired_cases_are_of_two_patients_and_paired_ones_of_one(method: str) -> None:
    found = recipe("sequences.unpaired")
    chosen = change(found.presets["small"], {"method": method, "patients.training": "6", "patients.validation": "1",
                                             "patients.side": "64", "slices": "2"})
    source: Any = found.phantom(chosen).training
    asked: list[tuple[int, int]] = []

    def seen(index: int, contrasts: tuple[Any, ...], rng: Any) -> Any:
        asked.append((index, len(contrasts)))
        return [rng.uniform(-0.9, 1, (1, 8, 64)).astype(np.float32) for _ in contrasts], np.ones((1, 8, 64), np.float32)

    source.slabs.seen = seen
    batch = collate([source.case(n, generator_of(0, n)) for n in range(len(source))])
    assert batch["a"].shape == batch["b"].shape == (len(source), 1, 64, 64) and batch["lesion"].shape[1:] == (64, 64)
    assert (batch["a"][:, :, 8:] == -1).all() and (batch["a"][:, :, :8] > -1).all()
    if method == "paired":
        assert asked == [(n % 6, 2) for n in range(12)]
    else:
        ones, both = {index for index, _ in asked if index < 3}, {count for _, count in asked}
        assert len(source) == 6 and ones == {0, 1, 2} and both == {1} and {n for n, _ in asked} <= set(range(6))
    before = len(asked)
    again = collate([source.case(n, generator_of(0, n)) for n in range(len(source))])
    assert len(asked) == before and torch.equal(again["a"], batch["a"])


def test_patches_too_small_for_the_discriminators_are_refused() -> None:
    with pytest.raises(ParameterError, match="at least 64"):
        here("SynDiff", **{"judge_levels": "5"})


def test_generators_learn_in_their_turn_and_discriminators_always() -> None:
    _, _, learner = here("SynDiff", judge_turns="3")
    judges, generators = learner.phases()
    assert [judges.active(n) for n in range(6)] == [True] * 6
    assert [generators.active(n) for n in range(6)] == [False, False, True] * 2

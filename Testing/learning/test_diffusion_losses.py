"""Training losses of diffusion and flow: what the network is shown, asked, and how it is weighed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.diffusion.choices import Target
from synthetic_imaging.learning.diffusion.losses import DiffusionLoss
from synthetic_imaging.learning.diffusion.schedules import schedule
from synthetic_imaging.learning.diffusion.targets import clean_from, noise_from, target_of
from synthetic_imaging.learning.randomness import BatchRandom

torch = pytest.importorskip("torch")
SHAPE = (2, 3, 4, 5)


def random(batch: int = 6, step: int = 0, first: int = 0) -> BatchRandom:
    return BatchRandom(7, step, range(first, first + batch))


def images(batch: int = 6) -> Any:
    return torch.randn(batch, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def perfect(clean: Any, path: Any, target: str) -> Any:
    """The network that knows the clean images."""

    def denoise(x: Any, t: Any) -> Any:
        alpha, sigma = path.weights(t, x)
        return target_of(target, clean, (x - alpha * clean) / sigma, alpha, sigma)

    return denoise


@pytest.mark.parametrize("target", [t.value for t in Target])
@pytest.mark.parametrize("name", ["linear", "cosine", "flow"])
@pytest.mark.parametrize("distance", ["l1", "l2", "huber"])
def test_a_network_that_knows_the_image_has_no_loss(target: str, name: str, distance: str):
    path, clean = schedule(name), images()
    loss = DiffusionLoss(path, target, distance)
    assert float(loss(perfect(clean, path, target), clean, random())) < 1e-8
    assert float(loss(lambda x, t: torch.zeros_like(x), clean, random())) > 0.1


@pytest.mark.parametrize("target", [t.value for t in Target])
@pytest.mark.parametrize(("name", "t"), [("scaled_linear", 400.0), ("flow", 730.0)])
def test_clean_image_and_noise_come_back_from_every_target(target: str, name: str, t: float):
    path = schedule(name)
    alpha, sigma = float(path.alpha(t)), float(path.sigma(t))
    clean, noise = images(), images().flip(0)
    x = alpha * clean + sigma * noise
    found = clean_from(target, target_of(target, clean, noise, alpha, sigma), x, alpha, sigma)
    torch.testing.assert_close(found, clean)
    torch.testing.assert_close(noise_from(found, x, alpha, sigma), noise)


def test_two_halves_of_a_batch_have_the_loss_of_the_whole():
    loss = DiffusionLoss(schedule("sigmoid"), "noise", "l1", min_snr=5.0)
    clean = images()

    def network(x: Any, t: Any) -> Any:
        return torch.tanh(x) * (t / 1000).reshape(-1, 1, 1, 1, 1)

    whole = loss.per_sample(network, clean, random())
    halves = [loss.per_sample(network, clean[n : n + 3], random(3, 0, n)) for n in (0, 3)]
    torch.testing.assert_close(torch.cat(halves), whole)
    assert not torch.equal(loss.per_sample(network, clean, random(6, 1)), whole)


@pytest.mark.parametrize("distance", ["l1", "l2", "huber"])
def test_distances_are_what_they_are_called(distance: str):
    seen: dict[str, Any] = {}
    clean = images()

    def network(x: Any, t: Any) -> Any:
        seen["apart"] = (2.0 - clean).abs()
        return torch.full_like(x, 2.0)

    loss = float(DiffusionLoss(schedule("linear"), "clean", distance)(network, clean, random()))
    apart = seen["apart"]
    wanted = {"l1": apart, "l2": apart**2, "huber": torch.where(apart < 1, apart**2 / 2, apart - 0.5)}[distance]
    assert loss == pytest.approx(float(wanted.mean()), rel=1e-5)


@pytest.mark.parametrize("target", ["noise", "v", "clean"])
@pytest.mark.parametrize("zero", [True, False])
def test_min_snr_asks_the_same_of_every_target(target: str, zero: bool):
    """An error of the clean image is weighed by min(SNR, gamma), whatever the network predicts (Hang et al. 2023)."""
    if zero and target == "noise":
        return
    path, clean = schedule("linear", zero_terminal_snr=zero), images(40)
    wrong = clean + 0.1
    times: list[Any] = []

    def network(x: Any, t: Any) -> Any:
        times.append(t)
        alpha, sigma = path.weights(t, x)
        return target_of(target, wrong, (x - alpha * wrong) / sigma, alpha, sigma)

    found = DiffusionLoss(path, target, min_snr=5.0).per_sample(network, clean, random(40))
    snr = np.exp(path.log_snr(times[0].numpy()))
    np.testing.assert_allclose(found, 0.01 * np.minimum(snr, 5.0), rtol=2e-4, atol=1e-7)


def test_times_of_a_noise_schedule_are_all_levels_alike():
    times = DiffusionLoss(schedule("linear", 10)).draw_times(random(3000))
    assert times.dtype == torch.int64
    counts = np.bincount(times, minlength=10)
    assert len(counts) == 10
    assert counts.min() > 230
    assert counts.max() < 370


def test_times_of_a_flow_are_uniform_or_favour_the_middle():
    flow = schedule("flow")
    uniform = DiffusionLoss(flow, "velocity").draw_times(random(3000)).numpy() / 1000
    middle = DiffusionLoss(flow, "velocity", times="logit-normal", location=0.5).draw_times(random(3000)).numpy() / 1000
    assert uniform.mean() == pytest.approx(0.5, abs=0.02)
    assert uniform.std() == pytest.approx(12**-0.5, abs=0.02)
    logits = np.log(middle / (1 - middle))
    assert logits.mean() == pytest.approx(0.5, abs=0.06)
    assert logits.std() == pytest.approx(1.0, abs=0.06)
    shifted = DiffusionLoss(schedule("flow", shift=3.0), "velocity").draw_times(random(3000)).numpy() / 1000
    assert np.median(shifted) == pytest.approx(0.75, abs=0.03)


def test_conditions_of_a_sample_are_dropped_together_as_often_as_asked():
    loss = DiffusionLoss(schedule("linear"), "noise", drop_conditions=0.2)
    seen: dict[str, Any] = {}

    def network(x: Any, t: Any, **conditions: Any) -> Any:
        seen.update(conditions)
        return x

    conditions = {"class_labels": torch.ones(600, dtype=torch.long), "context": torch.ones(600, 2, 3)}
    loss(network, torch.zeros(600, 1, 1, 1, 1), random(600), conditions, {"class_labels": 9, "context": -1.0})
    dropped = seen["class_labels"] == 9
    assert 0.15 < float(dropped.float().mean()) < 0.25
    assert torch.equal((seen["context"] == -1).all((1, 2)), dropped)
    assert bool((conditions["class_labels"] == 1).all()), "what was given is not changed"
    DiffusionLoss(schedule("linear"))(network, torch.zeros(600, 1, 1, 1, 1), random(600), conditions)
    assert seen["class_labels"] is conditions["class_labels"]


def test_gradients_reach_the_network():
    layer = torch.nn.Conv3d(2, 2, 3, padding=1).double()
    DiffusionLoss(schedule("cosine"), "v", min_snr=5.0)(lambda x, t: layer(x), images(), random()).backward()
    assert float(layer.weight.grad.abs().sum()) > 0


def same(x: Any, t: Any, **conditions: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: DiffusionLoss(schedule("linear"), distance="l3"), ParameterError, "no distance 'l3'"),
        (lambda: DiffusionLoss(schedule("linear", zero_terminal_snr=True)), ParameterError, "pure noise"),
        (lambda: DiffusionLoss(schedule("linear"), times="logit-normal"), ParameterError, "flow schedule"),
        (lambda: DiffusionLoss(schedule("flow"), "velocity", min_snr=5.0), ParameterError, "Min-SNR"),
        (lambda: DiffusionLoss(schedule("linear"), drop_conditions=1.0), ParameterError, "below 1"),
        (lambda: DiffusionLoss(schedule("linear"))(same, images(), random(5)), InputError, "must be the same"),
        (lambda: DiffusionLoss(schedule("linear"))(same, images().long(), random()), InputError, "fractions"),
        (lambda: DiffusionLoss(schedule("linear"))(lambda x, t: x[:, :1], images(), random()), InputError, "shape"),
        (lambda: DiffusionLoss(schedule("linear"), drop_conditions=0.1)(same, images(), random(), {"a": images()}),
         InputError, "no condition 'a'"),
        (lambda: target_of("score", images(), images(), 1, 1), ParameterError, "no target 'score'"),
        (lambda: noise_from(images(), images(), 1.0, 0.0), ParameterError, "no noise"),
    ],
)  # fmt: skip
def test_what_cannot_be_gets_a_sentence(make: Any, error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        make()

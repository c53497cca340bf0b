"""What the loop does with a learner: learns, averages, validates, stops, reports, and leaves order behind."""

from __future__ import annotations

import csv
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from Testing.learning.training_learners import Adversaries, Blobs, Denoiser, differ, quick, small_network, weights

from synthetic_imaging.learning.learner import Phase
from synthetic_imaging.learning.training import Stopped, TrainingProgress, train
from synthetic_imaging.learning.training.averaging import Averages

pytestmark = pytest.mark.usefixtures("one_torch_thread")

def test_the_loss_falls_and_the_best_weights_stay_in_the_networks(tmp_path: Path):
    learner = Denoiser(adam=True, rate=0.01)
    result = train(learner, quick(steps=80, validate_every=20), tmp_path, seed=1, device="cpu")
    losses = [row["loss"] for row in result.history]
    assert np.mean(losses[-20:]) < 0.6 * np.mean(losses[:5])
    validated = {row["step"]: row["validation.loss"] for row in result.history if "validation.loss" in row}
    assert set(validated) == {20, 40, 60, 80}
    assert result.best_value == pytest.approx(min(validated.values()))
    assert validated[result.best_step] == pytest.approx(result.best_value)
    assert result.best == tmp_path / "best.safetensors"
    assert differ(load_file(result.best), weights(learner)) == 0
    assert result.stopped_because is Stopped.FINISHED and result.steps == 80


def test_it_is_the_plain_loop_that_one_would_write_by_hand(tmp_path: Path):
    learner, peer = Denoiser(), Denoiser()
    learner.averaged, learner.validation = (), None
    train(learner, quick(steps=5, gradient_clip=0.0), tmp_path, seed=9, device="cpu")
    from synthetic_imaging.learning.learner import collate
    from synthetic_imaging.learning.randomness import BatchRandom, generator_of
    from synthetic_imaging.learning.training.order import CaseOrder

    order, optimiser = CaseOrder(10, 4, 9), peer.optimiser(peer.networks.parameters())
    schedule = peer.schedule(optimiser)
    for step in range(5):
        cases = [peer.training.case(order.index(step, p), generator_of(9, step, p)) for p in range(4)]
        loss, _ = peer.loss(collate(cases), BatchRandom(9, step, range(4)), step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    assert differ(weights(learner), weights(peer)) == 0


def test_curves_are_in_a_table_and_in_tensorboard(tmp_path: Path):
    result = train(Denoiser(), quick(), tmp_path, seed=1, device="cpu")
    with (tmp_path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(1, 13))
    assert float(rows[3]["loss"]) == pytest.approx(result.history[3]["loss"], rel=1e-6)
    assert rows[4]["validation.loss"] and not rows[3]["validation.loss"]
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = reader.EventAccumulator(str(tmp_path / "log"))
    log.Reload()
    assert [event.step for event in log.Scalars("validation/loss")] == [5, 10, 12]
    assert log.Tags()["images"] == ["middle"]


def test_the_moving_average_follows_its_formula():
    networks = torch.nn.ModuleDict({"a": small_network(1), "b": small_network(2)})
    averages = Averages(networks, ("a",), 0.9)
    assert all(key.startswith("a.") for key in averages.tensors)
    expected = networks["a"][0].bias.detach().clone()
    for n in range(1, 6):
        with torch.no_grad():
            networks["a"][0].bias += n
        averages.update()
        decay = min(0.9, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * networks["a"][0].bias.detach()
    assert torch.allclose(averages.tensors["a.0.bias"], expected)
    live = networks["a"][0].bias.detach().clone()
    with averages.in_place():
        assert torch.allclose(networks["a"][0].bias, expected)
    assert torch.equal(networks["a"][0].bias, live)


def test_each_phase_updates_its_own_networks_and_frozen_ones_stay_as_they_are(tmp_path: Path):
    learner = Adversaries(late=100)
    learner.networks["maker"][0].bias.requires_grad_(False)
    before = weights(learner)
    train(learner, quick(), tmp_path, seed=1, device="cpu")
    after = weights(learner)
    moved = {key for key in after if not torch.equal(before[key], after[key])}
    assert moved == {"maker.0.weight", "maker.2.weight", "maker.2.bias"}
    assert not learner.seen_frozen_in_training
    assert not learner.networks["maker"][0].bias.requires_grad and learner.networks["judge"][0].bias.requires_grad


def test_it_stops_when_nothing_gets_better(tmp_path: Path):
    learner = Denoiser(rate=1e-8)
    learner.validate = lambda batch, random: {"loss": 1.0}
    result = train(learner, quick(steps=1000, validate_every=2, patience=3), tmp_path, seed=1, device="cpu")
    assert result.stopped_because is Stopped.PATIENCE
    assert (result.steps, result.best_step) == (8, 2)


def test_it_stops_at_the_time_limit_with_a_checkpoint(tmp_path: Path):
    started = time.monotonic()
    result = train(Denoiser(), quick(steps=100_000, time_limit_s=0.4), tmp_path, seed=1, device="cpu")
    assert result.stopped_because is Stopped.TIME and time.monotonic() - started < 10
    assert result.checkpoint.name == f"step-{result.steps:08d}" and result.checkpoint.is_dir()


def test_a_cancel_is_heard_while_waiting_for_a_slow_case(tmp_path: Path):
    free, waiting = threading.Event(), threading.Event()

    class Slow(Blobs):
        def case(self, index, rng):
            if self.asked == 9:
                waiting.set()
                free.wait(20)
            return super().case(index, rng)

    learner = Denoiser()
    learner.training = Slow(10)
    started = time.monotonic()
    result = train(learner, quick(), tmp_path, seed=1, device="cpu", cancelled=waiting.is_set)
    assert time.monotonic() - started < 15
    free.set()
    assert result.stopped_because is Stopped.CANCELLED and result.steps <= 2
    assert result.checkpoint.is_dir()


def test_progress_counts_up_and_estimates_the_time_left(tmp_path: Path):
    said: list[TrainingProgress] = []
    train(Denoiser(), quick(steps=60), tmp_path, seed=1, device="cpu", report=said.append)
    assert [p.step for p in said] == sorted(p.step for p in said)
    assert said[0].doing == "preparing" and said[-1].doing == "done"
    assert {"training", "validating", "saving"} <= {p.doing for p in said}
    last = said[-1]
    assert last.step == last.steps == 60 and last.seconds_left == 0 and last.steps_per_second > 0
    assert "validation.loss" in last.values and last.loss == last.values["loss"]


def test_the_learning_rate_warms_up_and_then_follows_its_schedule(tmp_path: Path):
    result = train(Denoiser(), quick(warm_up_steps=4, steps=8), tmp_path, seed=1, device="cpu")
    rates = [row["learning_rate"] for row in result.history]
    cosine = [0.05 * (1 + np.cos(np.pi * n / 40)) / 2 for n in range(1, 9)]
    assert rates[:4] == pytest.approx([c * (n + 1) / 5 for n, c in enumerate(cosine[:4])])
    assert rates[4:] == pytest.approx(cosine[4:])


def test_gradients_are_clipped_to_the_norm(tmp_path: Path):
    learner = Denoiser(rate=1.0)
    learner.averaged, learner.validation = (), None
    learner.optimiser = lambda parameters: torch.optim.SGD(parameters, lr=1.0)
    learner.schedule = None
    before = weights(learner)
    train(learner, quick(steps=1, gradient_clip=0.01), tmp_path, seed=1, device="cpu")
    moved = torch.cat([(weights(learner)[key] - before[key]).flatten() for key in before])
    assert float(moved.norm()) == pytest.approx(0.01, rel=1e-3)


def test_no_random_generator_of_the_caller_is_touched_and_drop_out_is_repeatable(tmp_path: Path):
    def with_drop_out():
        learner = Denoiser()
        learner.networks["denoiser"].append(torch.nn.Dropout(0.3))
        return learner

    torch.manual_seed(4)
    torch_before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    a, b = with_drop_out(), with_drop_out()
    train(a, quick(), tmp_path / "a", seed=1, device="cpu")
    assert torch.equal(torch.random.get_rng_state(), torch_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
    torch.manual_seed(77)
    train(b, quick(), tmp_path / "b", seed=1, device="cpu")
    assert differ(weights(a), weights(b)) == 0


def test_a_network_used_by_two_phases_is_trained_by_both(tmp_path: Path):
    learner = Denoiser()
    learner.phases = lambda: [
        Phase(name, ("denoiser",), learner.optimiser, learner.loss) for name in ("first", "second")
    ]
    learner.validate = lambda batch, random: {"loss": learner.loss(batch, random, 0)[0]}
    result = train(learner, quick(), tmp_path, seed=1, device="cpu")
    assert {"first.loss", "second.loss"} <= result.history[0].keys()
    # The second phase's random numbers go on where the first's ended.
    assert result.history[0]["first.loss"] != result.history[0]["second.loss"]

"""The same training in parts, in several processes, with loading processes: the same curve and the same weights."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from Testing.learning.training_learners import Adversaries, Denoiser, differ, quick, weights

from synthetic_imaging.learning.learner import Learner
from synthetic_imaging.learning.training import TrainingResult, train

pytestmark = pytest.mark.usefixtures("one_torch_thread")

ROOT = Path(__file__).parents[2]
ROUNDING = 2e-6


def trained(kind: type[Learner], out: Path, processes: int = 1, **changes) -> tuple[TrainingResult, Learner]:
    learner = kind()
    result = train(learner, quick(**changes), out, seed=11, device="cpu", processes=processes)
    return result, learner


def assert_same(a: tuple[TrainingResult, Learner], b: tuple[TrainingResult, Learner]) -> None:
    assert [row.keys() for row in a[0].history] == [row.keys() for row in b[0].history]
    for one, other in zip(a[0].history, b[0].history, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=ROUNDING)
    assert differ(weights(a[1]), weights(b[1])) < ROUNDING


@pytest.mark.parametrize("kind", [Denoiser, Adversaries])
def test_a_batch_in_parts_is_the_whole_batch(kind: type[Learner], tmp_path: Path):
    assert_same(trained(kind, tmp_path / "whole"), trained(kind, tmp_path / "parts", accumulate=3))


def test_two_processes_with_half_a_batch_each_are_one_with_the_whole(tmp_path: Path):
    ours = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "OMP_NUM_THREADS")
    before, threads = [os.environ.get(name) for name in ours], torch.get_num_threads()
    two = trained(Adversaries, tmp_path / "two", processes=2, batch_size=5, accumulate=2)
    assert [os.environ.get(name) for name in ours] == before and torch.get_num_threads() == threads
    assert not torch.distributed.is_initialized()
    assert_same(two, trained(Adversaries, tmp_path / "one", batch_size=5))


@pytest.mark.slow
def test_processes_that_torchrun_starts_are_one_training(tmp_path: Path):
    given = {"out": str(tmp_path / "two"), "settings": {"precision": "float32"}, "die_at": -1}
    started = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         "-m", "Testing.learning.training_learners", json.dumps(given)],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=200, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert started.returncode == 0, started.stderr
    one = train(Denoiser(adam=True), quick(), tmp_path / "one", seed=3, device="cpu")
    with (tmp_path / "two" / "history.csv").open() as file:
        two = [float(row["loss"]) for row in csv.DictReader(file)]
    assert two == pytest.approx([row["loss"] for row in one.history], rel=1e-4)


def test_loading_processes_give_the_same_cases_bit_by_bit(tmp_path: Path):
    _, here = trained(Denoiser, tmp_path / "here")
    _, there = trained(Denoiser, tmp_path / "there", workers=1)
    assert differ(weights(here), weights(there)) == 0

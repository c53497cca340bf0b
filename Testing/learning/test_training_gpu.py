"""The training loop on a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from Testing.learning.training_learners import Adversaries, Denoiser, differ, quick, weights

from synthetic_imaging.errors import MemoryShortage, ParameterError
from synthetic_imaging.learning.settings import Precision
from synthetic_imaging.learning.training import TrainingFailed, train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use"),
]


@pytest.mark.parametrize("kind", [Denoiser, Adversaries])
def test_it_learns_there_what_it_learns_on_the_processor(tmp_path: Path, kind):
    there, here = kind(), kind()
    on_gpu = train(there, quick(), tmp_path / "gpu", seed=1, device="cuda")
    on_cpu = train(here, quick(), tmp_path / "cpu", seed=1, device="cpu")
    assert on_gpu.device == "cuda:0"
    assert on_gpu.history[-1] == pytest.approx(on_cpu.history[-1], rel=5e-3, abs=1e-4)
    assert differ({k: v.cpu() for k, v in weights(there).items()}, weights(here)) < 1e-3


@pytest.mark.parametrize("precision", [Precision.AUTO, Precision.BFLOAT16, Precision.FLOAT16])
def test_half_precision_trains_and_goes_on_from_a_checkpoint(tmp_path: Path, precision: Precision):
    settings = quick(precision=precision, steps=40)
    asked = iter(range(1000))
    first = train(Denoiser(), settings, tmp_path, seed=1, device="cuda", cancelled=lambda: next(asked) > 20)
    assert 0 < first.steps < 40
    result = train(Denoiser(), settings, tmp_path, seed=1, device="cuda")
    assert result.resumed_from == first.steps and result.steps == 40
    assert [row["step"] for row in result.history] == list(range(1, 41))
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    assert result.precision == ("bfloat16" if precision is Precision.AUTO else precision.value)


def test_too_little_memory_becomes_advice(tmp_path: Path):
    learner = Denoiser()
    learner.loss = lambda b, r, s: (torch.empty(2**44, device="cuda").mean(), {})
    with pytest.raises(MemoryShortage, match=r"The GPU \(.* GiB\) ran out of memory .*accumulate"):
        train(learner, quick(), tmp_path, seed=1, device="cuda")


def test_a_loss_that_is_not_a_number_is_noticed_before_the_next_checkpoint(tmp_path: Path):
    learner = Denoiser()
    right = learner.loss
    learner.loss = lambda b, r, s: (right(b, r, s)[0] * (float("nan") if s == 7 else 1.0), {})
    with pytest.raises(TrainingFailed, match="not a number at step 8"):
        train(learner, quick(), tmp_path, seed=1, device="cuda")
    assert not (tmp_path / "checkpoints" / "step-00000008").exists()


def test_more_processes_than_gpus_get_a_sentence(tmp_path: Path):
    with pytest.raises(ParameterError, match="GPU"):
        many = torch.cuda.device_count() + 1
        train(Denoiser(), quick(batch_size=many), tmp_path, seed=1, device="cuda", processes=many)

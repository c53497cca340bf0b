"""What goes wrong in a training, and what the user is told."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch
from Testing.learning.training_learners import Blobs, Denoiser, Refusing, quick

from synthetic_imaging.errors import FileError, InputError, MemoryShortage, ParameterError
from synthetic_imaging.learning.settings import Precision, Training
from synthetic_imaging.learning.training import TrainingFailed, train
from synthetic_imaging.learning.training.machine import choose_device, choose_precision
from synthetic_imaging.learning.training.memory_advice import sentence

pytestmark = pytest.mark.usefixtures("one_torch_thread")

class Special(Blobs):
    """Cases of which one is replaced."""

    def __init__(self, index: int, made) -> None:
        super().__init__(10)
        self.index, self.made = index, made

    def case(self, index, rng):
        case = super().case(index, rng)
        return self.made(case) if index == self.index else case


def failing_at(step_of_failure: int, error: Exception):
    """A learner whose loss fails at a step."""
    learner = Denoiser()
    right = learner.loss

    def loss(batch, random, step):
        if step == step_of_failure:
            raise error
        return right(batch, random, step)

    learner.loss = loss
    return learner


def test_a_loss_that_is_not_a_number_names_step_and_remedies_and_keeps_the_good_checkpoint(tmp_path: Path):
    learner = Denoiser()
    right = learner.loss
    learner.loss = lambda b, r, s: (right(b, r, s)[0] * (float("nan") if s == 9 else 1.0), {})
    with pytest.raises(TrainingFailed) as said:
        train(learner, quick(), tmp_path, seed=1, device="cpu")
    text = str(said.value)
    assert "loss is not a number at step 10" in text and "lower learning rate (it is 0.05)" in text
    assert "warm_up_steps" in text and "step-00000008" in text
    assert (tmp_path / "checkpoints" / "step-00000008").is_dir()
    assert train(Denoiser(), quick(), tmp_path, seed=1, device="cpu").resumed_from == 8


def test_a_case_with_voxels_that_are_not_numbers_is_named(tmp_path: Path):
    learner = Denoiser()
    learner.training = Special(7, lambda case: {**case, "image": np.full_like(case["image"], np.nan)})
    with pytest.raises(TrainingFailed, match="Training case 7 holds voxels that are not numbers"):
        train(learner, quick(), tmp_path, seed=1, device="cpu")


def test_cases_of_different_shape_are_named(tmp_path: Path):
    learner = Denoiser()
    learner.training = Special(3, lambda case: {**case, "image": case["image"][:, :4]})
    with pytest.raises(InputError, match=r"do not fit in one batch: 'image' is .*1 x 4 x 6 x 6"):
        train(learner, quick(), tmp_path, seed=1, device="cpu")


def test_a_sentence_about_a_case_comes_out_of_a_loading_process_as_it_is(tmp_path: Path):
    learner = Denoiser()
    learner.training = Refusing(10)
    with pytest.raises(InputError) as said:
        train(learner, quick(workers=1), tmp_path, seed=1, device="cpu")
    assert str(said.value) == "Case 3 has no label."


def test_what_cannot_be_handed_to_another_process_gets_a_sentence(tmp_path: Path):
    learner = Denoiser()
    learner.training = Special(3, lambda case: case)
    with pytest.raises(ParameterError, match="Set 'workers' to 0"):
        train(learner, quick(workers=1), tmp_path / "a", seed=1, device="cpu")
    with pytest.raises(ParameterError, match="cannot be handed to other processes"):
        train(learner, quick(), tmp_path / "b", seed=1, device="cpu", processes=2)
    assert learner.networks["denoiser"][0].weight.shape == (4, 1, 3, 3, 3)


def test_the_error_of_another_process_is_what_the_user_hears(tmp_path: Path):
    learner = Denoiser()
    learner.training = Refusing(10)
    learner.training.only_in = "1"
    with pytest.raises(InputError, match="Case 3 has no label"):
        train(learner, quick(), tmp_path, seed=1, device="cpu", processes=2)
    assert not multiprocessing.active_children()


def test_too_few_cases_and_impossible_settings_are_refused_before_the_start(tmp_path: Path):
    empty = Denoiser(cases=0)
    with pytest.raises(InputError, match="no training cases"):
        train(empty, quick(), tmp_path, seed=1)
    with pytest.raises(ParameterError, match="cannot be shared by 8 processes"):
        train(Denoiser(), quick(), tmp_path, seed=1, device="cpu", processes=8)
    with pytest.raises(ParameterError, match="Steps"):
        train(Denoiser(), Training(steps=0), tmp_path, seed=1)
    with pytest.raises(ParameterError, match="torchrun"):
        train(Denoiser(), quick(), tmp_path, seed=1, nodes=2)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="is a file"):
        train(Denoiser(), quick(), tmp_path / "file", seed=1)


@pytest.mark.parametrize("error", [
    MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried to"),
])  # fmt: skip
def test_too_little_memory_becomes_advice_and_the_checkpoint_stays(tmp_path: Path, error: Exception):
    with pytest.raises(MemoryShortage) as said:
        train(failing_at(6, error), quick(), tmp_path, seed=1, device="cpu")
    assert "accumulate 2 instead of 1" in str(said.value) and "batch_size 2" in str(said.value)
    assert train(Denoiser(), quick(), tmp_path, seed=1, device="cpu").resumed_from == 4


def test_a_real_allocation_that_fails_on_the_cpu_is_recognised(tmp_path: Path):
    learner = Denoiser()
    learner.loss = lambda b, r, s: (torch.empty(2**50).mean(), {})
    with pytest.raises(MemoryShortage, match="ran out of memory with 4 cases at once"):
        train(learner, quick(), tmp_path, seed=1, device="cpu")


def test_the_advice_names_what_would_help_here():
    one = sentence(Training(batch_size=1), Precision.BFLOAT16, "cpu")
    assert "accumulate" not in one and "batch_size" not in one and "smaller grid" in one
    assert "1 case at once" in one
    shared = sentence(Training(batch_size=8, accumulate=2, workers=3), Precision.BFLOAT16, "cpu", processes=2)
    assert "2 cases at once" in shared and "accumulate 4 instead of 2" in shared and "workers" in shared


def test_another_error_of_a_loss_is_passed_on_as_it_is(tmp_path: Path):
    with pytest.raises(RuntimeError, match="size of tensor"):
        train(failing_at(2, RuntimeError("The size of tensor a must match")), quick(), tmp_path, seed=1, device="cpu")


def test_devices_and_number_formats_that_are_not_there_get_a_sentence():
    with pytest.raises(ParameterError, match="no device 'gpu0'"):
        choose_device("gpu0")
    if not torch.cuda.is_available():
        with pytest.raises(ParameterError, match="no GPU"):
            choose_device("cuda")
    with pytest.raises(ParameterError, match="float16 works on NVIDIA"):
        choose_precision(Precision.FLOAT16, "cpu")
    assert choose_device("cpu", 3) == "cpu"
    assert choose_precision(Precision.AUTO, "cpu") in (Precision.BFLOAT16, Precision.FLOAT32)
    assert choose_precision(Precision.AUTO, "mps") is Precision.FLOAT32

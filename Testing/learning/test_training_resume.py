"""Checkpoints: killed and resumed, damaged, on a full disk, of another training."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from Testing.learning.training_learners import Adversaries, Denoiser, differ, quick, weights

from synthetic_imaging.errors import FileError
from synthetic_imaging.learning.training import Stopped, TrainingFailed, train
from synthetic_imaging.learning.training import checkpoints as kept

pytestmark = pytest.mark.usefixtures("one_torch_thread")

ROOT = Path(__file__).parents[2]
LONG = {"steps": 30, "precision": "auto", "checkpoint_every": 3, "validate_every": 7, "warm_up_steps": 10,
        "average_every": 2}  # fmt: skip


def stop_after(steps: int):
    """A callback pair: cancels once so many steps are reported or asked for."""
    asked = iter(range(10**6))
    return lambda: next(asked) >= steps


def test_a_training_killed_at_a_random_step_ends_bit_identical_to_an_unbroken_one(tmp_path: Path):
    die_at = random.Random().randrange(20, 110)  # of 120 cases: most often between checkpoints, now and then in one
    given = {"out": str(tmp_path / "killed"), "settings": LONG, "die_at": die_at}
    child = subprocess.run(
        [sys.executable, "-m", "Testing.learning.training_learners", json.dumps(given)],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr
    learners = {}
    for name in ("killed", "unbroken"):
        learners[name] = Denoiser(adam=True)
        result = train(learners[name], quick(**LONG), tmp_path / name, seed=3, device="cpu")
        assert result.steps == 30
        assert (result.resumed_from > 0) == (name == "killed"), die_at
    assert differ(weights(learners["killed"]), weights(learners["unbroken"])) == 0, die_at
    tables = [(tmp_path / name / "history.csv").read_text() for name in ("killed", "unbroken")]
    assert tables[0] == tables[1], die_at


def test_a_cancelled_training_of_two_phases_goes_on_exactly(tmp_path: Path):
    settings = quick(steps=20, checkpoint_every=1000)
    broken, whole = Adversaries(late=3), Adversaries(late=3)
    first = train(broken, settings, tmp_path / "a", seed=5, device="cpu", cancelled=stop_after(9))
    assert first.stopped_because is Stopped.CANCELLED and 0 < first.steps < 20
    assert first.checkpoint.is_dir()
    again = Adversaries(late=3)
    second = train(again, settings, tmp_path / "a", seed=5, device="cpu")
    assert second.resumed_from == first.steps and second.stopped_because is Stopped.FINISHED
    unbroken = train(whole, settings, tmp_path / "b", seed=5, device="cpu")
    assert differ(weights(again), weights(whole)) == 0
    assert second.history == unbroken.history


def test_a_finished_training_returns_at_once_and_can_be_made_longer(tmp_path: Path):
    learner = Denoiser()
    done = train(learner, quick(), tmp_path, seed=1, device="cpu")
    asked = learner.training.asked
    again = train(learner, quick(), tmp_path, seed=1, device="cpu")
    assert learner.training.asked == asked and again.history == done.history
    longer = train(learner, quick(steps=15), tmp_path, seed=1, device="cpu")
    assert longer.steps == 15 and longer.resumed_from == 12


def test_a_damaged_checkpoint_is_passed_over_with_a_note(tmp_path: Path):
    train(Denoiser(), quick(), tmp_path, seed=1, device="cpu")
    newest = tmp_path / "checkpoints" / "step-00000012" / "state.safetensors"
    content = bytearray(newest.read_bytes())
    content[-5] ^= 0xFF
    newest.write_bytes(content)
    result = train(Denoiser(), quick(), tmp_path, seed=1, device="cpu")
    assert result.resumed_from == 8 and result.steps == 12
    assert "step-00000012' is damaged" in result.notes[0]


def test_when_all_checkpoints_are_damaged_the_user_is_told(tmp_path: Path):
    train(Denoiser(), quick(), tmp_path, seed=1, device="cpu")
    for file in (tmp_path / "checkpoints").rglob("state.json"):
        file.write_text(file.read_text()[:100])
    with pytest.raises(FileError, match="start anew"):
        train(Denoiser(), quick(), tmp_path, seed=1, device="cpu")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"),
                                   SafetensorError("I/O error: No space left on device (os error 28)")])  # fmt: skip
def test_a_full_disk_gets_a_sentence_and_keeps_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    settings = quick(validate_every=1000)
    write = kept.save_file
    written = []

    def full(tensors, path, **more):
        written.append(path)
        if len(written) > 1:
            Path(path).write_bytes(b"half")
            raise error
        write(tensors, path, **more)

    monkeypatch.setattr(kept, "save_file", full)
    learner = Denoiser()
    learner.validation = None
    with pytest.raises(FileError, match="disk is full"):
        train(learner, settings, tmp_path, seed=1, device="cpu")
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["step-00000004"]
    monkeypatch.setattr(kept, "save_file", write)
    assert train(learner, settings, tmp_path, seed=1, device="cpu").resumed_from == 4


@pytest.mark.parametrize(("learner", "changes", "seed", "words"), [
    (Denoiser(width=5), {}, 1, "network 'denoiser' has another size .*4 x 1 x 3 x 3 x 3 and is 5 x 1 x 3 x 3 x 3"),
    (Denoiser(), {"batch_size": 8}, 1, "the batch size was 4 and is 8 now"),
    (Denoiser(), {"learning_rate": 0.01}, 1, "the learning rate was 0.05 and is 0.01 now"),
    (Denoiser(cases=11), {}, 1, "there were 10 training cases and are 11 now"),
    (Denoiser(), {}, 2, "the seed was 1 and is 2 now"),
    (Adversaries(), {}, 1, "network 'denoiser' is missing"),
])  # fmt: skip
def test_another_trainings_checkpoint_is_refused_naming_the_difference(
    tmp_path: Path, learner, changes, seed: int, words: str
):
    train(Denoiser(), quick(), tmp_path, seed=1, device="cpu")
    with pytest.raises(TrainingFailed, match=words):
        train(learner, quick(**changes), tmp_path, seed=seed, device="cpu")
    fresh = train(learner, quick(steps=2, **changes), tmp_path, seed=seed, device="cpu", resume=False)
    assert fresh.resumed_from == 0
    assert (tmp_path / "earlier-1" / "checkpoints" / "step-00000012").is_dir()


def test_what_a_kill_left_half_written_is_ignored_and_swept_away(tmp_path: Path):
    train(Denoiser(), quick(), tmp_path, seed=1, device="cpu")
    folder = tmp_path / "checkpoints"
    (folder / "step-00000008").rename(folder / ".step-00000008.old")  # killed between two renamings
    (folder / ".step-00000016.part").mkdir()
    (folder / ".step-00000016.part" / "state.safetensors").write_bytes(b"half")
    result = train(Denoiser(), quick(steps=14), tmp_path, seed=1, device="cpu")
    assert result.resumed_from == 12
    assert sorted(p.name for p in folder.iterdir()) == ["step-00000012", "step-00000014"]


def test_tied_weights_and_channels_last_ones_come_back_as_they_were(tmp_path: Path):
    shared = torch.arange(6.0).reshape(2, 3)
    last = torch.rand(2, 3, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    tensors = {"a": shared, "b": shared, "part": shared[1], "c": last.contiguous(memory_format=torch.channels_last_3d)}
    store = kept.Checkpoints(tmp_path)
    store.write(3, tensors, {"rate": 0.1 + 0.2})
    saved = store.read(3)
    assert all(torch.equal(saved.tensors[key], tensor) for key, tensor in tensors.items())
    assert saved.numbers["rate"] == 0.1 + 0.2

"""Small learners for the tests of the training loop, importable by the processes that it starts; run as a program, a
training that other tests kill."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch

from synthetic_imaging.errors import InputError
from synthetic_imaging.learning.learner import Learner, Phase
from synthetic_imaging.learning.settings import Precision, Training
from synthetic_imaging.learning.training import train

SIDE = 6


class Blobs:
    """Smooth balls of random place and size, with a little grain from the augmentation's generator."""

    def __init__(self, cases: int, die_at: int = -1) -> None:
        self.cases, self.die_at, self.asked = cases, die_at, 0

    def __len__(self) -> int:
        return self.cases

    def case(self, index: int, rng: np.random.Generator) -> dict[str, object]:
        self.asked += 1
        if self.asked == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        anatomy = np.random.default_rng([7, index])
        at = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"), axis=-1) - anatomy.uniform(2, 4, 3)
        image = np.exp(-np.square(at).sum(-1) / anatomy.uniform(2, 6)) + 0.02 * rng.standard_normal((SIDE,) * 3)
        return {"image": image[None].astype(np.float32), "age": float(index), "name": f"case {index}"}


class Refusing(Blobs):
    """Has something to say about case 3; ``only_in`` is the number of the process that says it."""

    only_in = ""

    def case(self, index: int, rng: np.random.Generator) -> dict[str, object]:
        if index == 3 and self.only_in in ("", os.environ.get("RANK")):
            raise InputError("Case 3 has no label.")
        return super().case(index, rng)


def small_network(seed: int, width: int = 4) -> torch.nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Conv3d(1, width, 3, padding=1), torch.nn.SiLU(), torch.nn.Conv3d(width, 1, 3, padding=1)
        )


class Denoiser(Learner):
    """Learns to tell noise from image; plain gradient descent unless asked otherwise, which keeps rounding small."""

    averaged = ("denoiser",)

    def __init__(self, cases: int = 10, width: int = 4, rate: float = 0.05, adam: bool = False) -> None:
        self.networks = torch.nn.ModuleDict({"denoiser": small_network(1, width)})
        self.training, self.validation = Blobs(cases), Blobs(3)
        self.rate, self.adam = rate, adam

    def loss(self, batch, random, step):
        noise, time = random.like(batch["image"]), random.uniform().view(-1, 1, 1, 1, 1)
        found = self.networks["denoiser"](batch["image"] * (1 - time) + noise * time)
        return (found - noise).square().mean(), {"mean": found.mean()}

    def optimiser(self, parameters):
        if self.adam:
            return torch.optim.AdamW(parameters, lr=self.rate)
        return torch.optim.SGD(parameters, lr=self.rate, momentum=0.9)

    def schedule(self, optimiser):
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 40)

    def phases(self):
        return [Phase("denoise", ("denoiser",), self.optimiser, self.loss, self.schedule)]

    def pictures(self, device):
        return {"middle": np.full((SIDE, SIDE), 0.5, dtype=np.float32)}


class Adversaries(Learner):
    """Two phases with a network each, one that only the second phase's loss calls by a method other than forward, and a
    frozen one with drop-out, which must stay in eval mode."""

    averaged = ("maker",)
    watch = "distance"

    def __init__(self, late: int = 0) -> None:
        self.networks = torch.nn.ModuleDict({
            "maker": small_network(2), "judge": small_network(3),
            "frozen": small_network(4).append(torch.nn.Dropout(0.5)),
        })  # fmt: skip
        self.training, self.validation, self.late = Blobs(9), Blobs(2), late
        self.seen_frozen_in_training = False

    def make(self, batch, random):
        self.seen_frozen_in_training |= self.networks["frozen"].training
        return self.networks["maker"](random.like(batch["image"]))

    def make_loss(self, batch, random, step):
        made = self.make(batch, random)
        return self.networks["judge"].forward(made).square().mean() + made.square().mean(), {}

    def judge_loss(self, batch, random, step):
        made = self.make(batch, random).detach()
        real, false = self.networks["judge"](batch["image"]), self.networks["judge"](made)
        return (real - 1).square().mean() + false.square().mean(), {"real": real.mean()}

    def active(self, step):
        return step >= self.late

    def optimiser(self, parameters):
        return torch.optim.SGD(parameters, lr=0.05)

    def phases(self):
        return [
            Phase("make", ("maker",), self.optimiser, self.make_loss),
            Phase("judge", ("judge",), self.optimiser, self.judge_loss, active=self.active),
        ]

    def validate(self, batch, random):
        return {"distance": (self.make(batch, random) - batch["image"]).abs().mean()}


def quick(**changes) -> Training:
    """Settings for a training of about a tenth of a second."""
    return Training(**{"steps": 12, "batch_size": 4, "validate_every": 5, "checkpoint_every": 4,
                       "precision": Precision.FLOAT32, "learning_rate": 0.05, **changes})  # fmt: skip


def weights(learner: Learner) -> dict[str, torch.Tensor]:
    return {key: tensor.clone() for key, tensor in learner.networks.state_dict().items()}


def differ(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Largest difference of two sets of weights."""
    assert one.keys() == other.keys()
    return max(float((one[key] - other[key]).abs().max()) for key in one)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    learner = Denoiser(adam=True)
    learner.training = Blobs(10, die_at=given["die_at"])
    train(learner, quick(**given["settings"]), Path(given["out"]), seed=3, device="cpu")

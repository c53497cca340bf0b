"""The training loop against the plain loop that one would write by hand for the same learner."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from Testing.benchmarks.report import Section, ratio
from Testing.benchmarks.timing import measure_together, seconds
from Testing.learning.training_learners import Blobs, Denoiser, small_network

from synthetic_imaging.learning.learner import Learner, collate
from synthetic_imaging.learning.randomness import BatchRandom, generator_of
from synthetic_imaging.learning.settings import Precision, Training
from synthetic_imaging.learning.training import train
from synthetic_imaging.learning.training.order import CaseOrder

SEED, BATCH = 4, 4


class Wide(Denoiser):
    """The same with a wider network and larger cases: a step takes as long as that of a small real network."""

    def __init__(self) -> None:
        super().__init__(adam=True)
        self.networks = torch.nn.ModuleDict({"denoiser": small_network(1, 32)})
        self.training = Enlarged(10)


class Enlarged(Blobs):
    """Blobs on 18 voxels a side."""

    def case(self, index: int, rng):  # type: ignore[no-untyped-def]
        case = super().case(index, rng)
        return {"image": case["image"].repeat(3, axis=1).repeat(3, axis=2).repeat(3, axis=3)}


def tiny() -> Denoiser:
    """Two convolutions of 4 channels on 6 voxels a side: nearly nothing but overhead."""
    return Denoiser(adam=True)


def plain(learner: Denoiser, steps: int) -> None:
    """Cases, loss, gradients, clipping, optimiser, schedule; no averages, no log, no checkpoints."""
    parameters = list(learner.networks.parameters())
    optimiser = learner.optimiser(parameters)
    schedule = learner.schedule(optimiser)
    order = CaseOrder(len(learner.training), BATCH, SEED)
    for step in range(steps):
        keys = [(order.index(step, position), position) for position in range(BATCH)]
        batch = collate([learner.training.case(i, generator_of(SEED, step, position)) for i, position in keys])
        loss, _ = learner.loss(batch, BatchRandom(SEED, step, range(BATCH)), step)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        if not torch.isfinite(loss):
            raise ValueError(step)


def ours(learner: Learner, steps: int) -> None:
    """The project's loop with averages, curves and a checkpoint at the end."""
    learner.validation = None
    with tempfile.TemporaryDirectory() as folder:
        settings = Training(steps=steps, batch_size=BATCH, precision=Precision.FLOAT32, checkpoint_every=steps)
        train(learner, settings, Path(folder), seed=SEED, device="cpu")


def section(repeats: int) -> Section:
    """Measure and describe."""
    out = Section(
        "Training loop",
        "What the loop costs beside the network. Peer: a plain PyTorch loop over the same learner with the same cases, "
        "clipping and schedule, but without moving averages, curves, TensorBoard, checkpoints and prefetching. "
        "One torch thread. Once: set-up, log and the checkpoint at the end.",
        ["network", "steps", "ours", "plain loop", "ours / plain", "once", "more per step"],
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name, make, steps in (("two convolutions, 4 channels, 6^3", tiny, 300),
                                  ("two convolutions, 32 channels, 18^3", Wide, 30)):  # fmt: skip
            a, b, c, d = measure_together(
                lambda _, m=make, s=steps: ours(m(), s), lambda _, m=make, s=steps: plain(m(), s),
                lambda _, m=make: ours(m(), 1), lambda _, m=make: plain(m(), 1), repeats=repeats,
            )  # fmt: skip
            fixed = c.median - d.median
            more = (a.median - b.median - fixed) / (steps - 1)
            cells = (a.text, b.text, ratio(a, b), seconds(fixed), seconds(more) if more > 0 else "none")
            out.row(name, str(steps), *cells)
    finally:
        torch.set_num_threads(threads)
    return out

"""Validation: a learner's values over cases that it is not trained with, always with the same random numbers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from lightning_fabric import Fabric

from synthetic_imaging.learning.learner import CaseSource, Learner
from synthetic_imaging.learning.randomness import BatchRandom, generator_of
from synthetic_imaging.learning.settings import Training
from synthetic_imaging.learning.training.loading import together
from synthetic_imaging.learning.training.order import VALIDATION
from synthetic_imaging.learning.training.sharing import Sharing


def validate(
    fabric: Fabric,
    learner: Learner,
    source: CaseSource,
    settings: Training,
    seed: int,
    sharing: Sharing,
    cancelled: Callable[[], bool],
) -> dict[str, float] | None:
    """Mean values over the validation cases; None if cancelled meanwhile.

    Cases are shared among the processes and the sums are put together. Networks must be in eval mode.
    """
    with torch.no_grad():
        number = min(len(source), settings.validation_cases)
        size = max(1, settings.batch_size // sharing.processes // settings.accumulate)
        starts = range(0, number, size)
        totals: dict[str, float] = {}
        stopped = False
        for start in starts[fabric.global_rank :: sharing.processes]:
            if cancelled():
                stopped = True
                break
            indices = list(range(start, min(start + size, number)))
            batch = together([source.case(i, generator_of(seed + VALIDATION, 0, i)) for i in indices], indices)
            on_device = {k: v.to(fabric.device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
            random = BatchRandom(seed + VALIDATION, 0, indices, fabric.device)
            with fabric.autocast():
                values = learner.validate(on_device, random)
            for name, value in values.items():
                totals[name] = totals.get(name, 0.0) + float(value) * len(indices) / number
        return _together(totals, stopped, sharing)


def _together(totals: dict[str, float], stopped: bool, sharing: Sharing) -> dict[str, float] | None:
    if sharing.processes == 1:
        return None if stopped else totals
    names = sharing.first(list(totals))
    # The first process has at least as many batches as any other, so it knows all names.
    sums = [totals.get(name, 0.0) for name in names]
    vector = sharing.sum(torch.tensor([*sums, float(stopped)], dtype=torch.float32, device=sharing.device))
    *values, any_stopped = vector.tolist()
    return None if any_stopped > 0 else dict(zip(names, values, strict=True))

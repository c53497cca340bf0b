"""A generator on a whole volume, slice by slice, with several passes for its uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.sequences.learned.settings import MADE

if TYPE_CHECKING:
    import torch

    from synthetic_imaging.learning.networks.flow_translator import FlowTranslator
    from synthetic_imaging.learning.networks.translator import Translator

Values = npt.NDArray[np.float32]
_TOGETHER = 4  # slices in one call


@dataclass(frozen=True)
class Passes:
    """How uncertainty is found (Li and Wiestler 2025): ``mean(G^2) - mean(G)^2`` over passes with drop-out.

    Attributes:
        number: of passes with drop-out, or of walks of a flow; 0 for one without, and no uncertainty.
        mirrored: every second pass sees the image mirrored (test-time augmentation).
        seed: of what is dropped.
    """

    number: int = 0
    mirrored: bool = False
    seed: int = 0


def made_volume(
    network: Translator | FlowTranslator, given: Values, present: Sequence[bool], slices: int, passes: Passes,
    device: str, run: Run,
    channels: Sequence[int] | None = None,
) -> tuple[Values, Values]:
    """What the generator makes of a volume.

    Args:
        network: in eval mode, on the device.
        given: (4, K, J, I) in -1..1; what is not there is not read.
        present: which of the four are there.
        slices: how many neighbouring slices the network sees.
        passes: for the uncertainty.
        device: "cpu", "cuda:0".
        run: progress and cancel.
        channels: which of the made sequences; all when None.

    Returns:
        Mean and variance over the passes, each (channels, K, J, I), float32; the variance is 0 without passes.
    """
    import torch

    count, rows, columns = given.shape[1:]
    padded = _padded(given, present, slices, network.factor)
    told = torch.tensor([[float(p) for p in present]], device=device)
    chosen = list(channels) if channels is not None else list(range(len(MADE)))
    mean = np.zeros((len(chosen), count, rows, columns), np.float32)
    variance = np.zeros_like(mean)
    with torch.inference_mode(), one_thread_on_a_processor():
        for first in range(0, count, _TOGETHER):
            run.progress(first / count, f"slice {first + 1} of {count}")
            last = min(first + _TOGETHER, count)
            batch = _neighbours(padded, first, last, slices, network.dims)
            middle = slices // 2 if network.dims == 3 else 0
            found, spread = _moments(network, torch.from_numpy(batch).to(device), told, passes)
            if network.dims == 3:
                found, spread = found[0], spread[0]
            else:
                found, spread = found.transpose(0, 1), spread.transpose(0, 1)
            kept = slice(middle, middle + last - first)
            mean[:, first:last] = found[chosen, kept, :rows, :columns].cpu().numpy()
            variance[:, first:last] = spread[chosen, kept, :rows, :columns].cpu().numpy()
    run.progress(1.0, "all slices")
    return mean, variance


@contextmanager
def one_thread_on_a_processor() -> Iterator[None]:
    """The last digits of convolutions on a CPU depend on the number of threads, and a result must not."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _padded(given: Values, present: Sequence[bool], slices: int, factor: int) -> Values:
    """With as many more slices as the network looks at, and whole multiples of what it halves by."""
    there = np.array(present)[:, None, None, None]
    given = np.where(there, given, np.float32(-1))
    beside = slices // 2
    given = np.pad(given, ((0, 0), (beside, beside + _TOGETHER), (0, 0), (0, 0)), mode="edge")
    more = [(0, -n % factor) for n in given.shape[2:]]
    return np.pad(given, ((0, 0), (0, 0), *more), constant_values=-1)


def _neighbours(padded: Values, first: int, last: int, slices: int, dims: int) -> Values:
    if dims == 3:
        return np.ascontiguousarray(padded[None, :, first : first + _TOGETHER + 2 * (slices // 2)])
    parts = [padded[:, at : at + slices].reshape(-1, *padded.shape[2:]) for at in range(first, last)]
    return np.stack(parts)


def _moments(
    network: Translator | FlowTranslator, batch: torch.Tensor, told: torch.Tensor, passes: Passes
) -> tuple[Any, Any]:
    import torch

    from synthetic_imaging.learning.networks.flow_translator import FlowTranslator

    told = told.expand(len(batch), -1)
    if isinstance(network, FlowTranslator):
        return _walks(network, batch, told, passes)
    if not passes.number:
        made = network(batch, told).float()
        return made, torch.zeros_like(made)
    starts = [network.begin(batch, told)]
    if passes.mirrored:
        starts.append(network.begin(batch.flip(-1), told))
    total = squares = None
    try:
        for number in range(passes.number):
            # The same channels for all slices of a volume: else neighbours would not fit together.
            network.chance = torch.Generator().manual_seed(passes.seed * 1009 + number)
            which = number % len(starts)
            made = network.finish(starts[which], told).double()
            made = made.flip(-1) if which else made
            total = made if total is None else total + made
            squares = made.square() if squares is None else squares + made.square()
    finally:
        network.chance = None
    assert total is not None and squares is not None
    mean = total / passes.number
    return mean.float(), (squares / passes.number - mean.square()).clamp_(min=0).float()


def _walks(network: FlowTranslator, batch: torch.Tensor, told: torch.Tensor, passes: Passes) -> tuple[Any, Any]:
    """Mean and variance over walks; without passes one walk, whose variance is 0."""
    import torch

    answers = []
    for number in range(max(1, passes.number)):
        flipped = passes.mirrored and number % 2 == 1
        draw = torch.Generator().manual_seed(passes.seed * 1009 + number)
        # The same noise in all slices: else neighbours would not fit together.
        noise = torch.randn((1, network.after, *batch.shape[2:]), generator=draw).to(batch.device)
        seen = batch.flip(-1) if flipped else batch
        made = network.walk(noise.expand(len(batch), -1, -1, -1), seen, told).double()
        answers.append(made.flip(-1) if flipped else made)
    stack = torch.stack(answers)
    return stack.mean(0).float(), stack.var(0, unbiased=False).float()

"""Too little memory becomes advice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from synthetic_imaging.errors import MemoryShortage
from synthetic_imaging.learning.settings import Precision, Training
from synthetic_imaging.learning.training.machine import has_bfloat16, name_of

# What torch says on a CPU and on Apple's GPU, where it has no error of its own for it.
_SAID = ("can't allocate memory", "not enough memory", "mps backend out of memory", "cuda out of memory",
         "cublas_status_alloc_failed", "bad_alloc")  # fmt: skip


def is_shortage(error: BaseException) -> bool:
    """Whether an error means that memory ran out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error).lower() for text in _SAID)


@contextlib.contextmanager
def advice(settings: Training, precision: Precision, device: str, processes: int) -> Iterator[None]:
    """In this block a shortage of memory becomes a `MemoryShortage` that names the settings that would help."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_shortage(error):
            raise
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
        raise MemoryShortage(sentence(settings, precision, device, processes)) from error


def sentence(settings: Training, precision: Precision, device: str, processes: int = 1) -> str:
    """What ran out and which settings would help, most harmless first."""
    mine = -(-settings.batch_size // processes)
    at_once = -(-mine // settings.accumulate)
    ways = []
    if at_once > 1:
        ways.append(f"compute the batch in more parts (accumulate {min(mine, 2 * settings.accumulate)} instead of "
                    f"{settings.accumulate}: same result, about half the memory)")  # fmt: skip
    if precision is Precision.FLOAT32 and has_bfloat16(device.partition(":")[0]):
        ways.append("compute in bfloat16 (precision auto)")
    if settings.batch_size > 1:
        ways.append(f"take a smaller batch (batch_size {settings.batch_size // 2})")
    ways.append("take a smaller grid (shape) or a smaller network")
    if settings.workers > 0 and device == "cpu":
        ways.append("take fewer loading processes (workers)")
    cases = "1 case" if at_once == 1 else f"{at_once} cases"
    return f"{name_of(device)[0].upper()}{name_of(device)[1:]} ran out of memory with {cases} at once in " \
           f"{precision.value}. What helps: {'; or '.join(ways)}. Checkpoints are kept."  # fmt: skip

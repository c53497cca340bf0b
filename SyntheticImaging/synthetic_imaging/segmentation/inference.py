"""A network over a whole image: in one piece where memory allows, else in the largest overlapping patches that fit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from synthetic_imaging.context import Run
from synthetic_imaging.errors import MemoryShortage
from synthetic_imaging.learning.training.machine import has_bfloat16
from synthetic_imaging.memory import available_bytes, readable_bytes
from synthetic_imaging.segmentation.windows import fitting_patch, gaussian_weights, windows

# Of the memory that is free, so that the rest of the machine goes on.
_SHARE = 0.6
# Beyond this, larger pieces are no faster, and progress would come too rarely.
_MOST_VOXELS_CPU = 16_000_000
_MOST_VOXELS_GPU = 64_000_000
_PROBE = 2  # sides of the probed patch, in multiples


@dataclass(frozen=True)
class Plan:
    """How an image is gone through.

    Attributes:
        patch: (K, J, I) of one patch.
        starts: first voxel of each patch; one for the whole image.
        bytes_needed: estimated memory at the peak.
        dtype: the network's number format.
    """

    patch: tuple[int, int, int]
    starts: tuple[tuple[int, int, int], ...]
    bytes_needed: int
    dtype: torch.dtype

    @property
    def whole(self) -> bool:
        """Whether one piece is enough."""
        return len(self.starts) == 1


def plan(
    network: torch.nn.Module,
    shape: Sequence[int],
    classes: int,
    *,
    channels: int = 1,
    multiple: int = 16,
    overlap: float = 0.25,
    patch: Sequence[int] | None = None,
    device: str = "cpu",
    memory_bytes: int | None = None,
    dtype: torch.dtype | None = None,
) -> Plan:
    """Choose number format and patch for an image.

    Args:
        network: takes (1, channels, K, J, I), returns (1, classes, K, J, I).
        shape: of the image (K, J, I).
        classes: of the network's output, with the background.
        channels: of its input.
        multiple: its patches' sides are multiples of it.
        overlap: least share that neighbouring patches have in common.
        patch: wanted patch; None takes the whole image or the largest patch that fits.
        device: where it runs.
        memory_bytes: what may be used; None takes a share of what is free.
        dtype: number format; None takes that of `fastest_format`.

    Raises:
        MemoryShortage: if not even the smallest patch fits.
    """
    chosen = fastest_format(device) if dtype is None else dtype
    free = _free_bytes(device) if memory_bytes is None else memory_bytes
    voxels = int(np.prod([max(1, -(-n // multiple)) * multiple for n in shape]))
    # Image, logits, and for patches the weighted sum.
    standing = voxels * (4 * channels + 4 * classes)
    each = activation_bytes_per_voxel(network, channels, multiple) * (2 if chosen is not torch.float32 else 4) / 4
    each += classes * 6
    ceiling = _MOST_VOXELS_CPU if device == "cpu" else _MOST_VOXELS_GPU
    most = min(ceiling, (free - standing) / each)
    least = multiple**3
    if patch is None and most < least:
        raise MemoryShortage(
            f"Segmenting needs about {readable_bytes(int(standing + least * each))} of memory and "
            f"{readable_bytes(free)} are free. Close other volumes or programs, or crop the volume."
        )
    if patch is None:
        sides = fitting_patch(shape, most, multiple, overlap)
    else:
        k, j, i = (max(1, -(-min(p, n) // multiple)) * multiple for p, n in zip(patch, shape, strict=True))
        sides = (k, j, i)
    starts = windows([max(n, p) for n, p in zip(shape, sides, strict=True)], sides, overlap)
    needed = int(standing + np.prod(sides) * each)
    return Plan(sides, tuple(starts), needed, chosen)


def segment(
    network: torch.nn.Module,
    image: npt.NDArray[Any],
    plan: Plan,
    run: Run,
    *,
    classes: int,
    device: str = "cpu",
    step: str = "segment",
) -> torch.Tensor:
    """Logits of an image.

    Args:
        network: in eval mode, on ``device``; prepared by `prepared`.
        image: float32 (C, K, J, I), the values the network was trained with.
        plan: of `plan`.
        run: progress after each patch; a cancel takes effect before each layer of the network.
        classes: of the output.
        device: of the network.
        step: name of the step for progress.

    Returns:
        (classes, K, J, I) on the CPU: the network's own number format for a whole image, float32 for patches.
    """
    shape, patch = image.shape[1:], plan.patch
    padding = [(0, max(0, p - n)) for n, p in zip(shape, patch, strict=True)]
    if any(after for _, after in padding):
        image = np.pad(image, [(0, 0), *padding], mode="edge")
    source = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None]
    inside = tuple(slice(0, n) for n in shape)
    with torch.inference_mode(), _heard(network, run):
        if plan.whole:
            logits = _looked_at(network, source, plan.dtype, device)[0]
            run.progress(1.0, step)
            return logits[(slice(None), *inside)]
        weights = torch.from_numpy(gaussian_weights(patch))
        total = torch.zeros((classes, *image.shape[1:]))
        sums = torch.zeros(image.shape[1:])
        for number, start in enumerate(plan.starts):
            run.progress(number / len(plan.starts), f"{step}, patch {number + 1} of {len(plan.starts)}")
            at = tuple(slice(s, s + p) for s, p in zip(start, patch, strict=True))
            found = _looked_at(network, source[(slice(None), slice(None), *at)], plan.dtype, device)[0]
            total[(slice(None), *at)].addcmul_(found.float(), weights)
            sums[at] += weights
        run.progress(1.0, step)
        return total.div_(sums)[(slice(None), *inside)]


def labels_of(logits: torch.Tensor) -> npt.NDArray[np.uint8]:
    """Most likely class of each voxel, (K, J, I)."""
    labels: npt.NDArray[np.uint8] = logits.argmax(0).to(torch.uint8).numpy()
    return labels


def probabilities_of(logits: torch.Tensor) -> npt.NDArray[np.float32]:
    """Share of each class, (classes, K, J, I), summing to 1."""
    shares: npt.NDArray[np.float32] = logits.float().softmax(0).numpy()
    return shares


def fastest_format(device: str) -> torch.dtype:
    """bf16 where the hardware computes in it, else single precision; never fp16, which a CPU only imitates."""
    return torch.bfloat16 if has_bfloat16(device.partition(":")[0]) else torch.float32


def prepared(network: torch.nn.Module, dtype: torch.dtype | None = None, device: str = "cpu") -> torch.nn.Module:
    """The network for inference: number format and order of voxels that the machine computes fastest.

    Changes the network itself; keep a copy to train on.
    """
    network.to(device=device, dtype=dtype or fastest_format(device))
    if device.partition(":")[0] in ("cpu", "cuda"):
        network.to(memory_format=torch.channels_last_3d)
    return network.eval().requires_grad_(False)


def activation_bytes_per_voxel(network: torch.nn.Module, channels: int = 1, multiple: int = 16) -> float:
    """Memory that a network's intermediate results take for each voxel of a patch, in single precision.

    Measured on a small patch: the three largest results that exist at once at the finest level, and one result of each
    level for the skip connections.
    """
    sizes: list[int] = []

    def note(module: torch.nn.Module, given: Any, made: Any) -> None:
        del module, given
        if isinstance(made, torch.Tensor):
            sizes.append(made.numel())

    parameter = next(network.parameters())
    side = _PROBE * multiple
    probe = torch.zeros((1, channels, side, side, side), dtype=parameter.dtype, device=parameter.device)
    leaves = [m for m in network.modules() if not list(m.children())]
    hooks = [leaf.register_forward_hook(note) for leaf in leaves]
    try:
        with torch.inference_mode():
            network(probe)
    finally:
        for hook in hooks:
            hook.remove()
    voxels = side**3
    largest = sorted(sizes, reverse=True)[:3]
    levels = {size for size in sizes if size < voxels * 4096}
    return 4 * (sum(largest) + sum(levels)) / voxels


@contextlib.contextmanager
def _heard(network: torch.nn.Module, run: Run) -> Iterator[None]:
    """Lets a cancel stop the network between two of its layers: as a whole it may take seconds."""

    def ask(module: torch.nn.Module, given: Any) -> None:
        del module, given
        run.check_cancel()

    hooks = [leaf.register_forward_pre_hook(ask) for leaf in network.modules() if not list(leaf.children())]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _looked_at(network: torch.nn.Module, patch: torch.Tensor, dtype: torch.dtype, device: str) -> torch.Tensor:
    given = patch.to(device=device, dtype=dtype)
    if device.partition(":")[0] in ("cpu", "cuda"):
        given = given.contiguous(memory_format=torch.channels_last_3d)
    result: torch.Tensor = network(given)
    return result.cpu()


def _free_bytes(device: str) -> int:
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(device)
        return int(_SHARE * free)
    return int(_SHARE * min(available_bytes(), 1 << 50))

"""What the processes of one training tell each other.

Gradients are summed here, after the backward pass of the last part of a batch, rather than by DistributedDataParallel
round a module. A learner's loss calls its networks as it likes (encode, decode, several networks, several phases that
share one), and DDP sees only what goes through the forward of the one module it wraps; two phases that update the same
network would hang two sets of hooks on it. Summing afterwards is right for all of them, needs no special case for
accumulation, and gives up only the overlap of sending and computing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import distributed

BUCKET_BYTES = 32 << 20


class Sharing:
    """Sums over the processes; with one process nothing is done."""

    def __init__(self, processes: int, device: torch.device) -> None:
        self.processes, self.device = processes, device

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all processes, in place."""
        if self.processes > 1:
            distributed.all_reduce(tensor)
        return tensor

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Sum gradients in buckets; a parameter used in any process gets a gradient in all."""
        if self.processes == 1:
            return
        used = torch.tensor([p.grad is not None for p in parameters], dtype=torch.uint8, device=self.device)
        distributed.all_reduce(used, op=distributed.ReduceOp.MAX)
        gradients = []
        for parameter, flag in zip(parameters, used.tolist(), strict=True):
            if flag:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        waiting: list[tuple[Any, torch.Tensor, list[torch.Tensor]]] = []
        for bucket in _buckets(gradients):
            flat = torch.cat([g.reshape(-1) for g in bucket])
            waiting.append((distributed.all_reduce(flat, async_op=True), flat, bucket))
        for handle, flat, bucket in waiting:
            handle.wait()
            pieces = flat.split([g.numel() for g in bucket])
            torch._foreach_copy_(bucket, [piece.view(g.shape) for piece, g in zip(pieces, bucket, strict=True)])

    def same_state(self, module: torch.nn.Module) -> None:
        """Give all processes the first one's parameters and buffers."""
        if self.processes > 1:
            for tensor in module.state_dict().values():
                whole = tensor.contiguous()
                distributed.broadcast(whole, src=0)
                tensor.copy_(whole)

    def mean_buffers(self, buffers: Sequence[torch.Tensor]) -> None:
        """The mean over the processes of what networks gather from their own cases (running statistics, codebooks).

        What is the same in all processes stays as it is, to the bit.
        """
        if self.processes == 1 or not buffers:
            return
        mine = torch.cat([b.detach().reshape(-1).float() for b in buffers])
        firsts = mine.clone()
        distributed.broadcast(firsts, src=0)
        apart = mine - firsts
        distributed.all_reduce(apart)
        mean = (firsts + apart / self.processes).split([b.numel() for b in buffers])
        with torch.no_grad():
            for buffer, values in zip(buffers, mean, strict=True):
                buffer.copy_(values.view(buffer.shape))

    def first(self, value: Any) -> Any:
        """The first process's value (plain numbers, text, lists, dictionaries)."""
        if self.processes > 1:
            held = [value]
            distributed.broadcast_object_list(held, src=0, device=self.device)
            return held[0]
        return value

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.processes > 1:
            distributed.all_reduce(torch.zeros(1, device=self.device))


def _buckets(tensors: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
    made: list[list[torch.Tensor]] = []
    size, kind = 0, None
    for tensor in tensors:
        nbytes = tensor.numel() * tensor.element_size()
        if not made or tensor.dtype != kind or size + nbytes > BUCKET_BYTES:
            made.append([])
            size, kind = 0, tensor.dtype
        made[-1].append(tensor)
        size += nbytes
    return made

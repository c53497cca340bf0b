"""Several processes for one training: what Fabric needs to know, and starting and ending them.

This process stays the first one, so that its callbacks work, its networks are trained in place, and what follows the
training runs once. The others are fresh processes that get the learner without its weights, which the first sends them.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import os
import socket
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment

from synthetic_imaging import errors
from synthetic_imaging.errors import JobFailed, ParameterError, SyntheticImagingError
from synthetic_imaging.learning.settings import Precision
from synthetic_imaging.learning.training.loop import Loop, Plan
from synthetic_imaging.learning.training.progress import TrainingFailed, TrainingResult, never, silent

_FORMATS: dict[Precision, Any] = {
    Precision.FLOAT32: "32-true",
    Precision.BFLOAT16: "bf16-mixed",
    Precision.FLOAT16: "16-mixed",
}
_SECONDS_TO_END = 10.0


def fabric_for(device: str, precision: Precision, processes: int, nodes: int, *, ours: bool = False) -> Fabric:
    """Fabric, launched.

    Args:
        device: "cpu", "mps", "cuda:1", or "cuda" for one GPU each.
        precision: the number format.
        processes: of this machine.
        nodes: machines.
        ours: whether this module started the processes.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    kind, _, number = device.partition(":")
    devices: Any = [int(number)] if number else processes
    fabric = Fabric(
        accelerator=kind, devices=devices, num_nodes=nodes, precision=_FORMATS[precision],
        strategy="ddp" if processes * nodes > 1 else "auto", plugins=[LightningEnvironment()] if ours else None,
    )  # fmt: skip
    fabric.launch()
    return fabric


def run_started(plan: Plan, device: str, processes: int, nodes: int) -> TrainingResult:
    """Train in this process of those that torchrun has started; their connection stays open for further trainings."""
    atexit.unregister(_disconnect)
    atexit.register(_disconnect)
    return Loop(fabric_for(device, plan.precision, processes, nodes), plan).run()


def _disconnect() -> None:
    """Close the connection in good order: an open one can abort the process when the interpreter ends."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def run_starting(plan: Plan, device: str, processes: int) -> TrainingResult:
    """Start the other processes of this machine, train, and end them.

    Raises:
        ParameterError: if the learner cannot be handed to another process.
        JobFailed: if another process ended without saying why.
    """
    port = _free_port()
    others: list[_Other] = []
    threads = torch.get_num_threads()
    try:
        plan.learner.networks.to("cpu")  # where an earlier training may have left them on a GPU
        with _without_weights(plan.learner.networks) as shapes:
            for rank in range(1, processes):
                others.append(_start(plan, device, rank, processes, port, shapes))
        with _environment(0, processes, port), _watched(others, device):
            try:
                fabric = fabric_for(device, plan.precision, processes, 1, ours=True)
                result = Loop(fabric, plan).run()
            finally:
                _disconnect()
        for other in others:
            other.process.join(_SECONDS_TO_END)
        return result
    except (RuntimeError, SyntheticImagingError) as error:
        _raise_theirs(others, error)
        raise
    finally:
        torch.set_num_threads(threads)
        for other in others:
            _end(other.process)


@dataclass(frozen=True)
class _Other:
    process: SpawnProcess
    said: Connection


def _start(plan: Plan, device: str, rank: int, processes: int, port: int, shapes: list[tuple[int, ...]]) -> _Other:
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    theirs = replace(plan, report=silent, cancelled=never)
    process = context.Process(
        target=_work, args=(theirs, device, rank, processes, port, shapes, sending), name=f"training {rank}"
    )
    try:
        process.start()
    except Exception as error:  # pickling raises errors of any kind
        raise ParameterError(
            f"The training cannot be handed to other processes ({error}). Set the processes to 1, or start the program "
            "with torchrun."
        ) from error
    finally:
        sending.close()
    return _Other(process, receiving)


def _work(
    plan: Plan, device: str, rank: int, processes: int, port: int, shapes: list[tuple[int, ...]], said: Connection
) -> None:
    """What another process does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for tensor, shape in zip(_weights(plan.learner.networks), shapes, strict=True):
        tensor.data = torch.empty(shape, dtype=tensor.dtype)
    try:
        with _environment(rank, processes, port):
            Loop(fabric_for(device, plan.precision, processes, 1, ours=True), plan).run()
    except BaseException as error:
        said.send((type(error).__name__, str(error), traceback.format_exc()))
        os._exit(1)  # no waiting for the other processes, which wait for this one
    _disconnect()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _end(process: SpawnProcess) -> None:
    if process.is_alive():
        process.terminate()
        process.join(2.0)
    if process.is_alive():
        process.kill()
        process.join()


@contextlib.contextmanager
def _watched(others: list[_Other], device: str) -> Iterator[None]:
    """While this runs, the end of another process with an error ends the waiting for it."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.5):
            # Over gloo a lost process is noticed at once; NCCL would wait for half an hour.
            if device.startswith("cuda") and any(other.process.exitcode for other in others):
                torch.distributed.distributed_c10d._abort_process_group()
                return

    thread = threading.Thread(target=watch, name="other processes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()


def _raise_theirs(others: list[_Other], error: BaseException) -> None:
    """If another process failed first, its reason is what the user must hear."""
    if isinstance(error, SyntheticImagingError):
        return
    for other in others:
        try:
            if not other.said.poll(1.0):
                continue
            name, text, details = other.said.recv()
        except (EOFError, OSError):
            continue
        if "Connection" in text or "gloo" in text.lower() or "nccl" in text.lower():
            continue  # it only noticed that another one was gone
        kind: Any = getattr(errors, name, TrainingFailed if name == TrainingFailed.__name__ else None)
        if kind is None:
            kind, text = JobFailed, f"Another process of the training failed: {name}: {text}"
        failure = kind(text)
        failure.details = details
        raise failure from error
    lost = [other.process for other in others if other.process.exitcode]
    if lost:
        raise JobFailed(
            f"Another process of the training ended with code {lost[0].exitcode}, most likely for want of memory. "
            "Checkpoints are kept: start again with fewer processes or a smaller batch."
        ) from error


@contextlib.contextmanager
def _environment(rank: int, processes: int, port: int) -> Iterator[None]:
    """The variables by which the processes find each other; put back afterwards."""
    given = {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": "0", "GROUP_RANK": "0",
        "LOCAL_RANK": str(rank), "RANK": str(rank), "WORLD_SIZE": str(processes),
    }  # fmt: skip
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in (*given, "OMP_NUM_THREADS")}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _without_weights(networks: torch.nn.Module) -> Iterator[list[tuple[int, ...]]]:
    """In this block the networks are without weights and quick to hand over; yields the weights' shapes."""
    tensors = _weights(networks)
    held = [tensor.data for tensor in tensors]
    shapes = [tuple(tensor.shape) for tensor in tensors]
    for tensor in tensors:
        tensor.data = torch.empty(0, dtype=tensor.dtype)
    try:
        yield shapes
    finally:
        for tensor, data in zip(tensors, held, strict=True):
            tensor.data = data


def _weights(networks: torch.nn.Module) -> list[torch.Tensor]:
    """All parameters and kept buffers, each once."""
    return list({id(t): t for t in networks.state_dict(keep_vars=True).values()}.values())


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

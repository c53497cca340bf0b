"""Medians, peak memory, and functions run in a process of their own."""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Times:
    """Seconds of repeated calls; the first call is kept apart and is not in the median."""

    first: float
    later: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.later)

    @property
    def text(self) -> str:
        """Median and range."""
        return f"{seconds(self.median)} ({seconds(min(self.later))} to {seconds(max(self.later))})"


def seconds(value: float) -> str:
    """Seconds for people, with three digits that mean something."""
    return f"{value * 1000:.3g} ms" if value < 0.1 else f"{value:.2f} s"


def measure(call: Callable[[int], Any], repeats: int = 7) -> Times:
    """Time ``call(0), call(1), ...``: one first call, then ``repeats`` more."""
    return measure_together(call, repeats=repeats)[0]


def measure_together(*calls: Callable[[int], Any], repeats: int = 7) -> list[Times]:
    """Time several methods turn by turn, so that a busy machine slows all of them."""
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(repeats + 1):
        for call, times in zip(calls, taken, strict=True):
            gc.collect()
            started = time.perf_counter()
            call(number)
            times.append(time.perf_counter() - started)
    return [Times(times[0], tuple(times[1:])) for times in taken]


def _status_mb(key: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {key} in /proc/self/status")


def peak_mb_above_now(call: Callable[[], Any]) -> float | None:
    """Peak resident memory while ``call`` runs, in MiB above what was resident before; None where not Linux."""
    clear = Path("/proc/self/clear_refs")
    if not clear.exists():
        return None
    gc.collect()
    try:
        clear.write_text("5", encoding="ascii")  # resets the peak
    except OSError:
        return None
    before = _status_mb("VmRSS:")
    call()
    return _status_mb("VmHWM:") - before


def in_own_process(module: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """What ``python -m module arguments`` prints as one JSON object on its last line."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result

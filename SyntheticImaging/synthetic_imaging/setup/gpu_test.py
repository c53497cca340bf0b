"""Does the GPU compute, and correctly? A few small kernels in a process of their own: ``python -m ...gpu_test``.

A broken driver may crash or hang whatever imports torch; here only the child does.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from synthetic_imaging.setup.child import SetupChild
from synthetic_imaging.setup.graphics import ask_driver, find_torch, too_old
from synthetic_imaging.setup.privacy import anonymous

SECONDS = 120.0
_SIZE = 512


@dataclass(frozen=True)
class Outcome:
    """How the test ended.

    Attributes:
        ok: whether the GPU computed what the processor computes.
        sentence: for the user.
        kind: "ok", "no-torch", "cpu-build", "old-driver", "no-card", "memory", "old-card", "wrong", "time", "crash".
        details: text for a report.
    """

    ok: bool
    sentence: str
    kind: str
    details: str = ""


class GpuTest:
    """The test in a child process: ``start()``, then ``poll()`` from a timer until it returns the outcome."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._limit = seconds
        self._child = SetupChild("synthetic_imaging.setup.gpu_test", ["--json"], seconds=seconds)

    def start(self) -> GpuTest:
        """Start it.

        Raises:
            JobFailed: if the child cannot be started.
        """
        self._child.start()
        return self

    def poll(self) -> Outcome | None:
        """The outcome when it has ended, else None."""
        return outcome_of(self._child, self._limit) if self._child.poll() else None

    def wait(self) -> Outcome:
        """For the shell: the outcome."""
        return outcome_of(self._child.wait(), self._limit)

    def cancel(self) -> None:
        """End it at once."""
        self._child.cancel()


def outcome_of(child: SetupChild, limit: float) -> Outcome:
    """The outcome of a child that has ended."""
    if child.cancelled:
        return Outcome(False, "The test was stopped.", "cancelled")
    if child.timed_out:
        return Outcome(False, f"The GPU did not answer within {limit:g} s. Restart the computer, then test again.",
                       "time", child.log)
    with contextlib.suppress(ValueError, IndexError, TypeError):
        return Outcome(**json.loads(child.output.splitlines()[-1]))
    return Outcome(False, f"The test crashed (code {child.code}). Update the graphics driver, or install PyTorch "
                          "again.", "crash", anonymous(child.log))


def try_gpu() -> Outcome:
    """Test the GPU in this process: imports torch."""
    installed = find_torch()
    if installed is None:
        return Outcome(False, "PyTorch is not installed, so that the GPU cannot be tested. Today's tools do not need "
                              "it.", "no-torch")
    driver = ask_driver()
    if driver.cards and not installed.cuda and not installed.rocm:
        return Outcome(False, f"PyTorch {installed.version} is a build for the processor only, and there is a graphics "
                              "card. Install the build for CUDA to use it.", "cpu-build")
    if driver.cards and too_old(driver.cuda, installed.cuda):
        return Outcome(False, f"The graphics driver is too old: it supports CUDA {driver.cuda}, and PyTorch "
                              f"{installed.version} was built for CUDA {installed.cuda}. Update the driver.",
                       "old-driver")
    if driver.problem:
        return Outcome(False, driver.problem, "no-card")
    try:
        import torch
    except Exception as error:  # a broken installation raises anything, also OSError from its libraries
        return Outcome(False, "PyTorch is installed but does not load. Install it again.", "crash", _told(error))
    try:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else ""
        if not device:
            if installed.cuda:
                return Outcome(False, "No NVIDIA graphics card with a working driver was found. Today's tools use the "
                                      "processor.", "no-card")
            return Outcome(False, f"PyTorch {installed.version} is a build for the processor only, and no graphics "
                                  "card was found. Today's tools use the processor.", "cpu-build")
        return compute_on(torch, device)
    except Exception as error:
        return why_failed(error)


def compute_on(torch: Any, device: str) -> Outcome:
    """A product of matrices, a convolution in 3-D and a sum on the device, compared with the processor's."""
    started = time.perf_counter()
    draw = torch.Generator().manual_seed(7)
    a = torch.randn((_SIZE, _SIZE), generator=draw)
    image = torch.randn((1, 1, 24, 24, 24), generator=draw)
    weights = torch.randn((2, 1, 3, 3, 3), generator=draw)

    def work(where: str) -> list[Any]:
        x, y, w = a.to(where), image.to(where), weights.to(where)
        return [v.cpu() for v in (x @ x / _SIZE, torch.nn.functional.conv3d(y, w, padding=1), torch.tanh(x).sum(0))]

    for ours, theirs in zip(work("cpu"), work(device), strict=True):
        # Cards round products to 10 bits by choice of the library: a wrong kernel is off by far more.
        off = float((ours - theirs).abs().max()) / float(ours.abs().max())
        if not off < 0.02:
            return Outcome(False, "The GPU computes wrong numbers. Update the driver; if it stays so, do not use this "
                                  "card.", "wrong", f"relative difference {off:g}")
    name = torch.cuda.get_device_name(0) if device == "cuda" else "Apple GPU"
    return Outcome(True, f"{name} computes correctly ({time.perf_counter() - started:.1f} s).", "ok")


def why_failed(error: Exception) -> Outcome:
    """The sentence for an error of torch."""
    text = str(error).lower()
    if "out of memory" in text or "alloc_failed" in text:
        return Outcome(False, "The GPU's memory is full. Close other programs that use it, then test again.", "memory",
                       _told(error))
    if "no kernel image" in text or "not compatible with the current pytorch" in text:
        return Outcome(False, "This graphics card is too old for the installed PyTorch. Install an older build of "
                              "PyTorch, or use the processor.", "old-card", _told(error))
    if "driver" in text and ("too old" in text or "insufficient" in text):
        return Outcome(False, "The graphics driver is too old for the installed PyTorch. Update the driver.",
                       "old-driver", _told(error))
    return Outcome(False, "The GPU could not compute. Update the graphics driver, or install PyTorch again.", "crash",
                   _told(error))


def _told(error: Exception) -> str:
    return anonymous(f"{type(error).__name__}: {error}")[:4000]


def main() -> int:
    """Test and print the sentence, or with --json one JSON object."""
    outcome = try_gpu()
    print(json.dumps(asdict(outcome)) if "--json" in sys.argv[1:] else outcome.sentence)
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    sys.exit(main())

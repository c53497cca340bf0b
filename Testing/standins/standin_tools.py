"""Tools that do what a tool may do wrong, or right, in a child process; not part of the product."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.geometry import Box
from synthetic_imaging.mask import Mask
from synthetic_imaging.parameters import Within
from synthetic_imaging.points import Points
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.table import Column, Table
from synthetic_imaging.tool import CT, At, Kind, Output, Outputs, Segments, tool
from synthetic_imaging.volume import Volume


@dataclass(frozen=True)
class Behaviour:
    """How to behave."""

    how: str = "well"
    steps: Annotated[int, Within(1, 100000)] = 10
    shift: Annotated[float, Within(-100, 100)] = 5.0


@tool("standin.everything", title="Stand-in", sentence="Returns one of each kind.", reference="none",
      inputs=[CT("ct", "CT volume"), Segments("organ", "Organ", same_grid_as="ct"), At("at", "Where", required=False)],
      outputs=[Output("volume", Kind.VOLUME, like="ct", edits=True), Output("lesions", Kind.MASK, like="ct"),
               Output("growth", Kind.SEQUENCE), Output("masks", Kind.SEQUENCE), Output("table", Kind.TABLE)])
def everything(ct: Volume, organ: Mask, at: Points | None, parameters: Behaviour, run: Run) -> Outputs:
    print("a tool may print what it likes")
    os.write(1, b"even from compiled code\n")
    inside = organ.inside()
    noise = run.rng.normal(parameters.shift, 3.0, ct.shape) * inside
    for step in range(parameters.steps):
        run.progress((step + 1) / (parameters.steps + 1), f"step {step // 5}")
    run.note("A note from the stand-in.")
    box = Box((0, 0, 0), ct.shape)
    volume = ct.adding(noise, box)
    table = Table((Column("name", "Name"), Column("value", "Value", "HU"), Column("none", "Nothing")),
                  (("a", float(np.float64(0.1)), None), ("b", -1.5e-300, None)))
    return Outputs(volume=volume, lesions=organ, growth=Sequence((ct, volume), (0.0, 2.5), "day", "d"),
                   masks=Sequence((organ, organ), (0.0, 1.0)), table=table)


@tool("standin.misbehaving", title="Misbehaving stand-in", sentence="Ends badly.", reference="none",
      inputs=[CT("ct", "CT volume")], outputs=[Output("volume", Kind.VOLUME, like="ct", edits=True)])
def misbehaving(ct: Volume, parameters: Behaviour, run: Run) -> Outputs:
    run.progress(0.1, parameters.how)
    if parameters.how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if parameters.how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if parameters.how == "exit":
        os._exit(7)
    if parameters.how == "memory":
        raise MemoryError
    if parameters.how == "bug":
        raise ValueError("an unforeseen thing")
    if parameters.how == "polite":
        for step in range(2000):
            run.progress(0.1 + step / 4000, "waiting")
            time.sleep(0.01)
    if parameters.how == "rude":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        time.sleep(60)
    if parameters.how == "talkative":
        for step in range(20000):
            run.progress(step / 20000, "talking")
        sys.stderr.write("x" * 3_000_000)
    return Outputs(volume=ct)

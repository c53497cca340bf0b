"""Tools about MR sequences that a catalogue may or may not hold: declared, never run; not part of the product."""

from __future__ import annotations

from dataclasses import dataclass

from synthetic_imaging.context import Run
from synthetic_imaging.mask import Mask
from synthetic_imaging.tool import Image, Kind, Output, Outputs, Segments, tool
from synthetic_imaging.volume import Volume


@dataclass(frozen=True)
class Settings:
    """Something to choose."""

    steps: int = 20


@tool("sequences.synthesise", title="Learned sequence", sentence="A network fills in.", reference="none",
      inputs=[Image(name, name, required=False) for name in ("flair", "t1w", "t2w", "pd")],
      outputs=[Output("volume", Kind.VOLUME), Output("uncertainty", Kind.VOLUME), Output("domain", Kind.TABLE)])
def learned(
    flair: Volume | None, t1w: Volume | None, t2w: Volume | None, pd: Volume | None, parameters: Settings, run: Run
) -> Outputs:
    raise NotImplementedError


@tool("sequences.lesions", title="List lesions", sentence="Finds lesions.", reference="none",
      inputs=[Image("flair", "FLAIR"), Image("second", "DIR", required=False),
              Segments("lesions", "Lesions", required=False)],
      outputs=[Output("mask", Kind.MASK, "Lesions"), Output("table", Kind.TABLE, "Lesions")])
def lesions(flair: Volume, second: Volume | None, lesions: Mask | None, parameters: Settings, run: Run) -> Outputs:
    raise NotImplementedError

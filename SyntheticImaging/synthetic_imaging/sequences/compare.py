"""The tool: what has changed in a brain between two visits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.mask import Mask
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within
from synthetic_imaging.sequences.alignment import LEAST_LIKENESS
from synthetic_imaging.sequences.brain_mask import brain_mask
from synthetic_imaging.sequences.change import Candidate, candidates, change_between, matched
from synthetic_imaging.sequences.checks import check_brain, check_slices
from synthetic_imaging.sequences.halfway import halfway
from synthetic_imaging.sequences.header_names import contrast_by_headers, name_of
from synthetic_imaging.sequences.protocols import Contrast
from synthetic_imaging.sequences.shading import evened
from synthetic_imaging.table import Column, Table
from synthetic_imaging.terminology import organ_segment
from synthetic_imaging.tool import Image, Kind, Output, Outputs, tool
from synthetic_imaging.volume import Volume

_MOST = 200
# Their noise is that of their inputs, enlarged here and smoothed there, and changes from visit to visit.
_COMPUTED_BY = ("sequences.fit", "sequences.synthesise")


@dataclass(frozen=True)
class ComparedVisits:
    """What counts as a change."""

    threshold: Annotated[
        float, Label("Least score"), Within(2.0, 20.0),
        Help("A change through what noise and edges alone make of it. Lower finds more, and more that is nothing."),
    ] = 4.5
    least_ml: Annotated[float, Label("Least volume"), Unit("ml"), Within(0.001, 5.0)] = 0.015
    even_brightness: Annotated[
        bool, Label("Even out brightness"), Help("Takes off each coil's shading (N4) first."), Advanced,
    ] = True


def _memory(inputs: Mapping[str, Any], parameters: Any) -> int:
    del parameters
    return 300_000_000 + 160 * max(int(inputs[name].voxels.size) for name in ("before", "after"))


@tool(
    "sequences.compare",
    title="Compare two visits",
    sentence="Aligns the same sequence of two visits halfway, matches brightness, subtracts, and lists what has become "
    "brighter or darker in the brain.",
    reference="Halfway registration after Smith et al. (NeuroImage 2002); differential bias correction after Lewis and "
    "Fox (NeuroImage 2004)",
    inputs=[
        Image("before", "First visit", modality="MR",
              help="FLAIR or DIR, as acquired: a computed one shows changes that are none."),
        Image("after", "Second visit", modality="MR", help="The same sequence of the same patient."),
    ],
    outputs=[
        Output("difference", Kind.VOLUME, "Change", like="before"),
        Output("first", Kind.VOLUME, "First visit, aligned", like="before"),
        Output("second", Kind.VOLUME, "Second visit, aligned and matched", like="before"),
        Output("places", Kind.MASK, "Places that have changed", like="before", optional=True),
        Output("table", Kind.TABLE, "Places that have changed"),
    ],
    memory_bytes=_memory,
    limits="Candidates, not findings: motion, flow and wrong registration change brightness too. It does not tell a "
    "new lesion from a grown one, and sees only what one sequence shows.",
)
def compare(before: Volume, after: Volume, parameters: ComparedVisits, run: Run) -> Outputs:
    """Align halfway, match, subtract, list."""
    geometry = before.geometry
    for volume, label in ((before, "first visit"), (after, "second visit")):
        check_slices(volume, label)
        if volume.provenance is not None and volume.provenance.tool in _COMPUTED_BY:
            run.note(f"The {label} was computed, not acquired: most places listed may not have changed at all. Compare "
                     "the FLAIR or DIR that the scanner acquired.")
    kinds = [contrast_by_headers(volume) for volume in (before, after)]
    if kinds[0] and kinds[1] and name_of(kinds[0]) != name_of(kinds[1]):
        raise InputError(f"The headers of the first visit are those of a {name_of(kinds[0])}, of the second those of a "
                         f"{name_of(kinds[1])}. Choose the same sequence of both visits.")
    run.progress(0.02, "align halfway")
    both = halfway(_positive(before), _positive(after))
    run.note(f"The head had moved by {both.shift_mm:.1f} mm and turned by {both.turn_degrees:.1f} degrees.")
    if both.likeness < LEAST_LIKENESS:
        raise InputError(f"The two visits do not fit each other (likeness {both.likeness:.2f}; {LEAST_LIKENESS:.2f} "
                         "is the least). Are they of one patient, and the same part of the body?")
    run.progress(0.45, "match brightness")
    first, second = (np.maximum(image, 0) for image in (both.before, both.after))
    if parameters.even_brightness:
        first, second = evened(first, geometry), evened(second, geometry)
    run.progress(0.7, "find the brain")
    brain = brain_mask(first, geometry) & both.inside
    if np.count_nonzero(brain) < 1000:
        raise InputError("The two visits hardly overlap in the brain.")
    shown = Volume(first.astype(np.float32), geometry, modality="MR", dicom=before.dicom)
    check_brain(shown, brain, kinds[0] or Contrast.FLAIR, "first visit", run)
    second = matched(first, second, brain, geometry)
    run.progress(0.8, "subtract")
    change = change_between(first, second, brain, geometry)
    labels, listed = candidates(change, first, brain, geometry, threshold=parameters.threshold,
                                least_ml=parameters.least_ml)
    if len(listed) > _MOST:
        run.note(f"{len(listed)} places have changed: the two visits differ throughout. Check that both are the same "
                 "sequence.")
    typical = float(np.median(first[brain]))
    scale = 1000 / max(typical, 1e-9)
    difference = np.where(brain, change.difference, 0) * scale
    outputs: dict[str, Any] = {
        "difference": before.like(np.asarray(difference, np.float32), name="Change", quantity="change", unit="",
                                  window=(0.0, 800.0), dicom=None),
        "first": _shown(before, first * scale, "First visit, aligned"),
        "second": _shown(before, second * scale, "Second visit, aligned"),
        "table": _table(listed),
    }
    if listed:
        outputs["places"] = _places(labels, listed, geometry)
    return Outputs(**outputs)


def _positive(volume: Volume) -> Volume:
    return volume.like(np.maximum(volume.voxels.astype(np.float32), 0), dicom=None)


def _shown(like: Volume, voxels: Any, name: str) -> Volume:
    return like.like(np.asarray(voxels, np.float32), name=name, quantity="signal", unit="", window=(800.0, 1600.0),
                     dicom=None)


def _places(labels: Any, listed: Any, geometry: Any) -> Mask:
    kinds = {"new or grown": 1, "faded": 2}
    lookup = np.zeros(len(listed) + 1, np.uint8)
    for place in listed:
        lookup[place.label] = kinds[place.kind]
    layer = lookup[labels]
    segments = tuple(replace(organ_segment(name), label=value, colour=colour) for name, value, colour in (
        ("new or grown", 1, (0.93, 0.33, 0.23)), ("faded", 2, (0.26, 0.56, 0.86))) if (layer == value).any())
    return Mask(layer, geometry, segments, name="Places that have changed")


def _table(listed: Any) -> Table:
    def row(place: Candidate) -> tuple[Any, ...]:
        r, a, s = (round(c, 1) for c in place.centre_ras_mm)
        return (place.label, place.kind, round(place.score, 1), round(place.volume_ml, 3), round(place.contrast, 1),
                r, a, s)

    return Table((Column("number", "Place"), Column("kind", "Change"), Column("score", "Score"),
                  Column("volume_ml", "Volume", "ml"), Column("contrast", "Brightness", "%"),
                  Column("right_mm", "R", "mm"), Column("anterior_mm", "A", "mm"), Column("superior_mm", "S", "mm")),
                 tuple(row(place) for place in listed[:_MOST]), name="places that have changed")

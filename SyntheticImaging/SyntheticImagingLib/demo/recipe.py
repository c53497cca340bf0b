"""What the demonstration makes: drawn lesions, then a growing tumour in the liver, then a kidney lesion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from synthetic_imaging.errors import InputError
from synthetic_imaging.mask import BoolArray, Mask, Segment, bounding_box
from synthetic_imaging.points import Points
from synthetic_imaging.running import Result
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.table import Table
from synthetic_imaging.terminology import organ_segment
from synthetic_imaging.volume import Volume

LESION_COLOURS = (
    (0.98, 0.84, 0.20), (0.30, 0.85, 0.95), (0.98, 0.55, 0.20), (0.55, 0.90, 0.40), (0.95, 0.45, 0.75),
    (0.70, 0.60, 1.00), (0.95, 0.95, 0.75), (0.45, 0.95, 0.80),
)
TUMOUR_COLOUR, NECROSIS_COLOUR = (0.93, 0.20, 0.25), (0.45, 0.20, 0.50)

RasPoint = tuple[float, float, float]
Runner = Callable[[str, Mapping[str, Any], Mapping[str, Any], int, str], Result]


@dataclass(frozen=True)
class Step:
    """One tool of the chain: what is run, in which organ, with what; where, once chosen, and how much room it needs."""

    tool: str
    organ: str
    parameters: Mapping[str, Any]
    seed: int
    sentence: str
    at: tuple[RasPoint, ...] = ()
    room_mm: float = 0.0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Made:
    """Everything the demonstration made.

    Attributes:
        source: the CT as it was.
        organs: all organs of the CT.
        synthetic: the CT after all steps.
        lesions: organs, lesions, tumour and necrosis, over all steps.
        growth, growth_lesions: the growing tumour.
        measurements: one row a lesion.
        steps: what was run, with points and times filled in.
    """

    source: Volume
    organs: Mask
    synthetic: Volume
    lesions: Mask
    growth: Sequence
    growth_lesions: Sequence
    measurements: Table
    steps: tuple[Step, ...]

    def lesion_names(self) -> tuple[str, ...]:
        """Names of lesions and tumour, without organs and necrosis."""
        organs = {s.organ for s in self.steps}
        return tuple(n for n in self.lesions.names if n not in organs and n != "necrosis")


def steps_for(organs: Mask, seed: int) -> tuple[Step, ...]:
    """The chain for a CT with these organs.

    Raises:
        InputError: if it has no liver.
    """
    kidney = next((n for n in ("kidney_left", "kidney_right") if n in organs.names), None)
    if "liver" not in organs.names:
        raise InputError("The sample CT has no liver label; the demonstration needs one.")
    chain = [
        Step("lesions.handcrafted", "liver", {"size": "medium", "count": 1}, seed,
             "One medium, drawn lesion in the liver.", room_mm=22.0),
        Step("lesions.handcrafted", "liver", {"size": "small", "count": 3, "contrast_hu": -40.0}, seed + 1,
             "Three small, drawn lesions in the liver.", room_mm=14.0),
        Step("lesions.automaton", "liver", {"steps": 80, "frames": 12, "necrosis": "always"}, seed + 2,
             "A tumour that grows in the liver, deep in free tissue."),
    ]
    if kidney:
        side = kidney.split("_")[1]
        chain.append(Step("lesions.handcrafted", kidney, {"diameter_mm": 18.0, "count": 1}, seed + 3,
                          f"One drawn lesion in the {side} kidney."))
    return tuple(chain)


def make(ct: Volume, organs: Mask, seed: int, run: Runner) -> Made:
    """Run the chain: each step takes the volume the step before made.

    Args:
        ct: the source.
        organs: its organs.
        seed: of the first step; the others count on from it.
        run: runs a tool: (tool id, inputs, parameters, seed, sentence) -> result.
    """
    volume = ct
    parts: dict[str, tuple[Segment, BoolArray]] = {}
    done: list[Step] = []
    growth: Sequence | None = None
    growth_lesions: Sequence | None = None
    numbers: dict[str, int] = {}
    for step in steps_for(organs, seed):
        organ = organs.only(step.organ)
        step = replace(step, at=_places(step, organ.inside(), [a for _, a in parts.values()], ct))
        inputs: dict[str, Any] = {"ct": volume, "organ": organ}
        inputs["at"] = Points(np.array(step.at), name="places")
        result = run(step.tool, inputs, step.parameters, step.seed, step.sentence)
        volume = result.outputs.volume
        short = step.organ.split("_")[0]
        for segment in result.outputs.lesions.segments[1:]:
            name = segment.name
            if name.startswith("lesion"):
                numbers[short] = numbers.get(short, 0) + 1
                name = f"{short} lesion {numbers[short]}"
                colour = LESION_COLOURS[len(parts) % len(LESION_COLOURS)]
            else:
                colour = NECROSIS_COLOUR if name == "necrosis" else TUMOUR_COLOUR
            inside = result.outputs.lesions.inside(segment.name)
            parts[name] = (replace(segment, name=name, colour=colour, id=""), inside)
        if "growth" in result.outputs:
            growth, growth_lesions = result.outputs.growth, result.outputs.growth_lesions
        done.append(replace(step, seconds=result.seconds, notes=result.notes))
    assert growth is not None and growth_lesions is not None
    used = list(dict.fromkeys(s.organ for s in done))
    segments = [(organ_segment(name), organs.inside(name)) for name in used]
    lesions = Mask.stacked([*segments, *parts.values()], ct.geometry, name="lesions", provenance=volume.provenance)
    table = _measured(volume, lesions, used, run)
    return Made(
        ct, organs, replace(volume, name=f"{ct.name} with synthetic lesions", window=ct.window), lesions,
        _named(growth, "growth", ct), _named(growth_lesions, "growth lesions", ct), table, tuple(done),
    )


def _places(step: Step, inside: BoolArray, taken: list[BoolArray], ct: Volume) -> tuple[RasPoint, ...]:
    # Written down in the report: whoever repeats a step by itself gets the same lesion at the same place.
    if step.tool == "lesions.automaton":
        return (deepest_free_point(inside, taken, ct),)
    if step.organ.startswith("kidney"):
        return (brightest_point(inside, ct),)
    rng = np.random.default_rng(step.seed)
    return free_points(inside, taken, ct, int(step.parameters["count"]), step.room_mm, rng)


def deepest_free_point(inside: BoolArray, taken: list[BoolArray], ct: Volume) -> RasPoint:
    """The point of an organ farthest from its surface and from what is already in it, RAS mm."""
    depth = _depth_mm(inside, taken, ct)
    return _ras(ct, np.array(np.unravel_index(int(depth.argmax()), depth.shape)) * _STRIDE)


def free_points(
    inside: BoolArray, taken: list[BoolArray], ct: Volume, count: int, room_mm: float, rng: np.random.Generator
) -> tuple[RasPoint, ...]:
    """Random points of an organ with ``room_mm`` to its surface and to what is in it, and twice that apart."""
    depth = _depth_mm(inside, taken, ct)
    places = np.argwhere(depth >= min(room_mm, 0.8 * float(depth.max()))) * _STRIDE
    ras = ct.geometry.ras_from_kji(places)
    chosen: list[RasPoint] = []
    for _ in range(count):
        pick = int(rng.integers(len(ras)))
        chosen.append(_ras(ct, places[pick]))
        apart = np.linalg.norm(ras - ras[pick], axis=1) >= 2 * room_mm
        if apart.any():
            places, ras = places[apart], ras[apart]
    return tuple(chosen)


# A quarter of the columns and rows is enough to find room, and sixteen times as fast.
_STRIDE = np.array((1, 4, 4))


def _depth_mm(inside: BoolArray, taken: list[BoolArray], ct: Volume) -> Any:
    from scipy import ndimage

    free = inside.copy()
    for other in taken:
        free &= ~other
    coarse = np.pad(free[:, ::4, ::4], 1)
    sampling = np.array(ct.geometry.spacing_kji_mm) * _STRIDE
    return ndimage.distance_transform_edt(coarse, sampling=sampling)[1:-1, 1:-1, 1:-1]


def _ras(ct: Volume, kji: Any) -> RasPoint:
    r, a, s = (round(float(x), 1) for x in ct.geometry.ras_from_kji(kji))
    return (r, a, s)


def brightest_point(inside: BoolArray, ct: Volume) -> RasPoint:
    """The middle of the brightest parenchyma, RAS mm: in a kidney neither its pelvis nor a cyst it may have."""
    from scipy import ndimage

    box = bounding_box(inside)
    part = inside[box.slices]
    weight = part.astype(np.float32)
    values = np.clip(ct.voxels[box.slices], -100, 300).astype(np.float32) * weight
    sigma = [5.0 / s for s in ct.geometry.spacing_kji_mm]
    near = ndimage.gaussian_filter(weight, sigma)
    mean = ndimage.gaussian_filter(values, sigma) / np.maximum(near, 1e-3)
    mean[~part | (near < 0.6)] = -np.inf
    place = np.array(np.unravel_index(int(mean.argmax()), mean.shape)) + np.array(box.start)
    return _ras(ct, place)


def _measured(volume: Volume, lesions: Mask, organs: list[str], run: Runner) -> Table:
    tables = []
    for organ in organs:
        short = organ.split("_")[0]
        names = [n for n in lesions.names if n.startswith(f"{short} lesion")]
        if organ == "liver":
            names += [n for n in ("tumour", "necrosis") if n in lesions.names]
        inputs = {"volume": volume, "lesions": lesions.only(*names), "organ": lesions.only(organ)}
        result = run("lesions.measure", inputs, {}, 0, f"Measure the lesions of the {short}.")
        tables.append(result.outputs.measurements)
    kept = max(tables, key=len)
    rows = tuple(row for table in tables for row in table.rows)
    return replace(kept, rows=rows, name="lesion measurements")


def _named(sequence: Sequence, name: str, ct: Volume) -> Sequence:
    frames: list[Volume | Mask] = []
    for frame in sequence.frames:
        if isinstance(frame, Volume):
            frames.append(replace(frame, name=name, window=ct.window))
        else:
            frames.append(replace(frame, name=name, segments=_coloured(frame)))
    return replace(sequence, frames=tuple(frames), name=name)


def _coloured(mask: Mask) -> tuple[Segment, ...]:
    colours = {"tumour": TUMOUR_COLOUR, "necrosis": NECROSIS_COLOUR}
    return tuple(replace(s, colour=colours.get(s.name, s.colour)) for s in mask.segments)

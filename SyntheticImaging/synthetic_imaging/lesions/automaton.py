"""Grow a tumour in an organ by a cellular automaton, at any stage and as a sequence (Lai et al. 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Box
from synthetic_imaging.lesions.growth import DensityRule, Growth
from synthetic_imaging.lesions.organ import as_one_segment, check_modality, organ_title, read_organ
from synthetic_imaging.lesions.presets import APPEARANCE, Appearance, OrganPreset, preset_for
from synthetic_imaging.mask import Mask, Segment
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within
from synthetic_imaging.points import Points
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.tool import CT, At, Kind, Output, Outputs, Segments, tool
from synthetic_imaging.volume import Volume, add_inside

if TYPE_CHECKING:
    from synthetic_imaging.lesions.growth_field import Cells
    from synthetic_imaging.lesions.placement import OrganSurvey

BoolArray = npt.NDArray[np.bool_]


class Necrosis(str, Enum):
    """Whether the core dies once the tumour is large (about 2 cm)."""

    AUTOMATIC = "automatic"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class GrownTumour:
    """Steps, starts, satellites, tissue levels and death: Lai et al. 2024."""

    steps: Annotated[
        int, Label("Age of the tumour"), Unit("steps"), Within(5, 300),
        Help("In soft tissue 50 steps make about 2 cm, 100 steps 4 cm, 150 steps 6 cm."),
    ] = 60
    organ_preset: Annotated[
        OrganPreset, Label("Kind of organ"), Help("Automatic goes by the segment's name.")
    ] = OrganPreset.AUTOMATIC
    starts: Annotated[int, Label("Number of tumours"), Within(1, 9)] = 1
    satellites: Annotated[
        bool | None, Label("Satellites around it"), Help("Automatic: in one of three tumours, 3 to 9 within 1 cm.")
    ] = None
    necrosis: Annotated[
        Necrosis, Label("Dead core"), Help("Automatic: in half of the tumours that are larger than about 2 cm.")
    ] = Necrosis.AUTOMATIC
    contrast_hu: Annotated[
        float | None, Label("Contrast to organ"), Unit("HU"), Within(-400.0, 400.0),
        Help("Of the living tumour; negative is darker. Automatic fits the organ and its contrast phase."),
    ] = None
    frames: Annotated[
        int, Label("Pictures of the growth"), Within(2, 60),
        Help("Stages in the growth sequence, the last is the result."),
    ] = 12
    density_rule: Annotated[
        DensityRule, Label("Dense tissue slows growth"), Advanced,
        Help("'intended' as the publication describes; 'released' as its program does, where it has no effect."),
    ] = DensityRule.INTENDED
    soft_tissue_hu: Annotated[
        float | None, Label("Softest tissue starts at"), Unit("HU"), Within(-1100.0, 1000.0), Advanced,
        Help("Lower end of the three density levels. Automatic: 100 HU, 140 in the kidney, shifted with the phase."),
    ] = None
    vessel_hu: Annotated[
        float | None, Label("Vessels start at"), Unit("HU"), Within(-1000.0, 1500.0), Advanced,
        Help("From here up tissue is a barrier. Automatic: 160 HU, 200 in the kidney, shifted with the phase."),
    ] = None


def memory_bytes(inputs: Mapping[str, Any], parameters: Any) -> int:
    """A copy of the volume and label layers, 16 bytes a reachable cell, and the growth frames."""
    ct, organ = inputs["ct"], inputs["organ"]
    organ_mm3 = float(np.prod(organ.box.shape)) * ct.geometry.voxel_volume_mm3
    side = 0.64 * parameters.steps + 40.0
    cells = organ_mm3 if parameters.starts > 1 else min(organ_mm3, side**3)
    frame = min(1.0, (0.55 * parameters.steps + 40.0) ** 3 / (ct.voxels.size * ct.geometry.voxel_volume_mm3))
    return int(
        ct.voxels.nbytes * (1 + parameters.frames * frame) + 3 * ct.voxels.size + 45 * cells + 100_000_000
    )


@tool(
    "lesions.automaton",
    title="Grow a tumour",
    sentence="Grows a tumour cell by cell in an organ: slower in dense tissue, around vessels, with a dead core once "
    "large; any stage, and the whole growth as a sequence.",
    reference="Lai et al., From Pixel to Cancer: Cellular Automata in Computed Tomography, MICCAI 2024; Chen et al., "
    "Analyzing Tumors by Synthesis, Springer 2025, chapter 5",
    inputs=[
        CT("ct", "CT volume"),
        Segments("organ", "Organ", same_grid_as="ct"),
        At("at", "Where", required=False, help="One point for each tumour; anywhere in the organ when left out."),
    ],
    outputs=[
        Output("volume", Kind.VOLUME, "Volume with the tumour", like="ct", edits=True),
        Output("lesions", Kind.MASK, "Organ, tumour and dead core", like="ct"),
        Output("growth", Kind.SEQUENCE, "Growth: image"),
        Output("growth_lesions", Kind.SEQUENCE, "Growth: tumour"),
    ],
    memory_bytes=memory_bytes,
    limits="Growth stops at the organ's surface. A step is not a day: the publication gives no time scale.",
)
def automaton(ct: Volume, organ: Mask, at: Points | None, parameters: GrownTumour, run: Run) -> Outputs:
    """Grow a tumour; see `GrownTumour`."""
    from synthetic_imaging.lesions.tumour_look import TumourLook

    name = organ_title(organ)
    preset = preset_for(parameters.organ_preset, organ.names[0])
    appearance = APPEARANCE[preset]
    check_modality(ct, preset, None)
    run.progress(0.01, "organ")
    survey = read_organ(ct, organ, None, preset, 15.0, run)
    run.progress(0.04, "tissue")
    places = _starts(survey, parameters, at, name, run)
    cells = _cells(ct, survey, places, parameters.steps)
    _quantify(cells, survey, appearance, parameters, name, run)
    growth = _seeded(cells, places, parameters, run)
    stages = _grow(growth, parameters, run.part(0.08, 0.35))
    onset = _necrosis(growth, appearance, parameters, run)
    final = stages[-1][1]
    look = TumourLook.drawn(cells, final, survey, appearance, parameters.contrast_hu, run.rng)
    box = _within(cells.box_of(final > 0, ct.geometry, 4.0), survey.box)
    frame_box = cells.box_of(final > 0, ct.geometry, 20.0)
    volumes, masks = [], []
    change: npt.NDArray[np.float32] | None = None
    tumour = dead = np.zeros(box.shape, dtype=np.bool_)
    base = ct.cropped(frame_box)
    for number, (step, population) in enumerate(stages):
        run.progress(0.35 + 0.6 * number / len(stages), f"picture {number + 1} of {len(stages)}")
        dying = _dead_at(onset, population, step, parameters.steps, appearance)
        change, tumour, dead = look.render(ct, survey, cells, population, dying, box)
        picture = base.voxels.copy()
        add_inside(picture, change, _shifted(box, frame_box))
        volumes.append(base.like(picture, name=f"{ct.name}, step {step}"))
        masks.append(_mask(organ, base.geometry, organ.inside(box=frame_box), tumour, dead, _shifted(box, frame_box)))
    if change is None or not tumour.any():
        raise InputError(
            f"The tumour does not fill half a voxel of the CT: it is too young, or the {name} is too thin there. "
            f"Choose more than {parameters.steps} steps, or another place."
        )
    run.progress(0.97, "result")
    return Outputs(
        volume=ct.adding(change, box, name=f"{ct.name} with a tumour"),
        lesions=_mask(organ, ct.geometry, organ.inside(), tumour, dead, box),
        growth=Sequence(tuple(volumes), tuple(s for s, _ in stages), "step", "", f"growth in the {name}"),
        growth_lesions=Sequence(tuple(masks), tuple(s for s, _ in stages), "step", "", f"tumour in the {name}"),
    )


def _starts(
    survey: OrganSurvey, parameters: GrownTumour, at: Points | None, name: str, run: Run
) -> list[npt.NDArray[np.float64]]:
    """Where the tumours start (RAS mm)."""
    from synthetic_imaging.lesions.placement import place_asked_for

    if at is not None:
        if len(at) > 9:
            raise InputError(f"{len(at)} places are too many; at most 9 tumours can grow at once.")
        if parameters.starts not in (1, len(at)):
            given = "1 place was" if len(at) == 1 else f"{len(at)} places were"
            run.note(f"{given} given, so as many tumours grow, not {parameters.starts}.")
        return [place_asked_for(survey, place, name) for place in at.ras_mm]
    places: list[npt.NDArray[np.float64]] = []
    radius = 0.16 * parameters.steps
    for _ in range(parameters.starts):
        found = survey.random_place(
            min(radius, 15.0), [(p, min(radius, 15.0)) for p in places], True, run.rng
        )
        if found is None:
            found = survey.any_place(run.rng)
        places.append(found)
    return places


def _cells(ct: Volume, survey: OrganSurvey, places: list[npt.NDArray[np.float64]], steps: int) -> Cells:
    """Cells over all that the tumours can reach: the front moves about a fifth of a millimetre per step."""
    from synthetic_imaging.lesions.growth_field import Cells

    reach = 0.32 * steps + 16.0
    low, high = np.min(places, axis=0) - reach, np.max(places, axis=0) + reach
    return Cells.over(ct.voxels, survey.inside, ct.geometry, survey.box, low, high)


def _quantify(
    cells: Cells, survey: OrganSurvey, appearance: Appearance, parameters: GrownTumour, name: str, run: Run
) -> None:
    """Density levels: published HU where they fit this organ, else shifted to it."""
    low, vessel = appearance.tissue_hu
    if not low <= survey.median <= low + 2 / 3 * (vessel - low):
        tissue = cells.tissue[cells.level > 0]
        top = float(np.percentile(tissue, 98)) if tissue.size else survey.median
        low, vessel = survey.median - 10.0, max(survey.median + 50.0, top)
        if parameters.soft_tissue_hu is None and parameters.vessel_hu is None:
            run.note(
                f"The {name} measures {survey.median:.0f} HU, not what the publication's portal phase has; its "
                f"density levels were moved to {low:.0f} to {vessel:.0f} HU."
            )
    low = parameters.soft_tissue_hu if parameters.soft_tissue_hu is not None else low
    vessel = parameters.vessel_hu if parameters.vessel_hu is not None else max(vessel, low + 3.0)
    if vessel <= low:
        raise InputError(f"Vessels ({vessel:.0f} HU) must start above the softest tissue ({low:.0f} HU).")
    cells.quantify(low, vessel)


def _seeded(
    cells: Cells, places: list[npt.NDArray[np.float64]], parameters: GrownTumour, run: Run
) -> Growth:
    """The automaton with its starts and satellites."""
    growth = Growth(cells.level, run.rng, parameters.density_rule)
    tissue = np.argwhere((cells.level >= 1) & (cells.level <= 3))
    if tissue.size == 0:
        raise InputError("There is no soft tissue at this place: all of it counts as vessel. Raise 'Vessels start at'.")
    for place in places:
        cell = cells.cell_at(place)
        if not growth.start(cell):
            # A click on a vessel, or on a voxel that the 1 mm cells miss: the nearest tissue takes the seed.
            nearest = tissue[np.argmin(((tissue - np.array(cell)) ** 2).sum(axis=1))]
            growth.start(nearest)
        chance = run.rng.random() < 1 / 3
        if parameters.satellites if parameters.satellites is not None else chance:
            for offset in run.rng.integers(-10, 11, size=(int(run.rng.integers(3, 10)), 3)):
                growth.start(np.array(cell) + offset)
    return growth


def _grow(growth: Growth, parameters: GrownTumour, run: Run) -> list[tuple[int, npt.NDArray[np.uint8]]]:
    """States at evenly spaced steps, the last at the end; one step more is run, as published."""
    first = 5 if parameters.steps >= 10 else 1  # a young tumour would have a single picture
    marks = sorted({round(float(s)) for s in np.linspace(first, parameters.steps, parameters.frames)})
    stages = []
    for mark in marks:
        while growth.steps < mark + 1:
            growth.advance(min(10, mark + 1 - growth.steps))
            run.progress((growth.steps / (parameters.steps + 1)) ** 3, f"growth, step {growth.steps}")
        stages.append((mark, growth.population))
    return stages


def _necrosis(
    growth: Growth, appearance: Appearance, parameters: GrownTumour, run: Run
) -> npt.NDArray[np.int16] | None:
    """When cells die, or None."""
    chance = run.rng.random() < 0.5
    if parameters.necrosis is Necrosis.NEVER or parameters.steps <= appearance.necrosis_after_steps:
        if parameters.necrosis is Necrosis.ALWAYS:
            run.note(f"No dead core: the tumour is younger than {appearance.necrosis_after_steps} steps (about 2 cm).")
        return None
    return growth.die() if parameters.necrosis is Necrosis.ALWAYS or chance else None


def _dead_at(
    onset: npt.NDArray[np.int16] | None, population: npt.NDArray[np.uint8], step: int, last: int,
    appearance: Appearance,
) -> BoolArray:
    """Cells that are dead at a stage: death sets in after the threshold and spreads until the last step.

    A cell once dead stays so, and only full cells are dead: the core grows with the slider, the rim lives.
    """
    if onset is None:
        return np.zeros(population.shape, dtype=np.bool_)
    rounds = last // 7 + 1
    threshold = appearance.necrosis_after_steps
    reached = rounds * (step - threshold) / max(1, last - threshold)
    return np.asarray((onset >= 0) & (onset <= reached) & (population == 10) & (step > threshold))


def _within(box: Box, organ_box: Box) -> Box:
    start = tuple(max(a, b) for a, b in zip(box.start, organ_box.start, strict=True))
    stop = tuple(min(a, b) for a, b in zip(box.stop, organ_box.stop, strict=True))
    return Box(start, stop)  # type: ignore[arg-type]


def _shifted(box: Box, frame: Box) -> Box:
    """The box in the coordinates of a crop."""
    start = tuple(a - o for a, o in zip(box.start, frame.start, strict=True))
    stop = tuple(b - o for b, o in zip(box.stop, frame.start, strict=True))
    return Box(start, stop)  # type: ignore[arg-type]


def _mask(organ: Mask, geometry: Any, inside: BoolArray, tumour: BoolArray, dead: BoolArray, box: Box) -> Mask:
    """Organ, tumour (its dead core included: no hole) and dead core, each in its own layer."""
    from synthetic_imaging.terminology import necrosis_segment, tumour_segment

    name = organ_title(organ)
    layers = np.zeros((3 if dead.any() else 2, *geometry.shape), dtype=np.uint8)
    layers[0] = inside
    layers[(1, *box.slices)] = tumour
    segments: list[Segment] = [as_one_segment(organ)]
    segments.append(_renamed(replace(tumour_segment(name), label=1, layer=1), name))
    if dead.any():
        layers[(2, *box.slices)] = dead
        segments.append(_renamed(replace(necrosis_segment(), label=1, layer=2), name))
    return Mask(layers, geometry, tuple(segments), name=f"{name} with tumour")


def _renamed(segment: Segment, organ_name: str) -> Segment:
    """The segment, "tumour 2" when it grows in an organ that is called "tumour" itself."""
    return replace(segment, name=f"{segment.name} 2") if segment.name == organ_name else segment

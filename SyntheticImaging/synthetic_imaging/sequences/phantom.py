"""The tool: a brain with multiple sclerosis as every sequence shows it, with the truth beside it; a phantom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Any

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.mask import Mask
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within
from synthetic_imaging.sequences.protocols import Contrast, sequence_of
from synthetic_imaging.table import Cell, Column, Table
from synthetic_imaging.terminology import organ_segment
from synthetic_imaging.tool import Kind, Output, Outputs, tool
from synthetic_imaging.volume import Volume


class Visit(str, Enum):
    """Of one patient, that is of one seed."""

    FIRST = "first"
    SECOND = "second, a year later"


@dataclass(frozen=True)
class BrainPhantom:
    """Which brain, and how it is scanned; what is left automatic is drawn from the seed."""

    spacing_mm: Annotated[float, Label("Voxel size"), Unit("mm"), Within(0.8, 4.0)] = 2.0
    slice_mm: Annotated[
        float | None, Label("Slice thickness"), Unit("mm"), Within(0.8, 6.0), Help("As the voxel size, if empty."),
    ] = None
    lesions: Annotated[int | None, Label("Number of lesions"), Within(0, 100)] = None
    visit: Annotated[
        Visit, Label("Visit"), Help("Between two visits some lesions grow, some shrink, some are new."),
    ] = Visit.FIRST
    ventricles: Annotated[
        float | None, Label("Ventricles"), Within(0, 1), Help("0 average, 1 very large."), Advanced] = None
    atrophy: Annotated[float | None, Label("Atrophy"), Within(0, 1), Help("0 none, 1 wide sulci."), Advanced] = None
    field_t: Annotated[float, Label("Field strength"), Unit("T"), Within(1.5, 3.0)] = 3.0
    noise_percent: Annotated[
        float, Label("Noise"), Unit("%"), Within(0, 50), Help("Of the brain's brightest signal.")] = 2.0
    shading_percent: Annotated[float, Label("Uneven coil"), Unit("%"), Within(0, 80), Advanced] = 10.0


_SHOWN = (("flair", Contrast.FLAIR), ("t1w", Contrast.T1W), ("t2w", Contrast.T2W), ("pd", Contrast.PD),
          ("dir", Contrast.DIR))
_MAPS = (("t1_map", "T1 map", "t1_ms", "ms", (1500.0, 3000.0)), ("t2_map", "T2 map", "t2_ms", "ms", (150.0, 300.0)),
         ("density_map", "Proton density map", "proton_density", "", (0.5, 1.0)))


def _memory(inputs: Mapping[str, Any], parameters: Any) -> int:
    del inputs
    voxels = 176 * 216 * 166 / (parameters.spacing_mm**2 * (parameters.slice_mm or parameters.spacing_mm))
    return int(900_000_000 + 280 * voxels)


@tool(
    "sequences.phantom",
    title="Brain phantom with MS lesions",
    sentence="Makes a brain with multiple sclerosis as FLAIR, T1w, T2w, PD and DIR show it, with tissue maps and "
    "every lesion known.",
    reference="Anatomy: ICBM 152 average brain (Fonov et al. 2009), warped at random; relaxation times: Wansapura et "
    "al. (1999), Stanisz et al. (2005), Lu et al. (2005)",
    inputs=[],
    outputs=[
        Output("flair", Kind.VOLUME, "FLAIR"), Output("t1w", Kind.VOLUME, "T1w"), Output("t2w", Kind.VOLUME, "T2w"),
        Output("pd", Kind.VOLUME, "PD"), Output("dir", Kind.VOLUME, "DIR"), Output("t1_map", Kind.VOLUME, "T1 map"),
        Output("t2_map", Kind.VOLUME, "T2 map"), Output("density_map", Kind.VOLUME, "Proton density map"),
        Output("tissues", Kind.MASK, "Tissues"), Output("lesions", Kind.MASK, "Lesions"),
        Output("table", Kind.TABLE, "Lesions"),
    ],
    memory_bytes=_memory,
    limits="A phantom: an average brain's gyri, warped; skull, scalp and vessels are simple. No flow, no "
    "susceptibility. Needs the package nilearn, whose template it uses.",
)
def phantom(parameters: BrainPhantom, run: Run) -> Outputs:
    """Anatomy, lesions, relaxation, signals."""
    from synthetic_imaging.phantoms.brain import tissues as t
    from synthetic_imaging.phantoms.brain.anatomy import draw_anatomy
    from synthetic_imaging.phantoms.brain.drawing import draw_brain, head_grid
    from synthetic_imaging.phantoms.brain.imaging import scanned
    from synthetic_imaging.phantoms.brain.lesions import draw_lesions, follow_up, map_of, with_lesions

    p = parameters
    patient, changes, scanner = (np.random.default_rng([run.seed, n]) for n in (1, 2, 3 + (p.visit is Visit.SECOND)))
    run.progress(0.02, "average brain")
    anatomy = draw_anatomy(patient)
    anatomy = replace(anatomy, ventricles=anatomy.ventricles if p.ventricles is None else p.ventricles,
                      atrophy=anatomy.atrophy if p.atrophy is None else p.atrophy)
    brain = draw_brain(anatomy, head_grid((p.spacing_mm, p.spacing_mm, p.slice_mm or p.spacing_mm)))
    run.progress(0.5, "lesions")
    lesions = draw_lesions(brain, patient, p.lesions)
    relaxation = t.drawn_relaxation(patient, p.field_t)
    if p.visit is Visit.SECOND:
        lesions = follow_up(lesions, brain, changes)
    where = map_of(lesions, brain)
    head = scanned(with_lesions(brain, where), where, relaxation, p.field_t)
    outputs: dict[str, Any] = {}
    for at, (name, contrast) in enumerate(_SHOWN):
        run.progress(0.6 + 0.07 * at, contrast.value)
        image = head.image(sequence_of(contrast, field_t=p.field_t), scanner, noise=p.noise_percent / 100,
                           shading=float(np.log1p(p.shading_percent / 100)),
                           fat_suppressed=contrast in (Contrast.FLAIR, Contrast.DIR))
        bright = float(np.quantile(image[brain.inside], 0.995))
        outputs[name] = Volume(image * np.float32(1000 / bright), brain.geometry, modality="MR", quantity="signal",
                               name=f"{contrast.value.split(' ')[0]} (phantom)", window=(520.0, 1040.0))
    run.progress(0.96, "truth")
    maps = head.maps()
    for name, title, key, unit, window in _MAPS:
        outputs[name] = Volume(maps[key], brain.geometry, modality="MR", quantity=title.removesuffix(" map"), unit=unit,
                               name=f"{title} (phantom)", window=window)
    return Outputs(**outputs, tissues=_tissues(brain), lesions=_lesions(where, brain),
                   table=_table(lesions, where, brain))


def _tissues(brain: Any) -> Mask:
    """What most of a voxel is, or was before a lesion."""
    names = [name for name, part in brain.fractions.items() if part.max() > 0.5]
    stack = np.stack([brain.fractions[name] for name in names])
    layer = np.where(stack.max(axis=0) > 0.35, stack.argmax(axis=0) + 1, 0).astype(np.uint8)
    segments = tuple(replace(organ_segment(name), label=value) for value, name in enumerate(names, 1))
    return Mask(layer, brain.geometry, segments, name="Tissues (phantom)")


def _lesions(where: Any, brain: Any) -> Mask:
    return Mask.single(where.numbers > 0, brain.geometry, organ_segment("MS lesions"), name="Lesions (phantom)")


def _table(lesions: Any, where: Any, brain: Any) -> Table:
    voxel_ml = brain.geometry.voxel_volume_mm3 / 1000
    counts = np.bincount(where.numbers.ravel(), minlength=max((x.number for x in lesions), default=0) + 1)
    rows: list[tuple[Cell, ...]] = []
    for lesion in lesions:
        r, a, s = (round(c, 1) for c in lesion.centre_ras_mm)
        rows.append((lesion.number, lesion.region, round(lesion.diameter_mm, 1),
                     round(float(counts[lesion.number]) * voxel_ml, 4), round(lesion.severity, 2), lesion.change,
                     r, a, s))
    return Table((Column("number", "Lesion"), Column("region", "Region"), Column("diameter_mm", "Diameter", "mm"),
                  Column("volume_ml", "Volume", "ml"), Column("severity", "Severity"), Column("change", "Change"),
                  Column("right_mm", "R", "mm"), Column("anterior_mm", "A", "mm"), Column("superior_mm", "S", "mm")),
                 tuple(rows), name="lesions")

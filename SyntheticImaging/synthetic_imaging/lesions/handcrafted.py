"""Draw lesions into an organ: location, texture, shape, mass effect, capsule (Hu et al. 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.lesions.organ import as_lesion_mask, check_modality, organ_title, read_organ
from synthetic_imaging.lesions.presets import (
    APPEARANCE,
    MIX,
    SIZES,
    Appearance,
    OrganPreset,
    SizeClass,
    SizeRule,
    preset_for,
)
from synthetic_imaging.mask import Mask
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within
from synthetic_imaging.points import Points
from synthetic_imaging.tool import At, Image, Kind, Output, Outputs, Segments, tool
from synthetic_imaging.volume import Volume, add_inside


@dataclass(frozen=True)
class DrawnLesion:
    """Size classes, counts and contrast: Hu et al. 2023. Edge, lobulation and organ presets: ours, set by eye."""

    organ_preset: Annotated[
        OrganPreset, Label("Kind of organ"), Help("Automatic goes by the segment's name; 'general' works for MR too.")
    ] = OrganPreset.AUTOMATIC
    size: Annotated[
        SizeClass, Label("Size class"), Help("Nominal radius 4, 8, 16 or 32 mm; 'mix' draws several of each.")
    ] = SizeClass.SMALL
    diameter_mm: Annotated[
        float | None, Label("Diameter"), Unit("mm"), Within(2.0, 150.0),
        Help("Overrides the size class. Automatic draws it from the size class."),
    ] = None
    count: Annotated[
        int | None, Label("Number of lesions"), Within(1, 40), Help("Automatic draws it from the size class.")
    ] = None
    contrast_hu: Annotated[
        float | None, Label("Contrast to organ"), Unit("HU"), Within(-400.0, 1200.0),
        Help("Negative is darker. Automatic fits the organ and its contrast phase."),
    ] = None
    contrast_percent: Annotated[
        float | None, Label("Contrast to organ, MR"), Unit("%"), Within(-95.0, 400.0),
        Help("Of the organ's median signal; for images whose numbers have no unit. Automatic fits the organ."),
    ] = None
    avoid_vessels: Annotated[bool, Label("Stay off vessels")] = True
    capsule: Annotated[bool, Label("Bright capsule"), Help("A thin bright rim, as large tumours have.")] = False
    mass_effect_percent: Annotated[
        float | None, Label("Pushes its surroundings"), Unit("%"), Within(0.0, 60.0), Advanced,
        Help("Automatic: 30 % for medium and large lesions, none for smaller ones."),
    ] = None
    edge_sigma_mm: Annotated[
        float | None, Label("Softness of the edge"), Unit("mm"), Within(0.3, 4.0), Advanced,
        Help("Automatic draws 1 to 2 mm for each lesion."),
    ] = None
    lobulation_percent: Annotated[
        float | None, Label("Lobulated surface"), Unit("%"), Within(0.0, 30.0), Advanced,
        Help("Automatic fits the size class and the organ."),
    ] = None
    suppress_structure_percent: Annotated[
        float | None, Label("Hide the organ's structure inside"), Unit("%"), Within(0.0, 100.0), Advanced,
        Help("0 lets vessels and cortex show through, as in the publication. Automatic fits the organ."),
    ] = None
    capsule_hu: Annotated[
        float, Label("Brightness of the capsule"), Unit("HU"), Within(0.0, 300.0), Advanced
    ] = 80.0
    vessel_offset_hu: Annotated[
        float, Label("A vessel is brighter than the organ by"), Unit("HU"), Within(2.0, 200.0), Advanced
    ] = 15.0


@dataclass(frozen=True)
class _Planned:
    """One lesion to be drawn: nominal radius, class rule, whether the size was asked for in mm."""

    radius_mm: float
    rule: SizeRule
    exact: bool


def memory_bytes(inputs: Mapping[str, Any], parameters: Any) -> int:
    """A copy of the volume, two label layers, and working arrays over the lesions' boxes."""
    del parameters
    voxels = int(inputs["ct"].voxels.size)
    return int(inputs["ct"].voxels.nbytes) + 3 * voxels + 150_000_000


@tool(
    "lesions.handcrafted",
    title="Draw a lesion",
    sentence="Draws one or more lesions with exact masks into an organ of a CT (or MR), where you click or anywhere.",
    reference="Hu et al., Label-Free Liver Tumor Segmentation, CVPR 2023; Chen et al., Analyzing Tumors by Synthesis, "
    "Springer 2025, chapter 5",
    inputs=[
        Image("ct", "CT volume", help="A CT in HU; an MR too, with the general preset."),
        Segments("organ", "Organ", same_grid_as="ct"),
        Segments("vessels", "Vessels to stay off", same_grid_as="ct", required=False, may_be_empty=True,
                 all_segments=True),
        At("at", "Where", required=False, help="One point for each lesion; anywhere in the organ when left out."),
    ],
    outputs=[
        Output("volume", Kind.VOLUME, "Volume with lesions", like="ct", edits=True),
        Output("lesions", Kind.MASK, "Organ and lesions", like="ct"),
    ],
    memory_bytes=memory_bytes,
    limits="The lesion is rule-based: no ducts, no feeding vessels, no lesion outside the organ. Presets other than "
    "liver are set by eye.",
)
def handcrafted(
    ct: Volume, organ: Mask, vessels: Mask | None, at: Points | None, parameters: DrawnLesion, run: Run
) -> Outputs:
    """Draw lesions; see `DrawnLesion`."""
    from synthetic_imaging.lesions.compositing import compose
    from synthetic_imaging.lesions.outline import sampled
    from synthetic_imaging.lesions.placement import place_asked_for
    from synthetic_imaging.lesions.shapes import make_shape
    from synthetic_imaging.lesions.texture import make_texture

    organ_name = organ_title(organ)
    preset = preset_for(parameters.organ_preset, organ.names[0])
    appearance = APPEARANCE[preset]
    is_ct = check_modality(ct, preset, parameters.contrast_percent)
    run.progress(0.02, "organ")
    offset = parameters.vessel_offset_hu
    if not is_ct:
        values = ct.voxels[organ.box.slices][organ.inside(box=organ.box)]
        offset = offset / 100.0 * abs(float(np.median(values[:: max(1, values.size // 5000)])))
    survey = read_organ(ct, organ, vessels, preset, offset, run)
    if survey.median == 0.0 and not is_ct:
        raise InputError(
            f"The median of the {organ_name} in '{ct.name}' is 0, and a lesion's contrast would be a percentage of it. "
            "Check the segment and the volume."
        )
    planned = _plan(parameters, at, run.rng)
    if any(4 / 3 * np.pi * p.radius_mm**3 > survey.volume_mm3 for p in planned):
        biggest = max(p.radius_mm for p in planned)
        raise InputError(
            f"A lesion of {2 * biggest:.0f} mm is larger than the {organ_name} ({survey.volume_mm3 / 1000:.1f} ml). "
            "Choose a smaller size."
        )
    voxels = ct.voxels.copy()
    labels = np.zeros(survey.box.shape, dtype=np.uint8)
    taper = survey.movement_taper()
    taken: list[tuple[Any, float]] = []
    missed = smaller = 0
    for number, plan in enumerate(planned):
        run.progress(0.1 + 0.85 * number / len(planned), f"lesion {number + 1} of {len(planned)}")
        lobulation = plan.rule.lobulation * appearance.lobulation_factor
        if parameters.lobulation_percent is not None:
            lobulation = parameters.lobulation_percent / 100.0
        shape = make_shape(plan.radius_mm, plan.rule.elastic_mm, lobulation, run.rng, plan.exact)
        look = _look(parameters, appearance, plan.rule, survey.median, is_ct, run.rng)
        if at is not None:
            place = place_asked_for(survey, at.ras_mm[number], organ_name)
        else:
            found = survey.random_place(
                float(shape.semi_axes_mm.max()), taken, parameters.avoid_vessels, run.rng
            )
            if found is None:
                missed += 1
                continue
            place = found
        outline = sampled(shape, look.edge_sigma_mm, ct.geometry)
        texture = make_texture(place + outline.low_mm, place + outline.high_mm, run.rng)
        if parameters.contrast_hu is not None or parameters.contrast_percent is not None:
            texture = texture.centred()
        change, lesion, box = compose(voxels, labels, survey, taper, outline, place, texture, look)
        if not lesion.any():
            missed += 1
            smaller += 2 * float(shape.semi_axes_mm.min()) < max(ct.geometry.spacing_ijk_mm)
            continue
        taken.append((place, float(shape.semi_axes_mm.mean())))
        add_inside(voxels, change, box)
        inner = tuple(slice(a - o, b - o) for a, b, o in zip(box.start, box.stop, survey.box.start, strict=True))
        labels[inner][lesion] = len(taken)
        asked = shape.volume_mm3
        if lesion.sum() * ct.geometry.voxel_volume_mm3 < 0.6 * asked and at is not None:
            run.note(f"Lesion {len(taken)} was cut at the surface of the {organ_name}, or overlaps another one.")
    if not taken:
        size = 2 * planned[0].radius_mm
        if smaller:
            raise InputError(
                f"A lesion of {size:.0f} mm falls between the image's voxels "
                f"({' x '.join(f'{mm:.3g}' for mm in ct.geometry.spacing_ijk_mm)} mm). Choose a larger size."
            )
        off_vessels = parameters.avoid_vessels and at is None
        raise InputError(
            f"No lesion of {size:.0f} mm fits into the {organ_name}: it is too thin or too small"
            + (", or its vessels leave no room" if off_vessels else "")
            + f". Choose a smaller size, or {'another' if at is not None else 'click a'} place"
            + (", or do not stay off vessels." if off_vessels else ".")
        )
    if missed > smaller:
        run.note(f"{missed - smaller} of {len(planned)} lesions found no room in the {organ_name} and were left out.")
    if smaller:
        run.note(f"{smaller} of {len(planned)} lesions fell between the image's voxels and were left out.")
    return Outputs(
        volume=ct.like(voxels, name=f"{ct.name} with lesions"),
        lesions=as_lesion_mask(ct, organ, survey, labels, len(taken)),
    )


def _plan(parameters: DrawnLesion, at: Points | None, rng: np.random.Generator) -> list[_Planned]:
    """Which lesions to draw, largest first so that they find room."""
    wanted = len(at) if at is not None else parameters.count
    if at is not None and parameters.count not in (None, len(at)):
        raise InputError(f"{parameters.count} lesions are wanted, but {len(at)} places given. Give one place each.")
    if wanted is not None and wanted > 200:
        raise InputError(f"{wanted} places are too many; at most 200 lesions can be drawn at once.")
    if parameters.diameter_mm is not None:
        radius = parameters.diameter_mm / 2
        # The rule of the class whose nominal radius is nearest, with the elastic change in proportion.
        near = min(SIZES.values(), key=lambda r: abs(np.log(r.radius_mm / radius)))
        low, high = (e * radius / near.radius_mm for e in near.elastic_mm)
        rule = SizeRule(radius, near.count, (low, high), near.lobulation, near.mass_effect_percent)
        return [_Planned(radius, rule, True)] * (wanted or 1)
    if parameters.size is not SizeClass.MIX:
        rule = SIZES[parameters.size]
        number = wanted if wanted is not None else int(rng.integers(rule.count[0], rule.count[1] + 1))
        return [_Planned(rule.radius_mm, rule, False)] * number
    sizes = [s for s, (low, high) in MIX for _ in range(int(rng.integers(low, high + 1)))]
    if wanted is not None:
        sizes = [sizes[int(i)] for i in rng.integers(len(sizes), size=wanted)]
        if at is None:
            sizes.sort(key=lambda s: -SIZES[s].radius_mm)
    return [_Planned(SIZES[s].radius_mm, SIZES[s], False) for s in sizes]


def _look(
    parameters: DrawnLesion, appearance: Appearance, rule: SizeRule, organ_median: float, is_ct: bool,
    rng: np.random.Generator,
) -> Any:
    """Contrast, edge and the rest for one lesion; what is not given is drawn."""
    from synthetic_imaging.lesions.compositing import Look

    drawn = float(rng.uniform(*appearance.drop_hu))
    edge = float(rng.uniform(*appearance.edge_sigma_mm))
    core = float(rng.uniform(*appearance.core_hu)) if appearance.core_hu else None
    base = organ_median if appearance.even_out_to_organ else None
    if parameters.contrast_hu is not None and is_ct:
        shift = parameters.contrast_hu
    elif parameters.contrast_percent is not None:
        shift = parameters.contrast_percent / 100.0 * abs(organ_median)
    elif not is_ct:
        shift = -0.3 * abs(organ_median)
    elif core is not None:
        base, shift = core - 40.0, 40.0
    else:
        shift = -drawn * float(np.clip(organ_median / appearance.reference_hu, 0.75, 1.2))
    suppress = appearance.suppress_structure
    if parameters.suppress_structure_percent is not None:
        suppress = parameters.suppress_structure_percent / 100.0
    mass = rule.mass_effect_percent if parameters.mass_effect_percent is None else parameters.mass_effect_percent
    capsule = parameters.capsule_hu if is_ct else parameters.capsule_hu / 100.0 * abs(organ_median)
    return Look(
        shift=shift,
        suppress_structure=suppress,
        core_base=base,
        # An edge of 1-2 mm would leave a lesion of 4 mm without a core.
        edge_sigma_mm=parameters.edge_sigma_mm or min(edge, 0.2 * rule.radius_mm),
        capsule=capsule if parameters.capsule else 0.0,
        mass_effect_percent=mass,
    )

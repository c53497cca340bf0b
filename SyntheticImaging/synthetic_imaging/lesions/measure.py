"""Measure lesions: size, intensity, and where they lie in their organ.

What the numbers mean
- Sizes count whole voxels: the outline runs midway between a voxel inside and one outside (see `diameters`), so a
  lesion of one voxel has that voxel's size. Everything is in patient millimetres, on any grid.
- Long and short axis are RECIST-style: the longest diameter in one acquired slice (the I-J plane), over all slices,
  and the longest chord perpendicular to it in that slice.
- SD is that of the lesion's voxels themselves (divisor n), so that a single voxel has SD 0.
- Contrast is the lesion's mean less the mean of the organ in a shell around it, without other lesions and vessels.
- Distance to the organ's surface is 0 where the lesion reaches it, and negative for a lesion outside the organ. Where
  the image cuts the organ off, that cut is not a surface.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Box, Geometry
from synthetic_imaging.lesions.diameters import axial_diameters, three_axes_mm
from synthetic_imaging.lesions.distances import boundary_voxels, distance_outside_mm, gap_mm, margin_voxels
from synthetic_imaging.lesions.roles import Roles, any_inside_box, roles_of, segment_boxes
from synthetic_imaging.mask import BoolArray, Mask, Segment
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within
from synthetic_imaging.table import Cell, Column, Table
from synthetic_imaging.tool import Image, Kind, Output, Outputs, Segments, tool
from synthetic_imaging.volume import Volume

_FIRST_REACH_MM = 12.0


@dataclass(frozen=True)
class MeasureLesions:
    """How lesions are counted and what counts as their surroundings."""

    separate_parts: Annotated[
        bool, Label("Each separate part is a lesion"),
        Help("Splits a segment into its parts that do not touch, each with its own row."),
    ] = False
    smallest_ml: Annotated[
        float, Label("Leave out parts below"), Unit("ml"), Within(0, 1000), Advanced,
        Help("Lesions or parts smaller than this get no row."),
    ] = 0.0
    gap_mm: Annotated[
        float, Label("Gap between lesion and surroundings"), Unit("mm"), Within(0, 20), Advanced,
        Help("The blurred edge that belongs neither to the lesion nor to its surroundings."),
    ] = 2.0
    shell_mm: Annotated[
        float, Label("Thickness of the surroundings"), Unit("mm"), Within(1, 50), Advanced,
        Help("Organ tissue up to this far beyond the gap gives the contrast."),
    ] = 8.0


@dataclass(frozen=True, eq=False)
class _Scene:
    """What all lesions of a run share."""

    volume: Volume
    lesions: Mask
    roles: Roles
    organ: tuple[Mask, tuple[Segment, ...]] | None
    vessels: tuple[Mask, tuple[Segment, ...]] | None

    def organ_inside(self, box: Box) -> BoolArray | None:
        return any_inside_box(self.organ[0], self.organ[1], box) if self.organ else None

    def vessels_inside(self, box: Box) -> BoolArray:
        if self.vessels is None:
            return np.zeros(box.shape, dtype=np.bool_)
        return any_inside_box(self.vessels[0], self.vessels[1], box)


@dataclass(frozen=True, eq=False)
class _Lesion:
    """One row to be: its name and its voxels in their box."""

    name: str
    box: Box
    inside: BoolArray


def columns_for(unit: str) -> tuple[Column, ...]:
    """The table's columns for a volume in ``unit``; the key of an intensity carries "_hu" for Hounsfield units."""
    tail = "_hu" if unit == "HU" else ""
    return (
        Column("lesion", "Lesion"),
        Column("volume_ml", "Volume", "ml"),
        Column("axial_long_mm", "Longest diameter in a slice", "mm"),
        Column("axial_short_mm", "Perpendicular short axis", "mm"),
        Column("longest_3d_mm", "Longest diameter in 3-D", "mm"),
        Column("axis_2_mm", "Second axis", "mm"),
        Column("axis_3_mm", "Third axis", "mm"),
        Column("sphere_diameter_mm", "Diameter of a sphere of the same volume", "mm"),
        Column(f"mean{tail}", "Mean", unit),
        Column(f"sd{tail}", "SD", unit),
        Column(f"min{tail}", "Lowest", unit),
        Column(f"max{tail}", "Highest", unit),
        Column(f"organ_mean{tail}", "Mean of the organ around it", unit),
        Column(f"contrast{tail}", "Contrast to organ", unit),
        Column("to_organ_surface_mm", "Distance to organ surface", "mm"),
        Column("to_vessel_mm", "Distance to nearest vessel", "mm"),
        Column("necrotic_percent", "Necrotic part", "%"),
        Column("slice", "Slice of the longest diameter"),
        Column("slice_position_mm", "Position of that slice", "mm"),
        Column("centroid_r_mm", "Centre, right", "mm"),
        Column("centroid_a_mm", "Centre, anterior", "mm"),
        Column("centroid_s_mm", "Centre, superior", "mm"),
        Column("cut_by_image_edge", "Cut by the edge of the image"),
    )


def _memory(inputs: Mapping[str, Any], parameters: MeasureLesions) -> int:
    """Boxes around lesions: the largest, with its surroundings, in about 40 bytes a voxel."""
    mask: Mask = inputs["lesions"]
    boxes = segment_boxes(mask)
    margin = margin_voxels(mask.geometry, parameters.gap_mm + parameters.shell_mm)
    sizes = [int(np.prod(b.grown(margin).clipped(mask.shape).shape)) for b in boxes.values()]
    return 40 * max(sizes, default=0) + (1 << 24)


@tool(
    "lesions.measure",
    title="Measure lesions",
    sentence="Table of all lesions: volume, diameters, intensity, contrast to the organ, and distance to the organ's "
    "surface and to vessels.",
    reference="Diameters after RECIST 1.1 (Eisenhauer et al., Eur J Cancer 2009): longest diameter in the acquired "
    "plane and its perpendicular short axis.",
    inputs=[
        Image("volume", "Volume"),
        Segments("lesions", "Lesions", same_grid_as="volume", all_segments=True,
                 help="Every lesion or tumour segment gets a row; organ, vessel and necrosis segments are context."),
        Segments("organ", "Organ", required=False, same_grid_as="volume", may_be_empty=True),
        Segments("vessels", "Vessels", required=False, same_grid_as="volume", may_be_empty=True,
                 all_segments=True),
    ],
    outputs=[Output("measurements", Kind.TABLE, "Measurements")],
    memory_bytes=_memory,
    limits="Diameters follow the segmentation: half a voxel of doubt at each end. The long axis is looked for in the "
    "acquired slices, whatever their direction in the patient.",
)
def measure(
    volume: Volume, lesions: Mask, organ: Mask | None, vessels: Mask | None, parameters: MeasureLesions, run: Run
) -> Outputs:
    """One row for each lesion, in the mask's order.

    Raises:
        InputError: if no lesion is left to measure.
    """
    run.progress(0.02, "find lesions")
    scene = _scene(volume, lesions, organ, vessels, run)
    found = list(_each(scene, parameters, run))
    if not found:
        raise InputError(
            f"Lesions '{lesions.name}': no lesion of {parameters.smallest_ml:g} ml or more. "
            "Lower 'Leave out parts below', or choose another segment."
        )
    rows = []
    for number, lesion in enumerate(found):
        run.progress(0.1 + 0.9 * number / len(found), f"measure {lesion.name}")
        share = run.part(0.1 + 0.9 * number / len(found), 0.1 + 0.9 * (number + 1) / len(found))
        rows.append(_row(scene, lesion, parameters, share))
    return Outputs(measurements=Table(columns_for(volume.unit), tuple(rows), name=f"{lesions.name} measurements"))


def _scene(volume: Volume, lesions: Mask, organ: Mask | None, vessels: Mask | None, run: Run) -> _Scene:
    roles = roles_of(lesions)
    if not roles.lesions:
        has = ", ".join(lesions.names)
        raise InputError(f"Lesions '{lesions.name}' holds no lesion; it has: {has}. Choose the lesion segments.")
    for name in roles.empty:
        run.note(f"'{name}' holds no voxel and has no row.")

    def with_voxels(mask: Mask | None, what: str) -> tuple[Mask, tuple[Segment, ...]] | None:
        if mask is None:
            return None
        boxes = segment_boxes(mask)
        if not boxes:
            run.note(f"The {what} segmentation is empty; its distances are left out.")
            return None
        return mask, tuple(s for s in mask.segments if s.name in boxes)

    found_organ = with_voxels(organ, "organ")
    if organ is None and roles.organ is not None:
        found_organ = (lesions, (roles.organ,))
    found_vessels = with_voxels(vessels, "vessel")
    if vessels is None and roles.vessels:
        found_vessels = (lesions, roles.vessels)
    if found_organ is None:
        run.note("No organ was given: contrast and distance to its surface are left out.")
    return _Scene(volume, lesions, roles, found_organ, found_vessels)


def _each(scene: _Scene, parameters: MeasureLesions, run: Run) -> list[_Lesion]:
    result = []
    smallest = parameters.smallest_ml * 1000.0 / scene.volume.geometry.voxel_volume_mm3
    for segment in scene.roles.lesions:
        run.check_cancel()
        box = scene.roles.boxes[segment.name]
        inside = scene.lesions.inside(segment.name, box)
        parts = [_Lesion(segment.name, box, inside)]
        if parameters.separate_parts:
            labels, count = ndimage.label(inside, structure=np.ones((3, 3, 3), dtype=np.bool_))
            parts = []
            for number, place in enumerate(ndimage.find_objects(labels), start=1):
                k, j, i = place
                offset = box.start
                part = Box(
                    (offset[0] + k.start, offset[1] + j.start, offset[2] + i.start),
                    (offset[0] + k.stop, offset[1] + j.stop, offset[2] + i.stop),
                )
                name = segment.name if count == 1 else f"{segment.name}, part {number}"
                parts.append(_Lesion(name, part, labels[place] == number))
        result += [p for p in parts if np.count_nonzero(p.inside) >= smallest]
    return result


def _row(scene: _Scene, lesion: _Lesion, parameters: MeasureLesions, run: Run) -> tuple[Cell, ...]:
    grid = scene.volume.geometry
    local = grid.cropped(lesion.box)
    count = int(np.count_nonzero(lesion.inside))
    volume_mm3 = count * grid.voxel_volume_mm3
    axial = axial_diameters(lesion.inside, local)
    run.progress(0.2, f"diameters of {lesion.name}")
    first, second, third = three_axes_mm(lesion.inside, local)
    run.progress(0.5, f"surroundings of {lesion.name}")
    values = np.asarray(scene.volume.voxels[lesion.box.slices][lesion.inside], dtype=np.float64)
    mean = float(values.mean())
    around = _organ_mean(scene, lesion, parameters, run)
    slice_index = lesion.box.start[0] + axial.slice_index
    centre = local.ras_from_kji(np.argwhere(lesion.inside).mean(axis=0))
    edge = any(a == 0 or b == n for a, b, n in zip(lesion.box.start, lesion.box.stop, grid.shape, strict=True))
    return (
        lesion.name,
        volume_mm3 / 1000.0,
        axial.long_mm,
        axial.short_mm,
        first,
        second,
        third,
        float((6.0 * volume_mm3 / np.pi) ** (1.0 / 3.0)),
        mean,
        float(values.std()),
        float(values.min()),
        float(values.max()),
        around,
        None if around is None else mean - around,
        _to_organ_surface(scene, lesion, run),
        _to_vessel(scene, lesion, run),
        _necrotic_percent(scene, lesion, count),
        slice_index,
        slice_position_mm(grid, slice_index),
        float(centre[0]),
        float(centre[1]),
        float(centre[2]),
        edge,
    )


def slice_position_mm(geometry: Geometry, slice_index: float) -> float:
    """Where a slice lies along the normal of the slices, positive towards right, anterior or superior."""
    i, j = geometry.directions_ras[:, 0], geometry.directions_ras[:, 1]
    normal = np.cross(i, j)
    normal /= np.linalg.norm(normal)
    normal *= np.sign(normal[np.abs(normal).argmax()])
    return float(geometry.ras_from_kji((slice_index, 0, 0)) @ normal)


def _organ_mean(scene: _Scene, lesion: _Lesion, parameters: MeasureLesions, run: Run) -> float | None:
    """Mean of the organ in the shell around the lesion, or None where there is none."""
    if scene.organ is None:
        return None
    grid = scene.volume.geometry
    outer = parameters.gap_mm + parameters.shell_mm
    box = lesion.box.grown(margin_voxels(grid, outer)).clipped(grid.shape)
    organ = scene.organ_inside(box)
    assert organ is not None
    this = _in_larger_box(lesion, box)
    local = grid.cropped(box)
    distance = distance_outside_mm(this, local, run.check_cancel)
    others = any_inside_box(scene.lesions, (*scene.roles.lesions, *scene.roles.necrosis), box) & ~this
    shell = organ & (distance > parameters.gap_mm) & (distance <= outer) & ~scene.vessels_inside(box) & ~others
    if parameters.gap_mm > 0 and others.any():
        # The blurred edge of a neighbour is no healthy organ either.
        shell &= distance_outside_mm(others, local, run.check_cancel) > parameters.gap_mm
    if not shell.any():
        return None
    return float(np.asarray(scene.volume.voxels[box.slices][shell], dtype=np.float64).mean())


def _to_organ_surface(scene: _Scene, lesion: _Lesion, run: Run) -> float | None:
    if scene.organ is None:
        return None
    grid = scene.volume.geometry
    box = lesion.box.grown((1, 1, 1)).clipped(grid.shape)
    this = _in_larger_box(lesion, box)
    organ = scene.organ_inside(box)
    assert organ is not None
    share = np.count_nonzero(organ & this) / np.count_nonzero(this)
    if share == 0 and not _fills_a_hole(scene, this, organ, box):
        gap = _nearest(scene, lesion, run, lambda b: any_inside_box(*_both(scene.organ), b))
        return None if gap is None else -gap
    if 0 < share < 1:
        return 0.0

    def outside(b: Box) -> BoolArray:
        solid = scene.organ_inside(b)
        assert solid is not None
        return ~(solid | any_inside_box(scene.lesions, (*scene.roles.lesions, *scene.roles.necrosis), b))

    return _nearest(scene, lesion, run, outside)


def _fills_a_hole(scene: _Scene, this: BoolArray, organ: BoolArray, box: Box) -> bool:
    """Whether the lesion lies in organ: a label map with one value a voxel has no organ under a lesion."""
    rim = ndimage.binary_dilation(this) & ~this
    others = any_inside_box(scene.lesions, scene.roles.lesions, box)
    return bool(np.count_nonzero(rim & (organ | others)) >= 0.5 * max(1, int(np.count_nonzero(rim))))


def _to_vessel(scene: _Scene, lesion: _Lesion, run: Run) -> float | None:
    if scene.vessels is None:
        return None
    return _nearest(scene, lesion, run, scene.vessels_inside)


def _nearest(scene: _Scene, lesion: _Lesion, run: Run, what: Callable[[Box], BoolArray]) -> float | None:
    """Gap from the lesion's surface to the nearest voxel of ``what(box)``; looks further and further out."""
    grid = scene.volume.geometry
    reach = _FIRST_REACH_MM
    while True:
        run.check_cancel()
        box = lesion.box.grown(margin_voxels(grid, reach)).clipped(grid.shape)
        this = _in_larger_box(lesion, box)
        target = what(box)
        rim = _rim(target)
        gap = gap_mm(boundary_voxels(np.pad(this, 1)) - 1, rim, grid.cropped(box)) if len(rim) else None
        if (target & this).any():
            return 0.0
        if gap is not None and gap <= reach:
            return gap
        if box.shape == grid.shape:
            return gap
        reach *= 2.5


def _rim(target: BoolArray) -> npt.NDArray[np.intp]:
    # With corners, so that the nearest voxel is among them on any grid.
    return np.argwhere(target & ndimage.binary_dilation(~target, structure=np.ones((3, 3, 3), dtype=np.bool_)))


def _necrotic_percent(scene: _Scene, lesion: _Lesion, count: int) -> float | None:
    if not scene.roles.necrosis:
        return None
    dead = any_inside_box(scene.lesions, scene.roles.necrosis, lesion.box)
    return 100.0 * float(np.count_nonzero(dead & lesion.inside)) / count


def _in_larger_box(lesion: _Lesion, box: Box) -> BoolArray:
    result = np.zeros(box.shape, dtype=np.bool_)
    place = tuple(
        slice(a - start, b - start) for a, b, start in zip(lesion.box.start, lesion.box.stop, box.start, strict=True)
    )
    result[place] = lesion.inside
    return result


def _both(pair: tuple[Mask, tuple[Segment, ...]] | None) -> tuple[Mask, tuple[Segment, ...]]:
    assert pair is not None
    return pair

"""Copy, move, scale, turn, re-contrast or remove a lesion that is already there.

The idea of mixing real lesions into other places is LesionMix (Basaran et al. 2023). Here nothing is pasted: what the
lesion *changes* is added to the tissue at the new place, which keeps its own grain, so there is no box edge; and a
removed lesion is filled with the smooth course and the grain of the tissue around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Any

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.geometry import Box, FloatArray
from synthetic_imaging.lesions.edit_site import Scene, Site, removal, site_of, source_box
from synthetic_imaging.lesions.fitting import Fitted, fit, fit_by_chance, text_of
from synthetic_imaging.lesions.inpaint import Floats
from synthetic_imaging.lesions.lesion_mask import MaskEditor, with_organ
from synthetic_imaging.lesions.roles import any_inside_box, roles_of
from synthetic_imaging.lesions.transfer import Placing, placed
from synthetic_imaging.mask import Mask, Segment
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within
from synthetic_imaging.points import Points
from synthetic_imaging.tool import At, Image, Kind, Output, Outputs, Segments, tool
from synthetic_imaging.volume import Volume


class Action(str, Enum):
    """What is done with the lesion."""

    COPY = "copy"
    MOVE = "move"
    CHANGE = "change in place"
    REMOVE = "remove"


@dataclass(frozen=True)
class EditLesion:
    """What is done, and how the lesion looks afterwards."""

    action: Annotated[Action, Label("What to do")] = Action.COPY
    scale: Annotated[float, Label("Size"), Unit("times"), Within(0.3, 3.0)] = 1.0
    contrast_factor: Annotated[
        float, Label("Contrast"), Unit("times"), Within(-3.0, 5.0),
        Help("1 keeps the lesion's contrast, 0.5 halves it, -1 turns dark into bright."),
    ] = 1.0
    added: Annotated[
        float, Label("Brighter (+) or darker (-) by"), Within(-2000.0, 2000.0),
        Help("Added inside the lesion: HU in CT, the image's own units otherwise."),
    ] = 0.0
    rotation_deg: Annotated[
        float, Label("Turn"), Unit("degrees"), Within(-360.0, 360.0), Help("About the head-foot axis.")
    ] = 0.0
    random_rotation: Annotated[bool, Label("Turn by chance"), Help("Any angle about the head-foot axis.")] = False
    copies: Annotated[
        int, Label("Copies"), Within(1, 20), Help("How many copies to place by chance when no place was clicked.")
    ] = 1
    which: Annotated[
        str, Label("Lesion"), Advanced,
        Help("Name of the lesion when the segmentation holds several; empty: the first."),
    ] = ""
    from_border_mm: Annotated[
        float, Label("Distance from the organ's border"), Unit("mm"), Within(0.0, 50.0), Advanced,
        Help("Kept by copies that are placed by chance, from the organ's border and from other lesions."),
    ] = 3.0


def _memory(inputs: Mapping[str, Any], parameters: EditLesion) -> int:
    """Copies of volume and mask, and about 90 bytes for each voxel of the boxes that are worked on."""
    volume, mask = inputs["volume"], inputs["lesion"]
    total = 2 * volume.voxels.nbytes + 2 * mask.layers.nbytes
    organ = inputs.get("organ")
    total += 2 * organ.layers.nbytes if organ is not None else 0
    roles = roles_of(mask)
    largest = 0
    for segment in roles.lesions:
        box = roles.boxes[segment.name]
        reach = np.ceil(np.array(box.shape) * max(1.0, parameters.scale) * 1.5) + 12
        target = int(np.prod(np.minimum(reach, volume.shape)))
        largest = max(largest, int(np.prod(source_box(box, volume).shape)) + target)
    return int(total) + 90 * largest


@tool(
    "lesions.edit",
    title="Edit a lesion",
    sentence="Copies, moves, scales, turns, re-contrasts or removes a segmented lesion; what lies under it is filled "
    "with tissue like that around it.",
    reference="After the idea of LesionMix: Basaran et al., LesionMix: a lesion-level data augmentation method for "
    "medical image segmentation, MICCAI workshop DALI 2023.",
    inputs=[
        Image("volume", "Volume"),
        Segments("lesion", "Lesion", same_grid_as="volume"),
        Segments("organ", "Organ", required=False, same_grid_as="volume",
                 help="Keeps copies inside it, and fills a removed lesion with this organ's tissue only."),
        At("to", "Where to", required=False, help="Centre of the copy; several points make several copies."),
    ],
    outputs=[
        Output("volume", Kind.VOLUME, "Edited volume", like="volume", edits=True),
        Output("lesions", Kind.MASK, "Lesions", like="volume"),
    ],
    memory_bytes=_memory,
    limits="Vessels and ducts under a removed lesion are not rebuilt. A copy darkens or brightens what is at its new "
    "place; it does not push structures aside.",
)
def edit(
    volume: Volume, lesion: Mask, organ: Mask | None, to: Points | None, parameters: EditLesion, run: Run
) -> Outputs:
    """The edited volume and the lesions as they then are.

    Raises:
        InputError: if there is no such lesion, no tissue to fill it with, or no room for the copy.
    """
    run.progress(0.02, "find the lesion")
    roles = roles_of(lesion)
    chosen = _chosen(lesion, roles.lesions, parameters, run)
    if organ is None and roles.organ is not None:
        organ_names: tuple[str, ...] = (roles.organ.name,)
    else:
        organ_names = organ.names if organ is not None else ()
    mask = with_organ(lesion, organ)
    lesions = tuple(mask.segment(s.name) for s in roles.lesions if s.name not in organ_names)
    if chosen.name not in {s.name for s in lesions}:
        raise InputError(f"'{chosen.name}' is given as lesion and as organ. Choose another organ, or none.")
    organs = tuple(mask.segment(n) for n in organ_names)
    scene = Scene(volume, mask, organs, mask.segment(chosen.name), lesions, run)
    box = roles.boxes[chosen.name]
    _check_request(scene, to, parameters, box)

    run.progress(0.1, "estimate the tissue under the lesion")
    site = site_of(scene, box)
    if parameters.action is Action.REMOVE:
        return _removed(scene, site)
    if parameters.action is Action.CHANGE and parameters.scale == 1.0 and not _turned(parameters):
        return _recontrasted(scene, site, parameters)
    return _transferred(scene, site, to, parameters)


def _chosen(mask: Mask, lesions: tuple[Segment, ...], parameters: EditLesion, run: Run) -> Segment:
    if not lesions:
        raise InputError(f"Lesion '{mask.name}' holds no lesion; it has: {', '.join(mask.names)}.")
    if parameters.which:
        for segment in lesions:
            if segment.name.casefold() == parameters.which.strip().casefold():
                return segment
        raise ParameterError(
            f"There is no lesion '{parameters.which}' in '{mask.name}'. "
            f"There are: {', '.join(s.name for s in lesions)}."
        )
    if len(lesions) > 1:
        run.note(f"'{mask.name}' holds {len(lesions)} lesions; '{lesions[0].name}' was taken.")
    return lesions[0]


def _check_request(scene: Scene, to: Points | None, parameters: EditLesion, box: Box) -> None:
    shape = scene.volume.shape
    action = parameters.action
    at_edge = any(a == 0 or b == n for a, b, n in zip(box.start, box.stop, shape, strict=True))
    if action is not Action.REMOVE and at_edge:
        raise InputError(
            f"'{scene.segment.name}' is cut by the edge of the image, so its shape is not known. "
            "It can only be removed; choose another lesion to copy, move or change."
        )
    placed_somewhere = action in (Action.COPY, Action.MOVE)
    points = len(to) if to is not None else 0
    if placed_somewhere and points == 0 and not scene.organ:
        raise InputError("Where is the lesion to go? Give a place, or give the organ to have a place found.")
    if action is Action.MOVE and points > 1:
        raise InputError(f"A lesion can be moved to one place; {points} were given. Choose 'copy' for several.")
    if not placed_somewhere and points:
        scene.run.note(f"The clicked place is not used by '{action.value}'.")
    for ras in to.ras_mm if to is not None and placed_somewhere else ():
        at = np.rint(scene.volume.geometry.kji_from_ras(ras)).astype(int)
        if (at < 0).any() or (at >= shape).any():
            raise InputError(f"The place {text_of(ras)} lies outside the image '{scene.volume.name}'. Click inside it.")
        k, j, i = at.tolist()
        if not scene.solid(Box((k, j, i), (k + 1, j + 1, i + 1))).any():
            raise InputError(
                f"The place {text_of(ras)} lies outside the {scene.organ_name}. "
                "Click inside it, or choose another organ."
            )


def _turned(parameters: EditLesion) -> bool:
    return parameters.random_rotation or parameters.rotation_deg % 360.0 != 0.0


def _removed(scene: Scene, site: Site) -> Outputs:
    scene.run.progress(0.5, "fill with tissue")
    change = _kept_in_range(scene.volume, removal(site, scene.run), site.box)
    scene.run.progress(0.9, "write the result")
    editor = MaskEditor(scene.mask)
    _clear(scene, site, editor)
    others = [n for n in editor.names if n != scene.segment.name]
    if others:
        # The last segment of a mask stays, empty: a file without any segment is of no use.
        editor.remove(scene.segment)
        for part in site.parts:
            editor.remove(part)
    return Outputs(
        volume=scene.volume.adding(change, site.box, name=f"{scene.volume.name} without {scene.segment.name}"),
        lesions=editor.finished(_organ_names(scene), f"{scene.mask.name} edited"),
    )


def _recontrasted(scene: Scene, site: Site, parameters: EditLesion) -> Outputs:
    """Contrast only: the change is multiplied where it is, and the lesion's own grain stays."""
    scene.run.progress(0.6, "change the contrast")
    source = site.extract(scene.run.check_cancel)
    placing = Placing(_triple(source.centre_ras_mm), factor=parameters.contrast_factor - 1.0, added=parameters.added)
    change, _, _ = placed(source, placing, scene.volume.geometry, site.box, scene.run.check_cancel)
    change[~site.solid | site.others] = 0.0
    scene.run.progress(0.9, "write the result")
    return Outputs(
        volume=scene.volume.adding(
            _kept_in_range(scene.volume, change, site.box), site.box, name=f"{scene.volume.name} edited"
        ),
        lesions=MaskEditor(scene.mask).finished(_organ_names(scene), f"{scene.mask.name} edited"),
    )


def _transferred(scene: Scene, site: Site, to: Points | None, parameters: EditLesion) -> Outputs:
    run, action = scene.run, parameters.action
    source = site.extract(run.check_cancel)
    editor = MaskEditor(scene.mask)
    volume = scene.volume
    blocked = scene.lesions
    if action is not Action.COPY:
        # Its own old place is free again.
        blocked = tuple(s for s in scene.lesions if s != scene.segment)
        run.progress(0.3, "fill with tissue")
        volume = volume.adding(_kept_in_range(volume, removal(site, run), site.box), site.box)
        _clear(scene, site, editor)
    clicked: list[tuple[float, float, float]] = []
    if action is Action.CHANGE:
        clicked = [_triple(source.centre_ras_mm)]
    elif to is not None:
        clicked = [_triple(p) for p in to.ras_mm]
    count = len(clicked) or (parameters.copies if action is Action.COPY else 1)
    done: list[Fitted] = []
    for index in range(count):
        run.progress(0.5 + 0.4 * index / count, "place the lesion")
        angle = run.rng.uniform(0, 2 * np.pi) if parameters.random_rotation else np.deg2rad(parameters.rotation_deg)
        placing = Placing(
            clicked[index] if clicked else (0.0, 0.0, 0.0),
            parameters.scale, float(angle), parameters.contrast_factor, parameters.added,
        )
        if clicked:
            found = fit(scene, source, placing, blocked, done)
        else:
            found = fit_by_chance(scene, source, placing, blocked, done, parameters.from_border_mm)
        done.append(found)
        volume = volume.adding(_kept_in_range(volume, found.change, found.box), found.box)
        again = action is Action.COPY
        editor.add(scene.segment, editor.free_name("lesion") if again else scene.segment.name, found.box, found.inside)
        for part in site.parts:
            name = editor.free_name(part.name, 2) if again else part.name
            editor.add(part, name, found.box, found.parts[part.name])
    run.progress(0.95, "write the result")
    return Outputs(
        volume=replace(volume, name=f"{scene.volume.name} edited"),
        lesions=editor.finished(_organ_names(scene), f"{scene.mask.name} edited"),
    )


def _clear(scene: Scene, site: Site, editor: MaskEditor) -> None:
    """Take the lesion out of the mask; an organ that was hollow there is whole again."""
    editor.clear(scene.segment, site.box)
    for part in site.parts:
        editor.clear(part, site.box)
    if scene.organ:
        wrapped = site.inside & ~any_inside_box(scene.mask, scene.organ, site.box)
        editor.fill(scene.organ[0], site.box, wrapped)


def _kept_in_range(volume: Volume, change: Floats, box: Box) -> Floats:
    """The change, limited so that an image without negative values gets none (MR signal, PET uptake)."""
    values = volume.voxels[box.slices]
    if values.dtype.kind != "f" or float(values.min()) < 0:
        return change
    return np.maximum(change, -values.astype(np.float32)).astype(np.float32)


def _organ_names(scene: Scene) -> tuple[str, ...]:
    return tuple(s.name for s in scene.organ)


def _triple(ras_mm: FloatArray) -> tuple[float, float, float]:
    r, a, s = (float(x) for x in ras_mm)
    return (r, a, s)

"""What all lesion tools ask of the organ they work in, and the mask they return."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.input_checks import check_hounsfield
from synthetic_imaging.lesions.presets import APPEARANCE, OrganPreset
from synthetic_imaging.mask import Mask, Segment
from synthetic_imaging.volume import Volume

if TYPE_CHECKING:
    from synthetic_imaging.lesions.placement import OrganSurvey


def check_modality(volume: Volume, preset: OrganPreset, contrast_percent: float | None) -> bool:
    """Whether the volume is a CT in HU; refuses what the preset cannot work on.

    Raises:
        InputError: an MR with a CT preset, or a CT that is not in HU.
    """
    if volume.modality and volume.modality != "CT":
        if preset is not OrganPreset.GENERAL:
            raise InputError(
                f"'{volume.name}' is {volume.modality}; the preset '{preset.value}' is for CT. "
                "Choose the preset 'general' and a contrast in percent."
            )
        return False
    if not volume.modality and preset is OrganPreset.GENERAL and contrast_percent is not None:
        return False
    check_hounsfield(f"CT volume '{volume.name}'", volume)
    return True


def organ_title(organ: Mask) -> str:
    """What the chosen segments together are called: both kidneys are not "kidney_left"."""
    names = organ.names
    return " and ".join(names) if len(names) < 4 else f"{names[0]} and {len(names) - 1} more"


def as_one_segment(organ: Mask) -> Segment:
    """The chosen segments as the first segment of a result; of several only the colour of the first is kept."""
    from synthetic_imaging.terminology import organ_segment

    first = organ.segments[0]
    if len(organ.segments) > 1:
        first = replace(organ_segment(""), name=organ_title(organ), colour=first.colour)
    return replace(first, label=1, layer=0)


def read_organ(
    volume: Volume, organ: Mask, vessels: Mask | None, preset: OrganPreset,
    vessel_offset: float, run: Run,
) -> OrganSurvey:
    """Survey the organ; says when it is cut by the edge of the image.

    Raises:
        InputError: if the organ's values cannot be those of such an organ.
    """
    from synthetic_imaging.lesions.placement import OrganSurvey

    box = organ.box
    in_box = np.ascontiguousarray(organ.inside(box=box))
    avoided = np.ascontiguousarray(vessels.inside(box=box)) if vessels is not None else None
    survey = OrganSurvey.read(
        volume.voxels, in_box, volume.geometry, box, vessel_offset, avoided, run.rng
    )
    name = organ_title(organ)
    low, high = APPEARANCE[preset].plausible_hu
    if preset is not OrganPreset.GENERAL and not low <= survey.median <= high:
        raise InputError(
            f"The {name} measures {survey.median:.0f} HU (median); {preset.value} lies between {low:.0f} and "
            f"{high:.0f} HU. Check the segment and that the CT is in HU, or choose the preset 'general'."
        )
    touches = [
        edge
        for axis, edges in enumerate((("first slice", "last slice"), ("front or back edge",) * 2, ("side",) * 2))
        for edge, met in zip(edges, (box.start[axis] == 0, box.stop[axis] == volume.shape[axis]), strict=True)
        if met
    ]
    if touches:
        run.note(f"The {name} is cut by the edge of the image ({', '.join(dict.fromkeys(touches))}).")
    return survey


def as_lesion_mask(
    volume: Volume, organ: Mask, survey: OrganSurvey, labels: npt.NDArray[Any], count: int
) -> Mask:
    """Organ (with the lesions in it) in the first layer, lesions 1..count in the second."""
    from synthetic_imaging.terminology import lesion_segment

    layers = np.zeros((2, *volume.shape), dtype=np.uint8 if count < 256 else np.uint16)
    # Only the organ's box is written: the rest of a large volume is never touched.
    layers[(0, *survey.box.slices)] = survey.inside
    layers[(1, *survey.box.slices)] = labels
    name = organ_title(organ)
    segments = [as_one_segment(organ)]
    # The organ may itself be called "lesion 1": that number is passed over.
    numbered = (lesion_segment(n, name) for n in range(1, count + 2))
    free = [s for s in numbered if s.name != name][:count]
    segments += [replace(s, label=n, layer=1) for n, s in enumerate(free, start=1)]
    return Mask(layers, volume.geometry, tuple(segments), name=f"{name} with lesions")

"""What a brain tool must know about its images before it trusts them: slices, part of the body, age, contrast agent.

A refusal is for what makes a result meaningless; what makes it less sure is a sentence for the run's notes.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.sequences.average_brain import CoarseBrain, Overlay, overlay
from synthetic_imaging.sequences.brain_mask import brain_mask
from synthetic_imaging.sequences.protocols import Contrast
from synthetic_imaging.volume import Volume

Values = npt.NDArray[np.float32]
Inside = npt.NDArray[np.bool_]
# A slice is empty if its brightest voxels are darker than this share of what slices usually have.
_EMPTY = 0.04
# Slices at unequal distances: by more than this share of the usual distance.
_UNEVEN = 0.1
# A brain is cut off where the first or last slice shows more than this share of its largest cross-section.
_CUT = 0.25
_SLAB_MM = 100.0
# Brains of adults have 950 to 1700 ml; children reach 90 % of that at about five years.
_SMALL_ML = 800.0
# Overlap with the average brain laid over it, and how much that had to shrink or grow. Heads reached 0.85 and more
# (thick slices with a tumour 0.86), at 0.9 to 1.5 times the volume; a knee 0.79, at 6 times.
LEAST_OVERLAP = 0.82
_LEAST_MAGNIFICATION, _MOST_MAGNIFICATION = 0.5, 4.5
_COARSE_MM = 4.0
# Contrast agent: so much brighter than white matter, in so much of the brain.
_ENHANCED, _ENHANCED_SHARE = 1.45, 0.004
_NO_AGENT = {"", "no", "none", "n", "0", "without", "native", "nil", "false"}
_AFTER_AGENT = re.compile(
    r"(?<![a-z])(gd|gad|gado\w*|post\W?(contrast|gd|gad|km)|\+\s?c|ce|km|contrast)(?![a-z])", re.I)
_WITHOUT = re.compile(r"(without|no|pre|ohne|nativ)\W*(contrast|gd|gad|km)|native", re.I)


def check_slices(volume: Volume, label: str) -> None:
    """Refuse a volume that lacks slices.

    Args:
        volume: any.
        label: what it is, for the sentence.

    Raises:
        InputError: if its DICOM headers say that slices lie at unequal distances, or a slice in its middle is empty.
    """
    places = _slice_places_mm(volume)
    if len(places) > 2:
        gaps = np.diff(np.sort(places))
        usual = float(np.median(gaps))
        if usual > 0 and np.abs(gaps - usual).max() > _UNEVEN * usual:
            at = int(np.argmax(np.abs(gaps - usual)))
            raise InputError(
                f"The {label} has slices at unequal distances: between slices {at + 1} and {at + 2} lie {gaps[at]:.1f} "
                f"mm, elsewhere {usual:.1f} mm. Slices are missing. Export the complete series again.")
    empty = empty_slices(volume.voxels)
    if empty:
        shown = ", ".join(str(n + 1) for n in empty[:5]) + (" ..." if len(empty) > 5 else "")
        raise InputError(
            f"The {label} has {len(empty)} empty slice{'s' if len(empty) > 1 else ''} among the others (number {shown} "
            f"of {volume.shape[0]}). Export the series again, or crop the volume to the slices that are whole.")


def empty_slices(voxels: npt.NDArray[np.generic]) -> list[int]:
    """Slices (K) without an image that lie between slices with one."""
    flat = voxels.reshape(voxels.shape[0], -1)
    step = max(1, flat.shape[1] // 20_000)
    thin = flat[:, ::step].astype(np.float32)
    bright = np.quantile(thin, 0.99, axis=1) - min(0.0, float(thin.min()))
    usual = float(np.median(bright))
    filled = np.flatnonzero(bright > _EMPTY * usual)
    if usual <= 0 or not filled.size:
        return []
    return [n for n in range(int(filled[0]), int(filled[-1])) if bright[n] <= _EMPTY * usual]


def checked_brain(
    image: Volume, contrast: Contrast, label: str, run: Run, field_t: float = 3.0
) -> tuple[Inside, Overlay | None]:
    """Where the brain is, (K, J, I), and the average brain over it; notes where it is a part of one, or a child's.

    Args:
        image: evened out, not negative.
        contrast: what it is said to be.
        label: for the sentences.
        run: takes the notes.
        field_t: field strength.

    Raises:
        InputError: if there is no brain in it.
    """
    try:
        brain = brain_mask(np.asarray(image.voxels, np.float32), image.geometry)
    except InputError:
        raise InputError(f"No brain was found in the {label}. This tool works on MR images of heads alone. If it is "
                         "one, check that the skull is in the image and that nothing was cut off.") from None
    return brain, check_brain(image, brain, contrast, label, run, field_t)


def check_brain(
    image: Volume, brain: Inside, contrast: Contrast, label: str, run: Run, field_t: float = 3.0
) -> Overlay | None:
    """The same for a brain that has been found already.

    Raises:
        InputError: if what was found resembles no brain.
    """
    laid = laid_over(image, brain, contrast, field_t)
    if laid is not None and not _is_brain(laid):
        raise InputError(f"The {label} does not look like a brain (the average brain covers {100 * laid.overlap:.0f} % "
                         f"of it, when it is made {1 / laid.magnification:.2g} times as large). This tool works on MR "
                         "images of heads alone.")
    for sentence in (*part_notes(brain, image.geometry), *age_notes(image)):
        run.note(sentence)
    return laid


def laid_over(image: Volume, brain: Inside, contrast: Contrast, field_t: float = 3.0) -> Overlay | None:
    """The average brain over this one; None where it is not installed."""
    from synthetic_imaging import samples

    if "brain-t1" not in samples.available():
        return None
    return overlay(CoarseBrain(image, brain, _COARSE_MM), contrast, field_t)


def _is_brain(laid: Overlay) -> bool:
    return laid.overlap >= LEAST_OVERLAP and _LEAST_MAGNIFICATION <= laid.magnification <= _MOST_MAGNIFICATION


def part_notes(brain: Inside, geometry: Geometry) -> list[str]:
    """Sentences where a brain is cut off, or is as small as a child's."""
    areas = brain.sum(axis=(1, 2))
    held = np.flatnonzero(areas)
    if not held.size:
        return []
    spacing = geometry.spacing_kji_mm[0]
    thick = (int(held[-1]) - int(held[0]) + 1) * spacing
    cut = [bool(areas[at] > _CUT * areas.max()) for at in (0, -1)]
    ml = float(brain.sum() * geometry.voxel_volume_mm3 / 1000)
    if all(cut) or (any(cut) and thick < _SLAB_MM):
        return [f"The images hold only a slab of the brain, {thick:.0f} mm thick. Counts and volumes are of this part, "
                "and its place in the brain is less sure."]
    if not any(cut) and ml < _SMALL_ML:
        return [f"The brain has {ml:.0f} ml: that of a small child, or one that was not found whole. Tissue of "
                "children under two years has other brightness than this tool assumes; do not rely on the result."]
    return []


def age_notes(volume: Volume) -> list[str]:
    """A sentence where the headers say that the patient is a small child."""
    text = "" if volume.dicom is None else volume.dicom.text("PatientAge").strip().upper()
    found = re.fullmatch(r"(\d{1,3})([DWMY])", text)
    if not found:
        return []
    years = int(found[1]) / {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[found[2]]
    return [] if years >= 2 else ["The headers say that the patient is under two years old. Tissue of infants has "
                                  "other brightness than this tool assumes; do not rely on the result."]


def agent_note(volume: Volume, voxels: Values, brain: Inside, label: str) -> str | None:
    """A sentence where a T1w was taken after contrast agent, by its headers or by its looks.

    Args:
        volume: as it was given, for its headers.
        voxels: evened out, (K, J, I), on any grid.
        brain: where the brain is on that grid.
        label: for the sentence.
    """
    advice = "What takes it up (vessels, some lesions, tumours) is shown wrongly. Choose one without, if there is one."
    said = agent_by_headers(volume)
    if said:
        return f"The {label} was taken after contrast agent, as its headers say. {advice}"
    if said is None and enhanced_share(voxels, brain) > _ENHANCED_SHARE:
        return (f"The {label} looks as if it had been taken after contrast agent: parts of the brain are much brighter "
                f"than white matter. {advice}")
    return None


def agent_by_headers(volume: Volume) -> bool | None:
    """Whether contrast agent was given; None where the headers do not tell."""
    if volume.dicom is None:
        return None
    agent = volume.dicom.text("ContrastBolusAgent").strip().lower()
    if agent not in _NO_AGENT:
        return True
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = volume.dicom.text(keyword)
        if _AFTER_AGENT.search(text) and not _WITHOUT.search(text):
            return True
    return False if agent else None


def enhanced_share(voxels: Values, brain: Inside) -> float:
    """Share of the inner brain that is far brighter than its white matter, of a T1w image."""
    from scipy import ndimage

    inner = ndimage.binary_erosion(brain, iterations=2)
    if np.count_nonzero(inner) < 500:
        return 0.0
    values = voxels[inner]
    # White matter is the brightest large tissue of a T1w.
    white = float(np.quantile(values[values > 0.3 * np.quantile(values, 0.9)], 0.8))
    return float(np.mean(values > _ENHANCED * white))


def _slice_places_mm(volume: Volume) -> npt.NDArray[np.float64]:
    """Of each slice along the normal of the first, as the DICOM headers say; empty where they do not."""
    none = np.empty(0)
    if volume.dicom is None or volume.dicom.multiframe:
        return none
    try:
        first = volume.dicom.headers[0]
        axes = np.array([float(x) for x in first.ImageOrientationPatient]).reshape(2, 3)
        at = np.array([[float(x) for x in h.ImagePositionPatient] for h in volume.dicom.headers])
    except (AttributeError, TypeError, ValueError):
        return none
    return np.asarray(at @ np.cross(axes[0], axes[1]))

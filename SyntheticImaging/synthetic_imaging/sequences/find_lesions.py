"""The tool: lesions of multiple sclerosis found on FLAIR or DIR, or given, counted by region and measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within
from synthetic_imaging.phantoms.brain.regions import REGIONS
from synthetic_imaging.sequences.alignment import LEAST_LIKENESS, aligned
from synthetic_imaging.sequences.atlas_fit import fit_atlas
from synthetic_imaging.sequences.checks import agent_note, check_slices, checked_brain
from synthetic_imaging.sequences.examination import examined
from synthetic_imaging.sequences.header_names import header_doubt
from synthetic_imaging.sequences.learned.grid import IN_PLANE_MM
from synthetic_imaging.sequences.lesion_methods import Method, lesions_by
from synthetic_imaging.sequences.lesion_table import Measured, lesion_rows, measured_lesions, region_counts
from synthetic_imaging.sequences.protocols import Contrast, Timing
from synthetic_imaging.sequences.shading import evened
from synthetic_imaging.sequences.timing import timing_from_dicom
from synthetic_imaging.sequences.tissue_classes import WHITE
from synthetic_imaging.terminology import organ_segment
from synthetic_imaging.tool import Image, Kind, Output, Outputs, Segments, tool
from synthetic_imaging.volume import Volume

if TYPE_CHECKING:
    from synthetic_imaging.learning.weights.models import Model

_KINDS = {"flair": Contrast.FLAIR, "dir": Contrast.DIR, "t1w": Contrast.T1W}
LABELS = {"flair": "FLAIR", "dir": "DIR", "t1w": "T1w"}
_COLOURS = {"periventricular": (0.93, 0.33, 0.23), "juxtacortical": (0.98, 0.78, 0.16),
            "infratentorial": (0.45, 0.74, 0.32), "subcortical": (0.30, 0.62, 0.92)}
_LARGE_ML = 20.0


@dataclass(frozen=True)
class CountedLesions:
    """What counts as a lesion."""

    sensitivity: Annotated[
        float, Label("Sensitivity"), Within(0, 1),
        Help("0 finds what is certain, 1 whatever is suspicious. Larger finds more, and more that is nothing."),
    ] = 0.5
    method: Annotated[
        Method, Label("Method"),
        Help("The classical one learns nothing. The detector was trained on phantoms, with FLAIR; FLAIR and T1w; DIR; "
             "FLAIR and DIR."),
    ] = Method.CLASSICAL
    least_ml: Annotated[float, Label("Least volume"), Unit("ml"), Within(0.001, 5.0)] = 0.01
    align: Annotated[bool, Label("Align"), Help("Moves the other images onto the first one: patients move.")] = True
    even_brightness: Annotated[
        bool, Label("Even out brightness"), Help("Takes off the coil's shading (N4) first."), Advanced] = True
    field_t: Annotated[float, Label("Field strength"), Unit("T"), Within(1.5, 3.0), Advanced] = 3.0


def _memory(inputs: Mapping[str, Any], parameters: Any) -> int:
    trained = parameters.method is Method.TRAINED
    largest = max((v.voxels.size for v in inputs.values() if isinstance(v, Volume)), default=0)
    return 1_300_000_000 + 700_000_000 * trained + 160 * int(largest)


@tool(
    "sequences.lesions",
    title="Find and count MS lesions",
    sentence="Finds lesions of multiple sclerosis on FLAIR, DIR or both, or takes those that are given, and lists them "
    "by the regions of the McDonald criteria with size and contrast.",
    reference="Lesions as outliers of tissue classes under an atlas, after Van Leemput et al. (IEEE TMI 2001); signal "
    "equations of Bernstein et al. (2004); regions: McDonald criteria, Thompson et al. (Lancet Neurol 2018); atlas: "
    "ICBM 152 (Fonov et al. 2009), warped by demons (Thirion 1998); trained detector: 2-D U-Net after Ronneberger et "
    "al. (2015)",
    inputs=[
        Image("flair", "FLAIR", modality="MR", required=False, help="The result lies on its grid when it is given."),
        Image("dir", "DIR", modality="MR", required=False, help="Acquired or computed."),
        Image("t1w", "T1w", modality="MR", required=False, help="Without contrast agent; tells tissue apart."),
        Segments("lesions", "Lesions", required=False, all_segments=True,
                 help="Then these are counted and measured; none are looked for."),
    ],
    outputs=[
        Output("found", Kind.MASK, "Lesions by region", optional=True),
        Output("table", Kind.TABLE, "Lesions"),
        Output("counts", Kind.TABLE, "Lesions by region"),
    ],
    memory_bytes=_memory,
    limits="Both methods were tuned and measured on phantoms alone: candidates for a reader, not findings. They take "
    "whatever is bright for its place to be a lesion of MS: tumours, strokes, small vessel disease, oedema and flow "
    "artefacts too. Lesions in the cortex, small and faint ones are missed. A DIR computed from the "
    "FLAIR adds nothing to it that the FLAIR did not hold. Regions come from an average brain: they fail where a brain "
    "is deformed.",
)
def lesions(
    flair: Volume | None, dir: Volume | None,  # noqa: A002 - its name in clinics
    t1w: Volume | None, lesions: Mask | None, parameters: CountedLesions, run: Run,
) -> Outputs:
    """Align, lay the atlas over, weigh, search, measure."""
    given = {name: v for name, v in (("flair", flair), ("dir", dir), ("t1w", t1w)) if v is not None}
    if not given:
        raise InputError("No image was given. Choose a FLAIR or a DIR volume, or both.")
    if lesions is None and not {"flair", "dir"} & set(given):
        raise InputError("Lesions are looked for on FLAIR or DIR, and only a T1w was given. Choose one of them, or "
                         "give the lesions as a segmentation.")
    target = next(iter(given.values()))
    geometry, names = target.geometry, list(given)
    trained = lesions is None and parameters.method is Method.TRAINED
    model = _model(tuple(_KINDS[n] for n in given), geometry, run) if trained else None
    timings = {name: timing_from_dicom(volume) for name, volume in given.items()}
    for name, volume in given.items():
        check_slices(volume, LABELS[name])
        if doubt := header_doubt(volume, _KINDS[name]):
            run.note(doubt)
            timings[name] = Timing()
    images, inside = _images(given, target, parameters, run.part(0.0, 0.35))
    run.progress(0.36, "find the brain")
    shown = Volume(images[..., 0], geometry, modality="MR", dicom=target.dicom)
    brain, laid = checked_brain(shown, _KINDS[names[0]], LABELS[names[0]], run, parameters.field_t)
    brain = brain & inside
    if np.count_nonzero(brain) < 1000:
        raise InputError("The images hardly overlap in the brain. Are they of one patient?")
    run.progress(0.42, "lay the atlas over the brain")
    if t1w is not None and (agent := agent_note(t1w, images[..., names.index("t1w")], brain, "T1w")):
        run.note(agent)
    fitted = fit_atlas(shown, brain, _KINDS[names[0]], parameters.field_t, laid)
    run.progress(0.7, "tell the tissues apart")
    exam = examined(images, [_KINDS[n] for n in names], geometry, brain, fitted, timings=[timings[n] for n in names],
                    field_t=parameters.field_t)
    scores: dict[int, float] | None = None
    if lesions is None:
        labels, listed = lesions_by(parameters.method, exam, sensitivity=parameters.sensitivity,
                                    least_ml=parameters.least_ml, model=model, run=run.part(0.78, 0.93))
        scores = {x.label: x.score for x in listed}
    else:
        labels = _given_lesions(lesions, target, run)
    run.progress(0.94, "measure")
    shown_as = {LABELS[n]: images[..., at] for at, n in enumerate(names)}
    measured = measured_lesions(labels, shown_as, exam.shares[WHITE], brain, exam.regions(labels > 0), geometry, scores)
    _say(measured, brain, geometry.voxel_volume_mm3, run, looked=lesions is None)
    outputs: dict[str, Any] = {"table": lesion_rows(measured, [LABELS[n] for n in names]),
                               "counts": region_counts(measured)}
    if measured:
        outputs["found"] = _by_region(labels, measured, target)
    return Outputs(**outputs)


def _model(contrasts: tuple[Contrast, ...], geometry: Geometry, run: Run) -> Model:
    """The trained detector; refused before anything is computed where it does not fit what is given."""
    from synthetic_imaging.sequences.detector.on_image import MODEL, check_trained_with

    check_trained_with(contrasts)
    try:
        from synthetic_imaging.learning.weights.models import load_model

        found = load_model(MODEL, run.device)
    except ImportError as error:
        raise InputError("The trained detector needs the packages for learning, which are not installed. Install them "
                         "on the set-up page, or choose the classical method.") from error
    run.uses_weights(MODEL, found.sha256)
    run.note(f"Model '{found.name}', trained on {found.card.training_data} (sha256 {found.sha256[:12]}).")
    in_plane = sorted(geometry.spacing_kji_mm)[1]
    if in_plane > 1.05 * IN_PLANE_MM[1]:
        run.note(f"The detector was trained with voxels of {IN_PLANE_MM[0]:g} to {IN_PLANE_MM[1]:g} mm in the slice; "
                 f"these have {in_plane:.1f} mm. It misses more there.")
    return found


def _images(
    given: dict[str, Volume], target: Volume, parameters: CountedLesions, run: Run
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """(K, J, I, images) on the target's grid, and where all of them have values."""
    parts, inside = [], np.ones(target.shape, bool)
    for number, (name, volume) in enumerate(given.items()):
        run.progress(number / len(given), f"{LABELS[name]}: align and even out")
        voxels = volume.voxels.astype(np.float32)
        if volume is not target:
            moved = aligned(volume, target, register=parameters.align)
            voxels = moved.voxels
            inside &= moved.inside
            if moved.likeness < LEAST_LIKENESS:
                raise InputError(
                    f"The {LABELS[name]} does not fit the {LABELS[next(iter(given))]} (likeness {moved.likeness:.2f}; "
                    f"{LEAST_LIKENESS:.2f} is the least). Are they of one patient and one part of the body?")
        voxels = np.maximum(voxels, 0)
        parts.append(evened(voxels, target.geometry) if parameters.even_brightness else voxels)
    return np.stack(parts, axis=-1), inside


def _given_lesions(mask: Mask, target: Volume, run: Run) -> npt.NDArray[np.uint16]:
    """Each separate part of each segment, numbered from 1, on the target's grid."""
    from scipy import ndimage

    labels = np.zeros(target.shape, np.uint16)
    count = 0
    for name in mask.names:
        inside = mask.inside(name)
        if not mask.geometry.same_grid(target.geometry):
            at = mask.geometry.kji_from_ras(target.geometry.ras_from_kji(np.indices(target.shape).reshape(3, -1).T))
            inside = ndimage.map_coordinates(inside.astype(np.uint8), at.T, order=0, mode="constant").reshape(
                target.shape) > 0
            run.note("The lesions were drawn on another voxel grid and were carried over; small ones change in size.")
        pieces, found = ndimage.label(inside, structure=np.ones((3, 3, 3)))
        new = (pieces > 0) & (labels == 0)
        labels[new] = pieces[new] + count
        count += found
    if not labels.any():
        raise InputError(f"The lesions '{mask.name}' lie outside the images. Choose those that they were drawn on.")
    if count > 5000:
        raise InputError(f"'{mask.name}' has {count} separate parts: that is no segmentation of lesions.")
    return labels


def _say(measured: list[Measured], brain: npt.NDArray[np.bool_], voxel_mm3: float, run: Run, *, looked: bool) -> None:
    if not measured and looked:
        run.note("No lesion was found. That is no proof that there is none.")
    large = [x for x in measured if x.volume_ml > _LARGE_ML]
    if large and looked:
        most = max(x.volume_ml for x in large)
        share = 100 * most / max(brain.sum() * voxel_mm3 / 1000, 1e-9)
        run.note(f"One place has {most:.0f} ml ({share:.0f} % of the brain): that is unlike a lesion of MS. Look at "
                 "it; this tool does not tell a tumour, oedema or stroke from one.")


def _by_region(labels: npt.NDArray[np.uint16], measured: list[Measured], target: Volume) -> Mask:
    """One segment for each region that has lesions."""
    value = {name: n for n, name in enumerate(REGIONS, 1)}
    lookup = np.zeros(int(labels.max()) + 1, np.uint8)
    for x in measured:
        lookup[x.number] = value[x.region]
    layer = lookup[labels]
    segments = tuple(replace(organ_segment(name), label=n, colour=_COLOURS[name]) for name, n in value.items()
                     if (layer == n).any())
    return Mask(layer, target.geometry, segments, name="Lesions by region")

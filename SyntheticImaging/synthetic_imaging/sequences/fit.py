"""The tool: tissue maps and any contrast from the sequences that were acquired, by physics alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.parameters import Help, Label, Unit, Within
from synthetic_imaging.sequences.brain_mask import depth_mm
from synthetic_imaging.sequences.checks import agent_note, check_slices, checked_brain
from synthetic_imaging.sequences.estimation import Calibration, Posterior, calibrate, posterior
from synthetic_imaging.sequences.header_names import header_doubt
from synthetic_imaging.sequences.naming import doubtful_names
from synthetic_imaging.sequences.preparing import LABELS, VISIT, brought_together
from synthetic_imaging.sequences.protocols import Contrast, Timing, sequence_of
from synthetic_imaging.sequences.states import TissueStates, Values, head_states
from synthetic_imaging.sequences.timing import timing_from_dicom
from synthetic_imaging.table import Cell, Column, Table
from synthetic_imaging.tool import Kind, Output, Outputs, tool
from synthetic_imaging.volume import Volume

Foreground = npt.NDArray[np.bool_]
# Name of the input, what it is, in the order in which one is chosen for the grid.
_GIVEN = {"flair": Contrast.FLAIR, "t1w": Contrast.T1W, "t2w": Contrast.T2W, "pd": Contrast.PD}
_SAMPLE = 2500
_DEPTH_MM = 18.0  # from the skin to the brain
_SHOWN = 1000.0
# Misfit, in errors, beyond which a voxel is unlike every state.
_STRANGE = 3.0


@dataclass(frozen=True)
class FittedSequence:
    """Which contrast is wanted, and what is known of those that are there."""

    contrast: Annotated[Contrast, Label("Wanted sequence"), Help("What is to be shown.")] = Contrast.DIR
    field_t: Annotated[float, Label("Field strength"), Unit("T"), Within(1.5, 3.0)] = 3.0
    t1w_is_spin_echo: Annotated[bool, Label("T1w is a spin echo"), Help("Else it counts as MPRAGE.")] = False
    fat_suppressed: Annotated[bool, Label("Suppress fat"), Help("In the wanted sequence, as is usual for DIR.")] = True
    align: Annotated[
        bool, Label("Align"), Help("Moves the other sequences onto the first one as rigid bodies: patients move."),
    ] = True
    even_brightness: Annotated[
        bool, Label("Even out brightness"), Help("Takes off the coil's shading (N4) first; takes longer."),
    ] = True
    maps: Annotated[bool, Label("Tissue maps"), Help("T1, T2 and proton density, as far as they are known.")] = False


def _memory(inputs: Mapping[str, Any], parameters: Any) -> int:
    del parameters
    largest = max((v.voxels.size for v in inputs.values() if isinstance(v, Volume)), default=0)
    return 500_000_000 + 120 * int(largest)


@tool(
    "sequences.fit",
    title="Compute a missing MR sequence",
    sentence="Computes a sequence that was not acquired, such as DIR, from FLAIR, T1w, T2w or PD by MR physics, and "
    "maps how far the images leave it open.",
    reference="Signal equations of Bernstein et al. (2004); Bayesian estimation over tissue states, no training; rigid "
    "registration after Mattes et al. (2003); shading after Tustison et al. (2010)",
    inputs=VISIT,
    outputs=[
        Output("volume", Kind.VOLUME, "Computed sequence"),
        Output("uncertainty", Kind.VOLUME, "Uncertainty"),
        Output("knowledge", Kind.TABLE, "What the images tell"),
        Output("t1_map", Kind.VOLUME, "T1 map", optional=True),
        Output("t2_map", Kind.VOLUME, "T2 map", optional=True),
        Output("density_map", Kind.VOLUME, "Proton density map", optional=True),
    ],
    memory_bytes=_memory,
    limits="For brains. It knows brain tissue and lesions of multiple sclerosis; what is neither (tumour, blood, "
    "contrast agent) is shown as what it looks most like. No sequence can show what the given ones do not hold.",
)
def fit(
    flair: Volume | None, t1w: Volume | None, t2w: Volume | None, pd: Volume | None, parameters: FittedSequence,
    run: Run,
) -> Outputs:
    """Align, even out, calibrate, estimate."""
    given = {name: volume for name, volume in (("flair", flair), ("t1w", t1w), ("t2w", t2w), ("pd", pd))
             if volume is not None}
    if not given:
        raise InputError("No sequence was given. Choose a FLAIR, T1w, T2w or PD volume, or several.")
    target = next(iter(given.values()))
    names = list(given)
    kinds = {name: _kind(name, parameters) for name in names}
    doubts = {name: header_doubt(given[name], kinds[name]) for name in names}
    told = [doubt for doubt in doubts.values() if doubt]
    for name in names:
        check_slices(given[name], LABELS[name])
    images, inside = brought_together(given, target, run.part(0.0, 0.4), align=parameters.align,
                                      even_brightness=parameters.even_brightness)
    run.progress(0.41, "find the brain")
    shown = Volume(images[..., 0], target.geometry, modality="MR", dicom=target.dicom)
    brain, _ = checked_brain(shown, kinds[names[0]], LABELS[names[0]], run, parameters.field_t)
    if t1w is not None:
        agent = agent_note(t1w, images[..., names.index("t1w")], brain, LABELS["t1w"])
        told += [agent] if agent else []
    states = head_states(parameters.field_t)
    # Headers of another sequence have times that this one cannot have.
    timings = {name: Timing() if doubts[name] else timing_from_dicom(given[name]) for name in names}
    signals = np.stack([states.signal(sequence_of(kinds[name], timings[name], parameters.field_t)) for name in names],
                       axis=1)
    run.progress(0.46, "compare brightness with physics")
    deep = _deep_in_the_head(inside, target)
    chosen = run.rng.choice(deep, min(_SAMPLE, len(deep)), replace=False)
    sample = images.reshape(-1, len(names))[chosen]
    calibration = calibrate(sample, signals, states.weight)
    run.progress(0.55, "check the names of the sequences")
    for sentence in (*told, *doubtful_names(sample, states, kinds, parameters.field_t, timings)):
        run.note(sentence)
    run.progress(0.6, "weigh the states of tissue")
    wanted = states.signal(sequence_of(parameters.contrast, field_t=parameters.field_t),
                           fat_suppressed=parameters.fat_suppressed)
    maps = states.maps
    flat = images.reshape(-1, len(names))
    head = inside.ravel()
    found = posterior(flat[head], calibration, states, signals, [wanted, *maps.values()], run.part(0.6, 0.95))
    misfit = _strange_share(sample, calibration, states, signals)
    if misfit > 0.25:
        run.note(f"{100 * misfit:.0f} % of the brain's voxels fit no known tissue. Check that each sequence was given "
                 "under its own name, without contrast agent, and that the field strength is right.")
    run.progress(0.96, "write the result")
    brightness = np.zeros(head.size, np.float32)
    brightness[head] = found.mean[0]
    scale = _SHOWN / max(float(np.quantile(brightness[deep], 0.995)), 1e-9)
    return _outputs(found, head, target, parameters, states, wanted, maps, misfit, names, given, scale)


def _kind(name: str, parameters: FittedSequence) -> Contrast:
    return Contrast.T1W_SPIN_ECHO if name == "t1w" and parameters.t1w_is_spin_echo else _GIVEN[name]


def _deep_in_the_head(inside: Foreground, target: Volume) -> npt.NDArray[np.int64]:
    """Flat indices of voxels where the brain is."""
    depth = depth_mm(inside, np.array(target.geometry.spacing_kji_mm))
    deep = np.flatnonzero(depth > min(_DEPTH_MM, 0.5 * float(depth.max())))
    if len(deep) < 200:
        raise InputError("There is hardly any head in the images (fewer than 200 voxels). Are they of a brain?")
    return deep


def _strange_share(sample: Values, calibration: Calibration, states: TissueStates, signals: Values) -> float:
    """Share of the brain's voxels that no state explains, to within `_STRANGE` errors."""
    predicted = (signals * calibration.gains / calibration.errors)[states.weight > 0]
    from scipy.spatial import cKDTree

    distance, _ = cKDTree(predicted).query(sample / calibration.errors)
    return float(np.mean(distance > _STRANGE))


def _outputs(
    found: Posterior, head: Foreground, target: Volume, parameters: FittedSequence, states: TissueStates,
    wanted: Values, maps: dict[str, Values], misfit: float, names: list[str], given: dict[str, Volume], scale: float,
) -> Outputs:
    def volume(values: Values, **meaning: Any) -> Volume:
        voxels = np.zeros(head.size, np.float32)
        voxels[head] = values
        return Volume(voxels.reshape(target.shape), target.geometry, modality="MR", **meaning)

    title = f"Synthetic {parameters.contrast.value}"
    outputs: dict[str, Any] = {
        "volume": volume(found.mean[0] * scale, quantity="signal", name=title, window=(500.0, 1000.0)),
        "uncertainty": volume(found.deviation[0] * scale, quantity="uncertainty", name=f"{title} uncertainty",
                              window=(150.0, 300.0)),
        "knowledge": _knowledge(found, states, wanted, maps, misfit, parameters, names, given),
    }
    if parameters.maps:
        for at, (name, title, unit, window) in enumerate((
            ("density_map", "Proton density map", "", (0.5, 1.0)), ("t1_map", "T1 map", "ms", (1500.0, 3000.0)),
            ("t2_map", "T2 map", "ms", (150.0, 300.0))), start=1):
            outputs[name] = volume(found.mean[at], quantity=title.removesuffix(" map"), unit=unit, name=title,
                                   window=window)
    return Outputs(**outputs)


def _knowledge(
    found: Posterior, states: TissueStates, wanted: Values, maps: dict[str, Values], misfit: float,
    parameters: FittedSequence, names: list[str], given: dict[str, Volume],
) -> Table:
    """How much of what was open before the images they have settled."""
    rows: list[tuple[Cell, ...]] = []
    before = {parameters.contrast.value: wanted, "Proton density": maps["density"], "T1": maps["t1_ms"],
              "T2": maps["t2_ms"]}
    for at, (title, values) in enumerate(before.items()):
        mean = float(np.sum(states.weight * values))
        spread = float(np.sqrt(np.sum(states.weight * (values - mean) ** 2)))
        left = float(np.sqrt(np.mean(found.deviation[at].astype(np.float64) ** 2)))
        told = float(np.clip(1 - (left / spread) ** 2, 0, 1)) if spread > 0 else 0.0
        rows.append((title, round(100 * told, 1), round(100 * left / max(mean, 1e-9), 1), _verdict(told)))
    rows.append(("Voxels that fit no known tissue", None, round(100 * misfit, 1), "-"))
    for name in names:
        known = timing_from_dicom(given[name]).repetition_time_ms is not None
        rows.append((f"Timing of {LABELS[name]}", None, None, "from its headers" if known else "usual values assumed"))
    return Table((Column("quantity", "Quantity"), Column("told", "Told by the images", "%"),
                  Column("left", "Left open", "% of the mean"), Column("verdict", "Verdict")), tuple(rows),
                 name="what the images tell")


def _verdict(told: float) -> str:
    if told >= 0.9:
        return "known"
    return "known in part" if told >= 0.6 else "hardly known: do not rely on it"

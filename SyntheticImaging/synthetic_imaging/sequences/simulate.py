"""The tool: what a sequence shows of given tissue maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within
from synthetic_imaging.physics.mr.imaging import coil_shading, with_noise
from synthetic_imaging.physics.mr.tissue import Tissue
from synthetic_imaging.sequences.protocols import Contrast, Timing, sequence_of
from synthetic_imaging.tool import Image, Kind, Output, Outputs, tool
from synthetic_imaging.volume import Volume

# Above these a map is not in milliseconds, or is no map of times.
_LONGEST_MS = 20_000.0


@dataclass(frozen=True)
class SimulatedSequence:
    """Which sequence; times that are left automatic are the usual ones, inversion times those that null."""

    contrast: Annotated[Contrast, Label("Sequence"), Help("What the scanner would have been asked for.")] = Contrast.DIR
    repetition_time_ms: Annotated[float | None, Label("Repetition time (TR)"), Unit("ms"), Within(1, 30_000)] = None
    echo_time_ms: Annotated[float | None, Label("Echo time (TE)"), Unit("ms"), Within(0.1, 1000)] = None
    inversion_time_ms: Annotated[
        float | None, Label("Inversion time (TI)"), Unit("ms"), Within(1, 10_000),
        Help("Of a DIR, the later one. Automatic nulls CSF in a FLAIR, CSF and white matter in a DIR, fat in a STIR."),
    ] = None
    first_inversion_ms: Annotated[
        float | None, Label("First inversion time"), Unit("ms"), Within(1, 10_000), Advanced,
        Help("Of a DIR: from the first inversion to the second."),
    ] = None
    flip_degrees: Annotated[
        float | None, Label("Flip angle"), Unit("degrees"), Within(1, 90), Advanced, Help("Of a gradient echo."),
    ] = None
    field_t: Annotated[
        float, Label("Field strength"), Unit("T"), Within(1.5, 3.0),
        Help("Decides automatic inversion times; the maps must have been measured at it."),
    ] = 3.0
    noise_percent: Annotated[
        float, Label("Noise"), Unit("%"), Within(0, 50), Help("Of the brightest tissue's signal."),
    ] = 0.0
    shading_percent: Annotated[
        float, Label("Uneven coil"), Unit("%"), Within(0, 80), Advanced,
        Help("How far brightness drifts over the image."),
    ] = 0.0


def _memory(inputs: Mapping[str, Any], parameters: Any) -> int:
    del parameters
    return 140 * int(inputs["t1_map"].voxels.size)


@tool(
    "sequences.simulate",
    title="Simulate an MR sequence",
    sentence="Shows what a sequence of chosen timing makes of maps of T1, T2 and proton density.",
    reference="Bernstein, King and Zhou, Handbook of MRI Pulse Sequences (2004); Redpath and Smith (1994) for DIR; "
    "noise after Gudbjartsson and Patz (1995)",
    inputs=[
        Image("t1_map", "T1 map", modality="MR", help="Values in ms."),
        Image("t2_map", "T2 map", modality="MR", same_grid_as="t1_map", help="Values in ms."),
        Image("density_map", "Proton density map", modality="MR", required=False, same_grid_as="t1_map",
              help="Any unit; the same everywhere when left out."),
        Image("t2star_map", "T2* map", modality="MR", required=False, same_grid_as="t1_map",
              help="Values in ms, for gradient echoes; T2 when left out."),
    ],
    outputs=[Output("volume", Kind.VOLUME, "Simulated sequence", like="t1_map")],
    memory_bytes=_memory,
    limits="One tissue per voxel, on resonance, ideal pulses: no flow, no susceptibility, no ringing. Turbo spin "
    "echoes count as one echo at the effective echo time.",
)
def simulate(
    t1_map: Volume, t2_map: Volume, density_map: Volume | None, t2star_map: Volume | None,
    parameters: SimulatedSequence, run: Run,
) -> Outputs:
    """Signal, coil, noise, magnitude; voxels without T1 or T2 are air."""
    p = parameters
    sequence = sequence_of(
        p.contrast, Timing(p.repetition_time_ms, p.echo_time_ms, p.inversion_time_ms, p.first_inversion_ms,
                           p.flip_degrees), p.field_t,
    )
    t1, t2 = _times(t1_map, "T1 map"), _times(t2_map, "T2 map")
    t2star = t2 if t2star_map is None else _times(t2star_map, "T2* map")
    present = (t1 > 0) & (t2 > 0) & (t2star > 0)
    if not present.any():
        raise InputError("No voxel of the maps has both a T1 and a T2 above 0.")
    density = np.ones(t1.shape, np.float32)
    if density_map is not None:
        density = density_map.voxels.astype(np.float32)
        if density.min() < 0:
            raise InputError(f"The proton density map holds values below 0 ({density.min():.4g}).")
        density = density / max(float(density.max()), 1e-9)
    run.progress(0.1, "signal")
    signal = np.zeros(t1.shape, np.float32)
    signal[present] = sequence.signal(Tissue(density[present], t1[present], t2[present], t2star[present]))
    run.progress(0.6, "coil and noise")
    if p.shading_percent:
        signal = signal * coil_shading(signal.shape, run.rng, float(np.log1p(p.shading_percent / 100)))
    magnitude = np.abs(signal)
    brightest = float(np.percentile(magnitude[present], 99.5))
    if p.noise_percent:
        magnitude = with_noise(magnitude, p.noise_percent / 100 * brightest, run.rng)
    if brightest <= 0:
        raise InputError("No tissue gives a signal with this timing. Choose other times.")
    scale = 1000.0 / brightest  # readers of images expect whole numbers of this size
    voxels = np.asarray(magnitude * scale, np.float32)
    return Outputs(volume=Volume(
        voxels, t1_map.geometry, modality="MR", quantity="signal", name=f"Synthetic {p.contrast.value}",
        window=(500.0, 1100.0),
    ))


def _times(volume: Volume, title: str) -> Any:
    values = volume.voxels.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    if low < 0:
        raise InputError(f"The {title} holds values below 0 ({low:.4g}). Relaxation times are above 0 ms.")
    if high > _LONGEST_MS:
        raise InputError(f"The {title} reaches {high:.4g}; relaxation times in ms stay below {_LONGEST_MS:g}.")
    if high < 10:
        raise InputError(f"The {title} stays below {high:.3g}. Are these seconds? Relaxation times must be in ms.")
    return values

"""What a three-dimensional ultrasound scanner makes of tissue: speckle, attenuation, shadow, haze, log compression.

Works on the scanner's own grid, (range, elevation, azimuth): beams in a pyramid from one point. Input are maps of how
strongly tissue scatters, reflects and absorbs; output is brightness 0..1 on the same grid. Nothing here knows what is
in the body. Baseband model: complex Gaussian scatterers under a separable point spread (Meunier and Bertrand 1995;
the envelope of fully developed speckle follows Rayleigh's distribution).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import ParameterError

Floats = npt.NDArray[np.float32]

_LIMITS: dict[str, tuple[float, float]] = {
    "depth_mm": (40, 300),
    "azimuth_degrees": (20, 110),
    "elevation_degrees": (20, 110),
    "frequency_mhz": (1, 8),
    "dynamic_range_db": (30, 90),
    "gain_db": (-20, 20),
    "pulse_mm": (0.2, 6),
    "beam_degrees": (0.4, 8),
    "harmonic_haze": (0, 2),
    "tgc_error": (0, 1),
}


@dataclass(frozen=True)
class EchoProtocol:
    """The probe and the settings of the scanner.

    Attributes:
        depth_mm: how deep the image reaches.
        azimuth_degrees, elevation_degrees: full opening angles of the pyramid.
        frequency_mhz: attenuation goes with it.
        dynamic_range_db: from the darkest to the brightest grey.
        gain_db: moves all greys.
        pulse_mm: length of the pulse (full width at half maximum): grain of the speckle along the beam.
        beam_degrees: width of the beam: grain across it, so that in mm it widens with depth.
        harmonic_haze: strength of the haze near the probe.
        tgc_error: how badly time gain compensation follows the attenuation; 0 perfectly.

    Raises:
        ParameterError: if a number is out of its range.
    """

    depth_mm: float = 155.0
    azimuth_degrees: float = 78.0
    elevation_degrees: float = 68.0
    frequency_mhz: float = 2.6
    dynamic_range_db: float = 58.0
    gain_db: float = 0.0
    pulse_mm: float = 1.3
    beam_degrees: float = 2.2
    harmonic_haze: float = 0.6
    tgc_error: float = 0.25

    def __post_init__(self) -> None:
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ParameterError(f"An echo's {name} lies between {least:g} and {most:g}; {value} was asked for.")


@dataclass(frozen=True)
class BeamGrid:
    """Sample points of a pyramid of beams, (range, elevation, azimuth).

    Attributes:
        ranges_mm, elevations, azimuths: distances from the probe's point and angles in radians, evenly spaced.
    """

    ranges_mm: npt.NDArray[np.float64]
    elevations: npt.NDArray[np.float64]
    azimuths: npt.NDArray[np.float64]

    @classmethod
    def covering(cls, protocol: EchoProtocol, range_step_mm: float, angle_step_degrees: float) -> BeamGrid:
        """A grid over the whole pyramid with about these steps."""
        ranges = np.linspace(2.0, protocol.depth_mm, max(8, round((protocol.depth_mm - 2) / range_step_mm) + 1))
        angles = [
            np.deg2rad(np.linspace(-full / 2, full / 2, max(4, round(full / angle_step_degrees) + 1)))
            for full in (protocol.elevation_degrees, protocol.azimuth_degrees)
        ]
        return cls(ranges, angles[0], angles[1])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Samples along (range, elevation, azimuth)."""
        return (self.ranges_mm.size, self.elevations.size, self.azimuths.size)

    @property
    def steps(self) -> tuple[float, float, float]:
        """Step in mm along the range, in radians across."""
        return tuple(float(a[1] - a[0]) for a in (self.ranges_mm, self.elevations, self.azimuths))  # type: ignore[return-value]

    def positions(self) -> Floats:
        """(R, E, A, 3) positions in mm in the probe's frame: azimuth, elevation, depth."""
        across = np.tan(self.azimuths)[None, :]
        above = np.tan(self.elevations)[:, None]
        ahead = 1.0 / np.sqrt(1.0 + across**2 + above**2)
        directions = np.stack([across * ahead, above * ahead, ahead], axis=-1).astype(np.float32)
        return np.asarray(self.ranges_mm.astype(np.float32)[:, None, None, None] * directions)


def echo_image(
    scatter: Floats,
    reflect: Floats,
    absorb: Floats,
    beams: BeamGrid,
    protocol: EchoProtocol,
    rng: np.random.Generator,
    blocked: Floats | None = None,
) -> Floats:
    """Brightness 0..1 of every sample.

    Args:
        scatter: amplitude of the speckle, 1 for myocardium.
        reflect: amplitude of mirror-like echoes, as `specular` gives.
        absorb: attenuation in dB per cm and MHz.
        beams, protocol: grid and settings.
        rng: source of speckle, haze and electronic noise.
        blocked: (elevation, azimuth) share of the aperture that sees nothing (rib, lung), 0..1.

    Returns:
        (range, elevation, azimuth), float32.
    """
    field = speckle(scatter, beams, protocol, rng)
    field += reflect * (0.8 + 0.4 * rng.random(reflect.shape, dtype=np.float32))
    field *= _transmitted(absorb, beams, protocol)
    ranges = beams.ranges_mm.astype(np.float32)[:, None, None]
    if blocked is not None:
        # The shadow of something near fills in slowly with depth, as beams from the free part of the aperture cross.
        left = 1 - blocked[None] * (0.75 + 0.25 * np.exp(-ranges / 60))
        field *= np.clip(left, 0.02, 1)
    field += _haze(beams, protocol, rng)
    noise = rng.exponential(1.0, field.shape).astype(np.float32)
    field = np.sqrt(field * field + (0.006 * (1 + (ranges / protocol.depth_mm) ** 2 * 2.5)) ** 2 * noise)
    decibel = 20 * np.log10(np.maximum(field, 1e-6)) + np.float32(protocol.gain_db - 9.0)
    return np.asarray(np.clip(1 + decibel / protocol.dynamic_range_db, 0, 1), dtype=np.float32)


def speckle(scatter: Floats, beams: BeamGrid, protocol: EchoProtocol, rng: np.random.Generator) -> Floats:
    """Envelope of complex scatterers seen through the point spread; its mean square is that of ``scatter``, blurred."""
    along, up, across = beams.steps
    angle = np.deg2rad(protocol.beam_degrees) / 2.355
    sigmas = (protocol.pulse_mm / 2.355 / along, 1.15 * angle / up, angle / across)
    power = np.zeros(scatter.shape, dtype=np.float32)
    for _ in range(2):
        part = scatter * rng.standard_normal(scatter.shape, dtype=np.float32)
        for axis, sigma in enumerate(sigmas):
            if sigma > 0.15:
                part = _spread(part, sigma, axis)
        power += part * part
    return np.asarray(np.sqrt(0.5 * power), dtype=np.float32)


def _spread(part: Floats, sigma: float, axis: int) -> Floats:
    from scipy.ndimage import correlate1d

    reach = max(1, int(np.ceil(2.6 * sigma)))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= np.sqrt((taps**2).sum())  # keeps the power; so does wrapping round at the edges, which mirroring does not
    return np.asarray(correlate1d(part, taps.astype(np.float32), axis=axis, mode="wrap"))


def specular(impedance: Floats, beams: BeamGrid) -> Floats:
    """Mirror-like echoes: the change of impedance along the beam, counted where the surface faces the probe."""
    along, up, across = beams.steps
    ranges = np.maximum(beams.ranges_mm, 10.0).astype(np.float32)[:, None, None]
    change = np.gradient(impedance, along, axis=0)
    sideways = np.gradient(impedance, up, axis=1) / ranges
    other = np.gradient(impedance, across, axis=2) / ranges
    size = np.sqrt(change**2 + sideways**2 + other**2) + np.float32(1e-6)
    facing = np.abs(change) / size
    return np.asarray(size * facing**3, dtype=np.float32)


def _transmitted(absorb: Floats, beams: BeamGrid, protocol: EchoProtocol) -> Floats:
    """Amplitude left after the way to each sample and back, times the scanner's compensation for average tissue."""
    step_cm = beams.steps[0] / 10
    loss_db = 2 * np.cumsum(absorb, axis=0) * np.float32(step_cm * protocol.frequency_mhz)
    average = loss_db.mean(axis=(1, 2), keepdims=True)
    return np.asarray(10 ** ((average * np.float32(1 - protocol.tgc_error) - loss_db) / 20), dtype=np.float32)


def _haze(beams: BeamGrid, protocol: EchoProtocol, rng: np.random.Generator) -> Floats:
    """Clutter near the probe: reverberation between skin and ribs, bands that fade over a few centimetres."""
    from scipy import ndimage

    shape = beams.shape
    ranges = beams.ranges_mm[:, None, None]
    coarse = rng.standard_normal((max(2, shape[0] // 8), max(2, shape[1] // 4), max(2, shape[2] // 4)))
    factors = [n / m for n, m in zip(shape, coarse.shape, strict=True)]
    cloud = ndimage.zoom(coarse.astype(np.float32), factors, order=1)[: shape[0], : shape[1], : shape[2]]
    period = rng.uniform(7, 12)
    bands = 0.7 + 0.5 * np.cos(2 * np.pi * ranges / period + rng.uniform(0, 2 * np.pi))
    near = 1.3 * np.exp(-ranges / 7) + 0.10 * np.exp(-ranges / 26) * bands
    grain = np.sqrt(rng.exponential(1.0, shape).astype(np.float32))
    return np.asarray(
        protocol.harmonic_haze * near * np.clip(0.8 + 0.35 * cloud, 0.1, None) * (0.45 + 0.6 * grain), dtype=np.float32
    )

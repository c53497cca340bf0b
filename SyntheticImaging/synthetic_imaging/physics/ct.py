"""What a CT scanner makes of attenuation: blur, grain with the kernel's noise power spectrum, streaks.

Input is a map of Hounsfield units without noise, output one with it. Nothing here knows what is in the body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import ParameterError

Floats = npt.NDArray[np.float32]
Kernel = Literal["smooth", "standard", "sharp"]
AIR_HU, MOST_HU = -1024, 3071
# Frequency in 1/mm at which the reconstruction kernel's window has fallen to one half, and sigma of its blur in mm.
_HALF_FREQUENCY: dict[str, float] = {"smooth": 0.28, "standard": 0.40, "sharp": 0.62}
_BLUR_MM: dict[str, float] = {"smooth": 0.75, "standard": 0.55, "sharp": 0.35}


@dataclass(frozen=True)
class CtProtocol:
    """How the scan is reconstructed.

    Attributes:
        kernel: reconstruction kernel.
        noise_hu: standard deviation of the grain in the reconstructed voxels of soft tissue, 0 to 200 HU.
        slice_mm: thickness over which the grain is one along K.
        streaks: strength of the streaks from dense matter; 0 none, 1 as a scanner without correction.

    Raises:
        ParameterError: if a number is out of range or the kernel unknown.
    """

    kernel: Kernel = "standard"
    noise_hu: float = 22.0
    slice_mm: float = 1.0
    streaks: float = 1.0

    def __post_init__(self) -> None:
        if self.kernel not in get_args(Kernel):
            raise ParameterError(
                f"The CT kernel '{self.kernel}' is unknown; there are: {', '.join(get_args(Kernel))}."
            )
        for name, least, most in (("noise_hu", 0, 200), ("slice_mm", 0.1, 20), ("streaks", 0, 3)):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ParameterError(f"A CT protocol's {name} lies between {least} and {most}; {value} was asked for.")


def noise_power(frequency_per_mm: npt.NDArray[np.float64], kernel: Kernel) -> npt.NDArray[np.float64]:
    """Relative noise power at a radial frequency in the slice.

    Filtered back-projection's ramp leaves power that rises with frequency, until the kernel's window ends it:
    NPS(f) = f W(f)^2 (Riederer, Pelc, Chesler 1978), with W(f) = 2^-(f/f_half)^2.
    """
    window = np.exp2(-((frequency_per_mm / _HALF_FREQUENCY[kernel]) ** 2))
    return np.asarray(frequency_per_mm * window**2)


def grain(
    shape_kji: tuple[int, int, int], spacing_kji_mm: tuple[float, float, float], protocol: CtProtocol,
    rng: np.random.Generator,
) -> Floats:
    """Correlated noise (K, J, I) of unit variance: ramp-filtered in each slice, blurred over the slice's thickness."""
    from scipy import fft

    k, j, i = shape_kji
    white = rng.standard_normal(shape_kji, dtype=np.float32)
    fj = np.fft.fftfreq(j, spacing_kji_mm[1])[:, None]
    fi = np.fft.rfftfreq(i, spacing_kji_mm[2])[None, :]
    amplitude = np.sqrt(noise_power(np.hypot(fj, fi), protocol.kernel)).astype(np.float32)
    weight = np.full(fi.shape, 2.0)
    weight[0, 0] = 1.0
    if i % 2 == 0:
        weight[0, -1] = 1.0
    amplitude /= np.float32(np.sqrt(max(float((amplitude.astype(np.float64) ** 2 * weight).sum()) / (j * i), 1e-12)))
    made = fft.irfft2(fft.rfft2(white, axes=(1, 2)) * amplitude, s=(j, i), axes=(1, 2))
    sigma = 0.42 * protocol.slice_mm / spacing_kji_mm[0]
    if sigma > 0.2 and k > 1:
        reach = max(1, round(3 * sigma))
        taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        taps /= np.sqrt((taps**2).sum())
        from scipy import ndimage

        made = ndimage.convolve1d(made, taps.astype(np.float32), axis=0, mode="wrap")
    return np.asarray(made, dtype=np.float32)


def scan(
    hounsfield: Floats, spacing_kji_mm: tuple[float, float, float], protocol: CtProtocol, rng: np.random.Generator
) -> npt.NDArray[np.int16]:
    """A CT (int16 HU) of a body without noise.

    Args:
        hounsfield: (K, J, I) attenuation, HU, slices along K.
        spacing_kji_mm: edges of a voxel.
        protocol: reconstruction.
        rng: source of the grain.
    """
    image = np.array(hounsfield, dtype=np.float32)
    _blur(image, spacing_kji_mm, _BLUR_MM[protocol.kernel])
    if protocol.streaks > 0:
        from synthetic_imaging.physics.ct_streaks import streaks

        image += np.float32(protocol.streaks) * streaks(hounsfield, spacing_kji_mm, rng)
    if protocol.noise_hu > 0:
        strength = np.float32(protocol.noise_hu) * noise_level(hounsfield, spacing_kji_mm)
        image += strength * grain(image.shape, spacing_kji_mm, protocol, rng)
    np.clip(image, AIR_HU, MOST_HU, out=image)
    return np.rint(image).astype(np.int16)


def noise_level(hounsfield: Floats, spacing_kji_mm: tuple[float, float, float]) -> Floats:
    """How strong the grain is at each voxel, 1 on average: it grows with what the rays through the voxel had to cross.

    Rays along the rows and columns stand for all; their photons fall with exp(-path), noise power is the mean of the
    inverses, half of it shared by the slice (back-projection spreads it).
    """
    water = np.clip(1.0 + hounsfield.astype(np.float32) / 1000, 0, 2.5)
    along_i = water.mean(axis=2, keepdims=True)
    along_j = water.mean(axis=1, keepdims=True)
    length = 0.0195 * 0.35  # per mm at 70 keV, with the tube's modulation taking most of it
    field = 0.5 * (
        np.exp(length * water.shape[2] * spacing_kji_mm[2] * along_i)
        + np.exp(length * water.shape[1] * spacing_kji_mm[1] * along_j)
    )
    level = np.sqrt(0.5 * field + 0.5 * field.mean(axis=(1, 2), keepdims=True))
    return np.asarray(level / level.mean(), dtype=np.float32)


def _blur(image: Floats, spacing_kji_mm: tuple[float, float, float], sigma_mm: float) -> None:
    from scipy import ndimage

    for axis in (1, 2):
        sigma = sigma_mm / spacing_kji_mm[axis]
        if sigma > 0.3:
            ndimage.gaussian_filter1d(image, sigma, axis=axis, output=image, truncate=3)

"""The three-dimensional Haar wavelet transform: eight half-size sub-bands as channels, and exactly back.

Orthonormal: energy is kept. Sub-bands lie in the order of `BANDS`; the letters stand for the K, J and I axes, L for the
sum and H for the difference (first minus second) of neighbouring voxels, over the square root of two. Works on numpy
arrays and torch tensors alike and is differentiable on the latter.

Source: wavelet diffusion for volumes (Friedrich et al. 2024, WDM), which divides the LLL band by 3: it sums eight
voxels over 2 sqrt(2) and would reach 2.83 for an image in 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from synthetic_imaging.errors import InputError, ParameterError

BANDS = ("LLL", "LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH")
WDM_DIVISOR = 3.0
_ORTHONORMAL = 8**-0.5

# numpy.ndarray or torch.Tensor.
Array = TypeVar("Array")


def dwt(image: Array, low_divisor: float = 1.0) -> Array:
    """The sub-bands of a batch of images.

    Args:
        image: (B, C, K, J, I), numpy array or torch tensor; K, J, I even. Whole numbers become single precision.
        low_divisor: what LLL is divided by; `WDM_DIVISOR` for WDM.

    Returns:
        (B, 8 C, K/2, J/2, I/2): all C channels of LLL, then all of LLH, and so on in the order of `BANDS`.

    Raises:
        InputError: for other numbers of axes, odd or empty axes, or complex numbers.
        ParameterError: for a divisor that is not above 0.
    """
    x, library = _checked(image, low_divisor)
    if _as_fast_in_numpy(x, library):
        return library.from_numpy(dwt(x.detach().numpy(), low_divisor))  # type: ignore[no-any-return]
    if any(n % 2 for n in x.shape[2:]):
        raise InputError(
            f"The wavelet transform halves every axis; {_size(x)} voxels cannot be halved. Crop or pad to even numbers."
        )
    batch, channels, nk, nj, ni = x.shape
    k, j, i = nk // 2, nj // 2, ni // 2
    out = _empty(x, library, (batch, 8, channels, k, j, i))
    # Rows that lie next to each other in memory first, neighbouring voxels last: three times as fast as the reverse.
    planes = x.reshape(batch, channels, k, 2, j, 2, ni)
    for high_k in (0, 1):
        rows = _sum_or_difference(planes[:, :, :, 0], planes[:, :, :, 1], high_k)
        for high_j in (0, 1):
            line = _sum_or_difference(rows[:, :, :, :, 0], rows[:, :, :, :, 1], high_j)
            line *= _ORTHONORMAL
            band = 4 * high_k + 2 * high_j
            _butterfly(library, line[..., 0::2], line[..., 1::2], out, np.s_[:, band], np.s_[:, band + 1])
    if low_divisor != 1:
        out[:, 0] /= low_divisor
    return out.reshape(batch, 8 * channels, k, j, i)  # type: ignore[no-any-return]


def idwt(bands: Array, low_divisor: float = 1.0) -> Array:
    """The image of sub-bands; the inverse of `dwt`.

    Args:
        bands: (B, 8 C, K, J, I) in the order of `dwt`.
        low_divisor: as given to `dwt`.

    Returns:
        (B, C, 2 K, 2 J, 2 I).

    Raises:
        InputError: for other numbers of axes, or a number of channels that eight does not divide.
        ParameterError: for a divisor that is not above 0.
    """
    x, library = _checked(bands, low_divisor)
    if _as_fast_in_numpy(x, library):
        return library.from_numpy(idwt(x.detach().numpy(), low_divisor))  # type: ignore[no-any-return]
    if x.shape[1] % 8:
        raise InputError(f"Sub-bands come in eights; {x.shape[1]} channels are not sub-bands.")
    batch, eightfold, k, j, i = x.shape
    channels = eightfold // 8
    parts = x.reshape(batch, 8, channels, k, j, i)
    out = _empty(x, library, (batch, channels, k, 2, j, 2, 2 * i))
    planes = []
    for high_k in (0, 1):
        lines = []
        for high_j in (0, 1):
            band = 4 * high_k + 2 * high_j
            low, high = parts[:, band] * _ORTHONORMAL, parts[:, band + 1] * _ORTHONORMAL
            if band == 0 and low_divisor != 1:
                low *= low_divisor
            line = _empty(x, library, (batch, channels, k, j, 2 * i))
            _butterfly(library, low, high, line, np.s_[..., 0::2], np.s_[..., 1::2])
            lines.append(line)
        plane = _empty(x, library, (batch, channels, k, j, 2, 2 * i))
        _butterfly(library, lines[0], lines[1], plane, np.s_[:, :, :, :, 0], np.s_[:, :, :, :, 1])
        planes.append(plane)
    _butterfly(library, planes[0], planes[1], out, np.s_[:, :, :, 0], np.s_[:, :, :, 1])
    return out.reshape(batch, channels, 2 * k, 2 * j, 2 * i)  # type: ignore[no-any-return]


def pyramid(image: Array, levels: int = 2) -> list[Array]:
    """Several levels: LLL is transformed again and again.

    Args:
        image: (B, C, K, J, I); 2 to the power of ``levels`` divides K, J and I.
        levels: 1 or more.

    Returns:
        The last LLL (B, C, ...), then the other seven sub-bands (B, 7 C, ...) of each level, coarse to fine.

    Raises:
        InputError: as `dwt`.
        ParameterError: for fewer than one level.
    """
    if levels < 1:
        raise ParameterError(f"A pyramid has at least 1 level, not {levels}.")
    low: Any = image
    details: list[Any] = []
    for _ in range(levels):
        channels = np.shape(low)[1] if np.ndim(low) == 5 else 1
        bands = dwt(low)
        low, detail = bands[:, :channels], bands[:, channels:]
        details.insert(0, detail)
    return [low, *details]


def from_pyramid(parts: Sequence[Array]) -> Array:
    """The image of a `pyramid`.

    Raises:
        InputError: if its levels do not fit each other.
    """
    if len(parts) < 2:
        raise InputError("A pyramid has an LLL band and at least one level of details.")
    low: Any = parts[0]
    _, library = _checked(low, 1.0)
    for part in parts[1:]:
        detail: Any = part
        if tuple(detail.shape) != (low.shape[0], 7 * low.shape[1], *low.shape[2:]):
            raise InputError(f"Details of {tuple(detail.shape)} do not fit an LLL band of {tuple(low.shape)}.")
        low = idwt(library.concatenate([low, detail], 1))
    return low  # type: ignore[no-any-return]


def in_image_range(low: float, high: float, low_divisor: float = 1.0) -> Callable[[Any, Any], Any]:
    """A correction for samplers that diffuse sub-bands: to the image, clip it to low..high, and back (WDM).

    Raises:
        ParameterError: if low is not below high.
    """
    if not low < high:
        raise ParameterError(f"Clipping needs a low end below its high end, not {low:g} and {high:g}.")

    def correct(bands: Any, at: Any) -> Any:
        del at
        return dwt(idwt(bands, low_divisor).clip(low, high), low_divisor)

    return correct


def _checked(array: Any, low_divisor: float) -> tuple[Any, Any]:
    """The array as fractions, and its library."""
    if not (np.isfinite(low_divisor) and low_divisor > 0):
        raise ParameterError(f"LLL is divided by a number above 0, not {low_divisor:g}.")
    if "complex" in str(getattr(array, "dtype", "")):
        raise InputError("The wavelet transform is for real numbers.")
    if isinstance(array, np.ndarray):
        library: Any = np
        fractions = array if array.dtype.kind == "f" else array.astype(np.float32)
    else:
        import torch

        library = torch
        fractions = array if array.is_floating_point() else array.float()
    if fractions.ndim != 5 or 0 in fractions.shape:
        raise InputError(f"The wavelet transform takes (B, C, K, J, I), not {tuple(fractions.shape)}.")
    return fractions, library


def _as_fast_in_numpy(x: Any, library: Any) -> bool:
    """Whether a tensor's memory can be handed to numpy, whose loops here need no threads to be as fast as torch's."""
    if library is np or x.device.type != "cpu" or x.dtype not in (library.float32, library.float64):
        return False
    return not (x.requires_grad and library.is_grad_enabled())


def _size(x: Any) -> str:
    return " x ".join(str(n) for n in x.shape[2:])


def _empty(like: Any, library: Any, shape: tuple[int, ...]) -> Any:
    place = {} if library is np else {"device": like.device}
    return library.empty(shape, dtype=like.dtype, **place)


def _sum_or_difference(a: Any, b: Any, difference: int) -> Any:
    return a - b if difference else a + b


def _butterfly(library: Any, a: Any, b: Any, out: Any, total: Any, difference: Any) -> None:
    """a + b and a - b into two places of ``out``."""
    if library is not np and (a.requires_grad or b.requires_grad):
        out[total] = a + b  # autograd records no ``out``
        out[difference] = a - b
    else:
        library.add(a, b, out=out[total])
        library.subtract(a, b, out=out[difference])

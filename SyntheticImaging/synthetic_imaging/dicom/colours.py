"""Display colours between screen RGB and the CIELab integers of DICOM (PS3.3 C.10.7.1.1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# CIE XYZ under D65 of the sRGB primaries, and the white point.
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _XYZ.sum(axis=1)
_EDGE = 6 / 29


def cielab_from_rgb(colour: Sequence[float]) -> list[int]:
    """Three 16-bit integers from red, green, blue in 0..1."""
    rgb = np.clip(np.asarray(colour, dtype=np.float64), 0, 1)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    t = _XYZ @ linear / _WHITE
    x, y, z = np.where(t > _EDGE**3, np.cbrt(t), t / (3 * _EDGE**2) + 4 / 29)
    lab = np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
    scaled = np.array([lab[0] / 100 * 65535, (lab[1] + 128) / 255 * 65535, (lab[2] + 128) / 255 * 65535])
    return [int(v) for v in np.clip(np.rint(scaled), 0, 65535)]


def rgb_from_cielab(values: Sequence[int]) -> tuple[float, float, float]:
    """Red, green, blue in 0..1 from three 16-bit integers."""
    scaled = np.asarray(values, dtype=np.float64) / 65535
    light, a, b = scaled[0] * 100, scaled[1] * 255 - 128, scaled[2] * 255 - 128
    y = (light + 16) / 116
    f = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(f > _EDGE, f**3, 3 * _EDGE**2 * (f - 4 / 29)) * _WHITE
    linear = np.clip(np.linalg.solve(_XYZ, xyz), 0, 1)
    red, green, blue = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (round(float(red), 4), round(float(green), 4), round(float(blue), 4))

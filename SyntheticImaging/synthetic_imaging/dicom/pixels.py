"""Stored pixels to the numbers they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.voxel_types import smallest_whole

AIR_HU = -1024


def check_grey(header: Any, where: str) -> None:
    """Refuse colour images.

    Raises:
        FileError: if a pixel has several samples, or a palette.
    """
    palette = str(header.get("PhotometricInterpretation", "")) == "PALETTE COLOR"
    if int(header.get("SamplesPerPixel", 1)) != 1 or palette:
        raise FileError(f"{where} is a colour image; a grey-scale one is needed.")


def decoded(dataset: Any, where: str) -> npt.NDArray[Any]:
    """Stored values as pydicom decodes them, compressed or not.

    Raises:
        FileError: if the pixel data are missing, damaged or in a compression that cannot be decoded.
    """
    try:
        return np.asarray(dataset.pixel_array)
    except MemoryError:
        raise
    except NotImplementedError:
        syntax = getattr(dataset.file_meta.TransferSyntaxUID, "name", "unknown")
        raise FileError(
            f"{where} is compressed in a way that cannot be read ({syntax}). Export it uncompressed."
        ) from None
    except Exception as error:
        # The decoders raise many kinds; the first line says which bytes are wrong.
        text = (str(error).splitlines() or [type(error).__name__])[0]
        syntax = dataset.file_meta.get("TransferSyntaxUID")
        if syntax is not None and syntax.is_compressed:
            raise FileError(
                f"{where} cannot be decoded ({syntax.name}): it is damaged, or in an unsupported compression. "
                "Export it uncompressed."
            ) from None
        raise FileError(f"{where} is damaged or cut off ({text}). Export it again.") from None


def rescaled(
    stored: npt.NDArray[Any], header: Any, slope: float, intercept: float, modality: str
) -> npt.NDArray[Any]:
    """Values of one slice, as whole numbers where slope and intercept are whole, else in single precision.

    Pixels outside the scanner's field (PixelPaddingValue) of a CT become air (-1024 HU) if they lie below it; other
    modalities keep them.
    """
    if "ModalityLUTSequence" in header:
        from pydicom.pixels import apply_modality_lut

        return np.asarray(apply_modality_lut(stored, header))
    if stored.dtype.kind == "f":
        values = stored * slope + intercept if (slope, intercept) != (1.0, 0.0) else stored
    elif slope.is_integer() and intercept.is_integer():
        wide = np.int64 if abs(slope) > 1000 or stored.dtype.itemsize > 2 else np.int32
        values = stored.astype(wide) * int(slope) + int(intercept)
    else:
        values = (stored * slope + intercept).astype(np.float32)
    padding = header.get("PixelPaddingValue")
    if padding is not None and modality == "CT":
        low, high = sorted((_signed(padding, header), _signed(header.get("PixelPaddingRangeLimit", padding), header)))
        outside = (stored >= low) & (stored <= high)
        values[outside] = np.maximum(values[outside], AIR_HU)
    return values


def _signed(value: Any, header: Any) -> int:
    """Some scanners write the padding of signed pixels as unsigned."""
    number, bits = int(value), int(header.BitsAllocated)
    return number - (1 << bits) if header.get("PixelRepresentation") == 1 and number >= 1 << (bits - 1) else number


def smallest(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Whole numbers in the smallest of int16, uint16, int32 that holds them; double precision becomes single."""
    if values.dtype.kind not in "iu":
        keep = values.dtype == np.float64 and not _fits_single(values)
        return values if keep else values.astype(np.float32, copy=False)
    return smallest_whole(values)


def _fits_single(values: npt.NDArray[Any]) -> bool:
    return bool(np.isfinite(values.astype(np.float32)).all())


def rescale_of(header: Any) -> tuple[float, float]:
    """Slope and intercept; 1 and 0 where absent. The dose grid's scaling counts as a slope."""
    slope = header.get("RescaleSlope")
    if slope is None:
        slope = header.get("DoseGridScaling")
    intercept = header.get("RescaleIntercept")
    return float(1 if slope is None else slope), float(0 if intercept is None else intercept)

"""Which number types the files (and 3D Slicer) hold, and exact casts to them."""

from __future__ import annotations

import numpy as np

from synthetic_imaging.errors import FileError
from synthetic_imaging.volume import Voxels

STORED = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def storable(voxels: Voxels, name: str) -> Voxels:
    """The voxels in a type that every format here and 3D Slicer hold, little-endian, with equal values.

    True/false becomes 0/1 in 8 bits, half precision becomes single, 64-bit whole numbers become 32-bit.

    Raises:
        FileError: if no such type holds the values exactly.
    """
    if voxels.dtype.name in STORED:
        return voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    if voxels.dtype == np.bool_:
        return voxels.view(np.uint8)
    if voxels.dtype == np.float16:
        return voxels.astype("<f4")
    if voxels.dtype.kind in "iu":
        low, high = int(voxels.min()), int(voxels.max())
        for type_name in ("int32", "uint32"):
            limits = np.iinfo(type_name)
            if limits.min <= low and high <= limits.max:
                return voxels.astype(np.dtype(type_name).newbyteorder("<"))
        raise FileError(
            f"'{name}' holds whole numbers from {low:,} to {high:,}, beyond 32 bits, which image files and 3D Slicer "
            "do not hold. Scale it, or convert it to floating point."
        )
    shrunk = voxels.astype(np.float64)
    if not np.array_equal(shrunk.astype(voxels.dtype), voxels, equal_nan=True):
        raise FileError(
            f"'{name}' holds {voxels.dtype} numbers that no image file holds exactly. Convert it to float64."
        )
    return shrunk


def smallest_whole(voxels: Voxels) -> Voxels:
    """Whole numbers in the first of int16, uint16, int32 that holds them all; in double precision if none does."""
    low, high = int(voxels.min()), int(voxels.max())
    for name in ("int16", "uint16", "int32"):
        limits = np.iinfo(name)
        if limits.min <= low and high <= limits.max:
            return voxels.astype(name, copy=False)
    return voxels.astype(np.float64)

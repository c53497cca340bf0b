"""NIfTI (.nii, .nii.gz) through nibabel, which keeps the header's matrix as it stands (ITK refuses shear)."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.voxel_types import smallest_whole
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.volume import Voxels


def read_nifti(path: Path) -> tuple[Voxels, Geometry, str]:
    """Voxels (K, J, I), geometry and the header's description.

    The stored scaling is applied; whole numbers stay whole numbers when the scaling is 1 and 0.

    Raises:
        FileError: if it is damaged, cut off, or not a scalar volume.
    """
    import nibabel

    try:
        image = nibabel.Nifti1Image.from_filename(path) if not _is_nifti2(path) else (
            nibabel.Nifti2Image.from_filename(path))
        shape = tuple(n for n in image.shape)
        while len(shape) > 3 and shape[-1] == 1:
            shape = shape[:-1]
        shape = (*shape, 1, 1)[:3] if len(shape) < 3 else shape
        if len(shape) != 3 or image.dataobj.dtype.names:
            raise FileError(
                f"'{path}' holds {' x '.join(map(str, shape))} values; a volume of plain numbers is needed."
            )
        slope, intercept = image.dataobj.slope, image.dataobj.inter
        array = _scaled(np.asarray(image.dataobj.get_unscaled()), float(slope), float(intercept))
    except (FileError, MemoryError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:
        # nibabel, gzip and numpy raise many kinds; all mean that the bytes are not what the header says.
        text = (str(error).splitlines() or ["unreadable"])[0]
        raise FileError(f"'{path}' is damaged or cut off ({text}). Copy or export it again.") from None
    array = array.reshape(shape, order="F").T
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False)), Geometry(
        np.asarray(image.affine, dtype=np.float64), array.shape
    ), str(image.header["descrip"].item().decode("latin-1", "replace"))


def _scaled(stored: Voxels, slope: float, intercept: float) -> Voxels:
    if (slope, intercept) == (1.0, 0.0):
        return stored
    if stored.dtype.kind in "iu" and stored.dtype.itemsize <= 4 and slope.is_integer() and intercept.is_integer():
        wide = np.int32 if stored.dtype.itemsize <= 2 and max(abs(slope), abs(intercept)) < 30000 else np.int64
        return smallest_whole(stored.astype(wide) * int(slope) + int(intercept))
    precise = stored.dtype.itemsize > 2 and stored.dtype != np.float32
    return np.asarray(stored * slope + intercept).astype(np.float64 if precise else np.float32)


def _is_nifti2(path: Path) -> bool:
    opened = gzip.open if _gzipped(path) else open
    with opened(path, "rb") as file:
        return file.read(4) in (b"\x1c\x02\x00\x00", b"\x00\x00\x02\x1c")


def _gzipped(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def write_nifti(temporary: Path, final: Path, voxels: Voxels, geometry: Geometry, name: str, description: str) -> None:
    """Write .nii or .nii.gz; the matrix is stored in single precision, as the format has it.

    Raises:
        FileError: if the grid is sheared, or lies so far away that single precision moves voxels by over 0.001 mm.
    """
    import nibabel

    if geometry.sheared:
        raise FileError(
            f"'{name}' has axes that are not perpendicular (a tilted gantry); NIfTI programs straighten them silently. "
            "Save it as .nrrd or .mha."
        )
    stored = Geometry(geometry.ijk_to_ras.astype(np.float32).astype(np.float64), geometry.shape)
    if not stored.same_grid(geometry, 2e-3):
        raise FileError(f"'{name}' lies too far from the origin for NIfTI's precision. Save it as .nrrd or .mha.")
    image = nibabel.Nifti1Image(voxels.T, geometry.ijk_to_ras, dtype=voxels.dtype)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    image.set_sform(geometry.ijk_to_ras, code=1)
    image.set_qform(geometry.ijk_to_ras, code=1)
    image.header["scl_slope"], image.header["scl_inter"] = 1, 0
    if final.name.lower().endswith(".gz"):
        with temporary.open("wb") as raw, gzip.GzipFile("", "wb", zlib.Z_BEST_SPEED, raw, mtime=0) as file:
            image.to_file_map({"image": nibabel.FileHolder(fileobj=file)})
    else:
        with temporary.open("wb") as file:
            image.to_file_map({"image": nibabel.FileHolder(fileobj=file)})

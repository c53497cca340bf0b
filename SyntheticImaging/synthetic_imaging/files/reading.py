"""Read a volume, a mask or a sequence from any known format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_imaging.errors import FileError, InputError
from synthetic_imaging.files.formats import Format, ending_of, format_of_content, name_of
from synthetic_imaging.files.meaning import Meaning, read_sidecar
from synthetic_imaging.files.segment_keys import segments_from_keys
from synthetic_imaging.files.staging import why
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.volume import Volume, Voxels


def read_volume(path: str | os.PathLike[str], *, series: str | None = None) -> Volume:
    """Read a scalar volume from NRRD, MetaImage, NIfTI or DICOM.

    Name, modality, unit, window and provenance come from the file's keys, from the JSON file beside it, or from DICOM.
    A file of a DICOM series stands for its whole series.

    Args:
        path: the file, or a folder with DICOM files.
        series: which DICOM series of a folder: its UID, or its position in the list (from 1).

    Raises:
        FileError: with a sentence that says what is wrong and what to do.
    """
    path = Path(path)
    kind = format_of_content(path)
    if kind is Format.DICOM:
        from synthetic_imaging.dicom.reading import read_series

        return read_series(path, series)
    if ending_of(path) == ".seg.nrrd":
        raise FileError(f"'{path}' is a segmentation, not a volume. Give it where a segmentation is asked for.")
    beside, _ = read_sidecar(path)
    voxels, geometry, keys, list_axis = _image(path, kind)
    if list_axis is not None:
        raise FileError(f"'{path}' holds {voxels.shape[0]} volumes, not one. Read it as a sequence.")
    meaning = Meaning.from_keys(keys).over(beside)
    try:
        return Volume(voxels, geometry, **meaning.for_volume(name_of(path)))
    except InputError as error:
        raise FileError(f"'{path}' cannot be used: {error}") from None


def read_mask(path: str | os.PathLike[str]) -> Mask:
    """Read a segmentation from .seg.nrrd, from a label map in any format, or from DICOM SEG.

    Labels without a name are called "label 1" and so on.

    Raises:
        FileError: with a sentence that says what is wrong and what to do.
    """
    path = Path(path)
    kind = format_of_content(path)
    if kind is Format.DICOM:
        from synthetic_imaging.dicom.segmentation import read_segmentation

        return read_segmentation(path)
    beside, raw = read_sidecar(path)
    voxels, geometry, keys, _ = _image(path, kind)
    meaning = Meaning.from_keys(keys).over(beside)
    stored = raw.get("segments")
    if not any(key.startswith("Segment0_") for key in keys) and isinstance(stored, dict):
        keys = {**keys, **{str(key): str(value) for key, value in stored.items()}}
    layers = _whole_numbers(path, voxels if voxels.ndim == 4 else voxels[None])
    try:
        segments = segments_from_keys(keys, layers)
        return Mask(layers, geometry, segments, meaning.name or name_of(path), meaning.provenance)
    except InputError as error:
        raise FileError(f"'{path}' cannot be used as a segmentation: {error}") from None


def read_sequence(path: str | os.PathLike[str]) -> Sequence:
    """Read a sequence from .seq.nrrd (or any NRRD with a fourth axis).

    Raises:
        FileError: with a sentence that says what is wrong and what to do.
    """
    path = Path(path)
    kind = format_of_content(path)
    if kind is Format.DICOM:
        from synthetic_imaging.dicom.cine import read_cine

        return read_cine(path)
    if kind is not Format.NRRD:
        raise FileError(f"'{path}' is a {kind.value} file; sequences are read from .seq.nrrd files.")
    from synthetic_imaging.files.nrrd_format import read_nrrd
    from synthetic_imaging.files.sequence_keys import sequence_from_nrrd

    beside, _ = read_sidecar(path)
    try:
        return sequence_from_nrrd(path, read_nrrd(path), name_of(path), beside)
    except OSError as error:
        raise why(error, path, "read") from None
    except InputError as error:
        raise FileError(f"'{path}' cannot be used as a sequence: {error}") from None


def _image(path: Path, kind: Format) -> tuple[Voxels, Geometry, dict[str, str], int | None]:
    try:
        if kind is Format.NRRD:
            from synthetic_imaging.files.nrrd_format import read_nrrd

            image = read_nrrd(path)
            return image.voxels, image.geometry, dict(image.keys), image.list_axis
        if kind is Format.METAIMAGE:
            from synthetic_imaging.files.metaimage import read_metaimage

            return (*read_metaimage(path), None)
        from synthetic_imaging.files.nifti import read_nifti

        voxels, geometry, _ = read_nifti(path)
        return voxels, geometry, {}, None
    except OSError as error:
        raise why(error, path, "read") from None
    except InputError as error:
        raise FileError(f"'{path}' cannot be used: {error}") from None
    except MemoryError:
        raise FileError(f"'{path}' is too large for this computer's memory, or its header is damaged.") from None


def _whole_numbers(path: Path, layers: Voxels) -> Voxels:
    """Label maps in the smallest unsigned type; floating point is accepted when it holds whole numbers."""
    low, high = layers.min(), layers.max()
    whole: Any = layers.dtype.kind in "iub" or (np.isfinite([low, high]).all() and (layers == np.rint(layers)).all())
    if not whole or low < 0 or high > np.iinfo(np.uint16).max:
        raise FileError(
            f"'{path}' is no segmentation: its values go from {low} to {high}. Labels are whole numbers, 0 to 65535."
        )
    return layers.astype(np.uint8 if high < 256 else np.uint16, copy=False)



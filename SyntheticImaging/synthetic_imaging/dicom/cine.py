"""A multi-frame DICOM image without positions (a cine) as a sequence of single slices in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synthetic_imaging.dicom.pixels import check_grey, decoded, rescale_of, rescaled, smallest
from synthetic_imaging.dicom.scanning import header_of
from synthetic_imaging.dicom.slice_grid import grid_of_planes, plane_of
from synthetic_imaging.errors import FileError
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.volume import Volume


def read_cine(path: Path) -> Sequence:
    """Frames over time in milliseconds (frame numbers where the frame time is not given).

    Raises:
        FileError: if it is a folder, holds one frame only, is in colour or damaged.
    """
    import pydicom

    header = None if path.is_dir() else header_of(path)
    if header is None or int(header.get("NumberOfFrames") or 1) < 2:
        raise FileError(f"'{path}' is no cine: give one DICOM file with several frames, or a .seq.nrrd file.")
    check_grey(header, f"'{path}'")
    try:
        dataset = pydicom.dcmread(path)
    except Exception as error:
        raise FileError(f"'{path}' is damaged or cut off ({error}). Export it again.") from None
    modality = str(dataset.get("Modality", ""))
    frames = smallest(rescaled(decoded(dataset, f"'{path}'"), dataset, *rescale_of(dataset), modality))
    _, geometry = grid_of_planes([plane_of(dataset)], f"'{path}'")
    milliseconds = float(dataset.get("FrameTime") or 0)
    index = np.arange(len(frames)) * (milliseconds or 1.0)
    name = str(dataset.get("SeriesDescription") or f"{modality} cine")
    return Sequence(
        tuple(Volume(frame[None], geometry, modality=modality, name=name) for frame in frames), tuple(index.tolist()),
        "time" if milliseconds else "frame", "ms" if milliseconds else "", name,
    )

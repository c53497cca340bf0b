"""Multi-frame DICOM images (enhanced CT and MR, dose grids, nuclear medicine) as volumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from synthetic_imaging.dicom.origin import DicomOrigin
from synthetic_imaging.dicom.pixels import check_grey, decoded, rescale_of, rescaled, smallest
from synthetic_imaging.dicom.slice_grid import Plane, grid_of_planes, plane_of
from synthetic_imaging.errors import FileError
from synthetic_imaging.volume import Volume


def read_multiframe(path: Path, where: str) -> Volume:
    """The frames of one file as a volume.

    Raises:
        FileError: if the frames have no positions (a cine), or do not form one regular stack.
    """
    import pydicom

    try:
        dataset = pydicom.dcmread(path)
    except Exception as error:
        raise FileError(f"'{path}' is damaged or cut off ({error}). Export it again.") from None
    check_grey(dataset, f"'{path}'")
    planes, rescales = _frames(dataset, where)
    order, geometry = grid_of_planes(planes, where)
    stored = decoded(dataset, f"'{path}'")
    stored = stored[None] if stored.ndim == 2 else stored
    if stored.shape[0] != len(planes):
        raise FileError(f"'{path}' is damaged: it holds {stored.shape[0]} frames, not {len(planes)}.")
    modality = str(dataset.get("Modality", ""))
    slices = [rescaled(stored[n], dataset, *rescales[n], modality) for n in order]
    header = pydicom.dcmread(path, stop_before_pixels=True)
    return Volume(
        smallest(np.stack(slices)), geometry, modality=modality,
        dicom=DicomOrigin((header,), geometry, tuple(n + 1 for n in order)),
    )


def _frames(dataset: Any, where: str) -> tuple[list[Plane], list[tuple[float, float]]]:
    if "PerFrameFunctionalGroupsSequence" in dataset:
        return _functional_groups(dataset)
    count = int(dataset.get("NumberOfFrames") or 1)
    base = plane_of(dataset)
    source = dataset
    if base.position is None and dataset.get("DetectorInformationSequence"):
        source = dataset.DetectorInformationSequence[0]
        base = plane_of(dataset, source, source)
    offsets = dataset.get("GridFrameOffsetVector")
    if base.position is None or base.orientation is None or (offsets is None and "SpacingBetweenSlices" not in dataset):
        raise FileError(
            f"{where} has {count} frames without positions in the patient (a cine). Read it as a sequence instead."
        )
    steps = [float(x) for x in offsets] if offsets is not None else [
        n * float(dataset.SpacingBetweenSlices) for n in range(count)]
    if offsets is not None and steps[0] != 0:
        steps = [x - steps[0] for x in steps]
    normal = np.cross(base.orientation[0], base.orientation[1])
    planes = [
        Plane(base.position + normal * step, base.orientation, base.spacing, base.thickness, base.shape)
        for step in steps
    ]
    return planes, [rescale_of(dataset)] * count


def _functional_groups(dataset: Any) -> tuple[list[Plane], list[tuple[float, float]]]:
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [{}])[0]

    def item(frame: Any, keyword: str) -> Any:
        for group in (frame, shared):
            found = group.get(keyword)
            if found:
                return found[0]
        return {}

    planes, rescales = [], []
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        planes.append(plane_of(
            dataset, item(frame, "PlanePositionSequence"), item(frame, "PlaneOrientationSequence"),
            item(frame, "PixelMeasuresSequence"),
        ))
        transform = item(frame, "PixelValueTransformationSequence")
        rescales.append(rescale_of(transform if transform else dataset))
    return planes, rescales

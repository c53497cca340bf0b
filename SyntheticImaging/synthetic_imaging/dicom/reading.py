"""Read a DICOM series as a volume: single slices or multi-frame, compressed or not, gantry tilt included."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_imaging.dicom.marks import read_marks
from synthetic_imaging.dicom.multiframe import read_multiframe
from synthetic_imaging.dicom.origin import DicomOrigin
from synthetic_imaging.dicom.pixels import check_grey, decoded, rescale_of, rescaled, smallest
from synthetic_imaging.dicom.scanning import SeriesSummary, header_of, is_segmentation, series_in, summary
from synthetic_imaging.dicom.slice_grid import grid_of_planes, plane_of
from synthetic_imaging.errors import FileError, InputError
from synthetic_imaging.volume import Volume, Voxels

QUANTITIES = {"CT": ("attenuation", "HU"), "MR": ("signal", ""), "PT": ("activity", ""), "US": ("echo", "")}


def list_series(folder: str | os.PathLike[str]) -> list[SeriesSummary]:
    """The image series in a folder and its subfolders.

    Raises:
        FileError: if the folder does not exist or cannot be read.
    """
    return series_in(Path(folder))


def read_series(path: str | os.PathLike[str], series_uid: str | None = None) -> Volume:
    """Read one DICOM series.

    Slices are put in the order of their positions; rescale slope and intercept are applied slice by slice; a tilted
    gantry gives the exact sheared grid. The volume's ``dicom`` refers to the series.

    Args:
        path: a folder, or any file of the series.
        series_uid: which series of a folder: its UID, or its position in `list_series` (from 1).

    Raises:
        FileError: with a sentence; for a folder with several series it lists them.
    """
    path = Path(path)
    where = f"The DICOM series in '{path}'"
    try:
        chosen = _chosen(path, series_uid)
        if _multiframe(chosen.headers[0]):
            if len(chosen.files) > 1:
                raise FileError(
                    f"{where} consists of {len(chosen.files)} multi-frame files. Give one of them, such as "
                    f"'{chosen.files[0].name}'."
                )
            volume = read_multiframe(chosen.files[0], where)
        else:
            volume = _read_slices(chosen, where)
        return _described(volume, chosen)
    except InputError as error:
        raise FileError(f"{where} cannot be used: {error}") from None
    except MemoryError:
        raise FileError(f"{where} is too large for this computer's memory.") from None
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        # Attributes that are missing or make no sense ("1A" where a number belongs).
        raise FileError(f"{where} has a damaged header ({error}). Export it again.") from None


def _chosen(path: Path, series: str | None) -> SeriesSummary:
    if path.is_dir():
        found = series_in(path)
        if not found:
            raise FileError(f"'{path}' holds no DICOM images. Choose the folder that holds the image files.")
    else:
        header = header_of(path)
        if header is None or "Rows" not in header:
            raise FileError(f"'{path}' is no DICOM image, or is damaged. Choose an image file or a folder of them.")
        if is_segmentation(header):
            raise FileError(f"'{path}' is a segmentation, not a volume. Give it where a segmentation is asked for.")
        found = series_in(path.parent, recursive=False)
        found = [s for s in found if s.series_uid == str(header.get("SeriesInstanceUID", ""))]
        if not found or _multiframe(header):
            return summary(str(header.get("SeriesInstanceUID", "")), [(path, header)])
    if series is not None:
        found = _selected(path, found, str(series))
    if len(found) > 1:
        listed = "; ".join(f"{n}: {s} (e.g. {s.files[0].name})" for n, s in enumerate(found, 1))
        raise FileError(
            f"'{path}' holds {len(found)} series. Choose one by its number or UID, or give one of its files. {listed}."
        )
    return found[0]


def _multiframe(header: Any) -> bool:
    return int(header.get("NumberOfFrames") or 1) > 1 or "PerFrameFunctionalGroupsSequence" in header


def _selected(path: Path, found: list[SeriesSummary], series: str) -> list[SeriesSummary]:
    by_uid = [s for s in found if s.series_uid == series]
    if by_uid:
        return by_uid
    if series.isdigit() and 1 <= int(series) <= len(found):
        return [found[int(series) - 1]]
    listed = "; ".join(f"{n}: {s}" for n, s in enumerate(found, 1))
    raise FileError(f"'{path}' has no series '{series}'. It holds {listed}.")


def _read_slices(series: SeriesSummary, where: str) -> Volume:
    pairs = list(zip(series.files, series.headers, strict=True))
    images = [p for p in pairs if "LOCALIZER" not in (p[1].get("ImageType") or ())]
    # A scout that shares the series is no slice of it.
    pairs = images or pairs
    order, geometry = grid_of_planes([plane_of(header) for _, header in pairs], where)
    pairs = [pairs[n] for n in order]
    rescales = [rescale_of(header) for _, header in pairs]
    voxels: Voxels | None = None
    for k, ((path, header), (slope, intercept)) in enumerate(zip(pairs, rescales, strict=True)):
        check_grey(header, f"'{path}'")
        values = rescaled(_pixels(path), header, slope, intercept, series.modality)
        if values.shape != geometry.shape[1:]:
            raise FileError(f"'{path}' is damaged: it holds {values.shape} pixels, not {geometry.shape[1:]}.")
        voxels = _held(voxels, values, geometry.shape)
        voxels[k] = values
    assert voxels is not None
    return Volume(
        smallest(voxels), geometry, modality=series.modality,
        dicom=DicomOrigin(tuple(header for _, header in pairs), geometry),
    )


def _held(voxels: Voxels | None, values: Voxels, shape: tuple[int, int, int]) -> Voxels:
    """An array that can take the slice: whole numbers until the first slice that is not."""
    if voxels is None:
        return np.zeros(shape, dtype=values.dtype)
    wanted = np.result_type(voxels.dtype, values.dtype)
    return voxels if wanted == voxels.dtype else voxels.astype(wanted)


def _pixels(path: Path) -> Voxels:
    import pydicom

    try:
        dataset = pydicom.dcmread(path, force=True)
    except Exception as error:
        raise FileError(f"'{path}' is damaged or cut off ({error}). Export it again.") from None
    return decoded(dataset, f"'{path}'")


def _described(volume: Volume, series: SeriesSummary) -> Volume:
    header: Any = series.headers[0]
    # "OT" is DICOM's word for unknown.
    modality = "" if series.modality == "OT" else series.modality
    quantity, unit = QUANTITIES.get(modality, ("", ""))
    if series.modality == "PT":
        unit = str(header.get("Units") or "")
    marks = read_marks(header)
    name = series.description or f"{series.modality} series {series.number}".strip()
    return replace(
        volume, name=marks.name or name, modality=modality, quantity=marks.quantity or quantity,
        unit=marks.unit or unit, window=_window(header), provenance=marks.provenance,
    )


def _window(header: Any) -> tuple[float, float] | None:
    def first(value: Any) -> float | None:
        if value is None or value == "":
            return None
        try:
            return float(value if not hasattr(value, "__len__") or isinstance(value, str) else value[0])
        except (ValueError, IndexError):
            return None

    centre, width = first(header.get("WindowCenter")), first(header.get("WindowWidth"))
    return None if centre is None or width is None else (centre, width)

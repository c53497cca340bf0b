"""Write a volume as a DICOM series of single slices: CT, MR, or secondary capture for everything else."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_imaging.dicom.marks import add_marks, code_item, mark_synthetic
from synthetic_imaging.dicom.origin import DicomOrigin
from synthetic_imaging.errors import FileError
from synthetic_imaging.files.meaning import Meaning
from synthetic_imaging.files.staging import why
from synthetic_imaging.geometry import FloatArray
from synthetic_imaging.provenance import PRODUCT, distribution_version
from synthetic_imaging.volume import Volume, Voxels

_CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4"}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_PATIENT_AND_STUDY = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "PatientAge", "PatientSize", "PatientWeight", "PatientIdentityRemoved", "DeidentificationMethod",
    "StudyInstanceUID",
    "StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName",
    "PositionReferenceIndicator", "PatientPosition", "BodyPartExamined", "Laterality", "ContrastBolusAgent",
    "ContrastBolusRoute",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod", "AcquisitionDate",
    "AcquisitionTime", "BurnedInAnnotation",
)
_ACQUISITION = {
    "CT": ("KVP", "GantryDetectorTilt", "ConvolutionKernel", "FilterType", "ReconstructionDiameter"),
    "MR": (
        "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime",
        "EchoTrainLength", "InversionTime", "FlipAngle", "MagneticFieldStrength", "SequenceName", "NumberOfAverages",
    ),
}


def write_series(volume: Volume, folder: str | os.PathLike[str]) -> list[Path]:
    """Write one file a slice into a new (or empty) folder, in the order of K.

    With a DICOM origin the series joins its study: same patient, same frame of reference, new UIDs, references to the
    source images. Without one it is a fresh study of an anonymous patient "SYNTHETIC^CASE" (or "ANONYMOUS^CASE").
    Synthetic volumes are marked: SyntheticData, ImageType DERIVED\\SECONDARY, derivation, contributing equipment,
    provenance record, and a SeriesDescription that begins with "SYNTHETIC".

    Whole numbers within 16 bits are stored as they are; other values are scaled to 16 bits with a rescale slope.

    Returns:
        The files.

    Raises:
        FileError: if the folder holds files already or cannot be written, or the grid or the values do not fit DICOM.
    """
    folder = Path(folder)
    rows_and_columns(volume)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileError(
            f"'{folder}' exists already and is not an empty folder. Choose a new folder for the DICOM series."
        )
    if not folder.parent.is_dir():
        raise FileError(f"The folder '{folder.parent}' does not exist. Create it first, or choose another.")
    temporary = folder.with_name(f".{folder.name[-80:]}.{secrets.token_hex(4)}.part")
    try:
        temporary.mkdir()
        names = _write_slices(volume, temporary)
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    except OSError as error:
        raise why(error, folder) from None
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary, ignore_errors=True)
    return [folder / name for name in names]


def rows_and_columns(volume: Volume) -> FloatArray:
    """Directions of the rows and columns in LPS, made perpendicular to the last digit, as (2, 3).

    Raises:
        FileError: if the axes within a slice are not perpendicular, which DICOM cannot say.
    """
    row, column = volume.geometry.directions_ras[:, :2].T * np.array([-1.0, -1.0, 1.0])
    if abs(float(row @ column)) > 1e-4:
        raise FileError(
            f"'{volume.name}' has rows and columns that are not perpendicular, which DICOM cannot hold. "
            "Save it as .nrrd or .mha, or resample it first."
        )
    column = column - row * (row @ column)
    return np.array([row, column / np.linalg.norm(column)])


def _write_slices(volume: Volume, folder: Path) -> list[str]:
    stored, slope, intercept = stored_values(volume)
    series = _series_header(volume, slope, intercept, stored)
    origin = volume.dicom
    matched = origin if origin is not None and origin.geometry.same_grid(volume.geometry, 0.01) else None
    matrix = volume.geometry.ijk_to_lps
    positions = matrix[:3, 3] + np.arange(volume.shape[0])[:, None] * matrix[:3, 2]
    names = []
    for k, position in enumerate(positions):
        dataset = _slice(series, stored[k], k, position)
        if origin is not None:
            _refer(dataset, origin, k if matched is not None else None)
        name = f"IM{k + 1:05d}.dcm"
        _save(dataset, folder / name)
        names.append(name)
    return names


def stored_values(volume: Volume) -> tuple[Voxels, float, float]:
    """Pixels in 16 bits with the slope and intercept that give the values back.

    Raises:
        FileError: if there are values that are not numbers.
    """
    voxels = volume.voxels
    if voxels.dtype == np.bool_:
        return voxels.astype(np.uint16), 1.0, 0.0
    low, high = float(voxels.min()), float(voxels.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise FileError(f"'{volume.name}' has voxels that are not numbers, which DICOM cannot hold. Repair it first.")
    whole = voxels.dtype.kind in "iu" or bool((voxels == np.rint(voxels)).all())
    if whole and low >= -32768 and high <= 32767 and (volume.modality == "CT" or low < 0):
        return voxels.astype(np.int16), 1.0, 0.0
    if whole and low >= 0 and high <= 65535:
        return voxels.astype(np.uint16), 1.0, 0.0
    slope = float(f"{max((high - low) / 65000, 1e-30):.9g}")
    intercept = float(f"{low:.9g}")
    pixels = np.empty(voxels.shape, dtype=np.uint16)
    for k, plane in enumerate(voxels):
        pixels[k] = np.clip(np.rint((plane.astype(np.float64) - intercept) / slope), 0, 65535)
    return pixels, slope, intercept


def _series_header(volume: Volume, slope: float, intercept: float, stored: Voxels) -> Any:
    """Attributes that all slices share."""
    from pydicom import Dataset
    from pydicom.uid import generate_uid

    now, origin = datetime.now(), volume.dicom
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    modality = volume.modality or "OT"
    header.SOPClassUID = _CLASSES.get(modality, _SECONDARY_CAPTURE)
    header.Modality = modality
    if origin is not None:
        _copy(header, origin.headers[0], _PATIENT_AND_STUDY)
        _copy(header, origin.headers[0], _ACQUISITION.get(modality, ()))
    else:
        who = "SYNTHETIC" if volume.synthetic else "ANONYMOUS"
        header.PatientName, header.PatientID = f"{who}^CASE", f"{who}-{secrets.token_hex(4).upper()}"
        header.PatientIdentityRemoved, header.DeidentificationMethod = "YES", "No patient data in the source file"
        header.StudyInstanceUID, header.StudyID = generate_uid(prefix=None), "1"
        header.StudyDate, header.StudyTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
                    "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"):
        if keyword not in header:
            setattr(header, keyword, "")
    if header.get("BodyPartExamined"):
        # The body part says whether it has sides; an empty side is wrong then.
        if not header.get("Laterality"):
            header.pop("Laterality", None)
    else:
        header.setdefault("Laterality", "")
    header.FrameOfReferenceUID = (origin.text("FrameOfReferenceUID") if origin else "") or generate_uid(prefix=None)
    header.SeriesInstanceUID = generate_uid(prefix=None)
    header.SeriesNumber = _series_number(origin)
    # Colons and backslashes would split the value; 64 characters is DICOM's limit.
    description = ("SYNTHETIC " if volume.synthetic else "") + volume.name.replace("\\", " ")
    header.SeriesDescription = description[:64].strip()
    header.SeriesDate = header.ContentDate = header.InstanceCreationDate = now.strftime("%Y%m%d")
    header.SeriesTime = header.ContentTime = header.InstanceCreationTime = now.strftime("%H%M%S")
    header.Manufacturer = (origin.text("Manufacturer") if origin else "") or PRODUCT
    if origin is None:
        header.ManufacturerModelName, header.SoftwareVersions = PRODUCT, distribution_version()
    header.ImageType = ["DERIVED", "SECONDARY", {"CT": "AXIAL", "MR": "OTHER"}.get(modality, "OTHER")]
    header.setdefault("BurnedInAnnotation", "NO")
    header.setdefault("LossyImageCompression", "00")
    _modality_attributes(header, modality, slope, intercept)
    _pixel_attributes(header, volume, stored)
    if volume.provenance is not None:
        mark_synthetic(header, volume.provenance)
    add_marks(header, replace(Meaning.of(volume), modality=volume.modality if not origin else ""))
    return header


def _modality_attributes(header: Any, modality: str, slope: float, intercept: float) -> None:
    scaled = (slope, intercept) != (1.0, 0.0)
    if modality == "CT" or scaled:
        header.RescaleSlope, header.RescaleIntercept = _ds(slope), _ds(intercept)
        header.RescaleType = "HU" if modality == "CT" else "US"
    empty: tuple[str, ...] = ()
    if modality == "CT":
        empty = ("KVP", "AcquisitionNumber", "PatientPosition")
    elif modality == "MR":
        header.setdefault("ScanningSequence", "RM")
        header.setdefault("SequenceVariant", "NONE")
        empty = ("ScanOptions", "MRAcquisitionType", "EchoTime", "RepetitionTime", "EchoTrainLength", "PatientPosition")
    else:
        header.ConversionType = "WSD"
        empty = ("PatientOrientation",)
    for keyword in empty:
        if keyword not in header:
            setattr(header, keyword, None)


def _pixel_attributes(header: Any, volume: Volume, stored: Voxels) -> None:
    geometry = volume.geometry
    i, j, _ = geometry.spacing_ijk_mm
    row, column = rows_and_columns(volume)
    apart = abs(float(np.cross(row, column) @ geometry.ijk_to_lps[:3, 2]))
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.Rows, header.Columns = geometry.shape[1:]
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, int(stored.dtype.kind == "i")
    header.PixelSpacing = [_ds(j), _ds(i)]
    header.SliceThickness = _ds(apart)
    header.ImageOrientationPatient = [_ds(x) for x in (*row, *column)]
    if volume.window is not None:
        header.WindowCenter, header.WindowWidth = _ds(volume.window[0]), _ds(volume.window[1])


def _slice(series: Any, pixels: Voxels, k: int, position: FloatArray) -> Any:
    from pydicom import Dataset
    from pydicom.uid import generate_uid

    dataset = Dataset()
    dataset.update(series)
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.InstanceNumber = k + 1
    dataset.ImagePositionPatient = [_ds(x) for x in position]
    normal = np.cross(*np.reshape([float(x) for x in series.ImageOrientationPatient], (2, 3)))
    dataset.SliceLocation = _ds(float(position @ normal))
    dataset.PixelData = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def _refer(dataset: Any, origin: DicomOrigin, k: int | None) -> None:
    """Point to the source images: slice by slice on the same grid, and to the whole series."""
    from pydicom import Dataset
    from pydicom.sequence import Sequence as DicomSequence

    def reference(header: Any, frame: int | None = None) -> Any:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
        if frame is not None:
            item.ReferencedFrameNumber = frame
        return item

    usable = [h for h in origin.headers if h.get("SOPClassUID") and h.get("SOPInstanceUID")]
    if not usable or not origin.series_uid:
        return
    if k is not None and len(usable) == len(origin.headers):
        item = reference(usable[0], origin.frames[k]) if origin.multiframe else reference(usable[k])
        item.PurposeOfReferenceCodeSequence = DicomSequence(
            [code_item("121322", "DCM", "Source image for image processing operation")])
        dataset.SourceImageSequence = DicomSequence([item])
        usable = usable if origin.multiframe else [usable[k]]
    series = Dataset()
    series.SeriesInstanceUID = origin.series_uid
    series.ReferencedInstanceSequence = DicomSequence([reference(h) for h in usable])
    dataset.ReferencedSeriesSequence = DicomSequence([series])


def _save(dataset: Any, path: Path) -> None:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.save_as(path, enforce_file_format=True)


def _copy(target: Any, source: Any, keywords: tuple[str, ...]) -> None:
    for keyword in keywords:
        if keyword in source:
            target[keyword] = source[keyword]


def _series_number(origin: DicomOrigin | None) -> int:
    text = origin.text("SeriesNumber") if origin else ""
    return (int(text) if text.isdigit() else 0) % 100_000 * 100 + 1 + secrets.randbelow(99) if origin else 1


def _ds(value: float) -> Any:
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value) + 0.0, auto_format=True)

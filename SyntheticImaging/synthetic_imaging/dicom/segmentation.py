"""DICOM segmentation objects through highdicom: organ and lesions, overlapping or not."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.dicom.colours import cielab_from_rgb, rgb_from_cielab
from synthetic_imaging.dicom.marks import add_marks, mark_synthetic, read_grid, read_marks
from synthetic_imaging.dicom.origin import DicomOrigin
from synthetic_imaging.dicom.scanning import header_of, is_segmentation
from synthetic_imaging.dicom.slice_grid import grid_of_planes, plane_of
from synthetic_imaging.errors import FileError, InputError
from synthetic_imaging.files.meaning import Meaning
from synthetic_imaging.files.segment_keys import unique_names
from synthetic_imaging.files.staging import staged
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Code, Mask, Segment, Terminology
from synthetic_imaging.provenance import PRODUCT, distribution_version
from synthetic_imaging.terminology import TISSUE
from synthetic_imaging.volume import Volume


def write_segmentation(
    mask: Mask, reference: Volume | DicomOrigin, path: str | os.PathLike[str], overwrite: bool = False
) -> Path:
    """Write a DICOM SEG that refers to a DICOM series.

    Args:
        mask: its voxels must be those of the series (axes may be flipped or in another order).
        reference: the origin of the series, or a volume read from it. A volume without one has no DICOM series yet:
            write it with `write_series` and read it back.
        path: the file, usually ending in .dcm.
        overwrite: whether a file of that name may be replaced.

    Raises:
        FileError: if there is no series to refer to, the grids differ, the mask is empty of segments, or writing fails.
    """
    path = Path(path)
    origin = reference if isinstance(reference, DicomOrigin) else reference.dicom
    if origin is None:
        raise FileError(
            "A DICOM segmentation must refer to a DICOM series, and this volume has none. Export the volume as DICOM "
            "first, and use the series that this makes."
        )
    if not mask.segments:
        raise FileError(f"'{mask.name}' has no segments to write.")
    if origin.geometry.shape[1] * origin.geometry.shape[2] < 8:
        # highdicom 0.28 pads such frames where the standard does not.
        raise FileError(f"'{mask.name}' has slices of fewer than 8 pixels, too small for a DICOM segmentation.")
    aligned = on_grid(mask, origin.geometry)
    dataset = _dataset(aligned, origin)
    with staged(path, overwrite) as stage:
        dataset.save_as(stage.beside(path), enforce_file_format=True)
    return path


def on_grid(mask: Mask, grid: Geometry) -> Mask:
    """The mask on a grid with the same voxel places, axes flipped or swapped, or cropped out of it.

    Raises:
        FileError: if the voxels do not lie on the voxels of that grid.
    """
    if mask.geometry.same_grid(grid, 0.01):
        return replace(mask, geometry=grid)
    step = grid.ras_to_ijk @ mask.geometry.ijk_to_ras
    axes, offset = np.rint(step[:3, :3]).astype(int), np.rint(step[:3, 3]).astype(int)
    corner = np.array([max(mask.shape)] * 3)
    misplaced = np.abs(step[:3, :3] - axes).max() * corner.max() + np.abs(step[:3, 3] - offset).max()
    permuted = (np.abs(axes).sum(axis=0) == 1).all() and (np.abs(axes).sum(axis=1) == 1).all()
    if misplaced > 0.05 or not permuted:
        raise FileError(
            f"'{mask.name}' lies on another voxel grid than the DICOM series. Resample it to the series' grid first."
        )
    result = np.zeros((mask.layers.shape[0], *grid.shape), dtype=mask.layers.dtype)
    for layer, target in zip(mask.layers, result, strict=True):
        kji = np.argwhere(layer)
        ijk = kji[:, ::-1] @ axes.T + offset
        if (ijk < 0).any() or (ijk >= np.array(grid.shape[::-1])).any():
            raise FileError(f"'{mask.name}' reaches outside the DICOM series. Crop it to the series first.")
        target[ijk[:, 2], ijk[:, 1], ijk[:, 0]] = layer[tuple(kji.T)]
    return replace(mask, layers=result, geometry=grid)


def _dataset(mask: Mask, origin: DicomOrigin) -> Any:
    import highdicom
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    # highdicom takes (slices, rows, columns, segments); slices without a voxel are left out of the file.
    try:
        pixels = np.zeros((*mask.shape, len(mask.segments)), dtype=np.uint8)
    except MemoryError:
        raise FileError(f"'{mask.name}' has too many segments for the free memory. Write fewer at once.") from None
    for n, segment in enumerate(mask.segments):
        pixels[..., n] = mask.inside(segment.name)
    if origin.multiframe:
        pixels = pixels[np.argsort(origin.frames)]
    try:
        dataset = highdicom.seg.Segmentation(
            source_images=[_complete(h) for h in origin.headers],
            pixel_array=pixels,
            segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_description(n, s) for n, s in enumerate(mask.segments, 1)],
            series_instance_uid=generate_uid(prefix=None),
            series_number=9000 + secrets.randbelow(900),
            sop_instance_uid=generate_uid(prefix=None),
            instance_number=1,
            manufacturer=PRODUCT,
            manufacturer_model_name=PRODUCT,
            software_versions=distribution_version(),
            device_serial_number="1",
            transfer_syntax_uid=ExplicitVRLittleEndian,
            content_label="SEGMENTATION",
            content_description=("SYNTHETIC " if mask.synthetic else "") + "segmentation",
            series_description=(("SYNTHETIC " if mask.synthetic else "") + mask.name.replace("\\", " "))[:64],
            omit_empty_frames=bool(pixels.any()),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise FileError(
            f"The DICOM series cannot be referred to by a segmentation ({error}). Export it again."
        ) from None
    if mask.provenance is not None:
        mark_synthetic(dataset, mask.provenance)
    grid = {"ijk_to_ras": mask.geometry.ijk_to_ras.tolist(), "shape": list(mask.shape)}
    add_marks(dataset, Meaning.of(mask), grid)
    return dataset


def _complete(header: Any) -> Any:
    """A header with the attributes that the standard lets be empty, so that poor files can be referred to."""
    from pydicom import Dataset

    complete = Dataset()
    complete.update(header)
    complete.file_meta = getattr(header, "file_meta", None)
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
                    "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"):
        complete.setdefault(keyword, "")
    if not complete.get("SpecificCharacterSet"):
        complete.pop("SpecificCharacterSet", None)
    return complete


def _description(number: int, segment: Segment) -> Any:
    import highdicom
    from pydicom.sr.codedict import codes

    meaning = segment.terminology or Terminology(TISSUE, TISSUE)
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=PRODUCT, version=distribution_version(), family=codes.DCM.ArtificialIntelligence
    )
    r, g, b = segment.colour
    description = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.name[:64],
        segmented_property_category=_coded(meaning.category),
        segmented_property_type=_coded(meaning.type),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
        tracking_uid=highdicom.UID(),
        tracking_id=segment.name[:64],
        anatomic_regions=[_coded(meaning.region)] if meaning.region else None,
    )
    if meaning.type_modifier:
        description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
            _coded(meaning.type_modifier)]
    if meaning.region and meaning.region_modifier:
        description.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [_coded(meaning.region_modifier)]
    description.RecommendedDisplayCIELabValue = cielab_from_rgb((r, g, b))
    return description


def _coded(code: Code) -> Any:
    from highdicom.sr import CodedConcept
    from pydicom.sr.coding import Code as DicomCode

    return CodedConcept.from_code(DicomCode(code.value, code.scheme, code.meaning[:64]))


def read_segmentation(path: str | os.PathLike[str], like: Volume | Geometry | None = None) -> Mask:
    """Read a DICOM SEG, binary or label map, from this product or another.

    Args:
        path: the file, or a folder that holds exactly one.
        like: put the mask on this grid. Without it the grid is the one this product stored in the file, or else the
            smallest that holds the frames (files leave out empty slices).

    Raises:
        FileError: with a sentence.
    """
    import pydicom

    path = _file(Path(path))
    try:
        dataset = pydicom.dcmread(path)
        mask = _mask(dataset, path)
    except (FileError, MemoryError):
        raise
    except InputError as error:
        raise FileError(f"'{path}' cannot be used as a segmentation: {error}") from None
    except Exception as error:
        raise FileError(f"'{path}' is damaged or cut off ({error}). Export it again.") from None
    if like is None:
        return mask
    return on_grid(mask, like.geometry if isinstance(like, Volume) else like)


def _file(path: Path) -> Path:
    if not path.is_dir():
        header = header_of(path)
        if header is None or not is_segmentation(header):
            raise FileError(f"'{path}' is no DICOM segmentation. Give a DICOM SEG, or a .seg.nrrd file.")
        return path
    candidates = ((p, header_of(p)) for p in sorted(path.rglob("*")) if p.is_file())
    found = [p for p, header in candidates if header is not None and is_segmentation(header)]
    if len(found) != 1:
        names = ": " + ", ".join(p.name for p in found[:8]) if found else ""
        raise FileError(f"'{path}' holds {len(found)} DICOM segmentations, one is needed{names}.")
    return found[0]


def _mask(dataset: Any, path: Path) -> Mask:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    frames = dataset.PerFrameFunctionalGroupsSequence
    geometry, slices = _placed(dataset, shared, frames, path)
    labelmap = str(dataset.get("SegmentationType", "BINARY")) == "LABELMAP"
    numbers = [int(item.SegmentNumber) for item in dataset.SegmentSequence]
    descriptions = [_segment(item) for item in dataset.SegmentSequence]
    if labelmap:
        stored = np.asarray(dataset.pixel_array).reshape(len(frames), *geometry.shape[1:])
        layer = np.zeros(geometry.shape, dtype=stored.dtype)
        layer[slices] = stored
        segments = [replace(s, label=n) for n, s in zip(numbers, descriptions, strict=True) if n > 0]
        return _finished(dataset, layer[None], geometry, segments)
    fractional = str(dataset.get("SegmentationType", "BINARY")) == "FRACTIONAL"
    threshold = int(dataset.get("MaximumFractionalValue", 1)) / 2 if fractional else 0
    parts: dict[int, list[tuple[int, int]]] = {number: [] for number in numbers}
    for n, frame in enumerate(frames):
        group = frame if "SegmentIdentificationSequence" in frame else shared
        parts[int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)].append((n, slices[n]))
    frame_pixels = _frame_reader(dataset, geometry.shape[1:])

    def inside(number: int) -> npt.NDArray[np.bool_]:
        result = np.zeros(geometry.shape, dtype=np.bool_)
        for n, k in parts[number]:
            result[k] |= frame_pixels(n) > threshold
        return result

    stacked = Mask.stacked(
        ((s, inside(n)) for n, s in zip(numbers, unique_names(descriptions), strict=True)), geometry
    )
    return _finished(dataset, stacked.layers, geometry, list(stacked.segments))


def _frame_reader(dataset: Any, shape: tuple[int, ...]) -> Callable[[int], npt.NDArray[Any]]:
    """A function from frame number (from 0) to its pixels; one frame is unpacked at a time where that is possible."""
    if dataset.file_meta.TransferSyntaxUID.is_compressed or int(dataset.BitsAllocated) != 1:
        array = np.asarray(dataset.pixel_array).reshape(-1, *shape)
        return lambda n: array[n]
    packed, size = np.frombuffer(dataset.PixelData, dtype=np.uint8), int(np.prod(shape))
    if packed.size * 8 < size * int(dataset.get("NumberOfFrames") or 1):
        raise ValueError("pixel data are shorter than announced")

    def unpacked(n: int) -> npt.NDArray[Any]:
        # Frames follow each other without padding, so one may begin within a byte.
        first, last = n * size // 8, -(-(n + 1) * size // 8)
        bits = np.unpackbits(packed[first:last], bitorder="little")
        return bits[n * size - first * 8 :][:size].reshape(shape)

    return unpacked


def _finished(dataset: Any, layers: Any, geometry: Geometry, segments: list[Segment]) -> Mask:
    marks = read_marks(dataset)
    name = marks.name or str(dataset.get("SeriesDescription") or "segmentation")
    return Mask(layers, geometry, unique_names(segments), name, marks.provenance)


def _placed(dataset: Any, shared: Any, frames: Any, path: Path) -> tuple[Geometry, list[int]]:
    def group(frame: Any, keyword: str) -> Any:
        return frame[keyword].value[0] if keyword in frame else shared[keyword].value[0] if keyword in shared else {}

    planes = [plane_of(dataset, group(f, "PlanePositionSequence"), group(f, "PlaneOrientationSequence"),
                       group(f, "PixelMeasuresSequence")) for f in frames]
    kept = read_grid(dataset)
    if kept is not None:
        grid = Geometry(np.array(kept["ijk_to_ras"]), tuple(kept["shape"]))
    else:
        unique = {tuple(np.round(p.position, 3)): p for p in planes if p.position is not None}
        grid = _spanned(list(unique.values()), f"The segmentation '{path}'")
    positions = np.array([p.position for p in planes]) * (-1.0, -1.0, 1.0)
    kji = np.rint(grid.kji_from_ras(positions)).astype(int)
    if np.abs(grid.ras_from_kji(kji) - positions).max() > 0.05 or kji[:, 1:].any():
        raise FileError(f"The segmentation '{path}' has frames that do not lie on one grid. Export it again.")
    return grid, [int(k) for k in kji[:, 0]]


def _spanned(planes: list[Any], where: str) -> Geometry:
    """The grid of frames between which empty slices may be missing."""
    first = planes[0]
    normal = np.cross(first.orientation[0], first.orientation[1])
    planes = sorted(planes, key=lambda p: float(p.position @ normal))
    if len(planes) == 1:
        return grid_of_planes(planes, where)[1]
    gaps = np.diff([float(p.position @ normal) for p in planes])
    nearest = int(np.argmin(gaps))
    step = planes[nearest + 1].position - planes[nearest].position
    count = int(np.rint((planes[-1].position - planes[0].position) @ normal / (step @ normal))) + 1
    step = (planes[-1].position - planes[0].position) / (count - 1)
    full = [replace(first, position=planes[0].position + n * step) for n in range(count)]
    return grid_of_planes(full, where)[1]


def _segment(item: Any) -> Segment:
    def code(items: Any) -> Code | None:
        if not items:
            return None
        found = items[0]
        value = found.get("CodeValue") or found.get("LongCodeValue") or found.get("URNCodeValue")
        return Code(str(found.get("CodingSchemeDesignator", "")), str(value), str(found.get("CodeMeaning", "")))

    category, kind = code(item.get("SegmentedPropertyCategoryCodeSequence")), code(
        item.get("SegmentedPropertyTypeCodeSequence"))
    terminology = None
    if category and kind:
        modifier = code(item.SegmentedPropertyTypeCodeSequence[0].get("SegmentedPropertyTypeModifierCodeSequence"))
        region = code(item.get("AnatomicRegionSequence"))
        side = code(item.AnatomicRegionSequence[0].get("AnatomicRegionModifierSequence")) if region else None
        terminology = Terminology(category, kind, modifier, region, side)
    values = item.get("RecommendedDisplayCIELabValue")
    segment = Segment(str(item.get("SegmentLabel") or f"segment {item.SegmentNumber}"), terminology=terminology)
    return segment if not values else replace(segment, colour=rgb_from_cielab([int(v) for v in values]))

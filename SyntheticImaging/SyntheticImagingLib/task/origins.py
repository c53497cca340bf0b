"""Which DICOM series a volume node came from, so that an export joins the patient's study.

Headers hold patient data: they stay in memory and are never saved with the scene.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synthetic_imaging.dicom.origin import DicomOrigin
from synthetic_imaging.geometry import Geometry
from SyntheticImagingLib.headless import import_slicer

SOURCE_ROLE = "SyntheticImagingSource"
# VTK keeps the Python attributes of an object as long as the object lives, also while nobody in Python holds it.
_ATTRIBUTE = "synthetic_imaging_dicom_origin"


def remember_origin(node: Any, origin: DicomOrigin | None) -> None:
    """Keep the series that a node's voxels came from."""
    if origin is not None:
        setattr(node, _ATTRIBUTE, origin)


def refer_to_source(node: Any, source: Any) -> None:
    """Say on a result which volume it was made from; saved with the scene."""
    if source is not None:
        node.SetNodeReferenceID(SOURCE_ROLE, source.GetID())


def source_of(node: Any) -> Any:
    """The volume node that a result was made from, or None."""
    return node.GetNodeReference(SOURCE_ROLE)


def origin_of(node: Any, geometry: Geometry) -> DicomOrigin | None:
    """The remembered series of a node or of what it was made from, if it lies on this grid."""
    seen: list[Any] = []
    while node is not None and node not in seen:
        origin = getattr(node, _ATTRIBUTE, None)
        if origin is not None:
            return origin if origin.geometry.same_grid(geometry, 0.01) else None
        seen.append(node)
        node = source_of(node)
    return None


def series_description(node: Any) -> str:
    """What the scanner called the series that a node was loaded from; "" where that is not known."""
    return _header(node, "SeriesDescription", "0008,103E")


def patient_of(node: Any) -> str:
    """The PatientID of the series that a node was loaded from; "" where that is not known."""
    return _header(node, "PatientID", "0010,0020")


def _header(node: Any, keyword: str, tag: str) -> str:
    origin = getattr(node, _ATTRIBUTE, None)
    if origin is not None:
        return str(origin.text(keyword))
    database = getattr(import_slicer(), "dicomDatabase", None)
    uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    path = database.fileForInstance(uids[0]) if database is not None and uids else ""
    return str(database.fileValue(path, tag) or "") if database is not None and path else ""


def database_series(node: Any) -> tuple[Path, str] | None:
    """Folder and SeriesInstanceUID, from 3D Slicer's DICOM database, of a node loaded from there; else None."""
    import slicer

    database = getattr(slicer, "dicomDatabase", None)
    seen: list[Any] = []
    while database is not None and node is not None and node not in seen:
        uids = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
        path = database.fileForInstance(uids[0]) if uids else ""
        if path:
            return Path(path).parent, str(database.fileValue(path, "0020,000E"))
        seen.append(node)
        node = source_of(node)
    return None

"""Hand volumes and all else over to another process: raw arrays and one JSON description in a folder.

Arrays go as uncompressed .npy files, matrices as exact JSON numbers. DICOM headers never leave the process, because
they hold patient data: a value carries only a mark of the origin it had, and whoever holds the origin puts it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Code, Mask, Segment, Terminology
from synthetic_imaging.points import Points
from synthetic_imaging.provenance import Provenance
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.table import Column, Table
from synthetic_imaging.volume import Volume

if TYPE_CHECKING:
    from synthetic_imaging.dicom.origin import DicomOrigin

Origins = dict[str, "DicomOrigin"]


class Writer:
    """Writes values into a folder; an array that several values share is written once."""

    def __init__(self, folder: Path, origins: Origins) -> None:
        """``origins``: mark -> origin; marks of origins that are not in it yet are added."""
        self.folder = folder
        self.origins = origins
        self._files: dict[tuple[int, tuple[int, ...], tuple[int, ...], str], tuple[str, Any]] = {}
        self._marks = {id(origin): mark for mark, origin in origins.items()}

    def describe(self, value: Any) -> dict[str, Any] | None:
        """Plain description of a value, its arrays written to the folder.

        Raises:
            OSError: if an array cannot be written.
            TypeError: for a value that no tool takes or returns.
        """
        if value is None:
            return None
        if isinstance(value, Volume):
            return {
                "kind": "volume", **self._placed(value), "array": self._array(value.voxels),
                "modality": value.modality, "quantity": value.quantity, "unit": value.unit,
                "window": list(value.window) if value.window else None,
            }
        if isinstance(value, Mask):
            return {
                "kind": "mask", **self._placed(value), "array": self._array(value.layers),
                "segments": [asdict(segment) for segment in value.segments],
            }
        if isinstance(value, Sequence):
            return {
                "kind": "sequence", "name": value.name, "provenance": _record(value.provenance),
                "frames": [self.describe(frame) for frame in value.frames], "index": list(value.index),
                "index_name": value.index_name, "index_unit": value.index_unit,
            }
        if isinstance(value, Points):
            return {"kind": "points", "ras_mm": value.ras_mm.tolist(), "labels": list(value.labels), "name": value.name}
        if isinstance(value, Table):
            return {
                "kind": "table", "name": value.name, "provenance": _record(value.provenance),
                "columns": [asdict(column) for column in value.columns],
                "rows": [[_cell(cell) for cell in row] for row in value.rows],
            }
        raise TypeError(f"{type(value).__name__} cannot be handed over")

    def _placed(self, value: Volume | Mask) -> dict[str, Any]:
        mark = None
        if value.dicom is not None:
            mark = self._marks.get(id(value.dicom))
            if mark is None:
                mark = f"origin {len(self.origins) + 1}"
                self.origins[mark] = value.dicom
                self._marks[id(value.dicom)] = mark
        return {
            "name": value.name, "ijk_to_ras": value.geometry.ijk_to_ras.tolist(), "shape": list(value.shape),
            "provenance": _record(value.provenance), "dicom": mark,
        }

    def _array(self, array: npt.NDArray[Any]) -> str:
        key = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        if key not in self._files:
            name = f"{len(self._files)}.npy"
            np.save(self.folder / name, array, allow_pickle=False)
            # The array is kept so that its address is not given to another one meanwhile.
            self._files[key] = (name, array)
        return self._files[key][0]


def restore(description: Mapping[str, Any] | None, folder: Path, origins: Origins, mapped: bool) -> Any:
    """A value from its description.

    Args:
        description: from `Writer.describe`.
        folder: where its arrays lie.
        origins: mark -> DICOM origin, to be put back; others are dropped.
        mapped: map the arrays from the files (the files must outlive the value) instead of reading them.
    """
    if description is None:
        return None
    kind, common = description["kind"], {"name": description["name"]}
    if kind != "points":
        common["provenance"] = _provenance(description["provenance"])
    if kind in ("volume", "mask"):
        array = np.load(folder / description["array"], mmap_mode="r" if mapped else None, allow_pickle=False)
        array = np.asarray(array)
        geometry = Geometry(np.array(description["ijk_to_ras"]), tuple(description["shape"]))
        common["dicom"] = origins.get(description["dicom"] or "")
        if kind == "mask":
            return Mask(array, geometry, tuple(_segment(s) for s in description["segments"]), **common)
        window = description["window"]
        return Volume(
            array, geometry, description["modality"], description["quantity"], description["unit"],
            window=(window[0], window[1]) if window else None, **common,
        )
    if kind == "sequence":
        frames = tuple(restore(frame, folder, origins, mapped) for frame in description["frames"])
        return Sequence(
            frames, tuple(description["index"]), description["index_name"], description["index_unit"], **common
        )
    if kind == "points":
        return Points(np.array(description["ras_mm"], dtype=np.float64).reshape(-1, 3),
                      tuple(description["labels"]), **common)
    columns = tuple(Column(**column) for column in description["columns"])
    return Table(columns, tuple(tuple(row) for row in description["rows"]), **common)


def array_bytes(values: Mapping[str, Any]) -> int:
    """Bytes that the arrays of the values take on disk, shared ones counted each time."""
    return sum(array.nbytes + 128 for value in values.values() for array in _arrays(value))


def stand_in_origins(descriptions: Mapping[str, Mapping[str, Any] | None]) -> Origins:
    """For the other process: origins without headers, one per mark, that only say "the same series as the input".

    The grid is that of the value, so that a tool may still ask for it.
    """
    origins: Origins = {}
    for description in _placed_descriptions(descriptions):
        mark = description.get("dicom")
        if mark and mark not in origins:
            from pydicom import Dataset

            from synthetic_imaging.dicom.origin import DicomOrigin

            geometry = Geometry(np.array(description["ijk_to_ras"]), tuple(description["shape"]))
            origins[mark] = DicomOrigin((Dataset(),), geometry)
    return origins


def _placed_descriptions(descriptions: Mapping[str, Mapping[str, Any] | None]) -> Iterator[Mapping[str, Any]]:
    for description in descriptions.values():
        if description is not None:
            yield from description.get("frames", ())
            yield description


def _arrays(value: Any) -> Iterator[npt.NDArray[Any]]:
    if isinstance(value, Volume):
        yield value.voxels
    elif isinstance(value, Mask):
        yield value.layers
    elif isinstance(value, Sequence):
        for frame in value.frames:
            yield from _arrays(frame)


def _record(provenance: Provenance | None) -> dict[str, Any] | None:
    return None if provenance is None else provenance.to_dict()


def _provenance(record: Mapping[str, Any] | None) -> Provenance | None:
    return None if record is None else Provenance.from_dict(record)


def _cell(cell: Any) -> Any:
    return cell.item() if isinstance(cell, np.generic) else cell


def _segment(plain: Mapping[str, Any]) -> Segment:
    segment = Segment(**{**plain, "colour": tuple(plain["colour"]), "terminology": None})
    coded = plain["terminology"]
    if coded is None:
        return segment
    codes = {key: None if value is None else Code(**value) for key, value in coded.items()}
    return replace(segment, terminology=Terminology(**codes))  # type: ignore[arg-type]

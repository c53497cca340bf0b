"""NRRD: the container that 3D Slicer uses for volumes, segmentations and sequences.

Reading goes through pynrrd, with checks that it lacks: text in UTF-8, escapes in key values, and detached data that
must lie in the header's own folder.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import FileError
from synthetic_imaging.geometry import LPS_FROM_RAS, FloatArray, Geometry
from synthetic_imaging.volume import Voxels

_TYPES = {
    "uint8": "unsigned char", "int8": "signed char", "uint16": "unsigned short", "int16": "short",
    "uint32": "unsigned int", "int32": "int", "float32": "float", "float64": "double",
}
_SPACES = {
    "left-posterior-superior": LPS_FROM_RAS, "lps": LPS_FROM_RAS, "left-posterior-superior-time": LPS_FROM_RAS,
    "right-anterior-superior": np.eye(4), "ras": np.eye(4), "right-anterior-superior-time": np.eye(4),
    "left-anterior-superior": np.diag([-1.0, 1.0, 1.0, 1.0]), "las": np.diag([-1.0, 1.0, 1.0, 1.0]),
}
_CHUNK = 1 << 24


@dataclass(frozen=True, eq=False)
class NrrdImage:
    """What an NRRD file holds.

    Attributes:
        voxels: array (K, J, I), or (L, K, J, I) if there is one axis that is not spatial.
        geometry: where the voxels sit.
        keys: the header's key/value pairs.
        list_axis: position of the axis that is not spatial in the file (0 fastest), or None.
        labels, units: of the axes in the file, fastest first; empty where not given.
    """

    voxels: Voxels
    geometry: Geometry
    keys: Mapping[str, str]
    list_axis: int | None
    labels: tuple[str, ...]
    units: tuple[str, ...]


def read_nrrd(path: Path) -> NrrdImage:
    """Read .nrrd or .nhdr.

    Raises:
        FileError: if it is damaged, cut off, not spatial, or points to data outside its folder.
    """
    import nrrd

    try:
        with path.open("rb") as file:
            header = dict(nrrd.read_header(_header_lines(file)))
            name = header.get("data file", header.get("datafile"))
            if name is None:
                array = nrrd.read_data(header, file, index_order="C")
            else:
                with _detached(path, str(name)).open("rb") as data:
                    header.pop("data file", None)
                    header.pop("datafile", None)
                    array = nrrd.read_data(header, data, index_order="C")
    except (FileError, OSError, MemoryError):
        raise
    except Exception as error:
        # pynrrd and zlib raise a dozen kinds; all mean that the bytes are not what the header says.
        raise FileError(f"'{path}' is damaged or cut off ({error}). Copy or export it again.") from None
    return _interpreted(path, header, np.asarray(array))


def _header_lines(file: IO[bytes]) -> list[str]:
    lines: list[str] = []
    while True:
        line = file.readline(1 << 22)
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        if not text:
            return lines
        lines.append(text)


def _detached(path: Path, name: str) -> Path:
    if name.upper().startswith("LIST") or "%" in name:
        raise FileError(f"'{path}' spreads its data over several files, which is not supported. Save it as one .nrrd.")
    return data_file_beside(path, name)


def data_file_beside(header: Path, name: str) -> Path:
    """The data file a detached header names, only if it lies in the header's folder.

    Raises:
        FileError: if it lies elsewhere or does not exist.
    """
    folder = header.parent.resolve()
    data = (folder / name).resolve()
    if not data.is_relative_to(folder):
        raise FileError(f"'{header}' points to data outside its own folder ('{name}'), which is refused for safety.")
    if not data.is_file():
        raise FileError(f"'{header}' needs the file '{name}' beside it, which is missing. Copy both together.")
    return data


def _interpreted(path: Path, header: dict[str, Any], array: Voxels) -> NrrdImage:
    dimension = array.ndim
    matrix_rows = header.get("space directions")
    if matrix_rows is None:
        spacings = np.asarray(header.get("spacings", np.ones(dimension)), dtype=np.float64)
        spacings = np.where(np.isfinite(spacings) & (spacings != 0), spacings, 1.0)
        spatial = list(range(min(3, dimension)))
        vectors = np.diag(spacings[spatial])
    else:
        vectors, spatial = _vectors(matrix_rows)
    if len(spatial) not in (2, 3) or dimension - len(spatial) > 1 or vectors.shape[1] not in (2, 3):
        raise FileError(
            f"'{path}' has {dimension} axes, {len(spatial)} of them spatial. A volume or a series is needed."
        )
    space = str(header.get("space", "left-posterior-superior")).lower()
    columns = np.zeros((3, 3))
    columns[: vectors.shape[1], : len(spatial)] = vectors.T
    if len(spatial) == 2:
        normal = np.cross(columns[:, 0], columns[:, 1])
        length = np.linalg.norm(normal)
        columns[:, 2] = normal / length if length else (0, 0, 1)
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    origin = np.asarray(header.get("space origin", np.zeros(vectors.shape[1])), dtype=np.float64)
    matrix[: origin.size, 3] = np.where(np.isfinite(origin), origin, 0.0)
    others = [axis for axis in range(dimension) if axis not in spatial]
    if others:
        array = np.ascontiguousarray(np.moveaxis(array, dimension - 1 - others[0], 0))
    if len(spatial) == 2:
        array = array[..., None, :, :]
    geometry = Geometry(_SPACES.get(space, LPS_FROM_RAS) @ matrix, array.shape[-3:])
    keys = {k: _unescaped(v) for k, v in header.items() if isinstance(v, str)}
    return NrrdImage(
        array, geometry, keys, others[0] if others else None,
        tuple(str(x) for x in header.get("labels", ())), tuple(str(x) for x in header.get("units", ())),
    )


def _vectors(rows: Any) -> tuple[FloatArray, list[int]]:
    kept, spatial = [], []
    for axis, row in enumerate(rows):
        values = np.asarray([np.nan] if row is None else row, dtype=np.float64)
        if np.isfinite(values).all():
            kept.append(values)
            spatial.append(axis)
    return np.array(kept).reshape(len(kept), -1), spatial


def write_nrrd(
    file: IO[bytes],
    voxels: Voxels,
    geometry: Geometry,
    keys: Mapping[str, str],
    compress: bool = True,
    list_axis: int | None = None,
    list_label: tuple[str, str] | None = None,
) -> None:
    """Write one NRRD file.

    Args:
        file: open for writing.
        voxels: (K, J, I), or with a list axis (K, J, I, L) for ``list_axis`` 0 and (L, K, J, I) for 3; a type of
            `voxel_types.STORED`.
        geometry: where they sit.
        keys: key/value pairs; values are escaped.
        compress: gzip or raw.
        list_axis: position of the axis that is not spatial in the file, 0 (segmentations) or 3 (sequences).
        list_label: label and unit of that axis.
    """
    vectors = ["(" + ",".join(_number(x) for x in column) + ")" for column in geometry.ijk_to_lps[:3, :3].T]
    kinds = ["domain"] * 3
    if list_axis is not None:
        vectors.insert(list_axis, "none")
        kinds.insert(list_axis, "list")
    lines = [
        "NRRD0004", "# Complete NRRD file format specification at:", "# http://teem.sourceforge.net/nrrd/format.html",
        f"type: {_TYPES[voxels.dtype.name]}", f"dimension: {voxels.ndim}", "space: left-posterior-superior",
        "sizes: " + " ".join(str(n) for n in voxels.shape[::-1]), "space directions: " + " ".join(vectors),
        "kinds: " + " ".join(kinds),
    ]
    if list_label is not None and list_axis is not None:
        for field, text in zip(("labels", "units"), list_label, strict=True):
            quoted = ['""'] * 3
            quoted.insert(list_axis, '"' + text.replace('"', "'") + '"')
            lines.append(f"{field}: " + " ".join(quoted))
    if voxels.dtype.itemsize > 1:
        lines.append("endian: little")
    lines.append(f"encoding: {'gzip' if compress else 'raw'}")
    lines.append("space origin: (" + ",".join(_number(x) for x in geometry.ijk_to_lps[:3, 3]) + ")")
    lines += [f"{key}:={_escaped(value)}" for key, value in keys.items()]
    file.write(("\n".join(lines) + "\n\n").encode())
    write_voxels(file, voxels, zlib.compressobj(1, zlib.DEFLATED, 31) if compress else None)


def write_voxels(file: IO[bytes], voxels: npt.NDArray[Any], compressor: Any = None) -> int:
    """Write an array row-major, slab by slab, through a zlib compressor if given; returns the bytes written."""
    step, written = max(1, _CHUNK // max(1, voxels[0].nbytes)), 0
    for start in range(0, voxels.shape[0], step):
        part = np.ascontiguousarray(voxels[start : start + step]).reshape(-1).view(np.uint8).data
        written += file.write(part if compressor is None else compressor.compress(part))
    if compressor is not None:
        written += file.write(compressor.flush())
    return written


def _number(value: float) -> str:
    return f"{float(value) + 0.0:.17g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\r", " ").replace("\n", "\\n")


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    parts: Sequence[str] = text.split("\\\\")
    return "\\".join(part.replace("\\n", "\n") for part in parts)

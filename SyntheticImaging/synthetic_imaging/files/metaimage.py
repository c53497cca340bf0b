"""MetaImage (.mha, .mhd): read through SimpleITK, written here so that no digit of the geometry is lost."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.nrrd_format import data_file_beside, write_voxels
from synthetic_imaging.files.staging import Staging
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.volume import Voxels

_TYPES = {
    "uint8": "MET_UCHAR", "int8": "MET_CHAR", "uint16": "MET_USHORT", "int16": "MET_SHORT",
    "uint32": "MET_UINT", "int32": "MET_INT", "float32": "MET_FLOAT", "float64": "MET_DOUBLE",
}


def read_metaimage(path: Path) -> tuple[Voxels, Geometry, dict[str, str]]:
    """Voxels (K, J, I), geometry and header keys.

    Raises:
        FileError: if it is damaged, cut off, not a scalar volume, or points to data outside its folder.
    """
    import SimpleITK

    from synthetic_imaging.conversions import geometry_of_sitk

    header = _header(path)
    data = path
    if header.get("ElementDataFile", "LOCAL").upper() not in ("LOCAL", "LOCAL "):
        name = header["ElementDataFile"]
        if name.upper().startswith("LIST") or "%" in name:
            raise FileError(
                f"'{path}' spreads its data over several files, which is not supported. Save it as one .mha."
            )
        data = data_file_beside(path, name)
    _check_size(path, data, header)
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("MetaImageIO")
    try:
        image = reader.Execute()
    except RuntimeError:
        raise FileError(f"'{path}' is damaged or cut off. Copy or export it again.") from None
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise FileError(f"'{path}' holds colours or vectors; a volume of plain numbers is needed.")
    if image.GetDimension() == 2:
        image = SimpleITK.JoinSeries(image)
    if image.GetDimension() != 3:
        raise FileError(f"'{path}' has {image.GetDimension()} dimensions; three are needed.")
    return SimpleITK.GetArrayFromImage(image), geometry_of_sitk(image), header


def _header(path: Path) -> dict[str, str]:
    keys: dict[str, str] = {}
    with path.open("rb") as file:
        for _ in range(1000):
            key, found, value = file.readline(1 << 16).decode("utf-8", errors="replace").partition("=")
            if not found:
                break
            keys[key.strip()] = value.strip()
            if key.strip() == "ElementDataFile":
                break
    if "DimSize" not in keys or "ElementDataFile" not in keys:
        raise FileError(f"'{path}' is damaged: it has no complete MetaImage header. Copy or export it again.")
    return keys


def _check_size(path: Path, data: Path, header: Mapping[str, str]) -> None:
    # The MetaImage reader of ITK pads what is missing in a compressed file instead of complaining.
    sizes = {v: np.dtype(k).itemsize for k, v in _TYPES.items()}
    try:
        count = int(np.prod([int(n) for n in header["DimSize"].split()], dtype=object))
        if header.get("CompressedData", "False").lower() == "true":
            needed = int(header.get("CompressedDataSize", "1"))
        else:
            needed = count * sizes.get(header.get("ElementType", ""), 1)
    except ValueError:
        raise FileError(f"'{path}' is damaged: its header makes no sense. Copy or export it again.") from None
    if data.stat().st_size < needed:
        raise FileError(f"'{path}' is cut off: {needed:,} bytes of voxels are announced. Copy or export it again.")


def write_metaimage(
    stage: Staging, path: Path, voxels: Voxels, geometry: Geometry, keys: Mapping[str, str], compress: bool = True
) -> Path:
    """Write .mha, or .mhd with its data file beside; returns the temporary path of the file named ``path``."""
    detached = path.suffix.lower() == ".mhd"
    data_name = path.with_suffix(".zraw" if compress else ".raw").name
    matrix = geometry.ijk_to_lps
    directions = (matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)).T
    compressor = zlib.compressobj(1) if compress else None
    temporary = stage.beside(path)
    # The header states the compressed size, so the voxels are written first, apart.
    body = stage.beside(path.with_name(data_name)) if detached else temporary.with_name(temporary.name + ".data")
    try:
        with body.open("wb") as file:
            size = write_voxels(file, voxels, compressor)
        fields = {
            "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False",
            "CompressedData": str(compress), **({"CompressedDataSize": str(size)} if compress else {}),
            "TransformMatrix": _numbers(directions.ravel()), "Offset": _numbers(matrix[:3, 3]),
            "CenterOfRotation": "0 0 0", "ElementSpacing": _numbers(geometry.spacing_ijk_mm),
            "DimSize": " ".join(str(n) for n in geometry.shape[::-1]),
            **{key: value for key, value in keys.items() if len(value) < 250},
            "ElementType": _TYPES[voxels.dtype.name], "ElementDataFile": data_name if detached else "LOCAL",
        }
        with temporary.open("wb") as file:
            file.write("".join(f"{key} = {value}\n" for key, value in fields.items()).encode())
            if not detached:
                with body.open("rb") as source:
                    while chunk := source.read(1 << 24):
                        file.write(chunk)
    finally:
        if not detached:
            body.unlink(missing_ok=True)
    return temporary


def _numbers(values: object) -> str:
    return " ".join(f"{float(x) + 0.0:.17g}" for x in np.asarray(values))

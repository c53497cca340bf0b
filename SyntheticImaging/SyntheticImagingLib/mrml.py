"""Images and points to MRML nodes and back, at exactly the same place in the patient.

MRML keeps spacing, origin and three direction columns, so every grid of `Geometry` fits: oblique,
anisotropic, left-handed and sheared ones alike. `segmentations`, `sequences` and `tables` do the same
for the other kinds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.points import Points
from synthetic_imaging.volume import Volume
from SyntheticImagingLib import attributes
from SyntheticImagingLib.headless import import_slicer

# Types that VTK and every file format of Slicer hold.
_HELD = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")

# DICOM codes of what numbers mean, as Slicer's data probe shows them: (scheme, value, meaning).
_QUANTITIES = {
    "attenuation": ("DCM", "112031", "Attenuation Coefficient"),
    "signal": ("DCM", "110852", "MR signal intensity"),
}
_UNITS = {"HU": ("UCUM", "[hnsf'U]", "Hounsfield unit")}


def held_by_slicer(voxels: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """The same values in a type that Slicer takes: int64, bool and float16 are cast without loss.

    Raises:
        InputError: if a value does not fit any such type.
    """
    if voxels.dtype.newbyteorder("=").name in _HELD:
        return np.ascontiguousarray(voxels, dtype=voxels.dtype.newbyteorder("="))
    if voxels.dtype == np.bool_:
        return np.ascontiguousarray(voxels).view(np.uint8)
    if voxels.dtype == np.float16:
        return voxels.astype(np.float32)
    if voxels.dtype.kind in "iu":
        low, high = int(voxels.min()), int(voxels.max())
        for kind in (np.int32, np.uint32):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return voxels.astype(kind)
        if max(abs(low), abs(high)) <= 2**53:
            return voxels.astype(np.float64)
    elif voxels.dtype.kind == "f":
        cast = voxels.astype(np.float64)
        if np.array_equal(cast, voxels, equal_nan=True):
            return cast
    raise InputError(f"'{name}' holds {voxels.dtype} values that Slicer cannot hold exactly. Convert it to float32.")


def add_volume(scene: Any, volume: Volume, name: str | None = None) -> Any:
    """A new ``vtkMRMLScalarVolumeNode`` with display node, window, quantity, unit and provenance.

    The voxels are shared with the volume where the type allows: treat the node's array as read-only,
    or pass a copy.

    Raises:
        InputError: if the voxel type cannot be held.
    """
    node = import_slicer().vtkMRMLScalarVolumeNode()
    node.SetName(scene.GenerateUniqueName(name or volume.name))
    fill_volume_node(node, volume)
    scene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    show_with_window(node, volume.window)
    return node


def fill_volume_node(node: Any, volume: Volume) -> None:
    """Put voxels, place, meaning and provenance into a scalar volume node."""
    voxels = held_by_slicer(volume.voxels, volume.name)
    node.SetAndObserveImageData(image_from_array(voxels))
    node.SetIJKToRASMatrix(matrix_to_vtk(volume.geometry.ijk_to_ras))
    if voxels.dtype != volume.voxels.dtype:
        node.SetAttribute(attributes.VOXEL_TYPE, volume.voxels.dtype.name)
    node.SetVoxelValueQuantity(_coded(_QUANTITIES.get(volume.quantity)))
    node.SetVoxelValueUnits(_coded(_UNITS.get(volume.unit)))
    attributes.write_meaning(
        node, modality=volume.modality, quantity=volume.quantity, unit=volume.unit,
        window=list(volume.window) if volume.window else None,
    )
    attributes.mark(node, volume.provenance)


def volume_from_node(node: Any) -> Volume:
    """The volume in a scalar volume node; its array is a read-only view of the node's.

    A linear parent transform is part of the place. Window and level are taken from the display node
    where it does not choose them by itself.

    Raises:
        InputError: if the node is empty, has several components or a parent transform that is not linear.
    """
    name = node.GetName() or "volume"
    voxels = array_from_image(node.GetImageData(), name)
    if voxels.ndim != 3:
        raise InputError(f"'{name}' is a colour or vector image; a volume with one number per voxel is needed.")
    kept = node.GetAttribute(attributes.VOXEL_TYPE)
    if kept:
        voxels = voxels.view(np.bool_) if kept == "bool" else voxels.astype(np.dtype(kept))
    known = attributes.read_meaning(node)
    unit = known.get("unit") or _unit_of(node)
    modality = known.get("modality") or ("CT" if unit == "HU" else node.GetAttribute("DICOM.Modality") or "")
    quantity = known.get("quantity") or ("attenuation" if unit == "HU" else "")
    geometry = Geometry(placed(node) @ matrix_from_vtk(_ijk_to_ras(node)), voxels.shape)  # type: ignore[arg-type]
    return Volume(
        voxels, geometry, modality=modality, quantity=quantity, unit=unit, name=name,
        window=_window_of(node, known), provenance=attributes.provenance_of(node),
    )


def add_points(scene: Any, points: Points) -> Any:
    """A new ``vtkMRMLMarkupsFiducialNode``."""
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", scene.GenerateUniqueName(points.name))
    for index, ras in enumerate(points.ras_mm):
        label = points.labels[index] if index < len(points.labels) else ""
        node.AddControlPoint(*(float(x) for x in ras), label)
    return node


def points_from_node(node: Any) -> Points:
    """The placed control points of a markups node in world RAS millimetres (parent transforms applied).

    Raises:
        InputError: if none is placed.
    """
    places, labels = [], []
    for index in range(node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(index) == node.PositionDefined:
            position = [0.0, 0.0, 0.0]
            node.GetNthControlPointPositionWorld(index, position)
            places.append(position)
            labels.append(node.GetNthControlPointLabel(index))
    if not places:
        raise InputError(f"'{node.GetName()}' has no point yet. Click where the lesion is to be.")
    return Points(np.array(places), tuple(labels), name=node.GetName())


def show_with_window(node: Any, window: tuple[float, float] | None) -> None:
    """Fix centre and width of a volume's display; without a window Slicer chooses one."""
    display = node.GetDisplayNode()
    if display is None:
        return
    if display.GetColorNode() is None:
        display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    if window is None:
        return
    display.AutoWindowLevelOff()
    display.SetWindowLevel(window[1], window[0])


def placed(node: Any) -> npt.NDArray[np.float64]:
    """The 4 x 4 matrix of a node's parent transforms, RAS to RAS; the identity without any.

    Raises:
        InputError: if a parent transform is not linear.
    """
    transform = node.GetParentTransformNode()
    if transform is None:
        return np.eye(4)
    matrix = _new_matrix()
    if not transform.IsTransformToWorldLinear() or not transform.GetMatrixTransformToWorld(matrix):
        raise InputError(
            f"'{node.GetName()}' is under the transform '{transform.GetName()}', which is not linear. "
            "Harden the transform, or resample the image first."
        )
    return matrix_from_vtk(matrix)


def image_from_array(voxels: npt.NDArray[Any], image: Any = None) -> Any:
    """A ``vtkImageData`` of unit spacing (or the one given) that shares a contiguous (K, J, I) array."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData() if image is None else image
    k, j, i = voxels.shape
    image.SetDimensions(i, j, k)
    scalars = numpy_to_vtk(voxels.reshape(-1), deep=False)
    scalars.SetName("ImageScalars")
    image.GetPointData().SetScalars(scalars)
    return image


def array_from_image(image: Any, name: str) -> npt.NDArray[Any]:
    """The voxels of a ``vtkImageData`` as (K, J, I), shared.

    Raises:
        InputError: if there are none.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy

    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None or scalars.GetNumberOfTuples() == 0:
        raise InputError(f"'{name}' holds no voxels. Load or create its image first.")
    i, j, k = image.GetDimensions()
    components = scalars.GetNumberOfComponents()
    return np.asarray(vtk_to_numpy(scalars)).reshape((k, j, i) if components == 1 else (k, j, i, components))


def matrix_to_vtk(matrix: npt.NDArray[np.float64]) -> Any:
    """A ``vtkMatrix4x4`` of a 4 x 4 array."""
    result = _new_matrix()
    result.DeepCopy([float(x) for x in np.asarray(matrix).reshape(-1)])
    return result


def matrix_from_vtk(matrix: Any) -> npt.NDArray[np.float64]:
    """A 4 x 4 array of a ``vtkMatrix4x4``."""
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])


def _new_matrix() -> Any:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    return vtkMatrix4x4()


def _ijk_to_ras(node: Any) -> Any:
    matrix = _new_matrix()
    node.GetIJKToRASMatrix(matrix)
    return matrix


def _coded(code: tuple[str, str, str] | None) -> Any:
    if code is None:
        return None
    entry = import_slicer().vtkCodedEntry()
    scheme, value, meaning = code
    entry.SetValueSchemeMeaning(value, scheme, meaning)
    return entry


def _unit_of(node: Any) -> str:
    entry = node.GetVoxelValueUnits()
    if entry is None:
        return ""
    return next((unit for unit, code in _UNITS.items() if code[1] == entry.GetCodeValue()), "")


def _window_of(node: Any, known: dict[str, Any]) -> tuple[float, float] | None:
    display = node.GetDisplayNode()
    if display is not None and not display.GetAutoWindowLevel():
        return (float(display.GetLevel()), float(display.GetWindow()))
    kept = known.get("window")
    return (float(kept[0]), float(kept[1])) if kept else None

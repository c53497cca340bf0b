"""To and from the images of SimpleITK and MONAI, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from synthetic_imaging.errors import InputError
from synthetic_imaging.files.meaning import Meaning
from synthetic_imaging.files.voxel_types import storable
from synthetic_imaging.geometry import LPS_FROM_RAS, Geometry
from synthetic_imaging.mask import Mask
from synthetic_imaging.volume import Volume

if TYPE_CHECKING:
    import SimpleITK
    from monai.data import MetaTensor


def geometry_of_sitk(image: SimpleITK.Image) -> Geometry:
    """The grid of a three-dimensional SimpleITK image."""
    directions = np.array(image.GetDirection()).reshape(3, 3)
    matrix = np.eye(4)
    matrix[:3, :3] = directions * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return Geometry(LPS_FROM_RAS @ matrix, image.GetSize()[::-1])


def to_sitk(item: Volume | Mask) -> SimpleITK.Image:
    """A SimpleITK image (LPS) with the same values at the same places; sheared grids included.

    A mask becomes its label map; what the numbers mean goes into the image's metadata.

    Raises:
        InputError: if a mask has overlapping segments (several label maps).
    """
    import SimpleITK

    image = SimpleITK.GetImageFromArray(storable(_voxels(item), item.name))
    matrix = item.geometry.ijk_to_lps
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(matrix[:3, 3].tolist())
    image.SetDirection((matrix[:3, :3] / spacing).ravel().tolist())
    for key, value in Meaning.of(item).keys().items():
        image.SetMetaData(key, value)
    return image


def from_sitk(image: SimpleITK.Image, **meaning: Any) -> Volume:
    """A volume from a SimpleITK image; ``meaning`` (name, modality, unit...) overrides the image's metadata.

    Raises:
        InputError: if it is not a three-dimensional scalar image.
    """
    import SimpleITK

    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            f"The SimpleITK image has {image.GetDimension()} dimensions and {image.GetNumberOfComponentsPerPixel()} "
            "values per voxel; a scalar volume needs 3 and 1."
        )
    stored = Meaning.from_keys({key: image.GetMetaData(key) for key in image.GetMetaDataKeys()})
    return Volume(
        SimpleITK.GetArrayFromImage(image), geometry_of_sitk(image), **{**stored.for_volume("volume"), **meaning}
    )


def to_metatensor(item: Volume | Mask) -> MetaTensor:
    """A MONAI MetaTensor, channel first: (1, I, J, K) with the RAS matrix as its affine; values kept.

    A mask becomes its label map. Types that torch lacks (unsigned 16 and 32 bits in computations) become
    the next larger signed one.

    Raises:
        InputError: if a mask has overlapping segments (several label maps).
    """
    import torch
    from monai.data import MetaTensor

    voxels = _voxels(item)
    if voxels.dtype.kind == "u" and voxels.dtype.itemsize in (2, 4):
        voxels = voxels.astype(np.int32 if voxels.dtype.itemsize == 2 else np.int64)
    elif voxels.dtype == np.uint64 or voxels.dtype.itemsize > 8:
        voxels = storable(voxels, item.name)
    native = np.array(voxels.T, dtype=voxels.dtype.newbyteorder("="), order="C")
    return MetaTensor(
        torch.from_numpy(native)[None],
        affine=torch.from_numpy(item.geometry.ijk_to_ras.copy()),
        meta={"space": "RAS", "name": item.name},
    )


def from_metatensor(tensor: MetaTensor, **meaning: Any) -> Volume:
    """A volume from a MetaTensor (1, I, J, K) or (I, J, K); ``meaning`` gives name, modality, unit...

    The affine must be RAS, as MONAI has it unless its reader was told otherwise.

    Raises:
        InputError: if it has several channels or not three dimensions, or is in LPS.
    """
    array = tensor.detach().cpu().as_tensor().numpy()
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3:
        raise InputError(f"The tensor has the shape {tuple(array.shape)}; one channel of three dimensions is needed.")
    affine = np.asarray(tensor.affine.cpu().numpy(), dtype=np.float64)
    if str(tensor.meta.get("space", "RAS")).upper().endswith("LPS"):
        affine = LPS_FROM_RAS @ affine
    return Volume(
        np.ascontiguousarray(array.T), Geometry(affine, array.shape[::-1]),
        **{"name": str(tensor.meta.get("name", "volume")), **meaning},
    )


def _voxels(item: Volume | Mask) -> Any:
    if isinstance(item, Volume):
        return item.voxels
    if item.layers.shape[0] > 1:
        raise InputError(
            f"'{item.name}' has segments that may overlap, which one label map cannot hold. "
            "Take one segment: mask.only(name)."
        )
    return item.layers[0]

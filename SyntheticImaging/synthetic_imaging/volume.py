"""An image with its place in the patient and what its numbers mean."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Box, Geometry

if TYPE_CHECKING:
    from synthetic_imaging.dicom.origin import DicomOrigin
    from synthetic_imaging.provenance import Provenance

Voxels = npt.NDArray[Any]


def read_only(voxels: npt.ArrayLike) -> Voxels:
    """A view of the array that cannot be written through: an input is never changed by accident."""
    view = np.asarray(voxels).view()
    view.setflags(write=False)
    return view


def content_hash(voxels: Voxels, geometry: Geometry) -> str:
    """sha256 over type, shape, matrix and voxels (row-major, K slowest)."""
    digest = hashlib.sha256()
    digest.update(f"{voxels.dtype.str}{voxels.shape}".encode())
    digest.update(np.ascontiguousarray(geometry.ijk_to_ras).tobytes())
    digest.update(np.ascontiguousarray(voxels).reshape(-1).view(np.uint8).data if voxels.size else b"")
    return digest.hexdigest()


def add_inside(voxels: Voxels, change: npt.ArrayLike, box: Box) -> None:
    """Add ``change`` to ``voxels[box]`` in place; where it is exactly zero the voxel stays bit-identical.

    Integer types are rounded and clipped to their range.
    """
    part, delta = voxels[box.slices], np.asarray(change)
    if delta.shape != part.shape:
        raise ValueError(f"change {delta.shape} does not fit box {part.shape}")
    changed = delta != 0
    if voxels.dtype.kind in "iu":
        limits = np.iinfo(voxels.dtype)
        total = np.rint(part[changed] + delta[changed].astype(np.float64))
        part[changed] = np.clip(total, limits.min, limits.max).astype(voxels.dtype)
    else:
        np.add(part, delta.astype(part.dtype, copy=False), out=part, where=changed)


@dataclass(frozen=True, eq=False)
class Volume:
    """A scalar image.

    Attributes:
        voxels: array (K, J, I); kept read-only.
        geometry: where the voxels sit.
        modality: DICOM's two letters where known ("CT", "MR", "PT", "US"), else "".
        quantity: what a number means ("attenuation", "signal", ...), else "".
        unit: "HU" for CT, "" where arbitrary.
        name: what the viewer shows; never a patient's name.
        window: (centre, width) for display, in ``unit``, or None.
        provenance: how a synthetic volume came to be; None for what a scanner measured.
        dicom: the DICOM series it was read from, or None.

    Raises:
        InputError: if the array is not three-dimensional, is empty, or does not fit the geometry.
    """

    voxels: Voxels
    geometry: Geometry
    modality: str = ""
    quantity: str = ""
    unit: str = ""
    name: str = "volume"
    window: tuple[float, float] | None = None
    provenance: Provenance | None = None
    dicom: DicomOrigin | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        voxels = read_only(self.voxels)
        if voxels.ndim != 3:
            raise InputError(f"'{self.name}' has {voxels.ndim} dimensions; a volume needs three.")
        if voxels.size == 0:
            raise InputError(f"'{self.name}' holds no voxels.")
        if voxels.dtype.kind not in "iufb":
            raise InputError(f"'{self.name}' holds {voxels.dtype} values; a volume needs plain numbers.")
        if voxels.shape != self.geometry.shape:
            raise InputError(f"'{self.name}': {voxels.shape} voxels do not fit a grid of {self.geometry.shape}.")
        object.__setattr__(self, "voxels", voxels)
        object.__setattr__(self, "modality", self.modality.strip().upper())
        if self.window is not None:
            # Plain numbers: a window computed with numpy must not break what writes it as JSON.
            object.__setattr__(self, "window", (float(self.window[0]), float(self.window[1])))

    @classmethod
    def ct(cls, voxels: npt.ArrayLike, geometry: Geometry, name: str = "CT", **more: Any) -> Volume:
        """A CT in Hounsfield units, shown at the soft-tissue window unless told otherwise."""
        more.setdefault("window", (40.0, 400.0))
        return cls(
            np.asarray(voxels), geometry, modality="CT", quantity="attenuation", unit="HU", name=name, **more
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (K, J, I)."""
        return self.geometry.shape

    @property
    def synthetic(self) -> bool:
        """Whether a tool of this product made it."""
        return self.provenance is not None

    @cached_property
    def sha256(self) -> str:
        """Hash of voxels and geometry, without names: goes into provenance records."""
        return content_hash(self.voxels, self.geometry)

    def like(self, voxels: npt.ArrayLike, **changes: Any) -> Volume:
        """A volume on the same grid with the same meaning, other voxels."""
        return replace(self, voxels=np.asarray(voxels), **changes)

    def cropped(self, box: Box) -> Volume:
        """The voxels in ``box``, at the same place; no longer tied to the DICOM slices it came from."""
        clipped = box.clipped(self.shape)
        return replace(
            self, voxels=self.voxels[clipped.slices], geometry=self.geometry.cropped(clipped), dicom=None
        )

    def adding(self, change: npt.ArrayLike, box: Box, **changes: Any) -> Volume:
        """A copy with ``change`` added inside ``box`` and every other voxel bit-identical.

        Voxels whose change is exactly zero stay bit-identical too. Integer types are rounded
        and clipped to their range.
        """
        voxels = self.voxels.copy()
        add_inside(voxels, change, box)
        return self.like(voxels, **changes)

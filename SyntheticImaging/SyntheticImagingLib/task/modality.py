"""Whether a volume node holds a CT: what a form asks for depends on it."""

from __future__ import annotations

from typing import Any

from SyntheticImagingLib import attributes

# Even a CT cropped to an organ holds some fat; an MR goes below 0 by rounding only.
_FAT_HU = -80.0


def is_ct(volume: Any) -> bool:
    """Whether a volume is a CT: it says so, or its numbers can be Hounsfield units."""
    known = attributes.read_meaning(volume)
    modality = known.get("modality") or volume.GetAttribute("DICOM.Modality")
    if modality:
        return bool(modality == "CT")
    unit = volume.GetVoxelValueUnits()
    if unit is not None:
        return bool(unit.GetCodeValue() == "[hnsf'U]")
    low, high = volume.GetImageData().GetScalarRange()
    return bool(low <= _FAT_HU and 50.0 <= high < 70000.0)

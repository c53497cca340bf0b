"""Whether a volume node holds a CT: what a form asks for depends on it."""

from __future__ import annotations

from typing import Any

from SyntheticImagingLib import attributes


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
    return bool(low <= -500.0 and 50.0 <= high < 70000.0)

"""How a DICOM object says that it is synthetic, and where the provenance record lies in it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from synthetic_imaging.files.meaning import Meaning
from synthetic_imaging.provenance import PRODUCT, STATEMENT, Provenance

# Odd group, so private; the elements are reserved by the creator's name.
GROUP = 0x0099
CREATOR = "SYNTHETICIMAGING"
_PROVENANCE, _QUANTITY, _UNIT, _NAME, _GRID, _MODALITY = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06


def mark_synthetic(dataset: Any, record: Provenance) -> None:
    """Set SyntheticData, DerivationDescription and ContributingEquipmentSequence."""
    from pydicom import Dataset
    from pydicom.sequence import Sequence as DicomSequence

    dataset.SyntheticData = "YES"
    dataset.DerivationDescription = f"{STATEMENT} {record.short}"[:1024]
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = DicomSequence([code_item("109103", "DCM", "Modifying Equipment")])
    equipment.Manufacturer = PRODUCT
    equipment.ManufacturerModelName = record.tool[:64]
    equipment.SoftwareVersions = record.tool_version[:64]
    equipment.ContributionDateTime = datetime.now(timezone.utc).strftime("%Y%m%d%H%M%S+0000")
    equipment.ContributionDescription = f"{STATEMENT} {record.short}"[:1024]
    dataset.ContributingEquipmentSequence = DicomSequence([equipment])


def add_marks(dataset: Any, meaning: Meaning, grid: Any = None) -> None:
    """Keep the record, and what DICOM has no place for, in private attributes."""
    block = dataset.private_block(GROUP, CREATOR, create=True)
    if meaning.provenance is not None:
        block.add_new(_PROVENANCE, "UT", json.dumps(meaning.provenance.to_dict()))
    texts = ((_QUANTITY, meaning.quantity), (_UNIT, meaning.unit), (_NAME, meaning.name), (_MODALITY, meaning.modality))
    for element, text in texts:
        if text:
            block.add_new(element, "UT", text)
    if grid is not None:
        block.add_new(_GRID, "UT", json.dumps(grid))


def read_marks(dataset: Any) -> Meaning:
    """What `add_marks` kept; empty for foreign objects."""
    try:
        block = dataset.private_block(GROUP, CREATOR)
    except KeyError:
        return Meaning()

    def text(element: int) -> str:
        if element not in block:
            return ""
        value = block[element].value
        return value.decode("utf-8", "replace").rstrip(" \0") if isinstance(value, bytes) else str(value)

    try:
        provenance = Provenance.from_json(text(_PROVENANCE)) if text(_PROVENANCE) else None
    except ValueError:
        provenance = None
    return Meaning(text(_NAME), text(_MODALITY), text(_QUANTITY), text(_UNIT), None, provenance)


def read_grid(dataset: Any) -> Any:
    """The grid that `add_marks` kept, as plain values, or None."""
    try:
        block = dataset.private_block(GROUP, CREATOR)
        value = block[_GRID].value
        return json.loads(value.decode() if isinstance(value, bytes) else str(value))
    except (KeyError, ValueError):
        return None


def code_item(value: str, scheme: str, meaning: str) -> Any:
    """An item of a code sequence."""
    from pydicom import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning[:64]
    return item

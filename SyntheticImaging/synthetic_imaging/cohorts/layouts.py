"""How the files of a cohort are laid out: for a viewer, for a PACS, for nnU-Net, for MONAI.

| layout | image | segments | beside |
|---|---|---|---|
| nrrd | cases/0001/image.nrrd | cases/0001/segments.seg.nrrd | |
| nifti | cases/0001/image.nii.gz | cases/0001/segments.nii.gz | |
| dicom | cases/0001/image/IM00001.dcm ... | cases/0001/segments.dcm (DICOM SEG) | |
| nnunet | imagesTr/case_0001_0000.nii.gz | labelsTr/case_0001.nii.gz | dataset.json (nnU-Net v2) |
| monai | images/case_0001.nii.gz | labels/case_0001.nii.gz | datalist.json (of the decathlon kind) |

Label values are 1, 2, ... in the order of the model's structures, also where a case lacks one. Every file says that it
is synthetic: in its header where the format has a place, and in a JSON file beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_imaging.cohorts.generator import CohortCase, Generator
from synthetic_imaging.cohorts.records import CaseRecord, case_name
from synthetic_imaging.errors import FileError, ParameterError
from synthetic_imaging.mask import Mask
from synthetic_imaging.provenance import STATEMENT, distribution_version
from synthetic_imaging.volume import Volume

Writer = Callable[[CohortCase, int, Path], dict[str, str]]
Index = Callable[[Generator, Sequence[CaseRecord]], dict[str, Any]]


@dataclass(frozen=True)
class Layout:
    """A layout.

    Attributes:
        name: what a user types.
        title: what a form shows.
        write: (case, its number, folder) -> role -> path in the folder; writes the case's files into the folder.
        index_file: name of the file that lists all cases; "" for none.
        index: (model, cases that are kept) -> what that file holds.
    """

    name: str
    title: str
    write: Writer
    index_file: str = ""
    index: Index | None = None


def layout_of(name: str) -> Layout:
    """The layout of that name.

    Raises:
        ParameterError: naming those there are.
    """
    if name not in LAYOUTS:
        raise ParameterError(f"There is no layout '{name}'. There are: {', '.join(LAYOUTS)}.")
    return LAYOUTS[name]


def read_case(folder: Path, record: CaseRecord) -> tuple[Volume, Mask]:
    """Image and segments of a case that was written.

    Raises:
        FileError: if they cannot be read.
    """
    from synthetic_imaging.files import read_mask, read_volume

    return read_volume(folder / record.files["image"]), read_mask(folder / record.files["segments"])


def with_label_order(case: CohortCase, structures: Sequence[str]) -> CohortCase:
    """The case with label values 1, 2, ... in the order of the structures.

    Raises:
        FileError: if segments overlap, which a label map cannot hold.
    """
    mask = case.segments
    wanted = {name: value for value, name in enumerate(structures, start=1)}
    if mask.layers.shape[0] != 1:
        raise FileError(f"'{mask.name}' has overlapping segments, which a label map cannot hold. Choose nrrd or dicom.")
    if all(s.label == wanted[s.name] for s in mask.segments):
        return case
    table = np.zeros(max(int(mask.layers.max()), *(s.label for s in mask.segments)) + 1, dtype=np.uint8)
    for segment in mask.segments:
        table[segment.label] = wanted[segment.name]
    return replace(case, segments=replace(
        mask, layers=table[mask.layers], segments=tuple(replace(s, label=wanted[s.name]) for s in mask.segments)))


def _write_pair(folder: Path, case: CohortCase, image: str, segments: str) -> dict[str, str]:
    from synthetic_imaging.files import write_mask, write_volume

    for path in (image, segments):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    write_volume(case.image, folder / image)
    write_mask(case.segments, folder / segments)
    return {"image": image, "segments": segments}


def _nrrd(case: CohortCase, number: int, folder: Path) -> dict[str, str]:
    place = f"cases/{case_name(number)}"
    return _write_pair(folder, case, f"{place}/image.nrrd", f"{place}/segments.seg.nrrd")


def _nifti(case: CohortCase, number: int, folder: Path) -> dict[str, str]:
    place = f"cases/{case_name(number)}"
    return _write_pair(folder, case, f"{place}/image.nii.gz", f"{place}/segments.nii.gz")


def _nnunet(case: CohortCase, number: int, folder: Path) -> dict[str, str]:
    name = f"case_{case_name(number)}"
    return _write_pair(folder, case, f"imagesTr/{name}_0000.nii.gz", f"labelsTr/{name}.nii.gz")


def _monai(case: CohortCase, number: int, folder: Path) -> dict[str, str]:
    name = f"case_{case_name(number)}"
    return _write_pair(folder, case, f"images/{name}.nii.gz", f"labels/{name}.nii.gz")


def _dicom(case: CohortCase, number: int, folder: Path) -> dict[str, str]:
    from synthetic_imaging.dicom.reading import read_series
    from synthetic_imaging.dicom.segmentation import write_segmentation
    from synthetic_imaging.dicom.writing import write_series

    place = f"cases/{case_name(number)}"
    (folder / place).mkdir(parents=True)
    write_series(case.image, folder / place / "image")
    # The segmentation refers to the series as it was written, with its identifiers.
    write_segmentation(case.segments, read_series(folder / place / "image"), folder / place / "segments.dcm")
    return {"image": f"{place}/image", "segments": f"{place}/segments.dcm"}


def _about(generator: Generator) -> dict[str, Any]:
    return {
        "description": f"{generator.title}: {generator.sentence} {STATEMENT}",
        "reference": generator.reference, "synthetic": True, "model": generator.id,
        "release": distribution_version(),
    }


def _nnunet_dataset(generator: Generator, kept: Sequence[CaseRecord]) -> dict[str, Any]:
    labels = {"background": 0, **{name: value for value, name in enumerate(generator.structures, start=1)}}
    return {
        "channel_names": {"0": generator.modality}, "labels": labels, "numTraining": len(kept),
        "file_ending": ".nii.gz", "name": generator.id, **_about(generator),
        # Named one by one, so that a rejected case whose files still lie there is not trained with.
        "dataset": {
            f"case_{r.name}": {"images": [r.files["image"]], "label": r.files["segments"]} for r in kept
        },
    }


def _monai_datalist(generator: Generator, kept: Sequence[CaseRecord]) -> dict[str, Any]:
    labels = {"0": "background", **{str(v): name for v, name in enumerate(generator.structures, start=1)}}
    training: list[Mapping[str, Any]] = [
        {"image": r.files["image"], "label": r.files["segments"], **r.measurements} for r in kept
    ]
    return {
        "name": generator.id, **_about(generator), "modality": {"0": generator.modality}, "labels": labels,
        "tensorImageSize": "3D", "numTraining": len(kept), "numTest": 0, "training": training, "test": [],
    }


LAYOUTS: dict[str, Layout] = {
    layout.name: layout for layout in (
        Layout("nrrd", "NRRD, for 3D Slicer", _nrrd),
        Layout("nifti", "NIfTI", _nifti),
        Layout("dicom", "DICOM series and segmentation", _dicom),
        Layout("nnunet", "nnU-Net data set", _nnunet, "dataset.json", _nnunet_dataset),
        Layout("monai", "MONAI datalist", _monai, "datalist.json", _monai_datalist),
    )
}

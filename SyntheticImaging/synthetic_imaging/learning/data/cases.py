"""Image and label files as training cases on a recipe's grid."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, SyntheticImagingError
from synthetic_imaging.learning.data.gridding import Placing, place
from synthetic_imaging.learning.data.label_names import Mapped, map_labels
from synthetic_imaging.learning.data.listing import Entry
from synthetic_imaging.learning.data.patients import patient_of
from synthetic_imaging.learning.learner import Case
from synthetic_imaging.learning.recipe import DataShape
from synthetic_imaging.mask import Mask, bounding_box
from synthetic_imaging.volume import Volume

_PERCENTILES = (0.1, 99.9)
# Two grids are one when no corner is further apart than a tenth of a voxel.
_SAME_GRID = 0.1
_SLACK = 0.05


@dataclass(frozen=True)
class Facts:
    """What is known of the files of one case, for the checks; without voxels.

    Attributes:
        entry: the case.
        patient: key of the patient.
        sha256: of the image's values; the same for copies in other number types.
        lowest, highest, median: of the image.
        beyond: share of the image's voxels well outside the recipe's window.
        finite: whether the image is free of NaN and infinity.
        same_grid: whether image and label lie on one grid.
        labelled: whether there is a label file.
        unknown, ignored, present: see `Mapped`.
        cut_off: share of the labelled voxels that the recipe's grid leaves out.
        unreadable: why a file cannot be read, or "".
    """

    entry: Entry
    patient: str = ""
    sha256: str = ""
    lowest: float = 0.0
    highest: float = 0.0
    median: float = 0.0
    beyond: float = 0.0
    finite: bool = True
    same_grid: bool = True
    labelled: bool = False
    unknown: tuple[int, ...] = ()
    ignored: tuple[str, ...] = ()
    present: frozenset[str] = frozenset()
    cut_off: float = 0.0
    unreadable: str = ""


@dataclass(frozen=True, eq=False)
class GriddedCase:
    """A case on a recipe's grid.

    Attributes:
        image: float32 (1, K, J, I) in 0..1.
        label: uint8 (K, J, I), or None.
        placing: where the grid lies in the image.
        window: the image values that became 0 and 1.
    """

    image: npt.NDArray[np.float32]
    label: npt.NDArray[np.uint8] | None
    placing: Placing
    window: tuple[float, float]


def read_case(
    entry: Entry, shape: DataShape, names: Mapping[int, str] | None = None
) -> tuple[Facts, GriddedCase | None]:
    """Read, check and resample one case; what is wrong stands in the facts, and then there may be no case."""
    from synthetic_imaging.files import read_mask, read_volume

    try:
        volume = read_volume(entry.image)
        mask = read_mask(entry.label) if entry.label is not None and shape.labels else None
    except SyntheticImagingError as error:
        return Facts(entry, unreadable=str(error)), None
    facts = _facts_of_image(entry, volume, shape)
    if mask is None:
        usable = facts["finite"] and facts["highest"] > facts["lowest"]
        return Facts(entry, **facts), on_grid(volume, None, shape) if usable else None
    same = _same_grid(volume, mask)
    if not same and (turned := mask.turned_onto(volume.geometry)) is not None:
        # The same voxels, listed along other directions: formats may turn axes round.
        mask, same = turned, True
    mapped = map_labels(mask, shape.labels, names)
    facts |= {"labelled": True, "same_grid": same, "unknown": mapped.unknown, "ignored": mapped.ignored,
              "present": mapped.present}
    if not same or not facts["finite"] or facts["highest"] <= facts["lowest"]:
        return Facts(entry, **facts), None
    case = on_grid(volume, mapped, shape)
    return Facts(entry, **facts, cut_off=case.placing.outside_share(mapped.labels > 0)), case


def on_grid(volume: Volume, mapped: Mapped | None, shape: DataShape) -> GriddedCase:
    """An image, and its labels, on a recipe's grid.

    Args:
        volume: the image.
        mapped: its labels on the same voxels, or None.
        shape: what the recipe takes.

    Raises:
        InputError: if the image is constant or not finite.
    """
    low, high = window_of(volume, shape)
    around = bounding_box(mapped.labels) if mapped is not None else None
    placing = place(volume.geometry, shape, around)
    # The published grids of images that keep their extent are made with cubic splines.
    image = placing.image(volume.voxels, cubic=not any(shape.spacing_mm), outside=low)
    image = np.clip((image - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    label = None if mapped is None else placing.label(mapped.labels)
    return GriddedCase(image[None].astype(np.float32, copy=False), label, placing, (low, high))


def window_of(volume: Volume, shape: DataShape) -> tuple[float, float]:
    """The image values that become 0 and 1: the recipe's window, or the image's own 0.1 and 99.9 percentiles.

    Raises:
        InputError: if the image is constant or not finite.
    """
    if not np.isfinite(volume.voxels).all():
        raise InputError(f"'{volume.name}' holds values that are no numbers (NaN or infinite).")
    if shape.window is not None:
        return shape.window
    low, high = np.percentile(volume.voxels, _PERCENTILES)
    if high <= low:
        low, high = float(volume.voxels.min()), float(volume.voxels.max())
    if high <= low:
        raise InputError(f"'{volume.name}' has the same value everywhere.")
    return float(low), float(high)


class FolderCases:
    """Files as training cases (a `CaseSource`). Cases are read when asked for; those that fit are kept in memory."""

    def __init__(
        self, entries: Sequence[Entry], shape: DataShape, names: Mapping[int, str] | None = None,
        kept: Mapping[int, GriddedCase] | None = None, keep_bytes: int = 0,
    ) -> None:
        """Make the source; nothing is read yet.

        Args:
            entries: the cases.
            shape: what the recipe takes.
            names: label value -> name, from a list beside the files.
            kept: cases that were read already, by position in ``entries``.
            keep_bytes: memory that further cases may take once they were read.
        """
        self.entries, self.shape = tuple(entries), shape
        self._names, self._kept = dict(names or {}), dict(kept or {})
        self._left = keep_bytes

    def __len__(self) -> int:
        return len(self.entries)

    def __getstate__(self) -> dict[str, Any]:
        # Another process reads for itself: the cases are not sent through a pipe.
        freed = sum(bytes_of(case) for case in self._kept.values())
        return {**self.__dict__, "_kept": {}, "_left": self._left + freed}

    def gridded(self, index: int) -> GriddedCase:
        """A case with its place in the patient.

        Raises:
            InputError: if its files cannot be used any more.
        """
        if index in self._kept:
            return self._kept[index]
        facts, case = read_case(self.entries[index], self.shape, self._names)
        if case is None:
            reason = facts.unreadable or "its image or label has changed since it was checked."
            raise InputError(f"'{facts.entry.name}' cannot be used any more: {reason}")
        size = bytes_of(case)
        if size <= self._left:
            self._kept[index] = case
            self._left -= size
        return case

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """"image": float32 (1, K, J, I) in 0..1; "label": uint8 (K, J, I) if the recipe has labels; further numbers."""
        del rng  # files do not vary; augmentation is put around this source
        case = self.gridded(index)
        made: dict[str, Any] = {"image": case.image, **self.entries[index].numbers}
        if case.label is not None:
            made["label"] = case.label
        return made

    def placing(self, index: int) -> Placing:
        """Where the grid lies in the case's image: takes results back to it."""
        return self.gridded(index).placing


def bytes_of(case: GriddedCase) -> int:
    """Memory that a case takes."""
    return case.image.nbytes + (0 if case.label is None else case.label.nbytes)


def _facts_of_image(entry: Entry, volume: Volume, shape: DataShape) -> dict[str, Any]:
    values = np.ascontiguousarray(volume.voxels, dtype=np.float32)
    finite = bool(np.isfinite(values).all())
    facts: dict[str, Any] = {
        "patient": patient_of(entry, volume.dicom.text("PatientID") if volume.dicom is not None else ""),
        "sha256": hashlib.sha256(values.tobytes()).hexdigest(), "finite": finite,
    }
    if finite:
        facts |= {"lowest": float(values.min()), "highest": float(values.max()), "median": float(np.median(values))}
        if shape.window is not None:
            low, high = shape.window
            # Air is noisy: half of it lies below -1000 HU.
            slack = _SLACK * (high - low)
            facts["beyond"] = float(np.mean((values < low - slack) | (values > high + slack)))
    return facts


def _same_grid(volume: Volume, mask: Mask) -> bool:
    return volume.geometry.same_grid(mask.geometry, _SAME_GRID * min(volume.geometry.spacing_ijk_mm))

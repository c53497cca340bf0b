"""The DICOM series an image was read from: what a derived series or a segmentation must refer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from synthetic_imaging.geometry import Geometry

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True, eq=False)
class DicomOrigin:
    """Headers of a series, in memory only; they hold patient data and never enter provenance records or job files.

    Attributes:
        headers: one per slice, first slice (K = 0) first; or a single one for a multi-frame image. Without pixels.
        geometry: the grid of the series.
        frames: of a multi-frame image, the frame (from 1) of each slice; empty otherwise.
    """

    headers: tuple[Dataset, ...]
    geometry: Geometry
    frames: tuple[int, ...] = ()

    @property
    def multiframe(self) -> bool:
        """Whether all slices are frames of one DICOM object."""
        return bool(self.frames)

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID."""
        return self.text("SeriesInstanceUID")

    @property
    def study_uid(self) -> str:
        """StudyInstanceUID."""
        return self.text("StudyInstanceUID")

    def text(self, keyword: str) -> str:
        """An attribute of the first header as text, "" where absent."""
        value: Any = self.headers[0].get(keyword)
        return "" if value is None else str(value)

    def __repr__(self) -> str:
        # No patient data in logs.
        return f"DicomOrigin({len(self.headers)} images)"

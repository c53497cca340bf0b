"""A result as DICOM: the series and its segmentation, written in a thread on copies."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_imaging.context import Progress
from synthetic_imaging.errors import Cancelled, FileError, InputError, SyntheticImagingError
from synthetic_imaging.mask import Mask
from synthetic_imaging.volume import Volume
from SyntheticImagingLib.mrml import volume_from_node
from SyntheticImagingLib.segmentations import mask_from_node
from SyntheticImagingLib.task.background import Background
from SyntheticImagingLib.task.origins import database_series, origin_of
from SyntheticImagingLib.task.state import TaskState

SERIES, SEGMENTATION = "series", "segmentation.dcm"


class ExportTask:
    """Writes ``folder/series/*.dcm`` and, with a segmentation, ``folder/segmentation.dcm``.

    The series joins the study of the DICOM series that the volume was made from, where that is known (loaded through
    3D Slicer's DICOM database or by this program); else it is a study of its own.

    Attributes:
        state: see `TaskState`; no cancel while files are written.
        error: the sentence, when it failed; then nothing was written.
        files: what was written.
        progress: names the step.
    """

    def __init__(self, volume_node: Any, segmentation_node: Any, folder: str | os.PathLike[str]) -> None:
        """Copy what will be written.

        Args:
            volume_node: the volume.
            segmentation_node: segments on its grid, or None.
            folder: a new or empty folder whose parent exists.

        Raises:
            InputError, FileError: if the nodes or the folder cannot be used.
        """
        self.folder = Path(folder)
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise FileError(f"'{self.folder.name}' holds files already. Choose an empty folder for the DICOM export.")
        if not self.folder.parent.is_dir():
            raise FileError(f"The folder '{self.folder.parent}' does not exist. Create it first.")
        if volume_node is None:
            raise InputError("There is no volume to export. Make or choose one first.")
        volume = volume_from_node(volume_node)
        self._volume = replace(
            volume, voxels=np.array(volume.voxels), dicom=origin_of(volume_node, volume.geometry), name=volume.name
        )
        self._database = database_series(volume_node) if self._volume.dicom is None else None
        self._mask: Mask | None = None
        if segmentation_node is not None:
            self._mask = mask_from_node(segmentation_node, grid=volume.geometry)
        self.state = TaskState.NEW
        self.error: SyntheticImagingError | None = None
        self.files: list[Path] = []
        self.progress = Progress(0.0, "waiting")
        self._work: Background | None = None

    @property
    def finished(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self.state.final

    def start(self) -> None:
        """Start writing."""
        self.state = TaskState.RUNNING
        self.progress = Progress(0.05, "DICOM series")
        self._work = Background(self._write, "The DICOM export")

    def poll(self) -> None:
        """Look whether it is done."""
        if self._work is None or self.finished or not self._work.done:
            return
        if self._work.error is not None:
            self.state, self.error = TaskState.FAILED, self._work.error
        else:
            self.files, self.state = self._work.result, TaskState.DONE
            self.progress = Progress(1.0, "done")

    def cancel(self) -> None:
        """Only before the start: files that are being written are finished."""
        if self.state is TaskState.NEW:
            self.state, self.error = TaskState.CANCELLED, Cancelled()

    def close(self) -> None:
        """Wait for the files; can be called at any time."""
        if self._work is not None:
            self._work.wait()
            self.poll()
        self.cancel()

    def _write(self) -> list[Path]:
        from synthetic_imaging.dicom.reading import read_series
        from synthetic_imaging.dicom.segmentation import write_segmentation
        from synthetic_imaging.dicom.writing import write_series

        volume = self._with_database_origin()
        made = not self.folder.exists()
        try:
            self.folder.mkdir(exist_ok=True)
            files = write_series(volume, self.folder / SERIES)
            if self._mask is not None:
                self.progress = Progress(0.6, "DICOM segmentation")
                # It refers to the images just written, slice by slice.
                written = read_series(self.folder / SERIES)
                files.append(write_segmentation(self._mask, written, self.folder / SEGMENTATION))
        except BaseException as error:
            shutil.rmtree(self.folder if made else self.folder / SERIES, ignore_errors=True)
            if isinstance(error, OSError):
                raise FileError(f"'{self.folder.name}' cannot be written: {error.strerror or error}.") from None
            raise
        return files

    def _with_database_origin(self) -> Volume:
        if self._database is None:
            return self._volume
        from synthetic_imaging.dicom.reading import read_series

        folder, series_uid = self._database
        try:
            source = read_series(folder, series_uid)
        except SyntheticImagingError:  # moved or deleted since: the export stands on its own
            return self._volume
        same = source.dicom is not None and source.dicom.geometry.same_grid(self._volume.geometry, 0.01)
        return replace(self._volume, dicom=source.dicom) if same else self._volume


def new_folder(parent: Path, title: str) -> Path:
    """A folder that does not exist yet, named for what will be in it."""
    name = re.sub(r"[^\w-]+", "-", title).strip("-").lower()
    candidates = (parent / (name if n == 1 else f"{name}-{n}") for n in range(1, 10000))
    return next(folder for folder in candidates if not folder.exists())

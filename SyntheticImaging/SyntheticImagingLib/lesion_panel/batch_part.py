"""The box "Many at once": as many runs with the same settings, written into folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ctk
from slicer.i18n import tr as _

from synthetic_imaging.errors import InputError
from synthetic_imaging.running import new_seed
from synthetic_imaging.tool import Tool
from SyntheticImagingLib.panel.run_box import RunBox
from SyntheticImagingLib.task import BatchTask

# First seeds are drawn small enough to be read out.
_SEEDS = 1_000_000
_DIRS = 1


class BatchPart:
    """Folder and button of the batch; number of cases and DICOM are bound by name in the .ui file."""

    def __init__(
        self, ui: Any, run: RunBox, make_task: Callable[[], BatchTask], keep_folder: Callable[[str], None]
    ) -> None:
        """Connect the box.

        Args:
            ui: the widgets by name.
            run: where the batch runs.
            make_task: makes it, or refuses with a sentence.
            keep_folder: given the folder that the user chose.
        """
        self._ui, self._run, self._make_task, self._keep_folder = ui, run, make_task, keep_folder
        self._showing = False
        # With Qt 6 some versions of CTK do not tell Python the name.
        ui.batchFolderEdit.filters = getattr(ctk.ctkPathLineEdit, "Dirs", _DIRS)
        ui.batchFolderEdit.connect("currentPathChanged(QString)", self._chosen)
        ui.batchRunButton.connect("clicked(bool)", self._start)

    def show(self, parameters: Any) -> None:
        """Show what the parameter node keeps; None for no scene."""
        folder = parameters.batchFolder if parameters is not None else ""
        self._showing = True
        try:
            if self._ui.batchFolderEdit.currentPath != folder:
                self._ui.batchFolderEdit.currentPath = folder
            self._ui.batchRunButton.enabled = parameters is not None
        finally:
            self._showing = False

    @staticmethod
    def task(
        tool: Tool, nodes: Mapping[str, Any], values: Mapping[str, Any], seed: int | None, parameters: Any
    ) -> BatchTask:
        """The batch for what is chosen.

        Raises:
            SyntheticImagingError: a sentence, if the folder or anything else cannot be used.
        """
        folder = str(parameters.batchFolder).strip()
        if not folder:
            raise InputError(_("Choose a folder for the cases first: a new or an empty one."))
        target = Path(folder).expanduser()
        if not target.is_absolute():  # it would end up wherever the program was started
            raise InputError(_("Give the folder with its full path, or choose it with the button."))
        first = new_seed() % _SEEDS if seed is None else seed
        return BatchTask(
            tool, nodes, values, first, parameters.batchCount, target, dicom=parameters.batchDicom
        )

    def _start(self, *_args: Any) -> None:
        self._run.run(self._make_task, self._done)

    def _done(self, task: BatchTask) -> None:
        words = _("{number} cases written into '{folder}'.").format(number=task.done, folder=task.folder)
        if task.failed:
            words += " " + _("{number} gave no result; manifest.csv says why.").format(number=task.failed)
        self._run.messages.note(words)

    def _chosen(self, folder: str) -> None:
        if not self._showing:
            self._keep_folder(str(folder))

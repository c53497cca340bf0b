"""The box "Make the cohort": number, folder, files; what is in the folder already, and what it will take."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctk
from slicer.i18n import tr as _

from synthetic_imaging.cohorts.folder import PLAN
from synthetic_imaging.cohorts.layouts import LAYOUTS
from synthetic_imaging.cohorts.records import CaseRecord
from synthetic_imaging.errors import InputError, SyntheticImagingError
from synthetic_imaging.memory import readable_bytes
from SyntheticImagingLib.cohort.review import Review

_DIRS = 1


class WritePart:
    """Folder and layout of the cohort; number and processes are bound by name in the .ui file."""

    def __init__(self, ui: Any, keep: Callable[..., None], look: Callable[[Review], None]) -> None:
        """Connect the box.

        Args:
            ui: the widgets by name.
            keep: keeps a value in the parameter node, by keyword.
            look: called with the cases of a folder that the user wants to look through.
        """
        self._ui, self._keep, self._look = ui, keep, look
        self._showing = False
        self.on_error: Callable[[BaseException], None] | None = None
        self._layouts = list(LAYOUTS.values())
        for layout in self._layouts:
            ui.layoutSelector.addItem(layout.title)
        ui.layoutSelector.connect("currentIndexChanged(int)", self._layout_chosen)
        # With Qt 6 some versions of CTK do not tell Python the name.
        ui.folderEdit.filters = getattr(ctk.ctkPathLineEdit, "Dirs", _DIRS)
        ui.folderEdit.connect("currentPathChanged(QString)", self._folder_chosen)
        ui.lookButton.connect("clicked(bool)", self._look_through)

    def show(self, parameters: Any) -> None:
        """Show what the parameter node keeps; None for no scene."""
        folder = parameters.folder if parameters is not None else ""
        names = [layout.name for layout in self._layouts]
        self._showing = True
        try:
            if self._ui.folderEdit.currentPath != folder:
                self._ui.folderEdit.currentPath = folder
            if parameters is not None and parameters.layout in names:
                self._ui.layoutSelector.currentIndex = names.index(parameters.layout)
        finally:
            self._showing = False
        self._ui.lookButton.enabled = bool(folder) and (Path(folder) / PLAN).is_file()

    @staticmethod
    def folder(parameters: Any) -> Path:
        """The chosen folder.

        Raises:
            InputError: if there is none.
        """
        folder = str(parameters.folder).strip() if parameters is not None else ""
        if not folder:
            raise InputError(_("Choose a folder for the cohort: a new or an empty one."))
        return Path(folder).expanduser()

    def sentence(self, parameters: Any, known: list[CaseRecord]) -> tuple[str, bool]:
        """What will happen, or why it cannot.

        Args:
            parameters: the parameter node.
            known: cases that were made with these settings: they tell time and room.

        Returns:
            (sentence, whether it can be started).
        """
        try:
            folder = self.folder(parameters)
        except InputError as error:
            return str(error), False
        number = parameters.number
        words = [_("{number} cases").format(number=number)]
        if known:
            seconds = sum(record.seconds for record in known) / len(known) * number / max(1, parameters.processes)
            room = sum(sum(record.file_bytes.values()) for record in known) / len(known) * number
            words.append(_about(seconds))
            try:
                there = next(p for p in (folder, *folder.parents) if p.is_dir())
                free = shutil.disk_usage(there).free
            except (OSError, StopIteration):
                return " · ".join(words), True
            words.append(_("about {room} of {free} free").format(
                room=readable_bytes(round(room)), free=readable_bytes(free)))
            if room > free:
                return " · ".join(words) + ". " + _("Too little room: choose another disk or fewer cases."), False
        return " · ".join(words), True

    def _layout_chosen(self, index: int) -> None:
        if not self._showing and 0 <= index < len(self._layouts):
            self._keep(layout=self._layouts[index].name)

    def _folder_chosen(self, folder: str) -> None:
        if not self._showing:
            self._keep(folder=str(folder))

    def _look_through(self, *_args: Any) -> None:
        folder = self._ui.folderEdit.currentPath
        try:
            self._look(Review(Path(folder)))
        except SyntheticImagingError as error:
            if self.on_error is not None:
                self.on_error(error)


def _about(seconds: float) -> str:
    if seconds < 90:
        return _("about {seconds} s").format(seconds=max(1, round(seconds)))
    if seconds < 5400:
        return _("about {minutes} min").format(minutes=round(seconds / 60))
    return _("about {hours:.1f} h").format(hours=seconds / 3600)

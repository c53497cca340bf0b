"""The box "Result": the computed sequence beside its inputs, where it is unsure, what the images tell; undo, DICOM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from SyntheticImagingLib.form import readable_record
from SyntheticImagingLib.mr.fit_words import told_of_fit
from SyntheticImagingLib.mr.kept_runs import KeptRuns
from SyntheticImagingLib.mr.knowledge_words import in_words
from SyntheticImagingLib.mr.linked_row import leave_row
from SyntheticImagingLib.mr.result_views import FIRST_PERCENT, ResultViews, given_of
from SyntheticImagingLib.mr_panel.colours import TRUST, WARNING
from SyntheticImagingLib.panel.log_box import FoldedText
from SyntheticImagingLib.panel.run_box import RunBox
from SyntheticImagingLib.panel.shortcuts import Shortcuts
from SyntheticImagingLib.show.host import ViewHost
from SyntheticImagingLib.tables import table_from_node
from SyntheticImagingLib.task import ExportTask, Made
from SyntheticImagingLib.task.exporting import new_folder

_PLANES = ("Axial", "Coronal", "Sagittal")
_FIT_MS = 200


class ResultPart:
    """Results of the methods, the newest first shown.

    Attributes:
        kept: the results.
        views: how the shown one is shown, or None.
        before_show: called before a result takes the views.
        on_change: called after a result came or went.
        choose_folder: asks for a folder; "" if the user thinks better of it.
    """

    def __init__(self, ui: Any, scene: Any, host: ViewHost, run: RunBox, tool_ids: Sequence[str]) -> None:
        self._ui, self._host, self._run = ui, host, run
        self.kept = KeptRuns(scene, tool_ids)
        self.views: ResultViews | None = None
        self.before_show: Callable[[], None] = lambda: None
        self.on_change: Callable[[], None] = lambda: None
        self.choose_folder: Callable[[], str] = _ask_for_folder
        self._listing = self._entered = False
        self.record = FoldedText(_("Provenance"), 200)
        ui.recordFrame.layout().addWidget(self.record.widget)
        slider = ui.doubtSlider
        slider.decimals, slider.singleStep, slider.suffix = 1, 0.5, _(" %")
        slider.value = FIRST_PERCENT
        slider.connect("valueChanged(double)", self._limit_moved)
        for words in (_("Axial"), _("Coronal"), _("Sagittal")):
            ui.planeSelector.addItem(words)
        ui.planeSelector.connect("currentIndexChanged(int)", self._plane_chosen)
        ui.besideButton.connect("clicked(bool)", self._beside_clicked)
        ui.doubtCheckBox.connect("toggled(bool)", self._doubt_toggled)
        ui.resultSelector.connect("currentIndexChanged(int)", self._selected)
        ui.undoButton.connect("clicked(bool)", self.undo)
        ui.exportButton.connect("clicked(bool)", self.export)
        # The views of a new layout are given their sizes when the event loop turns.
        self._fit_soon: Any = qt.QTimer()
        self._fit_soon.setSingleShot(True)
        self._fit_soon.interval = _FIT_MS
        self._fit_soon.connect("timeout()", self._fit)
        self._shortcuts = Shortcuts(ui.resultButton, {"U": self._toggle_doubt, "S": self._toggle_beside})
        self._list()

    @property
    def made(self) -> Made | None:
        """The result that is shown."""
        return self.kept.shown

    def add(self, made: Made) -> None:
        """Show what a run made, beside its inputs."""
        self.kept.add(made)
        self._show(made)

    def undo(self, *_args: Any) -> None:
        """Take this result out of the scene; the one before is shown."""
        if self.made is None or self._run.running:
            return
        self._forget_views()
        self.kept.drop()
        if self.kept.all:
            self._show(self.kept.all[-1])
        self._list()
        self.on_change()

    def export(self, *_args: Any) -> None:
        """Write this result as DICOM into a new folder inside one that the user chooses."""
        made = self.made
        chosen = self.choose_folder() if made is not None else ""
        if made is None or not chosen:
            return
        folder = new_folder(Path(chosen), f"{made.volume.GetName()} seed {made.seed}")
        self._run.run(lambda: ExportTask(made.volume, None, folder), self._exported, keep_summary=True)

    def leave_views(self) -> None:
        """Something else wants the views: the user's own come back."""
        if self.views is not None:
            self.views.close()
            self._show_buttons()

    def enter(self) -> None:
        """The panel is in front: take up what a script made, or an earlier session; views stay as they are."""
        self._entered = True
        self.kept.look()
        if self.views is None:
            leave_row(self._host)
        if self.made is None:
            self._forget_views()
            if self.kept.all:
                self._take(self.kept.all[-1])
        self._list()

    def leave(self) -> None:
        """The panel is left."""
        self._entered = False
        self._shortcuts.enable(False)

    def forget(self) -> None:
        """The scene is closed."""
        self._forget_views()
        self.kept.forget()
        self._list()

    def close(self) -> None:
        """The panel is not used any more: the views come back."""
        self._fit_soon.stop()
        self._forget_views()
        self._shortcuts.close()

    def _forget_views(self) -> None:
        if self.views is not None:
            self.views.close()
            self.views = None

    def _take(self, made: Made) -> None:
        """This result is the one to speak of; the views are not touched."""
        self._forget_views()
        self.kept.shown = made
        self.views = ResultViews(self._host, made, self._ui.doubtSlider.value)
        self.views.plane = _PLANES[max(0, self._ui.planeSelector.currentIndex)]
        self._listing = True
        self._ui.doubtSlider.maximum = self.views.most_percent
        self._listing = False
        self.views.percent = self._ui.doubtSlider.value
        self._say(made)
        self.record.set_text(readable_record(made.record.GetText() or "") if made.record is not None else "")

    def _show(self, made: Made, beside: bool = True) -> None:
        self.before_show()
        self._take(made)
        assert self.views is not None
        self.views.show(beside)
        self._fit_soon.start()
        self.views.doubt_shown = self._ui.doubtCheckBox.checked
        self._list()
        self._ui.resultButton.collapsed = False

    def _say(self, made: Made) -> None:
        """What was made from what, and how far it can be relied on."""
        ui = self._ui
        ui.resultLabel.text = _("{name} from {inputs} · {seconds:.1f} s · seed {seed}").format(
            name=made.volume.GetName(), inputs=", ".join(words for words, _node in given_of(made)) or "–",
            seconds=made.seconds, seed=made.seed,
        )
        domain = table_from_node(made.nodes["domain"]) if "domain" in made.nodes else None
        fit = told_of_fit(domain) if domain is not None else None
        notes = [note for note in made.notes if fit is None or note != fit.sentence]
        # Sentences that ask to check something are warnings; the others tell what was done.
        warnings = [*(note for note in notes if "Check" in note), *((fit.warning,) if fit and fit.warning else ())]
        ui.domainLabel.text = "\n".join(warnings)
        ui.domainLabel.styleSheet = WARNING
        ui.domainLabel.visible = bool(warnings)
        told = [note for note in notes if "Check" not in note]
        ui.notesLabel.text = "\n".join(told)
        ui.notesLabel.visible = bool(told)
        known = in_words(table_from_node(made.nodes["knowledge"])) if "knowledge" in made.nodes else None
        ui.toldLabel.text = known.headline if known is not None else ""
        ui.toldLabel.styleSheet = TRUST[known.trust] if known is not None and known.trust is not None else ""
        ui.toldLabel.visible = bool(ui.toldLabel.text)
        more = [*(known.lines if known is not None else ()), *(fit.lines if fit is not None else ())]
        ui.toldMoreLabel.text = "\n".join(more)
        ui.toldMoreLabel.visible = bool(ui.toldMoreLabel.text)

    def _list(self) -> None:
        ui = self._ui
        self._listing = True
        try:
            ui.resultSelector.clear()
            for title in self.kept.titles:
                ui.resultSelector.addItem(title)
            if self.kept.index >= 0:
                ui.resultSelector.currentIndex = self.kept.index
        finally:
            self._listing = False
        ui.resultSelector.visible = len(self.kept.all) > 1
        ui.resultButton.visible = bool(self.kept.all)
        self._show_buttons()

    def _show_buttons(self) -> None:
        ui, views = self._ui, self.views
        ui.besideButton.checked = views is not None and views.beside
        ui.besideButton.enabled = views is not None and views.has_row
        ui.planeSelector.enabled = ui.besideButton.checked
        ui.doubtFrame.visible = views is not None and views.has_doubt
        self._shortcuts.enable(self._entered and views is not None)

    def _selected(self, index: int) -> None:
        made = self.kept.at(index)
        if not self._listing and made is not None and made is not self.made:
            self._show(made)

    def _beside_clicked(self, *_args: Any) -> None:
        self._toggle_beside()

    def _toggle_beside(self) -> None:
        if self.views is not None:
            self.before_show()
            self.views.show(self.views.has_row and not self.views.beside)
            self._fit_soon.start()
            self.views.doubt_shown = self._ui.doubtCheckBox.checked
            self._show_buttons()

    def _doubt_toggled(self, on: bool) -> None:
        if self.views is not None:
            if not self.views.shown:
                self.before_show()
                self.views.show()
            self.views.doubt_shown = on
            self._show_buttons()

    def _toggle_doubt(self) -> None:
        self._ui.doubtCheckBox.checked = not self._ui.doubtCheckBox.checked

    def _fit(self) -> None:
        if self.views is not None:
            self.views.fit()

    def _limit_moved(self, percent: float) -> None:
        if self.views is not None and not self._listing:
            self.views.percent = float(percent)

    def _plane_chosen(self, index: int) -> None:
        if self.views is not None and 0 <= index < len(_PLANES):
            self.views.plane = _PLANES[index]

    def _exported(self, task: ExportTask) -> None:
        self._run.messages.note(
            _("DICOM written: {number} files in '{folder}'.").format(number=len(task.files), folder=task.folder)
        )


def _ask_for_folder() -> str:
    return str(qt.QFileDialog.getExistingDirectory(None, _("Folder for the DICOM files")) or "")

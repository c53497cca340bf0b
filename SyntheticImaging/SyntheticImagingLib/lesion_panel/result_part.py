"""The box "Result": what each run made, measured; another like it, undo, DICOM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from SyntheticImagingLib.lesion_panel.measuring import OUTPUT, join, measuring_task
from SyntheticImagingLib.lesion_panel.method import Method
from SyntheticImagingLib.lesion_panel.segment_facts import segment_name, volume_ml
from SyntheticImagingLib.panel.result_box import ResultBox
from SyntheticImagingLib.panel.run_box import RunBox
from SyntheticImagingLib.show.host import ViewHost
from SyntheticImagingLib.task import ExportTask, Made, SceneTask, SegmentChoice, remove
from SyntheticImagingLib.task.exporting import new_folder
from SyntheticImagingLib.task.inputs import check_present
from SyntheticImagingLib.task.remembering import parameters_of, runs_in

_SOON_MS = 20
_OURS = tuple(method.value for method in Method)


@dataclass(eq=False)
class _Kept:
    """A run of this session, and what it takes to do another one like it."""

    made: Made
    vessels: SegmentChoice | None


class ResultPart:
    """Results of this session, the newest first shown.

    Attributes:
        box: shows one result.
        choose_folder: asks the user for a folder; returns its path, or "" if he thinks better of it.
        on_change: called without arguments after a result came or went.
    """

    def __init__(self, ui: Any, scene: Any, views: ViewHost, run: RunBox, on_change: Callable[[], None]) -> None:
        self._ui, self._scene, self._run = ui, scene, run
        self.on_change = on_change
        self.choose_folder: Callable[[], str] = _ask_for_folder
        self._kept: list[_Kept] = []
        self._shown: _Kept | None = None
        self._listing = False
        self._unmeasured: list[_Kept] = []
        # The views are drawn before the measurement is prepared: reading a large CT takes half a second.
        self._soon: Any = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.interval = _SOON_MS
        self._soon.connect("timeout()", self._measure_next)
        self.box = ResultBox(views)
        self.box.on_another = self.another
        self.box.on_undo = self.undo
        self.box.on_export = self.export
        self.box.on_measure = self.measure
        ui.resultFrame.layout().addWidget(self.box.widget)
        ui.resultSelector.connect("currentIndexChanged(int)", self._selected)
        self._list()

    @property
    def made(self) -> Made | None:
        """The result that is shown."""
        return self._shown.made if self._shown is not None else None

    @property
    def all_made(self) -> list[Made]:
        """The results of this session that are still in the scene, oldest first."""
        return [kept.made for kept in self._kept if kept.made.alive(self._scene)]

    @property
    def measuring(self) -> bool:
        """Whether a measurement is still to begin."""
        return bool(self._unmeasured)

    def add(self, task: SceneTask, vessels: SegmentChoice | None = None) -> None:
        """Show what a task made, then measure it."""
        if task.made is None:
            return
        kept = _Kept(task.made, vessels)
        self._kept.append(kept)
        self._show(kept)
        self._centre()
        self.on_change()
        self._measure_soon(kept)

    def another(self, *_args: Any) -> None:
        """The same once more with a new seed; this result stays."""
        if self._shown is not None:
            kept = self._shown
            self._run.run(lambda: self._again(kept.made), lambda task: self.add(task, kept.vessels))

    def undo(self, *_args: Any) -> None:
        """Take this result out of the scene; the one before is shown."""
        kept = self._shown
        if kept is None or self._run.running:
            return
        self.box.clear()  # first the views go back to what the user had
        self._shown = None
        remove(self._scene, kept.made)
        self._kept = [k for k in self._kept if k is not kept and k.made.alive(self._scene)]
        if self._kept:
            self._show(self._kept[-1])
        self._list()
        self.on_change()

    def export(self, *_args: Any) -> None:
        """Write this result as DICOM into a new folder inside one that the user chooses."""
        made = self.made
        if made is None:
            return
        chosen = self.choose_folder()
        if not chosen:
            return
        folder = new_folder(Path(chosen), f"{made.title} seed {made.seed}")
        lesions = made.lesions if made.lesions is not None and self._scene.IsNodePresent(made.lesions) else None
        self._run.run(
            lambda: ExportTask(made.volume, lesions, folder), lambda task: self._exported(task, folder),
            keep_summary=True,
        )

    def measure(self, *_args: Any) -> None:
        """Measure this result again."""
        if self._shown is not None:
            self._measure_soon(self._shown)

    def enter(self) -> None:
        """The panel is entered."""
        self._kept = [k for k in self._kept if k.made.alive(self._scene)]
        if self._shown is not None and self._shown not in self._kept:
            self.box.clear()
            self._shown = None
        self._recall()
        self._list()
        self.box.enter()

    def leave(self) -> None:
        """The panel is left."""
        self.box.exit()

    def forget(self) -> None:
        """The scene is closed: nothing is left."""
        self.box.clear()
        self._kept, self._shown, self._unmeasured = [], None, []
        self._list()

    def close(self) -> None:
        """The panel is not used any more."""
        self._soon.stop()
        self._unmeasured = []
        self.box.close()

    def _recall(self) -> None:
        """Take up what a script made, or an earlier session whose scene was opened; the views stay as they are."""
        known = [kept.made.record for kept in self._kept]
        for made in runs_in(self._scene):
            if made.tool_id in _OURS and made.record not in known:
                vessels = made.inputs.get("vessels")
                self._kept.append(_Kept(made, vessels if isinstance(vessels, SegmentChoice) else None))
        if self._shown is None and self._kept and not self._run.running:
            usual, self.box.start_mode = self.box.start_mode, None
            try:
                self._show(self._kept[-1])
            finally:
                self.box.start_mode = usual

    def _again(self, made: Made) -> SceneTask:
        check_present(self._scene, made.inputs)
        return SceneTask(self._scene, made.tool_id, made.inputs, parameters_of(made))

    def _show(self, kept: _Kept) -> None:
        self._shown = kept
        self._list()
        _outline(kept.made, True)
        self.box.show(kept.made)
        for other in self._kept:
            if other is not kept:
                _outline(other.made, False)  # its lesions are not in this image
        if OUTPUT in kept.made.nodes:
            self.box.show_measurements(kept.made.nodes[OUTPUT])
        self._ui.resultButton.collapsed = False

    def _centre(self) -> None:
        # What was asked for is to be seen at once.
        if self.box.lesions.rows:
            self.box.lesions.choose(0)

    def _measure_soon(self, kept: _Kept) -> None:
        self._unmeasured.append(kept)
        self._soon.start()

    def _measure_next(self) -> None:
        if self._run.running:
            self._soon.start()
            return
        waiting = [k for k in self._unmeasured if k in self._kept and k.made.alive(self._scene)]
        self._unmeasured = waiting[1:]
        if waiting and _has_lesions(waiting[0].made):
            kept = waiting[0]
            self._run.run(
                lambda: measuring_task(self._scene, kept.made, kept.vessels), lambda done: self._measured(kept, done),
                keep_summary=True,
            )
        if self._unmeasured:
            self._soon.start()

    def _measured(self, kept: _Kept, done: SceneTask) -> None:
        before = kept.made.nodes.get(OUTPUT)
        table = join(self._scene, kept.made, done.made) if done.made is not None else None
        if table is None:
            return
        if before is not None:
            remove(self._scene, Made(done.tool.id, done.tool.title, done.seed, 0.0, (), nodes={OUTPUT: before}))
        if self._shown is kept:
            self.box.show_measurements(table)

    def _exported(self, task: ExportTask, folder: Path) -> None:
        self._run.messages.note(
            _("DICOM written: {number} files in '{folder}'.").format(number=len(task.files), folder=folder)
        )

    def _selected(self, index: int) -> None:
        if self._listing or not 0 <= index < len(self._kept):
            return
        kept = self._kept[len(self._kept) - 1 - index]
        if kept is not self._shown:
            self._show(kept)

    def _list(self) -> None:
        selector = self._ui.resultSelector
        self._listing = True
        try:
            selector.clear()
            for kept in reversed(self._kept):
                selector.addItem(_("{title}, seed {seed}").format(title=kept.made.title, seed=kept.made.seed))
            if self._shown in self._kept:
                selector.currentIndex = len(self._kept) - 1 - self._kept.index(self._shown)
        finally:
            self._listing = False
        selector.visible = len(self._kept) > 1
        self._ui.resultButton.visible = bool(self._kept)


def _outline(made: Made, shown: bool) -> None:
    display = made.lesions.GetDisplayNode() if made.lesions is not None else None
    if display is not None:
        display.SetVisibility(shown)


def _has_lesions(made: Made) -> bool:
    """Whether there is anything to measure: where the only lesion was removed, the organ alone is left."""
    if made.lesions is None:
        return False
    organ = made.inputs.get("organ")
    ids = organ.ids if isinstance(organ, SegmentChoice) else ()
    organs = {segment_name(organ.node, segment_id) for segment_id in ids} if organ is not None else set()
    segmentation = made.lesions.GetSegmentation()
    left = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    return any(volume_ml(made.lesions, i) for i in left if segment_name(made.lesions, i) not in organs)


def _ask_for_folder() -> str:
    return str(qt.QFileDialog.getExistingDirectory(None, _("Folder for the DICOM files")) or "")

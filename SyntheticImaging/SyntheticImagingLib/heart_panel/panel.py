"""The panel Heart Segmentation as a whole: an image and a model become structures with volumes."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from synthetic_imaging.errors import InputError, SyntheticImagingError
from synthetic_imaging.setup import packages
from SyntheticImagingLib.heart.segmenters import TOOL, Segmenter, look_at, segmenters
from SyntheticImagingLib.heart_panel.result_part import ResultPart
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.panel.run_box import RunBox
from SyntheticImagingLib.panel.tool_form import ToolForm
from SyntheticImagingLib.show import SyntheticMark
from SyntheticImagingLib.show.host import ViewHost
from SyntheticImagingLib.task import SceneTask, estimate
from SyntheticImagingLib.task.background import Background
from SyntheticImagingLib.task.estimate import forget
from SyntheticImagingLib.task.graphics_look import look_in_background

_HOME = "SyntheticImaging"
_ENDING = "*.safetensors"
_TICK_MS = 50


class HeartPanel:
    """Everything behind the widgets of HeartSegmentation.ui.

    Attributes:
        models: the segmenters that can be chosen.
        form: the tool's other parameters.
        run: the box with the button.
        results: the box with what was drawn.
        messages: sentences above everything.
        mark: "Synthetic, research use" in the views.
    """

    def __init__(self, ui: Any, scene: Any, views: ViewHost) -> None:
        """Fill the frames of the .ui file and connect its widgets.

        Args:
            ui: the widgets by name.
            scene: the MRML scene.
            views: the slice and 3-D views.
        """
        self.ui, self._scene = ui, scene
        self._parameters: Any = None
        self._refreshing = self._entered = False
        self._wanting: tuple[Any, ...] = ()
        self._looking: Background | None = None
        self._timer: Any = qt.QTimer()
        self._timer.interval = _TICK_MS
        self._timer.connect("timeout()", self._tick)
        self.models: list[Segmenter] = []
        self.messages = MessageBar()
        ui.messageFrame.layout().addWidget(self.messages.widget)
        self.form = ToolForm(TOOL, hidden=("model",))
        # The copies of the image are turned the same way each time; nothing else is drawn by lot.
        self.form.seed_row.label.visible = self.form.seed_row.widget.visible = False
        self.form.on_change = self.refresh
        ui.formFrame.layout().addWidget(self.form.widget)
        self.run = RunBox(_("Segment"))
        self.run.offer(self.make_task)
        self.run.on_done = self._done
        self.run.on_ended = self._ended
        ui.runFrame.layout().addWidget(self.run.widget)
        self.results = ResultPart(ui, scene, views, self.refresh)
        self.mark = SyntheticMark(views)
        ui.modelSelector.connect("currentIndexChanged(int)", self._model_chosen)
        ui.modelFileButton.connect("clicked(bool)", self._model_file)
        ui.setupButton.connect("clicked(bool)", self._set_up)

    @property
    def model(self) -> Segmenter | None:
        """The chosen model; the first one where nothing or something unknown is chosen; None if there is none."""
        wanted = self._parameters.model if self._parameters is not None else ""
        return next((m for m in self.models if m.name == wanted), self.models[0] if self.models else None)

    def make_task(self) -> SceneTask:
        """The task that the button starts.

        Raises:
            SyntheticImagingError: a sentence, if something is missing or does not fit.
        """
        trouble = self._trouble()
        if trouble:
            raise InputError(trouble)
        # A seed of its own for each run would make two maps of uncertainty differ for no reason.
        return SceneTask(self._scene, TOOL, {"volume": self._parameters.inputVolume}, self._values(), 0)

    # Life

    def set_parameters(self, parameters: Any) -> None:
        """Show and keep choices in this parameter node (the module's wrapper); None for none."""
        self._parameters = parameters
        self.form.set_node(parameters.parameterNode if parameters is not None else None)
        self.refresh()

    def enter(self) -> None:
        """The panel is in front."""
        self._entered = True
        self._wanting = tuple(packages.group("core").wanting) + tuple(packages.group("learn").wanting)
        if self._looking is None and not self._wanting:
            self._looking = look_in_background()
            self._timer.start()
        self._list_models()
        self.choose_what_is_open()
        self.results.enter()
        self.mark.update()
        self.refresh()

    def choose_what_is_open(self) -> None:
        """Choose the volume that is open where none is chosen: the panel works before it is configured."""
        p = self._parameters
        if p is not None and p.inputVolume is None:
            selection = self._scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
            shown = self._scene.GetNodeByID(selection.GetActiveVolumeID() or "") if selection is not None else None
            if shown is None or not shown.IsA("vtkMRMLScalarVolumeNode"):
                shown = self._scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            p.inputVolume = shown
        self.refresh()

    def leave(self) -> None:
        """Another panel comes to the front; a computation goes on."""
        self._entered = False
        self.results.leave()

    def forget_scene(self) -> None:
        """The scene is being closed."""
        self.set_parameters(None)
        self.results.forget()
        self.messages.clear()
        forget()

    def close(self) -> None:
        """The panel is not used any more."""
        self._timer.stop()
        self.run.close()
        self.results.close()
        self.mark.close()
        self.form.close()

    def refresh(self, *_args: Any) -> None:
        """Show what the parameter node and the form say now."""
        if self._refreshing or not self._entered:
            return
        self._refreshing = True
        try:
            self._show_model()
            self._show_estimate()
        finally:
            self._refreshing = False

    def _values(self) -> dict[str, Any]:
        model = self.model
        return {**self.form.values(), "model": model.name if model is not None else ""}

    def _trouble(self) -> str:
        """What is missing, in one sentence; "" if nothing."""
        if self._wanting:
            names = ", ".join(requirement.name for requirement in self._wanting)
            return _("Not installed yet: {names}. Press Set up.").format(names=names)
        if not self.models:
            return _("No model is installed that draws structures. Choose the file of one.")
        p = self._parameters
        if p is None or p.inputVolume is None:
            return _("Load an image of a heart first. Cohort Synthesis makes one to try it out.")
        return ""

    def _show_model(self) -> None:
        ui, model = self.ui, self.model
        ui.setupButton.visible = bool(self._wanting)
        if model is not None:
            ui.modelSelector.currentIndex = self.models.index(model)
        ui.modelSelector.enabled = bool(self.models)
        ui.modelFactsLabel.text = model.facts if model is not None else ""
        ui.modelFactsLabel.visible = model is not None
        copies = self.form.rows.get("copies")
        if copies is not None:
            copies.label.enabled = copies.widget.enabled = bool(self.form.values()["uncertainty"])

    def _show_estimate(self) -> None:
        if self.run.running:
            return
        trouble = self._trouble()
        if trouble:
            self.run.show_estimate(trouble, False)
            return
        if self._looking is not None:
            self.run.show_estimate(_("Looking for a graphics card…"), False)
            return
        try:
            found = estimate(TOOL, {"volume": self._parameters.inputVolume}, self._values())
        except SyntheticImagingError as error:
            self.run.show_estimate(str(error), False)
        else:
            self.run.show_estimate(found.sentence)

    def _list_models(self) -> None:
        p = self._parameters
        found = segmenters()
        if p is not None and p.model and p.model not in [m.name for m in found]:
            try:
                found.append(look_at(p.model))
            except SyntheticImagingError as error:
                self.messages.note(str(error))
        if found != self.models:
            self._refreshing = True
            try:
                self.models = found
                self.ui.modelSelector.clear()
                for model in found:
                    self.ui.modelSelector.addItem(model.title)
            finally:
                self._refreshing = False

    def _tick(self) -> None:
        if self._looking is None or self._looking.done:
            self._timer.stop()
            self._looking = None
            self.refresh()

    # What the user does, and what happens

    def _model_chosen(self, index: int) -> None:
        if not self._refreshing and self._parameters is not None and 0 <= index < len(self.models):
            self._parameters.model = self.models[index].name
            self.refresh()

    def _model_file(self, *_args: Any) -> None:
        chosen = str(qt.QFileDialog.getOpenFileName(None, _("A trained segmenter"), "", _ENDING) or "")
        if chosen:
            self.use_model(chosen)

    def use_model(self, path: str) -> None:
        """Take a model from a file; what is wrong with it is said."""
        self.messages.clear()
        try:
            look_at(path)
        except SyntheticImagingError as error:
            self.messages.error(error)
            return
        if self._parameters is not None:
            self._parameters.model = path
            self._list_models()
            self.refresh()

    def _set_up(self, *_args: Any) -> None:
        slicer.util.selectModule(_HOME)

    def _done(self, task: SceneTask) -> None:
        if task.made is not None:
            self.results.add(task.made)
        self.mark.update()

    def _ended(self, _task: Any) -> None:
        self.refresh()

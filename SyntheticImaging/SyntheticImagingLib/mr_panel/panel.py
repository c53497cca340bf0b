"""The panel Sequence Synthesis as a whole: what was acquired becomes what was not; visits compared, lesions listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from synthetic_imaging.catalogue import tools
from synthetic_imaging.errors import InputError, SyntheticImagingError
from synthetic_imaging.sequences.phantom import Visit
from synthetic_imaging.setup import packages
from synthetic_imaging.tool import Tool
from SyntheticImagingLib.mr.clicks import Begin, engine_count
from SyntheticImagingLib.mr.methods import COMPARE, LEARNED, PHANTOM, lesion_tools, methods
from SyntheticImagingLib.mr.phantom import arrange, phantom_task, phantom_visit
from SyntheticImagingLib.mr_panel.count_part import CountPart
from SyntheticImagingLib.mr_panel.inputs_part import InputsPart
from SyntheticImagingLib.mr_panel.lesions_part import LesionsPart
from SyntheticImagingLib.mr_panel.method_part import MethodPart
from SyntheticImagingLib.mr_panel.result_part import ResultPart
from SyntheticImagingLib.mr_panel.visits_part import VisitsPart
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.panel.run_box import RunBox
from SyntheticImagingLib.show import SyntheticMark
from SyntheticImagingLib.show.host import ViewHost
from SyntheticImagingLib.show.view_state import show_whole
from SyntheticImagingLib.task import Made, SceneTask, estimate
from SyntheticImagingLib.task.background import Background
from SyntheticImagingLib.task.estimate import forget
from SyntheticImagingLib.task.graphics_look import look_in_background

_HOME = "SyntheticImaging"
_TICK_MS = 50
# Of the phantom: what nearly every protocol for multiple sclerosis has.
_OF_PHANTOM = ("flair", "t1w")


class SequencePanel:
    """Everything behind the widgets of SequenceSynthesis.ui.

    Attributes:
        inputs, method, results, visits, lesions, count: the boxes; ``visits`` and ``count`` are None where the engine
            has nothing for them.
        run: the box with the button.
        messages: sentences above everything.
        mark: "Synthetic, research use" in the views.
    """

    def __init__(
        self, ui: Any, scene: Any, views: ViewHost, known: Mapping[str, Tool] | None = None,
        begin_count: Begin | None = None,
    ) -> None:
        """Fill the frames of the .ui file and connect its widgets.

        Args:
            ui: the widgets by name.
            scene: the MRML scene.
            views: the slice and 3-D views.
            known: the tools there are, by id; those of the catalogue when None.
            begin_count: begins a count by clicks (file, reader); that of the engine when None.
        """
        self.ui, self._scene, self._views = ui, scene, views
        there = tools() if known is None else known
        self._parameters: Any = None
        self._refreshing = self._entered = False
        self._wanting: dict[str, tuple[Any, ...]] = {"core": (), "learn": ()}
        self._looking: Background | None = None
        self._timer: Any = qt.QTimer()
        self._timer.interval = _TICK_MS
        self._timer.connect("timeout()", self._tick)
        self.messages = MessageBar()
        ui.messageFrame.layout().addWidget(self.messages.widget)
        self.inputs = InputsPart(ui, scene)
        offered = methods(there)
        self.method = MethodPart(ui, offered, self.refresh)
        self.run = RunBox(_("Synthesise"), tell_notes=False)
        self.run.offer(self.make_task)
        self.run.on_done = self._done
        self.run.on_ended = self._ended
        ui.runFrame.layout().addWidget(self.run.widget)
        self.results = ResultPart(ui, scene, views, self.run, [method.tool.id for method in offered])
        self.results.before_show = self._room_for_result
        self.results.on_change = self.refresh
        self.visits = VisitsPart(ui, scene, views, there[COMPARE]) if COMPARE in there else None
        ui.visitsButton.visible = self.visits is not None
        if self.visits is not None:
            self.visits.before_show = self.results.leave_views
            self.visits.on_phantom = self._second_visit
        self.lesions = LesionsPart(ui, scene, views, lesion_tools(there))
        self.lesions.result_volume = lambda: self.results.made.volume if self.results.made is not None else None
        begin = begin_count if begin_count is not None else engine_count()
        self.count = CountPart(ui.countFrame.layout(), scene, views, begin) if begin is not None else None
        ui.countFrame.visible = self.count is not None
        ui.lesionsButton.visible = bool(self.lesions.tools) or self.count is not None
        ui.lesionsFrame.visible = bool(self.lesions.tools)
        for box in (ui.visitsButton, ui.lesionsButton):
            box.collapsed = True  # after its parts were shown or hidden
        if self.count is not None:
            self.count.before_show = self._room_for_count
        self.mark = SyntheticMark(views)
        ui.phantomButton.visible = PHANTOM in there
        ui.phantomButton.connect("clicked(bool)", self.make_phantom)
        ui.setupButton.connect("clicked(bool)", self._set_up)

    def make_task(self) -> SceneTask:
        """The task that the button starts.

        Raises:
            SyntheticImagingError: a sentence, if something is missing or does not fit.
        """
        trouble, method, form = self._trouble(), self.method.method, self.method.form
        if trouble or method is None or form is None:
            raise InputError(trouble)
        return SceneTask(self._scene, method.tool, self.inputs.nodes, form.values(), form.seed)

    def make_phantom(self, *_args: Any) -> None:
        """A phantom head to try it on."""
        self.run.run(lambda: phantom_task(self._scene), self._phantom_made)

    # Life

    def set_parameters(self, parameters: Any) -> None:
        """Show and keep choices in this parameter node (the module's wrapper); None for none."""
        self._parameters = parameters
        for part in (self.inputs, self.method, self.visits, self.lesions):
            if part is not None:
                part.set_parameters(parameters)
        self.refresh()

    def enter(self) -> None:
        """The panel is in front."""
        self._entered = True
        self._wanting = {name: tuple(packages.group(name).wanting) for name in self._wanting}
        accelerated = any(method.tool.accelerated for method in self.method.methods)
        if self._looking is None and accelerated and not self._wanting["learn"]:
            self._looking = look_in_background()
            self._timer.start()
        self.choose_what_is_open()
        for part in (self.results, self.visits, self.lesions):
            if part is not None:
                part.enter()
        if self.count is not None:
            self.count.marks.resume()
        self.mark.update()
        self.refresh()

    def choose_what_is_open(self) -> None:
        """Choose volumes by their names where none is chosen: the panel works before it is configured."""
        self.inputs.guess()
        if self.visits is not None and not self.ui.visitsButton.collapsed:
            self.visits.guess()
        self.refresh()

    def leave(self) -> None:
        """Another panel comes to the front; a computation goes on."""
        self._entered = False
        self.results.leave()
        if self.visits is not None:
            self.visits.leave()
        if self.count is not None:
            self.count.marks.mode.stop()  # the mouse is free for other panels

    def forget_scene(self) -> None:
        """The scene is being closed."""
        self.set_parameters(None)
        for part in (self.results, self.visits, self.lesions):
            if part is not None:
                part.forget()
        if self.count is not None:
            self.count.pause()
        self.messages.clear()
        forget()

    def close(self) -> None:
        """The panel is not used any more."""
        self._timer.stop()
        self.run.close()
        for part in (self.results, self.visits, self.lesions, self.method, self.count):
            if part is not None:
                part.close()
        self.mark.close()

    def refresh(self, *_args: Any) -> None:
        """Show what the parameter node and the forms say now."""
        if self._refreshing or not self._entered:
            return
        self._refreshing = True
        try:
            self.inputs.refresh()
            self.method.refresh()
            self.ui.setupButton.visible = bool(self._missing())
            self._show_estimate()
            if self.visits is not None:
                self.visits.refresh()
            self.lesions.refresh()
        finally:
            self._refreshing = False

    def _missing(self) -> tuple[Any, ...]:
        """Packages that the chosen method needs and that are not installed."""
        method = self.method.method
        learned = method is not None and method.tool.id == LEARNED
        return (*self._wanting["core"], *(self._wanting["learn"] if learned else ()))

    def _trouble(self) -> str:
        """What is missing, in one sentence; "" if nothing."""
        missing = self._missing()
        if missing:
            names = ", ".join(requirement.name for requirement in missing)
            return _("Not installed yet: {names}. Press Set up.").format(names=names)
        if self.method.method is None:
            return _("No tool is installed that computes sequences. Install the extension again.")
        return self.inputs.trouble()

    def _show_estimate(self) -> None:
        self.ui.phantomButton.enabled = not self.run.running
        if self.run.running:
            return
        trouble, method, form = self._trouble(), self.method.method, self.method.form
        if trouble or method is None or form is None:
            self.run.show_estimate(trouble, False)
            return
        if self._looking is not None and method.tool.accelerated:
            self.run.show_estimate(_("Looking for a graphics card…"), False)
            return
        try:
            found = estimate(method.tool, self.inputs.nodes, form.values())
        except SyntheticImagingError as error:
            self.run.show_estimate(str(error), False)
        else:
            self.run.show_estimate(found.sentence)

    def _tick(self) -> None:
        if self._looking is None or self._looking.done:
            self._timer.stop()
            self._looking = None
            self.refresh()

    # What the user does, and what happens

    def _room_for_result(self) -> None:
        if self.visits is not None:
            self.visits.leave_views()

    def _room_for_count(self) -> None:
        self.results.leave_views()
        self._room_for_result()

    def _set_up(self, *_args: Any) -> None:
        slicer.util.selectModule(_HOME)

    def _done(self, task: SceneTask) -> None:
        if task.made is not None:
            self.results.add(task.made)
        self.mark.update()

    def _phantom_made(self, task: SceneTask) -> None:
        made = task.made
        if made is None or self._parameters is None:
            return
        arrange(self._scene, made)
        self.inputs.pass_over(node for node in made.nodes.values() if node.IsA("vtkMRMLVolumeNode"))
        self.inputs.choose({name: made.nodes[name] for name in _OF_PHANTOM})
        self._look_at(made.nodes["flair"])
        self.messages.note(_("A phantom head was made: FLAIR, T1w, T2w, PD, DIR, maps of its tissue and its lesions. "
                             "FLAIR and T1w are chosen; its own DIR shows how near the computed one comes."))

    def _second_visit(self, made: Made) -> None:
        arrange(self._scene, made)
        self.inputs.pass_over(node for node in made.nodes.values() if node.IsA("vtkMRMLVolumeNode"))
        first = phantom_visit(self._scene, Visit.FIRST)
        if self._parameters is not None and first is not None:
            self._parameters.firstVisit = first.nodes["flair"]
            self._parameters.secondVisit = made.nodes["flair"]

    def _look_at(self, volume: Any) -> None:
        for view in self._views.slice_views():
            view.composite_node.SetBackgroundVolumeID(volume.GetID())
            show_whole(view.slice_node, volume)
            view.render()
        self.mark.update()

    def _ended(self, _task: Any) -> None:
        self.refresh()

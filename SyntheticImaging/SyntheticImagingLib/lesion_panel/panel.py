"""The panel Lesion Synthesis as a whole: what is chosen, kept in the parameter node, becomes a task."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from synthetic_imaging.errors import InputError, SyntheticImagingError
from synthetic_imaging.setup import packages
from SyntheticImagingLib.lesion_panel import first_choice, segment_facts
from SyntheticImagingLib.lesion_panel.batch_part import BatchPart
from SyntheticImagingLib.lesion_panel.method import Method
from SyntheticImagingLib.lesion_panel.methods import Request, diameter_mm, for_signal, needs_place
from SyntheticImagingLib.lesion_panel.organ_line import organ_facts
from SyntheticImagingLib.lesion_panel.place_part import PlacePart
from SyntheticImagingLib.lesion_panel.placing import loose_places
from SyntheticImagingLib.lesion_panel.processing import lesion_task
from SyntheticImagingLib.lesion_panel.result_part import ResultPart
from SyntheticImagingLib.lesion_panel.segment_part import SegmentPart
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.panel.run_box import RunBox
from SyntheticImagingLib.panel.tool_form import ToolForm
from SyntheticImagingLib.show import SyntheticMark
from SyntheticImagingLib.show.host import ViewHost
from SyntheticImagingLib.task import BatchTask, SceneTask, SegmentChoice, estimate
from SyntheticImagingLib.task.estimate import forget
from SyntheticImagingLib.task.modality import is_ct

# A click makes one lesion of a size in mm; the size classes of the publication are one choice away ("automatic").
_DEFAULTS: dict[Method, dict[str, Any]] = {Method.DRAW: {"diameter_mm": 15.0}}
_HOME = "SyntheticImaging"
_NUMBER_ROWS = {Method.DRAW: "count", Method.GROW: "starts", Method.EDIT: "copies"}


class LesionPanel:
    """Everything behind the widgets of LesionSynthesis.ui.

    Attributes:
        forms: method -> its tool's form.
        run: the box with the button.
        results: the box with what was made.
        batch: the box "Many at once".
        place: the row "Where".
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
        self._wanting = packages.group("core").wanting
        self.messages = MessageBar()
        ui.messageFrame.layout().addWidget(self.messages.widget)
        self.forms = {
            method: ToolForm(method.tool, defaults=_DEFAULTS.get(method)) for method in Method
        }
        for form in self.forms.values():
            ui.formFrame.layout().addWidget(form.widget)
            form.on_change = self.refresh
        self.run = RunBox()
        self.run.offer(self.make_task)
        self.run.on_done = self._done
        self.run.on_ended = self._ended
        ui.runFrame.layout().addWidget(self.run.widget)
        self.organ = SegmentPart(ui.organSelector, self._keep_organ, first_choice.organ_in)
        self.vessels = SegmentPart(ui.vesselSelector, self._keep_vessels)
        self.lesion = SegmentPart(ui.lesionSelector, self._keep_lesion, first_choice.lesion_in)
        self.place = PlacePart(ui, scene, self._keep_places, self.refresh, self._keep_anywhere)
        self.results = ResultPart(ui, scene, views, self.run, self._results_changed)
        self.mark = SyntheticMark(views)
        for radio, method in ((ui.drawRadio, Method.DRAW), (ui.growRadio, Method.GROW), (ui.editRadio, Method.EDIT)):
            radio.connect("toggled(bool)", self._slot_of(method))
        ui.setupButton.connect("clicked(bool)", self._set_up)
        self.batch = BatchPart(ui, self.run, self.make_batch, lambda folder: self._keep(batchFolder=folder))

    # What is chosen

    @property
    def method(self) -> Method:
        """How the lesion is made."""
        return self._parameters.method if self._parameters is not None else Method.DRAW

    @property
    def form(self) -> ToolForm:
        """The form of the chosen method."""
        return self.forms[self.method]

    def set_parameters(self, parameters: Any) -> None:
        """Show and keep choices in this parameter node (the module's wrapper); None for none."""
        self._parameters = parameters
        node = parameters.parameterNode if parameters is not None else None
        for form in self.forms.values():
            form.set_node(node)
        self.refresh()

    def choose_what_is_open(self) -> None:
        """Choose volume and organ where nothing is chosen yet: the panel works before it is configured."""
        p = self._parameters
        if p is None:
            return
        if p.inputVolume is None:
            p.inputVolume = first_choice.first_volume(self._scene)
        if p.organSegmentation is None or not segment_facts.segment_name(p.organSegmentation, p.organSegmentId):
            found = first_choice.first_organ(self._scene, p.inputVolume) if p.inputVolume is not None else None
            if found is not None:
                self._keep_organ(*found)
        self.refresh()

    def request(self) -> Request:
        """What is chosen, as a task takes it; the places as they are now, whatever becomes of the point list."""
        p = self._parameters
        if p is None:
            raise InputError(_("The scene is being closed."))
        values = self.form.values()
        places = None
        if needs_place(p.method, values) and not p.anywhere:
            points = self.place.points
            if not points:
                raise InputError(_("No place yet: press Place, then click in a slice view. Or choose Anywhere."))
            places = loose_places(points)
        return Request(
            p.method, p.inputVolume, self._organ_choice(), places, self._choice(*self._pair("vessel")),
            self._choice(*self._pair("lesion")),
        )

    def make_task(self) -> SceneTask:
        """The task that the button starts.

        Raises:
            SyntheticImagingError: a sentence, if something is missing or does not fit.
        """
        trouble = self._trouble()
        if trouble:
            raise InputError(trouble)
        return lesion_task(self._scene, self.request(), self._values(), self.form.seed)

    def make_batch(self) -> BatchTask:
        """The task of "Many at once".

        Raises:
            SyntheticImagingError: a sentence, if something is missing or does not fit.
        """
        trouble = self._trouble()
        if trouble:
            raise InputError(trouble)
        request, values = self.request(), self._values()
        return self.batch.task(
            request.method.tool, request.nodes(values), request.parameters(values), self.form.seed, self._parameters
        )

    def _values(self) -> dict[str, Any]:
        values, p = self.form.values(), self._parameters
        ct = p is None or p.inputVolume is None or is_ct(p.inputVolume)
        return values if ct else for_signal(self.method, values)

    # Life

    def enter(self) -> None:
        """The panel is in front."""
        self._entered = True
        self._wanting = packages.group("core").wanting
        self.choose_what_is_open()
        self.results.enter()
        self.mark.update()
        self.refresh()

    def leave(self) -> None:
        """Another panel comes to the front; a computation goes on."""
        self._entered = False
        self.place.leave()
        self.results.leave()

    def forget_scene(self) -> None:
        """The scene is being closed."""
        self.place.watch(None)
        self.place.mode.stop()
        self.set_parameters(None)
        for part in (self.organ, self.vessels, self.lesion):
            part.show(None, "")
        self.results.forget()
        self.messages.clear()
        forget()

    def close(self) -> None:
        """The panel is not used any more."""
        self.run.close()
        self.results.close()
        self.place.close()
        for part in (self.organ, self.vessels, self.lesion):
            part.close()
        self.mark.close()
        for form in self.forms.values():
            form.close()

    def refresh(self, *_args: Any) -> None:
        """Show what the parameter node, the forms and the scene say now."""
        if self._refreshing or not self._entered:
            return
        self._refreshing = True
        try:
            self._show_choices()
            self._show_estimate()
        finally:
            self._refreshing = False

    def _show_choices(self) -> None:
        ui, p, method = self.ui, self._parameters, self.method
        ui.setupButton.visible = bool(self._wanting)
        ui.drawRadio.checked = method is Method.DRAW
        ui.growRadio.checked = method is Method.GROW
        ui.editRadio.checked = method is Method.EDIT
        for known, form in self.forms.items():
            form.widget.visible = known is method
        editing = method is Method.EDIT
        ui.lesionLabel.visible = ui.lesionSelector.visible = editing
        ui.vesselLabel.visible = ui.vesselSelector.visible = method is Method.DRAW
        self.organ.show(*self._pair("organ"))
        self.vessels.show(*self._pair("vessel"))
        self.lesion.show(*self._pair("lesion"))
        facts = organ_facts(*self._pair("organ"))
        ui.organFactsLabel.text = facts
        ui.organFactsLabel.visible = bool(facts)
        values = self.form.values()
        self.place.watch(p.places if p is not None else None)
        anywhere = p is not None and p.anywhere
        wanted = needs_place(method, values)
        self.place.show(anywhere, wanted, self._diameter_mm(), self._place_trouble())
        self._show_row(_NUMBER_ROWS[method], wanted and anywhere)
        if method is Method.DRAW:
            # A diameter overrides the size class: only one of the two is asked for at a time.
            self._show_row("size", values.get("diameter_mm") is None)
            ct = p is None or p.inputVolume is None or is_ct(p.inputVolume)
            self._show_row("contrast_hu", ct)
            self._show_row("contrast_percent", not ct)
        self.batch.show(p)

    def _diameter_mm(self) -> float | None:
        edited = self.method is Method.EDIT
        edited_mm = segment_facts.diameter_mm(*self._pair("lesion")) if edited else None
        return diameter_mm(self.method, self.form.values(), edited_mm)

    def _show_row(self, name: str, shown: bool) -> None:
        row = self.form.rows.get(name)
        if row is not None:
            row.label.visible = row.widget.visible = shown

    def _show_estimate(self) -> None:
        if self.run.running:
            return
        trouble = self._trouble()
        if trouble:
            self.run.show_estimate(trouble, False)
            return
        try:
            request, values = self.request(), self._values()
            found = estimate(request.method.tool, request.nodes(values), request.parameters(values))
        except SyntheticImagingError as error:
            self.run.show_estimate(str(error), False)
        else:
            self.run.show_estimate(found.sentence)

    def _trouble(self) -> str:
        """What is missing or does not fit, in one sentence; "" if nothing."""
        p = self._parameters
        if self._wanting:
            names = ", ".join(requirement.name for requirement in self._wanting)
            return _("Not installed yet: {names}. Press Set up.").format(names=names)
        if p is None or p.inputVolume is None:
            return _("Load a CT first. To try it out: Sample Data, Synthetic Imaging, CT chest with organs.")
        if p.method is Method.EDIT:
            if self._choice(*self._pair("lesion")) is None:
                return _("Choose the lesion to edit: a segment of any segmentation, also one that was made here.")
        elif self._organ_choice() is None:
            return _("Choose the organ: a segment of any segmentation. The Segment Editor makes one.")
        if self._organ_choice() is not None and segment_facts.volume_ml(*self._pair("organ")) == 0:
            return organ_facts(*self._pair("organ"))
        return self._place_trouble()

    def _place_trouble(self) -> str:
        p = self._parameters
        if p is None or p.anywhere or not needs_place(p.method, self.form.values()):
            return ""
        return self.place.trouble(self._organ_choice())

    def _pair(self, what: str) -> tuple[Any, str]:
        p = self._parameters
        if p is None:
            return None, ""
        return getattr(p, f"{what}Segmentation"), getattr(p, f"{what}SegmentId")

    def _organ_choice(self) -> SegmentChoice | None:
        return self._choice(*self._pair("organ"))

    @staticmethod
    def _choice(node: Any, segment_id: str) -> SegmentChoice | None:
        # A segment that was deleted meanwhile counts as none.
        if node is None or not segment_facts.segment_name(node, segment_id):
            return None
        return SegmentChoice(node, (segment_id,))

    # What the user does

    def _set_up(self, *_args: Any) -> None:
        slicer.util.selectModule(_HOME)

    def _slot_of(self, method: Method) -> Any:
        def chosen(on: bool) -> None:
            if on and not self._refreshing and self._parameters is not None and self._parameters.method is not method:
                self.messages.clear()
                if method is Method.EDIT:
                    self._offer_lesion()
                self._parameters.method = method
                self.refresh()

        return chosen

    def _offer_lesion(self) -> None:
        """A lesion to edit, and the volume that it lies in."""
        p = self._parameters
        if self._choice(*self._pair("lesion")) is not None:
            return
        made = self.results.made
        here = made.volume if made is not None else p.inputVolume
        found = first_choice.first_lesion(self._scene, here)
        if found is not None:
            self._keep_lesion(*found)

    def _keep_organ(self, node: Any, segment_id: str) -> None:
        self._keep(organSegmentation=node, organSegmentId=segment_id)

    def _keep_vessels(self, node: Any, segment_id: str) -> None:
        self._keep(vesselSegmentation=node, vesselSegmentId=segment_id)

    def _keep_lesion(self, node: Any, segment_id: str) -> None:
        self._keep(lesionSegmentation=node, lesionSegmentId=segment_id)
        volume = first_choice.volume_of(node)
        p = self._parameters
        if segment_id and volume is not None and p is not None and volume is not p.inputVolume:
            p.inputVolume = volume
            self.messages.note(
                _("'{lesion}' lies in '{volume}', so that volume is edited.").format(
                    lesion=segment_facts.segment_name(node, segment_id), volume=volume.GetName()
                )
            )

    def _keep_places(self, node: Any) -> None:
        self._keep(places=node)

    def _keep_anywhere(self, anywhere: bool) -> None:
        self._keep(anywhere=anywhere)

    def _keep(self, **values: Any) -> None:
        p = self._parameters
        if p is None:
            return
        for name, value in values.items():
            if getattr(p, name) != value:
                setattr(p, name, value)
        self.refresh()

    def _done(self, task: SceneTask) -> None:
        vessels = task.nodes.get("vessels")
        self.form_of(task).note_seed(task.seed)
        self.place.rest(self._diameter_mm())
        self.results.add(task, vessels)
        self.mark.update()

    def _results_changed(self) -> None:
        if self.results.made is None:
            self.place.wake()
        self.refresh()

    def form_of(self, task: SceneTask) -> ToolForm:
        """The form that a task came from."""
        return self.forms[Method(task.tool.id)]

    def _ended(self, _task: Any) -> None:
        self.refresh()

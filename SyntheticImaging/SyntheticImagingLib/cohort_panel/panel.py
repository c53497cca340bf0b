"""The panel Cohort Synthesis as a whole: what is chosen, kept in the parameter node, becomes a cohort."""

from __future__ import annotations

import contextlib
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from synthetic_imaging.cohorts.plan import CohortPlan
from synthetic_imaging.cohorts.ranges import parse_ranges, ranges_as_text
from synthetic_imaging.errors import InputError, ParameterError, SyntheticImagingError
from synthetic_imaging.running import new_seed
from synthetic_imaging.setup import packages
from synthetic_imaging.setup.packages import Requirement
from SyntheticImagingLib.cohort.cohort_task import CohortTask
from SyntheticImagingLib.cohort.draws import Draws
from SyntheticImagingLib.cohort.models import Model, changed_settings, models
from SyntheticImagingLib.cohort.previews import Previews
from SyntheticImagingLib.cohort.review import Review
from SyntheticImagingLib.cohort_panel.case_part import CasePart
from SyntheticImagingLib.cohort_panel.ranges_part import RangesPart
from SyntheticImagingLib.cohort_panel.sheet_part import SheetPart
from SyntheticImagingLib.cohort_panel.write_part import WritePart
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.panel.run_box import RunBox
from SyntheticImagingLib.panel.tool_form import ToolForm
from SyntheticImagingLib.show import SyntheticMark
from SyntheticImagingLib.show.host import ViewHost

_HOME = "SyntheticImaging"
_TICK_MS = 40
# While cases are being made, those that are there already are shown: every so many ticks of the timer.
_LOOK_EVERY = 25
_MOST_FOLLOWED = 64


class CohortPanel:
    """Everything behind the widgets of CohortSynthesis.ui.

    Attributes:
        models: what a cohort can be made with.
        previews: the cases to look at, in a folder of our own.
        ranges: the box "Ranges".
        preview: the button that makes a few cases to look at.
        sheet: the contact sheet.
        case: the chosen case in the scene.
        write: number, folder, files.
        run: the button that makes the cohort.
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
        self._look_for_packages()
        self.previews = Previews()
        self._ticks = 0
        self._draws: Draws | None = None
        self.models = models()
        self.forms: dict[str, ToolForm] = {}
        self.messages = MessageBar()
        ui.messageFrame.layout().addWidget(self.messages.widget)
        for model in self.models:
            ui.modelSelector.addItem(model.title)
        ui.modelSelector.connect("currentIndexChanged(int)", self._model_chosen)
        ui.newSeedButton.connect("clicked(bool)", self._new_seed)
        ui.setupButton.connect("clicked(bool)", self._set_up)
        ui.leaveButton.connect("clicked(bool)", self._leave_in_scene)
        ui.surfacesCheckBox.connect("toggled(bool)", self._surfaces)
        self._timer: Any = qt.QTimer()
        self._timer.interval = _TICK_MS
        self._timer.connect("timeout()", self._tick)
        self.ranges = RangesPart(ui, lambda ranges: self._keep(ranges=ranges_as_text(ranges)))
        self.preview = RunBox(_("Preview"))
        self.preview.offer(self.make_preview)
        self.preview.on_done = self._take_in
        self.run = RunBox(_("Make the cohort"))
        self.run.offer(self.make_cohort)
        self.run.on_done = self._made_now
        for box, frame in ((self.preview, ui.previewFrame), (self.run, ui.runFrame)):
            box.on_ended = self._ended
            frame.layout().addWidget(box.widget)
        self.case = CasePart(scene, views)
        self.case.on_shown = self._case_shown
        self.case.on_error = self.messages.error
        self.sheet = SheetPart(ui, self.previews.scratch)
        self.sheet.on_choose = self._case_chosen
        self.sheet.on_decide = self.refresh
        self.sheet.on_busy = self._timer.start
        self.write = WritePart(ui, self._keep, self.look_through)
        self.write.on_error = self.messages.error
        self.mark = SyntheticMark(views)

    # What is chosen

    @property
    def model(self) -> Model:
        """The model; the first one where the scene names one that is not there."""
        wanted = self._parameters.model if self._parameters is not None else ""
        return next((m for m in self.models if m.id == wanted), self.models[0])

    @property
    def form(self) -> ToolForm:
        """The form of the model's settings."""
        model = self.model
        if model.id not in self.forms:
            form = ToolForm(model.form_tool)
            form.seed_row.label.visible = form.seed_row.widget.visible = False  # a cohort has one seed, asked for above
            form.set_node(self._parameters.parameterNode if self._parameters is not None else None)
            form.on_change = self.refresh
            self.forms[model.id] = form
            self.ui.settingsFrame.layout().addWidget(form.widget)
        return self.forms[model.id]

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """The ranges, as far as this model measures what they are of."""
        text = self._parameters.ranges if self._parameters is not None else ""
        try:
            found = parse_ranges(text)
        except ParameterError:
            return {}
        known = {m.name for m in self.model.generator.measurements}
        return {name: limits for name, limits in found.items() if name in known}

    def plan(self, number: int, layout: str = "nrrd") -> CohortPlan:
        """What is chosen, as a plan.

        Raises:
            SyntheticImagingError: if the scene is being closed or something does not fit.
        """
        if self._parameters is None:
            raise InputError(_("The scene is being closed."))
        if self._wanting:
            raise InputError(self._missing())
        settings = changed_settings(self.model, self.form.values())
        return CohortPlan(self.model.id, number, self._parameters.seed, self.limits, settings, layout)

    def make_preview(self) -> CohortTask:
        """The task that makes a few cases to look at; goes on in the preview that is there, if it is of the same plan.

        Raises:
            SyntheticImagingError: a sentence, if something is missing or does not fit.
        """
        self._check_free(self.run)
        task = self.previews.task(self.plan(self._parameters.previewCount), _("Preview"))
        review = self.sheet.review
        if review is not None and not review.path.is_dir():  # it was a preview of something else
            self.sheet.show(None)
        self._timer.start()
        return task

    def make_cohort(self) -> CohortTask:
        """The task that makes the cohort; what was rejected in a preview of it is rejected there too.

        Raises:
            SyntheticImagingError: a sentence, if something is missing or does not fit.
        """
        self._check_free(self.preview)
        p = self._parameters
        plan = self.plan(p.number if p is not None else 1, p.layout if p is not None else "nrrd")
        rejected = self.previews.rejected(plan)
        self._timer.start()
        return CohortTask(plan, self.write.folder(p), rejected=rejected, workers=p.processes)

    def look_through(self, review: Review) -> None:
        """Show the cases of a folder in the contact sheet."""
        self.messages.clear()
        self.ui.lookSectionButton.collapsed = False
        self.sheet.show(review)
        if review.numbers:
            self.sheet.choose(review.numbers[0])
        self.refresh()

    # Life

    def set_parameters(self, parameters: Any) -> None:
        """Show and keep choices in this parameter node (the module's wrapper); None for none."""
        self._parameters = parameters
        for form in self.forms.values():
            form.set_node(parameters.parameterNode if parameters is not None else None)
        self.refresh()

    def enter(self) -> None:
        """The panel is in front."""
        self._entered = True
        self._look_for_packages()
        self.sheet.enter()
        self.mark.update()
        self.refresh()

    def _look_for_packages(self) -> None:
        self._absent = {name: tuple(packages.group(name).wanting) for name in ("core", "learn")}

    @property
    def _wanting(self) -> tuple[Requirement, ...]:
        """Packages that the chosen model needs and that are not installed."""
        return self._absent["core"] + (self._absent["learn"] if self.model.learned else ())

    def leave(self) -> None:
        """Another panel comes to the front; a cohort goes on being made."""
        self._entered = False
        self.sheet.leave()

    def forget_scene(self) -> None:
        """The scene is being closed; files that are being made are no part of it."""
        self.case.forget()
        self.set_parameters(None)
        self.messages.clear()

    def close(self) -> None:
        """The panel is not used any more."""
        self._timer.stop()
        for box in (self.preview, self.run):
            box.close()
        self.sheet.close()
        self.case.close()
        self.mark.close()
        for form in self.forms.values():
            form.close()
        self.previews.close()

    def refresh(self, *_args: Any) -> None:
        """Show what the parameter node and the forms say now."""
        if self._refreshing or not self._entered or self._parameters is None:
            return
        self._refreshing = True
        try:
            self._show_choices()
            self._show_draws()
            self._show_buttons()
        finally:
            self._refreshing = False

    def _show_choices(self) -> None:
        ui, model = self.ui, self.model
        ui.setupButton.visible = bool(self._wanting)
        ui.modelSelector.currentIndex = self.models.index(model)
        ui.modelLabel.text = model.generator.sentence
        current = self.form
        for form in self.forms.values():
            form.widget.visible = form is current
        self.write.show(self._parameters)

    def _show_draws(self) -> None:
        """What the model would make; drawn anew where model or settings have changed."""
        settings = changed_settings(self.model, self.form.values())
        draws = self._draws
        if draws is None or (draws.model, draws.settings) != (self.model.id, settings):
            try:
                self._draws = Draws(CohortPlan(self.model.id, 1, 0, {}, settings))
            except SyntheticImagingError as error:
                self._draws = None
                self.messages.error(error)
            self._timer.start()
        self.ranges.show(self._draws, self.limits)

    def _show_buttons(self) -> None:
        review = self.sheet.review
        ours = review is not None and review.path == self.previews.folder
        if not self.preview.running:
            again = bool(ours and review is not None and review.rejected)
            count = len(review.rejected) if review is not None and again else 0
            label = _("Replace {count} rejected").format(count=count) if again else _("Preview")
            self.preview.offer(self.make_preview, label)
            self.preview.show_estimate(self._missing() if self._wanting else "", not self._wanting)
        if not self.run.running:
            alike = review is not None and _alike(review.folder.plan, self._plan_or_none())
            known = review.folder.kept if review is not None and alike else []
            self.run.show_estimate(*self.write.sentence(self._parameters, known))
        self.ui.sheetTitleLabel.text = self._title_of(review, ours)
        self.ui.leaveButton.enabled = self.case.made is not None

    def _title_of(self, review: Review | None, ours: bool) -> str:
        if review is None:
            return _("A few cases, as the cohort will hold them: keep them or reject them before it is made.")
        if ours:
            return _("Preview, seed {seed}. Click a case to see it in the views.").format(seed=review.folder.plan.seed)
        words = _("'{folder}': {made} of {number} cases.").format(
            folder=review.path.name, made=len(review.folder.kept), number=review.folder.plan.number
        )
        if review.rejected:
            words += " " + _("{count} rejected: make the cohort again to replace them.").format(
                count=len(review.rejected)
            )
        return words

    def _missing(self) -> str:
        names = ", ".join(requirement.name for requirement in self._wanting)
        return _("Not installed yet: {names}. Press Set up.").format(names=names)

    def _plan_or_none(self) -> CohortPlan | None:
        try:
            return self.plan(1)
        except SyntheticImagingError:
            return None

    def _check_free(self, other: RunBox) -> None:
        if other.running:
            raise InputError(_("Cases are being made already. Wait until that has ended, or cancel it."))

    # What the user does, and what happens

    def _keep(self, **values: Any) -> None:
        p = self._parameters
        if p is None:
            return
        for name, value in values.items():
            if getattr(p, name) != value:
                setattr(p, name, value)
        self.refresh()

    def _model_chosen(self, index: int) -> None:
        if not self._refreshing and 0 <= index < len(self.models):
            self._keep(model=self.models[index].id)

    def _new_seed(self, *_args: Any) -> None:
        self._keep(seed=new_seed())

    def _set_up(self, *_args: Any) -> None:
        slicer.util.selectModule(_HOME)

    def _surfaces(self, on: bool) -> None:
        self.case.in_3d = bool(on)
        made = self.case.made
        if made is not None and made.lesions is not None and made.lesions.GetDisplayNode() is not None:
            if on:
                self.case.make_surfaces()
            made.lesions.GetDisplayNode().SetVisibility3D(bool(on))

    def _leave_in_scene(self, *_args: Any) -> None:
        self.case.leave_in_scene()
        self.refresh()

    def _case_chosen(self) -> None:
        if self.sheet.review is not None:
            self.case.ask(self.sheet.review)
            self._timer.start()
        self.refresh()

    def _case_shown(self) -> None:
        self.mark.update()
        self.refresh()

    def _made_now(self, task: CohortTask) -> None:
        self._take_in(task)
        self.run.messages.note(
            _("{number} cases are in '{folder}'. Look through them above.").format(number=task.done, folder=task.path)
        )

    def _take_in(self, task: CohortTask) -> None:
        """Show the cases that a task has made."""
        review = self.sheet.review
        if review is None or review.path != task.path:
            self.look_through(Review(task.path))
            return
        self.sheet.reload()
        if review.chosen is not None:
            self.case.ask(review)  # it may be another one now
            self._timer.start()
        elif review.numbers:
            self.sheet.choose(review.numbers[0])

    def _ended(self, _task: Any) -> None:
        self.refresh()

    def _tick(self) -> None:
        """Go on with what takes time and needs no child process; the timer rests when nothing is left."""
        draws = self._draws
        if draws is not None and draws.poll():
            self.ranges.redraw()
        self.sheet.tick()
        self.case.tick()
        self._ticks += 1
        making = next((box.task for box in (self.preview, self.run) if box.running), None)
        if making is not None and self._ticks % _LOOK_EVERY == 0 and making.plan.number <= _MOST_FOLLOWED:
            self._follow(making)
        if making is None and not (self.sheet.busy or self.case.busy or (draws is not None and not draws.done)):
            self._timer.stop()

    def _follow(self, task: CohortTask) -> None:
        review = self.sheet.review
        with contextlib.suppress(SyntheticImagingError):
            if review is None or review.path != task.path:
                new = Review(task.path)
                if new.numbers:
                    self.look_through(new)
            else:
                self.sheet.reload()


def _alike(one: CohortPlan, other: CohortPlan | None) -> bool:
    """Whether cases of two plans take about as long to make."""
    # Not the settings themselves: those read from a folder are texts.
    return other is not None and one.make_generator() == other.make_generator()

"""The box "Compare two visits": what has become brighter or darker between two images of one patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt
from slicer.i18n import tr as _

from synthetic_imaging.errors import InputError, SyntheticImagingError
from synthetic_imaging.sequences.phantom import Visit
from synthetic_imaging.tool import Tool
from SyntheticImagingLib.mr.guessing import visits
from SyntheticImagingLib.mr.kept_runs import KeptRuns
from SyntheticImagingLib.mr.phantom import phantom_task, phantom_visit
from SyntheticImagingLib.mr.places import Place, counted, places_of
from SyntheticImagingLib.mr.visit_views import comparison_of
from SyntheticImagingLib.panel.jump_table import JumpTable
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.panel.run_box import RunBox
from SyntheticImagingLib.panel.shortcuts import Shortcuts
from SyntheticImagingLib.panel.tool_form import ToolForm
from SyntheticImagingLib.panel.view_buttons import ViewButtons
from SyntheticImagingLib.show import Comparison, Mode
from SyntheticImagingLib.show.host import ViewHost
from SyntheticImagingLib.tables import table_from_node
from SyntheticImagingLib.task import Made, SceneTask, estimate

# Where the places are to be seen, and where they would hide what is looked at.
_OUTLINED = (Mode.DIFFERENCE, Mode.OVERLAY, Mode.SIDE_BY_SIDE)


class VisitsPart:
    """Two volumes of the same sequence, compared; the list of places that have changed.

    Attributes:
        run: the box with the button.
        kept: the comparisons that are in the scene.
        comparison: how the two visits are shown, or None.
        table: the places.
        before_show: called before a comparison takes the views.
        on_phantom: called when the phantom's second visit was made.
    """

    def __init__(self, ui: Any, scene: Any, host: ViewHost, tool: Tool) -> None:
        self._ui, self._scene, self._host, self._tool = ui, scene, host, tool
        self._parameters: Any = None
        self.kept = KeptRuns(scene, [tool.id])
        self.comparison: Comparison | None = None
        self.before_show: Callable[[], None] = lambda: None
        self.on_phantom: Callable[[Made], None] = lambda made: None
        self._entered = False
        self.form = ToolForm(tool)
        self.form.seed_row.label.visible = self.form.seed_row.widget.visible = False  # nothing is drawn by lot
        self.form.on_change = self.refresh
        ui.visitsFormFrame.layout().addWidget(self.form.widget)
        self.run = RunBox(_("Compare"), tell_notes=False)
        self.run.offer(self.make_task)
        self.run.on_done = self._done
        self.run.on_ended = self._ended
        ui.visitsRunFrame.layout().addWidget(self.run.widget)
        self._build_result(ui.visitsResultFrame.layout())
        ui.secondPhantomButton.connect("clicked(bool)", self.make_second_visit)
        ui.visitsButton.connect("contentsCollapsed(bool)", self._unfolded)
        self._shortcuts = Shortcuts(ui.visitsButton, {
            "X": lambda: self._try(lambda c: c.flicker()), "D": self._toggle_change,
        })

    @property
    def nodes(self) -> dict[str, Any]:
        """The two visits, by the names of the tool's inputs."""
        p = self._parameters
        return {"before": p.firstVisit if p is not None else None, "after": p.secondVisit if p is not None else None}

    def make_task(self) -> SceneTask:
        """The task that the button starts.

        Raises:
            SyntheticImagingError: a sentence, if something is missing or does not fit.
        """
        trouble = self._trouble()
        if trouble:
            raise InputError(trouble)
        return SceneTask(self._scene, self._tool, self.nodes, self.form.values(), 0)

    def make_second_visit(self, *_args: Any) -> None:
        """The phantom a year later."""
        self.run.run(lambda: phantom_task(self._scene, Visit.SECOND), self._second_visit_made)

    def set_parameters(self, parameters: Any) -> None:
        """The choices of another scene."""
        self._parameters = parameters
        self.form.set_node(parameters.parameterNode if parameters is not None else None)

    def guess(self) -> None:
        """Choose two volumes of the same sequence where neither is chosen yet."""
        p, found = self._parameters, visits(self._scene)
        if p is not None and found is not None and p.firstVisit is None and p.secondVisit is None:
            p.firstVisit, p.secondVisit = found

    def refresh(self, *_args: Any) -> None:
        """Say what a run would need, or why it cannot start."""
        known = self._parameters is not None and phantom_visit(self._scene, Visit.FIRST) is not None
        self._ui.secondPhantomButton.visible = known
        self._ui.secondPhantomButton.enabled = not self.run.running
        if self.run.running or self._ui.visitsButton.collapsed:
            return
        trouble = self._trouble()
        try:
            sentence = trouble or estimate(self._tool, self.nodes, self.form.values()).sentence
        except SyntheticImagingError as error:
            trouble = sentence = str(error)
        self.run.show_estimate(sentence, not trouble)

    def add(self, made: Made) -> None:
        """Show what a run found: the change over the first visit, and the list."""
        self.kept.add(made)
        self._take(made)
        self.show(Mode.DIFFERENCE)

    def show(self, mode: Mode) -> None:
        """Show the two visits in a way."""
        def chosen(comparison: Comparison) -> None:
            comparison.mode = mode
            comparison.outlines = mode in _OUTLINED

        self._try(chosen)

    def leave_views(self) -> None:
        """Something else wants the views: the user's own come back."""
        if self.comparison is not None:
            self.comparison.restore(places=False)
            self._show_buttons()

    def enter(self) -> None:
        """The panel is in front: take up what a script made, or an earlier session; views stay as they are."""
        self._entered = True
        self.kept.look()
        if self.kept.shown is None:
            self._let_go()
            if self.kept.all:
                self._take(self.kept.all[-1])
        self._show_buttons()

    def leave(self) -> None:
        """The panel is left."""
        self._entered = False
        self._shortcuts.enable(False)

    def forget(self) -> None:
        """The scene is closed."""
        self._let_go()
        self.kept.forget()
        self._show_buttons()

    def close(self) -> None:
        """The panel is not used any more."""
        self.run.close()
        self._let_go()
        self.form.close()
        self._shortcuts.close()

    def _build_result(self, layout: Any) -> None:
        self.result: Any = qt.QWidget()
        inside = qt.QVBoxLayout(self.result)
        inside.setContentsMargins(0, 0, 0, 0)
        self.messages = MessageBar()
        self.line: Any = qt.QLabel()
        self.line.wordWrap = True
        self.buttons = ViewButtons(_ways())
        self.buttons.keys.text = _("Keys: X first / second visit, D change")
        self.buttons.on_mode = self.show
        self.buttons.on_opacity = self._opacity
        self.table = JumpTable()
        self.table.on_choose = self._jump
        self.undo_button: Any = qt.QPushButton(_("Undo"))
        self.undo_button.toolTip = _("Takes this comparison out of the scene")
        self.undo_button.connect("clicked(bool)", self.undo)
        for widget in (self.messages.widget, self.line, self.table.widget, self.buttons.widget, self.undo_button):
            inside.addWidget(widget)
        layout.addWidget(self.result)
        self.result.visible = False
        self._layout = inside

    def undo(self, *_args: Any) -> None:
        """Take this comparison out of the scene; the one before is shown."""
        if self.run.running:
            return
        self._let_go()
        self.kept.drop()
        if self.kept.all:
            self._take(self.kept.all[-1])
        self._show_buttons()

    def _trouble(self) -> str:
        nodes = self.nodes
        if nodes["before"] is None or nodes["after"] is None:
            return _("Choose the same sequence (FLAIR or DIR) of two visits.")
        if nodes["before"] is nodes["after"]:
            return _("The two visits are the same volume. Choose two.")
        return ""

    def _done(self, task: SceneTask) -> None:
        if task.made is not None:
            self.add(task.made)

    def _second_visit_made(self, task: SceneTask) -> None:
        if task.made is not None:
            self.on_phantom(task.made)

    def _ended(self, _task: Any) -> None:
        self.refresh()

    def _unfolded(self, collapsed: bool) -> None:
        if not collapsed:
            self.guess()
            self.refresh()

    def _take(self, made: Made) -> None:
        self._let_go()
        self.kept.shown = made
        self.comparison = comparison_of(self._host, made)
        places = places_of(table_from_node(made.nodes["table"]))
        self.table.set_headings(places.headings)
        self.table.show(places.rows)
        self.table.widget.visible = bool(places.rows)
        found = _("No place has changed by more than the least score.")
        if places.rows:
            found = _("{count} changed. Candidates, not findings: look at each.").format(
                count=counted("place", places.rows))
        self.line.text = "\n".join([found, *made.notes])
        self._ui.visitsButton.collapsed = False
        self._show_buttons()

    def _let_go(self) -> None:
        if self.comparison is not None:
            self.comparison.close(places=False)
            self.comparison = None

    def _try(self, change: Callable[[Comparison], Any]) -> None:
        if self.comparison is None:
            return
        self.before_show()
        self.messages.clear()
        try:
            change(self.comparison)
        except SyntheticImagingError as error:
            self.messages.error(error)
        self._show_buttons()

    def _toggle_change(self) -> None:
        if self.comparison is not None:
            self.show(Mode.BEFORE if self.comparison.mode is Mode.DIFFERENCE else Mode.DIFFERENCE)

    def _opacity(self, opacity: float) -> None:
        if self.comparison is not None:
            self.comparison.opacity = opacity

    def _jump(self, place: Place) -> None:
        if self.comparison is None or place.ras is None:
            return
        if self.comparison.mode is None:
            self.show(Mode.DIFFERENCE)
        self.comparison.jump_to(place.ras)

    def _show_buttons(self) -> None:
        comparison = self.comparison
        self.result.visible = comparison is not None
        if comparison is not None:
            self.buttons.show(comparison.mode, comparison.opacity)
        self._shortcuts.enable(self._entered and comparison is not None)


def _ways() -> Mapping[Mode, tuple[str, str]]:
    return {
        Mode.BEFORE: (_("First visit"), _("The first visit, aligned (key X)")),
        Mode.AFTER: (_("Second visit"), _("The second visit, aligned and matched in brightness (key X)")),
        Mode.DIFFERENCE: (_("Change"), _("Brighter in red and yellow, darker in blue, over the first visit (key D)")),
        Mode.SIDE_BY_SIDE: (_("Side by side"), _("Both, in views that move together")),
        Mode.OVERLAY: (_("Outlines"), _("The places that have changed, outlined on the second visit")),
    }

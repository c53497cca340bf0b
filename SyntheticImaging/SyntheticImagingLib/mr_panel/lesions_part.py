"""The box "Lesions", where a tool finds them: a form made from its declaration, and a list that jumps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from synthetic_imaging.errors import InputError, SyntheticImagingError
from synthetic_imaging.tool import Input, Kind, Tool
from SyntheticImagingLib.mr.guessing import acquired, kind_of_volume
from SyntheticImagingLib.mr.kept_runs import KeptRuns
from SyntheticImagingLib.mr.places import Place, by_region, counted, places_of
from SyntheticImagingLib.panel.field_row import LESS_WEIGHT
from SyntheticImagingLib.panel.jump_table import JumpTable
from SyntheticImagingLib.panel.run_box import RunBox
from SyntheticImagingLib.panel.tool_form import ToolForm
from SyntheticImagingLib.show.host import ViewHost
from SyntheticImagingLib.tables import table_from_node
from SyntheticImagingLib.task import Made, SceneTask, estimate

_CLASSES = {Kind.VOLUME: "vtkMRMLScalarVolumeNode", Kind.MASK: "vtkMRMLSegmentationNode"}


class LesionsPart:
    """A form for each lesion tool, and what it found.

    Attributes:
        tools: what can be chosen; the box is hidden where there is none.
        selectors: tool id -> input name -> node selector.
        run: the box with the button.
        kept: the results that are in the scene.
        table: the lesions.
        jump: called with the place (RAS mm) of a lesion that was clicked.
        result_volume: gives the computed sequence that is shown, or None: what a tool looks at first.
    """

    def __init__(self, ui: Any, scene: Any, host: ViewHost, tools: Sequence[Tool]) -> None:
        self._ui, self._scene, self._host, self.tools = ui, scene, host, tuple(tools)
        self.kept = KeptRuns(scene, [tool.id for tool in self.tools])
        self.result_volume: Callable[[], Any] = lambda: None
        self.selectors: dict[str, dict[str, Any]] = {}
        self.forms: dict[str, ToolForm] = {}
        self._pages: dict[str, Any] = {}
        self._build(ui.lesionsFrame.layout())
        ui.lesionsButton.visible = bool(self.tools)
        ui.lesionsButton.connect("contentsCollapsed(bool)", self._unfolded)
        self._choose(0)

    @property
    def tool(self) -> Tool | None:
        """The chosen tool."""
        index = self.chooser.currentIndex
        return self.tools[index] if 0 <= index < len(self.tools) else None

    @property
    def nodes(self) -> dict[str, Any]:
        """What was chosen for the tool, by input name."""
        tool = self.tool
        return {} if tool is None else {n: s.currentNode() for n, s in self.selectors[tool.id].items()}

    def make_task(self) -> SceneTask:
        """The task that the button starts.

        Raises:
            SyntheticImagingError: a sentence, if something is missing or does not fit.
        """
        tool, trouble = self.tool, self._trouble()
        if tool is None or trouble:
            raise InputError(trouble)
        form = self.forms[tool.id]
        return SceneTask(self._scene, tool, self.nodes, form.values(), form.seed)

    def set_parameters(self, parameters: Any) -> None:
        """The choices of another scene."""
        for form in self.forms.values():
            form.set_node(parameters.parameterNode if parameters is not None else None)

    def guess(self) -> None:
        """Choose by name what is not chosen yet: an image whose input is called like its sequence, else the result."""
        named = {kind_of_volume(node): node for node in reversed(list(acquired(self._scene)))}
        computed = self.result_volume()
        if computed is not None:
            named.setdefault(kind_of_volume(computed), computed)
        for tool in self.tools:
            free = [n for n in (computed, named.get("flair")) if n is not None]
            for declared in tool.inputs:
                selector = self.selectors[tool.id].get(declared.name)
                if selector is None or declared.kind is not Kind.VOLUME or selector.currentNode() is not None:
                    continue
                node = named.get(declared.name) or (free.pop(0) if free and declared.required else None)
                if node is not None:
                    selector.setCurrentNode(node)

    def refresh(self, *_args: Any) -> None:
        """Say what a run would need, or why it cannot start."""
        tool = self.tool
        if tool is None or self.run.running or self._ui.lesionsButton.collapsed:
            return
        trouble = self._trouble()
        try:
            sentence = trouble or estimate(tool, self.nodes, self.forms[tool.id].values()).sentence
        except SyntheticImagingError as error:
            trouble = sentence = str(error)
        self.run.show_estimate(sentence, not trouble)

    def add(self, made: Made) -> None:
        """Show what a run found."""
        self.kept.add(made)
        self._take(made)
        if made.lesions is not None:
            made.lesions.GetDisplayNode().SetVisibility(True)

    def undo(self, *_args: Any) -> None:
        """Take this result out of the scene; the one before is shown."""
        if not self.run.running:
            self.kept.drop()
            self._take(self.kept.all[-1] if self.kept.all else None)

    def enter(self) -> None:
        """The panel is in front: take up what a script made, or an earlier session."""
        self.kept.look()
        if self.kept.shown is None:
            self._take(self.kept.all[-1] if self.kept.all else None)

    def forget(self) -> None:
        """The scene is closed."""
        self.kept.forget()
        self._take(None)

    def close(self) -> None:
        """The panel is not used any more."""
        self.run.close()
        for form in self.forms.values():
            form.close()

    def _build(self, layout: Any) -> None:
        self.chooser: Any = qt.QComboBox()
        self.facts: Any = qt.QLabel()
        self.facts.wordWrap = True
        self.facts.styleSheet = LESS_WEIGHT
        layout.addWidget(self.chooser)
        layout.addWidget(self.facts)
        for tool in self.tools:
            self.chooser.addItem(tool.title)
            layout.addWidget(self._page(tool))
        self.chooser.visible = len(self.tools) > 1
        self.run = RunBox(_("Find lesions"), tell_notes=False)  # they stand with the result
        self.run.offer(self.make_task)
        self.run.on_done = self._done
        self.run.on_ended = self.refresh
        self.line: Any = qt.QLabel()
        self.line.wordWrap = True
        self.table = JumpTable()
        self.table.on_choose = self._jump
        self.undo_button: Any = qt.QPushButton(_("Undo"))
        self.undo_button.toolTip = _("Takes these lesions out of the scene")
        self.undo_button.connect("clicked(bool)", self.undo)
        for widget in (self.run.widget, self.line, self.table.widget, self.undo_button):
            layout.addWidget(widget)
        self.chooser.connect("currentIndexChanged(int)", self._choose)
        self._take(None)

    def _page(self, tool: Tool) -> Any:
        """Inputs and parameters of a tool."""
        page = qt.QWidget()
        layout = qt.QFormLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        self.selectors[tool.id] = {}
        for declared in tool.inputs:
            if declared.kind in _CLASSES:
                selector = self._selector(declared)
                self.selectors[tool.id][declared.name] = selector
                layout.addRow(qt.QLabel(declared.label), selector)
        form = ToolForm(tool)
        form.on_change = self.refresh
        self.forms[tool.id] = form
        layout.addRow(form.widget)
        self._pages[tool.id] = (page, layout)
        return page

    def _selector(self, declared: Input) -> Any:
        selector = slicer.qMRMLNodeComboBox()
        selector.nodeTypes = [_CLASSES[declared.kind]]
        selector.addEnabled = selector.removeEnabled = selector.renameEnabled = False
        selector.showChildNodeTypes = False
        selector.noneEnabled = True
        selector.noneDisplay = _("Choose a volume") if declared.required else _("None")
        selector.toolTip = declared.help
        selector.setMRMLScene(self._scene)
        selector.connect("currentNodeChanged(vtkMRMLNode*)", self.refresh)
        return selector

    def _choose(self, index: int) -> None:
        tool = self.tools[index] if 0 <= index < len(self.tools) else None
        for name, (page, _layout) in self._pages.items():
            page.visible = tool is not None and name == tool.id
        self.facts.text = tool.sentence if tool is not None else ""
        if tool is not None:
            self.run.offer(self.make_task, tool.title)
        self.refresh()

    def _trouble(self) -> str:
        tool = self.tool
        if tool is None:
            return _("No tool is installed that finds lesions.")
        nodes = self.nodes
        missing = [d.label for d in tool.inputs if d.required and nodes.get(d.name) is None]
        if missing:
            return _("Choose: {names}.").format(names=", ".join(missing))
        images = [d for d in tool.inputs if d.kind is Kind.VOLUME]
        if any(nodes.get(d.name) is not None for d in images):
            return ""
        return _("Choose at least one image: {names}.").format(names=", ".join(d.label for d in images))

    def _done(self, task: SceneTask) -> None:
        if task.made is not None:
            self.add(task.made)

    def _unfolded(self, collapsed: bool) -> None:
        if not collapsed:
            self.guess()
            self.refresh()

    def _take(self, made: Made | None) -> None:
        self.kept.shown = made
        nodes = made.nodes if made is not None else {}
        table = table_from_node(nodes["table"]) if "table" in nodes else None
        places = places_of(table) if table is not None else None
        if places is not None:
            self.table.set_headings(places.headings)
        self.table.show(places.rows if places is not None else ())
        self.table.widget.visible = places is not None and bool(places.rows)
        lines = []
        if table is not None and places is not None:
            regions = by_region(table_from_node(nodes["counts"]) if "counts" in nodes else table)
            lines = [counted("lesion", places.rows), *regions, *(made.notes if made is not None else ())]
        self.line.text = "\n".join(lines)
        self.line.visible = self.undo_button.visible = made is not None
        if made is not None:
            self._ui.lesionsButton.collapsed = False

    def _jump(self, place: Place) -> None:
        if place.ras is not None:
            for view in self._host.slice_views():
                view.slice_node.JumpSliceByCentering(*place.ras)
                view.render()

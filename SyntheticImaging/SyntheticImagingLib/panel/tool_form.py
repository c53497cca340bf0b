"""A tool's form inside a panel, bound both ways to a parameter node that is saved with the scene."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from synthetic_imaging.catalogue import find
from synthetic_imaging.tool import Tool
from SyntheticImagingLib.form import FormModel
from SyntheticImagingLib.panel.field_row import FieldRow
from SyntheticImagingLib.panel.seed_row import SeedRow

_LABEL_WIDTH = 130


class ToolForm:
    """Rows for all parameters of a tool; the advanced ones are folded away.

    Attributes:
        widget: to be put into a layout.
        model: the rows and their values in the node.
        rows: parameter name -> row.
        on_change: called without arguments when a value has changed, by the user or in the node.
    """

    def __init__(
        self, tool: Tool | str, *, hidden: Collection[str] = (), defaults: Mapping[str, Any] | None = None
    ) -> None:
        """Build the form; without a node it keeps its values for itself.

        Args:
            tool: the tool or its id.
            hidden: parameters that the panel offers in another way; `values` still has them.
            defaults: other defaults than the tool's own.
        """
        self.model = FormModel(find(tool) if isinstance(tool, str) else tool, hidden=hidden, defaults=defaults)
        self.on_change: Callable[[], None] | None = None
        self.rows: dict[str, FieldRow] = {}
        self.widget: Any = qt.QWidget()
        outer = qt.QVBoxLayout(self.widget)
        outer.setContentsMargins(0, 0, 0, 0)
        basic = self._grid()
        outer.addLayout(basic)
        self._fill(basic, self.model.basic)
        self.advanced: Any = ctk.ctkCollapsibleGroupBox()
        self.advanced.title = _("Advanced")
        self.advanced.objectName = f"{self.model.tool.id}.advanced"
        inner = qt.QVBoxLayout(self.advanced)
        folded = self._grid()
        inner.addLayout(folded)
        self._fill(folded, self.model.advanced)
        self.seed_row = SeedRow(self._seed_edited)
        self._add_row(folded, self.seed_row.label, self.seed_row.widget)
        self.defaults_button: Any = qt.QPushButton(_("Back to defaults"))
        self.defaults_button.connect("clicked(bool)", self._back_to_defaults)
        inner.addWidget(self.defaults_button)
        outer.addWidget(self.advanced)
        self.advanced.collapsed = True
        self._layouts = (outer, inner, basic, folded)
        self._node: Any = None
        self._tag: int | None = None
        self._known: tuple[dict[str, Any], int | None] | None = None
        self.set_node(None)

    @property
    def node(self) -> Any:
        """The parameter node that holds the values."""
        return self._node

    def set_node(self, node: Any) -> None:
        """Show and keep the values in this ``vtkMRMLScriptedModuleNode``; None for one of its own."""
        self._forget_node()
        self._node = slicer.vtkMRMLScriptedModuleNode() if node is None else node
        self._tag = self._node.AddObserver("ModifiedEvent", self._node_modified)
        self._refresh()

    def values(self) -> dict[str, Any]:
        """Plain values by name, as a task takes them; None is automatic."""
        return self.model.read(self._node)

    @property
    def seed(self) -> int | None:
        """The seed to use; None for a new one."""
        return self.model.read_seed(self._node)

    def set_value(self, name: str, value: Any) -> None:
        """Change one value.

        Raises:
            ParameterError: if it does not fit.
        """
        self.model.write(self._node, name, value)

    def note_seed(self, seed: int) -> None:
        """Say which seed the last run used, so that "keep" has something to keep."""
        self.seed_row.note(seed)

    def close(self) -> None:
        """Let go of the node; the form is not used any more."""
        self.on_change = None
        self._forget_node()

    def _forget_node(self) -> None:
        if self._node is not None and self._tag is not None:
            self._node.RemoveObserver(self._tag)
        self._node = self._tag = None

    def _node_modified(self, *_args: Any) -> None:
        self._refresh()

    def _refresh(self) -> None:
        if self._node is None:
            return
        now = (self.model.read(self._node), self.model.read_seed(self._node))
        if now == self._known:
            return
        self._known = now
        for name, row in self.rows.items():
            row.show(now[0][name])
        self.seed_row.show(now[1])
        self.defaults_button.enabled = not self.model.at_defaults(self._node) or now[1] is not None
        if self.on_change is not None:
            self.on_change()

    def _edited(self, name: str, value: Any) -> None:
        self.model.write(self._node, name, value)

    def _seed_edited(self, seed: int | None) -> None:
        self.model.write_seed(self._node, seed)

    def _back_to_defaults(self, *_args: Any) -> None:
        modifying = self._node.StartModify()
        self.model.reset(self._node)
        self._node.EndModify(modifying)

    def _grid(self) -> Any:
        grid = qt.QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnMinimumWidth(0, _LABEL_WIDTH)
        grid.setColumnStretch(1, 1)
        return grid

    def _fill(self, grid: Any, fields: tuple[Any, ...]) -> None:
        for field in fields:
            row = FieldRow(field, self._edited)
            self.rows[field.name] = row
            self._add_row(grid, row.label, row.widget)

    def _add_row(self, grid: Any, label: Any, widget: Any) -> None:
        label.maximumWidth = _LABEL_WIDTH
        position = grid.rowCount()
        grid.addWidget(label, position, 0)
        grid.addWidget(widget, position, 1)

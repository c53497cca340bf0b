"""The box "I want": how the sequence is computed, and which one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from SyntheticImagingLib.mr.methods import Method
from SyntheticImagingLib.panel.field_row import LESS_WEIGHT
from SyntheticImagingLib.panel.tool_form import ToolForm


class MethodPart:
    """The methods that are installed, with a form each.

    Attributes:
        methods: what can be chosen.
        forms: tool id -> form; only that of the chosen method is seen.
    """

    def __init__(self, ui: Any, methods: Sequence[Method], on_change: Callable[[], None]) -> None:
        self._ui, self.methods = ui, tuple(methods)
        self._parameters: Any = None
        self._on_change, self._showing = on_change, False
        self.forms = {method.tool.id: ToolForm(method.tool) for method in self.methods}
        for form in self.forms.values():
            form.on_change = on_change
            ui.formFrame.layout().addWidget(form.widget)
        for method in self.methods:
            ui.methodSelector.addItem(method.title)
        ui.methodSelector.enabled = len(self.methods) > 1
        ui.methodFactsLabel.styleSheet = LESS_WEIGHT
        ui.methodSelector.connect("currentIndexChanged(int)", self._chosen)

    @property
    def method(self) -> Method | None:
        """The chosen method; the first one where nothing or something unknown is chosen; None if there is none."""
        wanted = self._parameters.method if self._parameters is not None else ""
        first = self.methods[0] if self.methods else None
        return next((m for m in self.methods if m.tool.id == wanted), first)

    @property
    def form(self) -> ToolForm | None:
        """The form of the chosen method."""
        return self.forms[self.method.tool.id] if self.method is not None else None

    def set_parameters(self, parameters: Any) -> None:
        """The choices of another scene."""
        self._parameters = parameters
        for form in self.forms.values():
            form.set_node(parameters.parameterNode if parameters is not None else None)

    def refresh(self) -> None:
        """Show the form of the chosen method."""
        method = self.method
        self._showing = True
        try:
            if method is not None:
                self._ui.methodSelector.currentIndex = self.methods.index(method)
        finally:
            self._showing = False
        self._ui.methodFactsLabel.text = method.tool.sentence if method is not None else ""
        for name, form in self.forms.items():
            form.widget.visible = method is not None and name == method.tool.id

    def close(self) -> None:
        """The panel is not used any more."""
        for form in self.forms.values():
            form.close()

    def _chosen(self, index: int) -> None:
        if not self._showing and self._parameters is not None and 0 <= index < len(self.methods):
            self._parameters.method = self.methods[index].tool.id
            self._on_change()

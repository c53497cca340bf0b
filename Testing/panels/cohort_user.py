"""A user of the panel Cohort Synthesis: what a hand does, in steps that tests put together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COARSE_MM = 8.0  # a heart of 21 x 21 x 21 voxels is made in a moment


class CohortUser:
    """The panel in a host, with a coarse phantom chosen.

    Attributes:
        host: the program around.
        widget: the panel's Python object.
    """

    def __init__(self, host: Any) -> None:
        self.host = host
        self.widget = host.load("CohortSynthesis")
        self.panel.form.set_value("spacing_mm", COARSE_MM)
        self.host.spin(lambda: self.panel._draws.done, 20)

    @property
    def ui(self) -> Any:
        return self.widget.ui

    @property
    def panel(self) -> Any:
        return self.widget.panel

    @property
    def sheet(self) -> Any:
        return self.panel.sheet

    @property
    def parameters(self) -> Any:
        return self.widget._parameterNode

    @property
    def made(self) -> Any:
        return self.panel.case.made

    def press(self, button: Any) -> None:
        """Press a button that must be pressable."""
        assert button.enabled, f"'{button.text}' is off"
        button.click()

    def rest(self) -> None:
        """Until pictures and the chosen case are there."""
        self.host.spin(lambda: not self.sheet.busy and not self.panel.case.busy, 20)

    def run(self, box: Any) -> None:
        """Press the button of a box and wait until all is there."""
        self.press(box.button)
        assert box.running, box.messages.text
        self.host.spin(lambda: not box.running, 60)
        self.rest()

    def preview(self, count: int = 2) -> None:
        self.ui.previewCountSpinBox.value = count
        self.run(self.panel.preview)
        assert self.panel.preview.messages.text == "", self.panel.preview.messages.text

    def choose_folder(self, folder: Path, number: int = 2) -> None:
        self.ui.folderEdit.currentPath = str(folder)
        self.ui.numberSpinBox.value = number

    def count(self, class_name: str) -> int:
        """How many nodes of a class are in the scene."""
        return int(self.host.scene.GetNumberOfNodesByClass(class_name))

"""A user of the panel Lesion Synthesis: what a hand does, in steps that tests put together."""

from __future__ import annotations

from typing import Any

OUTSIDE_RAS_MM = (0.0, -112.0, 0.0)  # in the fat of the phantom's back


class LesionUser:
    """The panel in a host, with the phantom loaded or not.

    Attributes:
        host: the program around.
        widget: the panel's Python object.
        volume, organs: nodes of the phantom.
    """

    def __init__(self, host: Any, phantom: bool = True, spacing_mm: float = 4.0) -> None:
        self.host = host
        self.volume: Any = None
        self.organs: Any = None
        if phantom:
            from SyntheticImagingLib.lesion_panel.sample_scenes import load_phantom

            self.volume, self.organs = load_phantom(host.scene, spacing_mm)
        self.widget = host.load("LesionSynthesis")

    @property
    def ui(self) -> Any:
        return self.widget.ui

    @property
    def panel(self) -> Any:
        return self.widget.panel

    @property
    def run(self) -> Any:
        return self.panel.run

    @property
    def box(self) -> Any:
        return self.panel.results.box

    @property
    def made(self) -> Any:
        return self.panel.results.made

    @property
    def parameters(self) -> Any:
        return self.widget._parameterNode

    @property
    def mouse(self) -> Any:
        return self.host.scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")

    def inside(self, segment: str = "liver") -> tuple[float, float, float]:
        """A place well inside an organ of the phantom."""
        from SyntheticImagingLib.lesion_panel.segment_facts import inner_place

        place = inner_place(self.organs, segment)
        assert place is not None
        return place

    def click(self, ras_mm: tuple[float, float, float] | None = None) -> None:
        """Press Place and click there in a slice view (in the middle of the liver when None)."""
        if not self.ui.placeButton.checked:
            self.ui.placeButton.click()
        assert self.panel.place.mode.active, "the button Place did not start the mouse mode"
        selection = self.host.scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        places = self.host.scene.GetNodeByID(selection.GetActivePlaceNodeID())
        places.AddControlPoint(*(self.inside() if ras_mm is None else ras_mm))
        if not self.mouse.GetPlaceModePersistence():  # what the views do after a click
            self.mouse.SetCurrentInteractionMode(self.mouse.ViewTransform)

    def press(self, button: Any) -> None:
        """Press a button that must be pressable."""
        assert button.enabled, f"'{button.text}' is off"
        button.click()

    def wait(self, seconds: float = 60.0) -> None:
        """Until what runs has ended, and what follows it (the measurement) too."""
        self.host.spin(lambda: not self.run.running and not self.panel.results.measuring, seconds)

    def synthesise(self) -> Any:
        """Press the button, wait, and give what was made."""
        before = self.made
        self.press(self.run.button)
        assert self.run.running
        self.wait()
        assert self.run.messages.text == "", self.run.messages.text
        assert self.made is not before, "nothing was made"
        return self.made

    def count(self, class_name: str) -> int:
        """How many nodes of a class are in the scene."""
        return int(self.host.scene.GetNumberOfNodesByClass(class_name))

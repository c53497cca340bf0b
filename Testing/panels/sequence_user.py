"""A user of the panel Sequence Synthesis, with small invented sequences loaded and results as the tools give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

SHAPE = (6, 8, 10)
_WRONG = "What was given as T1w looks more like a T2w. Check it: a sequence under a wrong name makes the result wrong."
_MOVED = "T1w was moved by 1.2 mm and turned by 0.3 degrees."


def image(name: str, level: float = 500.0, seed: int = 0, **meaning: Any) -> Any:
    """A small MR volume of noise."""
    from synthetic_imaging.geometry import Geometry
    from synthetic_imaging.volume import Volume

    voxels = np.random.default_rng(seed).normal(level, 50.0, SHAPE).astype(np.float32)
    return Volume(voxels, Geometry.from_spacing(SHAPE, (3.0, 3.0, 3.0)), name=name, modality="MR", **meaning)


class SequenceUser:
    """The panel in a host; FLAIR and T1w are loaded unless told otherwise.

    Attributes:
        host: the program around.
        widget: the panel's Python object.
        flair, t1w: nodes.
    """

    def __init__(self, host: Any, load: bool = True) -> None:
        from SyntheticImagingLib.mrml import add_volume

        self.host = host
        self.flair: Any = None
        self.t1w: Any = None
        if load:
            self.flair = add_volume(host.scene, image("t2_space_dark-fluid_sag"))
            self.t1w = add_volume(host.scene, image("t1_mprage_sag", 300.0, 1))
        self.widget = host.load("SequenceSynthesis")

    @property
    def ui(self) -> Any:
        return self.widget.ui

    @property
    def panel(self) -> Any:
        return self.widget.panel

    @property
    def parameters(self) -> Any:
        return self.widget._parameterNode

    def load(self, name: str, **meaning: Any) -> Any:
        """A further volume, once the panel has looked at it."""
        from SyntheticImagingLib.mrml import add_volume

        node = add_volume(self.host.scene, image(name, seed=len(name), **meaning))
        self.host.spin(seconds=0.25)
        return node

    def result(self, notes: tuple[str, ...] = (_MOVED, _WRONG), domain: float = 0.0, tool: Any = None) -> Any:
        """What a method returns, put into the scene as a run would."""
        from synthetic_imaging.sequences.fit import fit
        from synthetic_imaging.table import Column, Table

        outputs: dict[str, Any] = {
            "volume": image("Synthetic DIR", 600.0, 2, quantity="signal", window=(450.0, 1000.0)),
            "uncertainty": image("Synthetic DIR uncertainty", 100.0, 3, quantity="uncertainty", window=(150.0, 300.0)),
        }
        if domain:
            rows: Any = (("Slice thickness", domain, 2.0, "mm", domain > 2.0),
                         ("Mean uncertainty", 8.5, None, "%", False))
            outputs["domain"] = Table((Column("quantity", "Quantity"), Column("value", "Value"),
                                       Column("limit", "Usual up to"), Column("unit", "Unit"),
                                       Column("outside", "Outside")), rows)
        else:
            outputs["knowledge"] = Table(
                (Column("quantity", "Quantity"), Column("told", "Told by the images", "%"),
                 Column("left", "Left open", "% of the mean"), Column("verdict", "Verdict")),
                (("DIR", 75.0, 11.6, "known in part"), ("T2", 20.0, 40.0, "hardly known: do not rely on it"),
                 ("Voxels that fit no known tissue", None, 2.1, "-"),
                 ("Timing of FLAIR", None, None, "usual values assumed")))
        return self._made(tool or fit, outputs, {"flair": self.flair, "t1w": self.t1w}, notes)

    def visits(self, places: int = 2) -> Any:
        """What comparing two visits returns."""
        from synthetic_imaging.sequences.compare import compare
        from synthetic_imaging.table import Column, Table

        first, second = image("First visit, aligned", 800.0, 4), image("Second visit, aligned", 800.0, 5)
        rows: Any = tuple((n, "new or grown", 9.0 - n, 0.1, 30.0, 3.0 * n, -3.0, 6.0) for n in range(1, places + 1))
        outputs: dict[str, Any] = {
            "difference": image("Change", 0.0, 6, window=(0.0, 800.0)), "first": first, "second": second,
            "table": Table((Column("number", "Place"), Column("kind", "Change"), Column("score", "Score"),
                            Column("volume_ml", "Volume", "ml"), Column("contrast", "Brightness", "%"),
                            Column("right_mm", "R", "mm"), Column("anterior_mm", "A", "mm"),
                            Column("superior_mm", "S", "mm")), rows)}
        return self._made(compare, outputs, {"before": self.flair, "after": self.t1w}, ("The head had moved.",))

    def lesions(self, tool: Any) -> Any:
        """What a tool that finds lesions returns."""
        from synthetic_imaging.mask import Mask, Segment
        from synthetic_imaging.table import Column, Table

        flair = image("x")
        inside = np.zeros(SHAPE, bool)
        inside[2:4, 2:4, 2:4] = True
        rows: Any = ((1, "periventricular", 0.2, 3.0, 6.0, 9.0), (2, "juxtacortical", 0.1, -3.0, 0.0, 3.0),
                     (3, "periventricular", 0.05, 0.0, 0.0, 0.0))
        outputs: dict[str, Any] = {
            "mask": Mask.single(inside, flair.geometry, Segment("MS lesions")),
            "table": Table((Column("number", "Lesion"), Column("region", "Region"), Column("volume_ml", "Volume", "ml"),
                            Column("right_mm", "R", "mm"), Column("anterior_mm", "A", "mm"),
                            Column("superior_mm", "S", "mm")), rows)}
        return self._made(tool, outputs, {"flair": self.flair}, ())

    def _made(self, tool: Any, outputs: Mapping[str, Any], nodes: Mapping[str, Any], notes: tuple[str, ...]) -> Any:
        from synthetic_imaging.running import Result
        from synthetic_imaging.tool import Outputs
        from SyntheticImagingLib.task.remembering import remember
        from SyntheticImagingLib.task.results import add_results

        made = add_results(self.host.scene, tool, Result(tool.id, Outputs(**outputs), 7, 1.0, notes), nodes)
        remember(made, {})
        return made

    def view(self, name: str) -> Any:
        """A slice view by name."""
        return {view.name: view for view in self.panel._views.slice_views()}[name]

    def shown(self, name: str) -> tuple[Any, Any]:
        """Ids of background and foreground of a slice view."""
        composite = self.view(name).composite_node
        return composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()

    @property
    def layout(self) -> int:
        return int(self.panel._views.layout())


def panel_with(user: SequenceUser, *more: Any, begin_count: Any = None) -> Any:
    """The panel as it is where the catalogue holds these tools, and those that need neither training nor a detector."""
    import slicer

    from synthetic_imaging.catalogue import find
    from SyntheticImagingLib.mr_panel.panel import SequencePanel
    from SyntheticImagingLib.show.host import SlicerViewHost

    user.widget.setParameterNode(None)
    user.panel.close()
    user.widget.panel = None
    ui_widget = slicer.util.loadUI(user.widget.resourcePath("UI/SequenceSynthesis.ui"))
    user.widget.layout.addWidget(ui_widget)
    user.widget.ui = slicer.util.childWidgetVariables(ui_widget)
    ui_widget.setMRMLScene(user.host.scene)
    usual = [find(f"sequences.{name}") for name in ("fit", "compare", "phantom")]
    known = {tool.id: tool for tool in (*usual, *more)}
    user.widget.panel = SequencePanel(user.widget.ui, user.host.scene, SlicerViewHost(), known, begin_count)
    user.widget.initializeParameterNode()
    user.widget.panel.enter()
    return user.widget.panel

"""Cohort Synthesis: many synthetic cases within chosen ranges, looked at, written. Research use, not for diagnosis."""

# Annotations are evaluated here: as texts, parameter nodes and dataclasses would look them up in sys.modules, where
# 3D Slicer may not have put this file yet while it runs it.
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin
from vtk import vtkCommand

# From a checkout, 3D Slicer knows only this file's folder: the packages lie in the folder above it.
_ABOVE = Path(__file__).resolve().parents[1]
if (_ABOVE / "synthetic_imaging").is_dir() and str(_ABOVE) not in sys.path:
    sys.path.append(str(_ABOVE))


class CohortSynthesis(ScriptedLoadableModule):
    """What the module is called, and what it rests on."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Cohort Synthesis")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Image Synthesis")]
        self.parent.dependencies = ["Segmentations", "SubjectHierarchy", "Volumes"]
        self.parent.contributors = ["SyntheticImaging contributors"]
        self.parent.helpText = _(
            "<p>Makes many synthetic cases, each an image with its structures and measurements, and writes them into a "
            "folder: for training, for testing, for teaching.</p>"
            "<p>Choose a model, set ranges such as a left ventricle from 90 to 140 ml, press <i>Preview</i>, keep or "
            "reject what you see, and press <i>Make the cohort</i>. It can be stopped at any time and goes on later; "
            "the same seed makes the same cases.</p>"
            "<p>Keys: N and P next case and the one before, K keep, R reject.</p>"
            "<p><b>Research use, not for diagnosis.</b></p>"
        )
        self.parent.acknowledgementText = _(
            "<p>Sizes of the phantom hearts: Petersen et al. 2017 (UK Biobank), Lang et al. 2015 (ASE/EACVI) and "
            "others; see the documentation.</p>"
            "<p>Data set layouts: nnU-Net, Isensee et al., Nature Methods 2021; MONAI, Cardoso et al. 2022.</p>"
        )


@parameterNodeWrapper
class CohortSynthesisParameterNode:
    """What is chosen in the panel; saved with the scene. The models' settings lie beside it, by model and name.

    model - id of the model.
    seed - of the cohort.
    ranges - such as "lv_volume_ml=90..140".
    previewCount - how many cases are looked at beforehand.
    number, folder, layout, processes - the cohort on the disk.
    """

    model: str = "hearts.phantom-ct"
    seed: Annotated[int, WithinRange(0, 999999)] = 1
    ranges: str = ""
    previewCount: Annotated[int, WithinRange(1, 24)] = 6
    number: Annotated[int, WithinRange(1, 100000)] = 40
    folder: str = ""
    layout: str = "nrrd"
    processes: Annotated[int, WithinRange(0, 64)] = 0


class CohortSynthesisWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel's life: made, entered, left, taken down; the scene closed and opened meanwhile."""

    def __init__(self, parent: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        self.logic: CohortSynthesisLogic | None = None
        self.panel: Any = None
        self._parameterNode: Any = None
        self._parameterNodeGuiTag: Any = None
        ScriptedLoadableModuleWidget.__init__(self, parent)  # last: without a parent it calls setup()

    def setup(self) -> None:
        """Build the panel; called once, before it is shown for the first time."""
        from SyntheticImagingLib.cohort_panel.panel import CohortPanel
        from SyntheticImagingLib.show.host import SlicerViewHost

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/CohortSynthesis.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = CohortSynthesisLogic()
        self.panel = CohortPanel(self.ui, slicer.mrmlScene, SlicerViewHost())
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        if getattr(self.parent, "isEntered", False):  # reloaded while it is open: nobody calls enter()
            self.enter()
        else:
            self.initializeParameterNode()

    def cleanup(self) -> None:
        """The module is unloaded: let go of everything."""
        self.setParameterNode(None)
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()
            self.panel = None

    def enter(self) -> None:
        """The user opens the module."""
        self.initializeParameterNode()
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        """The user goes to another module; a cohort goes on being made."""
        if self.panel is not None:
            self.panel.leave()

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        """Let go of the nodes before they are gone."""
        self.setParameterNode(None)
        if self.panel is not None:
            self.panel.forget_scene()

    def onSceneEndClose(self, caller: Any, event: Any) -> None:
        """An empty scene: begin again, if the panel is open."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller: Any, event: Any) -> None:
        """A scene was opened: show what it says."""
        if self.parent.isEntered and self.panel is not None:
            self.initializeParameterNode()
            self.panel.enter()

    def initializeParameterNode(self) -> None:
        """Take up the parameter node of the scene, new or read from a file."""
        if self.logic is not None:
            self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, inputParameterNode: CohortSynthesisParameterNode | None) -> None:
        """Connect the widgets with a parameter node; None disconnects them.

        The connection stays while another module is open: each `connectParametersToGui` leaves an observer behind that
        nothing takes away, so that it is done once a node, and not at each `enter`.
        """
        known, new = self._parameterNode, inputParameterNode
        if known is not None and new is not None and known.parameterNode is new.parameterNode:
            return
        if known is not None:
            known.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(known.parameterNode, vtkCommand.ModifiedEvent, self.onParametersModified)
        self._parameterNode = new
        if new is not None:
            # Not connectGui: it returns no tag, and so cannot be undone.
            named = {widget.property("SlicerParameterName"): widget for widget in vars(self.ui).values()}
            self._parameterNodeGuiTag = new.connectParametersToGui({n: w for n, w in named.items() if n})
            self.addObserver(new.parameterNode, vtkCommand.ModifiedEvent, self.onParametersModified)
        if self.panel is not None:
            self.panel.set_parameters(inputParameterNode)

    def onParametersModified(self, caller: Any = None, event: Any = None) -> None:
        """Something was chosen, in the panel or by a script."""
        if self.panel is not None:
            self.panel.refresh()

    def onReload(self) -> None:
        """Take up changed source files, the library's too (developer mode)."""
        from SyntheticImagingLib.lesion_panel.reloading import reload_library

        reload_library()  # first: a mistake in a file leaves the old panel as it is
        ScriptedLoadableModuleWidget.onReload(self)


class CohortSynthesisLogic(ScriptedLoadableModuleLogic):
    """Cohorts from a script."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self) -> CohortSynthesisParameterNode:
        """The module's parameter node in this scene."""
        return CohortSynthesisParameterNode(super().getParameterNode())

    def process(
        self, folder: str | Path, model: str = "hearts.phantom-ct", number: int = 40, seed: int = 1,
        ranges: Mapping[str, tuple[float, float]] | None = None, settings: Mapping[str, Any] | None = None,
        layout: str = "nrrd", onProgress: Callable[[Any], None] | None = None,
    ) -> Any:
        """Make a cohort in a folder, or go on with one; stays until it is done.

            made = logic.process("/data/hearts", number=100, seed=7, ranges={"lv_volume_ml": (90, 140)})
            [record.measurements["lv_volume_ml"] for record in made.kept]

        Args:
            folder: new, empty, or with the same cohort begun in it; with its full path.
            model: id of a model.
            number: of cases.
            seed: the same seed makes the same cases.
            ranges: measurement -> (from, to).
            settings: of the model, by name; the others keep their defaults.
            layout: "nrrd", "nifti", "dicom", "nnunet" or "monai".
            onProgress: called with each progress (fraction, step, seconds_left) while waiting.

        Returns:
            The folder (``synthetic_imaging.cohorts.folder.CohortFolder``) with plan and records.

        Raises:
            SyntheticImagingError: a sentence that says what is wrong and what to do.
        """
        from synthetic_imaging.cohorts.plan import CohortPlan
        from SyntheticImagingLib.cohort.waiting import make_and_wait

        plan = CohortPlan(model, number, seed, dict(ranges or {}), dict(settings or {}), layout)
        return make_and_wait(plan, Path(folder), onProgress)

    def showCase(self, folder: str | Path, number: int = 1) -> Any:
        """Put a case of a folder into the scene; returns what was made (volume, lesions: its segments, nodes, folder).

        Raises:
            SyntheticImagingError: if there is no such case.
        """
        from SyntheticImagingLib.cohort.waiting import show_now

        return show_now(slicer.mrmlScene, Path(folder), number)


class CohortSynthesisTest(ScriptedLoadableModuleTest):
    """The module's self-test: a few phantom hearts, made, gone on with, shown."""

    def setUp(self) -> None:
        """An empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """All checks, one after the other."""
        from synthetic_imaging.setup import packages

        wanting = ", ".join(requirement.name for requirement in packages.group("core").wanting)
        if wanting:  # a freshly built 3D Slicer; nothing is installed without asking
            self.skipTest(_("Not installed yet: {names}. Press Set up.").format(names=wanting))
        self.setUp()
        self.test_aCohortIsMadeAndGoneOnWith()

    def test_aCohortIsMadeAndGoneOnWith(self) -> None:
        """Two hearts, then a third: the first two stay as they are; one of them in the scene."""
        import tempfile

        self.delayDisplay(_("Making two hearts"))
        logic, limits = CohortSynthesisLogic(), (60.0, 180.0)
        with tempfile.TemporaryDirectory() as folder:
            choice: dict[str, Any] = {
                "seed": 5, "ranges": {"lv_volume_ml": limits}, "settings": {"spacing_mm": 5.0},
            }
            two = logic.process(Path(folder) / "hearts", number=2, **choice)
            three = logic.process(Path(folder) / "hearts", number=3, **choice)
            self.assertEqual(len(three.kept), 3)
            for before, after in zip(two.kept, three.kept, strict=False):
                self.assertEqual(before.image_sha256, after.image_sha256)
            for record in three.kept:
                self.assertTrue(limits[0] <= record.measurements["lv_volume_ml"] <= limits[1])
            made = logic.showCase(three.path, 3)
        self.assertTrue(made.alive(slicer.mrmlScene))
        self.assertEqual(made.volume.GetAttribute("SyntheticImaging.synthetic"), "yes")
        self.delayDisplay(_("Test passed"))

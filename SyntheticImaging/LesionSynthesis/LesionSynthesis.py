"""Lesion Synthesis: lesions and tumours in a loaded CT, where the user clicks. Research use, not for diagnosis."""

# Annotations are evaluated here: as texts, parameter nodes and dataclasses would look them up in sys.modules, where
# 3D Slicer may not have put this file yet while it runs it.
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import qt
import slicer
from slicer import (
    vtkMRMLMarkupsFiducialNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
)
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

from SyntheticImagingLib.lesion_panel.method import Method  # noqa: E402 - found only now

LOOK_MS = 100


class LesionSynthesis(ScriptedLoadableModule):
    """What the module is called, and what it rests on."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Lesion Synthesis")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Image Synthesis")]
        self.parent.dependencies = ["Segmentations", "Markups", "Sequences", "SubjectHierarchy", "Volumes"]
        self.parent.contributors = ["SyntheticImaging contributors"]
        self.parent.helpText = _(
            "<p>Puts lesions into a CT (or MR), with exact segmentations: draws one of a given size, grows a tumour "
            "around vessels and plays its growth, or copies, moves, changes and removes a lesion that is there.</p>"
            "<p>Choose the volume and the organ (a segment of any segmentation), press <i>Place</i>, click in a slice "
            "view, and press <i>Synthesise</i>. The image that was loaded is never changed: each result is a new "
            "volume with a segmentation, in a folder of its own, marked as synthetic.</p>"
            "<p>Keys after a run: X before and after, D difference, O overlay.</p>"
            "<p><b>Research use, not for diagnosis.</b></p>"
        )
        self.parent.acknowledgementText = _(
            "<p>Drawn lesions: Hu et al., Label-Free Liver Tumor Segmentation, CVPR 2023.</p>"
            "<p>Grown tumours: Lai et al., From Pixel to Cancer: Cellular Automata in Computed Tomography, "
            "MICCAI 2024.</p>"
            "<p>Both: Chen et al., Analyzing Tumors by Synthesis, Springer 2025, chapter 5.</p>"
            "<p>Edited lesions: after the idea of LesionMix, Basaran et al., MICCAI workshop DALI 2023.</p>"
            "<p>Diameters: RECIST 1.1, Eisenhauer et al., Eur J Cancer 2009.</p>"
        )
        slicer.app.connect("startupCompleted()", registerSampleData)
        slicer.app.connect("startupCompleted()", registerLayout)


def registerSampleData() -> None:
    """Offer the images to begin with in the module Sample Data; they are made or read without a network."""
    import SampleData

    from SyntheticImagingLib.lesion_panel.sample_scenes import CATEGORY, SAMPLE_SCENES, SampleScene

    def loader(sample: SampleScene) -> Callable[..., list[Any]]:
        return lambda *_source: sample.load(slicer.mrmlScene)

    for sample in SAMPLE_SCENES:
        picture = Path(__file__).parent / "Resources" / "Icons" / f"{sample.name}.png"
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            # Empty texts, not None: without an address Slicer takes the lengths of these.
            category=CATEGORY, sampleName=sample.title, uris="", fileNames="", nodeNames=sample.title,
            customDownloader=loader(sample), thumbnailFileName=str(picture),
        )


def registerLayout() -> None:
    """Make "before" and "after" side by side known: a scene that was saved so would open without any view."""
    from SyntheticImagingLib.show.host import SlicerViewHost
    from SyntheticImagingLib.show.layouts import SIDE_BY_SIDE_LAYOUT, side_by_side_xml

    SlicerViewHost().add_layout(SIDE_BY_SIDE_LAYOUT, side_by_side_xml())


@parameterNodeWrapper
class LesionSynthesisParameterNode:
    """What is chosen in the panel; saved with the scene. The tools' own parameters lie beside it, by tool and name.

    inputVolume - the patient's image.
    organSegmentation, organSegmentId - the segment that lesions grow in.
    vesselSegmentation, vesselSegmentId - vessels to stay off; optional.
    lesionSegmentation, lesionSegmentId - the lesion to edit.
    method - how a lesion is made.
    anywhere - whether the tool chooses the places.
    places - clicked places.
    batchCount, batchFolder, batchDicom - many at once.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    organSegmentation: vtkMRMLSegmentationNode
    organSegmentId: str
    vesselSegmentation: vtkMRMLSegmentationNode
    vesselSegmentId: str
    lesionSegmentation: vtkMRMLSegmentationNode
    lesionSegmentId: str
    method: Method = Method.DRAW
    anywhere: bool = False
    places: vtkMRMLMarkupsFiducialNode
    batchCount: Annotated[int, WithinRange(1, 10000)] = 10
    batchFolder: str = ""
    batchDicom: bool = False


class LesionSynthesisWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel's life: made, entered, left, taken down; the scene closed, opened and saved meanwhile."""

    def __init__(self, parent: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        self.logic: LesionSynthesisLogic | None = None
        self.panel: Any = None
        self._parameterNode: Any = None
        self._parameterNodeGuiTag: Any = None
        ScriptedLoadableModuleWidget.__init__(self, parent)  # last: without a parent it calls setup()

    def setup(self) -> None:
        """Build the panel; called once, before it is shown for the first time."""
        from SyntheticImagingLib.lesion_panel.panel import LesionPanel
        from SyntheticImagingLib.show.host import SlicerViewHost

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LesionSynthesis.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = LesionSynthesisLogic()
        self._lookTimer = qt.QTimer()
        self._lookTimer.setSingleShot(True)
        self._lookTimer.interval = LOOK_MS
        self._lookTimer.connect("timeout()", self.onLook)
        self.panel = LesionPanel(self.ui, slicer.mrmlScene, SlicerViewHost())
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.addObserver(scene, scene.NodeAddedEvent, self.onNodeAdded)
        if getattr(self.parent, "isEntered", False):  # reloaded while it is open: nobody calls enter()
            self.enter()
        else:
            self.initializeParameterNode()

    def cleanup(self) -> None:
        """The module is unloaded: let go of everything."""
        self.setParameterNode(None)
        self.removeObservers()
        if self.panel is not None:
            self._lookTimer.stop()
            self.panel.close()
            self.panel = None

    def enter(self) -> None:
        """The user opens the module."""
        self.initializeParameterNode()
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        """The user goes to another module; a running computation goes on."""
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
        """A scene was opened or data came in: show what it says, choose what is open."""
        if self.parent.isEntered and self.panel is not None:
            self.initializeParameterNode()
            self.panel.enter()
            # The selectors fill themselves at the same event, maybe after us.
            qt.QTimer.singleShot(0, self.onImported)

    def onImported(self) -> None:
        """The selectors hold the nodes of the opened scene by now: choose what the scene says."""
        p = self._parameterNode
        if p is not None and self.panel is not None:
            if p.inputVolume is not None and self.ui.volumeSelector.currentNode() is not p.inputVolume:
                self.ui.volumeSelector.setCurrentNode(p.inputVolume)
            self.onParametersModified()

    def onNodeAdded(self, caller: Any, event: Any) -> None:
        """Something was loaded while the panel is open and has nothing to work on yet: look once it is complete."""
        p = self._parameterNode
        if p is not None and (p.inputVolume is None or p.organSegmentation is None):
            self._lookTimer.start()

    def onLook(self) -> None:
        """Choose what is open where nothing is chosen yet."""
        if self.panel is not None and getattr(self.parent, "isEntered", False):
            self.panel.choose_what_is_open()

    def initializeParameterNode(self) -> None:
        """Take up the parameter node of the scene, new or read from a file."""
        if self.logic is not None:
            self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, inputParameterNode: LesionSynthesisParameterNode | None) -> None:
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


class LesionSynthesisLogic(ScriptedLoadableModuleLogic):
    """Lesions from a script: nodes in, new nodes out."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self) -> LesionSynthesisParameterNode:
        """The module's parameter node in this scene."""
        return LesionSynthesisParameterNode(super().getParameterNode())

    def process(
        self,
        inputVolume: vtkMRMLScalarVolumeNode,
        organSegmentation: vtkMRMLSegmentationNode | None = None,
        organSegmentId: str = "",
        method: Method | str = "lesions.handcrafted",
        points: Any = None,
        vessels: vtkMRMLSegmentationNode | None = None,
        parameters: Mapping[str, Any] | None = None,
        seed: int | None = None,
        wait: bool = True,
        *,
        vesselId: str = "",
        lesion: vtkMRMLSegmentationNode | None = None,
        lesionId: str = "",
        measure: bool = False,
        onProgress: Callable[[Any], None] | None = None,
    ) -> Any:
        """Make lesions; the input is not changed, the results are new nodes in a folder of their own.

            made = logic.process(volumeNode, segmentationNode, "liver", points=[(70, -5, 20)],
                                 parameters={"diameter_mm": 15}, seed=7)
            made.volume, made.lesions

        Args:
            inputVolume: the patient's image.
            organSegmentation: segmentation with the organ; not needed to edit a lesion.
            organSegmentId: id or name of its segment; all segments when empty.
            method: "lesions.handcrafted", "lesions.automaton" or "lesions.edit".
            points: a markups point list, or RAS millimetres (N x 3), one place a lesion; None: anywhere in the organ.
            vessels: segmentation of vessels that drawn lesions stay off; ``vesselId`` for one segment of it.
            parameters: of the tool, by name; see its page in the documentation. The others keep their defaults.
            seed: the same seed, nodes and parameters give the same result; drawn when None.
            wait: whether to stay until it is done. If not, the caller calls ``poll()`` of what is returned from a
                timer until it is ``finished``.
            lesion: segmentation with the lesion to edit; ``lesionId`` names its segment.
            measure: whether to add a table of measurements (only with ``wait``).
            onProgress: called with each progress (fraction, step, seconds_left) while waiting.

        Returns:
            With ``wait``: what was made (volume, lesions, nodes, browser, folder, seed, notes); without: the started
            task.

        Raises:
            SyntheticImagingError: a sentence that says what is wrong and what to do.
        """
        from SyntheticImagingLib.lesion_panel.methods import Request
        from SyntheticImagingLib.lesion_panel.processing import (
            as_choice,
            as_places,
            lesion_task,
            measure_now,
            wait_for,
        )

        scene = slicer.mrmlScene
        staying_off = as_choice(vessels, vesselId)
        request = Request(
            Method.of(method), inputVolume, as_choice(organSegmentation, organSegmentId), as_places(points),
            staying_off, as_choice(lesion, lesionId),
        )
        task = lesion_task(scene, request, parameters, seed)
        if not wait:
            task.start()
            return task
        made = wait_for(task, onProgress)
        if measure:
            measure_now(scene, made, staying_off)
        return made


class LesionSynthesisTest(ScriptedLoadableModuleTest):
    """The module's self-test: a phantom, every method on it."""

    def setUp(self) -> None:
        """An empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """All checks, one after the other."""
        from synthetic_imaging.setup import packages
        from SyntheticImagingLib.lesion_panel.self_test import SelfTest

        wanting = ", ".join(requirement.name for requirement in packages.group("core").wanting)
        if wanting:  # a freshly built 3D Slicer; nothing is installed without asking
            self.skipTest(_("Not installed yet: {names}. Press Set up.").format(names=wanting))
        self.setUp()
        checks = SelfTest(slicer.mrmlScene, LesionSynthesisLogic().process)
        self.delayDisplay(_("Phantom loaded"))
        checks.check_drawing_and_growing()
        self.delayDisplay(_("A lesion drawn, a tumour grown"))
        checks.check_editing()
        self.delayDisplay(_("A lesion copied"))
        checks.check_same_seed()
        checks.check_undo()
        checks.check_refusals()
        self.delayDisplay(_("Test passed"))

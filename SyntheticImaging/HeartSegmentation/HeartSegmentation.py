"""Heart Segmentation: the structures of a loaded image, drawn by a network. Research use, not for diagnosis."""

# Annotations are evaluated here: as texts, parameter nodes and dataclasses would look them up in sys.modules, where
# 3D Slicer may not have put this file yet while it runs it.
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
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

LOOK_MS = 100


class HeartSegmentation(ScriptedLoadableModule):
    """What the module is called, and what it rests on."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Heart Segmentation")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Image Synthesis")]
        self.parent.dependencies = ["Segmentations", "SubjectHierarchy", "Volumes"]
        self.parent.contributors = ["SyntheticImaging contributors"]
        self.parent.helpText = _(
            "<p>Draws the structures of a loaded image with a trained network, measures their volumes, and says how "
            "sure it is and whether the image is like those that the network has seen.</p>"
            "<p>The image is never changed: structures, tables and the map of uncertainty are new, in a folder of "
            "their own. Key: U uncertainty over the image.</p>"
            "<p>The shipped model has learned from simulated hearts only; it was never tested on patients.</p>"
            "<p><b>Research use, not for diagnosis.</b></p>"
        )
        self.parent.acknowledgementText = _(
            "<p>Network: Ronneberger et al. 2015. Training on synthetic hearts: Ikuta et al., NeurIPS 2024. "
            "Uncertainty: Wang et al., Neurocomputing 2019. Built with MONAI.</p>"
        )


@parameterNodeWrapper
class HeartSegmentationParameterNode:
    """What is chosen in the panel; saved with the scene. The tool's own parameters lie beside it.

    inputVolume - the image.
    model - name or file of the model; the first one there is when empty.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    model: str = ""


class HeartSegmentationWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel's life: made, entered, left, taken down; the scene closed and opened meanwhile."""

    def __init__(self, parent: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        self.logic: HeartSegmentationLogic | None = None
        self.panel: Any = None
        self._parameterNode: Any = None
        self._parameterNodeGuiTag: Any = None
        ScriptedLoadableModuleWidget.__init__(self, parent)  # last: without a parent it calls setup()

    def setup(self) -> None:
        """Build the panel; called once, before it is shown for the first time."""
        from SyntheticImagingLib.heart_panel.panel import HeartPanel
        from SyntheticImagingLib.show.host import SlicerViewHost

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/HeartSegmentation.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = HeartSegmentationLogic()
        self._lookTimer = qt.QTimer()
        self._lookTimer.setSingleShot(True)
        self._lookTimer.interval = LOOK_MS
        self._lookTimer.connect("timeout()", self.onLook)
        self.panel = HeartPanel(self.ui, slicer.mrmlScene, SlicerViewHost())
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAddedEvent, self.onNodeAdded)
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
        """A scene was opened: show what it says."""
        if self.parent.isEntered and self.panel is not None:
            self.initializeParameterNode()
            self.panel.enter()

    def onNodeAdded(self, caller: Any, event: Any) -> None:
        """Something was loaded while the panel is open and has nothing to work on yet: look once it is complete."""
        if self._parameterNode is not None and self._parameterNode.inputVolume is None:
            self._lookTimer.start()

    def onLook(self) -> None:
        """Choose what is open where nothing is chosen yet."""
        if self.panel is not None and getattr(self.parent, "isEntered", False):
            self.panel.choose_what_is_open()

    def initializeParameterNode(self) -> None:
        """Take up the parameter node of the scene, new or read from a file."""
        if self.logic is not None:
            self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, inputParameterNode: HeartSegmentationParameterNode | None) -> None:
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


class HeartSegmentationLogic(ScriptedLoadableModuleLogic):
    """Structures from a script: a volume node in, new nodes out."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self) -> HeartSegmentationParameterNode:
        """The module's parameter node in this scene."""
        return HeartSegmentationParameterNode(super().getParameterNode())

    def process(
        self, inputVolume: vtkMRMLScalarVolumeNode, model: str = "segmentation.hearts-ct", uncertainty: bool = False,
        onProgress: Callable[[Any], None] | None = None,
    ) -> Any:
        """Draw the structures of a volume; stays until it is done. The volume is not changed.

            made = logic.process(volumeNode)
            made.lesions, made.nodes["volumes"]     # segmentation and table

        Args:
            inputVolume: the image.
            model: a shipped or stored model by name, or the path of its file.
            uncertainty: whether to make a map of it.
            onProgress: called with each progress (fraction, step, seconds_left) while waiting.

        Raises:
            SyntheticImagingError: a sentence that says what is wrong and what to do.
        """
        from SyntheticImagingLib.heart.segmenters import TOOL
        from SyntheticImagingLib.task import SceneTask
        from SyntheticImagingLib.task.waiting import wait_for

        task = SceneTask(
            slicer.mrmlScene, TOOL, {"volume": inputVolume}, {"model": model, "uncertainty": uncertainty}, 0
        )
        return wait_for(task, onProgress)


class HeartSegmentationTest(ScriptedLoadableModuleTest):
    """The module's self-test: a phantom heart, with the shipped model."""

    def setUp(self) -> None:
        """An empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """All checks, one after the other."""
        from synthetic_imaging.setup import packages
        from SyntheticImagingLib.heart.segmenters import segmenters

        wanting = [*packages.group("core").wanting, *packages.group("learn").wanting]
        if wanting or not segmenters():  # nothing is installed without asking
            self.skipTest(_("Not installed yet: {names}. Press Set up.").format(
                names=", ".join(r.name for r in wanting) or _("a model")))
        self.setUp()
        self.test_thePhantomsChambersAreFound()

    def test_thePhantomsChambersAreFound(self) -> None:
        """The left ventricle of a phantom, about as large as it is."""
        import numpy as np

        from synthetic_imaging.phantoms.heart.ct import ct_case
        from SyntheticImagingLib.mrml import add_volume
        from SyntheticImagingLib.tables import table_from_node

        self.delayDisplay(_("Drawing a phantom heart"))
        volume, _structures, measured = ct_case(np.random.default_rng(4), shape_kji=(56, 56, 56), spacing_mm=3.0)
        node = add_volume(slicer.mrmlScene, volume)
        made = HeartSegmentationLogic().process(node)
        table = table_from_node(made.nodes["volumes"])
        found = dict(zip(table.column("structure"), table.column("volume_ml"), strict=True))
        self.assertLess(abs(found["LV"] - measured["lv_volume_ml"]), 0.5 * measured["lv_volume_ml"])
        self.delayDisplay(_("Test passed"))

"""Sequence Synthesis: MR sequences that were not acquired, visits compared. Research use, not for diagnosis."""

# Annotations are evaluated here: as texts, parameter nodes and dataclasses would look them up in sys.modules, where
# 3D Slicer may not have put this file yet while it runs it.
import sys
from collections.abc import Callable, Mapping
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


class SequenceSynthesis(ScriptedLoadableModule):
    """What the module is called, and what it rests on."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Sequence Synthesis")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Image Synthesis")]
        self.parent.dependencies = ["Segmentations", "SubjectHierarchy", "Volumes"]
        self.parent.contributors = ["SyntheticImaging contributors"]
        self.parent.helpText = _(
            "<p>Computes an MR sequence of the brain that was not acquired, such as DIR, from those that were (FLAIR, "
            "T1w, T2w, PD), and says how far the images leave it open. Compares the same sequence of two visits and "
            "lists what has changed.</p>"
            "<p>Choose what you have and what you want, and press <i>Synthesise</i>: inputs, result and uncertainty "
            "stand beside each other in views that move together. The volumes that were loaded are never changed: "
            "results are new, in a folder of their own, marked as synthetic.</p>"
            "<p>Keys: U uncertainty over the result, S beside its inputs; X first and second visit, D change.</p>"
            "<p>For brains without contrast agent. No sequence can show what the given ones do not hold.</p>"
            "<p><b>Research use, not for diagnosis.</b></p>"
        )
        self.parent.acknowledgementText = _(
            "<p>Signal equations: Bernstein, King and Zhou, Handbook of MRI Pulse Sequences, 2004. Shading: Tustison "
            "et al., IEEE Trans Med Imaging 2010. Registration: Mattes et al., IEEE Trans Med Imaging 2003; between "
            "visits halfway, Smith et al., NeuroImage 2002.</p>"
            "<p>Phantom: ICBM 152 average brain, Fonov et al., NeuroImage 2009.</p>"
        )


@parameterNodeWrapper
class SequenceSynthesisParameterNode:
    """What is chosen in the panel; saved with the scene. The tools' own parameters lie beside it.

    flair, t1w, t2w, pd - what was acquired.
    method - id of the tool that computes; the first one there is when empty.
    firstVisit, secondVisit - the same sequence twice.
    """

    flair: vtkMRMLScalarVolumeNode
    t1w: vtkMRMLScalarVolumeNode
    t2w: vtkMRMLScalarVolumeNode
    pd: vtkMRMLScalarVolumeNode
    method: str = ""
    firstVisit: vtkMRMLScalarVolumeNode
    secondVisit: vtkMRMLScalarVolumeNode


class SequenceSynthesisWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel's life: made, entered, left, taken down; the scene closed and opened meanwhile."""

    def __init__(self, parent: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        self.logic: SequenceSynthesisLogic | None = None
        self.panel: Any = None
        self._parameterNode: Any = None
        self._parameterNodeGuiTag: Any = None
        ScriptedLoadableModuleWidget.__init__(self, parent)  # last: without a parent it calls setup()

    def setup(self) -> None:
        """Build the panel; called once, before it is shown for the first time."""
        from SyntheticImagingLib.mr_panel.panel import SequencePanel
        from SyntheticImagingLib.show.host import SlicerViewHost

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SequenceSynthesis.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = SequenceSynthesisLogic()
        self._lookTimer = qt.QTimer()
        self._lookTimer.setSingleShot(True)
        self._lookTimer.interval = LOOK_MS
        self._lookTimer.connect("timeout()", self.onLook)
        self.panel = SequencePanel(self.ui, slicer.mrmlScene, SlicerViewHost())
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
        """Something was loaded while a sequence is still to be chosen: look at its name once it is complete."""
        if self.panel is not None and self.panel.inputs.missing:
            self._lookTimer.start()

    def onLook(self) -> None:
        """Choose what is open where nothing is chosen yet."""
        if self.panel is not None and getattr(self.parent, "isEntered", False):
            self.panel.choose_what_is_open()

    def initializeParameterNode(self) -> None:
        """Take up the parameter node of the scene, new or read from a file."""
        if self.logic is not None:
            self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, inputParameterNode: SequenceSynthesisParameterNode | None) -> None:
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


class SequenceSynthesisLogic(ScriptedLoadableModuleLogic):
    """Sequences from a script: volume nodes in, new nodes out."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)

    def getParameterNode(self) -> SequenceSynthesisParameterNode:
        """The module's parameter node in this scene."""
        return SequenceSynthesisParameterNode(super().getParameterNode())

    def process(
        self, inputs: Mapping[str, Any], contrast: str = "DIR", method: str = "sequences.fit",
        parameters: Mapping[str, Any] | None = None, seed: int | None = None,
        onProgress: Callable[[Any], None] | None = None,
    ) -> Any:
        """Compute a sequence; stays until it is done. The volumes are not changed.

            made = logic.process({"flair": flairNode, "t1w": t1wNode}, "DIR")
            made.volume, made.nodes["uncertainty"], made.nodes["knowledge"]

        Args:
            inputs: "flair", "t1w", "t2w", "pd" -> volume node, as many as there are.
            contrast: the wanted sequence, as the form names it.
            method: id of the tool that computes it.
            parameters: further ones of the tool, by name.
            seed: None for a new one.
            onProgress: called with each progress (fraction, step, seconds_left) while waiting.

        Raises:
            SyntheticImagingError: a sentence that says what is wrong and what to do.
        """
        from SyntheticImagingLib.task import SceneTask
        from SyntheticImagingLib.task.waiting import wait_for

        task = SceneTask(slicer.mrmlScene, method, inputs, {**(parameters or {}), "contrast": contrast}, seed)
        return wait_for(task, onProgress)

    def compare(
        self, firstVisit: vtkMRMLScalarVolumeNode, secondVisit: vtkMRMLScalarVolumeNode,
        parameters: Mapping[str, Any] | None = None, onProgress: Callable[[Any], None] | None = None,
    ) -> Any:
        """What has changed between two visits; stays until it is done. The volumes are not changed.

            made = logic.compare(firstFlairNode, secondFlairNode)
            made.nodes["difference"], made.nodes["table"]

        Args:
            firstVisit, secondVisit: the same sequence of one patient.
            parameters: of the tool, by name.
            onProgress: called with each progress (fraction, step, seconds_left) while waiting.

        Raises:
            SyntheticImagingError: a sentence that says what is wrong and what to do.
        """
        from SyntheticImagingLib.mr.methods import COMPARE
        from SyntheticImagingLib.task import SceneTask
        from SyntheticImagingLib.task.waiting import wait_for

        task = SceneTask(slicer.mrmlScene, COMPARE, {"before": firstVisit, "after": secondVisit}, parameters, 0)
        return wait_for(task, onProgress)


class SequenceSynthesisTest(ScriptedLoadableModuleTest):
    """The module's self-test: the DIR of a coarse phantom head."""

    def setUp(self) -> None:
        """An empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """All checks, one after the other."""
        from synthetic_imaging import samples
        from synthetic_imaging.setup import packages

        wanting = packages.group("core").wanting
        if wanting or not samples.SAMPLES["brain-t1"].present:  # nothing is installed without asking
            self.skipTest(_("Not installed yet: {names}. Press Set up.").format(
                names=", ".join(r.name for r in wanting) or "nilearn"))
        self.setUp()
        self.test_theDirOfAPhantomIsNearItsOwn()

    def test_theDirOfAPhantomIsNearItsOwn(self) -> None:
        """Computed from FLAIR and T1w, it is bright where the phantom's own DIR is."""
        import numpy as np

        from SyntheticImagingLib.mr.methods import PHANTOM
        from SyntheticImagingLib.mrml import volume_from_node
        from SyntheticImagingLib.task import SceneTask
        from SyntheticImagingLib.task.waiting import wait_for

        self.delayDisplay(_("Making a phantom head"))
        head = wait_for(SceneTask(slicer.mrmlScene, PHANTOM, {}, {"spacing_mm": 4.0, "lesions": 8}, 7))
        self.delayDisplay(_("Computing its DIR"))
        made = SequenceSynthesisLogic().process(
            {name: head.nodes[name] for name in ("flair", "t1w")},
            parameters={"align": False, "even_brightness": False}, seed=7,
        )
        own, computed = volume_from_node(head.nodes["dir"]).voxels, volume_from_node(made.volume).voxels
        self.assertEqual(own.shape, computed.shape)
        inside = own > 0.2 * own.max()
        self.assertGreater(float(np.corrcoef(own[inside], computed[inside])[0, 1]), 0.6)
        self.delayDisplay(_("Test passed"))

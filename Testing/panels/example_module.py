"""A small scripted module, written to a folder and loaded by the tests of the host itself."""

from __future__ import annotations

from pathlib import Path

SOURCE = '''
import enum
import pathlib
from typing import Annotated, Optional

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper, parameterPack
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin


class Way(enum.Enum):
    DRAW = 1
    GROW = 2


@parameterPack
class Place:
    x: float
    name: Annotated[str, Default("here")]


@parameterNodeWrapper
class ExampleParameterNode:
    volume: vtkMRMLScalarVolumeNode
    size: Annotated[float, WithinRange(1, 60)] = 15.0
    count: Annotated[int, WithinRange(1, 9)] = 3
    note: str = "quiet"
    keep: bool = True
    way: Way = Way.GROW
    side: Annotated[str, Choice(["left", "right"])] = "left"
    folder: pathlib.Path
    seed: Optional[int]
    places: list[float]
    spot: Place


class Example(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Example")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Image Synthesis")]
        slicer.app.connect("startupCompleted()", offer)


def offer():
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(category="Example", sampleName="one")


class ExampleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    calls = []

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.node = None
        self.tag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/Example.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = ScriptedLoadableModuleLogic()
        self.logic.moduleName = "Example"
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onStart)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onEnd)
        self.follow()

    def follow(self):
        self.node = ExampleParameterNode(self.logic.getParameterNode())
        named = {w.property("SlicerParameterName"): w for w in vars(self.ui).values()}
        self.tag = self.node.connectParametersToGui({n: w for n, w in named.items() if n})

    def release(self):
        if self.node is not None:
            self.node.disconnectGui(self.tag)
            self.node = None

    def enter(self):
        self.calls.append("enter")

    def exit(self):
        self.calls.append("exit")

    def onStart(self, caller, event):
        self.calls.append("start")
        self.release()

    def onEnd(self, caller, event):
        self.calls.append("end")
        if self.parent.isEntered:
            self.follow()

    def cleanup(self):
        self.calls.append("cleanup")
        self.release()
        self.removeObservers()


class ExampleTest(ScriptedLoadableModuleTest):
    def runTest(self):
        self.delayDisplay("done")
        ExampleWidget.calls.append("tested")
'''


def _widget(kind: str, name: str, *properties: str, bound: str = "") -> str:
    binding = f'<property name="SlicerParameterName" stdset="0"><string>{bound}</string></property>' if bound else ""
    return f'<item><widget class="{kind}" name="{name}">{"".join(properties)}{binding}</widget></item>'


def text(name: str, value: str) -> str:
    return f'<property name="{name}"><string>{value}</string></property>'


def ui_file(*items: str, connections: str = "") -> str:
    """A .ui file with these items in a column."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ui version="4.0"><class>Example</class>'
        '<widget class="qMRMLWidget" name="Example"><layout class="QVBoxLayout" name="column">'
        + "".join(items)
        + f"</layout></widget><connections>{connections}</connections></ui>"
    )


SCENE_TO_SELECTOR = (
    "<connection><sender>Example</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>"
    "<receiver>volumeSelector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>"
)
NODE_TYPES = (
    '<property name="nodeTypes"><stringlist notr="true"><string>vtkMRMLScalarVolumeNode</string></stringlist>'
    "</property>"
)
ITEMS = (
    _widget("qMRMLNodeComboBox", "volumeSelector", NODE_TYPES, bound="volume"),
    _widget("ctkSliderWidget", "sizeSlider", bound="size"),
    _widget("QSpinBox", "countSpinBox", bound="count"),
    _widget("QLineEdit", "noteEdit", bound="note"),
    _widget("QCheckBox", "keepBox", text("text", "Keep"), bound="keep"),
    _widget("QComboBox", "wayBox", bound="way"),
    _widget("QComboBox", "sideBox", bound="side"),
    _widget("ctkPathLineEdit", "folderEdit", bound="folder"),
    _widget("QPushButton", "applyButton", text("text", "Apply")),
)


def write_example(folder: Path, ui: str | None = None) -> Path:
    """The module's files in ``folder``; gives the path of ``Example.py``."""
    (folder / "Resources" / "UI").mkdir(parents=True, exist_ok=True)
    (folder / "Resources" / "UI" / "Example.ui").write_text(
        ui or ui_file(*ITEMS, connections=SCENE_TO_SELECTOR), encoding="utf-8"
    )
    file = folder / "Example.py"
    file.write_text(SOURCE, encoding="utf-8")
    return file


item = _widget

"""Parameter nodes in the host: stored by type, bound to widgets both ways, saved with the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from Testing.panels import example_module as example


@pytest.fixture
def panel(host: Any, tmp_path: Path) -> Any:
    return host.load("Example", file=example.write_example(tmp_path))


@pytest.fixture
def volume(host: Any) -> Any:
    import slicer

    return slicer.util.addVolumeFromArray(np.zeros((4, 5, 6), np.int16), name="CT")


def test_values_have_their_types_and_defaults(panel: Any) -> None:
    node = panel.node
    assert (node.size, node.count, node.note, node.keep, node.way.name, node.side) == (
        15.0, 3, "quiet", True, "GROW", "left",
    )  # fmt: skip
    assert node.volume is None and node.seed is None
    assert list(node.places) == []
    assert (node.spot.x, node.spot.name) == (0, "here")
    assert node.parameterNode.GetParameter("way") == "GROW", "enums are stored by name"


def test_widgets_show_what_the_node_says(panel: Any, volume: Any) -> None:
    node, ui = panel.node, panel.ui
    way = type(node.way)
    node.volume, node.size, node.count, node.note, node.keep, node.way, node.side, node.folder = (
        volume, 22.5, 5, "loud", False, way.DRAW, "right", Path("/data"),
    )  # fmt: skip
    assert ui.volumeSelector.currentNode() is volume
    assert (ui.sizeSlider.value, ui.countSpinBox.value) == (22.5, 5)
    assert (ui.noteEdit.text, ui.keepBox.checked) == ("loud", False)
    assert (ui.wayBox.currentText, ui.sideBox.currentText, ui.folderEdit.currentPath) == ("DRAW", "right", "/data")


def test_the_node_takes_what_the_user_sets(panel: Any, volume: Any) -> None:
    node, ui = panel.node, panel.ui
    ui.volumeSelector.setCurrentNode(volume)
    ui.sizeSlider.value = 30.0
    ui.countSpinBox.value = 7
    ui.noteEdit.text = "typed"
    ui.keepBox.checked = False
    ui.wayBox.currentIndex = 0
    ui.sideBox.currentIndex = 1
    ui.folderEdit.currentPath = "/elsewhere"
    assert node.volume is volume
    assert (node.size, node.count, node.note, node.keep, node.way.name, node.side, str(node.folder)) == (
        30.0, 7, "typed", False, "DRAW", "right", "/elsewhere",
    )  # fmt: skip


def test_ranges_bound_the_widgets_and_refuse_scripts(panel: Any) -> None:
    node, ui = panel.node, panel.ui
    assert (ui.sizeSlider.minimum, ui.sizeSlider.maximum) == (1, 60)
    ui.sizeSlider.value = 500
    assert node.size == 60
    out_of_range = (("size", 61.0), ("count", 0), ("side", "up"), ("note", None))
    of_another_type = (("count", 2.5), ("keep", "yes"))
    refusals = [(*r, ValueError) for r in out_of_range] + [(*r, TypeError) for r in of_another_type]
    for name, value, error in refusals:
        with pytest.raises(error):
            setattr(node, name, value)
    assert node.count == 3


def test_a_disconnected_panel_and_its_node_go_their_own_ways(panel: Any) -> None:
    node = panel.node
    node.disconnectGui(panel.tag)
    panel.ui.countSpinBox.value = 9
    node.note = "alone"
    assert node.count == 3
    assert panel.ui.noteEdit.text == "quiet"


def test_connect_gui_gives_no_tag_as_in_slicer(panel: Any) -> None:
    assert panel.node.connectGui(panel.ui) is None
    panel.node.disconnectGui(None)


def test_each_change_is_one_event_and_packs_and_lists_write_themselves(panel: Any) -> None:
    node = panel.node
    seen: list[str] = []
    node.AddObserver("ModifiedEvent", lambda caller, event: seen.append(event))
    node.size = 17.0
    assert len(seen) == 1
    node.size = 17.0
    assert len(seen) == 1, "nothing changed"
    node.spot.x = 4.5
    node.setValue("spot.name", "there")
    node.places.append(1.5)
    node.seed = 7
    again = type(node)(node.parameterNode)
    assert (again.spot.x, again.spot.name, list(again.places), again.seed) == (4.5, "there", [1.5], 7)


def test_a_saved_scene_brings_the_panel_back(host: Any, panel: Any, volume: Any, tmp_path: Path) -> None:
    node = panel.node
    node.volume, node.size, node.way = volume, 41.5, type(node.way).DRAW
    assert host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    assert panel.node.size == 15.0
    assert panel.ui.volumeSelector.currentNode() is None
    assert host.open_scene(tmp_path / "scene.mrb")
    host.spin(seconds=0.02)
    node = type(panel.node)(panel.logic.getParameterNode())
    assert (node.size, node.way.name, node.volume.GetName()) == (41.5, "DRAW", "CT")
    assert panel.ui.sizeSlider.value == 41.5


def test_a_widget_of_another_class_is_no_home_for_the_type(host: Any, panel: Any) -> None:
    import ctk
    import qt
    from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

    class Special(qt.QCheckBox):
        pass

    class Loose:
        pass

    Loose.__annotations__ = {"free": float, "bounded": Annotated[float, WithinRange(0, 1)], "on": bool}
    loose = parameterNodeWrapper(Loose)(host.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))
    with pytest.raises(RuntimeError, match="unbounded"):
        loose.connectParametersToGui({"free": ctk.ctkSliderWidget()})
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        loose.connectParametersToGui({"on": Special()})
    with pytest.raises(RuntimeError, match="Unable to create GUI connector"):
        loose.connectParametersToGui({"bounded": qt.QSlider()})
    with pytest.raises(ValueError, match="Cannot find a param"):
        loose.connectParametersToGui({"nothing": qt.QCheckBox()})


def test_types_slicer_cannot_store_are_refused(host: Any) -> None:
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    with pytest.raises(TypeError, match="Unable to create serializer"):

        @parameterNodeWrapper
        class Wrong:
            array: np.ndarray

    with pytest.raises(ValueError, match="reserved name"):

        @parameterNodeWrapper
        class Reserved:
            getValue: int  # noqa: N815


def test_the_node_selector_follows_the_scene(host: Any, panel: Any, volume: Any) -> None:
    import slicer

    selector = panel.ui.volumeSelector
    assert selector.currentNode() is volume, "without None the first node is taken"
    hidden = slicer.util.addVolumeFromArray(np.zeros((2, 2, 2), np.int16), name="hidden")
    hidden.SetHideFromEditors(True)
    host.scene.AddNewNodeByClass("vtkMRMLModelNode")
    assert selector.nodeCount() == 1
    selector.noneEnabled = True
    assert selector.currentNode() is volume
    told: list[Any] = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", told.append)
    host.scene.RemoveNode(volume)
    assert told == [None]
    assert selector.currentNodeID == ""


def test_the_segment_selector_follows_the_segmentation(host: Any) -> None:
    import slicer

    selector = slicer.qMRMLSegmentSelectorWidget()
    selector.setMRMLScene(host.scene)
    node = host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")
    told: list[str] = []
    selector.connect("currentSegmentChanged(QString)", told.append)
    liver = node.GetSegmentation().AddEmptySegment("", "liver")
    spleen = node.GetSegmentation().AddEmptySegment("", "spleen")
    selector.setCurrentNode(node)
    assert selector.currentSegmentID() == liver
    selector.setCurrentSegmentID(spleen)
    assert told[-1] == spleen
    told.clear()
    node.GetSegmentation().GetSegment(liver).SetColor(1.0, 0.0, 0.0)
    assert told == ["", liver], "any change of any segment fills the list anew, and the first one is chosen"
    node.GetSegmentation().RemoveSegment(spleen)
    assert selector.currentSegmentID() == liver
    host.scene.RemoveNode(node)
    assert selector.currentNode() is None
    assert selector.currentSegmentID() == liver, "without a node it keeps what it said last"


def test_packages_are_asked_for_and_never_installed(imitation: Any) -> None:
    import slicer

    slicer.packaging.pip_ensure("numpy", requester="Example")
    assert imitation.answers.asked == [] and imitation.installed == []
    imitation.missing_packages.add("torch")
    imitation.answers.add("install", True, False)
    slicer.packaging.pip_ensure(["torch>=2.4", "numpy"], requester="Example")
    assert imitation.installed[0][0] == ("torch>=2.4",)
    with pytest.raises(RuntimeError):
        slicer.packaging.pip_ensure("torch", requester="Example")
    slicer.util.pip_install("psutil")
    assert imitation.installed[-1][0] == ("psutil",)

"""The host itself: what it lets panels do, and what it refuses because 3D Slicer would."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

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


# --- Qt in the manner of PythonQt ---


def test_properties_are_attributes_to_read_and_to_write(host: Any) -> None:
    import qt

    button = qt.QPushButton("Go")
    assert button.text == "Go"
    button.enabled, button.toolTip, button.checkable, button.checked = False, "tip", True, True
    assert (button.enabled, button.isEnabled(), button.toolTip, button.checked) == (False, False, "tip", True)
    box = qt.QComboBox()
    box.addItems(["a", "b"])
    box.currentIndex = 1
    assert (box.currentText, box.count) == ("b", 2)
    timer = qt.QTimer()
    timer.interval, timer.singleShot = 5, True
    assert (timer.interval, timer.singleShot, timer.active) == (5, True, False)
    button.name = "goButton"
    assert button.objectName == "goButton"


def test_widgets_that_qt_makes_itself_behave_alike(host: Any) -> None:
    import qt

    table = qt.QTableWidget(2, 2)
    header = table.horizontalHeader()
    header.stretchLastSection = True
    assert header.stretchLastSection is True
    with pytest.raises(AttributeError, match="not allowed"):
        header.colour = 1


@pytest.mark.parametrize(("name", "why"), [("colour", "not allowed"), ("width", "not writable"), ("click", "overwrit")])
def test_attributes_that_pythonqt_refuses_are_refused(host: Any, name: str, why: str) -> None:
    import ctk
    import qt

    for widget in (qt.QPushButton(), ctk.ctkCollapsibleButton()):
        with pytest.raises(AttributeError, match=why):
            setattr(widget, name, 3)


def test_setters_that_are_no_slots_in_slicer_are_not_there(host: Any) -> None:
    import ctk
    import slicer

    for widget, name in (
        (ctk.ctkCollapsibleButton(), "setCollapsed"),
        (ctk.ctkSliderWidget(), "setMinimum"),
        (slicer.qMRMLNodeComboBox(), "setNodeTypes"),
        (slicer.qMRMLNodeComboBox(), "setNoneEnabled"),
    ):
        with pytest.raises(AttributeError):
            getattr(widget, name)
    slider = ctk.ctkSliderWidget()
    slider.minimum, slider.maximum, slider.value = 5, 10, 20
    assert slider.value == 10


def test_a_click_in_place_mode_places_a_point(host: Any) -> None:
    interaction = host.scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    selection = host.scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    points = host.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    with pytest.raises(AssertionError, match="not in place mode"):
        host.place((1, 2, 3))
    selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsFiducialNode")
    selection.SetActivePlaceNodeID(points.GetID())
    interaction.SetPlaceModePersistence(0)
    interaction.SetCurrentInteractionMode(interaction.Place)
    host.place((1, 2, 3))
    assert tuple(points.GetNthControlPointPosition(0)) == (1.0, 2.0, 3.0)
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform


def test_a_python_subclass_may_have_attributes_of_its_own(host: Any) -> None:
    import qt

    class Watcher(qt.QObject):
        def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802  (Qt's name)
            self.seen = event.type()
            return False

    watcher, widget = Watcher(), qt.QWidget()
    widget.installEventFilter(watcher)
    qt.QApplication.sendEvent(widget, qt.QEvent(qt.QEvent.FocusIn))
    assert watcher.seen == qt.QEvent.FocusIn


def test_what_only_pyside_has_is_refused(imitation: Any) -> None:
    import ctk
    import qt

    for name in ("Signal", "Slot", "Property", "QtCore"):
        with pytest.raises(AttributeError, match="PythonQt has not"):
            getattr(qt, name)
    with pytest.raises(AttributeError, match="does not imitate"):
        _ = ctk.ctkDICOMBrowser


def test_slots_get_as_many_arguments_as_they_take(host: Any) -> None:
    import qt

    got: list[Any] = []
    button = qt.QPushButton()
    button.checkable = True
    button.connect("clicked(bool)", lambda: got.append("none"))
    button.connect("clicked(bool)", lambda checked: got.append(checked))
    button.connect("clicked()", lambda *all_: got.append(all_))
    button.clicked.connect(lambda: got.append("plain"))
    button.click()
    assert got == ["none", True, (), "plain"]


def test_connections_end_where_they_are_cut(host: Any) -> None:
    import qt

    got: list[str] = []

    class Panel:
        def changed(self) -> None:
            got.append("method")

    panel, box = Panel(), qt.QCheckBox()
    box.connect("toggled(bool)", panel.changed)
    box.toggled.connect(panel.changed)
    box.checked = True
    assert len(got) == 2
    assert box.disconnect("toggled(bool)", panel.changed) is True
    box.toggled.disconnect(panel.changed)
    box.checked = False
    assert len(got) == 2
    assert box.disconnect("toggled(bool)", panel.changed) is False


def test_a_signal_that_is_not_there_is_an_error(imitation: Any) -> None:
    import qt
    import slicer

    with pytest.raises(RuntimeError, match=r"'pressedTwice\(\)' does not exist on QPushButton"):
        qt.QPushButton().connect("pressedTwice()", print)
    with pytest.raises(RuntimeError, match="does not exist"):
        slicer.qMRMLNodeComboBox().connect("valueChanged(double)", print)
    with pytest.raises(TypeError, match="not callable"):
        qt.QPushButton().connect("clicked()", None)


def test_an_exception_in_a_slot_is_kept_and_does_not_stop_the_program(host: Any) -> None:
    import qt

    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.click()
    assert len(host.errors) == 1
    assert "ZeroDivisionError" in host.errors[0]
    host.errors.clear()  # or the fixture would fail this test


def test_dialogs_are_answered_and_recorded(imitation: Any) -> None:
    import qt
    import slicer

    imitation.answers.add("message", "Yes", "No")
    imitation.answers.add("folder", "/data/out")
    imitation.answers.add("save", "")
    assert slicer.util.confirmYesNoDisplay("Install torch?") is True
    assert slicer.util.confirmYesNoDisplay("Really?") is False
    assert qt.QFileDialog.getExistingDirectory(None, "Export to") == "/data/out"
    assert qt.QFileDialog.getSaveFileName(None, "Save", "", "*.nrrd") == ""
    assert imitation.answers.texts() == ["Install torch?", "Really?"]
    assert [a.kind for a in imitation.answers.asked] == ["message", "message", "folder", "save"]


def test_a_dialog_nobody_answers_is_an_error(imitation: Any) -> None:
    import slicer
    from Testing.host import UnexpectedDialog

    with pytest.raises(UnexpectedDialog, match="went wrong"):
        slicer.util.errorDisplay("It went wrong")


# --- .ui files ---


def load_ui(tmp_path: Path, *items: str) -> Any:
    import slicer

    file = tmp_path / "some.ui"
    file.write_text(example.ui_file(*items), encoding="utf-8")
    return slicer.util.loadUI(str(file))


def test_a_ui_file_makes_the_hosts_widgets(host: Any, tmp_path: Path) -> None:
    import ctk
    import slicer

    flags = '<property name="filters"><set>ctkPathLineEdit::Dirs|ctkPathLineEdit::Writable</set></property>'
    widget = load_ui(tmp_path, example.item("ctkPathLineEdit", "folder", flags), example.item("QLabel", "label"))
    ui = slicer.util.childWidgetVariables(widget)
    assert type(widget) is slicer.qMRMLWidget
    assert type(ui.folder) is ctk.ctkPathLineEdit
    assert ui.folder.filters == ctk.ctkPathLineEdit.Dirs | ctk.ctkPathLineEdit.Writable
    assert ui.label.text == ""


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (example.item("qMRMLNoSuchWidget", "x"), "qMRMLNoSuchWidget"),
        (example.item("ctkSliderWidget", "x", example.text("unit", "mm")), "no property 'unit'"),
        (example.item("QLabel", "x", example.text("title", "t")), "no property 'title'"),
        (example.item("QLabel", "x") + example.item("QLabel", "x"), "two widgets are named 'x'"),
    ],
)
def test_a_ui_file_with_what_nobody_knows_is_refused(imitation: Any, tmp_path: Path, item: str, said: str) -> None:
    with pytest.raises(RuntimeError, match=said):
        load_ui(tmp_path, item)


def test_what_is_folded_is_hidden_and_what_the_panel_hid_stays_hidden(host: Any) -> None:
    import ctk
    import qt

    for kind in (ctk.ctkCollapsibleButton, ctk.ctkCollapsibleGroupBox):
        box = kind("Advanced")
        column = qt.QVBoxLayout(box)
        shown, hidden = qt.QLabel("a"), qt.QLabel("b")
        box.collapsed = True
        column.addWidget(shown)
        column.addWidget(hidden)
        hidden.visible = False
        box.show()
        host.spin(seconds=0.02)
        assert not shown.visible
        box.collapsed = False
        host.spin(seconds=0.02)
        assert (shown.visible, hidden.visible) == (True, False)


# --- modules ---


def test_a_module_is_loaded_and_shown(host: Any, panel: Any) -> None:
    import slicer

    assert slicer.modules.example.title == "Example"
    assert slicer.modules.ExampleWidget is panel
    assert panel.parent.isEntered and panel.calls == ["enter"]
    assert ("Example", "Example") in host.translated
    assert [s["sampleName"] for s in host.sample_sources] == ["one"]
    assert slicer.util.selectedModule() == "Example"
    assert slicer.util.getModuleWidget("Example") is panel
    assert slicer.util.mainWindow() is host.window
    with pytest.raises(AttributeError):
        slicer.modules.example.colour = 3
    with pytest.raises(AttributeError, match="nosuchmodule"):
        _ = slicer.modules.nosuchmodule


def test_another_module_is_chosen_and_the_panel_is_left(host: Any, panel: Any) -> None:
    host.select("Volumes")
    assert panel.calls == ["enter", "exit"]
    assert not panel.parent.isEntered
    host.select("Example")
    assert panel.calls == ["enter", "exit", "enter"]


def test_reload_makes_a_new_panel_and_takes_the_old_one_down(host: Any, panel: Any) -> None:
    again = host.reload(panel)
    assert again is not panel
    assert panel.calls == ["enter", "cleanup"]
    assert again.calls == [], "Slicer does not call enter after a reload"
    assert len(again.Observations) == 2


def test_the_scene_is_closed_as_slicer_closes_it(host: Any, panel: Any) -> None:
    before = panel.node.parameterNode
    host.close_scene()
    assert panel.calls == ["enter", "start", "end"]
    assert panel.node is not None and panel.node.parameterNode.GetID()
    assert panel.node.size == 15.0
    del before


def test_unloading_ends_all_observers(host: Any, panel: Any) -> None:
    node = panel.node.parameterNode
    assert node.HasObserver("ModifiedEvent")
    host.unload("Example")
    assert panel.calls == ["enter", "cleanup"]
    assert panel.Observations == []
    assert not node.HasObserver("ModifiedEvent")
    host.close_scene()
    assert panel.calls == ["enter", "cleanup"]


def test_the_self_test_of_a_module_runs(host: Any, panel: Any) -> None:
    import slicer

    slicer.selfTests["Example"]()
    assert panel.calls[-1] == "tested"


def test_closing_the_host_leaves_nothing_behind(imitation: Any, tmp_path: Path) -> None:
    import slicer

    imitation.load("Example", file=example.write_example(tmp_path))
    imitation.close()
    assert not {"qt", "ctk", "Example", "slicer.i18n"} & set(sys.modules)
    assert not hasattr(slicer, "app")
    assert not hasattr(slicer, "qMRMLWidget")
    with pytest.raises(ModuleNotFoundError):
        import qt  # noqa: F401


# --- views and files ---


def test_layouts_have_slice_views_with_slicers_own_logic(host: Any, volume: Any) -> None:
    import slicer

    manager = slicer.app.layoutManager()
    assert set(manager.sliceViewNames()) >= {"Red", "Green", "Yellow"}
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    composite = manager.sliceWidget("Red").sliceLogic().GetSliceCompositeNode()
    assert composite.GetBackgroundVolumeID() == volume.GetID()
    assert manager.threeDViewCount == 1
    node = manager.layoutLogic().GetLayoutNode()
    told: list[int] = []
    manager.connect("layoutChanged(int)", told.append)
    xml = '<layout type="horizontal"><item><view class="vtkMRMLSliceNode" singletontag="before"/></item></layout>'
    node.AddLayoutDescription(640, xml)
    node.SetViewArrangement(640)
    assert "before" in manager.sliceViewNames()
    assert told == [640]
    assert manager.sliceWidget("before").sliceView().renderWindow().GetRenderers().GetFirstRenderer() is not None


def test_volumes_are_saved_and_loaded(host: Any, volume: Any, tmp_path: Path) -> None:
    import slicer

    file = tmp_path / "ct.nrrd"
    assert slicer.util.saveNode(volume, str(file))
    again = slicer.util.loadVolume(str(file))
    assert slicer.util.arrayFromVolume(again).shape == (4, 5, 6)
    assert Path(slicer.util.tempDirectory()).is_dir()
    with pytest.raises(RuntimeError):
        slicer.util.loadVolume(str(tmp_path / "missing.nrrd"))


def test_a_panel_is_pictured_with_letters(host: Any, panel: Any, tmp_path: Path) -> None:
    import qt

    image = qt.QImage(str(host.picture(panel, tmp_path / "panel.png", (400, 0))))
    assert image.width() == 400
    assert image.height() > 200
    button = panel.ui.applyButton
    dark = [0, 0]
    for index, words in enumerate(("Apply", "")):
        button.text = words
        picture = qt.QImage(str(host.picture(button, tmp_path / "button.png", (120, 30))))
        points = [(x, y) for x in range(30, 90) for y in range(5, 25)]
        dark[index] = sum(qt.QColor(picture.pixel(x, y)).lightness() < 100 for x, y in points)
    assert dark[0] > 30 > dark[1], "no letters are drawn: a font is missing"

"""Slicer's widgets that choose MRML nodes."""

# ruff: noqa: N801  (the names of what is imitated)
from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget
from Testing.host.pythonqt import make_pythonqt, seal, signal_names
from Testing.host.watching import Watch

make_pythonqt()


@signal_names(mrmlSceneChanged="vtkMRMLScene*")
class SceneWidget(QWidget):
    """What widgets of Slicer with a scene have in common."""

    mrmlSceneChanged = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self._scene:
            self._scene = scene
            self._scene_set()
            self.mrmlSceneChanged.emit(scene)

    def _scene_set(self) -> None:
        """For subclasses."""


@seal
class qMRMLWidget(SceneWidget):
    """A widget with a scene: the root of most .ui files."""


@seal
class qSlicerWidget(SceneWidget):
    """The same under its other name."""


@seal
@signal_names(
    {
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "_valid_changed",
        "nodeAdded(vtkMRMLNode*)": "nodeAdded",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser",
        "nodeActivated(vtkMRMLNode*)": "nodeActivated",
    }
)
class qMRMLNodeComboBox(SceneWidget):
    """The nodes of some classes in the scene, one of them current."""

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeActivated = Signal(object)
    _valid_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._combo = QComboBox()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._combo)
        self.setSizePolicy(QSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed))
        self._types: list[str] = []
        self._hidden_types: list[str] = []
        self._flags = {"none": False, "add": True, "remove": True, "edit": False, "rename": False}
        self._show_hidden, self._show_children, self._select_new = False, True, True
        self._attributes: list[tuple[str, str, str | None]] = []
        self._none_text, self._base_name = "None", ""
        self._rows: list[Any] = []  # nodes, in the order of the rows behind "None"
        self._current: Any = None
        self._watch = Watch(self)
        self._node_watch = Watch(self)
        self._combo.currentIndexChanged.connect(self._row_chosen)
        self._combo.activated.connect(lambda _row: self.nodeActivated.emit(self._current))
        self.setEnabled(False)

    # --- the list ---

    def _scene_set(self) -> None:
        self._watch.clear()
        scene = self._scene
        if scene is not None:
            events = (
                scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent, scene.EndCloseEvent,
                scene.EndImportEvent, scene.EndRestoreEvent,
            )  # fmt: skip
            self._watch.add(scene, events, qMRMLNodeComboBox._refresh)
        self.setEnabled(scene is not None)
        self._refresh()

    def _wanted(self, node: Any) -> bool:
        if node.GetHideFromEditors() and not self._show_hidden:
            return False
        for kind in self._types:
            if node.GetClassName() == kind or (
                self._show_children and node.IsA(kind) and not any(node.IsA(h) for h in self._hidden_types)
            ):
                return all(
                    not node.IsA(of) or node.GetAttribute(name) == value or (value is None and node.GetAttribute(name))
                    for of, name, value in self._attributes
                )
        return False

    def _refresh(self) -> None:
        scene = self._scene
        if scene is not None and scene.IsBatchProcessing():
            return
        nodes = [] if scene is None else [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
        wanted = [n for n in nodes if self._wanted(n)]
        first = int(self._flags["none"])
        if self._flags["none"] != (self._combo.count > len(self._rows)):
            if self._flags["none"]:
                self._combo.insertItem(0, self._none_text)
            else:
                self._combo.removeItem(0)
        for index in reversed(range(len(self._rows))):
            if self._rows[index] not in wanted:
                del self._rows[index]
                self._combo.removeItem(first + index)
        for index, node in enumerate(wanted):
            if index >= len(self._rows) or self._rows[index] is not node:
                self._rows.insert(index, node)
                self._combo.insertItem(first + index, node.GetName() or "")
                self.nodeAdded.emit(node)
            elif self._combo.itemText(first + index) != (node.GetName() or ""):
                self._combo.setItemText(first + index, node.GetName() or "")
        self._node_watch.clear()
        for node in wanted:
            self._node_watch.add(node, ("ModifiedEvent",), qMRMLNodeComboBox._renamed)
        self._row_chosen(self._combo.currentIndex)

    def _renamed(self) -> None:
        first = int(self._flags["none"])
        if any(not self._wanted(n) for n in self._rows):
            self._refresh()
            return
        for index, node in enumerate(self._rows):
            if self._combo.itemText(first + index) != (node.GetName() or ""):
                self._combo.setItemText(first + index, node.GetName() or "")

    def _row_chosen(self, row: int) -> None:
        index = row - int(self._flags["none"])
        node = self._rows[index] if 0 <= index < len(self._rows) else None
        if node is not self._current:
            self._current = node
            self.currentNodeChanged.emit(node)
            self._valid_changed.emit(node is not None)
            self.currentNodeIDChanged.emit("" if node is None else node.GetID() or "")

    # --- what Slicer calls it ---

    def currentNode(self) -> Any:
        return self._current

    def setCurrentNode(self, node: Any) -> None:
        if isinstance(node, str):
            self.setCurrentNodeID(node)
            return
        none = 0 if self._flags["none"] else -1
        self._combo.setCurrentIndex(self._rows.index(node) + int(self._flags["none"]) if node in self._rows else none)

    def _get_id(self) -> str:
        return "" if self._current is None else str(self._current.GetID() or "")

    def setCurrentNodeID(self, node_id: str) -> None:
        self.setCurrentNode(None if self._scene is None or not node_id else self._scene.GetNodeByID(node_id))

    def setCurrentNodeIndex(self, index: int) -> None:
        self.setCurrentNode(self._rows[index] if 0 <= index < len(self._rows) else None)

    def nodeFromIndex(self, index: int) -> Any:
        return self._rows[index] if 0 <= index < len(self._rows) else None

    def nodeCount(self) -> int:
        return len(self._rows)

    def addAttribute(self, node_type: str, name: str, value: str | None = None) -> None:
        self._attributes.append((node_type, name, value))
        self._refresh()

    def removeAttribute(self, node_type: str, name: str) -> None:
        self._attributes = [a for a in self._attributes if a[:2] != (node_type, name)]
        self._refresh()

    def addNode(self, node_type: str = "") -> Any:
        kind = node_type or self._types[0]
        node = self._scene.CreateNodeByClass(kind)
        node.UnRegister(None)
        node.SetName(self._scene.GenerateUniqueName(self._base_name or node.GetNodeTagName()))
        for of, name, value in self._attributes:
            if node.IsA(of) and value is not None:
                node.SetAttribute(name, value)
        node = self._scene.AddNode(node)
        if self._select_new:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        if self._current is not None:
            self._scene.RemoveNode(self._current)

    def _get_types(self) -> list[str]:
        return list(self._types)

    def _set_node_types(self, types: Any) -> None:
        if isinstance(types, str):
            raise TypeError("nodeTypes is a list of class names")
        self._types = list(types)
        self._refresh()

    def _get_hidden_types(self) -> list[str]:
        return list(self._hidden_types)

    def _set_hide_child_node_types(self, types: Any) -> None:
        self._hidden_types = list(types)
        self._refresh()

    def _get_show_children(self) -> bool:
        return self._show_children

    def _set_show_child_node_types(self, on: bool) -> None:
        self._show_children = on
        self._refresh()

    def _get_show_hidden(self) -> bool:
        return self._show_hidden

    def _set_show_hidden(self, on: bool) -> None:
        self._show_hidden = on
        self._refresh()

    def _get_none(self) -> bool:
        return self._flags["none"]

    def _set_none_enabled(self, on: bool) -> None:
        current = self._current
        self._flags["none"] = on
        self._refresh()
        if current is not None:
            self.setCurrentNode(current)

    def _get_none_text(self) -> str:
        return self._none_text

    def _set_none_display(self, text: str) -> None:
        self._none_text = text
        if self._flags["none"] and self._combo.count:
            self._combo.setItemText(0, text)

    def _get_base(self) -> str:
        return self._base_name

    def _set_base_name(self, name: str, node_type: str = "") -> None:
        self._base_name = name

    def _get_select_new(self) -> bool:
        return self._select_new

    def _set_select_node_upon_creation(self, on: bool) -> None:
        self._select_new = on

    def _set_add_enabled(self, on: bool) -> None:
        self._flags["add"] = on

    def _set_remove_enabled(self, on: bool) -> None:
        self._flags["remove"] = on

    def _set_edit_enabled(self, on: bool) -> None:
        self._flags["edit"] = on

    def _set_rename_enabled(self, on: bool) -> None:
        self._flags["rename"] = on

    currentNodeID = Property(str, _get_id, setCurrentNodeID)
    nodeTypes = Property("QStringList", _get_types, _set_node_types)
    hideChildNodeTypes = Property("QStringList", _get_hidden_types, _set_hide_child_node_types)
    showChildNodeTypes = Property(bool, _get_show_children, _set_show_child_node_types)
    showHidden = Property(bool, _get_show_hidden, _set_show_hidden)
    noneEnabled = Property(bool, _get_none, _set_none_enabled)
    noneDisplay = Property(str, _get_none_text, _set_none_display)
    baseName = Property(str, _get_base, _set_base_name)
    selectNodeUponCreation = Property(bool, _get_select_new, _set_select_node_upon_creation)
    addEnabled = Property(bool, lambda self: self._flags["add"], _set_add_enabled)
    removeEnabled = Property(bool, lambda self: self._flags["remove"], _set_remove_enabled)
    editEnabled = Property(bool, lambda self: self._flags["edit"], _set_edit_enabled)
    renameEnabled = Property(bool, lambda self: self._flags["rename"], _set_rename_enabled)


NODE_WIDGETS: tuple[type, ...] = (qMRMLWidget, qSlicerWidget, qMRMLNodeComboBox)

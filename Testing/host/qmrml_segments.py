"""Slicer's widgets that choose and list segments."""

# ruff: noqa: N801  (the names of what is imitated)
from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QComboBox, QLabel, QSizePolicy, QVBoxLayout, QWidget
from Testing.host.pythonqt import make_pythonqt, seal, signal_names
from Testing.host.qmrml_nodes import SceneWidget, qMRMLNodeComboBox
from Testing.host.watching import Watch

make_pythonqt()


@seal
@signal_names(currentNodeChanged="vtkMRMLNode*", currentSegmentChanged="QString")
class qMRMLSegmentSelectorWidget(SceneWidget):
    """A segmentation node, and below it one of its segments."""

    currentNodeChanged = Signal(object)
    currentSegmentChanged = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._nodes = qMRMLNodeComboBox()
        self._nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._nodes.addEnabled = self._nodes.removeEnabled = False
        self._segments = QComboBox()
        self._message = QLabel()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self._nodes, self._segments, self._message):
            column.addWidget(widget)
        self.setSizePolicy(QSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed))
        self._segment_id = ""
        self._segment_watch = Watch(self)
        self._nodes.currentNodeChanged.connect(self._node_changed)
        self._segments.currentIndexChanged.connect(self._segment_changed)
        self._populate()

    def _scene_set(self) -> None:
        self._nodes.setMRMLScene(self._scene)

    def _node_changed(self, node: Any) -> None:
        import slicer

        self._segment_watch.clear()
        if node is not None:
            kind = slicer.vtkSegmentation
            events = (kind.SegmentAdded, kind.SegmentRemoved, kind.SegmentModified)
            self._segment_watch.add(node, events, qMRMLSegmentSelectorWidget._populate)
        self._populate()
        self.currentNodeChanged.emit(node)

    def _listed(self) -> list[tuple[str, str]]:
        node = self._nodes.currentNode()
        if node is None:
            return []
        segmentation = node.GetSegmentation()
        ids = [segmentation.GetNthSegmentID(i) for i in range(segmentation.GetNumberOfSegments())]
        return [(i, segmentation.GetSegment(i).GetName()) for i in ids]

    def _populate(self) -> None:
        # As there: at every change of any segment the list is emptied, which tells that none is chosen, and filled
        # anew, which chooses the first, whatever was chosen before.
        listed = self._listed()
        self._segments.clear()
        self._segments.setVisible(bool(listed))
        self._message.setText("" if listed else "No segments" if self._nodes.currentNode() else "No node is selected")
        self._message.setVisible(not listed)
        if not listed:
            return
        none = int(self._nodes.noneEnabled)
        self._segments.blockSignals(True)
        if none:
            self._segments.addItem("None", "")
        for segment_id, name in listed:
            self._segments.addItem(name, segment_id)
        self._segments.setCurrentIndex(-1)
        self._segments.blockSignals(False)
        self._segments.setCurrentIndex(none)

    def _segment_changed(self, index: int) -> None:
        if self._nodes.currentNode() is None:  # the last segment's id stays, as there
            return
        self._segment_id = self._segments.itemData(index) or ""
        self.currentSegmentChanged.emit(self._segment_id)

    def currentNode(self) -> Any:
        return self._nodes.currentNode()

    def currentNodeID(self) -> str:
        return str(self._nodes.currentNodeID)

    def setCurrentNode(self, node: Any) -> None:
        self._nodes.setCurrentNode(node)

    def setCurrentNodeID(self, node_id: str) -> None:
        self._nodes.setCurrentNodeID(node_id)

    def currentSegmentID(self) -> str:
        return self._segment_id

    def setCurrentSegmentID(self, segment_id: str) -> None:
        if not segment_id and self._nodes.noneEnabled:
            self._segments.setCurrentIndex(0)
            return
        index = self._segments.findData(segment_id)
        if index >= 0:
            self._segments.setCurrentIndex(index)

    def _get_none(self) -> bool:
        return bool(self._nodes.noneEnabled)

    def _set_none_enabled(self, on: bool) -> None:
        self._nodes.noneEnabled = on
        self._populate()

    def _get_visible(self) -> bool:
        return not self._nodes.isHidden()

    def _set_segmentation_node_selector_visible(self, on: bool) -> None:
        self._nodes.setVisible(on)

    noneEnabled = Property(bool, _get_none, _set_none_enabled)
    segmentationNodeSelectorVisible = Property(bool, _get_visible, _set_segmentation_node_selector_visible)


SEGMENT_WIDGETS: tuple[type, ...] = (qMRMLSegmentSelectorWidget,)

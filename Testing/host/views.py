"""``slicer.app.layoutManager()``: views with Slicer's own layout and slice logics; nothing is drawn unless asked.

Slice views are real as far as MRML goes (slice node, composite node, slice logic, renderer, corner annotation); no
displayable managers run, so that segmentations and markups are not drawn in them.
"""

# ruff: noqa: N801  (the names of what is imitated)
from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property, QObject, Signal
from Testing.host.pythonqt import make_pythonqt, seal
from vtkmodules.vtkRenderingCore import vtkRenderer
from vtkmodules.vtkRenderingOpenGL2 import vtkGenericOpenGLRenderWindow

make_pythonqt()
FOUR_UP = 3


class _View(QObject):
    """What slice and 3-D views share: a window with a renderer, and requests to draw."""

    def __init__(self, node: Any) -> None:
        super().__init__()
        self._node = node
        self._renderer = vtkRenderer()
        self._window = vtkGenericOpenGLRenderWindow()  # wants no display, draws nothing
        self._window.SetReadyForRendering(False)
        self._window.AddRenderer(self._renderer)
        self._asked = 0
        self._annotation: Any = None

    def renderWindow(self) -> Any:
        return self._window

    def scheduleRender(self) -> None:
        self._asked += 1

    def forceRender(self) -> None:
        self._asked += 1

    def cornerAnnotation(self) -> Any:
        if self._annotation is None:
            from vtkmodules.vtkRenderingAnnotation import vtkCornerAnnotation

            self._annotation = vtkCornerAnnotation()
            self._renderer.AddViewProp(self._annotation)
        return self._annotation


@seal
class qMRMLSliceView(_View):
    """The view inside a slice widget."""

    def mrmlSliceNode(self) -> Any:
        return self._node


@seal
class qMRMLThreeDView(_View):
    """The view inside a 3-D widget."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._focal_resets = 0

    def mrmlViewNode(self) -> Any:
        return self._node

    def renderer(self) -> Any:
        return self._renderer

    def resetFocalPoint(self) -> None:
        self._focal_resets += 1

    def resetCamera(self, *_: Any) -> None:
        self._renderer.ResetCamera()

    def rotateToViewAxis(self, axis: Any) -> None:
        """Nothing to turn."""

    def cameraNode(self) -> Any:
        return None


class _SliceController(QObject):
    def __init__(self, widget: Any) -> None:
        super().__init__()
        self._widget = widget

    def fitSliceToBackground(self) -> None:
        self._widget.sliceLogic().FitSliceToAll()

    def sliceOffsetSlider(self) -> Any:
        raise NotImplementedError("the slice controller's widgets are not imitated")


@seal
class qMRMLSliceWidget(QObject):
    """A slice view with its controller."""

    def __init__(self, node: Any, logic: Any) -> None:
        super().__init__()
        self._node, self._logic = node, logic
        self._view = qMRMLSliceView(node)
        self._controller = _SliceController(self)

    def mrmlSliceNode(self) -> Any:
        return self._node

    def sliceLogic(self) -> Any:
        return self._logic

    def sliceView(self) -> qMRMLSliceView:
        return self._view

    def sliceController(self) -> _SliceController:
        return self._controller

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToAll()


@seal
class qMRMLThreeDWidget(QObject):
    """A 3-D view with its controller."""

    def __init__(self, node: Any) -> None:
        super().__init__()
        self._node = node
        self._view = qMRMLThreeDView(node)

    def threeDView(self) -> qMRMLThreeDView:
        return self._view

    def mrmlViewNode(self) -> Any:
        return self._node


class LayoutManager(QObject):
    """``slicer.app.layoutManager()``; views come with the layouts that name them and stay, hidden, afterwards."""

    layoutChanged = Signal(int)

    def __init__(self, headless: Any) -> None:
        super().__init__()
        import slicer

        self._headless, self._scene = headless, headless.scene
        self._slices: dict[str, qMRMLSliceWidget] = {}
        self._spaces: dict[str, qMRMLThreeDWidget] = {}
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLApplicationLogic(headless.application)
        self._logic.SetMRMLScene(self._scene)
        self._shown = 0
        self._updating = False
        self._tags: list[tuple[Any, int]] = []
        self._observe(self._logic, "ModifiedEvent")
        for event in (self._scene.NodeAddedEvent, self._scene.NodeRemovedEvent, self._scene.EndCloseEvent,
                      self._scene.EndRestoreEvent, self._scene.EndImportEvent):  # fmt: skip
            self._observe(self._scene, event)
        self._observe(self._layout_node(), "ModifiedEvent")
        self.setLayout(FOUR_UP)
        self._update()

    def _observe(self, subject: Any, event: Any) -> None:
        self._tags.append((subject, subject.AddObserver(event, lambda *_: self._update())))

    def _layout_node(self) -> Any:
        return self._logic.GetLayoutNode()

    def _update(self) -> None:
        if self._updating:  # making a slice logic adds nodes
            return
        self._updating = True
        try:
            self._meet("vtkMRMLSliceNode", self._slices, self._slice_widget)
            self._meet("vtkMRMLViewNode", self._spaces, qMRMLThreeDWidget)
        finally:
            self._updating = False
        node = self._layout_node()
        shown = node.GetViewArrangement() if node is not None else 0
        if shown != self._shown and not self._scene.IsBatchProcessing():
            self._shown = shown
            self.layoutChanged.emit(shown)

    def _meet(self, kind: str, known: dict[str, Any], make: Any) -> None:
        nodes = [self._scene.GetNthNodeByClass(i, kind) for i in range(self._scene.GetNumberOfNodesByClass(kind))]
        here = {n.GetLayoutName(): n for n in nodes if n.GetLayoutName()}
        for name in [n for n, widget in known.items() if here.get(n) is not widget._node]:
            gone = known.pop(name)
            if kind == "vtkMRMLSliceNode":
                self._headless.application.GetSliceLogics().RemoveItem(gone.sliceLogic())
                gone.sliceLogic().SetMRMLScene(None)
        for name, node in here.items():
            if name not in known:
                known[name] = make(node)

    def _slice_widget(self, node: Any) -> qMRMLSliceWidget:
        import slicer

        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(self._headless.application)
        self._headless.application.GetSliceLogics().AddItem(logic)
        logic.SetMRMLScene(self._scene)
        logic.SetSliceNode(node)
        return qMRMLSliceWidget(node, logic)

    # --- what Slicer calls it ---

    def layoutLogic(self) -> Any:
        return self._logic

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._slices)

    def sliceWidget(self, name: str) -> Any:
        return self._slices.get(name)

    def threeDWidget(self, index: int) -> Any:
        spaces = list(self._spaces.values())
        return spaces[index] if 0 <= index < len(spaces) else None

    def mrmlSliceLogics(self) -> Any:
        return self._headless.application.GetSliceLogics()

    def resetSliceViews(self) -> None:
        for widget in self._slices.values():
            widget.sliceLogic().FitSliceToAll()

    def resetThreeDViews(self) -> None:
        for widget in self._spaces.values():
            widget.threeDView().resetFocalPoint()

    def _get_layout(self) -> int:
        node = self._layout_node()
        return int(node.GetViewArrangement()) if node is not None else 0

    def setLayout(self, layout: int) -> None:
        node = self._layout_node()
        if node is not None:
            node.SetViewArrangement(layout)

    layout = Property(int, _get_layout, setLayout)
    threeDViewCount = Property(int, lambda self: len(self._spaces))
    tableViewCount = Property(int, lambda self: 0)
    plotViewCount = Property(int, lambda self: 0)

    def close(self) -> None:
        """Let go of the scene."""
        for subject, tag in self._tags:
            subject.RemoveObserver(tag)
        self._tags.clear()
        for widget in self._slices.values():
            widget.sliceLogic().SetMRMLScene(None)
        self._headless.application.GetSliceLogics().RemoveAllItems()
        self._slices.clear()
        self._spaces.clear()
        self._logic.SetMRMLScene(None)
